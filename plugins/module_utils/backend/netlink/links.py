# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What libvirt's networks need of the host's interfaces; `netlink` has what the interfaces' own modules need."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any, Optional

from ...errors import HostError
from ...model.links import Link, LinkDriver

SYS_NET = "/sys/class/net"


class HostLinks(LinkDriver):
    """The links of this host."""

    def links(self) -> tuple[Link, ...]:
        return read_links()


class NoLinks(LinkDriver):
    """The links of another host, which can't be seen from here."""

    def links(self) -> tuple[Link, ...]:
        return ()


def read_links() -> tuple[Link, ...]:
    """Every interface of the host but the loopback one, with the subnets that are on it.

    From the kernel's tables below /proc/net (proc(5)): that is where libvirt looks for collisions, too
    (networkCheckRouteCollision), and reading them costs nothing, while importing pyroute2 costs a third of a second.
    """
    try:
        subnets: dict[str, list[str]] = {name: [] for name in os.listdir(SYS_NET) if name != "lo"}
        for name, subnet in (*_ipv4_subnets(), *_ipv6_subnets()):
            if name in subnets:
                subnets[name].append(subnet)
    except OSError as error:
        raise HostError("read the host's interfaces", error) from error
    return tuple(Link(name, tuple(found)) for name, found in subnets.items())


def _ipv4_subnets() -> Iterator[tuple[str, str]]:
    for line in _lines("/proc/net/route")[1:]:
        name, destination, gateway, _flags, _refs, _use, _metric, mask = line.split()[:8]
        if int(gateway, 16) == 0 and int(mask, 16) != 0:
            yield name, str(ipaddress.ip_network(f"{_ipv4(destination)}/{_ipv4(mask)}"))


def _ipv4(word: str) -> str:
    """An address as the kernel prints it: a 32-bit word in the machine's byte order."""
    return socket.inet_ntoa(struct.pack("=I", int(word, 16)))


def _ipv6_subnets() -> Iterator[tuple[str, str]]:
    for line in _lines("/proc/net/if_inet6"):
        digits, _index, prefix, _scope, _flags, name = line.split()
        address = ipaddress.IPv6Address(bytes.fromhex(digits))
        if not address.is_link_local:
            yield name, f"{address}/{int(prefix, 16)}"


def _lines(path: str) -> list[str]:
    """The lines of a kernel table; none where the kernel has no such protocol."""
    try:
        with open(path, encoding="ascii") as handle:
            return handle.read().splitlines()
    except FileNotFoundError:
        return []


def master_of(device: str) -> Optional[str]:
    """The bridge that a device is a port of, if it is one."""
    try:
        return os.path.basename(os.readlink(f"{SYS_NET}/{device}/master"))
    except OSError:
        return None


def is_tap(device: str) -> bool:
    """Whether the host has a TUN/TAP device of that name; a macvtap, which can't be a bridge's port, is none."""
    return os.path.exists(f"{SYS_NET}/{device}/tun_flags")


def exists(device: str) -> bool:
    """Whether the host has an interface of that name."""
    return os.path.exists(f"{SYS_NET}/{device}")


@contextlib.contextmanager
def _netlink() -> Iterator[Any]:
    """Imported only where a guest is plugged in again, which is seldom: it takes a third of a second."""
    from .interfaces import Interfaces

    with contextlib.closing(Interfaces()) as driver:
        yield driver


def enslave(device: str, bridge: str) -> None:
    """Make a device a port of a bridge, and bring it up."""
    from ...model.interface.options import Interface

    with _netlink() as driver:
        driver.set_master(device, bridge)
        driver.set(device, Interface(up=True))


def add_bridge(name: str) -> None:
    """Make a bridge, unless it is there."""
    if not exists(name):
        from ...model.interface.options import LinuxBridge

        with _netlink() as driver:
            driver.add(LinuxBridge(name=name))


def remove_empty_bridge(name: str) -> None:
    """Remove a bridge that has no ports left."""
    try:
        ports = os.listdir(f"{SYS_NET}/{name}/brif")
    except OSError:
        return
    if not ports:
        with _netlink() as driver:
            driver.delete(name)
