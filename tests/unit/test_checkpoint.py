# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A checkpoint opened, committed and rolled back: who may say what when, and what is left of it. Without systemd."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import commands
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os.lock import Lock
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint import (
    boot,
    cli,
    finish,
    lifecycle,
    payload,
    restore,
    timer,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.lifecycle import Checkpoint
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts import files
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.store import Store, need_open
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import (
    HostError,
    OptionError,
    VirtnetError,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Interface,
    InterfaceState,
)


class NoRoutes:
    """The netlink socket of a host that has no routes."""

    def dump(self, _doing: str, _kind: int, _body: bytes) -> list[tuple[int, bytes]]:
        return []


class Interfaces:
    """The driver of a host that has one interface, and nothing to do."""

    def all(self) -> dict[str, InterfaceState]:
        return {"eth0": InterfaceState("", 2, Interface(name="eth0"))}

    def features(self) -> frozenset[str]:
        return frozenset()


class FakeHost:
    channel: Any = NoRoutes()

    def __init__(self, base: Path) -> None:
        self.run_lock = Lock(str(base / "run/lock"), "busy for {seconds} seconds")
        self.reloaded: list[tuple[str, tuple[str, ...]]] = []
        self.root = str(base / "root")

    def driver(self, _kind: type, _where: Optional[str] = None) -> Interfaces:
        return Interfaces()

    def has_tool(self, tool: str) -> bool:
        return tool == "netplan"

    def reload(self, tool: str, _names: Sequence[str], changed: Sequence[str]) -> None:
        self.reloaded.append((tool, tuple(changed)))

    def forget(self) -> None:
        pass


class World:
    """What stands for the host, and for systemd on it."""

    def __init__(self, base: Path) -> None:
        self.host = FakeHost(base)
        self.store = Store(str(base / "store"))
        self.file = base / "root/etc/netplan/50.yaml"
        self.commands: list[tuple[str, ...]] = []
        self.timer: Optional[Sequence[str]] = None
        self.restores: list[str] = []

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.store)

    def start(self, _seconds: int, command: Sequence[str]) -> None:
        self.timer = command

    def stop(self) -> None:
        self.timer = None

    def fire(self, command: Sequence[str]) -> None:
        """What systemd does when the time is up, or when it is asked to."""
        finish.restore(self.store, command[-1])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path)
    made.file.parent.mkdir(parents=True)
    made.file.write_text("before\n")
    monkeypatch.setattr(commands, "run", lambda _doing, *command: made.commands.append(command) or "")
    monkeypatch.setattr(boot, "DIRECTORY", str(tmp_path / "boot"))
    monkeypatch.setattr(boot, "UNITS", str(tmp_path / "units"))
    (tmp_path / "units").mkdir()
    for where in (lifecycle, finish, boot):
        monkeypatch.setattr(where, "NetworkHost", lambda: made.host)
    monkeypatch.setattr(restore, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(finish, "ATTEMPT_SECONDS", 0)
    monkeypatch.setattr(payload, "rehearse", lambda _launcher: None)
    monkeypatch.setattr(os, "fsync", lambda _handle: None)  # no power fails here
    monkeypatch.setattr(timer, "need_systemd", lambda: None)
    monkeypatch.setattr(timer, "start", made.start)
    monkeypatch.setattr(timer, "stop", made.stop)
    monkeypatch.setattr(timer, "armed", lambda: made.timer is not None)
    monkeypatch.setattr(timer, "restore_now", made.fire)
    yield made


def _units(tmp_path: Path) -> list[str]:
    return sorted(str(path.relative_to(tmp_path / "units")) for path in (tmp_path / "units").rglob("virtnet*"))


def test_a_change_that_is_committed_stays(world: World, tmp_path: Path) -> None:
    made = world.checkpoint().create("a", 60, check=False)
    assert made["changed"]
    assert made["checkpoint"]["timeout"] == 60
    assert len(_units(tmp_path)) == 2
    world.file.write_text("after\n")
    assert world.checkpoint().commit("a", check=False)["changed"]
    assert world.timer is None
    assert _units(tmp_path) == []
    assert not (tmp_path / "boot").exists()
    assert world.file.read_text() == "after\n"
    again = world.checkpoint().commit("a", check=False)
    assert not again["changed"]
    assert again["checkpoint"]["outcome"] == "committed"


def test_a_change_that_is_not_committed_goes(world: World, tmp_path: Path) -> None:
    world.checkpoint().create("a", 60, check=False)
    world.file.write_text("after\n")
    assert world.timer is not None
    world.fire(world.timer)
    assert world.file.read_text() == "before\n"
    assert world.host.reloaded == [("netplan", (str(world.file),))]
    assert _units(tmp_path) == []
    with pytest.raises(VirtnetError, match=r"was rolled back at .* are gone and can't be committed"):
        world.checkpoint().commit("a", check=False)
    back = world.checkpoint().roll_back("a", check=False)
    assert not back["changed"]
    assert back["checkpoint"]["outcome"] == "rolled_back"
    assert world.checkpoint().create("b", 60, check=False)["changed"]


def test_a_change_that_comes_too_late_is_refused(world: World) -> None:
    with pytest.raises(VirtnetError, match="no checkpoint a is open that would restore the host: none was made since"):
        need_open("a", world.store)
    world.checkpoint().create("a", 60, check=False)
    need_open("a", world.store)
    with pytest.raises(VirtnetError, match="no checkpoint b is open that would restore the host: the open one is a"):
        need_open("b", world.store)
    assert world.timer is not None
    world.fire(world.timer)
    with pytest.raises(VirtnetError, match=r"nothing was changed, .*: the checkpoint a was rolled back at"):
        need_open("a", world.store)


def test_it_is_rolled_back_on_demand(world: World) -> None:
    world.checkpoint().create("a", 60, check=False)
    world.file.write_text("after\n")
    predicted = world.checkpoint().roll_back("a", check=True)
    assert world.file.read_text() == "after\n"
    done = world.checkpoint().roll_back("a", check=False)
    assert done["changed"]
    assert done["actions"] == [f"restore {world.file}", "have netplan read its files again"]
    assert predicted["actions"] == done["actions"]
    assert done["checkpoint"]["by"] == "hand"
    assert world.file.read_text() == "before\n"


def test_a_timer_that_comes_too_late_does_nothing(world: World) -> None:
    world.checkpoint().create("a", 60, check=False)
    command = world.timer
    assert command is not None
    world.checkpoint().commit("a", check=False)
    world.checkpoint().create("b", 60, check=False)
    world.file.write_text("after\n")
    world.fire(command)
    assert world.file.read_text() == "after\n"
    assert world.store.opened() is not None


def test_only_one_is_open_at_a_time(world: World) -> None:
    world.checkpoint().create("a", 60, check=False)
    for check in (True, False):
        with pytest.raises(
            VirtnetError, match=r"the checkpoint a has been open since .* restores the host in (59|60) s; only one"
        ):
            world.checkpoint().create("b", 60, check=check)
    world.timer = None
    with pytest.raises(VirtnetError, match="its timer has been stopped"):
        world.checkpoint().create("b", 60, check=False)


@pytest.mark.parametrize("verb", ["commit", "roll_back"])
def test_who_ends_it_must_know_its_name(world: World, verb: str) -> None:
    world.checkpoint().create("a", 60, check=False)
    for check in (True, False):
        with pytest.raises(
            OptionError, match="name: 'b' is not the open checkpoint; give a, which has been open since"
        ):
            getattr(world.checkpoint(), verb)("b", check=check)
    assert world.store.opened() is not None


def test_what_was_never_made_is_not_committed(world: World) -> None:
    with pytest.raises(VirtnetError, match="there is no checkpoint a to commit: none was made since this host started"):
        world.checkpoint().commit("a", check=False)
    assert not world.checkpoint().roll_back("a", check=False)["changed"]
    world.checkpoint().create("b", 60, check=False)
    world.checkpoint().commit("b", check=False)
    with pytest.raises(VirtnetError, match="there is no checkpoint a to commit: the checkpoint b was committed at"):
        world.checkpoint().commit("a", check=False)


def test_what_was_committed_is_not_rolled_back(world: World) -> None:
    world.checkpoint().create("a", 60, check=False)
    world.checkpoint().commit("a", check=False)
    with pytest.raises(VirtnetError, match="there is no checkpoint a to roll back: the checkpoint a was committed at"):
        world.checkpoint().roll_back("a", check=False)


def test_check_mode_leaves_nothing(world: World, tmp_path: Path) -> None:
    made = world.checkpoint().create("a", 60, check=True)
    assert made["changed"]
    assert not world.checkpoint().commit("a", check=True)["changed"]
    assert not world.checkpoint().roll_back("a", check=True)["changed"]
    assert world.timer is None
    assert not os.path.exists(world.store.directory)
    assert _units(tmp_path) == []


@pytest.mark.parametrize("timeout", [-1, 0, 4, 86401])
def test_a_time_that_makes_no_sense_is_refused(world: World, timeout: int) -> None:
    with pytest.raises(OptionError, match=r"timeout: .* is too (small|large); use 5 to 86400 seconds"):
        world.checkpoint().create("a", timeout, check=False)
    assert not os.path.exists(world.store.directory)


def _fail(*_arguments: Any) -> None:
    raise HostError("put in", "a fault")


@pytest.mark.parametrize(
    "break_it",
    [
        lambda patch: patch.setattr(payload, "rehearse", _fail),
        lambda patch: patch.setattr(timer, "start", _fail),
        lambda patch: patch.setattr(boot, "arm", _fail),
    ],
    ids=["rehearsal", "timer", "boot"],
)
def test_a_net_that_would_not_hold_is_none(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[pytest.MonkeyPatch], None]
) -> None:
    with monkeypatch.context() as patch:
        break_it(patch)
        with pytest.raises(HostError, match="a fault"):
            world.checkpoint().create("a", 60, check=False)
    assert world.store.opened() is None
    assert world.timer is None
    assert _units(tmp_path) == []
    assert not (tmp_path / "boot").exists()
    assert world.checkpoint().create("a", 60, check=False)["changed"]


def test_what_cannot_be_restored_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.checkpoint().create("a", 60, check=False)
    world.file.write_text("after\n")
    monkeypatch.setattr(files, "restore_file", _fail)
    left = rf"these could not be restored: restore {world.file} \(put in: a fault\)$"
    with pytest.raises(VirtnetError, match=left):
        world.checkpoint().roll_back("a", check=False)
    with pytest.raises(VirtnetError, match=left):
        world.checkpoint().roll_back("a", check=False)


def test_what_can_be_restored_only_a_moment_later_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.checkpoint().create("a", 60, check=False)
    world.file.write_text("after\n")
    restore_file, calls = files.restore_file, []

    def late(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) < 3:
            _fail()
        restore_file(*arguments)

    monkeypatch.setattr(files, "restore_file", late)
    assert world.checkpoint().roll_back("a", check=False)["changed"]
    assert world.file.read_text() == "before\n"


def test_a_boot_restores_the_files(world: World, tmp_path: Path) -> None:
    world.checkpoint().create("a", 60, check=False)
    world.file.write_text("after\n")
    world.store = Store(str(tmp_path / "fresh"))  # /run is empty after a boot
    boot.restore_at_boot(world.store)
    assert world.file.read_text() == "before\n"
    assert world.commands == [("netplan", "generate")]
    assert _units(tmp_path) == []
    with pytest.raises(VirtnetError, match="when the host started, as it was not confirmed before"):
        world.checkpoint().commit("a", check=False)
    boot.restore_at_boot(world.store)


def test_the_units_command_is_written_as_systemd_reads_it(world: World, tmp_path: Path) -> None:
    world.checkpoint().create("a", 60, check=False)
    text = (tmp_path / "units" / boot.UNIT).read_text()
    assert f'ExecStart="{sys.executable}" "{tmp_path}/boot/checkpoint.py" "boot"\n' in text
    assert (tmp_path / "units" / boot.UNIT).stat().st_mode & 0o777 == 0o644


# ---- a module that is still at work


_HOLD = """
import signal, sys, time
sys.path[:0] = {path!r}
from {module} import Lock
if {deaf}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with Lock({lock!r}, "busy").hold(1):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("deaf", [False, True])
def test_a_module_that_is_still_at_work_is_ended(world: World, monkeypatch: pytest.MonkeyPatch, deaf: bool) -> None:
    monkeypatch.setattr(finish, "PATIENCE", tuple((number, 0.3) for number, _seconds in finish.PATIENCE))
    world.checkpoint().create("a", 60, check=False)
    world.file.write_text("after\n")
    script = _HOLD.format(
        path=[world.store.path("code")],
        module=Lock.__module__,
        deaf=deaf,
        lock=world.host.run_lock._path,
    )
    hanging = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert hanging.stdout
    assert hanging.stdout.readline() == "held\n"
    assert world.host.run_lock.holder() == hanging.pid
    begun = time.monotonic()
    world.checkpoint().roll_back("a", check=False)
    assert time.monotonic() - begun < 5
    assert hanging.wait() == (-9 if deaf else -15)
    assert world.file.read_text() == "before\n"
    assert world.host.run_lock.holder() is None


# ---- by hand


def test_by_hand(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "Store", lambda: world.store)

    def said(*words: str) -> tuple[int, str]:
        code = cli.main(words)
        return code, capsys.readouterr().out.splitlines()[-1]

    assert said("status") == (0, "no checkpoint was made since this host started")
    world.checkpoint().create("a", 60, check=False)
    assert said()[1].endswith(" s unless it is committed")
    code, line = said("commit")
    assert code == 0
    assert line.startswith("the checkpoint a was committed at")
    assert said("commit")[0] == 1
    world.checkpoint().create("a", 60, check=False)
    world.file.write_text("after\n")
    code, line = said("rollback")
    assert code == 0
    assert line.endswith(", on request")
    assert world.file.read_text() == "before\n"
    assert cli.main(["restore", "another"]) == 0
