# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that libvirt writes as several attributes, and the options as one: addresses in CIDR form, PCI addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from ..model.values import IPAddress, interface_cidr

_FAMILIES = {4: "ipv4", 6: "ipv6"}


def decode_cidr(found: Mapping[str, str]) -> str:
    """Returns an address in CIDR form; raises ValueError where the attributes don't fit each other.

    libvirt has the prefix as ``prefix``, as ``netmask`` or not at all, and may name the ``family``.
    """
    address = ipaddress.ip_address(found.get("address", ""))
    if found.get("family", _FAMILIES[address.version]) != _FAMILIES[address.version]:
        raise ValueError("the address is of another family")
    if "netmask" in found:
        if "prefix" in found:
            raise ValueError("both a netmask and a prefix")
        network = ipaddress.IPv4Network(f"{address}/{found['netmask']}", strict=False)
        if str(network.netmask) != found["netmask"]:  # ipaddress would take 0.0.0.255 too
            raise ValueError("not a netmask")
        return f"{address}/{network.prefixlen}"
    prefix = int(found.get("prefix", 0)) or _implied_prefix(address)  # 0 is libvirt's "not given"
    return interface_cidr(f"{address}/{prefix}")


def _implied_prefix(address: IPAddress) -> int:
    """Returns libvirt's prefix for an address without one (virSocketAddrGetIPPrefix): by class for IPv4, 64 for IPv6."""
    if not int(address):
        return 0
    if address.version == 6:
        return 64
    first = int(address) >> 24
    for limit, prefix in ((128, 8), (192, 16), (224, 24)):
        if first < limit:
            return prefix
    raise ValueError("an address that has no class")


def encode_cidr(value: str) -> dict[str, str]:
    """Returns libvirt's attributes of an address in CIDR form; IPv6 needs ``family``."""
    address, prefix = value.split("/")
    family = {"family": "ipv6"} if ":" in address else {}
    return {**family, "address": address, "prefix": prefix}


_PCI = ("domain", "bus", "slot", "function")


def decode_pci(found: Mapping[str, str]) -> str:
    """Returns ``<address type='pci' domain= bus= slot= function=>`` as 0000:03:00.1; raises ValueError."""
    if found.get("type") != "pci" or not {"bus", "slot", "function"} <= found.keys():
        raise ValueError("not a PCI address")
    # libvirt reads them with base 0
    domain, bus, slot, function = (int(found.get(name, "0"), 0) for name in _PCI)
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def encode_pci(value: str) -> dict[str, str]:
    """Returns libvirt's attributes of a PCI address."""
    domain, bus, rest = value.split(":")
    slot, function = rest.split(".")
    numbers = zip(_PCI, (domain, bus, slot, function))
    return {"type": "pci", **{name: f"0x{digits}" for name, digits in numbers}}
