# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads addresses and routes from the kernel's messages, and builds the messages that add and remove them."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Optional

from ...model.interface.ip.origins import (
    LINK_SCOPE,
    MANAGED,
    NOPREFIXROUTE,
    address_origin,
    hop_origin,
    route_origin,
    sources_of_leases,
    with_origins,
)
from ...model.interface.options import MAIN_TABLE, OTHER, RA, Address, InterfaceRoute, Route
from .channel import NLM_F_APPEND, NLM_F_CREATE, Attributes, Channel, attribute, attributes, encoded

_FAMILIES = {socket.AF_INET, socket.AF_INET6}

# linux/rtnetlink.h, linux/if_addr.h
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
_ADDRESS = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefixlen, flags, scope, index
_IFA_ADDRESS, _IFA_LOCAL, _IFA_LABEL, _IFA_BROADCAST, _IFA_CACHEINFO, _IFA_FLAGS = 1, 2, 3, 4, 6, 8
_IFA_RT_PRIORITY, _IFA_PROTO = 9, 11
_KEPT_FLAGS = 0x02 | 0x10 | MANAGED | NOPREFIXROUTE | 0x400  # nodad, home, mngtmpaddr, noprefixroute, mcautojoin
_FOR_EVER = 0xFFFFFFFF

ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
_NEXT_HOP = struct.Struct("=HBBi")  # rtnexthop: length, flags, hops, index
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA = 1, 4, 5, 9, 18
_RTA_PRIORITY, _RTA_PREFSRC, _RTA_CACHEINFO, _RTA_TABLE, _RTA_EXPIRES = 6, 7, 12, 15, 23
_EXPIRES = struct.Struct("=8xi")  # rta_cacheinfo.rta_expires, in hundredths of a second
LOCAL_TABLE = 255
CLONED = 0x200  # RTM_F_CLONED
ONLINK = 4  # RTNH_F_ONLINK
_UNICAST = 1
_NOWHERE = 255
_OF_A_SUBNET = (254, 2, 253, 1)  # the main table, RTPROT_KERNEL, RT_SCOPE_LINK, RTN_UNICAST
OF_ADVERTISEMENTS = (1, 9)  # RTPROT_REDIRECT, RTPROT_RA
_KERNEL, _REDIRECT = 2, 1  # RTPROT_KERNEL, RTPROT_REDIRECT
_IPV6_METRIC = 1024  # IP6_RT_PRIO_USER


@dataclass(frozen=True)
class NextHop:
    """One way of a route of several (RTA_MULTIPATH), with its attributes as the kernel sends them."""

    flags: int
    weight: int
    index: int
    attributes: bytes

    def pack(self, *, index: Optional[int] = None) -> bytes:
        """Returns it as it is sent, with another interface's index if one is given, and without the state of the link."""
        length = _NEXT_HOP.size + len(self.attributes)
        header = _NEXT_HOP.pack(length, self.flags & ONLINK, self.weight, self.index if index is None else index)
        return header + self.attributes + bytes(-length % 4)


def each_next_hop(payload: bytes) -> Iterator[NextHop]:
    """Yields the ways of a route of several from RTA_MULTIPATH."""
    place = 0
    while place + _NEXT_HOP.size <= len(payload):
        length, flags, weight, index = _NEXT_HOP.unpack_from(payload, place)
        if length < _NEXT_HOP.size:
            return
        yield NextHop(flags, weight, index, payload[place + _NEXT_HOP.size : place + length])
        place += (length + 3) & ~3


def read_addresses(channel: Channel, names: Mapping[int, str], *, every: bool = False) -> dict[int, list[Address]]:
    """Returns the addresses by the interface's index; ``every`` with those that the kernel makes, the link-local ones."""
    found: dict[int, list[Address]] = defaultdict(list)
    for kind, message in channel.dump("read the addresses", RTM_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0)):
        family, prefix, flags, scope, index = _ADDRESS.unpack_from(message)
        if kind != RTM_NEWADDR or family not in _FAMILIES:
            continue
        held = attributes(message, _ADDRESS.size)
        flags = _u32(held.get(_IFA_FLAGS), flags)
        if every or family == socket.AF_INET or scope != LINK_SCOPE:
            found[index].append(_address(family, prefix, flags, scope, held, names.get(index)))
    return found


def _address(
    family: int, prefix: int, flags: int, scope: int, held: Mapping[int, bytes], name: Optional[str]
) -> Address:
    local = _ip(family, held.get(_IFA_LOCAL, held.get(_IFA_ADDRESS)))
    far = _ip(family, held.get(_IFA_ADDRESS))
    preferred, valid = (
        struct.unpack_from("=II", held[_IFA_CACHEINFO]) if _IFA_CACHEINFO in held else (_FOR_EVER, _FOR_EVER)
    )
    label = held.get(_IFA_LABEL, b"").rstrip(b"\0").decode(errors="surrogateescape")
    return Address(
        cidr=f"{local}/{prefix}",
        peer=f"{far}/{prefix}" if far is not None and far != local else None,
        broadcast=_ip(family, held.get(_IFA_BROADCAST)),
        scope=scope,
        flags=flags & _KEPT_FLAGS,
        metric=_u32(held.get(_IFA_RT_PRIORITY), 0) or None,
        label=label if label and label != name else None,
        valid_seconds=None if valid == _FOR_EVER else valid,
        preferred_seconds=None if preferred == _FOR_EVER else preferred,
        origin=address_origin(family, prefix, flags, scope, held.get(_IFA_PROTO, b"\0")[0], ends=valid != _FOR_EVER),
    )


def _ip(family: int, payload: Optional[bytes]) -> Optional[str]:
    return socket.inet_ntop(family, payload) if payload else None


def _u32(payload: Optional[bytes], otherwise: int) -> int:
    return int.from_bytes(payload, sys.byteorder) if payload else otherwise


def read_routes(channel: Channel, names: Mapping[int, str], *, every: bool = False) -> dict[int, list[Route]]:
    """Returns the routes by the index of the interface that they leave by.

    ``every`` with those that the kernel adds for addresses and for redirects, and with IPv4 routes of several next hops.
    """
    found: dict[int, list[Route]] = defaultdict(list)
    for kind, message in channel.dump("read the routes", RTM_GETROUTE, ROUTE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0)):
        family, prefix, _src, _tos, table, protocol, scope, of_type, flags = ROUTE.unpack_from(message)
        if kind != RTM_NEWROUTE or family not in _FAMILIES or of_type != _UNICAST:
            continue
        if table == LOCAL_TABLE or flags & CLONED or (protocol in (_KERNEL, _REDIRECT) and not every):
            continue
        held = attributes(message, ROUTE.size)
        several = RTA_OIF not in held
        if several and family == socket.AF_INET and not every:
            continue
        for index, hop_flags, hop in _hops(flags, held):
            if index in names:
                option = _route_option(family, prefix, _u32(held.get(_RTA_TABLE), table), {**held, **hop})
                origin = route_origin(protocol)
                if several:
                    origin = hop_origin(protocol, option.via or "") if family == socket.AF_INET6 else OTHER
                onlink = bool(hop_flags & ONLINK)
                found[index].append(Route(option, protocol, scope, onlink, origin, _seconds(held)))
    return found


def _seconds(held: Mapping[int, bytes]) -> Optional[int]:
    if len(held.get(_RTA_CACHEINFO, b"")) < _EXPIRES.size:
        return None
    (expires,) = _EXPIRES.unpack_from(held[_RTA_CACHEINFO])
    return max(1, expires // 100) if expires > 0 else None


def _hops(flags: int, held: Mapping[int, bytes]) -> Iterator[tuple[int, int, Mapping[int, bytes]]]:
    """Yields the interfaces that a route leaves by. IPv6 has no route of several: these are several routes to one destination."""
    if RTA_OIF in held:
        yield _u32(held[RTA_OIF], 0), flags, {}
        return
    for hop in each_next_hop(held.get(RTA_MULTIPATH, b"")):
        yield hop.index, hop.flags, attributes(hop.attributes)


def _route_option(family: int, prefix: int, table: int, held: Mapping[int, bytes]) -> InterfaceRoute:
    target = _ip(family, held.get(RTA_DST)) or ("::" if family == socket.AF_INET6 else "0.0.0.0")
    metric = _u32(held.get(_RTA_PRIORITY), 0)
    return InterfaceRoute(
        to=f"{target}/{prefix}",
        via=_gateway(family, held),
        metric=None if metric == _default_metric(family) else metric,
        table=None if table == MAIN_TABLE else table,
        source=_ip(family, held.get(_RTA_PREFSRC)),
    )


def _default_metric(family: int) -> int:
    return _IPV6_METRIC if family == socket.AF_INET6 else 0


def _gateway(family: int, held: Mapping[int, bytes]) -> Optional[str]:
    if RTA_VIA in held:  # of the other family (RFC 5549)
        via = held[RTA_VIA]
        return _ip(_u32(via[:2], 0), via[2:])
    return _ip(family, held.get(RTA_GATEWAY))


def read_layer3(
    channel: Channel, names: Mapping[int, str], *, every: bool = False
) -> dict[int, tuple[tuple[Address, ...], tuple[Route, ...]]]:
    """Returns the addresses and routes of each interface by its index, with their origins; see both functions above."""
    addresses, routes = read_addresses(channel, names, every=every), read_routes(channel, names, every=every)
    sources = sources_of_leases(route for held in routes.values() for route in held)
    found = {}
    for index in names:
        own = routes.get(index, [])
        advertised = {route.option.to or "" for route in own if route.origin == RA and route.option.via is None}
        found[index] = with_origins(addresses.get(index, []), own, advertised, sources)
    return found


# -- to the kernel ---------------------------------------------------------------------------------------------------------


def address_body(index: int, address: Address) -> bytes:
    """Returns the body of a message that adds or removes an address."""
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg

    local, _slash, prefix = address.cidr.partition("/")
    message = ifaddrmsg()
    message["family"] = _family(local)
    message["prefixlen"] = int(prefix)
    message["scope"] = address.scope
    message["index"] = index
    wanted: Attributes = [
        ("IFA_LOCAL", local),
        ("IFA_ADDRESS", address.peer.partition("/")[0] if address.peer else local),
    ]
    wanted += [("IFA_BROADCAST", address.broadcast)] if address.broadcast else []
    wanted += [("IFA_LABEL", address.label)] if address.label else []
    wanted += [("IFA_FLAGS", address.flags)] if address.flags else []
    if address.valid_seconds is not None or address.preferred_seconds is not None:
        times = {"ifa_valid": address.valid_seconds, "ifa_preferred": address.preferred_seconds}
        lasting = {name: _FOR_EVER if value is None else value for name, value in times.items()}
        wanted.append(("IFA_CACHEINFO", {**lasting, "cstamp": 0, "tstamp": 0}))
    # pyroute2 before 0.8 doesn't know IFA_RT_PRIORITY
    metric = attribute(_IFA_RT_PRIORITY, struct.pack("=I", address.metric)) if address.metric else b""
    return encoded(message, wanted) + metric


def route_body(index: int, route: Route, *, removing: bool = False) -> bytes:
    """Returns the body of a message that adds or removes a route."""
    from pyroute2.netlink.rtnl.rtmsg import rtmsg

    option = route.option
    to = ipaddress.ip_network(_anywhere(option) if option.to == "default" else option.to or "")
    family = socket.AF_INET6 if to.version == 6 else socket.AF_INET
    message = rtmsg()
    message["family"] = family
    message["dst_len"] = to.prefixlen
    # of next hops that the kernel has joined it shows the protocol of the first; any is meant here (ip6_route_del)
    joined = removing and to.version == 6 and bool(option.via)
    message["proto"] = 0 if joined else route.protocol
    message["type"] = _UNICAST
    message["scope"] = _NOWHERE if removing else _scope(route, family)
    message["flags"] = ONLINK if route.onlink else 0
    metric = _default_metric(family) if option.metric is None else option.metric
    wanted: Attributes = [
        ("RTA_OIF", index),
        ("RTA_TABLE", MAIN_TABLE if option.table is None else option.table),
        ("RTA_PRIORITY", metric),
    ]
    wanted += [("RTA_DST", str(to.network_address))] if to.prefixlen else []
    wanted += [("RTA_PREFSRC", option.source)] if option.source else []
    if option.via and _family(option.via) == family:
        wanted.append(("RTA_GATEWAY", option.via))
    elif option.via:
        wanted.append(("RTA_VIA", {"family": _family(option.via), "addr": option.via}))
    ends = route.seconds is not None and not removing
    return encoded(message, wanted) + (attribute(_RTA_EXPIRES, struct.pack("=I", route.seconds)) if ends else b"")


def _scope(route: Route, family: int) -> int:
    """Returns the scope of a route: without a gateway and a scope of its own it is the link's, so that gateways are found there."""
    of_link = family == socket.AF_INET and route.scope == 0 and route.option.via is None
    return LINK_SCOPE if of_link else route.scope


def _anywhere(option: InterfaceRoute) -> str:
    return "::/0" if _family(option.via or option.source or "") == socket.AF_INET6 else "0.0.0.0/0"


def _family(text: str) -> int:
    return socket.AF_INET6 if ":" in text else socket.AF_INET


def announce_subnets(channel: Channel, indexes: Collection[int]) -> None:
    """Makes the kernel announce the routes to the subnets of IPv4 addresses again, by removing and adding each.

    Raises `KernelError`.
    """
    doing = "announce the routes to subnets"
    for _kind, message in channel.dump(doing, RTM_GETROUTE, ROUTE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)):
        *what, flags = ROUTE.unpack_from(message)
        _family, _to, _from, _tos, *kind = what
        held = attributes(message, ROUTE.size)
        if _u32(held.get(RTA_OIF), 0) in indexes and tuple(kind) == _OF_A_SUBNET:
            # The state of the link may not be sent (RTNH_F_DEAD and others).
            body = ROUTE.pack(*what, flags & ONLINK) + message[ROUTE.size :]
            channel.request(doing, RTM_DELROUTE, body)
            channel.request(doing, RTM_NEWROUTE, body, NLM_F_CREATE | NLM_F_APPEND)
