# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the interfaces that there are to those that there should be: the requests, in an order that the kernel takes.

Each request's consequences are foreseen, so that what the kernel does by itself is seen too: a route that goes with an
address is put back where it is wanted, and the way back from a step leads over all that it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Optional

from . import interface_steps as ask
from .fields import shapes
from .interface import Interface, InterfaceState, Ipv6, LinuxBridge, Port, Route, Tuntap, VlanIface
from .interface_kernel import LEAST_IPV6_MTU, Context, foresee, same_address
from .interface_normal import LISTS, blank_vlans, destination, family, ip_of, normal_state
from .interface_vlans import Vlans, admit, dismiss, vlans_of

Target = Mapping[str, Optional[InterfaceState]]

# Another value of these makes another interface.
FIXED = {VlanIface: ("parent", "id", "protocol"), Tuntap: ("mode", "multi_queue")}
_ROUNDS = 3  # what the kernel took away in one is put back in the next


@dataclass(frozen=True)
class InterfaceStep:
    """A request, and the interfaces that it changes or that bear on it, before and after; implements `engine.Step`."""

    composite: ClassVar[bool] = False

    request: ask.Request
    netns: Optional[str]
    was: Mapping[str, Optional[InterfaceState]]
    becomes: Mapping[str, Optional[InterfaceState]]
    bridge_vlans: bool

    @property
    def words(self) -> str:
        return f"{self.request.words} in namespace {self.netns}" if self.netns else self.request.words

    def do(self, host: ask.Host) -> None:
        self.request.do(host.interfaces(self.netns))

    def undo(self, host: ask.Host) -> None:
        there = {name: state for name, state in self.becomes.items() if state is not None}
        course = Course(there, self.netns, bridge_vlans=self.bridge_vlans, doubting=False)
        course.reach(self.was)
        for step in course.steps:
            step.request.do(host.interfaces(self.netns))


def steps_to(
    before: Mapping[str, InterfaceState],
    target: Mapping[str, InterfaceState],
    *,
    bridge_vlans: bool,
    netns: Optional[str] = None,
) -> list[InterfaceStep]:
    """The steps from some interfaces to others; those that aren't in ``target`` are removed, so leave out of both what is
    not to be touched. ``bridge_vlans``: whether the kernel has them ("bridge vlan filtering" of its features)."""
    course = Course({name: normal_state(state) for name, state in before.items()}, netns, bridge_vlans=bridge_vlans)
    wanted: dict[str, Optional[InterfaceState]] = {name: normal_state(state) for name, state in target.items()}
    wanted.update({name: None for name in before if name not in target})
    course.reach(wanted)
    return course.steps


class Course:
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

    def take(self, request: ask.Request) -> None:
        """One more step."""
        changed = foresee(request, self._context)
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

    def reach(self, target: Target) -> None:
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
                self.take(ask.Delete(name, ask.kind_word(found.definition)))

    def _goes(self, name: str, wanted: Optional[InterfaceState]) -> bool:
        return wanted is None or bool(must_remake(self.states[name].definition, wanted.definition))

    def _make(self, wanted: InterfaceState) -> None:
        found = self.states.get(wanted.name)
        definition = wanted.definition
        if found is None:
            self.take(ask.Add(bare(definition)))
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

    def _differs(self, found: InterfaceState, name: str, wanted: Interface) -> bool:
        differs = getattr(found.definition, name) != getattr(wanted, name)
        return differs or (found.name, name) in self._context.unsure

    def _set(self, definition: Interface, changes: Mapping[str, Any]) -> None:
        if changes:
            self.take(ask.Set(type(definition)(name=definition.name, **changes)))

    def _late(self, wanted: InterfaceState) -> None:
        """What follows a bridge's ports: its MTU, which they may have changed, and the filter, which cuts off what it
        doesn't know."""
        definition = wanted.definition
        if not isinstance(definition, LinuxBridge):
            return
        found = self.states[wanted.name]
        changes: dict[str, Any] = {}
        for name in ("mac", "mtu"):
            if getattr(definition, name) is not None and self._differs(found, name, definition):
                changes[name] = getattr(definition, name)
        if settings(found.definition, definition).get("vlan_filtering"):
            changes["vlan_filtering"] = True
        self._set(definition, changes)

    # -- up and down, masters, VLANs --------------------------------------------------------------------------------------

    def _up(self, wanted: InterfaceState) -> None:
        up = wanted.definition.up
        if up is not None and up != self.states[wanted.name].definition.up:
            self._set(wanted.definition, {"up": up})

    def _port(self, wanted: InterfaceState) -> None:
        found = self.states[wanted.name]
        if wanted.master != found.master:
            self.take(ask.SetMaster(wanted.name, wanted.master, found.master))
        if wanted.port is None or wanted.master is None:
            return
        port = self.states[wanted.name].port or Port()
        changes = settings(blank_vlans(port), blank_vlans(wanted.port))
        if changes:
            self.take(ask.SetPort(Port(name=wanted.name, **changes)))
        self._vlans(wanted.name, vlans_of(port), vlans_of(wanted.port), own=False)

    def _own_vlans(self, wanted: InterfaceState) -> None:
        found = self.states[wanted.name].definition
        if isinstance(found, LinuxBridge) and isinstance(wanted.definition, LinuxBridge):
            self._vlans(wanted.name, vlans_of(found), vlans_of(wanted.definition), own=True)

    def _vlans(self, name: str, found: Vlans, wanted: Vlans, *, own: bool) -> None:
        if not self._context.bridge_vlans:
            return
        # a former pvid goes before the new one comes: a run that is killed in between leaves none that nobody asked for
        for vlans in dismiss(found, wanted):
            self.take(ask.RemoveVlans(name, vlans, own))
        for span in admit(found, wanted):
            self.take(ask.AddVlans(name, span, own))

    # -- addresses and routes ----------------------------------------------------------------------------------------------

    def _ipv6(self, wanted: InterfaceState) -> None:
        asked = wanted.definition.ipv6
        definition = self.states[wanted.name].definition
        if asked is None or (definition.mtu or LEAST_IPV6_MTU) < LEAST_IPV6_MTU:
            return  # an interface of so small an MTU has no IPv6
        changes = settings(definition.ipv6 or Ipv6(), asked)
        if changes.get("enabled") is False and self._has_others(wanted):
            return  # first all that moves to another interface is there
        if changes:
            self.take(ask.SetIpv6(wanted.name, Ipv6(**changes)))

    def _has_others(self, wanted: InterfaceState) -> bool:
        found = self.states[wanted.name]
        kept = {(address.cidr, address.peer) for address in wanted.addresses}
        return not all(_wanted(route, wanted.routes) for route in found.routes) or not all(
            (address.cidr, address.peer) in kept for address in found.addresses
        )

    def _add(self, wanted: InterfaceState) -> None:
        """Additions first, so that what is reached by an address that moves is reached all the time. An IPv6 address is on
        an interface only once, whatever its prefix (ipv6_add_addr)."""
        name = wanted.name
        for address in wanted.addresses:
            found = self.states[name].addresses
            if any(same_address(address, held) for held in found):
                continue
            for held in found:
                if family(held.cidr) == 6 and ip_of(held.cidr) == ip_of(address.cidr):
                    self.take(ask.RemoveAddress(name, held))
            self.take(ask.AddAddress(name, address))
        for route in gateways_last(wanted.routes):
            found_routes = self.states[name].routes
            if any(route.option == held.option for held in found_routes):
                continue
            for other in found_routes:
                if route_key(other) == route_key(route) and not _wanted(other, wanted.routes):
                    self.take(ask.RemoveRoute(name, other))
            self.take(ask.AddRoute(name, route))

    def _drop(self, wanted: InterfaceState) -> None:
        name = wanted.name
        for route in reversed(gateways_last(self.states[name].routes)):
            if not _wanted(route, wanted.routes):
                self.take(ask.RemoveRoute(name, route))
        # Last first: with a subnet's first address go its others or stay, as promote_secondaries says.
        for address in reversed(self.states[name].addresses):
            held = any(same_address(address, other) for other in self.states[name].addresses)
            if held and not any(same_address(address, other) for other in wanted.addresses):
                self.take(ask.RemoveAddress(name, address))


def _wanted(route: Route, routes: Iterable[Route]) -> bool:
    return any(route.option == other.option for other in routes)


def route_key(route: Route) -> tuple[Any, ...]:
    """What the kernel tells an interface's routes apart by."""
    return (destination(route.option), route.option.metric, route.option.table)


def gateways_last(routes: Iterable[Route]) -> list[Route]:
    """A gateway must be reachable when its route is added."""
    return sorted(routes, key=lambda route: route.option.via is not None)


def must_remake(found: Interface, wanted: Interface) -> tuple[str, ...]:
    """The options for which an interface has to be made again."""
    names: tuple[str, ...] = FIXED.get(type(wanted), ())
    if type(found) is not type(wanted):
        return ("name",)
    if isinstance(wanted, Tuntap):
        # an owner can be changed, but not taken away (TUNSETOWNER)
        names += tuple(name for name in ("owner", "group") if getattr(wanted, name) is None)
    return tuple(name for name in names if getattr(found, name) != getattr(wanted, name))


def bare(definition: Interface) -> Interface:
    """What a new interface is made with; the rest are steps of their own."""
    fields: dict[str, Any] = {shape.name: None for shape in shapes(type(definition)) if shape.name in (*LISTS, "up")}
    if isinstance(definition, LinuxBridge):
        # an MTU that is said while there is a bridge stays whatever its ports have, unlike one that it is made with
        fields["mtu"] = None
    return replace(definition, **fields)


def settings(found: Any, wanted: Any) -> dict[str, Any]:
    """The fields that differ, each with a value that says so, also where it is the default."""
    changes: dict[str, Any] = {}
    for shape in shapes(type(wanted)):
        name = shape.name
        held, asked = getattr(found, name, None), getattr(wanted, name)
        if name in ("name", *LISTS) or held == asked or (asked is None and shape.meta["host_chosen"]):
            continue
        if name in ("ingress_qos", "egress_qos"):
            changes[name] = _map_changes(name, held or (), asked or ())
        elif asked is not None or shape.meta["absent"] is not None:
            changes[name] = shape.meta["absent"] if asked is None else asked
    return changes


def _map_changes(name: str, found: tuple[Any, ...], wanted: tuple[Any, ...]) -> tuple[Any, ...]:
    """Entries to add; one of value 0 removes (vlan_dev_set_ingress_priority, vlan_dev_set_egress_priority)."""
    key, value = ("pcp", "priority") if name == "ingress_qos" else ("priority", "pcp")
    kept = {getattr(entry, key) for entry in wanted}
    cleared = [replace(entry, **{value: 0}) for entry in found if getattr(entry, key) not in kept]
    return (*cleared, *(entry for entry in wanted if entry not in found))


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
