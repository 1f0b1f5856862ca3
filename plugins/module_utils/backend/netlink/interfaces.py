# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of a network namespace, by netlink; implements `model.interface.requests.InterfaceDriver`."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Optional

from ...errors import HostError, MissingLibraryError
from ...model.interface.options import RA, STATIC, Address, Interface, InterfaceState, Ipv6, Port, Route
from ...model.interface.requests import BRIDGE_VLANS, InterfaceDriver
from ...model.ipv6_settings import sysctl_path, sysctl_values
from ..os import proc_net, udev
from . import layer3, tables, tun
from .bridge_timers import with_ageing_times
from .channel import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Attributes,
    Channel,
    KernelError,
    attribute,
    attributes,
    encoded,
    inside,
)
from .details import read_details, shown_layer3
from .link_kinds import KINDS, kind_of
from .read import AF_BRIDGE, LINK, MTU, RTM_GETLINK, RTM_NEWLINK, LinkDump, link_request, read_states

_RTM_DELLINK, _RTM_SETLINK = 17, 19
_DAD_SECONDS = 4  # a wait of up to a second, then a second for an answer (addrconf_dad_kick in net/ipv6/addrconf.c)
_NETWORKD_SECONDS = 1
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH)  # the next hop of a route, without an address in its subnet
_IFF_UP = 0x1
_MOST_MTU = 65535  # ETH_MAX_MTU of linux/if_ether.h
_BRIDGE_FLAGS_MASTER, _BRIDGE_FLAGS_SELF = 1, 2
_VLAN_PVID, _VLAN_UNTAGGED, _VLAN_RANGE_BEGIN, _VLAN_RANGE_END = 0x2, 0x4, 0x8, 0x10


class Interfaces(InterfaceDriver):
    """The interfaces of one namespace: read once, and again after a change; ``netns`` is a name, a path, or none."""

    def __init__(self, netns: Optional[str] = None) -> None:
        if importlib.util.find_spec("pyroute2") is None:  # here, so that check mode says it, too
            raise MissingLibraryError("pyroute2")
        self._netns = netns
        self._open: Optional[Channel] = None
        self._dump: Optional[LinkDump] = None
        self._states: Optional[dict[str, InterfaceState]] = None
        self._layer3: Optional[dict[int, tuple[tuple[Address, ...], tuple[Route, ...]]]] = None
        self._features: Optional[frozenset[str]] = None
        self._indexes: dict[str, int] = {}
        # What this run has added, by interface: another program may remove it.
        self._added: dict[tuple[str, str], Address] = {}
        self._routes: set[tuple[str, Route]] = set()

    @property
    def _channel(self) -> Channel:
        """The socket, which is opened when it is first needed: the namespace may be created by this run."""
        if self._open is None:
            self._open = Channel(self._netns)
        return self._open

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
        self._indexes.clear()
        self.forget()

    def forget(self) -> None:
        """Forgets what was read, as the interfaces have changed."""
        self._states = None
        self._layer3 = None
        self._dump = None

    # -- reading ----------------------------------------------------------------------------------------------------------

    def all(self) -> Mapping[str, InterfaceState]:
        if self._states is None:
            self._states = with_ageing_times(self._netns, read_states(self._channel, self._links()))
        return self._states

    def _links(self) -> LinkDump:
        if self._dump is None:
            self._dump = LinkDump(self._channel)
            self._indexes = {name: index for index, name in self._dump.names.items()}
        return self._dump

    def _index(self, name: str, doing: str) -> int:
        """Returns the index of an interface, which may have been created since the last dump."""
        if name not in self._indexes:
            found = self._channel.get(doing, RTM_GETLINK, link_request(name=name))
            if found is None:
                raise HostError(doing, f"there is no interface {name}")
            self._indexes[name] = LINK.unpack_from(found)[2]
        return self._indexes[name]

    def details(self, name: str) -> Mapping[str, object]:
        doing = f"read the counters of {name}"
        names, index = self._links().names, self._index(name, doing)
        if self._layer3 is None:
            self._layer3 = layer3.read_layer3(self._channel, names, every=True)
        shown = shown_layer3(*self._layer3[index])
        return {**read_details(self._channel, doing, name, index, names), **shown}

    def features(self) -> frozenset[str]:
        if self._features is None:
            found = {kind.name for kind in KINDS if kind.device is None and self._can_create(kind.name)}
            if tun.available():
                found.add("tun")
            if "bridge" in found and self._has_bridge_vlans():
                found.add(BRIDGE_VLANS)
            self._features = frozenset(found)
        return self._features

    def has_ipv6(self) -> bool:
        return proc_net.has_ipv6()

    def _can_create(self, kind: str) -> bool:
        """Returns whether the kernel has this kind, by a request that it always refuses.

        A kernel that has the kind says what is wrong with the request (br_validate and vlan_validate come after
        rtnl_link_ops_get, which loads the module), another that it has no such kind.
        """
        info = attribute(1, kind.encode() + b"\0")
        body = LINK.pack(0, 0, 0, 0, 0) + attribute(1, b"\1\0\0\0\0\0") + attribute(18, info)
        try:
            self._channel.request(f"look for the kind {kind}", RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)
        except KernelError as error:
            return error.code != errno.EOPNOTSUPP
        return True

    def _has_bridge_vlans(self) -> bool:
        """Returns whether bridges have VLANs, which a bridge shows.

        Where there is no bridge, a kernel that has VLANs looks at the protocol of their tags before all else.
        """
        shown = self._links().bridge_vlans
        if shown is not None:
            return shown
        data = attribute(8, struct.pack("=H", 0xFFFF))
        info = attribute(1, b"bridge\0") + attribute(2, data)
        body = LINK.pack(0, 0, 0, 0, 0) + attribute(3, b"virtnet.kvm\0") + attribute(18, info)
        try:
            self._channel.request("look for VLANs on bridges", RTM_NEWLINK, body)
        except KernelError as error:
            return error.code == errno.EPROTONOSUPPORT
        return False

    # -- links ------------------------------------------------------------------------------------------------------------

    def add(self, definition: Interface) -> None:
        kind, name = kind_of(definition), definition.name or ""
        self.forget()
        self._indexes.pop(name, None)
        doing = f"create {name}"
        if kind.device is not None:
            kind.device.create(definition, self._netns)
            self._set_up_or_delete(doing, name, _common(definition))
            return
        wanted: Attributes = [("IFLA_IFNAME", name), *_common(definition)]
        lower = kind.lower(definition)
        if lower is not None:
            wanted.append(("IFLA_LINK", self._index(lower, doing)))
        wanted += _link_info(kind.name, kind.attributes(definition))
        self._send(doing, RTM_NEWLINK, 0, wanted, flags=NLM_F_CREATE | NLM_F_EXCL)

    def _set_up_or_delete(self, doing: str, name: str, wanted: Attributes) -> None:
        if wanted:
            try:
                self._change(doing, name, wanted)
            except HostError:
                self.delete(name)
                raise

    def delete(self, name: str) -> None:
        doing = f"remove {name}"
        self._send(doing, _RTM_DELLINK, self._index(name, doing), [])
        # the interfaces on top of it are gone, too
        self._indexes.clear()

    def set(self, name: str, changes: Interface) -> None:
        kind, wanted = kind_of(changes), _common(changes)
        if kind.name == "bridge" and changes.mtu is not None:
            self._make_mtu_differ(name, changes.mtu)
        if kind.device is not None:
            given = {field: value for field in kind.device.fields if (value := getattr(changes, field)) is not None}
            if given:
                kind.device.change(replace(self.all()[name].definition, **given), self._netns)
                self.forget()
        elif data := kind.attributes(changes):
            wanted += _link_info(kind.name, data)
        if wanted or changes.up is not None:
            self._change(f"change {name}", name, wanted, changes.up)

    def _make_mtu_differ(self, name: str, mtu: int) -> None:
        """Gives a bridge another MTU than it is to have, where it has that one.

        Only an MTU that changes is one that a user has set (br_change_mtu is not called for the present one by
        dev_set_mtu_ext), and only such a one doesn't follow that of ports (br_mtu_auto_adjust). A greater one changes
        nothing on the interfaces on the bridge (NETDEV_CHANGEMTU in vlan_device_event).
        """
        found = self._channel.get(f"read the MTU of {name}", RTM_GETLINK, link_request(name=name))
        if found is not None and tables.number(attributes(found, LINK.size).get(MTU, b"")) == mtu:
            other = mtu + 1 if mtu < _MOST_MTU else mtu - 1
            self._change(f"change {name}", name, [("IFLA_MTU", other)])

    def set_master(self, name: str, bridge: Optional[str]) -> None:
        doing = f"detach {name} from its bridge" if bridge is None else f"attach {name} to {bridge}"
        master = 0 if bridge is None else self._index(bridge, doing)
        self._change(doing, name, [("IFLA_MASTER", master)])

    def set_port(self, name: str, changes: Port) -> None:
        settings = {"attrs": tables.attributes_for(tables.PORT, changes)}
        info = {"attrs": [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", settings)]}
        self._change(f"change port {name}", name, [("IFLA_LINKINFO", info)])

    def _change(self, doing: str, name: str, wanted: Attributes, up: Optional[bool] = None) -> None:
        if self._netns is None and any(key == "IFLA_ADDRESS" for key, _value in wanted):
            # udev gives a MAC address of its own to what was created without one (MACAddressPolicy in systemd.link(5)). That
            # may be to come, and would replace this one. What `add` creates by netlink has its address from the beginning.
            udev.settle()
        self._send(doing, RTM_NEWLINK, self._index(name, doing), wanted, up=up)

    def _send(
        self,
        doing: str,
        kind: int,
        index: int,
        wanted: Attributes,
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
        self._channel.request(doing, kind, encoded(message, wanted), flags)

    # -- VLANs of bridges ---------------------------------------------------------------------------------------------------

    def add_vlans(self, name: str, vlans: str, *, pvid: bool, untagged: bool, own: bool) -> None:
        flags = (_VLAN_PVID if pvid else 0) | (_VLAN_UNTAGGED if untagged else 0)
        self._vlans(f"add VLAN {vlans} to {name}", _RTM_SETLINK, name, vlans, flags, own)

    def remove_vlans(self, name: str, vlans: str, *, own: bool) -> None:
        self._vlans(f"remove VLAN {vlans} from {name}", _RTM_DELLINK, name, vlans, 0, own)

    def _vlans(self, doing: str, kind: int, name: str, vlans: str, flags: int, own: bool) -> None:
        first, dash, last = vlans.partition("-")
        spec: Attributes = [("IFLA_BRIDGE_FLAGS", _BRIDGE_FLAGS_SELF if own else _BRIDGE_FLAGS_MASTER)]
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
        self._channel.request(doing, layer3.RTM_NEWADDR, body, NLM_F_CREATE | NLM_F_REPLACE)
        self._added[(name, address.cidr)] = address

    def remove_address(self, name: str, address: Address) -> None:
        doing = f"remove address {address.cidr} from {name}"
        body = layer3.address_body(self._index(name, doing), address)
        self.forget()
        added = self._added.pop((name, address.cidr), None)
        with _may_be_gone(errno.EADDRNOTAVAIL, expected=bool(added) or address.origin != STATIC):
            self._channel.request(doing, layer3.RTM_DELADDR, body)

    def add_route(self, name: str, route: Route) -> None:
        doing = f"add route {route.option.to} to {name}"
        body = layer3.route_body(self._index(name, doing), route)
        self.forget()
        added = [address for (where, _cidr), address in self._added.items() if where == name]
        waiting = (errno.EINVAL, *_UNREACHABLE) if added else (errno.EINVAL,)
        # an IPv6 address is no route's source before it is known that nobody else has it (ip6_route_info_create)
        patience = _DAD_SECONDS if ":" in (route.option.source or "") else _NETWORKD_SECONDS if added else 0
        deadline = time.monotonic() + patience
        self._routes.add((name, route))
        while True:
            try:
                return self._channel.request(doing, layer3.RTM_NEWROUTE, body, NLM_F_CREATE | NLM_F_APPEND)
            except KernelError as error:
                if error.code == errno.EEXIST or route.origin == RA:
                    return None  # a router advertises it again
                if error.code not in waiting or time.monotonic() > deadline:
                    raise
                lost = error.code in _UNREACHABLE or ":" not in (route.option.source or ":")
            # systemd-networkd 252 sets up an interface again that leaves a bridge, and removes addresses that it doesn't know
            for address in added if lost else ():
                self.add_address(name, address)
            time.sleep(0.05)

    def remove_route(self, name: str, route: Route) -> None:
        doing = f"remove route {route.option.to} from {name}"
        body = layer3.route_body(self._index(name, doing), route, removing=True)
        self.forget()
        with _may_be_gone(errno.ESRCH, expected=(name, route) in self._routes or route.origin != STATIC):
            self._channel.request(doing, layer3.RTM_DELROUTE, body)

    def set_ipv6(self, name: str, changes: Ipv6) -> None:
        self.forget()
        for sysctl, value in sysctl_values(changes).items():
            path = sysctl_path(name, sysctl)
            try:
                with inside(self._netns), open(path, "w", encoding="ascii") as setting:
                    setting.write(str(value))
            except OSError as error:
                raise HostError(f"write {value} to {path}", error.strerror or error) from None


@contextlib.contextmanager
def _may_be_gone(gone: int, *, expected: bool) -> Iterator[None]:
    """Ignores the error ``gone`` where it is expected: another program or the kernel may have removed it meanwhile."""
    try:
        yield
    except KernelError as error:
        if error.code != gone or not expected:
            raise


def _common(definition: Interface) -> Attributes:
    """Returns the attributes that an interface of any kind has."""
    wanted: Attributes = []
    if definition.mac is not None:
        wanted.append(("IFLA_ADDRESS", definition.mac))
    if definition.mtu is not None:
        wanted.append(("IFLA_MTU", definition.mtu))
    return wanted


def _link_info(kind: str, data: Attributes) -> Attributes:
    """Returns IFLA_LINKINFO: the kind, and its settings if any are given."""
    info: Attributes = [("IFLA_INFO_KIND", kind)]
    if data:
        info.append(("IFLA_INFO_DATA", {"attrs": data}))
    return [("IFLA_LINKINFO", {"attrs": info})]
