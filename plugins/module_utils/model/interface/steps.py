# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the interfaces that there are to the desired ones: the steps, in an order that the kernel accepts.

The effects of each request are predicted, so what the kernel does by itself is known too: a route that is removed with an
address is added again where it is desired, and the undo of a step restores all that it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Optional

from ...contract import Host, Step
from . import requests
from .differences import changed_settings, creation_settings, recreating_options
from .ip.desired import needs_change
from .kernel_effects import LEAST_IPV6_MTU, Context, predict, same_address
from .normal import destination, family, ip_of, normal_state, without_vlans
from .options import Address, Interface, InterfaceState, Ipv6, LinuxBridge, Port, Route
from .vlans import Vlans, entries_to_add, ranges_to_remove, vlans_of

# Interfaces by name; ``None`` for one that is not there.
OptionalStates = Mapping[str, Optional[InterfaceState]]

_ROUNDS = 3  # what the kernel removed in one is added again in the next


@dataclass(frozen=True)
class InterfaceStep(Step):
    """A request, and the interfaces that it changes or that it depends on, before and after."""

    request: requests.Request
    netns: Optional[str]
    before: OptionalStates
    after: OptionalStates
    bridge_vlans: bool

    @property
    def words(self) -> str:
        return f"{self.request.words} in namespace {self.netns}" if self.netns else self.request.words

    def do(self, host: Host) -> None:
        self.request.do(host.driver(requests.InterfaceDriver, self.netns))

    def undo(self, host: Host) -> None:
        current = {name: state for name, state in self.after.items() if state is not None}
        planner = StepPlanner(current, self.netns, bridge_vlans=self.bridge_vlans, track_uncertain=False)
        planner.plan_to(self.before)
        for step in planner.steps:
            step.request.do(host.driver(requests.InterfaceDriver, self.netns))


def steps_to(
    current: Mapping[str, InterfaceState],
    desired: Mapping[str, InterfaceState],
    *,
    bridge_vlans: bool,
    netns: Optional[str] = None,
) -> list[InterfaceStep]:
    """Returns the steps from the current interfaces to the desired ones.

    Interfaces that aren't in ``desired`` are removed, so leave out of both what must not change. ``bridge_vlans`` is whether
    the kernel has VLANs on bridges (`requests.BRIDGE_VLANS`).
    """
    planner = StepPlanner(
        {name: normal_state(state) for name, state in current.items()}, netns, bridge_vlans=bridge_vlans
    )
    states: dict[str, Optional[InterfaceState]] = {name: normal_state(state) for name, state in desired.items()}
    states.update({name: None for name in current if name not in desired})
    planner.plan_to(states)
    return planner.steps


class StepPlanner:
    """The steps so far, and in ``states`` the interfaces as they are after these steps."""

    def __init__(
        self,
        states: MutableMapping[str, InterfaceState],
        netns: Optional[str] = None,
        *,
        bridge_vlans: bool,
        track_uncertain: bool = True,
        context: Optional[Context] = None,
    ) -> None:
        self.states = states
        self.steps: list[InterfaceStep] = []
        self._netns = netns
        self._context = context or Context(states, bridge_vlans, track_uncertain=track_uncertain)

    def declare(self, given: Interface) -> None:
        """Notes a bridge's MAC address and MTU that are given: ports that come, change or go must not change them."""
        name = given.name or ""
        for setting in ("mac", "mtu"):
            if setting in given.traits.follow_ports and getattr(given, setting) is not None:
                self._context.declared[name, setting] = getattr(given, setting)

    def add(self, request: requests.Request) -> None:
        """Adds a step, and changes ``states`` to what is predicted after it."""
        changed = predict(request, self._context)
        while held := self._context.to_set_first():
            # before the ports: with a bridge's MTU those of the VLANs on it go down, and stay down
            name, setting = held[0]
            value: dict[str, Any] = {setting: self._context.declared[held[0]]}
            self.add(requests.Set(type(self.states[name].definition)(name=name, **value)))
            changed = predict(request, self._context)
        involved = dict.fromkeys(changed)
        for name in changed:
            for state in (self.states.get(name), changed[name]):
                if state is not None:
                    involved.update(dict.fromkeys(other for other in (state.master, state.lower) if other))
        before = {name: self.states.get(name) for name in involved}
        after = {name: changed[name] if name in changed else self.states.get(name) for name in involved}
        self.steps.append(InterfaceStep(request, self._netns, before, after, self._context.bridge_vlans))
        for name, state in changed.items():
            if state is None:
                self.states.pop(name, None)
            else:
                self.states[name] = state

    def plan_to(self, desired: OptionalStates) -> None:
        """Adds the steps that lead to the desired interfaces (``None``: removed).

        What the host chooses is left to it where it is ``None`` in a definition.
        """
        self._remove(desired)
        order = [
            state
            for state in parents_first(desired)
            if state.name in self.states or state.definition.traits.kernel_kind  # hardware can't be created
        ]
        phases = (
            self._create_or_set,
            self._set_ipv6,
            self._bring_up_or_down,
            self._set_port,
            self._set_own_vlans,
            self._set_after_ports,
            self._add_addresses_and_routes,
            self._remove_addresses_and_routes,
        )
        for _round in range(_ROUNDS):
            count = len(self.steps)
            for phase in phases:
                for state in order:
                    phase(state)
            if len(self.steps) == count:
                return

    # -- creating, removing, settings -----------------------------------------------------------------------------------

    def _remove(self, desired: OptionalStates) -> None:
        """Removes what is on another interface first, so that each removal is a step with words of its own."""
        names = [name for name, state in desired.items() if name in self.states and self._must_go(name, state)]
        for name in sorted(names, key=lambda name: -depth(name, self.states)):
            current = self.states.get(name)
            if current is not None:
                self.add(requests.Remove(name, current.definition.word))

    def _must_go(self, name: str, desired: Optional[InterfaceState]) -> bool:
        return desired is None or bool(recreating_options(self.states[name].definition, desired.definition))

    def _create_or_set(self, desired: InterfaceState) -> None:
        current = self.states.get(desired.name)
        definition = desired.definition
        if current is None:
            self.add(requests.Create(creation_settings(definition)))
            return
        changes = changed_settings(current.definition, definition)
        for name in ("up", "mac", "mtu"):
            changes.pop(name, None)
        changes.update(self._changed_sizes(current, definition, early=True))
        if changes.get("vlan_filtering"):
            del changes["vlan_filtering"]  # not before the ports have their VLANs
        if changes.get("stp") is False and "forward_delay" in changes:
            # the kernel looks at the delay first, and takes a short one only without STP (br_set_forward_delay)
            self._set(definition, {"stp": changes.pop("stp")})
        self._set(definition, changes)

    def _changed_sizes(self, current: InterfaceState, desired: Interface, *, early: bool) -> dict[str, Any]:
        """Returns the MAC address and the MTU where they differ or may differ.

        An MTU that ports may change is not set ``early``, before them.
        """
        changes = {}
        for name in ("mac", "mtu"):
            value = getattr(desired, name)
            if value is None or (early and name == "mtu" and name in desired.traits.follow_ports):
                continue
            if getattr(current.definition, name) != value or (current.name, name) in self._context.uncertain:
                changes[name] = value
        return changes

    def _set(self, definition: Interface, changes: Mapping[str, Any]) -> None:
        if changes:
            self.add(requests.Set(type(definition)(name=definition.name, **changes)))

    def _set_after_ports(self, desired: InterfaceState) -> None:
        """Sets what ports may have changed (MAC address, MTU), and the VLAN filter, which drops the frames of VLANs that
        aren't added yet."""
        definition = desired.definition
        if not definition.traits.follow_ports:
            return
        current = self.states[desired.name]
        changes = self._changed_sizes(current, definition, early=False)
        if changed_settings(current.definition, definition).get("vlan_filtering"):
            changes["vlan_filtering"] = True
        self._set(definition, changes)

    # -- up and down, masters, VLANs --------------------------------------------------------------------------------------

    def _bring_up_or_down(self, desired: InterfaceState) -> None:
        up = desired.definition.up
        if up is not None and up != self.states[desired.name].definition.up:
            self._set(desired.definition, {"up": up})

    def _set_port(self, desired: InterfaceState) -> None:
        current = self.states[desired.name]
        if desired.master != current.master:
            self.add(requests.SetMaster(desired.name, desired.master, current.master))
        if desired.port is None or desired.master is None:
            return
        port = self.states[desired.name].port or Port()
        changes = changed_settings(without_vlans(port), without_vlans(desired.port))
        if changes:
            self.add(requests.SetPort(Port(name=desired.name, **changes)))
        self._set_vlans(desired.name, vlans_of(port), vlans_of(desired.port), own=False)

    def _set_own_vlans(self, desired: InterfaceState) -> None:
        current = self.states[desired.name].definition
        if isinstance(current, LinuxBridge) and isinstance(desired.definition, LinuxBridge):
            self._set_vlans(desired.name, vlans_of(current), vlans_of(desired.definition), own=True)

    def _set_vlans(self, name: str, current: Vlans, desired: Vlans, *, own: bool) -> None:
        if not self._context.bridge_vlans:
            return
        # the old pvid is removed before the new one is added: a run that is killed in between leaves no undesired one
        for vids in ranges_to_remove(current, desired):
            self.add(requests.RemoveVlans(name, vids, own))
        for entry in entries_to_add(current, desired):
            self.add(requests.AddVlans(name, entry, own))

    # -- IPv6, addresses, routes ------------------------------------------------------------------------------------------

    def _set_ipv6(self, desired: InterfaceState) -> None:
        ipv6 = desired.definition.ipv6
        current = self.states[desired.name].definition
        if ipv6 is None or (current.mtu or LEAST_IPV6_MTU) < LEAST_IPV6_MTU:
            return  # with so small an MTU an interface has no IPv6
        changes = changed_settings(current.ipv6 or Ipv6(), ipv6)
        if changes.get("enabled") is False and self._has_undesired(desired):
            return  # only after all that moves to another interface is there
        if changes:
            self.add(requests.SetIpv6(desired.name, Ipv6(**changes)))

    def _has_undesired(self, desired: InterfaceState) -> bool:
        current = self.states[desired.name]
        return any(not _has_route(desired, route) for route in current.routes) or any(
            not _has_address(desired, address) for address in current.addresses
        )

    def _add_addresses_and_routes(self, desired: InterfaceState) -> None:
        """Adds before anything is removed, so that what is reached by an address that moves is reached all the time.

        An interface has an IPv6 address only once, whatever its prefix (ipv6_add_addr).
        """
        name = desired.name
        for address in desired.addresses:
            state = self.states[name]
            if any(same_address(address, held) and not needs_change(held, address) for held in state.addresses):
                continue
            for held in state.addresses:
                same = same_address(held, address)
                if family(held.cidr) == 6 and ip_of(held.cidr) == ip_of(address.cidr) and not same:
                    self.add(requests.RemoveAddress(name, held))
            self.add(requests.AddAddress(name, address))
        for route in gateways_last(desired.routes):
            state = self.states[name]
            if _has_route(state, route):
                continue
            for other in state.routes:
                if route_key(other) == route_key(route) and not _has_route(desired, other):
                    self.add(requests.RemoveRoute(name, other))
            self.add(requests.AddRoute(name, route))

    def _remove_addresses_and_routes(self, desired: InterfaceState) -> None:
        name = desired.name
        for route in reversed(gateways_last(self.states[name].routes)):
            if not _has_route(desired, route):
                self.add(requests.RemoveRoute(name, route))
        # the last one first: the others of a subnet go with its first one, or stay (promote_secondaries)
        for address in reversed(self.states[name].addresses):
            if _has_address(self.states[name], address) and not _has_address(desired, address):
                self.add(requests.RemoveAddress(name, address))


def _has_route(state: InterfaceState, route: Route) -> bool:
    return any(route.option == other.option for other in state.routes)


def _has_address(state: InterfaceState, address: Address) -> bool:
    return any(same_address(address, other) for other in state.addresses)


def route_key(route: Route) -> tuple[str, Optional[int], Optional[int]]:
    """Returns what the kernel tells an interface's routes apart by: destination, metric, table."""
    return (destination(route.option), route.option.metric, route.option.table)


def gateways_last(routes: Iterable[Route]) -> list[Route]:
    """Returns the routes in the order in which they can be added: a gateway must be reachable by then."""
    return sorted(routes, key=lambda route: route.option.via is not None)


def parents_first(desired: OptionalStates) -> Iterator[InterfaceState]:
    """Yields the interfaces that are to be there, each after what it is on."""
    present = {name: state for name, state in desired.items() if state is not None}
    yield from sorted(present.values(), key=lambda state: depth(state.name, present))


def depth(name: str, states: Mapping[str, InterfaceState]) -> int:
    """Returns how many interfaces are below one."""
    levels, seen = 0, set()
    while name in states and name not in seen:
        seen.add(name)
        lower = states[name].lower
        if lower is None:
            break
        name, levels = lower, levels + 1
    return levels
