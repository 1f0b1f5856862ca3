# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A kind of resource of its own: flags, which are files of a directory. It is added without an edit of any other file.

This is the example of "Add a kind" in CONTRIBUTING.md. In the collection, the parts are in files of their own: the options, facts,
plan and steps in model/flag/, the driver in backend/, the kind in kinds/flag.py.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils import run_state
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import lock
from ansible_collections.virtnet.kvm.plugins.module_utils.contract import (
    ArgumentSpec,
    Driver,
    Facts,
    Handler,
    Host,
    Kind,
    Notes,
    Options,
    Plan,
    Resource,
    Shown,
    Step,
    World,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, OptionError, VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import (
    argument_spec,
    canonical,
    from_options,
    merge,
    option,
    to_options,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_fabric, run_info, run_resource
from unit.run_module import run_module

# ---- model/flag/options.py


@dataclass(frozen=True)
class Flag:
    name: Optional[str] = option(required=True)
    color: Optional[str] = option(choices=("red", "green"), absent="red")
    beside: Optional[str] = option()


# ---- model/flag/facts.py, and the driver's abstract class


class FlagDriver(Driver, ABC):
    @abstractmethod
    def all(self) -> dict[str, Flag]: ...

    @abstractmethod
    def write(self, flag: Flag) -> None: ...

    @abstractmethod
    def remove(self, name: str) -> None: ...

    @abstractmethod
    def salute(self) -> None: ...


class FlagFacts(Facts):
    """The flags as they will be when what is planned so far is done."""

    @functools.cached_property
    def flags(self) -> dict[str, Flag]:
        return dict(self.host.driver(FlagDriver).all())


# ---- model/flag/steps.py


@dataclass(frozen=True)
class SetFlag(Step):
    name: str
    before: Optional[Flag]
    after: Optional[Flag]

    @property
    def words(self) -> str:
        verb = "remove" if self.after is None else "create" if self.before is None else "change"
        return f"{verb} flag {self.name}"

    def do(self, host: Host) -> None:
        self._set(host, self.after)

    def undo(self, host: Host) -> None:
        self._set(host, self.before)

    def _set(self, host: Host, flag: Optional[Flag]) -> None:
        driver = host.driver(FlagDriver)
        if flag is None:
            driver.remove(self.name)
        else:
            driver.write(flag)


@dataclass(frozen=True)
class Salute(Handler):
    @property
    def words(self) -> str:
        return "salute the flags"

    def merge(self, other: Handler) -> Optional[Handler]:
        return self if isinstance(other, Salute) else None

    def triggered_by(self, steps: Sequence[Step]) -> bool:
        return any(isinstance(step, SetFlag) for step in steps)

    def do(self, host: Host) -> None:
        host.driver(FlagDriver).salute()

    def undo(self, host: Host) -> None:
        host.driver(FlagDriver).salute()


# ---- model/flag/plan.py


def plan_flag(current: Optional[Flag], given: Flag, present: bool, facts: FlagFacts) -> Plan[Optional[Flag]]:
    name = given.name or ""
    desired = canonical(merge(current or Flag(name=name), given)) if present else None
    if desired and desired.beside and desired.beside not in facts.flags:
        raise OptionError("beside", desired.beside, "is no flag of this host; create it first")
    if desired == current:
        return Plan((), current)
    facts.flags.pop(name, None)
    if desired:
        facts.flags[name] = desired
    return Plan((SetFlag(name, current, desired),), desired, handlers=(Salute(),), returned={"method": "painted"})


# ---- backend/flags.py


class FlagFiles(FlagDriver):
    """Each flag is a file whose text is its color, and the name of the flag beside it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def all(self) -> dict[str, Flag]:
        found = {}
        for path in self._directory.glob("*.flag"):
            color, _space, beside = path.read_text().partition(" ")
            found[path.stem] = canonical(Flag(path.stem, color, beside or None))
        return found

    def write(self, flag: Flag) -> None:
        if flag.name == "cursed":
            raise HostError("create flag cursed", "the pole broke")
        (self._directory / f"{flag.name}.flag").write_text(f"{flag.color or 'red'} {flag.beside or ''}".strip())

    def remove(self, name: str) -> None:
        (self._directory / f"{name}.flag").unlink()

    def salute(self) -> None:
        with (self._directory / "salutes").open("a") as file:
            file.write("!")


# ---- kinds/flag.py


@dataclass(frozen=True)
class FlagResource(Resource[Optional[Flag]]):
    given: Flag
    wanted: bool
    path: str = ""

    @property
    def name(self) -> str:
        return self.given.name or ""

    @property
    def label(self) -> str:
        return f"flag {self.name}"

    @property
    def present(self) -> bool:
        return self.wanted

    def provides(self, current: Optional[Flag]) -> frozenset[str]:
        del current
        return frozenset({self.label})

    def needs(self, current: Optional[Flag]) -> frozenset[str]:
        return frozenset(f"flag {flag.beside}" for flag in (self.given, current) if flag and flag.beside)

    def current(self, host: Host) -> Optional[Flag]:
        return host.driver(FlagDriver).all().get(self.name)

    def plan(self, current: Optional[Flag], world: World, notes: Notes) -> Plan[Optional[Flag]]:
        del notes
        try:
            return plan_flag(current, self.given, self.wanted, world.facts(FlagFacts))
        except OptionError as error:
            raise error.under(self.path) if self.path else error from None

    def show(self, state: Optional[Flag], plan: Plan[Optional[Flag]]) -> Shown:
        del plan
        return {"name": self.name, "state": "absent"} if state is None else {"state": "present", **to_options(state)}


class FlagKind(Kind):
    plural = "flags"
    restorable = True

    def __init__(self, directory: Path) -> None:
        self.drivers = {FlagDriver: lambda _host, _where: FlagFiles(directory)}  # type: ignore[misc]

    def argument_spec(self) -> ArgumentSpec:
        return {
            **argument_spec(Flag),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        }

    def parse(self, options: Options, path: str = "") -> FlagResource:
        return FlagResource(from_options(Flag, options), options["state"] == "present", path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        del options
        flags = host.driver(FlagDriver).all()
        return [to_options(flags[name]) for name in (sorted(flags) if names is None else names) if name in flags]


# ---- tests


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlagKind:
    for module in (run_state, lock):
        monkeypatch.setattr(module, "run_directory", lambda _uri: str(tmp_path / "run"))
    return FlagKind(tmp_path)


def files(tmp_path: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}


def test_a_module_declares_one(kind: FlagKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flag(**options: Any) -> dict[str, Any]:
        return run_module(monkeypatch, lambda: run_resource(kind), name="a", **options)

    predicted = flag(color="green", check=True, diff=True)
    assert files(tmp_path) == {}
    made = flag(color="green", diff=True)
    assert files(tmp_path) == {"a.flag": "green", "salutes": "!"}
    assert made == predicted
    assert made["changed"] and made["actions"] == ["create flag a", "salute the flags"] and made["method"] == "painted"
    assert made["before"] == {"name": "a", "state": "absent"}
    assert made["after"] == {"name": "a", "state": "present", "color": "green"}
    assert made["diff"]["after"] == "state: present\nname: a\ncolor: green\n"
    again = flag()
    assert not again["changed"] and again["actions"] == [] and again["after"] == made["after"] and "diff" not in again
    gone = flag(state="absent")
    assert gone["changed"] and gone["actions"] == ["remove flag a", "salute the flags"]
    assert not flag(state="absent")["changed"]


def test_the_info_module_reads_them(kind: FlagKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        (tmp_path / f"{name}.flag").write_text("green")
    read = run_module(monkeypatch, lambda: run_info(kind))
    assert [flag["name"] for flag in read["flags"]] == ["a", "b"] and not read["changed"]
    assert run_module(monkeypatch, lambda: run_info(kind), name=["b", "c"])["flags"] == [
        {"name": "b", "color": "green"}
    ]


def test_fabric_has_a_list_of_them(kind: FlagKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is needed comes first, is known to the plans after it, and the handler is done once."""
    declared = [{"name": "top", "beside": "base"}, {"name": "base", "color": "green"}]

    def fabric(**options: Any) -> dict[str, Any]:
        return run_module(monkeypatch, lambda: run_fabric((*KINDS, kind)), **options)

    predicted = fabric(flags=declared, check=True)
    made = fabric(flags=declared)
    assert made["actions"] == predicted["actions"] == ["create flag base", "create flag top", "salute the flags"]
    assert made["restorable"] and [flag["name"] for flag in made["flags"]] == ["top", "base"]
    assert [flag["after"] for flag in made["flags"]] == [flag["after"] for flag in predicted["flags"]]
    assert files(tmp_path)["salutes"] == "!"
    again = fabric(flags=declared)
    assert not again["changed"] and not again["restorable"] and again["actions"] == []
    refused = fabric(flags=[{"name": "x", "beside": "nowhere"}])
    assert refused["failed"] and refused["option"] == "flags[0].beside"


def test_all_is_undone_when_one_fails(kind: FlagKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.flag").write_text("green")
    before = files(tmp_path)
    declared = [{"name": "a", "color": "red"}, {"name": "b"}, {"name": "cursed"}]
    failed = run_module(monkeypatch, lambda: run_fabric([kind]), flags=declared)
    assert failed["failed"] and failed["msg"] == "create flag cursed: the pole broke; the host is as it was"
    assert files(tmp_path) == {**before, "salutes": "!"}


def test_two_in_one_run_are_refused(kind: FlagKind, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = run_module(monkeypatch, lambda: run_fabric([kind]), flags=[{"name": "a"}, {"name": "a", "color": "green"}])
    assert failed["msg"] == "flag a is declared twice; declare it once"


def test_a_resource_knows_its_state_only(kind: FlagKind) -> None:
    """What the engine sees of all kinds alike."""
    resource = kind.parse({"name": "a", "state": "absent"}, "flags[3]")
    assert (resource.name, resource.label, resource.path, resource.present) == ("a", "flag a", "flags[3]", False)
    assert replace(resource, given=Flag("a", beside="b")).needs(None) == {"flag b"}
    with pytest.raises(VirtnetError, match=r"flags\[3\].beside"):
        replace(resource, given=Flag("a", beside="b"), wanted=True).plan(None, World(_Nowhere(kind)), {})


class _Nowhere:
    uri = "test:///default"

    def __init__(self, kind: FlagKind) -> None:
        self._kind = kind

    def driver(self, kind: type[Any], where: Optional[str] = None) -> Any:
        return self._kind.drivers[kind](self, where)

    def forget(self) -> None: ...
