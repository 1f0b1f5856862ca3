# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes that no option declares, as they were: those that lead nowhere, those over several ways, those that came with
an address and were removed by hand; and whatever else the kernel holds of a route (MTU, preference, ...).

They are kept as the kernel's own messages, so that nothing of them has to be understood to be put back.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ...backend.netlink.channel import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    Channel,
    attribute,
    each_attribute,
)

# linux/rtnetlink.h
_NEWROUTE, _DELROUTE, _GETROUTE = 24, 25, 26
_HEADER = struct.Struct("=BBBBBBBBI")  # rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
_HOP = struct.Struct("=HBBi")  # rtnexthop: length, flags, hops, index
_DST, _OIF, _GATEWAY, _MULTIPATH, _CACHEINFO, _VIA, _EXPIRES, _NH_ID = 1, 4, 5, 9, 12, 18, 23, 30
_VOLATILE = {_CACHEINFO, _EXPIRES}
_TYPES = {1: "", 6: "blackhole ", 7: "unreachable ", 8: "prohibit ", 9: "throw "}
_OF_ADVERTISEMENTS = (1, 9)  # RTPROT_REDIRECT, RTPROT_RA
_LOCAL_TABLE = 255
_CLONED, _ONLINK = 0x200, 4
_LINK_LOCAL = b"\xfe\x80"


@dataclass(frozen=True)
class RawRoute:
    """A route; ``body`` is what the kernel is sent to add it, ``devices`` the interfaces that it leaves by."""

    body: bytes
    devices: tuple[str, ...]

    @property
    def direct(self) -> bool:
        return not {_GATEWAY, _VIA, _MULTIPATH} & {number for number, _value in each_attribute(self.body, _HEADER.size)}

    @property
    def words(self) -> str:
        """As people would say it, in part."""
        family, prefix, *_rest, kind, _flags = _HEADER.unpack_from(self.body)
        held = dict(each_attribute(self.body, _HEADER.size))
        target = f"{socket.inet_ntop(family, held[_DST])}/{prefix}" if _DST in held else "default"
        via = f" via {socket.inet_ntop(family, held[_GATEWAY])}" if _GATEWAY in held else ""
        by = f" by {' and '.join(self.devices)}" if self.devices else ""
        return f"route {_TYPES[kind]}{target}{via}{by}"


def read_routes(channel: Channel, names: Mapping[int, str]) -> set[RawRoute]:
    """All but those of the kernel's local table, of advertisements and of link-local addresses."""
    found = set()
    for kind, message in channel.dump("look at the routes", _GETROUTE, bytes(_HEADER.size)):
        if kind == _NEWROUTE and (route := _plain(message, names)) is not None:
            found.add(route)
    return found


def _plain(message: bytes, names: Mapping[int, str]) -> Optional[RawRoute]:
    family, prefix, source, tos, table, protocol, scope, kind, flags = _HEADER.unpack_from(message)
    held = [pair for pair in each_attribute(message, _HEADER.size) if pair[0] not in _VOLATILE]
    known = dict(held)
    if family not in (socket.AF_INET, socket.AF_INET6) or kind not in _TYPES or flags & _CLONED or _NH_ID in known:
        return None
    if table == _LOCAL_TABLE or protocol in _OF_ADVERTISEMENTS or known.get(_DST, b"").startswith(_LINK_LOCAL):
        return None
    devices = [_index(known[_OIF])] if _OIF in known else []
    if _MULTIPATH in known:
        devices += [index for index, _hop in _hops(known[_MULTIPATH])]
    if not all(index in names for index in devices):
        return None
    body = _HEADER.pack(family, prefix, source, tos, table, protocol, scope, kind, flags & _ONLINK)
    return RawRoute(
        body + b"".join(attribute(*_steady(pair)) for pair in held), tuple(names[index] for index in devices)
    )


def _steady(pair: tuple[int, bytes]) -> tuple[int, bytes]:
    """Without whether the way is up at the moment."""
    number, payload = pair
    return (number, b"".join(hop for _index_of, hop in _hops(payload))) if number == _MULTIPATH else pair


def _hops(payload: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + _HOP.size <= len(payload):
        length, flags, weight, index = _HOP.unpack_from(payload, place)
        if length < _HOP.size:
            return
        rest = payload[place + _HOP.size : place + ((length + 3) & ~3)]
        yield index, _HOP.pack(length, flags & _ONLINK, weight, index) + rest
        place += (length + 3) & ~3


def _index(payload: bytes) -> int:
    return int(struct.unpack("=I", payload)[0])


def renumbered(route: RawRoute, then: Mapping[str, int], now: Mapping[str, int]) -> Optional[RawRoute]:
    """The route by the numbers that its interfaces have now; ``None`` if one of them is gone."""
    if not all(name in now for name in route.devices):
        return None
    if all(then[name] == now[name] for name in route.devices):
        return route
    new = {then[name]: now[name] for name in route.devices}
    parts = [route.body[: _HEADER.size]]
    for number, payload in each_attribute(route.body, _HEADER.size):
        if number == _OIF:
            payload = struct.pack("=I", new[_index(payload)])
        elif number == _MULTIPATH:
            payload = b"".join(hop[:4] + struct.pack("=i", new[index]) + hop[8:] for index, hop in _hops(payload))
        parts.append(attribute(number, payload))
    return RawRoute(b"".join(parts), route.devices)


@dataclass(frozen=True)
class RouteChange:
    """One route to put back or to remove; implements what a restore asks of a step."""

    route: RawRoute
    gone: bool

    @property
    def words(self) -> str:
        return f"{'put back' if self.gone else 'remove'} {self.route.words}"

    def do(self, host: Any) -> None:
        channel: Channel = host.channel
        if self.gone:
            channel.request(self.words, _NEWROUTE, self.route.body, NLM_F_CREATE | NLM_F_APPEND)
        else:
            channel.request(self.words, _DELROUTE, self.route.body)


def route_changes(was: Collection[RawRoute], found: Collection[RawRoute], ours: Collection[str]) -> list[RouteChange]:
    """What differs, of the routes that leave by nothing but these interfaces. What has to be reached is there first."""

    def mine(route: RawRoute) -> bool:
        return all(name in ours for name in route.devices)

    go = [RouteChange(route, False) for route in found if route not in was and mine(route)]
    come = [RouteChange(route, True) for route in was if route not in found and mine(route)]
    return [*sorted(go, key=_order), *sorted(come, key=_order)]


def _order(change: RouteChange) -> tuple[bool, bytes]:
    return change.route.direct != change.gone, change.route.body
