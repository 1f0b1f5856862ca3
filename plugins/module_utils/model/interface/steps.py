# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the interfaces that there are to those that there should be: the requests, in an order that the kernel takes.

Each request's consequences are predicted, so that what the kernel does by itself is seen too: a route that goes with an
address is put back where it is desired, and the way back from a step leads over all that it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Optional

from ...contract import Host, Step
from ..fields import shapes
from . import requests as ask
from .kernel_effects import LEAST_IPV6_MTU, Context, predict, same_address
from .normal import LISTS, blank_vlans, destination, family, ip_of, normal_state
from .options import Interface, InterfaceState, Ipv6, LinuxBridge, Port, Route, Tuntap, VlanIface
from .vlans import Vlans, admit, dismiss, vlans_of

Target = Mapping[str, Optional[InterfaceState]]

# Another value of these makes another interface.
FIXED = {VlanIface: ("parent", "id", "protocol"), Tuntap: ("mode", "multi_queue")}
_ROUNDS = 3  # what the kernel took away in one is put back in the next


@dataclass(frozen=True)
class InterfaceStep(Step):
    """A request, and the interfaces that it changes or that bear on it, before and after; see `contract.Step`."""

    request: ask.Request
    netns: Optional[str]
    was: Mapping[str, Optional[InterfaceState]]
    becomes: Mapping[str, Optional[InterfaceState]]
    bridge_vlans: bool

    @property
    def words(self) -> str:
        return f"{self.request.words} in namespace {self.netns}" if self.netns else self.request.words

    def do(self, host: Host) -> None:
        self.request.do(host.driver(ask.InterfaceDriver, self.netns))

    def undo(self, host: Host) -> None:
        there = {name: state for name, state in self.becomes.items() if state is not None}
        planner = StepPlanner(there, self.netns, bridge_vlans=self.bridge_vlans, doubting=False)
        planner.plan_to(self.was)
        for step in planner.steps:
            step.request.do(host.driver(ask.InterfaceDriver, self.netns))


def steps_to(
    before: Mapping[str, InterfaceState],
    target: Mapping[str, InterfaceState],
    *,
    bridge_vlans: bool,
    netns: Optional[str] = None,
) -> list[InterfaceStep]:
    """The steps from some interfaces to others; those that aren't in ``target`` are removed, so leave out of both what is
    not to be touched. ``bridge_vlans``: whether the kernel has them ("bridge vlan filtering" of its features)."""
    planner = StepPlanner(
        {name: normal_state(state) for name, state in before.items()}, netns, bridge_vlans=bridge_vlans
    )
    desired: dict[str, Optional[InterfaceState]] = {name: normal_state(state) for name, state in target.items()}
    desired.update({name: None for name in before if name not in target})
    planner.plan_to(desired)
    return planner.steps


class StepPlanner:
    """Steps, and the interfaces as they will be after them: ``states`` is changed along with them."""

    def __init__(
        self,
        states: MutableMapping[str, InterfaceState],
        netns: Optional[str] = None,
        *,
        bridge_vlans: bool,
        doubting: bool = True,
    ) -> None:
        self.states = states
        self.steps: list[InterfaceStep] = []
        self._netns = netns
        self._context = Context(states, bridge_vlans, doubting=doubting)

    def add(self, request: ask.Request) -> None:
        """One more step."""
        changed = predict(request, self._context)
        around = dict.fromkeys(changed)
        for name in changed:
            for state in (self.states.get(name), changed[name]):
                if state is not None:
                    around.update(dict.fromkeys(other for other in (state.master, state.lower) if other))
        was = {name: self.states.get(name) for name in around}
        becomes = {name: changed[name] if name in changed else self.states.get(name) for name in around}
        self.steps.append(InterfaceStep(request, self._netns, was, becomes, self._context.bridge_vlans))
        for name, state in changed.items():
            if state is None:
                self.states.pop(name, None)
            else:
                self.states[name] = state

    def plan_to(self, target: Target) -> None:
        """Take the steps that make the interfaces so (``None``: gone); what is ``None`` in a definition that the host
        chooses is left to it."""
        self._remove(target)
        order = [
            state
            for state in parents_first(target)
            if state.name in self.states
            or isinstance(state.definition, (LinuxBridge, VlanIface, Tuntap))  # else it is hardware
        ]
        for _round in range(_ROUNDS):
            before = len(self.steps)
            for work in (
                self._make,
                self._ipv6,
                self._up,
                self._port,
                self._own_vlans,
                self._late,
                self._add,
                self._drop,
            ):
                for state in order:
                    work(state)
            if len(self.steps) == before:
                return

    # -- what goes and comes --------------------------------------------------------------------------------------------

    def _remove(self, target: Target) -> None:
        """What is on top first, so that each removal is a step with words of its own."""
        gone = [name for name, state in target.items() if name in self.states and self._goes(name, state)]
        for name in sorted(gone, key=lambda name: -depth(name, self.states)):
            found = self.states.get(name)
            if found is not None:
                self.add(ask.Delete(name, ask.kind_word(found.definition)))

    def _goes(self, name: str, desired: Optional[InterfaceState]) -> bool:
        return desired is None or bool(must_remake(self.states[name].definition, desired.definition))

    def _make(self, desired: InterfaceState) -> None:
        found = self.states.get(desired.name)
        definition = desired.definition
        if found is None:
            self.add(ask.Add(bare(definition)))
            return
        changes = settings(found.definition, definition)
        for name in ("up", "mac", "mtu"):
            changes.pop(name, None)
        if definition.mac is not None and self._differs(found, "mac", definition):
            changes["mac"] = definition.mac
        if (
            definition.mtu is not None
            and not isinstance(definition, LinuxBridge)
            and self._differs(found, "mtu", definition)
        ):
            changes["mtu"] = definition.mtu
        if changes.get("vlan_filtering"):
            del changes["vlan_filtering"]  # not before the ports have their VLANs
        if changes.get("stp") is False and "forward_delay" in changes:
            # the kernel looks at the delay first, and takes a short one only without STP (br_set_forward_delay)
            self._set(definition, {"stp": changes.pop("stp")})
        self._set(definition, changes)

    def _differs(self, found: InterfaceState, name: str, desired: Interface) -> bool:
        differs = getattr(found.definition, name) != getattr(desired, name)
        return differs or (found.name, name) in self._context.unsure

    def _set(self, definition: Interface, changes: Mapping[str, Any]) -> None:
        if changes:
            self.add(ask.Set(type(definition)(name=definition.name, **changes)))

    def _late(self, desired: InterfaceState) -> None:
        """What follows a bridge's ports: its MTU, which they may have changed, and the filter, which cuts off what it
        doesn't know."""
        definition = desired.definition
        if not isinstance(definition, LinuxBridge):
            return
        found = self.states[desired.name]
        changes: dict[str, Any] = {}
        for name in ("mac", "mtu"):
            if getattr(definition, name) is not None and self._differs(found, name, definition):
                changes[name] = getattr(definition, name)
        if settings(found.definition, definition).get("vlan_filtering"):
            changes["vlan_filtering"] = True
        self._set(definition, changes)

    # -- up and down, masters, VLANs --------------------------------------------------------------------------------------

    def _up(self, desired: InterfaceState) -> None:
        up = desired.definition.up
        if up is not None and up != self.states[desired.name].definition.up:
            self._set(desired.definition, {"up": up})

    def _port(self, desired: InterfaceState) -> None:
        found = self.states[desired.name]
        if desired.master != found.master:
            self.add(ask.SetMaster(desired.name, desired.master, found.master))
        if desired.port is None or desired.master is None:
            return
        port = self.states[desired.name].port or Port()
        changes = settings(blank_vlans(port), blank_vlans(desired.port))
        if changes:
            self.add(ask.SetPort(Port(name=desired.name, **changes)))
        self._vlans(desired.name, vlans_of(port), vlans_of(desired.port), own=False)

    def _own_vlans(self, desired: InterfaceState) -> None:
        found = self.states[desired.name].definition
        if isinstance(found, LinuxBridge) and isinstance(desired.definition, LinuxBridge):
            self._vlans(desired.name, vlans_of(found), vlans_of(desired.definition), own=True)

    def _vlans(self, name: str, found: Vlans, desired: Vlans, *, own: bool) -> None:
        if not self._context.bridge_vlans:
            return
        # a former pvid goes before the new one comes: a run that is killed in between leaves none that nobody asked for
        for vlans in dismiss(found, desired):
            self.add(ask.RemoveVlans(name, vlans, own))
        for span in admit(found, desired):
            self.add(ask.AddVlans(name, span, own))

    # -- addresses and routes ----------------------------------------------------------------------------------------------

    def _ipv6(self, desired: InterfaceState) -> None:
        asked = desired.definition.ipv6
        definition = self.states[desired.name].definition
        if asked is None or (definition.mtu or LEAST_IPV6_MTU) < LEAST_IPV6_MTU:
            return  # an interface of so small an MTU has no IPv6
        changes = settings(definition.ipv6 or Ipv6(), asked)
        if changes.get("enabled") is False and self._has_others(desired):
            return  # first all that moves to another interface is there
        if changes:
            self.add(ask.SetIpv6(desired.name, Ipv6(**changes)))

    def _has_others(self, desired: InterfaceState) -> bool:
        found = self.states[desired.name]
        kept = {(address.cidr, address.peer) for address in desired.addresses}
        return not all(_desired(route, desired.routes) for route in found.routes) or not all(
            (address.cidr, address.peer) in kept for address in found.addresses
        )

    def _add(self, desired: InterfaceState) -> None:
        """Additions first, so that what is reached by an address that moves is reached all the time. An IPv6 address is on
        an interface only once, whatever its prefix (ipv6_add_addr)."""
        name = desired.name
        for address in desired.addresses:
            found = self.states[name].addresses
            if any(same_address(address, held) for held in found):
                continue
            for held in found:
                if family(held.cidr) == 6 and ip_of(held.cidr) == ip_of(address.cidr):
                    self.add(ask.RemoveAddress(name, held))
            self.add(ask.AddAddress(name, address))
        for route in gateways_last(desired.routes):
            found_routes = self.states[name].routes
            if any(route.option == held.option for held in found_routes):
                continue
            for other in found_routes:
                if route_key(other) == route_key(route) and not _desired(other, desired.routes):
                    self.add(ask.RemoveRoute(name, other))
            self.add(ask.AddRoute(name, route))

    def _drop(self, desired: InterfaceState) -> None:
        name = desired.name
        for route in reversed(gateways_last(self.states[name].routes)):
            if not _desired(route, desired.routes):
                self.add(ask.RemoveRoute(name, route))
        # Last first: with a subnet's first address go its others or stay, as promote_secondaries says.
        for address in reversed(self.states[name].addresses):
            held = any(same_address(address, other) for other in self.states[name].addresses)
            if held and not any(same_address(address, other) for other in desired.addresses):
                self.add(ask.RemoveAddress(name, address))


def _desired(route: Route, routes: Iterable[Route]) -> bool:
    return any(route.option == other.option for other in routes)


def route_key(route: Route) -> tuple[Any, ...]:
    """What the kernel tells an interface's routes apart by."""
    return (destination(route.option), route.option.metric, route.option.table)


def gateways_last(routes: Iterable[Route]) -> list[Route]:
    """A gateway must be reachable when its route is added."""
    return sorted(routes, key=lambda route: route.option.via is not None)


def must_remake(found: Interface, desired: Interface) -> tuple[str, ...]:
    """The options for which an interface has to be made again."""
    names: tuple[str, ...] = FIXED.get(type(desired), ())
    if type(found) is not type(desired):
        return ("name",)
    if isinstance(desired, Tuntap):
        # an owner can be changed, but not taken away (TUNSETOWNER)
        names += tuple(name for name in ("owner", "group") if getattr(desired, name) is None)
    return tuple(name for name in names if getattr(found, name) != getattr(desired, name))


def bare(definition: Interface) -> Interface:
    """What a new interface is made with; the rest are steps of their own."""
    fields: dict[str, Any] = {shape.name: None for shape in shapes(type(definition)) if shape.name in (*LISTS, "up")}
    if isinstance(definition, LinuxBridge):
        # an MTU that is said while there is a bridge stays whatever its ports have, unlike one that it is made with
        fields["mtu"] = None
    return replace(definition, **fields)


def settings(found: Any, desired: Any) -> dict[str, Any]:
    """The fields that differ, each with a value that says so, also where it is the default."""
    changes: dict[str, Any] = {}
    for shape in shapes(type(desired)):
        name = shape.name
        held, asked = getattr(found, name, None), getattr(desired, name)
        if name in ("name", *LISTS) or held == asked or (asked is None and shape.meta["host_chosen"]):
            continue
        if name in ("ingress_qos", "egress_qos"):
            changes[name] = _map_changes(name, held or (), asked or ())
        elif asked is not None or shape.meta["absent"] is not None:
            changes[name] = shape.meta["absent"] if asked is None else asked
    return changes


def _map_changes(name: str, found: tuple[Any, ...], desired: tuple[Any, ...]) -> tuple[Any, ...]:
    """Entries to add; one of value 0 removes (vlan_dev_set_ingress_priority, vlan_dev_set_egress_priority)."""
    key, value = ("pcp", "priority") if name == "ingress_qos" else ("priority", "pcp")
    kept = {getattr(entry, key) for entry in desired}
    cleared = [replace(entry, **{value: 0}) for entry in found if getattr(entry, key) not in kept]
    return (*cleared, *(entry for entry in desired if entry not in found))


def parents_first(target: Target) -> Iterator[InterfaceState]:
    """Those that are to be there, each after what it sits on."""
    there = {name: state for name, state in target.items() if state is not None}
    yield from sorted(there.values(), key=lambda state: depth(state.name, there))


def depth(name: str, states: Mapping[str, InterfaceState]) -> int:
    """How many interfaces one sits on."""
    levels, seen = 0, set()
    while name in states and name not in seen:
        seen.add(name)
        lower = states[name].lower
        if lower is None:
            break
        name, levels = lower, levels + 1
    return levels
