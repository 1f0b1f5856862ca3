# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes that no option declares: those that lead nowhere, those of several ways, those that came with an address; and
all else that the kernel holds of a route (MTU, preference, ...).

They are kept as the kernel's own messages, so that they can be restored without an understanding of what is in them.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ...backend.netlink import layer3
from ...backend.netlink.channel import NLM_F_APPEND, NLM_F_CREATE, Channel, attribute, each_attribute
from ...model.interface.requests import InterfaceDriver
from ..part import Host, Part, Snapshot
from .interfaces import INTERFACES, target_of

# linux/rtnetlink.h
_CACHEINFO, _EXPIRES, _NH_ID = 12, 23, 30
_VOLATILE = {_CACHEINFO, _EXPIRES}
_TYPES = {1: "", 6: "blackhole ", 7: "unreachable ", 8: "prohibit ", 9: "throw "}
_LINK_LOCAL = b"\xfe\x80"


@dataclass(frozen=True)
class RawRoute:
    """A route; ``body`` is what the kernel is sent to add it, ``devices`` are the interfaces that it leaves by."""

    body: bytes
    devices: tuple[str, ...]

    @property
    def direct(self) -> bool:
        """Returns whether it needs no gateway, so that no other route has to be there first."""
        numbers = {number for number, _value in each_attribute(self.body, layer3.ROUTE.size)}
        return not {layer3.RTA_GATEWAY, layer3.RTA_VIA, layer3.RTA_MULTIPATH} & numbers

    @property
    def words(self) -> str:
        """Returns the main parts, as ip-route(8) shows them."""
        family, prefix, *_rest, kind, _flags = layer3.ROUTE.unpack_from(self.body)
        held = dict(each_attribute(self.body, layer3.ROUTE.size))
        to = f"{socket.inet_ntop(family, held[layer3.RTA_DST])}/{prefix}" if layer3.RTA_DST in held else "default"
        gateway = held.get(layer3.RTA_GATEWAY)
        via = f" via {socket.inet_ntop(family, gateway)}" if gateway else ""
        dev = f" dev {' and '.join(self.devices)}" if self.devices else ""
        return f"route {_TYPES[kind]}{to}{via}{dev}"


@dataclass(frozen=True)
class SavedRoutes:
    """The routes of a snapshot."""

    routes: tuple[RawRoute, ...]


class RoutesPart(Part[SavedRoutes]):
    """The routes of all tables by the interfaces that are restored, and by none."""

    name = "routes"
    kept = SavedRoutes
    brought_by = (INTERFACES.name,)

    def take(self, host: Host) -> SavedRoutes:
        return SavedRoutes(tuple(sorted(_routes_of(host), key=lambda route: route.body)))

    def steps(self, snapshot: Snapshot, host: Host) -> Sequence[ChangeRoute]:
        then = {name: state.index for name, state in snapshot.of(INTERFACES).states.items()}
        now = {name: state.index for name, state in host.driver(InterfaceDriver).all().items()}
        routes = [renumbered(route, then, now) for route in snapshot.of(self).routes]
        return route_steps([route for route in routes if route], _routes_of(host), target_of(snapshot, host).restored)


ROUTES = RoutesPart()


def _routes_of(host: Host) -> set[RawRoute]:
    return read_raw_routes(
        host.channel, {state.index: name for name, state in host.driver(InterfaceDriver).all().items()}
    )


def read_raw_routes(channel: Channel, names: Mapping[int, str]) -> set[RawRoute]:
    """Returns all routes but those of the local table, of router advertisements and of link-local addresses.

    ``names`` are those of the interfaces by index. Raises `HostError`.
    """
    found = set()
    for kind, message in channel.dump("read the routes", layer3.RTM_GETROUTE, bytes(layer3.ROUTE.size)):
        if kind == layer3.RTM_NEWROUTE and (route := _raw_route(message, names)) is not None:
            found.add(route)
    return found


def _raw_route(message: bytes, names: Mapping[int, str]) -> Optional[RawRoute]:
    family, prefix, source, tos, table, protocol, scope, kind, flags = layer3.ROUTE.unpack_from(message)
    held = [pair for pair in each_attribute(message, layer3.ROUTE.size) if pair[0] not in _VOLATILE]
    known = dict(held)
    if family not in (socket.AF_INET, socket.AF_INET6) or kind not in _TYPES:
        return None
    if flags & layer3.CLONED or _NH_ID in known or table == layer3.LOCAL_TABLE:
        return None
    if protocol in layer3.OF_ADVERTISEMENTS or known.get(layer3.RTA_DST, b"").startswith(_LINK_LOCAL):
        return None
    devices = [_index(known[layer3.RTA_OIF])] if layer3.RTA_OIF in known else []
    devices += [hop.index for hop in layer3.each_next_hop(known.get(layer3.RTA_MULTIPATH, b""))]
    if not all(index in names for index in devices):
        return None
    header = layer3.ROUTE.pack(family, prefix, source, tos, table, protocol, scope, kind, flags & layer3.ONLINK)
    body = header + b"".join(attribute(number, _without_state(number, payload)) for number, payload in held)
    return RawRoute(body, tuple(names[index] for index in devices))


def _without_state(number: int, payload: bytes) -> bytes:
    """Returns the payload without whether a way is up at the moment."""
    if number != layer3.RTA_MULTIPATH:
        return payload
    return b"".join(hop.pack() for hop in layer3.each_next_hop(payload))


def _index(payload: bytes) -> int:
    return int(struct.unpack("=I", payload)[0])


def renumbered(route: RawRoute, then: Mapping[str, int], now: Mapping[str, int]) -> Optional[RawRoute]:
    """Returns the route with the indexes that its interfaces have ``now``; ``None`` if one of them is gone."""
    if not all(name in now for name in route.devices):
        return None
    if all(then[name] == now[name] for name in route.devices):
        return route
    new = {then[name]: now[name] for name in route.devices}
    body = route.body[: layer3.ROUTE.size]
    for number, payload in each_attribute(route.body, layer3.ROUTE.size):
        if number == layer3.RTA_OIF:
            payload = struct.pack("=I", new[_index(payload)])
        elif number == layer3.RTA_MULTIPATH:
            payload = b"".join(hop.pack(index=new[hop.index]) for hop in layer3.each_next_hop(payload))
        body += attribute(number, payload)
    return RawRoute(body, route.devices)


@dataclass(frozen=True)
class ChangeRoute:
    """A route that is restored or removed."""

    route: RawRoute
    removing: bool

    @property
    def words(self) -> str:
        return f"{'remove' if self.removing else 'restore'} {self.route.words}"

    def do(self, host: Host) -> None:
        if self.removing:
            host.channel.request(self.words, layer3.RTM_DELROUTE, self.route.body)
        else:
            host.channel.request(self.words, layer3.RTM_NEWROUTE, self.route.body, NLM_F_CREATE | NLM_F_APPEND)


def route_steps(
    saved: Collection[RawRoute], current: Collection[RawRoute], restored: Collection[str]
) -> list[ChangeRoute]:
    """Returns what differs of the routes that leave by none but the ``restored`` interfaces.

    A route that a gateway is reached by is there before the routes by that gateway.
    """

    def ours(route: RawRoute) -> bool:
        return all(name in restored for name in route.devices)

    remove = [ChangeRoute(route, removing=True) for route in current if route not in saved and ours(route)]
    restore = [ChangeRoute(route, removing=False) for route in saved if route not in current and ours(route)]
    return [*sorted(remove, key=_order), *sorted(restore, key=_order)]


def _order(step: ChangeRoute) -> tuple[bool, bytes]:
    return step.route.direct == step.removing, step.route.body
