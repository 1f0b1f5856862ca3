# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The neighbour tables of this host, of IPv4 and IPv6, in one dump."""

from __future__ import annotations

import contextlib
import ipaddress
import struct
from collections.abc import Mapping

from ...model.portforward.targets import Neighbour, NeighbourDriver
from ..netlink.channel import Channel, attributes

# linux/rtnetlink.h, linux/neighbour.h
_RTM_NEWNEIGH, _RTM_GETNEIGH = 28, 30
_MESSAGE = struct.Struct("=BxxxiHBB")  # ndmsg: family, ifindex, state, flags, type
_NDA_DST, _NDA_LLADDR = 1, 2
_STATES = {
    0x01: "incomplete",
    0x02: "reachable",
    0x04: "stale",
    0x08: "delay",
    0x10: "probe",
    0x20: "failed",
    0x40: "noarp",
    0x80: "permanent",
}


class Neighbours(NeighbourDriver):
    """The neighbours of the host's own namespace."""

    def neighbours(self) -> Mapping[str, Neighbour]:
        with contextlib.closing(Channel(None)) as channel:
            messages = list(channel.dump("read the neighbours", _RTM_GETNEIGH, _MESSAGE.pack(0, 0, 0, 0, 0)))
        found: dict[str, Neighbour] = {}
        for kind, message in messages:
            if kind == _RTM_NEWNEIGH:
                address, neighbour = parse(message)
                # one address may have entries on several interfaces; the one with a MAC address counts
                if address and (address not in found or not found[address].mac):
                    found[address] = neighbour
        return found


def parse(message: bytes) -> tuple[str, Neighbour]:
    """Returns the address and what the kernel knows of it; the address is empty for another kind of entry."""
    _family, _index, state, _flags, _type = _MESSAGE.unpack_from(message)
    held = attributes(message, _MESSAGE.size)
    try:
        address = str(ipaddress.ip_address(held.get(_NDA_DST, b"")))
    except ValueError:
        address = ""
    return address, Neighbour(_STATES.get(state, "none"), held.get(_NDA_LLADDR, b"").hex(":"))
