# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the network that a host has and the desired one to the steps between them. Pure: no I/O, no Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ...contract import Step, World
from ..fields import canonical, to_options, without_host_chosen
from .desired import DesiredNetwork, desired_definition
from .facts import NetworkFacts, known
from .options import OWN_BRIDGE_MODES, Guest, Network, NetworkState, align, mode_of
from .problems import BY_RESTART, Fault, Problem, of
from .steps import (
    ApplyUpdate,
    CorrectPidFile,
    Define,
    Reconnect,
    Restart,
    RestoreFirewall,
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
    refuse_disconnecting,
    refuse_disturbing,
    refuse_unstartable,
)


@dataclass(frozen=True)
class NetworkPlan:
    """The steps, and the state that they lead to (``None``: the network is removed).

    ``method`` is how the network is changed, ``guests`` are those whose connection is interrupted. ``resume`` is what a
    later run has to know if this one is killed.
    """

    steps: tuple[Step, ...]
    after: Optional[NetworkState]
    method: str = "none"
    guests: tuple[Guest, ...] = ()
    warnings: tuple[str, ...] = ()
    resume: dict[str, bool] = field(default_factory=dict)


def plan_network(
    current: Optional[NetworkState], desired: DesiredNetwork, world: World, resume: Optional[Mapping[str, bool]] = None
) -> NetworkPlan:
    """Returns the plan for a network; ``resume`` is what a run that was killed had still to do.

    Raises `OptionError` or `VirtnetError` for what is not possible or not allowed.
    """
    if not desired.present:
        return _plan_absent(current, desired, world)
    facts = world.facts(NetworkFacts)
    definition = desired_definition(desired, current)
    check_versions(desired.given, definition, facts.libvirt)
    check_identity(desired.given, current.definition if current else None)
    check(definition)
    resume = resume or {}
    active = _choose(desired.active, resume.get("active"), current.active if current else True)
    autostart = _choose(desired.autostart, resume.get("autostart"), current.autostart if current else True)
    if current is None:
        plan = _plan_new(definition, active, autostart)
    else:
        plan = _plan_change(current, definition, desired, active, autostart)
    starts = any(isinstance(step, (Start, Restart)) for step in plan.steps)
    if starts or any(isinstance(step, Define) for step in plan.steps):
        check_conflicts(desired.name, known(definition, active), facts, starting=starts)
    if starts:
        refuse_unstartable(desired.name, facts.obstacles(definition))
    _refuse_disturbing(current, plan.steps)
    facts.expect(desired.name, known(definition, active))
    return plan


def _choose(given: Optional[bool], resumed: Optional[bool], default: bool) -> bool:
    if given is not None:
        return given
    return default if resumed is None else resumed


def _refuse_disturbing(current: Optional[NetworkState], steps: tuple[Step, ...]) -> None:
    """Refuses steps in which libvirt would remove an interface or end a process that isn't the network's."""
    problems = current.problems if current else ()
    for step in steps:
        if isinstance(step, (Stop, Restart)):
            refuse_disturbing(step.words, of(problems, Fault.NAME_TAKEN, Fault.PID_TAKEN))
        elif isinstance(step, ApplyUpdate) and step.live and step.update.starts_dnsmasq:
            refuse_disturbing(step.words, of(problems, Fault.PID_TAKEN))


def _plan_absent(current: Optional[NetworkState], desired: DesiredNetwork, world: World) -> NetworkPlan:
    world.facts(NetworkFacts).expect(desired.name, None)
    if current is None:
        return NetworkPlan((), None)
    refuse_disconnecting(desired.name, "removed", tuple(str(guest) for guest in current.guests if guest.connected))
    steps: list[Step] = [Stop(desired.name, current.running, current.stored)] if current.running else []
    if current.stored is not None:
        steps.append(Undefine(current.stored, current.autostart))
    _refuse_disturbing(current, tuple(steps))
    return NetworkPlan(tuple(steps), None, "removed")


def _plan_new(definition: Network, active: bool, autostart: bool) -> NetworkPlan:
    name = definition.name or ""
    steps: list[Step] = [Define(definition)]
    if autostart:
        steps.append(SetAutostart(name, True))
    if active:
        steps.append(Start(name))
    after = NetworkState(definition, definition if active else None, autostart)
    return NetworkPlan(tuple(steps), after, "created", resume={"active": active, "autostart": autostart})


def _plan_change(
    current: NetworkState, definition: Network, desired: DesiredNetwork, active: bool, autostart: bool
) -> NetworkPlan:
    name = desired.name
    stored = compare(current.stored, definition, running=False) if current.stored else Difference((), True, definition)
    if current.running is None:
        steps, running, method = _from_inactive(current, definition, stored, active)
    elif active:
        plan = _plan_running(current, current.running, definition, stored, desired)
        return _with_autostart(plan, current, autostart)
    else:
        refuse_disconnecting(name, "stopped", tuple(str(guest) for guest in current.guests if guest.connected))
        steps, running, method = _define(current, definition, stored), None, "stopped"
        steps.append(Stop(name, current.running, definition))
    guests = _disconnected(current) if running else ()
    steps += [Reconnect(name, guest) for guest in guests]
    guests_after = connected(current.guests) if running else current.guests
    after = NetworkState(definition, running, current.autostart, guests_after)
    resume = {"active": active} if running else {}
    plan = NetworkPlan(tuple(steps), after, method, connected(guests), resume=resume)
    return _with_autostart(plan, current, autostart)


def _from_inactive(
    current: NetworkState, definition: Network, stored: Difference, active: bool
) -> tuple[list[Step], Optional[Network], str]:
    steps = _define(current, definition, stored)
    method = "stored" if steps else "none"
    if not active:
        return steps, None, method
    return [*steps, Start(definition.name or "")], definition, "started"


def _define(current: NetworkState, definition: Network, stored: Difference) -> list[Step]:
    if not (stored.updates or stored.redefine):
        return []
    return [Define(definition, current.stored, transient=current.stored is None)]


def _plan_running(
    current: NetworkState, running: Network, definition: Network, stored: Difference, desired: DesiredNetwork
) -> NetworkPlan:
    """Returns the plan for a running network.

    It is updated live where that is enough. Otherwise the definition is stored, and the network is restarted, or left to
    be restarted later.
    """
    live = compare(running, definition, running=True)
    if desired.restart == "if_needed" and (live.redefine or of(current.problems, *BY_RESTART)):
        return _plan_restart(current, running, definition, stored)
    return _plan_live(current, definition, stored, live)


def _plan_restart(current: NetworkState, running: Network, definition: Network, stored: Difference) -> NetworkPlan:
    name = definition.name or ""
    if mode_of(running) in OWN_BRIDGE_MODES and _bridge(definition) is None:
        guests = tuple(str(guest) for guest in current.guests)
        refuse_disconnecting(name, f"changed to the mode {mode_of(definition)}", guests)
    reconnected = _disconnected(current) if _keeps_its_bridge(running, definition) else current.guests
    steps = [
        *_restore_firewall(name, current),  # a start needs libvirt's chains
        *_define(current, definition, stored),
        Restart(name, running, definition, reconnected),
    ]
    after = NetworkState(definition, definition, current.autostart, connected(current.guests))
    return NetworkPlan(tuple(steps), after, "restarted", connected(reconnected), resume={"active": True})


def _plan_live(current: NetworkState, definition: Network, stored: Difference, live: Difference) -> NetworkPlan:
    """Returns the plan without a restart, with the repairs that disturb nobody."""
    name = definition.name or ""
    steps = _restore_firewall(name, current)
    if of(current.problems, Fault.PID_FILE):
        steps.append(CorrectPidFile(name))
    repaired = bool(steps)
    steps += _define(current, definition, stored) if stored.redefine else []
    steps += _updates(name, live.updates, () if stored.redefine else stored.updates)
    # without its bridge there is nothing to which a guest could be connected
    lost = () if of(current.problems, Fault.BRIDGE) else _disconnected(current)
    steps += [Reconnect(name, guest) for guest in lost]
    left = _left(current.problems, live.updates)
    method = "live" if live.updates or lost or repaired else "stored" if steps else "none"
    guests = tuple(replace(guest, connected=True) if guest in lost else guest for guest in current.guests)
    after = NetworkState(definition, live.result, current.autostart, guests, left)
    return NetworkPlan(tuple(steps), after, method, connected(lost), _warnings(name, live.redefine, left))


def _restore_firewall(name: str, current: NetworkState) -> list[Step]:
    return [RestoreFirewall(name)] if of(current.problems, Fault.FIREWALL) else []


def _left(problems: tuple[Problem, ...], updates: tuple[Update, ...]) -> tuple[Problem, ...]:
    """Returns the problems that are still there after the repairs and updates of a network that isn't restarted."""
    repaired = {Fault.FIREWALL, Fault.PID_FILE}
    if any(update.starts_dnsmasq for update in updates):
        repaired.add(Fault.DNSMASQ)
    return tuple(problem for problem in problems if problem.fault not in repaired)


def _warnings(name: str, redefined: bool, problems: tuple[Problem, ...]) -> tuple[str, ...]:
    warnings = []
    if redefined:
        warnings.append(
            f"network {name}: the change is stored and waits for a restart of the network (restart is never)"
        )
    waiting = ", ".join(map(str, of(problems, *BY_RESTART)))
    if waiting:
        warnings.append(f"network {name}: {waiting}; the repair waits for a restart of the network (restart is never)")
    warnings += [
        f"network {name}: {problem}; libvirt can't start the network again until the file is writable"
        for problem in of(problems, Fault.LEASES)
    ]
    return tuple(warnings)


def _keeps_its_bridge(running: Network, definition: Network) -> bool:
    """Returns whether the guests' bridge is the host's own, which a restart of the network leaves as it is."""
    own = mode_of(running) in OWN_BRIDGE_MODES or mode_of(definition) in OWN_BRIDGE_MODES
    return not own and _bridge(running) == _bridge(definition)


def _bridge(network: Network) -> Optional[str]:
    return network.bridge.name if network.bridge else None


def _disconnected(state: NetworkState) -> tuple[Guest, ...]:
    """Returns the guests that the network doesn't carry any more."""
    return tuple(guest for guest in state.guests if not guest.connected)


def _updates(name: str, live: tuple[Update, ...], stored: tuple[Update, ...]) -> list[Step]:
    """Returns one step for what both definitions need, and one for what only one of them needs; the stored ones first."""
    only_stored: list[Step] = [ApplyUpdate(name, update, False, True) for update in stored if update not in live]
    return only_stored + [ApplyUpdate(name, update, True, update in stored) for update in live]


def _with_autostart(plan: NetworkPlan, current: NetworkState, autostart: bool) -> NetworkPlan:
    if autostart == current.autostart or plan.after is None:
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
    """Returns the state in the structure of the options, for a person to read in a diff.

    What the host chooses (UUID, MAC address, bridge name) is left out unless it was given. Where the running definition
    differs from the stored one, ``running`` has the options that differ.
    """
    if state is None:
        return {"name": given.name, "state": "absent"}
    head = {"name": given.name, "state": "present", "active": state.active, "autostart": state.autostart}
    shown = {**head, **_definition(state.definition, given)}
    if state.stored is None:
        shown["persistent"] = False
    elif state.running is not None:
        drift = compare(align(state.running, state.stored), state.stored, running=True)
        if drift.updates or drift.redefine:
            ours, theirs = _definition(state.stored, given), _definition(state.running, given)
            keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
            shown["running"] = {key: theirs.get(key) for key in keys if key not in ("title", "description", "metadata")}
    lost = [str(guest) for guest in _disconnected(state)]
    if lost and state.active:
        shown["disconnected_guests"] = lost
    if state.problems:
        shown["problems"] = [str(problem) for problem in state.problems]
    return shown


def _definition(network: Network, given: Network) -> dict[str, Any]:
    shown = to_options(canonical(without_host_chosen(network, given)))
    shown["forward"] = {"mode": mode_of(network), **shown.get("forward", {})}
    if network.extra:
        shown["other"] = [f"{extra.path}: {extra.xml}" if extra.path else extra.xml for extra in network.extra]
    return shown
