# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a checkpoint is made of: the files, libvirt's bridges, the record of what is open, and the copy of the code."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os.libvirt_files import own_bridges
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint import payload
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.files import (
    SavedFile,
    SavedFiles,
    differing,
    read_files,
    restore_file,
    tools_of,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.store import (
    Ended,
    Opened,
    Store,
    describe_end,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.codec import from_json, to_json
from ansible_collections.virtnet.kvm.plugins.module_utils.model.links import OwnBridge

# ---- files


def _restore(before: Mapping[str, SavedFile], root: Path) -> tuple[list[str], dict[str, str]]:
    """The paths that were restored, and by path why the others weren't."""
    restored, errors = [], {}
    for path in differing(before, read_files(str(root))):
        try:
            restore_file(path, before.get(path))
            restored.append(path)
        except HostError as error:
            errors[path] = str(error)
    return restored, errors


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("etc/systemd/network/br0.network.d", "etc/netplan", "etc/network/interfaces.d"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/systemd/network/eth0.network").write_bytes(b"[Match]\nName=eth0\n\xff\x00")
    (tmp_path / "etc/systemd/network/br0.network.d/own.conf").write_text("[Network]\n")
    (tmp_path / "etc/netplan/50.yaml").write_text("network: {}\n")
    (tmp_path / "etc/netplan/50.yaml").chmod(0o600)
    (tmp_path / "etc/network/interfaces").symlink_to("../elsewhere")
    return tmp_path


def test_files_come_back_byte_by_byte_with_their_modes(root: Path) -> None:
    before = read_files(str(root))
    (root / "etc/systemd/network/eth0.network").write_text("something else\n")
    (root / "etc/systemd/network/br0.network.d/own.conf").unlink()
    (root / "etc/systemd/network/br0.network.d").rmdir()
    (root / "etc/netplan/50.yaml").chmod(0o644)
    (root / "etc/network/interfaces").unlink()
    (root / "etc/network/interfaces").write_text("auto lo\n")
    (root / "etc/systemd/network/new.network.d").mkdir()
    (root / "etc/systemd/network/new.network.d/new.conf").write_text("new\n")
    saved = from_json(SavedFiles, json.loads(json.dumps(to_json(SavedFiles(before))))).files
    changed, errors = _restore(saved, root)
    assert not errors
    assert len(changed) == 7
    assert read_files(str(root)) == before
    assert stat.S_IMODE((root / "etc/netplan/50.yaml").stat().st_mode) == 0o600
    assert _restore(before, root) == ([], {})


def test_of_sysctl_files_ours_are_restored_and_no_others(root: Path) -> None:
    ours, users = root / "etc/sysctl.d/90-virtnet-kvm-br0.conf", root / "etc/sysctl.d/99-users.conf"
    ours.parent.mkdir()
    ours.write_text("before")
    before = read_files(str(root))
    for path in (ours, users):
        path.write_text("after")
    assert _restore(before, root) == ([str(ours)], {})
    assert (ours.read_text(), users.read_text()) == ("before", "after")


@pytest.mark.parametrize("way", ["becomes a directory", "was a directory"])
def test_a_file_and_a_directory_of_the_same_name(root: Path, way: str) -> None:
    path = root / "etc/netplan/it"
    make = {
        True: lambda: (path.mkdir(), (path / "in").write_text("x")),
        False: lambda: path.write_text("x"),
    }
    make[way == "was a directory"]()
    before = read_files(str(root))
    subprocess.run(["rm", "-r", path], check=True)
    make[way != "was a directory"]()
    assert _restore(before, root)[1] == {}
    assert read_files(str(root)) == before


def test_a_file_that_cannot_be_restored_stops_no_other(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_files(str(root))
    (root / "etc/netplan/50.yaml").write_text("other\n")
    (root / "etc/systemd/network/eth0.network").write_text("other\n")
    replaced = os.replace

    def fail_once(source: str, target: str) -> None:
        if target.endswith("50.yaml"):
            raise OSError(28, "No space left on device")
        replaced(source, target)

    monkeypatch.setattr(os, "replace", fail_once)
    changed, errors = _restore(before, root)
    assert [os.path.basename(path) for path in changed] == ["eth0.network"]
    assert list(errors.values()) == [f"restore {root}/etc/netplan/50.yaml: No space left on device"]


def test_a_tool_is_known_by_its_directory() -> None:
    assert tools_of(["/etc/systemd/network/a/b", "/etc/network/interfaces"], "/") == ["networkd", "ifupdown"]
    assert tools_of(["/etc/networks"], "/") == []
    assert tools_of(["/root/etc/netplan"], "/root") == ["netplan"]


def test_nothing_differs_where_there_is_nothing(tmp_path: Path) -> None:
    assert read_files(str(tmp_path)) == {}
    assert differing({}, {}) == []
    restore_file(str(tmp_path / "gone"), None)


# ---- libvirt's own bridges


def test_a_bridge_that_a_network_only_uses_is_not_libvirts_own(tmp_path: Path) -> None:
    stored, running = tmp_path / "etc/libvirt/qemu/networks", tmp_path / "run/libvirt/network"
    for directory in (stored, running):
        directory.mkdir(parents=True)
    (stored / "default.xml").write_text(
        "<!-- made by hand --><network><name>default</name><forward mode='nat'/><bridge name='virbr0'/></network>"
    )
    (stored / "alone.xml").write_text("<network><name>alone</name><bridge name='virbr1'/></network>")
    (stored / "lan.xml").write_text("<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>")
    (running / "runs.xml").write_text(
        "<networkstatus><floor sum='0'/><network><name>runs</name><forward/><bridge name='virbr2'/></network></networkstatus>"
    )
    (stored / "half.xml").write_text("<network><bri")
    (stored / "pool.xml").write_text("<network><forward mode='hostdev'/></network>")
    (running / "default.xml").write_text(
        "<networkstatus><network><name>default</name><forward/><bridge name='virbr0'/></network></networkstatus>"
    )
    assert sorted(own_bridges(str(tmp_path)), key=lambda bridge: bridge.name) == [
        OwnBridge("virbr0", "default", True),
        OwnBridge("virbr1", "alone", False),
        OwnBridge("virbr2", "runs", True),
    ]


# ---- what is open


OPENED = Opened("one", "change", 60, 1000.0, 5000.0)


def _ended(identity: str, *, committed: bool) -> Ended:
    return Ended(identity, "change", 1000.0, 1001.0, committed, "" if committed else "timer", ("did it",), ("left it",))


def test_it_is_open_until_its_end_is_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path / "deep" / "down"))
    with store.lock():
        assert store.opened() is None
        assert store.last() is None
        store.begin(OPENED)
    assert store.opened() == OPENED
    assert stat.S_IMODE(os.stat(store.directory).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(store.path("open.json")).st_mode) == 0o600
    monkeypatch.setattr(store, "cancel", lambda: None)  # killed before it comes to that
    store.end(_ended("one", committed=False))
    assert store.opened() is None
    assert store.last() == _ended("one", committed=False)
    store.begin(replace(OPENED, id="two"))
    assert store.opened() is not None


def test_the_lock_is_waited_for_and_not_for_ever(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with store.lock():
        begun = time.monotonic()
        with pytest.raises(VirtnetError, match="journalctl -u virtnet-kvm-checkpoint"), Store(str(tmp_path)).lock(0.2):
            pass
        assert 0.2 <= time.monotonic() - begun < 2


def test_of_many_that_end_it_one_wins(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with store.lock():
        store.begin(OPENED)
    won: list[int] = []

    def end(number: int) -> None:
        mine = Store(str(tmp_path))
        with mine.lock():
            if mine.opened() is not None:
                mine.end(_ended("one", committed=bool(number % 2)))
                won.append(number)

    threads = [threading.Thread(target=end, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    last = store.last()
    assert last is not None
    assert last.committed == bool(won[0] % 2)


def test_how_it_ended_is_describe_end() -> None:
    assert "was committed at" in describe_end(_ended("one", committed=True))
    assert describe_end(_ended("one", committed=False)).endswith(
        "as it was not confirmed in time; these could not be restored: left it"
    )


# ---- the copy of the code


def _status(launcher: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, launcher, "no such word"], check=False, cwd="/", env={}, capture_output=True, text=True
    )


@pytest.mark.parametrize("copy", [payload.copy_code, payload.pack_code])
def test_the_copy_runs_without_the_original(tmp_path: Path, copy: Callable[[str], str]) -> None:
    done = _status(copy(str(tmp_path)))
    assert (done.returncode, done.stderr) == (2, "usage: checkpoint.py [status | commit | rollback]\n")


def test_the_copy_is_taken_out_of_the_archive_that_ansible_sends(tmp_path: Path) -> None:
    """The module's own archive has nothing but what it needs, so what is missing here is missing there."""
    payload.pack_code(str(tmp_path))
    archive = tmp_path / "code.zip"
    with zipfile.ZipFile(archive, "a") as sent:
        sent.writestr("ansible/module_utils/basic.py", "raise SystemExit('not to be copied')")
    script = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        f"from {payload.__name__} import copy_code\n"
        f"print(copy_code({str(tmp_path / 'second')!r}))\n"
    )
    said = subprocess.run([sys.executable, "-c", script], check=True, cwd="/", env={}, capture_output=True, text=True)
    assert _status(said.stdout.strip()).returncode == 2
    assert not (tmp_path / "second" / "code" / "ansible").exists()
