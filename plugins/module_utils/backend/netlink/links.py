# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's interfaces as far as libvirt's networks need them, without pyroute2 where that is possible."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Optional

from ...errors import HostError, MissingLibraryError
from ...model.links import Link, LinkDriver, OwnBridge, PutBack
from ..os import proc_net
from ..os.libvirt_files import own_bridges

if TYPE_CHECKING:
    from .interfaces import Interfaces

SYS_NET = "/sys/class/net"
_IFF_UP = 1  # linux/if.h


class HostLinks(LinkDriver):
    """The links of this host."""

    def links(self) -> tuple[Link, ...]:
        return read_links()

    def own_bridges(self) -> tuple[OwnBridge, ...]:
        return own_bridges()

    def on_bridge(self, bridge: str) -> frozenset[str]:
        found = os.listdir(f"{SYS_NET}/{bridge}/brif") if os.path.isdir(f"{SYS_NET}/{bridge}/brif") else []
        upper = glob.glob(f"{SYS_NET}/{glob.escape(bridge)}/upper_*")  # netdev_adjacent_sysfs_add in net/core/dev.c
        return frozenset({*found, *(os.path.basename(path)[len("upper_") :] for path in upper)})

    def keep(self, bridge: str, guests: frozenset[str]) -> PutBack:
        from ..belongings import belongings, put_back

        try:
            with _driver() as driver:
                kept = belongings(driver, bridge, guests)
        except MissingLibraryError:
            if self.on_bridge(bridge) - guests:
                raise
            kept = {}  # so that a network on which nothing is can be restarted without pyroute2

        def restore(own: Collection[str]) -> None:
            with _driver() as driver:
                put_back(driver, bridge, kept, own)

        return restore if kept else lambda _own: None


class NoLinks(LinkDriver):
    """The links of another host, which can't be seen from here."""

    def links(self) -> tuple[Link, ...]:
        return ()

    def own_bridges(self) -> None:
        return None

    def on_bridge(self, bridge: str) -> None:
        del bridge


def read_links() -> tuple[Link, ...]:
    """Returns every interface of the host but the loopback one, with the subnets that are on it. Raises `HostError`.

    They are read from /proc/net, where libvirt looks for collisions, too (networkCheckRouteCollision).
    """
    try:
        subnets: dict[str, list[str]] = {name: [] for name in os.listdir(SYS_NET) if name != "lo"}
        ipv6 = [address for address in proc_net.read_ipv6_addresses() if address.scope != proc_net.LINK_LOCAL]
        for name, subnet in (
            *proc_net.read_ipv4_subnets(),
            *((address.interface, address.cidr) for address in ipv6),
        ):
            if name in subnets:
                subnets[name].append(subnet)
    except OSError as error:
        raise HostError("read the host's interfaces", error) from error
    return tuple(Link(name, tuple(found)) for name, found in subnets.items())


def master_of(device: str) -> Optional[str]:
    """Returns the bridge that a device is a port of; ``None`` if it is no port, or isn't there."""
    try:
        return os.path.basename(os.readlink(f"{SYS_NET}/{device}/master"))
    except OSError:
        return None


def is_tap(device: str) -> bool:
    """Returns whether the host has a TUN or TAP device of that name. A macvtap, which can't be a port, is none."""
    return os.path.exists(f"{SYS_NET}/{device}/tun_flags")


def exists(device: str) -> bool:
    """Returns whether the host has an interface of that name."""
    return os.path.exists(f"{SYS_NET}/{device}")


def is_bridge(device: str) -> bool:
    """Returns whether the host has a bridge of that name."""
    return bool(device) and os.path.isdir(f"{SYS_NET}/{device}/bridge")


def is_up(device: str) -> bool:
    """Returns whether a device is set up (IFF_UP); it may have no carrier."""
    try:
        with open(f"{SYS_NET}/{device}/flags", encoding="ascii") as file:
            return bool(int(file.read(), 16) & _IFF_UP)
    except OSError:
        return False


@contextlib.contextmanager
def _driver() -> Iterator[Interfaces]:
    """Opens the driver, which is imported only here: pyroute2 takes a third of a second, and guests are reconnected rarely."""
    from .interfaces import Interfaces

    with contextlib.closing(Interfaces()) as driver:
        yield driver


def attach(device: str, bridge: str) -> None:
    """Makes a device a port of a bridge, and brings it up. Raises `HostError`."""
    from ...model.interface.options import Interface

    with _driver() as driver:
        driver.set_master(device, bridge)
        driver.set(device, Interface(up=True))


def add_bridge(name: str) -> None:
    """Creates a bridge, unless there is an interface of that name. Raises `HostError`."""
    if not exists(name):
        from ...model.interface.options import LinuxBridge

        with _driver() as driver:
            driver.add(LinuxBridge(name=name))


def remove_empty_bridge(name: str) -> None:
    """Removes a bridge that has no ports left. Raises `HostError`."""
    try:
        ports = os.listdir(f"{SYS_NET}/{name}/brif")
    except OSError:
        return
    if not ports:
        with _driver() as driver:
            driver.delete(name)
