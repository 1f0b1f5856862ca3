# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages of ethtool's family of generic netlink, as bytes. What hosts have of pyroute2 has no rings, and channels by ioctl only.

See linux/ethtool_netlink.h and the kernel's Documentation/networking/ethtool-netlink.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ...model.nic_tuning.options import Value
from ..netlink.channel import attribute, attributes, each_attribute

GENL_HEADER = struct.Struct("=BBH")  # struct genlmsghdr
CTRL_ID, CTRL_GETFAMILY, CTRL_FAMILY_ID, CTRL_FAMILY_NAME = 16, 3, 1, 2  # linux/genetlink.h

FEATURES_GET, FEATURES_SET = 11, 12
RINGS_GET, RINGS_SET = 15, 16
CHANNELS_GET, CHANNELS_SET = 17, 18

_NESTED = 0x8000
_HEADER, _HEADER_DEV_NAME = 1, 2
_U32 = struct.Struct("=I")

# The numbers of attributes: the maximum, and the value.
RINGS: Mapping[str, tuple[int, int]] = {"rx": (2, 6), "rx_mini": (3, 7), "rx_jumbo": (4, 8), "tx": (5, 9)}
CHANNELS: Mapping[str, tuple[int, int]] = {"rx": (2, 6), "tx": (3, 7), "other": (4, 8), "combined": (5, 9)}

_FEATURES_HW, _FEATURES_WANTED, _FEATURES_ACTIVE, _FEATURES_NOCHANGE = 2, 3, 4, 5
_BITSET_BITS, _BIT, _BIT_NAME, _BIT_VALUE = 3, 1, 2, 3


def command(number: int, body: bytes = b"") -> bytes:
    """Returns a message with the header of generic netlink."""
    return GENL_HEADER.pack(number, 1, 0) + body


def get_family(name: str) -> bytes:
    """Returns the question for the number of a family."""
    return command(CTRL_GETFAMILY, attribute(CTRL_FAMILY_NAME, name.encode() + b"\0"))


def family_id(answer: bytes) -> int:
    """Returns the number of a family."""
    return int(struct.unpack("=H", attributes(answer, GENL_HEADER.size)[CTRL_FAMILY_ID])[0])


def device_header(device: str) -> bytes:
    """Returns the attribute that names the device. It has the same number in all messages."""
    return attribute(_HEADER | _NESTED, attribute(_HEADER_DEV_NAME, device.encode() + b"\0"))


def counts(answer: bytes, table: Mapping[str, tuple[int, int]]) -> tuple[dict[str, Value], dict[str, int]]:
    """Returns the values and the maxima of rings or channels; those that a device doesn't have are left out."""
    found = {
        number: _U32.unpack(held)[0] for number, held in attributes(answer, GENL_HEADER.size).items() if len(held) == 4
    }
    limits = {name: found[most] for name, (most, _value) in table.items() if found.get(most)}
    return {name: found.get(table[name][1], 0) for name in limits}, limits


def set_counts(device: str, values: Mapping[str, Value], table: Mapping[str, tuple[int, int]]) -> bytes:
    """Returns what follows the header of a message that changes rings or channels."""
    return device_header(device) + b"".join(
        attribute(table[name][1], _U32.pack(value)) for name, value in values.items()
    )


def features(answer: bytes) -> tuple[dict[str, Value], dict[str, bool], frozenset[str]]:
    """Returns the features, with whether they are on, those that can be changed, with whether they were set to on, and those that
    can't (what ethtool -k calls fixed)."""
    found = attributes(answer, GENL_HEADER.size)
    changeable = _bits(found.get(_FEATURES_HW, b""))
    active = _names(found.get(_FEATURES_ACTIVE, b""))
    never = _names(found.get(_FEATURES_NOCHANGE, b""))
    values: dict[str, Value] = {name: name in active for name in changeable}
    fixed = frozenset(name for name, can in changeable.items() if not can or name in never)
    requested = _names(found.get(_FEATURES_WANTED, b""))
    return values, {name: name in requested for name in changeable if name not in fixed}, fixed


def set_features(device: str, values: Mapping[str, Value]) -> bytes:
    """Returns what follows the header of a message that changes features: a bitset of those that are named."""
    bits = b"".join(
        attribute(
            _BIT | _NESTED,
            attribute(_BIT_NAME, name.encode() + b"\0") + (attribute(_BIT_VALUE, b"") if value else b""),
        )
        for name, value in values.items()
    )
    return device_header(device) + attribute(_FEATURES_WANTED | _NESTED, attribute(_BITSET_BITS | _NESTED, bits))


def _bits(bitset: bytes) -> dict[str, bool]:
    """Returns the bits of a bitset with a mask: all that the kernel has."""
    found = {}
    for number, held in each_attribute(attributes(bitset).get(_BITSET_BITS, b"")):
        if number == _BIT:
            bit = attributes(held)
            name = bit.get(_BIT_NAME, b"").rstrip(b"\0").decode(errors="replace")
            found[name] = _BIT_VALUE in bit
    return {name: value for name, value in found.items() if name}


def _names(bitset: bytes) -> frozenset[str]:
    """Returns the bits of a bitset without a mask, which is a list of those that are set."""
    return frozenset(_bits(bitset))
