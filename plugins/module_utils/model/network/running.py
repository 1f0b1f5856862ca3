# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans a change or repair of a network that is running: live where that is enough, by a restart otherwise. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ...contract import Step, World
from ..links import LinkFacts
from .desired import DesiredNetwork
from .estimate import seconds
from .options import OWN_BRIDGE_MODES, Guest, Network, NetworkState, mode_of, own_bridge
from .problems import BY_RESTART, Fault, Problem, of
from .steps import ApplyUpdate, CorrectPidFile, Define, NetworkPlan, Reconnect, Restart, RestoreFirewall, connected
from .updates import Difference, Update, compare, merge
from .validate import refuse_disconnecting

# Seconds that a restart must save, if nobody has asked for it: a few live changes are worth the wait.
_WORTH_A_RESTART = 5.0


def plan_running(
    current: NetworkState,
    running: Network,
    definition: Network,
    stored: Difference,
    desired: DesiredNetwork,
    world: World,
) -> NetworkPlan:
    """Returns the plan for a running network.

    It is updated live where that is enough. Otherwise the definition is stored, and the network is restarted, or left to
    be restarted later.
    """
    live = compare(running, definition, running=True)
    gentle = _plan_live(current, definition, stored, live)
    if desired.restart == "never" or not (live.redefine or live.updates or of(current.problems, *BY_RESTART)):
        return gentle
    restarted = _plan_restart(current, running, definition, stored, world)
    if live.redefine or of(current.problems, *BY_RESTART):
        return restarted
    return restarted if _is_faster(restarted, gentle, current, running, desired, world) else gentle


def _plan_restart(
    current: NetworkState, running: Network, definition: Network, stored: Difference, world: World
) -> NetworkPlan:
    name = definition.name or ""
    if mode_of(running) in OWN_BRIDGE_MODES and _bridge(definition) is None:
        guests = tuple(str(guest) for guest in current.guests)
        refuse_disconnecting(name, f"changed to the mode {mode_of(definition)}", guests)
    reconnected = disconnected(current) if _keeps_its_bridge(running, definition) else current.guests
    steps = [
        *_restore_firewall(name, current),  # a start needs libvirt's chains
        *define(current, definition, stored),
        Restart(name, running, definition, reconnected, _others(current, running, definition, world)),
    ]
    after = NetworkState(definition, definition, current.autostart, connected(current.guests))
    return NetworkPlan(tuple(steps), after, "restarted", connected(reconnected), resume={"active": True})


def _others(current: NetworkState, running: Network, definition: Network, world: World) -> tuple[str, ...]:
    """Returns the interfaces of others that are on the bridge, and will be again after a restart."""
    bridge = own_bridge(running)
    if bridge is None or bridge != own_bridge(definition):
        return ()
    on_bridge = world.facts(LinkFacts).on_bridge(bridge) or frozenset()
    return tuple(sorted(on_bridge - {guest.device for guest in current.guests}))


def _plan_live(current: NetworkState, definition: Network, stored: Difference, live: Difference) -> NetworkPlan:
    """Returns the plan without a restart, with the repairs that disturb no guest."""
    name = definition.name or ""
    steps = _restore_firewall(name, current)
    if of(current.problems, Fault.PID_FILE):
        steps.append(CorrectPidFile(name))
    repaired = bool(steps)
    steps += define(current, definition, stored) if stored.redefine else []
    steps += _updates(name, live.updates, () if stored.redefine else stored.updates)
    # without its bridge there is nothing to which a guest could be connected
    lost = () if of(current.problems, Fault.BRIDGE) else disconnected(current)
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


def _is_faster(
    restarted: NetworkPlan,
    gentle: NetworkPlan,
    current: NetworkState,
    running: Network,
    desired: DesiredNetwork,
    world: World,
) -> bool:
    """Returns whether a restart that isn't necessary takes the place of live changes: if asked for, or if it disconnects nothing."""
    saved = seconds(gentle.steps, running) - seconds(restarted.steps, running)
    if saved <= 0 or of(current.problems, Fault.LEASES):  # with such a file libvirt can't start it again
        return False
    on_bridge = world.facts(LinkFacts).on_bridge(_bridge(running) or "")
    others = None if on_bridge is None else on_bridge - {guest.device for guest in current.guests}
    if desired.restart == "if_faster":
        return not others  # they would lose the bridge
    nobody = others is not None and not on_bridge and not any(guest.connected for guest in current.guests)
    return nobody and saved > _WORTH_A_RESTART


def _keeps_its_bridge(running: Network, definition: Network) -> bool:
    """Returns whether the guests' bridge is the host's own, which a restart of the network leaves as it is."""
    own = mode_of(running) in OWN_BRIDGE_MODES or mode_of(definition) in OWN_BRIDGE_MODES
    return not own and _bridge(running) == _bridge(definition)


def _bridge(network: Network) -> Optional[str]:
    return network.bridge.name if network.bridge else None


def disconnected(state: NetworkState) -> tuple[Guest, ...]:
    """Returns the guests that the network doesn't carry any more."""
    return tuple(guest for guest in state.guests if not guest.connected)


def _updates(name: str, live: tuple[Update, ...], stored: tuple[Update, ...]) -> list[Step]:
    return [ApplyUpdate(name, update, in_live, in_stored) for update, in_live, in_stored in merge(stored, live)]


def define(current: NetworkState, definition: Network, stored: Difference) -> list[Step]:
    """Returns the step that stores the definition, if the stored one differs."""
    if not (stored.updates or stored.redefine):
        return []
    return [Define(definition, current.stored, transient=current.stored is None)]
