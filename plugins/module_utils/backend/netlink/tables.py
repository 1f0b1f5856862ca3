# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each setting once: the option's field, the kernel's attribute, its number, and how the one's value becomes the other's.

The numbers are those of linux/if_link.h, in whose enumerations the names stand.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Callable

from ...model.interface.options import ACCEPT_RA, ADDR_GEN_MODES

HERTZ = 100  # USER_HZ, in which the kernel tells times
IFF_TUN, IFF_TAP = 0x1, 0x2  # linux/if_tun.h; also what IFLA_TUN_TYPE says


@dataclass(frozen=True)
class Codec:
    """From the kernel's number to the option's value, and back."""

    read: Callable[[int], Any]
    write: Callable[[Any], int]


def _seconds(ticks: int) -> Any:
    # what is no whole number of seconds must not pass for one
    return ticks // HERTZ if ticks % HERTZ == 0 else ticks / HERTZ


_ETHERTYPES = {0x8100: "802.1q", 0x88A8: "802.1ad"}  # linux/if_ether.h
_PROTOCOLS = {name: number for number, name in _ETHERTYPES.items()}

NUMBER = Codec(int, int)
SWITCH = Codec(bool, int)
SECONDS = Codec(_seconds, lambda seconds: round(seconds * HERTZ))
PROTOCOL = Codec(
    lambda number: _ETHERTYPES.get(socket.ntohs(number), f"{socket.ntohs(number):#06x}"), _PROTOCOLS.__getitem__
)


@dataclass(frozen=True)
class Setting:
    field: str
    attribute: str
    number: int
    codec: Codec = NUMBER


BRIDGE = (
    Setting("forward_delay", "IFLA_BR_FORWARD_DELAY", 1, SECONDS),
    Setting("hello_time", "IFLA_BR_HELLO_TIME", 2, SECONDS),
    Setting("max_age", "IFLA_BR_MAX_AGE", 3, SECONDS),
    Setting("ageing_time", "IFLA_BR_AGEING_TIME", 4, SECONDS),
    Setting("stp", "IFLA_BR_STP_STATE", 5, SWITCH),
    Setting("priority", "IFLA_BR_PRIORITY", 6),
    Setting("vlan_filtering", "IFLA_BR_VLAN_FILTERING", 7, SWITCH),
    Setting("vlan_protocol", "IFLA_BR_VLAN_PROTOCOL", 8, PROTOCOL),
    Setting("group_fwd_mask", "IFLA_BR_GROUP_FWD_MASK", 9),
    Setting("mcast_snooping", "IFLA_BR_MCAST_SNOOPING", 23, SWITCH),
    Setting("mcast_querier", "IFLA_BR_MCAST_QUERIER", 25, SWITCH),
    Setting("vlan_default_pvid", "IFLA_BR_VLAN_DEFAULT_PVID", 39),
)

PORT = (
    Setting("priority", "IFLA_BRPORT_PRIORITY", 2),
    Setting("cost", "IFLA_BRPORT_COST", 3),
    Setting("hairpin", "IFLA_BRPORT_MODE", 4, SWITCH),
    Setting("guard", "IFLA_BRPORT_GUARD", 5, SWITCH),
    Setting("learning", "IFLA_BRPORT_LEARNING", 8, SWITCH),
    Setting("flood", "IFLA_BRPORT_UNICAST_FLOOD", 9, SWITCH),
    Setting("isolated", "IFLA_BRPORT_ISOLATED", 33, SWITCH),
)

VLAN = (
    Setting("id", "IFLA_VLAN_ID", 1),
    Setting("protocol", "IFLA_VLAN_PROTOCOL", 5, PROTOCOL),
)
VLAN_FLAGS = {"reorder": 0x1, "gvrp": 0x2, "loose_binding": 0x4, "mvrp": 0x8}  # linux/if_vlan.h

TUN = (
    Setting("packet_info", "IFLA_TUN_PI", 4, SWITCH),
    Setting("vnet_hdr", "IFLA_TUN_VNET_HDR", 5, SWITCH),
    Setting("multi_queue", "IFLA_TUN_MULTI_QUEUE", 7, SWITCH),
)

# /proc/sys/net/ipv6/conf/NAME: the file, its place in the array that a dump has (linux/ipv6.h), and the value's meanings
IPV6 = {
    "enabled": ("disable_ipv6", 26, (True, False)),
    "accept_ra": ("accept_ra", 3, ACCEPT_RA),
    "autoconf": ("autoconf", 5, (False, True)),
    "addr_gen_mode": ("addr_gen_mode", 47, ADDR_GEN_MODES),
}


def number(payload: bytes) -> int:
    return int.from_bytes(payload, sys.byteorder)


def read(table: Iterable[Setting], held: Mapping[int, bytes]) -> dict[str, Any]:
    """The options that the attributes tell."""
    return {
        setting.field: setting.codec.read(number(held[setting.number])) for setting in table if setting.number in held
    }


def write(table: Iterable[Setting], value: Any) -> list[tuple[str, int]]:
    """The attributes that the options ask for."""
    return [
        (setting.attribute, setting.codec.write(wish))
        for setting in table
        if (wish := getattr(value, setting.field)) is not None
    ]
