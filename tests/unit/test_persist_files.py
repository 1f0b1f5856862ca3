# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""How the tools' files are read and written, below a directory that stands for a host's /."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.boot_tools import files
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import commands
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.persist import choose

NAME = "/etc/network/interfaces"
COPY = "/etc/network/.interfaces.virtnet-kvm-saved"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/network/interfaces.d").mkdir(parents=True)
    (tmp_path / NAME[1:]).write_bytes(b"source interfaces.d/*\r\n# \xff\n")
    return tmp_path


def _below(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir())


def test_what_was_read_is_written_back_byte_by_byte(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(choose.TOOLS, "tool", SimpleNamespace(patterns=lambda _files: (NAME,)))  # type: ignore[arg-type]
    driver = files.Files(str(root))
    text = driver.read("tool")[NAME]
    driver.write(COPY, text)
    assert (root / COPY[1:]).read_bytes() == b"source interfaces.d/*\r\n# \xff\n"
    assert driver.read("tool") == {NAME: text, COPY: text}, "copies are read without being named"


def test_files_that_name_others_are_followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def patterns(found: Mapping[str, str]) -> tuple[str, ...]:
        return ("/etc/network/interfaces.d/*",) if NAME in found else (NAME,)

    (root / "etc/network/interfaces.d/lan").write_text("auto lan\n")
    monkeypatch.setitem(choose.TOOLS, "tool", SimpleNamespace(patterns=patterns))  # type: ignore[arg-type]
    assert list(files.Files(str(root)).read("tool")) == [NAME, "/etc/network/interfaces.d/lan"]


def test_mode_stays_and_copies_have_that_of_their_file(root: Path) -> None:
    (root / NAME[1:]).chmod(0o640)
    driver = files.Files(str(root))
    driver.write(COPY, "x\n")
    driver.write(NAME, "y\n")
    assert [(root / path[1:]).stat().st_mode & 0o777 for path in (COPY, NAME)] == [0o640, 0o640]


@pytest.mark.parametrize(
    "path, mode",
    [("/etc/systemd/network/a.network", 0o644), ("/etc/netplan/a.yaml", 0o600), ("/etc/NetworkManager/x/a", 0o600)],
)
def test_new_file_is_readable_unless_it_may_hold_passwords(root: Path, path: str, mode: int) -> None:
    files.Files(str(root)).write(path, "x\n")
    assert (root / path[1:]).stat().st_mode & 0o777 == mode
    assert not [name for name in _below(root) if "new" in name]


def test_empty_drop_in_directory_goes_with_its_last_file(root: Path) -> None:
    driver = files.Files(str(root))
    driver.write("/e/a.network.d/one.conf", "1\n")
    driver.write("/e/a.network.d/two.conf", "2\n")
    driver.write("/e/a.network.d/one.conf", None)
    assert (root / "e/a.network.d").is_dir()
    driver.write("/e/a.network.d/two.conf", None)
    driver.write("/e/a.network.d/two.conf", None)
    assert (root / "e").is_dir() and not (root / "e/a.network.d").exists()


def test_other_directories_stay(root: Path) -> None:
    driver = files.Files(str(root))
    driver.write("/etc/sysctl.d/90-virtnet-kvm-br0.conf", "x = 1\n")
    driver.write("/etc/sysctl.d/90-virtnet-kvm-br0.conf", None)
    assert (root / "etc/sysctl.d").is_dir()


def test_link_is_written_through(root: Path) -> None:
    (root / "real").write_text("x\n")
    os.symlink(root / "real", root / "link")
    files.Files(str(root)).write("/link", "y\n")
    assert (root / "link").is_symlink() and (root / "real").read_text() == "y\n"


def test_failure_leaves_nothing_and_names_the_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match=f"write {NAME}: No space left on device"):
        files.Files(str(root)).write(NAME, "y\n")
    assert _below(root) == [NAME[1:]]


@pytest.mark.parametrize(
    "found_commands, said, installed, in_charge",
    [
        ({"ifup"}, "Id=networking.service\nActiveState=active\nUnitFileState=enabled\n", {"ifupdown"}, {"ifupdown"}),
        ({"ifup"}, "Id=networking.service\nActiveState=inactive\nUnitFileState=disabled\n", {"ifupdown"}, set()),
        ({"ifup"}, None, {"ifupdown"}, {"ifupdown"}),
        ({"networkctl"}, "Id=systemd-networkd.service\nActiveState=inactive\nUnitFileState=enabled\n", {"networkd"}, {"networkd"}),
        ({"networkctl"}, "Id=systemd-networkd.service\nActiveState=inactive\nUnitFileState=disabled\n", {"networkd"}, set()),
        (
            {"networkctl", "nmcli", "ifup"},
            "Id=systemd-networkd.service\nActiveState=inactive\n\nId=NetworkManager.service\nActiveState=active\n\nId=networking.service\nActiveState=failed\n",
            {"networkd", "networkmanager", "ifupdown"},
            {"networkmanager"},
        ),
    ],
)  # fmt: skip
def test_tools_of_a_host(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    found_commands: set[str],
    said: Optional[str],
    installed: set[str],
    in_charge: set[str],
) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: f"/usr/bin/{command}" if command in found_commands else None)

    def run(_doing: str, *_command: str) -> str:
        if said is None:
            raise HostError("look", "systemctl: No such file or directory")
        return said

    monkeypatch.setattr(commands, "run", run)
    found = files.Files(str(root)).facts()
    assert (found.installed, found.in_charge) == (installed, in_charge)


def test_netplan_is_in_charge_where_it_has_a_definition(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: command if command == "netplan" else None)
    assert "netplan" not in files.Files(str(root)).facts().in_charge
    (root / "etc/netplan").mkdir()
    (root / "etc/netplan/50-cloud-init.yaml").write_text("network: {}\n")
    assert "netplan" in files.Files(str(root)).facts().in_charge


def test_netplan_takes_back_what_is_gone_before_networkd_could_make_it_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(files.netplan, "generate", lambda: done.append("generate"))
    monkeypatch.setattr(files.networkd, "running", lambda: True)
    monkeypatch.setattr(files.networkd, "introduce", lambda _paths: done.append("introduce"))
    for tool in ("networkd", "netplan"):
        monkeypatch.setitem(files.RELOADS, tool, lambda names: done.append(" ".join(names)))  # type: ignore[index]
    driver = files.Files(str(root))
    driver.write("/etc/netplan/90-virtnet-kvm-br3.yaml", None)
    driver.write("/etc/systemd/network/50-br1.netdev", "[NetDev]\n")
    driver.write("/etc/systemd/network/50-br1.network", "[Match]\n")
    driver.reload("networkd", ("br1",))
    driver.reload("netplan", ("br3",))
    assert done == ["generate", "introduce", "br1", "br3"]
    driver.write("/etc/netplan/90-virtnet-kvm-br3.yaml", "network: {}\n")
    driver.reload("networkd", ("br1",))
    assert done[4:] == ["generate", "br1"]


def test_command_that_fails_is_told_in_its_own_words() -> None:
    assert commands.run("say hello", "echo", "hello") == "hello\n"
    with pytest.raises(HostError, match="list: ls: cannot access '/nothing': No such file or directory"):
        commands.run("list", "ls", "/nothing")
    with pytest.raises(HostError, match="list: the command no-such-command isn't there; install its package"):
        commands.run("list", "no-such-command")


def test_command_speaks_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its output is read. LANGUAGE alone makes programs speak German, also with the locale C.UTF-8."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de_DE:de")
    assert commands.run("look at the language", "sh", "-c", 'echo "$LC_ALL $LANGUAGE"') == "C.UTF-8 C\n"
    with pytest.raises(HostError, match="No such file or directory"):
        commands.run("list", "ls", "/nothing")
