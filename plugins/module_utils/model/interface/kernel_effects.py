# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel does with a request: the new state of the interface, and all that changes with it on other interfaces.

Names in brackets are functions of the kernel in which it can be read.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional, TypeVar

from ..fields import merge
from . import requests
from .normal import PARTS, QOS_MAPS, family, ip_of, normal, normal_port, route_family, sorted_qos, subnet
from .options import Address, Interface, InterfaceState, Ipv6, LinuxBridge, MacvlanIface, Port, Route, Tuntap, VlanIface
from .vlans import VlanEntry, Vlans, after_adding, after_default_change, after_removing, vlans_of, with_vlans

D = TypeVar("D", bound=Interface)

States = Mapping[str, InterfaceState]
Changed = dict[str, Optional[InterfaceState]]

DEFAULT_PVID = 1  # br_vlan_init
LEAST_IPV6_MTU = 1280  # IPV6_MIN_MTU of linux/ipv6.h


@dataclass
class Context:
    """The interfaces, and whether their kernel has VLANs on bridges.

    ``uncertain`` has the settings that a bridge may have changed with its ports. It doesn't change those that were set,
    which can't be observed: ``explicit`` has the ones that were set here, and ``declared`` those that are given, with their
    values: they are set before ports can change them. Without ``track_uncertain`` nothing is uncertain.
    """

    states: States
    bridge_vlans: bool = False
    uncertain: set[tuple[str, str]] = field(default_factory=set)
    explicit: set[tuple[str, str]] = field(default_factory=set)
    track_uncertain: bool = True
    declared: dict[tuple[str, str], Any] = field(default_factory=dict)

    def directly_on(self, name: str) -> list[InterfaceState]:
        """Returns the interfaces that are on this one."""
        return [state for state in self.states.values() if state.lower == name]

    def ports_changed(self, bridge: Optional[str]) -> None:
        """Notes that a bridge may take another MAC address and MTU, as its ports or their settings changed."""
        if bridge is not None and self.track_uncertain:
            self.uncertain |= {(bridge, "mac"), (bridge, "mtu")} - self.explicit

    def to_set_first(self) -> list[tuple[str, str]]:
        """Returns the declared settings that would be uncertain."""
        return sorted(pair for pair in self.uncertain if pair in self.declared and pair[0] in self.states)

    def forget(self, name: str) -> None:
        """Forgets what is known of an interface that is removed."""
        for known in (self.uncertain, self.explicit):
            known -= {(name, "mac"), (name, "mtu")}


@functools.singledispatch
def predict(request: requests.Request, _context: Context) -> Changed:
    """Returns the interfaces that are changed by a request; ``None`` for one that is removed."""
    raise TypeError(f"no effect is known of {request!r}")


# -- creating and removing -----------------------------------------------------------------------------------------------


@predict.register(requests.Create)
def _create(request: requests.Create, context: Context) -> Changed:
    state = _created(request.definition, context)
    return {state.name: state}


@functools.singledispatch
def _created(definition: Interface, _context: Context) -> InterfaceState:
    """Returns a new interface, which is down."""
    raise TypeError(f"{definition!r} can't be created")


def _new(definition: D, **changes: Any) -> D:
    """Returns the definition as the kernel shows it after its creation, without what has a step of its own."""
    parts = dict.fromkeys(name for name in PARTS if name in type(definition).__dataclass_fields__)
    return normal(replace(definition, up=False, **parts, **changes))


@_created.register(LinuxBridge)
def _created_bridge(definition: LinuxBridge, context: Context) -> InterfaceState:
    if definition.mac:
        context.explicit.add((definition.name or "", "mac"))
    bridge = _new(definition)
    if context.bridge_vlans:
        vlans = after_adding(Vlans(), VlanEntry(str(DEFAULT_PVID), True, True))
        bridge = with_vlans(bridge, after_default_change(vlans, DEFAULT_PVID, default_pvid(bridge)))
    return InterfaceState("bridge", 0, bridge)


@_created.register(VlanIface)
def _created_vlan(definition: VlanIface, context: Context) -> InterfaceState:
    parent = context.states.get(definition.parent or "")
    mac = definition.mac or (parent.definition.mac if parent else None)
    mtu = definition.mtu or (parent.definition.mtu if parent else None)
    return InterfaceState("vlan", 0, _new(definition, mac=mac, mtu=mtu), lower=definition.parent)


@_created.register(MacvlanIface)
def _created_macvlan(definition: MacvlanIface, context: Context) -> InterfaceState:
    """Gives it the MTU of its parent, and in mode passthru the MAC address (macvlan_common_newlink)."""
    parent = context.states.get(definition.parent or "")
    own = parent.definition if parent else Interface()
    mac = own.mac if definition.mode == "passthru" else definition.mac
    mtu = definition.mtu or own.mtu
    return InterfaceState("macvlan", 0, _new(definition, mac=mac, mtu=mtu), lower=definition.parent)


@_created.register(Tuntap)
def _created_tap(definition: Tuntap, _context: Context) -> InterfaceState:
    return InterfaceState("tun", 0, _new(definition, mode=definition.mode or "tap"), persistent=True)


@predict.register(requests.Remove)
def _remove(request: requests.Remove, context: Context) -> Changed:
    """Removes what is on it as well (unregister_vlan_dev on NETDEV_UNREGISTER), and detaches its ports (br_dev_delete)."""
    changed: Changed = {request.name: None}
    for state in context.directly_on(request.name):
        changed.update(_remove(requests.Remove(state.name), context))
    for name in list(changed):
        context.forget(name)
        if name in context.states:
            context.ports_changed(context.states[name].master)
    for state in context.states.values():
        if state.master in changed and state.name not in changed:
            changed[state.name] = replace(state, master=None, port=None)
    return changed


# -- settings ------------------------------------------------------------------------------------------------------------


@predict.register(requests.Set)
def _set(request: requests.Set, context: Context) -> Changed:
    name, changes = request.name, request.changes
    state = context.states[name]
    current = state.definition
    changed: Changed = {}
    new = normal(merge(current, replace(changes, **_merged_qos(current, changes))))
    changed[name] = replace(state, definition=new)
    for setting in ("mac", "mtu"):
        if getattr(changes, setting) is not None:
            context.uncertain.discard((name, setting))
            context.explicit.add((name, setting))
            context.ports_changed(state.master)
    if isinstance(new, LinuxBridge) and isinstance(current, LinuxBridge) and context.bridge_vlans:
        _change_default_pvid(changed, context, name, default_pvid(current), default_pvid(new))
    for upper in context.directly_on(name) if changes.mac is not None or changes.mtu is not None else ():
        if changes.mac is not None and _shares_mac(upper) and upper.definition.mac == current.mac:
            _update(changed, context, upper.name, mac=changes.mac)  # vlan_sync_address, macvlan_device_event
        if changes.mtu is not None and (upper.definition.mtu or 0) > changes.mtu:
            _update(changed, context, upper.name, mtu=changes.mtu)  # NETDEV_CHANGEMTU in vlan_device_event
            if changes.mtu < LEAST_IPV6_MTU:
                changed[upper.name] = _without_ipv6(_state(changed, context, upper.name))
                _update(changed, context, upper.name, ipv6=None)
    if changes.mtu is not None and changes.mtu < LEAST_IPV6_MTU:
        changed[name] = _without_ipv6(_state(changed, context, name))
        _update(changed, context, name, ipv6=None)
    if changes.up is not None:
        _switch(changed, context, name, changes.up)
    return changed


def _shares_mac(upper: InterfaceState) -> bool:
    """Returns whether an interface follows the MAC address of its parent, as long as it has the same."""
    definition = upper.definition
    return upper.kind == "vlan" or (isinstance(definition, MacvlanIface) and definition.mode == "passthru")


def _merged_qos(current: Interface, changes: Interface) -> dict[str, Any]:
    """Returns the QoS maps after entries were added to them."""
    maps = {}
    for setting, (key, _value) in QOS_MAPS.items():
        added = getattr(changes, setting, None)
        if added is not None:
            entries = {getattr(entry, key): entry for entry in (*(getattr(current, setting) or ()), *added)}
            maps[setting] = sorted_qos(entries.values()) or ()
    return maps


def default_pvid(bridge: LinuxBridge) -> int:
    """Returns the pvid that the bridge gives a new port; 0 is none."""
    return DEFAULT_PVID if bridge.vlan_default_pvid is None else bridge.vlan_default_pvid


def _change_default_pvid(changed: Changed, context: Context, name: str, old: int, new: int) -> None:
    if old == new:
        return
    changed[name] = _with_own_vlans(_state(changed, context, name), lambda vlans: after_default_change(vlans, old, new))
    for port in context.states.values():
        if port.master == name and port.port:
            vlans = after_default_change(vlans_of(port.port), old, new)
            changed[port.name] = replace(port, port=with_vlans(port.port, vlans))


def _state(changed: Changed, context: Context, name: str) -> InterfaceState:
    return changed.get(name) or context.states[name]


def _update(changed: Changed, context: Context, name: str, **settings: Any) -> None:
    state = _state(changed, context, name)
    changed[name] = replace(state, definition=replace(state.definition, **settings))


def _switch(changed: Changed, context: Context, name: str, up: bool) -> None:
    """Brings an interface up or down, and with it the VLANs that aren't loosely bound (vlan_device_event)."""
    state = _state(changed, context, name)
    state = replace(state, definition=replace(state.definition, up=up))
    if not up:
        # fib_disable_ip removes the routes, addrconf_ifdown the IPv6 addresses as well
        state = replace(_without_ipv6(state), routes=())
    changed[name] = state
    for upper in context.directly_on(name):
        upper = _state(changed, context, upper.name)
        if upper.definition.follows_parent and bool(upper.definition.up) != up:
            _switch(changed, context, upper.name, up)


def _without_ipv6(state: InterfaceState) -> InterfaceState:
    return replace(
        state,
        addresses=tuple(address for address in state.addresses if family(address.cidr) == 4),
        routes=tuple(route for route in state.routes if route_family(route.option) == 4),
    )


@predict.register(requests.SetIpv6)
def _set_ipv6(request: requests.SetIpv6, context: Context) -> Changed:
    state = context.states[request.name]
    ipv6 = merge(state.definition.ipv6 or Ipv6(), request.changes)
    state = replace(state, definition=replace(state.definition, ipv6=ipv6))
    return {request.name: _without_ipv6(state) if request.changes.enabled is False else state}


# -- ports and VLANs -----------------------------------------------------------------------------------------------------


@predict.register(requests.SetMaster)
def _set_master(request: requests.SetMaster, context: Context) -> Changed:
    """Gives a new port the kernel's default settings, and the default pvid (nbp_vlan_init)."""
    state = context.states[request.name]
    context.ports_changed(state.master)
    context.ports_changed(request.bridge)
    if request.bridge is None:
        return {request.name: replace(state, master=None, port=None)}
    port = Port(name=request.name)
    bridge = context.states.get(request.bridge)
    if context.bridge_vlans and bridge and isinstance(bridge.definition, LinuxBridge):
        pvid = default_pvid(bridge.definition)
        if pvid:
            port = with_vlans(port, after_adding(Vlans(), VlanEntry(str(pvid), True, True)))
    return {request.name: replace(state, master=request.bridge, port=port)}


@predict.register(requests.SetPort)
def _set_port(request: requests.SetPort, context: Context) -> Changed:
    state = context.states[request.name]
    return {request.name: replace(state, port=normal_port(merge(state.port or Port(), request.changes)))}


@predict.register(requests.AddVlans)
def _add_vlans(request: requests.AddVlans, context: Context) -> Changed:
    state = context.states[request.name]
    return {request.name: _with_vlans(state, request.own, lambda vlans: after_adding(vlans, request.entry))}


@predict.register(requests.RemoveVlans)
def _remove_vlans(request: requests.RemoveVlans, context: Context) -> Changed:
    state = context.states[request.name]
    return {request.name: _with_vlans(state, request.own, lambda vlans: after_removing(vlans, request.vids))}


def _with_vlans(state: InterfaceState, own: bool, change: Callable[[Vlans], Vlans]) -> InterfaceState:
    if own:
        return _with_own_vlans(state, change)
    port = state.port or Port(name=state.name)
    return replace(state, port=with_vlans(port, change(vlans_of(port))))


def _with_own_vlans(state: InterfaceState, change: Callable[[Vlans], Vlans]) -> InterfaceState:
    bridge = state.definition
    if not isinstance(bridge, LinuxBridge):
        return state
    return replace(state, definition=with_vlans(bridge, change(vlans_of(bridge))))


# -- addresses and routes ------------------------------------------------------------------------------------------------


@predict.register(requests.AddAddress)
def _add_address(request: requests.AddAddress, context: Context) -> Changed:
    state = context.states[request.name]
    others = tuple(address for address in state.addresses if not same_address(address, request.address))
    return {request.name: replace(state, addresses=(*others, request.address))}


def same_address(one: Address, other: Address) -> bool:
    """Returns whether the kernel has only one of the two on an interface."""
    return one.cidr == other.cidr and one.peer == other.peer


@predict.register(requests.RemoveAddress)
def _remove_address(request: requests.RemoveAddress, context: Context) -> Changed:
    """Removes the routes that have it as their source, and with the last IPv4 address all IPv4 routes (fib_inetaddr_event).

    The first IPv4 address of a subnet is removed with its others, unless promote_secondaries is set (__inet_del_ifa). It is
    predicted that they are removed: if one is still there, adding it again changes nothing.
    """
    state = context.states[request.name]
    removed = request.address
    of_ipv4 = family(removed.cidr) == 4
    kept = []
    first = True
    for address in state.addresses:
        if same_address(address, removed):
            continue
        if of_ipv4 and family(address.cidr) == 4 and subnet(address) == subnet(removed):
            first = first and not _precedes(address, removed, state.addresses)
        kept.append(address)
    if of_ipv4 and first:
        kept = [address for address in kept if family(address.cidr) == 6 or subnet(address) != subnet(removed)]
    lost = {ip_of(address.cidr) for address in state.addresses} - {ip_of(address.cidr) for address in kept}
    last = of_ipv4 and not any(family(address.cidr) == 4 for address in kept)
    routes = tuple(
        route
        for route in state.routes
        if not (last and route_family(route.option) == 4) and route.option.source not in lost
    )
    return {request.name: replace(state, addresses=tuple(kept), routes=routes)}


def _precedes(one: Address, other: Address, order: tuple[Address, ...]) -> bool:
    places = [place for address in (one, other) for place, held in enumerate(order) if same_address(held, address)]
    return len(places) == 2 and places[0] < places[1]


@predict.register(requests.AddRoute)
def _add_route(request: requests.AddRoute, context: Context) -> Changed:
    state = context.states[request.name]
    routes = (*_routes_without(state, request.route), request.route)
    return {request.name: replace(state, routes=tuple(sorted(routes, key=lambda route: repr(route.option))))}


@predict.register(requests.RemoveRoute)
def _remove_route(request: requests.RemoveRoute, context: Context) -> Changed:
    state = context.states[request.name]
    return {request.name: replace(state, routes=_routes_without(state, request.route))}


def _routes_without(state: InterfaceState, removed: Route) -> tuple[Route, ...]:
    return tuple(route for route in state.routes if route.option != removed.option)
