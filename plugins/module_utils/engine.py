# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one road of every module: observe, plan all, apply all, verify; all steps are undone when one fails."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Optional, Protocol, Union

from .contract import AnyResource, Handler, Host, Notes, Outcome, Step, World
from .errors import HostError, VirtnetError

# The signals that ask a run to end.
ENDING = (signal.SIGTERM, signal.SIGHUP)


class RunState(Protocol):
    """What a run keeps on the host while it is under way, see `run_state.RunState`."""

    def lock(self) -> AbstractContextManager[None]: ...
    def recall(self, label: str) -> Notes: ...
    def remember(self, label: str, notes: Notes) -> None: ...


class ApplyError(VirtnetError):
    """A step failed; the steps before it have been undone, except for those in ``left``."""

    def __init__(self, failure: str, undone: Sequence[str], left: Sequence[str]) -> None:
        tail = f"; these steps could not be undone: {'; '.join(left)}" if left else "; the host is as it was"
        super().__init__(f"{failure}{tail}")
        self.undone = list(undone)
        self.left = list(left)


def _reason(step: Union[Step, Handler], error: Exception) -> str:
    """Returns why a step failed. What a driver was doing is left out for a step of one call: the step's words say it."""
    one_call = isinstance(step, Step) and not step.composite
    return error.cause if one_call and isinstance(error, HostError) else str(error)


def run(host: Host, state: RunState, resources: Sequence[AnyResource], *, check: bool) -> list[Outcome]:
    """Applies the resources to the host, as one transaction; with ``check`` it only predicts what a run would do.

    Returns the outcomes in the order of ``resources``. Raises `VirtnetError`.
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
            outcome.verify(host)
        for outcome in outcomes:
            state.remember(outcome.label, {})
    return outcomes


def _refuse_twins(resources: Sequence[AnyResource]) -> None:
    labels: set[str] = set()
    for resource in resources:
        if resource.label in labels:
            raise VirtnetError(f"{resource.label} is declared twice; declare it once")
        labels.add(resource.label)


def in_order(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Returns the outcomes in the order in which they are applied: what is removed makes room for what is created."""
    return sorted(outcomes, key=lambda outcome: outcome.place)


def all_actions(outcomes: Sequence[Outcome]) -> list[str]:
    """Returns what is done for several resources, in words and in order."""
    ordered = in_order(outcomes)
    words = [step.words for outcome in ordered for step in outcome.steps]
    return [*words, *(handler.words for handler in _handlers(ordered))]


def _plan_all(host: Host, state: RunState, resources: Sequence[AnyResource]) -> list[Outcome]:
    """Reads everything, then plans everything: nothing is changed before all of it is known to be right."""
    outcomes = [resource.observe(host) for resource in resources]
    world = World(host)
    for place, outcome in enumerate(_by_need(outcomes)):
        outcome.place = place
        outcome.plan(world, state.recall(outcome.label))
    if any(outcome.changed for outcome in outcomes):
        # a plan may bear on resources that were planned before it
        for outcome in outcomes:
            outcome.predict(world)
    return outcomes


def _by_need(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Removals first, each before what it needs; then the others, each after what it needs. Else in the given order.

    What one of the others leaves is removed last.
    """
    going = [outcome for outcome in outcomes if not outcome.resource.present]
    coming = [outcome for outcome in outcomes if outcome.resource.present]
    last = _all_needed(going, {name for outcome in coming for name in outcome.leaves()})
    first = [outcome for outcome in going if outcome not in last]
    return [*_removals(first), *_sorted_by_need(coming), *_removals(last)]


def _all_needed(outcomes: Sequence[Outcome], names: set[str]) -> list[Outcome]:
    """Returns the outcomes that provide one of the names, and those that these need."""
    found = [outcome for outcome in outcomes if outcome.provides() & names]
    more = names.union(*(outcome.needs() for outcome in found))
    return found if more == names else _all_needed(outcomes, more)


def _removals(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return _sorted_by_need(outcomes[::-1])[::-1]


def _sorted_by_need(outcomes: Sequence[Outcome]) -> list[Outcome]:
    providers = {name: outcome for outcome in outcomes for name in outcome.provides()}
    done: dict[str, Outcome] = {}

    def visit(outcome: Outcome, path: tuple[str, ...]) -> None:
        if outcome.label in path:
            cycle = [*path[path.index(outcome.label) :], outcome.label]
            raise VirtnetError(
                f"dependency cycle: {' -> '.join(cycle)}; each of them needs the next one to be there first"
            )
        if outcome.label in done:
            return
        for name in sorted(outcome.needs()):
            provider = providers.get(name)
            if provider is not None and provider is not outcome:
                visit(provider, (*path, outcome.label))
        done[outcome.label] = outcome

    for outcome in outcomes:
        visit(outcome, ())
    return list(done.values())


def _handlers(outcomes: Sequence[Outcome]) -> list[Handler]:
    """Returns the handlers of all plans, those that can be merged as one."""
    found: list[Handler] = []
    for outcome in outcomes:
        for handler in outcome.handlers:
            for place, other in enumerate(found):
                merged: Optional[Handler] = other.merge(handler)
                if merged is not None:
                    found[place] = merged
                    break
            else:
                found.append(handler)
    return found


def _apply(host: Host, state: RunState, outcomes: Sequence[Outcome]) -> None:
    done: list[Step] = []
    handlers = _handlers(outcomes)
    step: Union[Step, Handler, None] = None
    try:
        for outcome in outcomes:
            if outcome.notes:
                state.remember(outcome.label, outcome.notes)
            for step in outcome.steps:
                with _uninterrupted():
                    if step.composite:
                        done.append(step)
                    step.do(host)
                    if not step.composite:
                        done.append(step)
        for handler in handlers:
            step = handler
            with _uninterrupted():
                handler.do(host)
    except Exception as error:  # whatever it was: what has been done is undone
        notified = [handler for handler in handlers if handler.triggered_by(done)]
        undone, left = _undo(host, [*notified, *done])
        if not left:
            for outcome in outcomes:
                state.remember(outcome.label, {})
        raise ApplyError(f"{step.words}: {_reason(step, error)}" if step else str(error), undone, left) from error


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delays a signal that asks the run to end until the step is done: a step that ends half-way is neither done nor undone."""
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def _undo(host: Host, done: Sequence[Union[Step, Handler]]) -> tuple[list[str], list[str]]:
    """Undoes steps, the last first, and handlers after them; one that fails doesn't keep the others from being undone."""
    undone: list[str] = []
    left: list[str] = []
    for step in reversed(done):
        try:
            step.undo(host)
            undone.append(step.words)
        except VirtnetError as error:
            left.append(f"{step.words} ({_reason(step, error)})")
    return undone, left
