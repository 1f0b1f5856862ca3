# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the network that a host has and the one that is desired to the steps between them. Pure: no I/O, no Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ...contract import Step, World
from ..fields import canonical, merge, take_host_chosen, to_options, without_host_chosen
from .facts import NetworkFacts, known
from .options import OWN_BRIDGE_MODES, Network, align, mode_of, normalise
from .steps import (
    ApplyUpdate,
    Define,
    DesiredNetwork,
    Guest,
    NetworkState,
    PlugIn,
    Restart,
    SetAutostart,
    Start,
    Stop,
    Undefine,
    connected,
)
from .updates import Difference, Update, compare
from .validate import (
    check,
    check_conflicts,
    check_identity,
    check_versions,
    drop_unfit,
    refuse_cut_off,
)


@dataclass(frozen=True)
class NetworkPlan:
    """The steps, and the state that they lead to (``None``: the network is removed).

    ``method`` is the way taken, ``guests`` are those that it affects, ``resume`` is what a later run has to know if this one
    is killed.
    """

    steps: tuple[Step, ...]
    after: Optional[NetworkState]
    method: str = "none"
    guests: tuple[Guest, ...] = ()
    warnings: tuple[str, ...] = ()
    resume: dict[str, bool] = field(default_factory=dict)


def plan_network(
    before: Optional[NetworkState], desired: DesiredNetwork, world: World, resume: Optional[Mapping[str, bool]] = None
) -> NetworkPlan:
    """Plan a network; ``resume`` is what a run that was killed had left to do.

    Raises `OptionError` or `VirtnetError` for what can't or mustn't be done.
    """
    if not desired.present:
        return _plan_absent(before, desired, world)
    facts = world.facts(NetworkFacts)
    target = _target(before, desired)
    check_versions(desired.given, target, facts.libvirt)
    check_identity(desired.given, before.definition if before else None)
    check(target)
    resume = resume or {}
    active = _decide(desired.active, resume.get("active"), before.active if before else True)
    autostart = _decide(desired.autostart, resume.get("autostart"), before.autostart if before else True)
    if before is None:
        plan = _plan_new(target, active, autostart)
    else:
        plan = _plan_change(before, target, desired, active, autostart)
    starts = any(isinstance(step, (Start, Restart)) for step in plan.steps)
    if starts or any(isinstance(step, Define) for step in plan.steps):
        check_conflicts(desired.name, known(target, active), facts, starting=starts)
    facts.expect(desired.name, known(target, active))
    return plan


def _decide(asked: Optional[bool], left_to_do: Optional[bool], default: bool) -> bool:
    if asked is not None:
        return asked
    return default if left_to_do is None else left_to_do


def _target(before: Optional[NetworkState], desired: DesiredNetwork) -> Network:
    """The definition as it should be: what was given over what is there, or just what was given where that is whole."""
    base = before.definition if before else None
    given = desired.given
    target = normalise(given) if desired.whole else merge(base or Network(name=desired.name), given)
    # what the host has made up stays, also where it is asked to choose by itself: it has chosen
    target = take_host_chosen(target, base)
    target = normalise(drop_unfit(target, given))
    return align(target, base)


def _plan_absent(before: Optional[NetworkState], desired: DesiredNetwork, world: World) -> NetworkPlan:
    world.facts(NetworkFacts).expect(desired.name, None)
    if before is None:
        return NetworkPlan((), None)
    refuse_cut_off(desired.name, "removed", tuple(str(guest) for guest in before.guests if guest.connected))
    steps: list[Step] = [Stop(desired.name, before.running, before.stored)] if before.running else []
    if before.stored is not None:
        steps.append(Undefine(before.stored, before.autostart))
    return NetworkPlan(tuple(steps), None, "removed")


def _plan_new(target: Network, active: bool, autostart: bool) -> NetworkPlan:
    name = target.name or ""
    steps: list[Step] = [Define(target)]
    if autostart:
        steps.append(SetAutostart(name, True))
    if active:
        steps.append(Start(name))
    after = NetworkState(target, target if active else None, autostart)
    return NetworkPlan(tuple(steps), after, "created", resume={"active": active, "autostart": autostart})


def _plan_change(
    before: NetworkState, target: Network, desired: DesiredNetwork, active: bool, autostart: bool
) -> NetworkPlan:
    name = desired.name
    stored = compare(before.stored, target, running=False) if before.stored else Difference((), True, target)
    if before.running is None:
        steps, running, method = _from_inactive(before, target, stored, active)
    elif active:
        return _with_autostart(_plan_running(before, before.running, target, stored, desired), before, autostart)
    else:
        refuse_cut_off(name, "stopped", tuple(str(guest) for guest in before.guests if guest.connected))
        steps, running, method = _define(before, target, stored), None, "stopped"
        steps.append(Stop(name, before.running, target))
    guests = _lost(before) if running else ()
    steps += [PlugIn(name, guest) for guest in guests]
    after = NetworkState(target, running, before.autostart, connected(before.guests) if running else before.guests)
    resume = {"active": active} if running else {}
    plan = NetworkPlan(tuple(steps), after, method, connected(guests), resume=resume)
    return _with_autostart(plan, before, autostart)


def _from_inactive(
    before: NetworkState, target: Network, stored: Difference, active: bool
) -> tuple[list[Any], Optional[Network], str]:
    steps = _define(before, target, stored)
    method = "stored" if steps else "none"
    if not active:
        return steps, None, method
    return [*steps, Start(target.name or "")], target, "started"


def _define(before: NetworkState, target: Network, stored: Difference, what: str = "") -> list[Any]:
    if not (stored.updates or stored.rest):
        return []
    return [Define(target, before.stored, what if before.stored else "")]


def _plan_running(
    before: NetworkState, running: Network, target: Network, stored: Difference, desired: DesiredNetwork
) -> NetworkPlan:
    """A running network: update it live where that is all, else redefine and restart it, or leave that for later."""
    name = desired.name
    live = compare(running, target, running=True)
    lost = _lost(before)
    if live.rest and desired.restart == "if_needed":
        if mode_of(running) in OWN_BRIDGE_MODES and _bridge(target) is None:
            refuse_cut_off(name, f"changed to the mode {mode_of(target)}", tuple(str(guest) for guest in before.guests))
        again = lost if _keeps_its_bridge(running, target) else before.guests
        steps = [*_define(before, target, stored), Restart(name, running, target, again)]
        after = NetworkState(target, target, before.autostart, connected(before.guests))
        return NetworkPlan(tuple(steps), after, "restarted", connected(again), resume={"active": True})
    steps = _define(before, target, stored) if stored.rest else []
    steps += _updates(name, live.updates, () if stored.rest else stored.updates)
    steps += [PlugIn(name, guest) for guest in lost]
    warnings: tuple[str, ...] = ()
    if live.rest:
        warnings = (f"network {name}: the change is stored and waits for a restart of the network (restart is never)",)
    method = "live" if live.updates or lost else "stored" if steps else "none"
    after = NetworkState(target, live.result, before.autostart, connected(before.guests))
    return NetworkPlan(tuple(steps), after, method, connected(lost), warnings)


def _keeps_its_bridge(running: Network, target: Network) -> bool:
    """Whether the guests' bridge is the host's own, which a restart of the network leaves as it is."""
    own = mode_of(running) in OWN_BRIDGE_MODES or mode_of(target) in OWN_BRIDGE_MODES
    return not own and _bridge(running) == _bridge(target)


def _bridge(network: Network) -> Optional[str]:
    return network.bridge.name if network.bridge else None


def _lost(state: NetworkState) -> tuple[Guest, ...]:
    """The guests that the network doesn't carry any more."""
    return tuple(guest for guest in state.guests if not guest.connected)


def _updates(name: str, live: tuple[Update, ...], stored: tuple[Update, ...]) -> list[Any]:
    """One call for what both definitions need, one for each that only one of them does; the stored ones first."""
    only_stored = [ApplyUpdate(name, update, False, True) for update in stored if update not in live]
    return only_stored + [ApplyUpdate(name, update, True, update in stored) for update in live]


def _with_autostart(plan: NetworkPlan, before: NetworkState, autostart: bool) -> NetworkPlan:
    if autostart == before.autostart or plan.after is None:
        return plan
    name = plan.after.definition.name or ""
    return replace(
        plan,
        steps=(*plan.steps, SetAutostart(name, autostart)),
        after=replace(plan.after, autostart=autostart),
        method="stored" if plan.method == "none" else plan.method,
        resume={**plan.resume, "autostart": autostart} if plan.resume else {},
    )


def show(state: Optional[NetworkState], given: Network) -> dict[str, Any]:
    """The state for a person to read, in the structure of the options, as `before` and `after` of a diff.

    What the host makes up (UUID, MAC address, bridge name) is left out unless it was asked for. Where the running
    definition differs from the stored one, ``running`` has the options in which it does.
    """
    if state is None:
        return {"name": given.name, "state": "absent"}
    head = {"name": given.name, "state": "present", "active": state.active, "autostart": state.autostart}
    shown = {**head, **_definition(state.definition, given)}
    if state.stored is None:
        shown["persistent"] = False
    elif state.running is not None:
        drift = compare(align(state.running, state.stored), state.stored, running=True)
        if drift.updates or drift.rest:
            ours, theirs = _definition(state.stored, given), _definition(state.running, given)
            keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
            shown["running"] = {key: theirs.get(key) for key in keys if key not in ("title", "description", "metadata")}
    lost = [str(guest) for guest in state.guests if not guest.connected]
    if lost and state.active:
        shown["unplugged_guests"] = lost
    return shown


def _definition(network: Network, given: Network) -> dict[str, Any]:
    shown = to_options(canonical(without_host_chosen(network, given)))
    shown["forward"] = {"mode": mode_of(network), **shown.get("forward", {})}
    if network.extra:
        shown["other"] = [f"{extra.path}: {extra.xml}" if extra.path else extra.xml for extra in network.extra]
    return shown
