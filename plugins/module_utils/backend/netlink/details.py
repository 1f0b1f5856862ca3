# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what only the `_info` modules return: an interface's counters and a bridge's forwarding table."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Optional

from ...model.fields import to_options
from ...model.interface.normal import normal_route
from ...model.interface.options import Address, Route
from .channel import Channel, attribute, attributes
from .read import AF_BRIDGE, LINK, RTM_GETLINK, link_request
from .tables import number

_RTM_NEWNEIGH, _RTM_GETNEIGH = 28, 30
_STATS64, _LINKINFO, _INFO_KIND, _MASTER = 23, 18, 1, 10

# linux/if_link.h: struct rtnl_link_stats64, in its order; newer kernels have more at its end
_COUNTERS = (
    *("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped"),
    *("multicast", "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors", "rx_frame_errors"),
    *("rx_fifo_errors", "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors", "tx_fifo_errors"),
    *("tx_heartbeat_errors", "tx_window_errors", "rx_compressed", "tx_compressed", "rx_nohandler"),
    "rx_otherhost_dropped",
)

# linux/neighbour.h
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # ndmsg: family, index, state, flags, type
_NDA_LLADDR, _NDA_VLAN = 2, 5
_NUD_NOARP, _NUD_PERMANENT = 0x40, 0x80


def read_details(channel: Channel, doing: str, name: str, index: int, names: Mapping[int, str]) -> dict[str, object]:
    """Returns ``counters`` by name and, for a bridge, ``fdb``, a list of entries. ``names`` are those of all indexes."""
    message = channel.get(doing, RTM_GETLINK, link_request(name=name, stats=True)) or b""
    held = attributes(message, LINK.size)
    found: dict[str, object] = {"counters": _counters(held.get(_STATS64, b""))}
    if attributes(held.get(_LINKINFO, b"")).get(_INFO_KIND) == b"bridge\0":
        found["fdb"] = _forwarding_table(channel, doing, index, names)
    return found


def shown_layer3(addresses: Sequence[Address], routes: Sequence[Route]) -> dict[str, object]:
    """Returns ``addresses`` and ``routes`` with their origins, in the words of the options."""
    return {
        "addresses": [
            {
                "address": address.cidr,
                "origin": address.origin,
                "valid_seconds": address.valid_seconds,
                "preferred_seconds": address.preferred_seconds,
            }
            for address in addresses
        ],
        "routes": [{**to_options(normal_route(route.option)), "origin": route.origin} for route in routes],
    }


def _counters(payload: bytes) -> dict[str, int]:
    values = struct.unpack_from(f"={len(payload) // 8}Q", payload)
    return dict(zip(_COUNTERS, values))


def _forwarding_table(channel: Channel, doing: str, bridge: int, names: Mapping[int, str]) -> list[dict[str, object]]:
    # rtnl_fdb_dump takes a link's header and the bridge as its master
    body = LINK.pack(AF_BRIDGE, 0, 0, 0, 0) + attribute(_MASTER, struct.pack("=I", bridge))
    found: list[tuple[str, int, str, dict[str, object]]] = []
    for kind, message in channel.dump(doing, _RTM_GETNEIGH, body):
        if kind == _RTM_NEWNEIGH:
            _family, index, state, _flags, _type = _NEIGHBOUR.unpack_from(message)
            held = attributes(message, _NEIGHBOUR.size)
            vlan: Optional[int] = number(held[_NDA_VLAN]) if _NDA_VLAN in held else None
            mac, port = held[_NDA_LLADDR].hex(":"), names.get(index)
            entry: dict[str, object] = {"mac": mac, "port": port, "vlan": vlan, "state": _state(state)}
            found.append((mac, vlan or 0, port or "", entry))
    return [entry for *_order, entry in sorted(found, key=lambda row: row[:3])]


def _state(state: int) -> str:
    """Returns the state in the words of bridge(8)."""
    if state & _NUD_PERMANENT:
        return "permanent"
    return "static" if state & _NUD_NOARP else "learned"
