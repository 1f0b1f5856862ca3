# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel makes of a request: the interface's new state, and all that it does to others by itself.

Names in brackets are functions of the kernel's in which it can be read.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ..fields import merge
from . import requests as ask
from .normal import LISTS, family, ip_of, normal, normal_port, qos, route_family, subnet
from .options import Address, InterfaceState, Ipv6, LinuxBridge, Port, Route, Tuntap, VlanIface
from .vlans import Span, admitted, default_changed, dismissed, vlans_of, with_vlans

States = Mapping[str, InterfaceState]
Changed = dict[str, Optional[InterfaceState]]

DEFAULT_PVID = 1  # br_vlan_init
LEAST_IPV6_MTU = 1280  # IPV6_MIN_MTU of linux/ipv6.h


@dataclass
class Context:
    """The interfaces, and whether their kernel knows VLANs on bridges.

    ``unsure`` has the settings that a bridge may have changed to suit its ports; it doesn't where they were set, which
    can't be seen.
    """

    states: States
    bridge_vlans: bool = False
    unsure: set[tuple[str, str]] = field(default_factory=set)
    fixed: set[tuple[str, str]] = field(default_factory=set)
    doubting: bool = True

    def on_top(self, name: str) -> list[InterfaceState]:
        return [state for state in self.states.values() if state.lower == name]

    def doubt(self, bridge: Optional[str]) -> None:
        if bridge is not None and self.doubting:
            self.unsure |= {(bridge, "mac"), (bridge, "mtu")} - self.fixed


@functools.singledispatch
def predict(request: Any, _context: Context) -> Changed:
    """The interfaces that are others after it; ``None`` for one that is gone."""
    raise TypeError(f"nothing is known of {request!r}")


@predict.register
def _add(request: ask.Add, context: Context) -> Changed:
    made = request.definition
    name = made.name or ""
    fields = dict.fromkeys(LISTS[:3])
    if isinstance(made, LinuxBridge):
        if made.mac:
            context.fixed.add((name, "mac"))
        fresh = normal(
            replace(made, up=False, **{**fields, "ports": None, "pvid": None, "tagged": None, "untagged": None})
        )
        if context.bridge_vlans:
            first = admitted(vlans_of(LinuxBridge()), Span(str(DEFAULT_PVID), True, True))
            fresh = with_vlans(fresh, default_changed(first, DEFAULT_PVID, default_pvid(fresh)))
        return {name: InterfaceState("bridge", 0, fresh)}
    if isinstance(made, VlanIface):
        parent = context.states.get(made.parent or "")
        mac = made.mac or (parent.definition.mac if parent else None)
        mtu = made.mtu or (parent.definition.mtu if parent else None)
        fresh_vlan = normal(replace(made, up=False, mac=mac, mtu=mtu, **fields))
        return {name: InterfaceState("vlan", 0, fresh_vlan, lower=made.parent)}
    if isinstance(made, Tuntap):
        fresh_tap = normal(replace(made, up=False, mode=made.mode or "tap", bridge=None, **fields))
        return {name: InterfaceState("tun", 0, fresh_tap, persistent=True)}
    raise TypeError(f"{made!r} can't be made")


@predict.register
def _delete(request: ask.Delete, context: Context) -> Changed:
    """What is on top goes with it (unregister_vlan_dev on NETDEV_UNREGISTER), its ports are set free (br_dev_delete)."""
    changed: Changed = {request.name: None}
    for state in context.on_top(request.name):
        changed.update(_delete(ask.Delete(state.name), context))
    for name in list(changed):
        if name in context.states:
            context.doubt(context.states[name].master)
    for state in context.states.values():
        if state.master in changed and state.name not in changed:
            changed[state.name] = replace(state, master=None, port=None)
    return changed


@predict.register
def _set(request: ask.Set, context: Context) -> Changed:
    name, changes = request.name, request.changes
    state = context.states[name]
    was = state.definition
    changed: Changed = {}
    now = normal(merge(was, replace(changes, **_maps(was, changes))))
    changed[name] = replace(state, definition=now)
    for setting in ("mac", "mtu"):
        if getattr(changes, setting) is not None:
            context.unsure.discard((name, setting))
            context.fixed.add((name, setting))
            context.doubt(state.master)
    if isinstance(now, LinuxBridge) and isinstance(was, LinuxBridge) and context.bridge_vlans:
        _default_pvid(changed, context, name, default_pvid(was), default_pvid(now))
    for upper in context.on_top(name) if changes.mac is not None or changes.mtu is not None else ():
        if changes.mac is not None and upper.kind == "vlan" and upper.definition.mac == was.mac:
            _update(changed, context, upper.name, mac=changes.mac)  # vlan_sync_address
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


def _maps(was: Any, changes: Any) -> dict[str, Any]:
    """QoS maps after entries were added to them."""
    if not isinstance(changes, VlanIface):
        return {}
    maps = {}
    for setting, key in (("ingress_qos", "pcp"), ("egress_qos", "priority")):
        added = getattr(changes, setting)
        if added is not None:
            held = {getattr(entry, key): entry for entry in (*(getattr(was, setting) or ()), *added)}
            maps[setting] = qos(held.values()) or ()
    return maps


def default_pvid(bridge: LinuxBridge) -> int:
    return DEFAULT_PVID if bridge.vlan_default_pvid is None else bridge.vlan_default_pvid


def _default_pvid(changed: Changed, context: Context, name: str, old: int, new: int) -> None:
    if old == new:
        return
    state = _state(changed, context, name)
    vlans = default_changed(vlans_of(state.definition), old, new)  # type: ignore[arg-type]
    changed[name] = replace(state, definition=with_vlans(state.definition, vlans))  # type: ignore[type-var]
    for port in context.states.values():
        if port.master == name and port.port:
            vlans = default_changed(vlans_of(port.port), old, new)
            changed[port.name] = replace(port, port=with_vlans(port.port, vlans))


def _state(changed: Changed, context: Context, name: str) -> InterfaceState:
    return changed.get(name) or context.states[name]


def _update(changed: Changed, context: Context, name: str, **settings: Any) -> None:
    state = _state(changed, context, name)
    changed[name] = replace(state, definition=replace(state.definition, **settings))


def _switch(changed: Changed, context: Context, name: str, up: bool) -> None:
    """Up or down, and with it the VLANs that aren't loosely bound (vlan_device_event)."""
    state = _state(changed, context, name)
    state = replace(state, definition=replace(state.definition, up=up))
    if not up:
        # fib_disable_ip takes the routes, addrconf_ifdown the IPv6 addresses as well
        state = replace(_without_ipv6(state), routes=())
    changed[name] = state
    for upper in context.on_top(name):
        upper = _state(changed, context, upper.name)
        follows = isinstance(upper.definition, VlanIface) and not upper.definition.loose_binding
        if follows and bool(upper.definition.up) != up:
            _switch(changed, context, upper.name, up)


def _without_ipv6(state: InterfaceState) -> InterfaceState:
    return replace(
        state,
        addresses=tuple(address for address in state.addresses if family(address.cidr) == 4),
        routes=tuple(route for route in state.routes if route_of(route) == 4),
    )


def route_of(route: Route) -> int:

    return route_family(route.option)


@predict.register
def _master(request: ask.SetMaster, context: Context) -> Changed:
    """A port starts with what the kernel gives it, and with the default pvid (nbp_vlan_init)."""
    state = context.states[request.name]
    context.doubt(state.master)
    context.doubt(request.bridge)
    if request.bridge is None:
        return {request.name: replace(state, master=None, port=None)}
    port = Port(name=request.name)
    bridge = context.states.get(request.bridge)
    if context.bridge_vlans and bridge and isinstance(bridge.definition, LinuxBridge):
        pvid = default_pvid(bridge.definition)
        if pvid:
            port = with_vlans(port, admitted(vlans_of(port), Span(str(pvid), True, True)))
    return {request.name: replace(state, master=request.bridge, port=port)}


@predict.register
def _port(request: ask.SetPort, context: Context) -> Changed:

    state = context.states[request.name]
    return {request.name: replace(state, port=normal_port(merge(state.port or Port(), request.changes)))}


@predict.register
def _vlans_added(request: ask.AddVlans, context: Context) -> Changed:
    return _with(request.name, request.own, context, lambda vlans: admitted(vlans, request.span))


@predict.register
def _vlans_removed(request: ask.RemoveVlans, context: Context) -> Changed:
    return _with(request.name, request.own, context, lambda vlans: dismissed(vlans, request.vlans))


def _with(name: str, own: bool, context: Context, change: Any) -> Changed:
    state = context.states[name]
    if own and isinstance(state.definition, LinuxBridge):
        return {name: replace(state, definition=with_vlans(state.definition, change(vlans_of(state.definition))))}
    port = state.port or Port(name=name)
    return {name: replace(state, port=with_vlans(port, change(vlans_of(port))))}


@predict.register
def _address_added(request: ask.AddAddress, context: Context) -> Changed:
    state = context.states[request.name]
    others = tuple(address for address in state.addresses if not same_address(address, request.address))
    return {request.name: replace(state, addresses=(*others, request.address))}


def same_address(one: Address, other: Address) -> bool:
    return one.cidr == other.cidr and one.peer == other.peer


@predict.register
def _address_removed(request: ask.RemoveAddress, context: Context) -> Changed:
    """Routes that have it as their source go, and with the last IPv4 address all IPv4 routes (fib_inetaddr_event).

    With the first IPv4 address of a subnet the others of it go, unless promote_secondaries is set (__inet_del_ifa): they
    are taken for gone, and adding one that is there is nothing to the kernel.
    """
    state = context.states[request.name]
    gone = request.address
    of_ipv4 = family(gone.cidr) == 4
    left = []
    first = True
    for address in state.addresses:
        if same_address(address, gone):
            continue
        if of_ipv4 and family(address.cidr) == 4 and subnet(address) == subnet(gone):
            first = first and not _precedes(address, gone, state.addresses)
        left.append(address)
    if of_ipv4 and first:
        left = [address for address in left if family(address.cidr) == 6 or subnet(address) != subnet(gone)]
    lost = {ip_of(address.cidr) for address in state.addresses} - {ip_of(address.cidr) for address in left}
    last = of_ipv4 and not any(family(address.cidr) == 4 for address in left)
    routes = tuple(
        route for route in state.routes if not (last and route_of(route) == 4) and route.option.source not in lost
    )
    return {request.name: replace(state, addresses=tuple(left), routes=routes)}


def _precedes(one: Address, other: Address, order: tuple[Address, ...]) -> bool:
    places = [place for address in (one, other) for place, held in enumerate(order) if same_address(held, address)]
    return len(places) == 2 and places[0] < places[1]


@predict.register
def _route_added(request: ask.AddRoute, context: Context) -> Changed:
    state = context.states[request.name]
    others = tuple(route for route in state.routes if route.option != request.route.option)
    return {request.name: replace(state, routes=tuple(sorted((*others, request.route), key=lambda r: repr(r.option))))}


@predict.register
def _route_removed(request: ask.RemoveRoute, context: Context) -> Changed:
    state = context.states[request.name]
    return {request.name: replace(state, routes=tuple(r for r in state.routes if r.option != request.route.option))}


@predict.register
def _ipv6_set(request: ask.SetIpv6, context: Context) -> Changed:
    state = context.states[request.name]
    now = merge(state.definition.ipv6 or Ipv6(), request.changes)
    state = replace(state, definition=replace(state.definition, ipv6=now))
    return {request.name: _without_ipv6(state) if request.changes.enabled is False else state}
