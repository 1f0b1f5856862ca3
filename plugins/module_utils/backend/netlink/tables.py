# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each setting once: the option's field, the kernel's attribute with its number, and how the one's value becomes the other's.

The numbers are those of linux/if_link.h, in whose enumerations the names stand.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Callable

HERTZ = 100  # USER_HZ, the unit in which the kernel gives times
IFF_TUN, IFF_TAP = 0x1, 0x2  # linux/if_tun.h; also what IFLA_TUN_TYPE says


@dataclass(frozen=True)
class Conversion:
    """From the kernel's number to the option's value (a number, text or bool), and back."""

    from_kernel: Callable[[int], object]
    to_kernel: Callable[[Any], int]


def _seconds(ticks: int) -> float:
    # half a second must not pass for a whole number of seconds
    return ticks // HERTZ if ticks % HERTZ == 0 else ticks / HERTZ


_ETHERTYPES = {0x8100: "802.1q", 0x88A8: "802.1ad"}  # linux/if_ether.h
_PROTOCOLS = {name: number for number, name in _ETHERTYPES.items()}

NUMBER = Conversion(int, int)
SWITCH = Conversion(bool, int)
SECONDS = Conversion(_seconds, lambda seconds: round(seconds * HERTZ))
PROTOCOL = Conversion(
    lambda number: _ETHERTYPES.get(socket.ntohs(number), f"{socket.ntohs(number):#06x}"), _PROTOCOLS.__getitem__
)


@dataclass(frozen=True)
class Setting:
    """The option's field, and the kernel's attribute by its name and number."""

    field: str
    attribute: str
    number: int
    conversion: Conversion = NUMBER


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

_MACVLAN_MODES = {1: "private", 2: "vepa", 4: "bridge", 8: "passthru"}  # enum macvlan_mode
_MODE_NUMBERS = {name: number for number, name in _MACVLAN_MODES.items()}
MACVLAN = (
    Setting(
        "mode",
        "IFLA_MACVLAN_MODE",
        1,
        Conversion(lambda number: _MACVLAN_MODES.get(number, str(number)), _MODE_NUMBERS.__getitem__),
    ),
)

TUN = (
    Setting("packet_info", "IFLA_TUN_PI", 4, SWITCH),
    Setting("vnet_hdr", "IFLA_TUN_VNET_HDR", 5, SWITCH),
    Setting("multi_queue", "IFLA_TUN_MULTI_QUEUE", 7, SWITCH),
)


def number(payload: bytes) -> int:
    """Returns an attribute's payload as a number."""
    return int.from_bytes(payload, sys.byteorder)


def options_from(table: Iterable[Setting], held: Mapping[int, bytes]) -> dict[str, Any]:
    """Returns the options that the kernel's attributes say, by field."""
    return {
        setting.field: setting.conversion.from_kernel(number(held[setting.number]))
        for setting in table
        if setting.number in held
    }


def attributes_for(table: Iterable[Setting], options: object) -> list[tuple[str, object]]:
    """Returns the attributes that set the options that are given."""
    return [
        (setting.attribute, setting.conversion.to_kernel(value))
        for setting in table
        if (value := getattr(options, setting.field)) is not None
    ]
