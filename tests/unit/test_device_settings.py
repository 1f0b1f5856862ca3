# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The service that applies stored settings when a device is created: its files, its copy of the code, and what that does."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.boot_tools.device_settings import DeviceSettings
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import commands, own_code
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.device import stored
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.device import service

PART = "ethtool"
KEPT = service.stored_text({"device": "web0"}, persist=True)
NOT_KEPT = service.stored_text({"device": "web0"}, persist=False)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that were run."""
    found: list[tuple[str, ...]] = []

    def run(_doing: str, *command: str, **_options: Any) -> str:
        found.append(command)
        return ""

    monkeypatch.setattr(commands, "run", run)
    return found


def _files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_files_come_with_the_first_device_and_go_with_the_last(tmp_path: Path, said: list[tuple[str, ...]]) -> None:
    driver = DeviceSettings(str(tmp_path))
    assert driver.intact(PART) and not driver.runs()
    (tmp_path / "run/udev").mkdir(parents=True)
    (tmp_path / "run/udev/control").touch()
    driver.store(PART, "web0", NOT_KEPT)
    assert driver.intact(PART) and "etc" not in " ".join(_files(tmp_path)) and said == []
    driver.store(PART, "web0", KEPT)
    driver.store(PART, "br-lan", KEPT)
    assert driver.runs() and driver.intact(PART) and driver.devices(PART) == ("br-lan", "web0")
    assert _files(tmp_path) - {"run/udev/control"} == {
        "etc/systemd/system/virtnet-kvm-device@.service",
        "etc/udev/rules.d/80-virtnet-kvm-devices.rules",
        "var/lib/virtnet.kvm/ethtool/apply.zip",
        "var/lib/virtnet.kvm/ethtool/br-lan.json",
        "var/lib/virtnet.kvm/ethtool/web0.json",
    }
    rules = (tmp_path / "etc/udev/rules.d/80-virtnet-kvm-devices.rules").read_text()
    assert [line for line in rules.splitlines() if "WANTS" in line] == [
        f'ENV{{INTERFACE}}=="{name}", TAG+="systemd", ENV{{SYSTEMD_WANTS}}+="virtnet-kvm-device@{name}:$env{{IFINDEX}}.service"'
        for name in ("br-lan", "web0")
    ]
    assert said == [("udevadm", "control", "--reload")] * 2
    (tmp_path / service.RULE_FILE[1:]).unlink()
    assert not driver.intact(PART)
    driver.store(PART, "web0", NOT_KEPT)
    assert driver.intact(PART) and "web0" not in (tmp_path / service.RULE_FILE[1:]).read_text()
    driver.store(PART, "br-lan", None)
    assert driver.intact(PART), "what isn't persistent needs no service"
    driver.store(PART, "web0", None)
    assert _files(tmp_path) == {"run/udev/control"} and not (tmp_path / "var/lib/virtnet.kvm").exists()


def test_a_unit_of_another_version_is_replaced(tmp_path: Path, said: list[tuple[str, ...]]) -> None:
    driver = DeviceSettings(str(tmp_path))
    driver.store(PART, "web0", KEPT)
    unit = tmp_path / service.UNIT_FILE[1:]
    assert f'"{sys.executable}" %i' in unit.read_text()
    unit.write_text("[Service]")
    assert not driver.intact(PART)
    driver.store(PART, "web0", KEPT)
    assert driver.intact(PART) and said[-1] == ("systemctl", "daemon-reload")


def test_code_is_compared_where_both_have_a_file(tmp_path: Path) -> None:
    """Each module is sent with only what it needs, so the copy of one has fewer files than that of another."""
    main = service.main_of(PART, own_code.PACKAGE)
    code = tmp_path / "code.zip"
    code.write_bytes(own_code.archive(main))
    assert own_code.is_current(str(code), main) and not own_code.is_current(str(code), "another")
    with zipfile.ZipFile(code) as found:
        held = {name: found.read(name) for name in found.namelist()}
    changed = next(name for name in held if name.endswith("persist/device/service.py"))
    for files, current in (
        ({name: content for name, content in held.items() if "libvirt" not in name}, True),
        ({**held, "another.py": b""}, True),
        ({**held, changed: b""}, False),
    ):
        with zipfile.ZipFile(code, "w") as written:
            for name, content in files.items():
                written.writestr(name, content)
        assert own_code.is_current(str(code), main) == current
    code.write_bytes(b"no archive")
    assert not own_code.is_current(str(code), main)


def test_the_copy_runs_by_itself(tmp_path: Path) -> None:
    code = tmp_path / "apply.zip"
    code.write_bytes(own_code.archive(service.main_of(PART, own_code.PACKAGE)))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(code), "no-such-device:9"],
        check=False,
        cwd="/",
        env={},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_part_has_a_kind() -> None:
    for part in service.PARTS:
        assert stored._kind(part).drivers


def test_a_file_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a device that has gone again nothing is said; else the journal has one sentence."""
    monkeypatch.setattr(stored, "DeviceSettings", lambda: DeviceSettings(str(tmp_path)))
    monkeypatch.setattr(stored, "_SYS_NET", str(tmp_path / "net"))
    path = tmp_path / "var/lib/virtnet.kvm/ethtool/web0.json"
    path.parent.mkdir(parents=True)
    for text, status in (("nonsense", 0), (NOT_KEPT, 0), ('{"persist": true}', 0)):
        path.write_text(text)
        assert stored.main(PART, "web0:17") == status
    (tmp_path / "net/web0").mkdir(parents=True)
    assert stored.main(PART, "web0:17") == 1
    assert capsys.readouterr().err == (
        "/var/lib/virtnet.kvm/ethtool/web0.json has no options; run the task again that has written it\n"
    )


@pytest.mark.parametrize("seconds", [2, 99])
def test_libvirt_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: int
) -> None:
    """It waits for libvirt, for a minute at most, and not for a device that has gone."""
    (tmp_path / "virbr1").mkdir()
    now = 0.0

    def sleep(duration: float) -> None:
        nonlocal now
        now += duration

    monkeypatch.setattr(stored, "_SYS_NET", str(tmp_path))
    monkeypatch.setattr(stored, "starting", lambda _device: "the network lan" if now < seconds else "")
    monkeypatch.setattr(stored.time, "monotonic", lambda: now)
    monkeypatch.setattr(stored.time, "sleep", sleep)
    stored._wait_for_libvirt("virbr2")
    assert now == 0
    stored._wait_for_libvirt("virbr1")
    assert now == pytest.approx(min(seconds, 60), abs=0.2)
    late = "libvirt has not started the network lan within 60 seconds; not waiting any longer\n"
    assert capsys.readouterr().out == ("" if seconds < 60 else late)


@pytest.mark.parametrize("name", ["vnet0", "vif12", "macvtap3"])
def test_counted_names_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match=rf"^persist: can't be true for {name}, .* by <target dev='web0'/>$"):
        service.need_fixed_name(name)
    service.need_fixed_name(f"{name}x")


def test_a_python_with_a_strange_path() -> None:
    assert '"/opt/my %% \\"py\\" $$x" %i' in service.unit_text('/opt/my % "py" $x')
