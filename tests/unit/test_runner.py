# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""How a module ends: exit, failure, diff, warnings and signals; with a kind of resource that is files of a directory."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils import run_state, runner
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import lock
from ansible_collections.virtnet.kvm.plugins.module_utils.contract import Driver, Host
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, MissingLibraryError, OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.run_state import RunState
from unit.run_module import run_module
from unit.toy_kind import Flag, FlagDriver, FlagFiles, FlagKind


class Flags(FlagFiles):
    """Calls ``strike`` before each flag that is written."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.strike: Callable[[Flag], None] = lambda _flag: None
        self.closed = 0

    def write(self, flag: Flag) -> None:
        self.strike(flag)
        super().write(flag)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlagKind:
    for module in (run_state, lock):
        monkeypatch.setattr(module, "run_directory", lambda _uri: str(tmp_path / "run"))
    return FlagKind(tmp_path)


@pytest.fixture
def flags(kind: FlagKind, tmp_path: Path) -> Flags:
    """The driver that modules get."""
    driver = Flags(tmp_path)

    def open_flags(_host: Host, _where: Any) -> Driver:
        return driver

    kind.drivers = {FlagDriver: open_flags}  # type: ignore[misc]
    return driver


@pytest.fixture
def one(kind: FlagKind, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    return lambda **options: run_module(monkeypatch, lambda: runner.run_resource(kind), **{"name": "a", **options})


@pytest.fixture
def fabric(kind: FlagKind, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    return lambda **options: run_module(monkeypatch, lambda: runner.run_fabric([kind]), **options)


One = Callable[..., dict[str, Any]]


def test_a_file_is_shown_line_by_line() -> None:
    shown = {"name": "br0", "mtu": 1400, "files": {"/etc/x": "[Match]\nName=br0\n"}}
    assert runner._readable(shown) == "name: br0\nmtu: 1400\nfiles:\n  /etc/x: |\n    [Match]\n    Name=br0\n"


def test_a_diff_is_returned_only_in_diff_mode(one: One) -> None:
    assert "diff" not in one(color="green", check=True)
    diff = one(color="green", check=True, diff=True)["diff"]
    assert diff == {
        "before_header": "flag a",
        "after_header": "flag a",
        "before": "name: a\nstate: absent\n",
        "after": "state: present\nname: a\ncolor: green\n",
    }


def test_fabric_returns_the_diffs_of_what_changes(fabric: One, flags: Flags) -> None:
    flags.write(Flag("a"))
    result = fabric(flags=[{"name": "a"}, {"name": "b"}], diff=True)
    assert [diff["after_header"] for diff in result["diff"]] == ["flag b"]
    assert [flag["changed"] for flag in result["flags"]] == [False, True]
    assert "diff" not in fabric(flags=[{"name": "b", "color": "green"}])


def test_fabric_names_each_item_and_keeps_their_order(fabric: One) -> None:
    result = fabric(flags=[{"name": "b"}, {"name": "gone", "state": "absent"}, {"name": "a"}])
    assert [flag["name"] for flag in result["flags"]] == ["b", "gone", "a"]


def test_fabric_without_a_list_changes_nothing(fabric: One) -> None:
    result = fabric()
    assert not result["changed"] and result["actions"] == [] and "flags" not in result


def test_a_warning_names_what_differs(one: One, flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flags, "write", lambda flag: FlagFiles.write(flags, Flag(flag.name, "red")))
    result = one(color="green")
    assert result["changed"] and result["after"] == {"name": "a", "state": "present"}
    assert result["warnings"] == ["flag a: the host has other values than predicted for color; see the diff"]


@pytest.mark.parametrize(
    ("error", "returned"),
    [
        (HostError("create flag a", "no pole"), {"msg": "create flag a: no pole; the host is as it was"}),
        (OptionError("color", "blue", "is no color"), {"option": None}),
    ],
)
def test_a_step_that_fails_fails_the_module(one: One, flags: Flags, error: Exception, returned: dict[str, Any]) -> None:
    def strike(_flag: Flag) -> None:
        raise error

    flags.strike = strike
    result = one()
    assert result["failed"] and {key: result.get(key) for key in returned} == returned
    assert flags.all() == {} and flags.closed == 1


def test_a_wrong_option_is_named(fabric: One, flags: Flags) -> None:
    result = fabric(flags=[{"name": "a", "beside": "b"}])
    assert result["failed"] and result["option"] == "flags[0].beside" and result["msg"].startswith("flags[0].beside: ")
    assert flags.closed == 1


def test_a_missing_library_is_named(one: One, flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> dict[str, Flag]:
        raise MissingLibraryError("flagpole", "Traceback: no flagpole")

    monkeypatch.setattr(flags, "all", missing)
    result = one()
    assert result["failed"] and "flagpole" in result["msg"] and sys.executable in result["msg"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_and_undoes_it(fabric: One, flags: Flags, number: signal.Signals) -> None:
    """It lets the step end; a second signal while the steps are undone changes nothing."""

    def strike(flag: Flag) -> None:
        if flag.name == "b":
            signal.pthread_kill(threading.main_thread().ident or 0, number)

    flags.strike = strike
    removed: list[str] = []
    remove = flags.remove

    def remove_and_signal(name: str) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, number)
        removed.append(name)
        remove(name)

    flags.remove = remove_and_signal  # type: ignore[method-assign]
    result = fabric(flags=[{"name": name} for name in "abc"])
    assert result["failed"] and f"ended by {number.name}; the host is as it was" in result["msg"]
    assert removed == ["b", "a"] and flags.all() == {}


def test_the_info_module_changes_nothing(kind: FlagKind, flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    flags.write(Flag("a"))
    result = run_module(monkeypatch, lambda: runner.run_info(kind), names=["a"])
    assert result == {"changed": False, "flags": [{"name": "a"}]} and flags.closed == 1


# ---- the run's lock, its notes, and its checkpoint


def test_a_run_waits_for_another_one(one: One, flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_state, "LOCK_SECONDS", 0.1)
    with lock.run_lock("qemu:///system").hold(1):
        result = one()
        assert not one(check=True).get("failed")  # check mode waits for nobody
    assert result["failed"] and "another run has been changing this host" in result["msg"] and flags.all() == {}
    assert one()["changed"]


def test_the_lock_is_held_while_steps_are_done(one: One, flags: Flags) -> None:
    held: list[bool] = []
    flags.strike = lambda _flag: held.append(lock.run_lock("qemu:///system").holder() == os.getpid())
    assert one()["changed"] and held == [True]
    assert lock.run_lock("qemu:///system").holder() is None


def test_notes_are_kept_and_removed(kind: FlagKind) -> None:
    del kind  # for its directory
    state = RunState()
    state.remember("flag a", {"up": True})
    assert RunState().recall("flag a") == {"up": True} and RunState().recall("flag b") == {}
    state.remember("flag a", {})
    assert RunState().recall("flag a") == {}


def test_a_run_needs_its_checkpoint(fabric: One, flags: Flags, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint import store

    monkeypatch.setattr(store.Store.__init__, "__defaults__", (str(tmp_path / "checkpoint"),))
    result = fabric(flags=[{"name": "a"}], checkpoint="bridge")
    assert result["failed"] and "no checkpoint bridge is open" in result["msg"] and flags.all() == {}
