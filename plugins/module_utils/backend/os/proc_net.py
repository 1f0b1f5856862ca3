# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's tables below /proc/net (proc_net(5)): read in no time, where an import of pyroute2 takes a third of a second."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

LINK_LOCAL = 0x20  # IPV6_ADDR_LINKLOCAL of net/ipv6.h
_ROUTES, _ADDRESSES = "proc/net/route", "proc/net/if_inet6"


@dataclass(frozen=True)
class Ipv6Address:
    """An IPv6 address of an interface; ``scope`` is the kernel's (`LINK_LOCAL`, ...)."""

    interface: str
    address: ipaddress.IPv6Address
    prefix: int
    scope: int

    @property
    def cidr(self) -> str:
        return f"{self.address}/{self.prefix}"


def has_ipv6() -> bool:
    """Returns whether the kernel has IPv6; it is loaded if it is a module."""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError as error:
        return error.errno != errno.EAFNOSUPPORT
    return True


def read_ipv6_addresses(root: str = "/") -> Iterator[Ipv6Address]:
    """Yields the IPv6 addresses of all interfaces; none where the kernel has no IPv6. Raises `OSError`."""
    for line in _lines(f"{root.rstrip('/')}/{_ADDRESSES}"):
        digits, _index, prefix, scope, _flags, name = line.split()
        yield Ipv6Address(name, ipaddress.IPv6Address(bytes.fromhex(digits)), int(prefix, 16), int(scope, 16))


def read_ipv4_subnets(root: str = "/") -> Iterator[tuple[str, str]]:
    """Yields interfaces with the IPv4 subnets that are reached on them without a gateway, in CIDR form. Raises `OSError`."""
    for line in _lines(f"{root.rstrip('/')}/{_ROUTES}")[1:]:
        name, destination, gateway, _flags, _refs, _use, _metric, mask = line.split()[:8]
        if int(gateway, 16) == 0 and int(mask, 16) != 0:
            yield name, str(ipaddress.ip_network(f"{_ipv4(destination)}/{_ipv4(mask)}"))


def _ipv4(word: str) -> str:
    """Returns the address of a 32-bit word in the machine's byte order, as the kernel prints it."""
    return socket.inet_ntoa(struct.pack("=I", int(word, 16)))


def _lines(path: str) -> list[str]:
    """Returns the lines of a table; none where the kernel has no such protocol."""
    try:
        with open(path, encoding="ascii") as handle:
            return handle.read().splitlines()
    except FileNotFoundError:
        return []
