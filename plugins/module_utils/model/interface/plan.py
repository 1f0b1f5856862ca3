# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the interfaces that a host has and the desired one to the steps between them. Pure: no I/O, no Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional, TypeVar

from ...errors import OptionError
from ..fields import canonical, to_options, without_host_chosen
from .desired import (
    DesiredInterface,
    DesiredStates,
    States,
    complete_definition,
    desired_definition,
    desired_states,
    ports_of,
)
from .differences import recreating_options
from .facts import Namespace
from .normal import with_own_route
from .options import BridgeVlans, Interface, InterfaceState, LinuxBridge
from .steps import StepPlanner
from .validate import check, check_removal

B = TypeVar("B", bound=BridgeVlans)


@dataclass(frozen=True)
class ObservedInterface:
    """An interface as a host has it: its state, its complete definition (``None``: it isn't there), and the tool's files."""

    state: Optional[InterfaceState]
    definition: Optional[Interface]
    taps: frozenset[str] = frozenset()  # the ports of a bridge by which guests are connected
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InterfacePlan:
    """The steps, and what they lead to; ``last`` are steps that several plans share, which are done once, after all."""

    steps: tuple[Any, ...]
    after: ObservedInterface
    method: str = "none"
    warnings: tuple[str, ...] = ()
    resume: Any = None  # a `Resume`, or the same as JSON
    last: tuple[Any, ...] = ()
    touched: tuple[str, ...] = ()  # files
    persist: str = "none"


@dataclass(frozen=True)
class Resume:
    """What a run that was killed had still to do: bring up what it created, create again what it removed (``states``), or
    move all that the adopted interface has (``adopting``)."""

    up: bool = False
    states: tuple[InterfaceState, ...] = ()
    adopting: bool = False


def plan_interface(desired: DesiredInterface, namespace: Namespace, resume: Optional[Resume] = None) -> InterfacePlan:
    """Returns the plan for an interface, and changes the states of ``namespace`` to those after it.

    Raises `OptionError` or `VirtnetError` for what is not possible or not allowed.
    """
    planner = namespace.planner()
    warnings = _warnings(desired, namespace) if desired.present else ()
    notes: Optional[Resume] = None
    if desired.present:
        method, notes = _plan_present(desired, namespace, planner, resume or Resume())
    else:
        method = _plan_absent(desired, namespace, planner)
    if not planner.steps:
        method, notes, warnings = "none", None, ()
    after = observed_interface(desired.name, namespace.states)
    return InterfacePlan(tuple(planner.steps), after, method, warnings, notes)


def _warnings(desired: DesiredInterface, namespace: Namespace) -> tuple[str, ...]:
    """Returns a warning for each leased address: the bridge that adopts it has it, but no DHCP client renews it there."""
    adopted = namespace.states.get(desired.adopt or "")
    leased = [address.cidr for address in (adopted.addresses if adopted else ()) if address.valid_seconds is not None]
    return tuple(
        f"{cidr} of {desired.adopt} is a DHCP lease: {desired.name} keeps it until it expires, as no DHCP client renews it"
        " there; after a reboot it is a fixed address"
        for cidr in leased
    )


def observed_interface(name: str, states: States) -> ObservedInterface:
    """Returns an interface with what follows from the states of the others."""
    state = states.get(name)
    if state is None:
        return ObservedInterface(None, None)
    ports = ports_of(name, states) if isinstance(state.definition, LinuxBridge) else []
    taps = frozenset(port.name for port in ports if port.kind == "tun")
    return ObservedInterface(state, complete_definition(name, states), taps)


def _plan_absent(desired: DesiredInterface, namespace: Namespace, planner: StepPlanner) -> str:
    states = namespace.states
    current = states.get(desired.name)
    if current is None:
        return "none"
    check_removal(desired, current, states)
    if desired.adopt:
        planner.plan_to({desired.adopt: _given_back(states[desired.adopt], current)})
    planner.plan_to({desired.name: None})
    return "removed"


def _plan_present(
    desired: DesiredInterface, namespace: Namespace, planner: StepPlanner, resume: Resume
) -> tuple[str, Optional[Resume]]:
    states = namespace.states
    current = states.get(desired.name)
    given = _with_account_names(desired.given, namespace)
    if resume.up and given.up is None:
        given = replace(given, up=True)
    resolved = replace(desired, given=given)
    resumed = {state.name: state for state in resume.states if state.name == desired.name or state.name not in states}
    base = resumed.get(desired.name, current)
    definition = desired_definition(resolved, base, namespace)
    check(desired, definition, current, namespace)
    options = recreating_options(current.definition, definition) if current else ()
    if options and current and not desired.recreate:
        raise OptionError(
            options[0],
            getattr(desired.given, options[0]),
            f"can't be set in place on {desired.name}, which has {getattr(current.definition, options[0])};"
            " keep that, or set recreate to true",
        )
    recreating = bool(options) or bool(resumed)
    adopting = bool(desired.adopt) and (resume.adopting or _has_its_own(states[desired.adopt or ""], desired.name))
    targets: DesiredStates = {
        **resumed,
        **desired_states(resolved, definition, base, namespace, recreating=recreating, adopting=adopting),
    }
    planner.plan_to(targets)
    if recreating:
        remaining = tuple(state for state in targets.values() if state is not None)
        return "recreated", Resume(bool(definition.up), remaining, adopting)
    if current is None:
        return "created", Resume(up=bool(definition.up), adopting=adopting)
    return "changed", Resume(adopting=True) if adopting else None


def _has_its_own(adopted: InterfaceState, bridge: str) -> bool:
    return adopted.master != bridge or bool(adopted.addresses) or bool(adopted.routes)


def _with_account_names(given: Interface, namespace: Namespace) -> Interface:
    """Returns the options with users and groups as the host names them; raises `OptionError` where there is none."""
    changes: dict[str, Any] = {}
    for option, kind in given.traits.accounts:
        text = getattr(given, option)
        if text:
            changes[option] = namespace.account(kind, text)
            if changes[option] is None:
                raise OptionError(option, text, f"is no {kind} of this host; give the name or the number of one")
    return replace(given, **changes)


def _given_back(adopted: InterfaceState, bridge: InterfaceState) -> InterfaceState:
    """Returns the interface that a bridge had adopted, with the addresses and routes of the bridge."""
    addresses = {address.cidr: with_own_route(address) for address in bridge.addresses}
    addresses.update({address.cidr: address for address in adopted.addresses})
    routes = {route.option: route for route in (*bridge.routes, *adopted.routes)}
    ipv6 = adopted.definition.ipv6
    definition = replace(adopted.definition, up=True, ipv6=replace(ipv6, enabled=True) if ipv6 else None)
    return replace(
        adopted,
        definition=definition,
        addresses=tuple(addresses.values()),
        routes=tuple(routes.values()),
        master=None,
        port=None,
    )


def show(seen: ObservedInterface, desired: DesiredInterface) -> dict[str, Any]:
    """Returns the interface in the structure of the options, for a person to read in a diff.

    What the host has chosen is left out unless it was given. So are the ports of guests, and the VLANs of a bridge that
    doesn't filter them.
    """
    head: dict[str, Any] = {"name": desired.name, "state": "absent" if seen.definition is None else "present"}
    if desired.netns is not None:
        head["netns"] = desired.netns
    if seen.definition is None:
        return head
    if type(seen.definition) is not type(desired.given):
        return {**head, **to_options(seen.definition)}
    shown = without_host_chosen(seen.definition, desired.given)
    if isinstance(shown, LinuxBridge) and isinstance(desired.given, LinuxBridge):
        shown = _shown_bridge(shown, desired.given, desired, seen)
    return {**head, **to_options(canonical(shown))}


_VLANS = ("pvid", "tagged", "untagged")


def _shown_bridge(
    shown: LinuxBridge, given: LinuxBridge, desired: DesiredInterface, seen: ObservedInterface
) -> LinuxBridge:
    listed = {port.name: port for port in given.ports or ()}
    ports = []
    for port in shown.ports or ():
        given_port = listed.get(port.name)
        if port.name in seen.taps and given_port is None and not desired.purge_taps and port.name != desired.adopt:
            continue
        ports.append(_shown_vlans(without_host_chosen(port, given_port), given_port, shown))
    return replace(_shown_vlans(shown, given, shown), ports=tuple(ports) or None)


def _shown_vlans(value: B, given: Optional[BridgeVlans], bridge: LinuxBridge) -> B:
    if bridge.vlan_filtering:
        return value
    hidden: dict[str, Any] = {name: None for name in _VLANS if given is None or getattr(given, name) is None}
    return replace(value, **hidden)
