# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types of the attributes of filter rules: one normal form for each value (libvirt's conf/nwfilter_conf.c).

libvirt takes several spellings of a value, and writes some of them in another way than it got them. A normal form is taken of both.
Numbers are decimal. Where libvirt has a name for a number, it is the name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Callable

Norm = Callable[[str], str]

# virNWFilterVarAccessParse in conf/nwfilter_params.c
VARIABLE = re.compile(r"\$([A-Za-z0-9_]+)(?:\[(?:\d+|@\d+)\])?")

LONGEST_COMMENT = 256  # MAX_COMMENT_LENGTH in conf/nwfilter_conf.h; libvirt cuts off what is longer
_LONGEST_SET = 31  # IPSET_MAXNAMELEN in linux/netfilter/ipset/ip_set.h, with its NUL

# macProtoMap, arpOpcodeMap, ipProtoMap
ETHERTYPES = {"arp": 0x806, "rarp": 0x8035, "ipv4": 0x800, "ipv6": 0x86DD, "vlan": 0x8100}
_OPCODES = ("Request", "Reply", "Request_Reverse", "Reply_Reverse", "DRARP_Request", "DRARP_Reply", "DRARP_Error")
OPCODES = {name: number for number, name in enumerate((*_OPCODES, "InARP_Request", "ARP_NAK"), 1)}
IP_PROTOCOLS = {
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "esp": 50,
    "ah": 51,
    "icmp": 1,
    "igmp": 2,
    "sctp": 132,
    "icmpv6": 58,
}
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID")
TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")


def _number(text: str) -> int:
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if not re.fullmatch(r"\d+", text):
        raise ValueError("is not a number; write it in decimal, or in hexadecimal as 0x1f")
    return int(text)


def number(low: int, high: int) -> Norm:
    """Returns the type of numbers from ``low`` to ``high``."""

    def norm(text: str) -> str:
        found = _number(text)
        if not low <= found <= high:
            raise ValueError(f"is out of range; use {low} to {high}")
        return str(found)

    return norm


def named(names: Mapping[str, int], low: int, high: int) -> Norm:
    """Returns the type of numbers of which some have a name, in any case of its letters."""
    by_name = {name.lower(): name for name in names}
    by_number = {held: name for name, held in names.items()}

    def norm(text: str) -> str:
        if text.lower() in by_name:
            return by_name[text.lower()]
        try:
            found = _number(text)
        except ValueError:
            raise ValueError(f"is no number and no known name; use {low} to {high}, or {', '.join(names)}") from None
        if not low <= found <= high:
            raise ValueError(f"is out of range; use {low} to {high}, or {', '.join(names)}")
        return by_number.get(found, str(found))

    return norm


def mac(text: str) -> str:
    """Returns a MAC address, which may be a multicast address."""
    digits = re.sub(r"[:\-]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        quoted = " in quotes, without which YAML makes a number of it" if text.isdigit() else ""
        raise ValueError(f"is not a MAC address; write it as 52:54:00:12:34:56{quoted}")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def mac_mask(text: str) -> str:
    """Returns the mask of a MAC address, whose set bits are the first ones (checkMACMask)."""
    found = mac(text)
    if "01" in f"{int(found.replace(':', ''), 16):048b}":
        raise ValueError("is not a mask; its set bits must be the first ones, as in ff:ff:ff:00:00:00")
    return found


def ipv4(text: str) -> str:
    """Returns an IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError(f"is not an IPv4 address; write it as 10.0.2.1{_mask_hint(text)}") from None


def ipv6(text: str) -> str:
    """Returns an IPv6 address."""
    try:
        found = ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError(f"is not an IPv6 address; write it as fd00:2::1{_mask_hint(text)}") from None
    return f"::ffff:{found.ipv4_mapped}" if found.ipv4_mapped else str(found)


def _mask_hint(text: str) -> str:
    return ", and its prefix length in the attribute for the mask" if "/" in text else ""


def _mask(text: str, bits: int) -> str:
    if re.fullmatch(r"\d+", text):
        if int(text) > bits:
            raise ValueError(f"is out of range; use a prefix length of 0 to {bits}")
        return str(int(text))
    try:
        held = int(ipaddress.IPv4Address(text) if bits == 32 else ipaddress.IPv6Address(text))
    except ValueError:
        raise ValueError(f"is not a mask; give the prefix length, 0 to {bits}") from None
    digits = f"{held:0{bits}b}"
    if "01" in digits:
        raise ValueError(f"is not a mask, as its set bits aren't the first ones; give the prefix length, 0 to {bits}")
    return str(digits.count("1"))


def mask4(text: str) -> str:
    """Returns the prefix length of an IPv4 network."""
    return _mask(text, 32)


def mask6(text: str) -> str:
    """Returns the prefix length of an IPv6 network."""
    return _mask(text, 128)


def switch(text: str) -> str:
    """Returns ``true`` or ``false``. libvirt takes any text for ``false`` that isn't one of three."""
    words = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
    if text.lower() not in words:
        raise ValueError("is no boolean; use true or false")
    return words[text.lower()]


def comment(text: str) -> str:
    """Returns a comment, as long as libvirt keeps it."""
    if not text:
        raise ValueError("is empty; leave it out")
    if len(text.encode()) > LONGEST_COMMENT:
        raise ValueError(f"is too long; use at most {LONGEST_COMMENT} bytes")
    return text


def state(text: str) -> str:
    """Returns states of connections, in libvirt's order (virNWFilterPrintStateMatchFlags)."""
    given = [each.strip().upper() for each in text.split(",")]
    if given == ["NONE"]:
        return "NONE"
    if not set(given) <= set(STATES):
        raise ValueError(f"is no list of states; use NONE, or some of {', '.join(STATES)} with commas between them")
    return ",".join(each for each in STATES if each in given)


def _flag_set(text: str) -> str:
    given = {each.strip().upper() for each in text.split(",")}
    if given & {"NONE", "ALL"} and len(given) > 1:
        raise ValueError
    if given == {"NONE"} or given == {"ALL"}:
        return given.pop()
    if not given <= set(TCP_FLAGS):
        raise ValueError
    return "ALL" if given == set(TCP_FLAGS) else ",".join(each for each in TCP_FLAGS if each in given)


def tcp_flags(text: str) -> str:
    """Returns flags of TCP: those that are looked at, and those of them that are set (parseStringItems)."""
    try:
        looked_at, are_set = (_flag_set(part) for part in text.split("/"))
    except ValueError:
        names = ", ".join(TCP_FLAGS)
        raise ValueError(
            f"is no MASK/FLAGS; write it as SYN,ACK/SYN, both with some of {names}, or with ALL or NONE"
        ) from None
    return f"{looked_at}/{are_set}"


def ip_set(text: str) -> str:
    """Returns the name of an IP set (ipsetValidator)."""
    if not re.fullmatch(rf"[A-Za-z0-9_.:+ -]{{1,{_LONGEST_SET}}}", text):
        raise ValueError(
            f"can't be the name of an IP set; use 1 to {_LONGEST_SET} letters, digits and characters of _.:+- and blanks"
        )
    return text


def ip_set_flags(text: str) -> str:
    """Returns which addresses and ports of a packet are looked up in an IP set (ipsetFlagsValidator)."""
    given = [each.strip().lower() for each in text.split(",")]
    if not set(given) <= {"src", "dst"} or len(given) > 6:
        raise ValueError("is no list of flags; use 1 to 6 of src and dst, with commas between them")
    return ",".join(given)


def variables(texts: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the variables among values, each once."""
    found = (VARIABLE.fullmatch(text) for text in texts)
    return tuple(dict.fromkeys(match[1] for match in found if match))
