# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters as the kernel is sent them, and returns them: flower, fw and u32 (linux/pkt_cls.h)."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Mapping
from typing import Optional

from ...model.shaping.numbers.tree import Elsewhere, Entry, Match, PoliceAt, Redirect, Target, ToClass
from ..netlink.channel import attribute, attributes
from .qdiscs import rate_in, ratespec

NESTED = 0x8000  # NLA_F_NESTED
_ETHERTYPES = {"ipv4": 0x0800, "ipv6": 0x86DD}
_FAMILIES = {number: name for name, number in _ETHERTYPES.items()}
_VLAN = 0x8100
_SKIP_HARDWARE = 1  # TCA_CLS_FLAGS_SKIP_HW

# TCA_FLOWER_*
_CLASSID, _ACT, _ETH_TYPE, _IP_PROTO, _FLAGS, _VLAN_ID, _VLAN_ETH_TYPE, _TOS, _TOS_MASK = 1, 3, 8, 9, 22, 23, 25, 73, 74
_MACS = (("destination_mac", 4, 5), ("source_mac", 6, 7))
_NETWORKS = {
    "ipv4": (("source", 10, 11), ("destination", 12, 13)),
    "ipv6": (("source", 14, 15), ("destination", 16, 17)),
}
# By protocol: the source port and its mask, and the destination port.
_PORTS: Mapping[int, tuple[tuple[str, int, int], ...]] = {
    6: (("source_port", 18, 35), ("destination_port", 19, 36)),
    17: (("source_port", 20, 37), ("destination_port", 21, 38)),
    132: (("source_port", 41, 39), ("destination_port", 42, 40)),
}
_RANGES = (("source_port", 87, 88), ("destination_port", 89, 90))
_STATISTICS = {86}  # TCA_FLOWER_IN_HW_COUNT, which is no key
_WITHOUT_KEYS = {_CLASSID, _ACT, _FLAGS, *_STATISTICS}

# TCA_U32_*, TCA_FW_*, TCA_ACT_*, TCA_MIRRED_*, TCA_POLICE_*
_U32_CLASSID, _U32_SEL, _U32_ACT = 1, 5, 7
_FW_CLASSID, _FW_ACT = 1, 4
_ACT_KIND, _ACT_OPTIONS = 1, 2
_MIRRED_PARMS, _POLICE_TBF, _POLICE_RATE, _POLICE_RATE64 = 2, 1, 2, 8
_CELL, _ANY_SIZE = 3, 0x7FFFFFFF  # larger packets than the size would be dropped
_U32_TERMINAL = 1  # TC_U32_TERMINAL
_SEL = struct.Struct("=BBBxHHhhI")  # tc_u32_sel: flags, offshift, nkeys, offmask, off, offoff, hoff, hmask
_KEY = struct.Struct("=IIii")  # tc_u32_key
_MIRRED = struct.Struct("=IIiiiiI")  # tc_mirred: index, capab, action, refcnt, bindcnt, eaction, ifindex
_POLICE = struct.Struct("=IiIII12s12siiI")  # tc_police
_STOLEN, _SHOT, _UNSPEC, _EGRESS_REDIR = 4, 2, -1, 1


def entry_options(entry: Entry, index: int = 0) -> bytes:
    """Returns the options of an entry; ``index`` is that of the interface that it redirects to."""
    target, kind = entry.target, entry.match.kind
    if kind == "fw":
        return attribute(_FW_CLASSID, _u32(_classid(target)))
    if kind == "flower":
        return _flower(entry.match) + attribute(_CLASSID, _u32(_classid(target)))
    found = attribute(_U32_SEL, _SEL.pack(_U32_TERMINAL, 0, 1, 0, 0, 0, 0, 0) + _KEY.pack(0, 0, 0, 0))
    if isinstance(target, ToClass):
        return found + attribute(_U32_CLASSID, _u32(target.classid))
    return found + attribute(_U32_ACT | NESTED, attribute(1 | NESTED, _action(target, index)))


def _classid(target: Target) -> int:
    return target.classid if isinstance(target, ToClass) else 0


def _action(target: Target, index: int) -> bytes:
    if isinstance(target, PoliceAt):
        rate = target.rate
        parms = _POLICE.pack(0, _SHOT, 0, target.burst, _ANY_SIZE, ratespec(rate, _CELL), ratespec(0), 0, 0, 0)
        # a table of times must be there, and isn't used (tcf_police_init)
        options = attribute(_POLICE_TBF, parms) + attribute(_POLICE_RATE, bytes(1024))
        if rate > 0xFFFFFFFF:
            options += attribute(_POLICE_RATE64, struct.pack("=Q", rate))
        kind = b"police\0"
    else:
        options = attribute(_MIRRED_PARMS, _MIRRED.pack(0, 0, _STOLEN, 0, 0, _EGRESS_REDIR, index))
        kind = b"mirred\0"
    return attribute(_ACT_KIND, kind) + attribute(_ACT_OPTIONS | NESTED, options)


def _u32(number: int) -> bytes:
    return struct.pack("=I", number)


def _be16(number: int) -> bytes:
    return struct.pack(">H", number)


def _flower(match: Match) -> bytes:
    found = attribute(_FLAGS, _u32(_SKIP_HARDWARE))
    for field, number, mask in _MACS:
        if mac := getattr(match, field):
            found += attribute(number, bytes.fromhex(mac.replace(":", ""))) + attribute(mask, b"\xff" * 6)
    inner = _ETHERTYPES.get(match.family)
    if match.vlan:
        found += attribute(_ETH_TYPE, _be16(_VLAN)) + attribute(_VLAN_ID, struct.pack("=H", match.vlan))
        found += attribute(_VLAN_ETH_TYPE, _be16(inner)) if inner else b""
    elif inner:
        found += attribute(_ETH_TYPE, _be16(inner))
    if match.protocol:
        found += attribute(_IP_PROTO, bytes([match.protocol]))
    for field, number, mask in _NETWORKS.get(match.family, ()):
        if text := getattr(match, field):
            network = ipaddress.ip_network(text)
            found += attribute(number, network.network_address.packed) + attribute(mask, network.netmask.packed)
    for (field, number, mask), (_field, low, high) in zip(_PORTS.get(match.protocol, ()), _RANGES):
        first, dash, last = getattr(match, field).partition("-")
        if dash:
            found += attribute(low, _be16(int(first))) + attribute(high, _be16(int(last)))
        elif first:
            found += attribute(number, _be16(int(first))) + attribute(mask, b"\xff\xff")
    if match.dscp >= 0:
        found += attribute(_TOS, bytes([match.dscp << 2])) + attribute(_TOS_MASK, b"\xfc")
    return found


# -- reading ---------------------------------------------------------------------------------------------------------------


def read_entry(
    parent: int, priority: int, handle: int, kind: str, options: bytes, names: Mapping[int, str]
) -> Optional[Entry]:
    """Returns an entry; ``None`` for what is none, such as a table of u32. ``names`` are those of interfaces by index."""
    held = attributes(options)
    if kind == "u32":
        if _U32_SEL not in held:
            return None
        selector = held[_U32_SEL]
        keys = [_KEY.unpack_from(selector, _SEL.size + place * _KEY.size) for place in range(selector[2])]
        match = Match(unknown=any(mask for mask, *_rest in keys))
        return Entry(parent, priority, match, _target(held, _U32_CLASSID, _U32_ACT, names), handle)
    if kind == "fw":
        if not handle:
            return None
        return Entry(parent, priority, Match(mark=handle), _target(held, _FW_CLASSID, _FW_ACT, names), handle)
    if kind == "flower" and handle:
        return Entry(parent, priority, _read_flower(held), _target(held, _CLASSID, _ACT, names), handle)
    return Entry(parent, priority, Match(unknown=True), Elsewhere(), handle) if handle else None


def _target(held: Mapping[int, bytes], classid: int, act: int, names: Mapping[int, str]) -> Target:
    if act in held:
        action = attributes(next(iter(attributes(held[act]).values()), b""))
        options = attributes(action.get(_ACT_OPTIONS, b""))
        kind = action.get(_ACT_KIND, b"")
        if kind == b"mirred\0" and _MIRRED_PARMS in options:
            *_rest, how, index = _MIRRED.unpack_from(options[_MIRRED_PARMS])
            return Redirect(names.get(index, "")) if how == _EGRESS_REDIR else Elsewhere()
        if kind == b"police\0" and _POLICE_TBF in options:
            _index, _action, _limit, burst, _mtu, rate, *_more = _POLICE.unpack_from(options[_POLICE_TBF])
            return PoliceAt(rate_in(rate, options.get(_POLICE_RATE64)), burst)
        return Elsewhere()
    return ToClass(struct.unpack("=I", held[classid])[0]) if classid in held else Elsewhere()


def _read_flower(held: Mapping[int, bytes]) -> Match:
    left = set(held) - _WITHOUT_KEYS
    found: dict[str, str] = {}

    def take(number: int) -> bytes:
        left.discard(number)
        return held.get(number, b"")

    for field, number, mask in _MACS:
        if take(mask) == b"\xff" * 6:
            found[field] = take(number).hex(":")
    outer, vlan = _number(take(_ETH_TYPE)), take(_VLAN_ID)
    inner = _number(take(_VLAN_ETH_TYPE))  # that of a tag, and the kernel returns it as the outer one too (fl_dump_key)
    family = _FAMILIES.get(outer) or _FAMILIES.get(inner, "")
    protocol = (take(_IP_PROTO) or b"\0")[0]
    for field, number, mask in _NETWORKS.get(family, ()):
        if number in held:
            found[field] = _network(take(number), take(mask))
    for (field, number, mask), (_field, low, high) in zip(_PORTS.get(protocol, ()), _RANGES):
        if number in held and take(mask) == b"\xff\xff":
            found[field] = str(_number(take(number)))
        elif low in held:
            found[field] = f"{_number(take(low))}-{_number(take(high))}"
    tos = take(_TOS)
    dscp = tos[0] >> 2 if tos and take(_TOS_MASK) == b"\xfc" else -1
    tag = struct.unpack("=H", vlan)[0] if vlan else 0
    return Match(
        family=family,
        protocol=protocol,
        source=found.get("source", ""),
        destination=found.get("destination", ""),
        source_port=found.get("source_port", ""),
        destination_port=found.get("destination_port", ""),
        source_mac=found.get("source_mac", ""),
        destination_mac=found.get("destination_mac", ""),
        dscp=dscp,
        vlan=tag,
        unknown=bool(left),
    )


def _number(payload: bytes) -> int:
    return int.from_bytes(payload, "big")


def _network(address: bytes, mask: bytes) -> str:
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    prefix = bin(int.from_bytes(mask, "big")).count("1")
    return f"{ipaddress.ip_address(socket.inet_ntop(family, address))}/{prefix}"
