# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the network that a host has and the desired one to the steps between them. Pure: no I/O, no Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

from ...contract import Step, World
from ..fields import canonical, shapes, to_options, without_host_chosen
from .desired import DesiredNetwork, desired_definition
from .facts import NetworkFacts, known
from .options import Network, NetworkState, align, mode_of
from .problems import Fault, of
from .running import define, disconnected, plan_running
from .steps import (
    ApplyUpdate,
    Define,
    NetworkPlan,
    Reconnect,
    Restart,
    SetAutostart,
    Start,
    Stop,
    Undefine,
    connected,
)
from .updates import Difference, compare
from .validate import (
    check,
    check_conflicts,
    check_identity,
    check_unknown,
    check_versions,
    refuse_disconnecting,
    refuse_disturbing,
    refuse_unstartable,
)

# Seconds that a restart must save, if nobody has asked for it: a few live changes are worth the wait.
_WORTH_A_RESTART = 5.0


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
    check_unknown(desired.given, definition, current.definition if current else None, facts)
    resume = resume or {}
    active = _choose(desired.active, resume.get("active"), current.active if current else True)
    autostart = _choose(desired.autostart, resume.get("autostart"), current.autostart if current else True)
    if current is None:
        plan = _plan_new(definition, active, autostart)
    else:
        plan = _plan_change(current, definition, desired, active, autostart, world)
    starts = any(isinstance(step, (Start, Restart)) for step in plan.steps)
    if starts or any(isinstance(step, Define) for step in plan.steps):
        before = known(current.definition, True).bridge if current else None
        check_conflicts(desired.name, known(definition, active), facts, starting=starts, bridge_before=before)
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
    facts = world.facts(NetworkFacts)
    facts.expect(desired.name, None)
    if current is None:
        return NetworkPlan((), None)
    connected = [guest for guest in current.guests if guest.connected and not facts.has_left(desired.name, guest.mac)]
    refuse_disconnecting(desired.name, "removed", tuple(map(str, connected)))
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
    current: NetworkState,
    definition: Network,
    desired: DesiredNetwork,
    active: bool,
    autostart: bool,
    world: World,
) -> NetworkPlan:
    name = desired.name
    stored = compare(current.stored, definition, running=False) if current.stored else Difference((), True, definition)
    if current.running is None:
        steps, running, method = _from_inactive(current, definition, stored, active)
    elif active:
        plan = plan_running(current, current.running, definition, stored, desired, world)
        return _with_autostart(plan, current, autostart)
    else:
        refuse_disconnecting(name, "stopped", tuple(str(guest) for guest in current.guests if guest.connected))
        steps, running, method = define(current, definition, stored), None, "stopped"
        steps.append(Stop(name, current.running, definition))
    guests = disconnected(current) if running else ()
    steps += [Reconnect(name, guest) for guest in guests]
    guests_after = connected(current.guests) if running else current.guests
    after = NetworkState(definition, running, current.autostart, guests_after)
    resume = {"active": active} if running else {}
    plan = NetworkPlan(tuple(steps), after, method, connected(guests), resume=resume)
    return _with_autostart(plan, current, autostart)


def _from_inactive(
    current: NetworkState, definition: Network, stored: Difference, active: bool
) -> tuple[list[Step], Optional[Network], str]:
    steps = define(current, definition, stored)
    method = "stored" if steps else "none"
    if not active:
        return steps, None, method
    return [*steps, Start(definition.name or "")], definition, "started"


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
            keys = [key for key in _in_one_order({**ours, **theirs}) if ours.get(key) != theirs.get(key)]
            shown["running"] = {key: theirs.get(key) for key in keys if key not in ("title", "description", "metadata")}
    lost = [str(guest) for guest in disconnected(state)]
    if lost and state.active:
        shown["disconnected_guests"] = lost
    if state.problems:
        shown["problems"] = [str(problem) for problem in state.problems]
    return shown


def _definition(network: Network, given: Network) -> dict[str, Any]:
    shown = to_options(canonical(without_host_chosen(network, given)))
    shown["forward"] = {"mode": mode_of(network), **shown.get("forward", {})}
    shown = _in_one_order(shown)
    if network.extra:
        shown["other"] = [f"{extra.path}: {extra.xml}" if extra.path else extra.xml for extra in network.extra]
    return shown


def _in_one_order(shown: dict[str, Any]) -> dict[str, Any]:
    """Returns the options in the order in which they are declared, so that a diff shows none of them as moved."""
    known = [shape.name for shape in shapes(Network) if shape.name in shown]
    return {name: shown[name] for name in [*known, *(name for name in shown if name not in known)]}
