# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Normal forms of single values: one spelling for what may be written in several ways.

Each function takes what the user or the host wrote and returns the one form that is compared and shown, or raises
``ValueError`` whose text completes the sentence "expected ...".
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


def mac(value: str) -> str:
    """A unicast MAC address, lower case with colons."""
    digits = re.sub(r"[:.\-]", "", value).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        quoted = "; written without quotes, YAML takes it for a number" if value.isdigit() else ""
        raise ValueError(f"a MAC address such as 52:54:00:12:34:56{quoted}")
    if int(digits[:2], 16) & 1:
        raise ValueError("a unicast MAC address (the first byte even); this one is multicast")
    if digits == "0" * 12:
        raise ValueError("a MAC address that is not all zeros")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def ip(value: str) -> str:
    """An IPv4 or IPv6 address in its shortest form."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("an IPv4 or IPv6 address") from None


def ipv4(value: str) -> str:
    """An IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise ValueError("an IPv4 address") from None


def interface_cidr(value: str) -> str:
    """A host's address with its prefix, ``192.168.150.1/24``; a netmask is taken too."""
    try:
        found = ipaddress.ip_interface(value)
    except ValueError:
        raise ValueError("an address with its prefix, such as 192.168.150.1/24 or fd00:150::1/64") from None
    if "/" not in value:
        raise ValueError("an address with its prefix, such as 192.168.150.1/24; the prefix is missing")
    # not with_prefixlen, which spells IPv4-mapped addresses in another way than addresses and networks do
    return f"{found.ip}/{found.network.prefixlen}"


def network_cidr(value: str) -> str:
    """A network with its prefix, ``10.0.2.0/24``."""
    try:
        return str(ipaddress.ip_network(value, strict=True))
    except ValueError as error:
        detail = " without host bits" if "host bits" in str(error) else ""
        raise ValueError(f"a network in CIDR form{detail}, such as 10.0.2.0/24 or fd00:2::/64") from None


def uuid(value: str) -> str:
    """A UUID, lower case with dashes."""
    try:
        return str(_uuid.UUID(value))
    except ValueError:
        raise ValueError("a UUID such as 7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11") from None


def ifname(value: str) -> str:
    """The name of a network interface, as the kernel takes it (dev_valid_name in net/core/dev.c)."""
    if not value or len(value) >= IFNAMSIZ:
        raise ValueError("the name of an interface, 1 to 15 characters")
    if value in (".", "..") or re.search(r"[/:\s]", value):
        raise ValueError("the name of an interface without '/', ':' or white space")
    return value


def object_name(value: str) -> str:
    """The name of a libvirt object: no slash (libvirt stores it as a file of that name)."""
    if not value or "/" in value or value in (".", "..") or re.search(r"[\x00-\x1f]", value) or value != value.strip():
        raise ValueError("a name without '/', control characters or surrounding white space")
    return value


def pci_address(value: str) -> str:
    """A PCI address, ``0000:03:00.1``."""
    match = re.fullmatch(r"(?:([0-9a-fA-F]{4}):)?([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])", value)
    if not match:
        raise ValueError("a PCI address such as 0000:03:00.1")
    domain, bus, slot, function = match.groups()
    return f"{domain or '0000'}:{bus}:{slot}.{function}".lower()


def route_target(value: str) -> str:
    """Where a route leads: a network with its prefix, an address, or ``default``."""
    if value in ("default", "0.0.0.0/0", "::/0"):
        return value
    try:
        return str(ipaddress.ip_network(value, strict=True))
    except ValueError:
        raise ValueError("a network in CIDR form without host bits, such as 10.0.2.0/24, or default") from None


def vlan_range(value: str) -> str:
    """A VLAN id from 1 to 4094, or a range of them, ``100-199``."""
    match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", value)
    if match:
        first, last = int(match[1]), int(match[2] or match[1])
        if 1 <= first <= last <= 4094:
            return str(first) if first == last else f"{first}-{last}"
    raise ValueError("a VLAN id from 1 to 4094, or a range of them such as 100-199")
