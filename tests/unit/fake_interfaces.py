# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Interfaces as a kernel keeps them, in place of the netlink driver, with all that a kernel does by itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Callable, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import shapes
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    MacvlanIface,
    Port,
    Route,
    Tuntap,
    VlanIface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.requests import InterfaceDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.vlans import (
    VlanEntry,
    after_adding,
    after_default_change,
    after_removing,
    vlans_of,
    with_vlans,
)

ALL = frozenset({"bridge", "vlan", "macvlan", "tun", "bridge vlan filtering"})


class KilledError(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def nic(name: str, index: int, **state: Any) -> InterfaceState:
    mac = f"52:54:00:00:00:{index:02x}"
    definition = Interface(name=name, mac=mac, mtu=1500, up=True, ipv6=Ipv6(True, "unless_forwarding", True, "eui64"))
    return replace(InterfaceState("", index, definition, permanent_mac=mac), **state)


def version(text: str) -> int:
    return 6 if ":" in text else 4


class FakeInterfaces(InterfaceDriver):
    """``strike`` is called before each call that changes something. ``promote``: as net.ipv4.conf.all.promote_secondaries."""

    def __init__(self, *nics: InterfaceState, features: frozenset[str] = ALL, promote: bool = False) -> None:
        self.kept: dict[str, InterfaceState] = {state.name: state for state in nics}
        self.calls: list[str] = []
        self.strike: Callable[[int, str], None] = lambda _number, _call: None
        self.set_by_user: set[tuple[str, str]] = set()
        self._features, self._promote = features, promote
        self.ipv6 = True

    def _called(self, call: str, name: Optional[str] = None) -> InterfaceState:
        self.calls.append(call)
        self.strike(len(self.calls), call)
        if name is None:
            return nic("", 0)
        if name not in self.kept:
            raise HostError(call, "No such device")
        return self.kept[name]

    def _keep(self, state: InterfaceState, **definition: Any) -> None:
        self.kept[state.name] = replace(state, definition=replace(state.definition, **definition))

    def all(self) -> Mapping[str, InterfaceState]:
        return dict(self.kept)

    def details(self, _name: str) -> Mapping[str, Any]:
        return {"counters": {}}

    def features(self) -> frozenset[str]:
        return self._features

    def has_ipv6(self) -> bool:
        return self.ipv6

    # -- links ------------------------------------------------------------------------------------------------------

    def add(self, definition: Interface) -> None:
        name = definition.name or ""
        self._called(f"add {name}")
        if name in self.kept:
            raise HostError(f"add {name}", "File exists")
        index = 100 + len(self.calls)
        self.set_by_user |= {(name, "mac")} if definition.mac else set()
        kind = {LinuxBridge: "bridge", VlanIface: "vlan", MacvlanIface: "macvlan", Tuntap: "tun"}[type(definition)]
        asked = definition.mac
        mac = asked or f"52:54:00:00:01:{index % 256:02x}"
        definition = replace(
            definition,
            up=False,
            mac=mac,
            mtu=definition.mtu or 1500,
            ipv6=Ipv6(True, "unless_forwarding", True, "eui64"),
        )
        if isinstance(definition, VlanIface):
            parent = self.kept[definition.parent or ""].definition
            vlans = [other for other in self.kept.values() if other.kind == "vlan"]
            taken = [other for other in vlans if other.lower == definition.parent]
            assert not any(_tag(other.definition) == _tag(definition) for other in taken), "the kernel has one of each"
            definition = replace(definition, mac=asked or parent.mac)
        if isinstance(definition, MacvlanIface):
            beneath = self.kept[definition.parent or ""].definition
            alone = definition.mode == "passthru"
            definition = replace(definition, mac=beneath.mac if alone else mac, mtu=beneath.mtu)
        if isinstance(definition, LinuxBridge) and "bridge vlan filtering" in self._features:
            vlans = after_adding(vlans_of(LinuxBridge()), VlanEntry("1", True, True))
            definition = with_vlans(definition, after_default_change(vlans, 1, _pvid(definition)))
        state = InterfaceState(
            kind, index, definition, lower=getattr(definition, "parent", None), persistent=kind == "tun"
        )
        self.kept[name] = state
        self._fit_ipv6()

    def delete(self, name: str) -> None:
        state = self._called(f"delete {name}", name)
        assert not state.attached, "a guest lost its device"
        self._gone(name)

    def _gone(self, name: str) -> None:
        self.set_by_user -= {(name, "mac"), (name, "mtu")}
        for other in [other.name for other in self.kept.values() if other.lower == name]:
            self._gone(other)
        del self.kept[name]
        for other in list(self.kept.values()):
            if other.master == name:
                self.kept[other.name] = replace(other, master=None, port=None)

    def set(self, name: str, changes: Interface) -> None:
        state = self._called(f"set {name}", name)
        given = {
            shape.name: getattr(changes, shape.name)
            for shape in shapes(type(changes))
            if shape.name != "name" and getattr(changes, shape.name) is not None
        }
        up = given.pop("up", None)
        for option, key, value in (("ingress_qos", "pcp", "priority"), ("egress_qos", "priority", "pcp")):
            if option in given:
                held = {getattr(e, key): e for e in (*(getattr(state.definition, option) or ()), *given[option])}
                given[option] = tuple(entry for entry in held.values() if getattr(entry, value))
        self._keep(state, **given)
        if isinstance(changes, LinuxBridge) and isinstance(state.definition, LinuxBridge):
            now = self.kept[name].definition
            assert isinstance(now, LinuxBridge)
            if now.stp and not state.definition.stp and (15 if now.forward_delay is None else now.forward_delay) < 2:
                self._keep(self.kept[name], forward_delay=2)
            self._default_pvid(name, _pvid(state.definition), _pvid(now))
        for upper in [other for other in self.kept.values() if other.lower == name and other.kind != "tun"]:
            if "mac" in given and upper.definition.mac == state.definition.mac and _follows_mac(upper):
                self._keep(upper, mac=given["mac"])
            if "mtu" in given and (upper.definition.mtu or 0) > given["mtu"]:
                self._keep(self.kept[upper.name], mtu=given["mtu"])
        self.set_by_user |= {(name, "mac"), (name, "mtu")} & {(name, option) for option in given}
        self._fit_ipv6()
        if up is not None:
            self._switch(name, up)

    def _default_pvid(self, name: str, old: int, new: int) -> None:
        if old == new or "bridge vlan filtering" not in self._features:
            return
        bridge = self.kept[name]
        assert isinstance(bridge.definition, LinuxBridge)
        vlans = after_default_change(vlans_of(bridge.definition), old, new)
        self.kept[name] = replace(bridge, definition=with_vlans(bridge.definition, vlans))
        for port in [other for other in self.kept.values() if other.master == name and other.port]:
            vlans = after_default_change(vlans_of(port.port or Port()), old, new)
            self.kept[port.name] = replace(port, port=with_vlans(port.port or Port(), vlans))

    def _switch(self, name: str, up: bool) -> None:
        state = self.kept[name]
        bound = isinstance(state.definition, VlanIface) and not state.definition.loose_binding
        if up and state.lower and bound and not self.kept[state.lower].definition.up:
            raise HostError(f"set {name}", "Network is down")
        self._keep(state, up=up)
        if not up:
            self._flush(name, 6)
            self.kept[name] = replace(self.kept[name], routes=())
        for upper in [other for other in self.kept.values() if other.lower == name]:
            definition = upper.definition
            if isinstance(definition, VlanIface) and not definition.loose_binding and definition.up != up:
                self._switch(upper.name, up)

    def _fit_ipv6(self) -> None:
        """Removes IPv6 where the MTU is too small; where it is large enough again, IPv6 is as on a new interface."""
        for state in list(self.kept.values()):
            if (state.definition.mtu or 1500) < 1280:
                self._flush(state.name, 6)
                self._keep(self.kept[state.name], ipv6=None)
            elif state.definition.ipv6 is None:
                self._keep(state, ipv6=Ipv6(True, "unless_forwarding", True, "eui64"))

    def _flush(self, name: str, family: int) -> None:
        state = self.kept[name]
        self.kept[name] = replace(
            state,
            addresses=tuple(a for a in state.addresses if version(a.cidr) != family),
            routes=tuple(r for r in state.routes if _family(r) != family),
        )

    # -- ports ------------------------------------------------------------------------------------------------------

    def set_master(self, name: str, bridge: Optional[str]) -> None:
        state = self._called(f"master {name} {bridge}", name)
        port = None
        if bridge is not None:
            assert bridge in self.kept and self.kept[bridge].kind == "bridge"
            port = Port(name=name, cost=100)
            definition = self.kept[bridge].definition
            assert isinstance(definition, LinuxBridge)
            pvid = _pvid(definition)
            if pvid and "bridge vlan filtering" in self._features:
                port = with_vlans(port, after_adding(vlans_of(port), VlanEntry(str(pvid), True, True)))
        self.kept[name] = replace(state, master=bridge, port=port)
        for touched in {state.master, bridge} - {None}:
            self._follow(touched or "")

    def _follow(self, bridge: str) -> None:
        """A bridge has the least MAC and MTU of its ports, unless it was given them."""
        ports = [other.definition for other in self.kept.values() if other.master == bridge]
        for option in ("mac", "mtu"):
            if ports and (bridge, option) not in self.set_by_user:
                self._keep(self.kept[bridge], **{option: min(getattr(port, option) for port in ports)})
        self._fit_ipv6()

    def set_port(self, name: str, changes: Port) -> None:
        state = self._called(f"port {name}", name)
        assert state.port
        given = {shape.name: getattr(changes, shape.name) for shape in shapes(Port)}
        assert given["pvid"] is given["tagged"] is given["untagged"] is None
        port = replace(state.port, **{option: value for option, value in given.items() if value is not None})
        self.kept[name] = replace(state, port=port)

    def add_vlans(self, name: str, vlans: str, *, pvid: bool, untagged: bool, own: bool) -> None:
        assert not (pvid and "-" in vlans), "the kernel takes a pvid by itself"
        self._vlans(
            f"vlan add {name} {vlans}", name, own, lambda held: after_adding(held, VlanEntry(vlans, pvid, untagged))
        )

    def remove_vlans(self, name: str, vlans: str, *, own: bool) -> None:
        self._vlans(f"vlan del {name} {vlans}", name, own, lambda held: after_removing(held, vlans))

    def _vlans(self, call: str, name: str, own: bool, change: Any) -> None:
        state = self._called(call, name)
        if own:
            definition = state.definition
            assert isinstance(definition, LinuxBridge)
            self.kept[name] = replace(state, definition=with_vlans(definition, change(vlans_of(definition))))
        else:
            assert state.port
            self.kept[name] = replace(state, port=with_vlans(state.port, change(vlans_of(state.port))))

    # -- addresses and routes -----------------------------------------------------------------------------------------

    def add_address(self, name: str, address: Address) -> None:
        state = self._called(f"address add {name} {address.cidr}", name)
        same = [held for held in state.addresses if held.cidr.split("/")[0] == address.cidr.split("/")[0]]
        if version(address.cidr) == 6:
            assert state.definition.ipv6 and state.definition.ipv6.enabled, "there is no IPv6"
            if same and same[0].cidr != address.cidr:
                raise HostError("add", "File exists")
        if any(held.cidr == address.cidr for held in same):
            addresses = tuple(address if held.cidr == address.cidr else held for held in state.addresses)
            self.kept[name] = replace(state, addresses=addresses)
            return
        self.kept[name] = replace(state, addresses=(*state.addresses, address))

    def remove_address(self, name: str, address: Address) -> None:
        state = self._called(f"address del {name} {address.cidr}", name)
        held = [other.cidr for other in state.addresses]
        if address.cidr not in held:
            raise HostError("remove", "Cannot assign requested address")
        gone = [address.cidr]
        net = ipaddress.ip_interface(address.cidr).network
        peers = [cidr for cidr in held if ipaddress.ip_interface(cidr).network == net]
        if version(address.cidr) == 4 and peers[0] == address.cidr and not self._promote:
            gone = peers
        left = tuple(other for other in state.addresses if other.cidr not in gone)
        ips = {cidr.split("/")[0] for cidr in gone} - {other.cidr.split("/")[0] for other in left}
        last = version(address.cidr) == 4 and not any(version(other.cidr) == 4 for other in left)
        routes = tuple(
            route for route in state.routes if route.option.source not in ips and not (last and _family(route) == 4)
        )
        self.kept[name] = replace(state, addresses=left, routes=routes)

    def add_route(self, name: str, route: Route) -> None:
        state = self._called(f"route add {name} {route.option.to}", name)
        if not state.definition.up:
            raise HostError("add", "Network is down")
        via = route.option.via
        nets = [ipaddress.ip_interface(address.cidr).network for address in state.addresses]
        nets += [
            ipaddress.ip_network(held.option.to or "")
            for held in state.routes
            if held.option.via is None and held.option.to != "default"
        ]
        if via and not via.startswith("fe80") and not any(ipaddress.ip_address(via) in net for net in nets):
            raise HostError("add", "Nexthop has invalid gateway")
        others = tuple(held for held in state.routes if held.option != route.option)
        key = (route.option.to, _family(route), route.option.metric, route.option.table)
        assert not any((o.option.to, _family(o), o.option.metric, o.option.table) == key for o in others), "two routes"
        self.kept[name] = replace(state, routes=(*others, route))

    def remove_route(self, name: str, route: Route) -> None:
        state = self._called(f"route del {name} {route.option.to}", name)
        if route.option not in [held.option for held in state.routes]:
            raise HostError("remove", "No such process")
        self.kept[name] = replace(state, routes=tuple(held for held in state.routes if held.option != route.option))

    def set_ipv6(self, name: str, changes: Ipv6) -> None:
        state = self._called(f"ipv6 {name}", name)
        if state.definition.ipv6 is None:
            raise HostError("set ipv6", "No such file or directory")
        given = {shape.name: getattr(changes, shape.name) for shape in shapes(Ipv6)}
        ipv6 = replace(state.definition.ipv6 or Ipv6(), **{k: v for k, v in given.items() if v is not None})
        self._keep(state, ipv6=ipv6)
        if changes.enabled is False:
            self._flush(name, 6)


def _pvid(bridge: LinuxBridge) -> int:
    return 1 if bridge.vlan_default_pvid is None else bridge.vlan_default_pvid


def _follows_mac(upper: InterfaceState) -> bool:
    return upper.kind == "vlan" or getattr(upper.definition, "mode", None) == "passthru"


def _tag(definition: Interface) -> Any:
    assert isinstance(definition, VlanIface)
    return (definition.parent, definition.id, definition.protocol or "802.1q")


def _family(route: Route) -> int:
    return version(route.option.via or route.option.source or route.option.to or "")
