# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of a network namespace, by netlink; see `model.interface.requests.InterfaceDriver`."""

from __future__ import annotations

import errno
import importlib.util
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

from ...errors import HostError, MissingLibraryError
from ...model.interface.options import (
    Address,
    Interface,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Port,
    Route,
    Tuntap,
    VlanIface,
)
from ...model.interface.requests import InterfaceDriver
from . import details, layer3, tun
from . import words as tables
from .channel import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Channel,
    KernelError,
    attribute,
    encoded,
    inside,
)
from .read import AF_BRIDGE, LINK, RTM_GETLINK, RTM_NEWLINK, Links, link_request, read_states

_RTM_DELLINK, _RTM_SETLINK = 17, 19
_DAD_SECONDS = 4  # a wait of up to a second, then a second for an answer (addrconf_dad_kick in net/ipv6/addrconf.c)
_IFF_UP = 0x1
_BRIDGE_FLAGS_MASTER, _BRIDGE_FLAGS_SELF = 1, 2
_VLAN_PVID, _VLAN_UNTAGGED, _VLAN_RANGE_BEGIN, _VLAN_RANGE_END = 0x2, 0x4, 0x8, 0x10


class Interfaces(InterfaceDriver):
    """What one namespace has: read once, and again after a change; ``netns`` is a name, a path, or none."""

    def __init__(self, netns: Optional[str] = None) -> None:
        if importlib.util.find_spec("pyroute2") is None:  # asked now, so that check mode says it, too
            raise MissingLibraryError("pyroute2")
        self._netns = netns
        self._channel = Channel(netns)
        self._links: Optional[Links] = None
        self._states: Optional[dict[str, InterfaceState]] = None
        self._features: Optional[frozenset[str]] = None
        self._indexes: dict[str, int] = {}

    def close(self) -> None:
        self._channel.close()

    def forget(self) -> None:
        self._states = None
        self._links = None

    # -- looks ------------------------------------------------------------------------------------------------------------

    def all(self) -> Mapping[str, InterfaceState]:
        if self._states is None:
            self._states = read_states(self._channel, self._look())
        return self._states

    def _look(self) -> Links:
        if self._links is None:
            self._links = Links(self._channel)
            self._indexes = {name: index for index, name in self._links.names.items()}
        return self._links

    def _index(self, name: str, doing: str) -> int:
        """Of an interface that may have been made since the last look."""
        if name not in self._indexes:
            found = self._channel.get(doing, RTM_GETLINK, link_request(name=name))
            if found is None:
                raise HostError(doing, f"there is no interface {name}")
            self._indexes[name] = LINK.unpack_from(found)[2]
        return self._indexes[name]

    def details(self, name: str) -> Mapping[str, Any]:
        doing = f"look at {name}"
        return details.read(self._channel, doing, name, self._index(name, doing), self._look().names)

    def features(self) -> frozenset[str]:
        if self._features is None:
            found = {kind for kind in ("bridge", "vlan") if self._can_make(kind)}
            if tun.available():
                found.add("tun")
            if "bridge" in found and self._has_bridge_vlans():
                found.add("bridge vlan filtering")
            self._features = frozenset(found)
        return self._features

    def _can_make(self, kind: str) -> bool:
        """Ask for one that no kernel makes: one that knows the kind says what is wrong with it (br_validate and vlan_validate
        come after rtnl_link_ops_get, which loads the module), another that it has no such kind."""
        info = attribute(1, kind.encode() + b"\0")
        body = LINK.pack(0, 0, 0, 0, 0) + attribute(1, b"\1\0\0\0\0\0") + attribute(18, info)
        try:
            self._channel.ask(f"ask for {kind}", RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)
        except KernelError as error:
            return error.code != errno.EOPNOTSUPP
        return True

    def _has_bridge_vlans(self) -> bool:
        """A bridge says so; where there is none, a kernel that has them looks at the protocol of their tags first."""
        told = self._look().bridge_vlans
        if told is not None:
            return told
        data = attribute(8, struct.pack("=H", 0xFFFF))
        info = attribute(1, b"bridge\0") + attribute(2, data)
        body = LINK.pack(0, 0, 0, 0, 0) + attribute(3, b"virtnet.kvm\0") + attribute(18, info)
        try:
            self._channel.ask("ask for VLANs on bridges", RTM_NEWLINK, body)
        except KernelError as error:
            return error.code == errno.EPROTONOSUPPORT
        return False

    # -- links ------------------------------------------------------------------------------------------------------------

    def add(self, definition: Interface) -> None:
        name = definition.name or ""
        self.forget()
        self._indexes.pop(name, None)
        if isinstance(definition, Tuntap):
            tun.make(definition, self._netns)
            if definition.mac is not None or definition.mtu is not None:
                try:
                    self._change(f"make {name}", name, self._common(definition))
                except HostError:
                    self.delete(name)
                    raise
            return
        doing = f"make {name}"
        asked = [("IFLA_IFNAME", name), *self._common(definition)]
        if isinstance(definition, VlanIface):
            asked.append(("IFLA_LINK", self._index(definition.parent or "", doing)))
        asked += _info(definition, making=True)
        self._send(doing, RTM_NEWLINK, 0, asked, flags=NLM_F_CREATE | NLM_F_EXCL)

    def delete(self, name: str) -> None:
        doing = f"remove {name}"
        self._send(doing, _RTM_DELLINK, self._index(name, doing), [])
        # what is on top goes with it
        self._indexes.clear()

    def set(self, name: str, changes: Interface) -> None:
        doing = f"change {name}"
        asked = self._common(changes)
        if isinstance(changes, Tuntap):
            self._set_tun(name, changes)
        else:
            asked += _info(changes)
        if asked or changes.up is not None:
            self._change(doing, name, asked, changes.up)

    def _set_tun(self, name: str, changes: Tuntap) -> None:
        fields = {field: getattr(changes, field) for field in ("owner", "group", "packet_info", "vnet_hdr")}
        given = {field: value for field, value in fields.items() if value is not None}
        if given:
            found = self.all()[name].definition
            tun.change(replace(found, **given), self._netns)  # type: ignore[arg-type]
            self.forget()

    def _common(self, definition: Interface) -> list[tuple[str, Any]]:
        asked: list[tuple[str, Any]] = []
        if definition.mac is not None:
            asked.append(("IFLA_ADDRESS", definition.mac))
        if definition.mtu is not None:
            asked.append(("IFLA_MTU", definition.mtu))
        return asked

    def set_master(self, name: str, bridge: Optional[str]) -> None:
        doing = f"release {name}" if bridge is None else f"make {name} a port of {bridge}"
        master = 0 if bridge is None else self._index(bridge, doing)
        self._change(doing, name, [("IFLA_MASTER", master)])

    def set_port(self, name: str, changes: Port) -> None:
        settings = {"attrs": tables.write(tables.PORT, changes)}
        info = {"attrs": [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", settings)]}
        self._change(f"change port {name}", name, [("IFLA_LINKINFO", info)])

    def _change(self, doing: str, name: str, asked: list[tuple[str, Any]], up: Optional[bool] = None) -> None:
        self._send(doing, RTM_NEWLINK, self._index(name, doing), asked, up=up)

    def _send(
        self,
        doing: str,
        kind: int,
        index: int,
        asked: list[tuple[str, Any]],
        *,
        up: Optional[bool] = None,
        family: int = 0,
        flags: int = 0,
    ) -> None:
        from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

        message = ifinfmsg()
        message["family"] = family
        message["index"] = index
        if up is not None:
            message["change"] = _IFF_UP
            message["flags"] = _IFF_UP if up else 0
        self.forget()
        self._channel.ask(doing, kind, encoded(message, asked), flags)

    # -- VLANs of bridges ---------------------------------------------------------------------------------------------------

    def add_vlans(self, name: str, vlans: str, *, pvid: bool, untagged: bool, own: bool) -> None:
        flags = (_VLAN_PVID if pvid else 0) | (_VLAN_UNTAGGED if untagged else 0)
        self._vlans(f"admit VLAN {vlans} on {name}", _RTM_SETLINK, name, vlans, flags, own)

    def remove_vlans(self, name: str, vlans: str, *, own: bool) -> None:
        self._vlans(f"remove VLAN {vlans} from {name}", _RTM_DELLINK, name, vlans, 0, own)

    def _vlans(self, doing: str, kind: int, name: str, vlans: str, flags: int, own: bool) -> None:
        first, dash, last = vlans.partition("-")
        spec: list[tuple[str, Any]] = [("IFLA_BRIDGE_FLAGS", _BRIDGE_FLAGS_SELF if own else _BRIDGE_FLAGS_MASTER)]
        if dash:
            spec.append(("IFLA_BRIDGE_VLAN_INFO", {"vid": int(first), "flags": flags | _VLAN_RANGE_BEGIN}))
            spec.append(("IFLA_BRIDGE_VLAN_INFO", {"vid": int(last), "flags": flags | _VLAN_RANGE_END}))
        else:
            spec.append(("IFLA_BRIDGE_VLAN_INFO", {"vid": int(first), "flags": flags}))
        self._send(doing, kind, self._index(name, doing), [("IFLA_AF_SPEC", {"attrs": spec})], family=AF_BRIDGE)

    # -- addresses, routes, IPv6 ----------------------------------------------------------------------------------------------

    def add_address(self, name: str, address: Address) -> None:
        doing = f"add address {address.cidr} to {name}"
        body = layer3.address_body(self._index(name, doing), address)
        self.forget()
        self._channel.ask(doing, layer3.RTM_NEWADDR, body, NLM_F_CREATE | NLM_F_REPLACE)

    def remove_address(self, name: str, address: Address) -> None:
        doing = f"remove address {address.cidr} from {name}"
        body = layer3.address_body(self._index(name, doing), address)
        self.forget()
        self._channel.ask(doing, layer3.RTM_DELADDR, body)

    def add_route(self, name: str, route: Route) -> None:
        doing = f"add a route to {route.option.to} by {name}"
        body = layer3.route_body(self._index(name, doing), route)
        self.forget()
        # an IPv6 address is no route's source before it is known that nobody else has it (ip6_route_info_create)
        deadline = time.monotonic() + (_DAD_SECONDS if ":" in (route.option.source or "") else 0)
        while True:
            try:
                return self._channel.ask(doing, layer3.RTM_NEWROUTE, body, NLM_F_CREATE | NLM_F_APPEND)
            except KernelError as error:
                if error.code == errno.EEXIST:
                    return None
                if error.code != errno.EINVAL or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def remove_route(self, name: str, route: Route) -> None:
        doing = f"remove the route to {route.option.to} by {name}"
        body = layer3.route_body(self._index(name, doing), route, removing=True)
        self.forget()
        self._channel.ask(doing, layer3.RTM_DELROUTE, body)

    def set_ipv6(self, name: str, changes: Ipv6) -> None:
        self.forget()
        for field, (file, _place, meanings) in tables.IPV6.items():
            wish = getattr(changes, field)
            if wish is None:
                continue
            path = f"/proc/sys/net/ipv6/conf/{name}/{file}"
            try:
                with inside(self._netns), open(path, "w", encoding="ascii") as setting:
                    setting.write(str(meanings.index(wish)))
            except OSError as error:
                raise HostError(f"set ipv6.{field} of {name}", f"{path}: {os.strerror(error.errno or 0)}") from None


def _info(definition: Interface, *, making: bool = False) -> list[tuple[str, Any]]:
    """IFLA_LINKINFO: the kind, and what is said of its settings; nothing where nothing is."""
    kind, data = "", list[tuple[str, Any]]()
    if isinstance(definition, LinuxBridge):
        kind, data = "bridge", list(tables.write(tables.BRIDGE, definition))
    elif isinstance(definition, VlanIface):
        kind, data = "vlan", _vlan_data(definition)
    if not (data or making):
        return []
    info: list[tuple[str, Any]] = [("IFLA_INFO_KIND", kind)]
    if data:
        info.append(("IFLA_INFO_DATA", {"attrs": data}))
    return [("IFLA_LINKINFO", {"attrs": info})]


def _vlan_data(definition: VlanIface) -> list[tuple[str, Any]]:
    data: list[tuple[str, Any]] = list(tables.write(tables.VLAN, definition))
    mask = flags = 0
    for field, bit in tables.VLAN_FLAGS.items():
        wish = getattr(definition, field)
        if wish is not None:
            mask |= bit
            flags |= bit if wish else 0
    if mask:
        data.append(("IFLA_VLAN_FLAGS", {"flags": flags, "mask": mask}))
    for name, pairs in (
        ("IFLA_VLAN_INGRESS_QOS", [(entry.pcp, entry.priority) for entry in definition.ingress_qos or ()]),
        ("IFLA_VLAN_EGRESS_QOS", [(entry.priority, entry.pcp) for entry in definition.egress_qos or ()]),
    ):
        if pairs:
            mappings = [("IFLA_VLAN_QOS_MAPPING", {"from": key, "to": value}) for key, value in pairs]
            data.append((name, {"attrs": mappings}))
    return data
