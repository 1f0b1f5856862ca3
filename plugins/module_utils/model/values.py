# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Normal forms of single values: one spelling for what may be written in several ways.

Each function takes what the user or the host wrote and returns the one form that is compared and shown. It raises
``ValueError`` for anything else. The error's text reads on from the value, see `errors.OptionError`.
"""

from __future__ import annotations

import ipaddress
import re
import uuid as _uuid
from typing import Union

IPInterface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

IFNAMSIZ = 16  # linux/if.h; the last byte is a NUL
LAST_VLAN = 4094  # 4095 is reserved by IEEE 802.1Q
LAST_PORT = 65535


def mac(value: str) -> str:
    """Returns a unicast MAC address in lower case, with colons."""
    digits = re.sub(r"[:.\-]", "", value).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        quoted = " in quotes, without which YAML makes a number of it" if value.isdigit() else ""
        raise ValueError(f"is not a MAC address; write it as 52:54:00:12:34:56{quoted}")
    if int(digits[:2], 16) & 1:
        raise ValueError("is a multicast MAC address; give a unicast one, whose first byte is even")
    if digits == "0" * 12:
        raise ValueError("is all zeros, which no device can have; give a MAC address such as 52:54:00:12:34:56")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def ip(value: str) -> str:
    """Returns an IPv4 or IPv6 address in its shortest form."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("is not an IPv4 or IPv6 address; write it as 192.168.150.1 or fd00:150::1") from None


def ipv4(value: str) -> str:
    """Returns an IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise ValueError("is not an IPv4 address; write it as 192.168.150.1") from None


def domain(value: str) -> str:
    """Returns a domain in lower case, without a dot at its end (RFC 1035, 2.3.1)."""
    found = value.lower()[:-1] if value.endswith(".") else value.lower()
    label = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
    if len(found) > 253 or not re.fullmatch(rf"{label}(?:\.{label})*", found):
        raise ValueError("is not a domain; write it as lab.example.com, with letters, digits and hyphens only")
    return found


def interface_cidr(value: str) -> str:
    """Returns a host's address with its prefix length, ``192.168.150.1/24``; a netmask is accepted too."""
    try:
        found = ipaddress.ip_interface(value)
    except ValueError:
        raise ValueError("is not an address with a prefix; write it as 192.168.150.1/24 or fd00:150::1/64") from None
    if "/" not in value:
        raise ValueError("has no prefix; write it as 192.168.150.1/24 or fd00:150::1/64")
    # not with_prefixlen, which spells IPv4-mapped addresses in another way than addresses and networks do
    return f"{found.ip}/{found.network.prefixlen}"


def host_cidr(value: str) -> str:
    """Returns ``value``, an address in the form of `interface_cidr`, if a host can have it."""
    interface = ipaddress.ip_interface(value)
    net = interface.network
    for word, applies in (
        ("a multicast", interface.ip.is_multicast),
        ("an unspecified", interface.ip.is_unspecified),
        ("a loopback", interface.ip.is_loopback),
    ):
        if applies:
            raise ValueError(f"is {word} address; give the address of a host")
    if net.prefixlen < net.max_prefixlen - 1 and interface.ip == net.network_address:
        raise ValueError(f"is the address of the network {net} itself; give the address of a host in it")
    if net.version == 4 and net.prefixlen < 31 and interface.ip == net.broadcast_address:
        raise ValueError(f"is the broadcast address of {net}; give the address of a host in it")
    return value


def network_cidr(value: str) -> str:
    """Returns a network with its prefix length, ``10.0.2.0/24``."""
    try:
        return str(ipaddress.ip_network(value, strict=True))
    except ValueError:
        raise ValueError(_no_network(value, "10.0.2.0/24 or fd00:2::/64")) from None


def _no_network(value: str, examples: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return f"is not a network in CIDR form; write it as {examples}"
    return f"has host bits set; write the network as {network}"


def uuid(value: str) -> str:
    """Returns a UUID in lower case, with dashes."""
    try:
        return str(_uuid.UUID(value))
    except ValueError:
        raise ValueError("is not a UUID; write it as 7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11") from None


def ifname(value: str) -> str:
    """Returns the name of a network interface, as the kernel accepts it (dev_valid_name in net/core/dev.c)."""
    if not value or len(value) >= IFNAMSIZ:
        raise ValueError(f"can't be the name of an interface; use 1 to {IFNAMSIZ - 1} characters")
    if value in (".", "..") or re.search(r"[/:\s]", value):
        raise ValueError(
            "can't be the name of an interface; use a name without '/', ':' and white space, not '.' or '..'"
        )
    return value


def object_name(value: str) -> str:
    """Returns the name of a libvirt object: it has no slash (libvirt stores the object as a file of that name)."""
    if not value or "/" in value or value in (".", "..") or re.search(r"[\x00-\x1f]", value) or value != value.strip():
        raise ValueError(
            "can't be a name in libvirt; use a name without '/', control characters and surrounding white space"
        )
    return value


def pci_address(value: str) -> str:
    """Returns a PCI address, ``0000:03:00.1``."""
    match = re.fullmatch(r"(?:([0-9a-fA-F]{4}):)?([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])", value)
    if not match:
        raise ValueError("is not a PCI address; write it as 0000:03:00.1")
    domain, bus, slot, function = match.groups()
    return f"{domain or '0000'}:{bus}:{slot}.{function}".lower()


def route_target(value: str) -> str:
    """Returns the destination of a route: a network with its prefix length, an address, or ``default``."""
    if value in ("default", "0.0.0.0/0", "::/0"):
        return value
    try:
        return str(ipaddress.ip_network(value, strict=True))
    except ValueError:
        raise ValueError(_no_network(value, "10.0.2.0/24, or as default")) from None


def vlan_range(value: str) -> str:
    """Returns a VLAN id from 1 to 4094, or a range of them, ``100-199``."""
    match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", value)
    if match:
        first, last = int(match[1]), int(match[2] or match[1])
        if 1 <= first <= last <= LAST_VLAN:
            return str(first) if first == last else f"{first}-{last}"
    raise ValueError(f"is not a VLAN id or a range of them; write it as 100 or 100-199, from 1 to {LAST_VLAN}")


def port_range(value: str) -> str:
    """Returns a port of TCP, UDP or SCTP from 1 to 65535, or a range of them, ``6000-6010``."""
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", value)
    if match:
        first, last = int(match[1]), int(match[2] or match[1])
        if 1 <= first <= last <= LAST_PORT:
            return str(first) if first == last else f"{first}-{last}"
    raise ValueError(f"is not a port or a range of ports; write it as 8080 or 6000-6010, from 1 to {LAST_PORT}")


def network_or_ip(value: str) -> str:
    """Returns a network with its prefix length; an address becomes the network of that address alone."""
    return network_cidr(value)


def ip_range(value: str) -> str:
    """Returns an address, or the first and the last one of a range, ``198.51.100.7-198.51.100.9``."""
    first, dash, last = value.partition("-")
    try:
        ends = [ipaddress.ip_address(each) for each in ((first, last) if dash else (first,))]
    except ValueError:
        ends = []
    if not ends or ends[0].version != ends[-1].version or int(ends[0]) > int(ends[-1]):
        raise ValueError(
            "is not an address or a range of addresses; write it as 198.51.100.7 or 198.51.100.7-198.51.100.9"
        )
    return "-".join(dict.fromkeys(str(each) for each in ends))


def set_name(value: str) -> str:
    """Returns the name of a set of firewall rules, which is a part of the names of a table and of a file."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,19}", value):
        raise ValueError("can't be the name of a set; use 1 to 20 small letters, digits, '-' and '_'")
    return value


def log_prefix(value: str) -> str:
    """Returns what lines in the kernel's log begin with: characters that have no meaning in nft's strings, and no blank at the end."""
    found = value.rstrip()
    if not re.fullmatch(r"[A-Za-z0-9 _.:,;/+=#\[\]-]{1,60}", found):
        raise ValueError("can't begin a line of the log; use 1 to 60 letters, digits, blanks and _.:,;/+=#[]-")
    return found
