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
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

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
    Shown,
    Step,
    World,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.common import STATE, DeclaredResource
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import (
    argument_spec,
    canonical,
    from_options,
    merge,
    option,
    to_options,
)

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
class FlagResource(DeclaredResource[Optional[Flag], Flag]):
    noun = "flag"

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
            return plan_flag(current, self.given, self.present, world.facts(FlagFacts))
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
        return {**argument_spec(Flag), **STATE}

    def parse(self, options: Options, path: str = "") -> FlagResource:
        return FlagResource(from_options(Flag, options), options["state"] == "present", path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        del options
        flags = host.driver(FlagDriver).all()
        return [to_options(flags[name]) for name in (sorted(flags) if names is None else names) if name in flags]
