# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one road of every module: observe, plan all, apply all, observe again; undone together when a step fails."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from .errors import VirtnetError

# The signals that ask a run to end.
ENDING = (signal.SIGTERM, signal.SIGHUP)


class Step(Protocol):
    """One thing that is done to the host. A ``composite`` step is undone too when it is the one that failed."""

    @property
    def composite(self) -> bool: ...
    @property
    def words(self) -> str: ...
    def do(self, host: Any) -> None: ...
    def undo(self, host: Any) -> None: ...


class LastStep(Protocol):
    """What is done once, after all steps, for all that need it; when these are taken back, it is done again at the end."""

    @property
    def words(self) -> str: ...

    def joined(self, other: Any) -> Any:
        """This and another one as one; ``None`` where they are two."""

    def follows(self, done: Sequence[Any]) -> bool:
        """Whether one of the steps needs it."""

    def do(self, host: Any) -> None: ...
    def undo(self, host: Any) -> None: ...


class Plan(Protocol):
    """What `Resource.plan` returns: see `model.network.steps.NetworkPlan`."""

    @property
    def steps(self) -> tuple[Any, ...]: ...
    @property
    def after(self) -> Any: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def resume(self) -> Mapping[str, Any]: ...
    @property
    def last(self) -> tuple[Any, ...]: ...


class Host(Protocol):
    """What the engine itself asks of a host."""

    def world(self) -> Any:
        """The facts that plans must not collide with."""

    def forget(self) -> None:
        """Forget what was read of the host, as it has been changed."""


class State(Protocol):
    """What a run keeps on the host while it is under way, see `run_state.RunState`."""

    def lock(self) -> AbstractContextManager[None]: ...
    def recall(self, label: str) -> Mapping[str, Any]: ...
    def remember(self, label: str, notes: Mapping[str, Any]) -> None: ...


class Resource(Protocol):
    """One thing that is declared: how to see it, plan it and show it."""

    @property
    def label(self) -> str:
        """Kind and name, such as ``network lan``."""

    @property
    def present(self) -> bool:
        """Whether it is desired; what isn't goes first, to make room."""

    @property
    def provides(self) -> frozenset[str]:
        """What others may need: names such as ``interface br0``."""

    def needs(self, before: Any) -> frozenset[str]:
        """What must be there as long as it is, of what others provide; those that nobody of the run provides don't count."""

    def observe(self, host: Any) -> Any: ...
    def plan(self, before: Any, world: Any, resume: Mapping[str, Any]) -> Any: ...

    def predicted(self, plan: Any, world: Any) -> Any:
        """The state after the run, when all has been planned."""

    def show(self, state: Any, plan: Any) -> dict[str, Any]: ...


@dataclass
class Outcome:
    """What happened to one resource: states, their printable forms, and the plan. ``observed`` is ``None`` in check mode."""

    resource: Any
    before: Any
    plan: Any
    observed: Any = None
    shown_before: dict[str, Any] = field(default_factory=dict)
    shown_after: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    place: int = 0  # in the order in which they are applied

    @property
    def changed(self) -> bool:
        return bool(self.plan.steps)

    @property
    def actions(self) -> list[str]:
        return [step.words for step in (*self.plan.steps, *self.plan.last)]


class ApplyError(VirtnetError):
    """A step failed; what was done before it has been taken back, except for what ``left`` names."""

    def __init__(self, step: str, cause: Exception, undone: Sequence[str], left: Sequence[str]) -> None:
        if left:
            tail = f"; these could not be taken back: {'; '.join(left)}"
        else:
            tail = "; the host is as it was"
        super().__init__(f"{step}: {cause}{tail}")
        self.undone = list(undone)
        self.left = list(left)


def run(host: Host, state: State, resources: Sequence[Resource], *, check: bool) -> list[Outcome]:
    """Bring the resources about on the host, as one transaction; with ``check`` only say what would be done.

    The outcomes are in the order of ``resources``. Raises `VirtnetError`.
    """
    _refuse_twins(resources)
    if check:
        return _plan_all(host, state, resources)
    with state.lock():
        outcomes = _plan_all(host, state, resources)
        changing = [outcome for outcome in in_order(outcomes) if outcome.changed]
        _apply(host, state, changing)
        host.forget()
        for outcome in changing:
            _look_again(host, state, outcome)
        for outcome in outcomes:
            if not outcome.changed:
                outcome.observed = outcome.before
                state.remember(outcome.resource.label, {})
    return outcomes


def _refuse_twins(resources: Sequence[Resource]) -> None:
    labels: set[str] = set()
    for resource in resources:
        if resource.label in labels:
            raise VirtnetError(f"{resource.label} is declared twice")
        labels.add(resource.label)


def in_order(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """In the order in which they are applied: what goes makes room for what comes."""
    return sorted(outcomes, key=lambda outcome: outcome.place)


def all_actions(outcomes: Sequence[Outcome]) -> list[str]:
    """What is done for several resources, in words and in order."""
    ordered = in_order(outcomes)
    words = [step.words for outcome in ordered for step in outcome.plan.steps]
    return [*words, *(step.words for step in _last_steps(ordered))]


def _plan_all(host: Host, state: State, resources: Sequence[Resource]) -> list[Outcome]:
    """See everything, then plan everything, what goes first: nothing is touched before all of it is known to be right."""
    befores = {resource.label: resource.observe(host) for resource in resources}
    world = host.world()
    outcomes: dict[str, Outcome] = {}
    for resource in _by_need(resources, befores):
        before = befores[resource.label]
        plan = resource.plan(before, world, state.recall(resource.label))
        outcomes[resource.label] = Outcome(
            resource,
            before,
            plan,
            shown_before=resource.show(before, plan),
            warnings=list(plan.warnings),
            place=len(outcomes),
        )
    changes = any(outcome.changed for outcome in outcomes.values())
    for outcome in outcomes.values():
        # what is planned later may bear on it
        if not changes:
            outcome.shown_after = outcome.shown_before
            continue
        outcome.shown_after = outcome.resource.show(outcome.resource.predicted(outcome.plan, world), outcome.plan)
    return [outcomes[resource.label] for resource in resources]


def _by_need(resources: Sequence[Resource], befores: Mapping[str, Any]) -> list[Resource]:
    """What goes comes first, and before what it needs; what comes, after what it needs. Else in the given order."""
    going = [resource for resource in resources if not resource.present]
    coming = [resource for resource in resources if resource.present]
    return [*reversed(_sorted_by_need(going[::-1], befores)), *_sorted_by_need(coming, befores)]


def _sorted_by_need(resources: Sequence[Resource], befores: Mapping[str, Any]) -> list[Resource]:
    providers = {name: resource for resource in resources for name in resource.provides}
    done: dict[str, Resource] = {}

    def visit(resource: Resource, path: tuple[str, ...]) -> None:
        if resource.label in path:
            circle = [*path[path.index(resource.label) :], resource.label]
            raise VirtnetError(f"these need each other, so that none of them can come first: {' -> '.join(circle)}")
        if resource.label in done:
            return
        for name in sorted(resource.needs(befores[resource.label])):
            if name in providers:
                visit(providers[name], (*path, resource.label))
        done[resource.label] = resource

    for resource in resources:
        visit(resource, ())
    return list(done.values())


def _last_steps(outcomes: Sequence[Outcome]) -> list[Any]:
    """The last steps of all, those that can be one as one."""
    found: list[Any] = []
    for outcome in outcomes:
        for step in outcome.plan.last:
            for place, other in enumerate(found):
                joined = other.joined(step)
                if joined is not None:
                    found[place] = joined
                    break
            else:
                found.append(step)
    return found


def _apply(host: Host, state: State, outcomes: Sequence[Outcome]) -> None:
    done: list[Any] = []
    last = _last_steps(outcomes)
    words = "begin"
    try:
        for outcome in outcomes:
            if outcome.plan.resume:
                state.remember(outcome.resource.label, outcome.plan.resume)
            for step in outcome.plan.steps:
                words = step.words
                with _uninterrupted():
                    if step.composite:
                        done.append(step)
                    step.do(host)
                    if not step.composite:
                        done.append(step)
        for step in last:
            words = step.words
            with _uninterrupted():
                step.do(host)
    except Exception as error:  # whatever it was: what has been done is taken back
        undone, left = _undo(host, [*(step for step in last if step.follows(done)), *done])
        if not left:
            for begun in outcomes:
                state.remember(begun.resource.label, {})
        raise ApplyError(words, error, undone, left) from error


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """A request to end waits for the end of a step: one that is ended half-way is neither done nor not done."""
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def _undo(host: Host, done: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Take steps back, the last first; one that can't be taken back doesn't keep the others."""
    undone: list[str] = []
    left: list[str] = []
    for step in reversed(done):
        try:
            step.undo(host)
            undone.append(step.words)
        except VirtnetError as error:
            left.append(f"{step.words} ({error})")
    return undone, left


def _look_again(host: Host, state: State, outcome: Outcome) -> None:
    """Show what really came about, and say so where that isn't what was predicted."""
    outcome.observed = outcome.resource.observe(host)
    state.remember(outcome.resource.label, {})
    shown = outcome.resource.show(outcome.observed, outcome.plan)
    if shown != outcome.shown_after:
        keys = sorted(key for key in {**shown, **outcome.shown_after} if shown.get(key) != outcome.shown_after.get(key))
        outcome.warnings.append(
            f"{outcome.resource.label}: the host made something else of {', '.join(keys)} than was asked for; see the diff"
        )
    outcome.shown_after = shown
