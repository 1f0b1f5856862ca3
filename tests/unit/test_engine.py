# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The road itself, with resources and steps that do nothing but remember."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils import contract
from ansible_collections.virtnet.kvm.plugins.module_utils.engine import ApplyError, all_actions, run
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, VirtnetError


@dataclass
class Step(contract.Step):
    text: str
    composite: bool = False
    breaks: bool = False
    sticks: bool = False

    @property
    def words(self) -> str:
        return self.text

    def do(self, host: Host) -> None:
        if self.breaks:
            raise HostError("the system", "said no")
        host.log.append(self.words)

    def undo(self, host: Host) -> None:
        if self.sticks:
            raise HostError("the system", "won't")
        host.log.append(f"undo {self.words}")


@dataclass
class Thing(contract.Resource[str]):
    title: str
    steps: tuple[Any, ...] = ()
    wanted: bool = True
    comes_to: Any = "after"
    refusal: Optional[str] = None
    wants: tuple[str, ...] = ()
    wanted_before: tuple[str, ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)
    handlers: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        return self.title.split()[1]

    @property
    def label(self) -> str:
        return self.title

    @property
    def present(self) -> bool:
        return self.wanted

    def current(self, host: Host) -> str:
        return self.comes_to if host.done(self.steps) else "before"

    def plan(self, current: str, world: contract.World, notes: Mapping[str, Any]) -> contract.Plan[str]:
        world.host.planned.append((self.label, *notes))
        if self.refusal:
            raise VirtnetError(self.refusal)
        after = "after" if self.steps else current
        return contract.Plan(self.steps, after, notes=self.notes, handlers=self.handlers)

    def provides(self, _current: str) -> frozenset[str]:
        return frozenset({self.label})

    def needs(self, _current: str) -> frozenset[str]:
        return frozenset(self.wants)

    def leaves(self, _current: str) -> frozenset[str]:
        return frozenset(self.wanted_before)

    def show(self, state: str, _plan: contract.Plan[str]) -> dict[str, Any]:
        return {"state": state}


class Host:
    uri = "test:///default"

    def __init__(self) -> None:
        self.log: list[str] = []
        self.planned: list[tuple[str, ...]] = []
        self.kept: dict[str, Mapping[str, Any]] = {}
        self.locked = 0

    def done(self, steps: tuple[Any, ...]) -> bool:
        return bool(steps) and all(step.words in self.log for step in steps)

    def driver(self, kind: type[Any], where: Optional[str] = None) -> Any:
        raise AssertionError((kind, where))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        self.locked += 1
        yield

    def recall(self, label: str) -> Mapping[str, Any]:
        return self.kept.get(label, {})

    def remember(self, label: str, notes: Mapping[str, Any]) -> None:
        self.kept[label] = dict(notes)

    def forget(self) -> None:
        pass


def run_on(host: Host, resources: Sequence[Thing], *, check: bool) -> list[contract.Outcome]:
    return run(host, host, resources, check=check)


def test_all_is_planned_before_anything_is_done() -> None:
    host = Host()
    with pytest.raises(VirtnetError, match="no way"):
        run_on(host, [Thing("thing a", (Step("one"),)), Thing("thing b", refusal="no way")], check=False)
    assert host.planned == [("thing a",), ("thing b",)] and host.log == []


def test_what_goes_makes_room_for_what_comes() -> None:
    host = Host()
    come, gone = Thing("thing a", (Step("come"),)), Thing("thing b", (Step("go"),), wanted=False)
    outcomes = run_on(host, [come, gone], check=False)
    assert host.planned == [("thing b",), ("thing a",)] and host.log == ["go", "come"]
    assert [outcome.resource for outcome in outcomes] == [come, gone]


def test_what_is_left_goes_last() -> None:
    """It is removed after what was on it has been moved to what is new, and before what it is on itself."""
    host = Host()
    new = Thing("new a", (Step("come"),))
    moved = Thing("moved b", (Step("move"),), wants=("new a",), wanted_before=("old c",))
    old = Thing("old c", (Step("go"),), wanted=False, wants=("old d",))
    below = Thing("old d", (Step("go, too"),), wanted=False)
    unrelated = Thing("old e", (Step("make room"),), wanted=False)
    run_on(host, [below, unrelated, old, moved, new], check=False)
    assert host.log == ["make room", "come", "move", "go", "go, too"]


def test_check_mode_stops_after_the_plan() -> None:
    host = Host()
    (outcome,) = run_on(host, [Thing("thing a", (Step("one"),))], check=True)
    assert host.log == [] and host.locked == 0
    assert outcome.changed and outcome.actions == ["one"]
    assert (outcome.shown_before, outcome.shown_after) == ({"state": "before"}, {"state": "after"})


def test_nothing_to_do() -> None:
    host = Host()
    host.kept["thing a"] = {"left": "over"}
    (outcome,) = run_on(host, [Thing("thing a")], check=False)
    assert host.planned == [("thing a", "left")]
    assert not outcome.changed and outcome.actions == [] and outcome.shown_after == outcome.shown_before
    assert not host.kept["thing a"]


def test_twice_the_same() -> None:
    with pytest.raises(VirtnetError, match="thing a is declared twice"):
        run_on(Host(), [Thing("thing a"), Thing("thing a", wanted=False)], check=False)


def test_undone_in_reverse_over_all_resources() -> None:
    host = Host()
    first = Thing("thing a", (Step("one"), Step("two")), notes={"x": 1})
    second = Thing("thing b", (Step("three"), Step("four", breaks=True), Step("five")))
    with pytest.raises(ApplyError) as error:
        run_on(host, [first, second], check=False)
    assert host.log == ["one", "two", "three", "undo three", "undo two", "undo one"]
    assert str(error.value) == "four: said no; the host is as it was"
    assert error.value.undone == ["three", "two", "one"] and error.value.left == []
    assert not any(host.kept.values())


def test_a_composite_step_that_failed_is_undone_too() -> None:
    host = Host()
    with pytest.raises(ApplyError):
        run_on(host, [Thing("thing a", (Step("one"), Step("two", composite=True, breaks=True)))], check=False)
    assert host.log == ["one", "undo two", "undo one"]


def test_what_cannot_be_taken_back_is_said_and_remembered() -> None:
    """The others are taken back all the same, and the next run is told what was under way."""
    host = Host()
    steps = (Step("one"), Step("two", sticks=True), Step("three", breaks=True))
    with pytest.raises(ApplyError) as error:
        run_on(host, [Thing("thing a", steps, notes={"x": 1})], check=False)
    assert host.log == ["one", "two", "undo one"]
    assert str(error.value).endswith("said no; these steps could not be undone: two (won't)")
    assert host.kept["thing a"] == {"x": 1}


def test_something_else_came_about() -> None:
    (outcome,) = run_on(Host(), [Thing("thing a", (Step("one"),), comes_to="surprise")], check=False)
    assert outcome.shown_after == {"state": "surprise"}
    assert outcome.warnings == ["thing a: the host has other values than predicted for state; see the diff"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ended_between_two_steps(number: signal.Signals) -> None:
    """A signal that comes while a step is done lets it finish, and then all is taken back."""

    class Ended(Step):
        def do(self, host: Host) -> None:
            signal.pthread_kill(threading.main_thread().ident or 0, number)
            super().do(host)

    class EndedError(VirtnetError):
        pass

    def end(_number: int, _frame: Any) -> None:
        raise EndedError("ended")

    before = signal.signal(number, end)
    host = Host()
    try:
        with pytest.raises(ApplyError, match="ended; the host is as it was"):
            run_on(host, [Thing("thing a", (Step("one"), Ended("two"), Step("three")))], check=False)
    finally:
        signal.signal(number, before)
    assert host.log == ["one", "two", "undo two", "undo one"]


def test_what_is_needed_comes_first_and_goes_last() -> None:
    host = Host()
    top = Thing("thing top", (Step("top"),), wants=("thing middle",))
    middle = Thing("thing middle", (Step("middle"),), wants=("thing base", "thing elsewhere"))
    base = Thing("thing base", (Step("base"),))
    alone = Thing("thing alone", (Step("alone"),))
    run_on(host, [top, alone, middle, base], check=False)
    assert host.log == ["base", "middle", "top", "alone"]
    for thing in (top, middle, base, alone):
        thing.wanted = False
    host = Host()
    run_on(host, [base, middle, alone, top], check=False)
    assert [word for word in host.log if word != "alone"] == ["top", "middle", "base"] and len(host.log) == 4


def test_those_that_need_each_other() -> None:
    ring = [Thing(f"thing {name}", wants=(f"thing {other}",)) for name, other in ("ab", "bc", "ca")]
    host = Host()
    with pytest.raises(VirtnetError, match="dependency cycle: thing a -> thing b -> thing c -> thing a"):
        run_on(host, ring, check=False)
    assert host.log == []


@dataclass(frozen=True)
class Last(contract.Handler):
    title: str
    fails: bool = False

    @property
    def words(self) -> str:
        return self.title

    def merge(self, other: contract.Handler) -> Optional[Last]:
        return self if other == self else None

    def triggered_by(self, steps: Sequence[contract.Step]) -> bool:
        return any(step.words == "one" for step in steps)

    def do(self, host: Host) -> None:
        if self.fails:
            raise HostError("the system", "said no")
        host.log.append(self.words)

    def undo(self, host: Host) -> None:
        host.log.append(f"undo {self.words}")


def test_a_step_is_named_once_in_an_error() -> None:
    """A composite step does several things, so its error says which of them failed."""
    steps = Step("start it", breaks=True), Step("restart it", composite=True, breaks=True)
    for step, failure in zip(steps, ("start it: said no", "restart it: the system: said no")):
        with pytest.raises(ApplyError) as error:
            run_on(Host(), [Thing("thing a", (step,))], check=False)
        assert str(error.value) == f"{failure}; the host is as it was"


def test_what_several_share_is_done_once_at_the_end() -> None:
    host = Host()
    things = [Thing(f"thing {word}", (Step(word),), handlers=(Last("all"),)) for word in ("one", "two")]
    outcomes = run_on(host, things, check=False)
    assert host.log == ["one", "two", "all"]
    assert all_actions(outcomes) == ["one", "two", "all"]
    assert [outcome.actions for outcome in outcomes] == [["one", "all"], ["two", "all"]]


@pytest.mark.parametrize(("first", "tail"), [("one", ["undo all"]), ("other", [])])
def test_what_several_share_is_taken_back_last_where_it_is_needed(first: str, tail: list[str]) -> None:
    host = Host()
    with pytest.raises(ApplyError, match="said no; the host is as it was"):
        run_on(host, [Thing("thing a", (Step(first),), handlers=(Last("all", fails=True),))], check=False)
    assert host.log == [first, f"undo {first}", *tail]
