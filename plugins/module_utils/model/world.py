# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else is on the host: the facts that a plan must not collide with."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable, Optional

from . import values
from .network import OWN_BRIDGE_MODES, Network, mode_of


@dataclass(frozen=True)
class Link:
    """A network interface of the host, with the subnets that are on it in CIDR form."""

    name: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Neighbour:
    """Another libvirt network: the bridge it owns (if it owns one) and its addresses in CIDR form."""

    name: str
    active: bool
    bridge: Optional[str]
    addresses: tuple[str, ...]


class World:
    """The libvirt networks and the interfaces of a host, read when they are first asked for.

    ``libvirt`` is the version of the daemon, as a number (libvirt's major * 1,000,000 + minor * 1,000 + release).
    """

    def __init__(
        self,
        libvirt: int,
        neighbours: Callable[[], tuple[Neighbour, ...]],
        links: Callable[[], tuple[Link, ...]],
    ) -> None:
        self.libvirt = libvirt
        self._read_neighbours = neighbours
        self._read_links = links
        self._neighbours: Optional[dict[str, Neighbour]] = None
        self._planned: dict[str, Optional[Neighbour]] = {}
        self._links: Optional[tuple[Link, ...]] = None

    @property
    def neighbours(self) -> Mapping[str, Neighbour]:
        """The networks as they will be when what is planned so far is done, by name."""
        merged = {**self._found(), **self._planned}
        return {name: neighbour for name, neighbour in merged.items() if neighbour is not None}

    @property
    def links(self) -> tuple[Link, ...]:
        if self._links is None:
            self._links = self._read_links()
        return self._links

    def bridges_before(self) -> frozenset[str]:
        """The bridges that libvirt's active networks have now; they come and go with them and are no foreign interfaces."""
        return frozenset(n.bridge for n in self._found().values() if n.bridge and n.active)

    def _found(self) -> Mapping[str, Neighbour]:
        if self._neighbours is None:
            self._neighbours = {neighbour.name: neighbour for neighbour in self._read_neighbours()}
        return self._neighbours

    def expect(self, name: str, neighbour: Optional[Neighbour]) -> None:
        """Take into account what has been planned: the network ``name`` will be so, or be gone."""
        self._planned[name] = neighbour


def neighbour_of(network: Network, active: bool) -> Neighbour:
    """What others have to know of a network."""
    own = mode_of(network) in OWN_BRIDGE_MODES
    bridge = network.bridge.name if network.bridge and own else None
    addresses = tuple(ip.address for ip in network.ips or () if ip.address)
    return Neighbour(network.name or "", active, bridge, addresses)


def overlap(left: str, right: str) -> bool:
    """Whether the networks of two addresses in CIDR form overlap."""
    one, other = _net(left), _net(right)
    return one is not None and other is not None and one.version == other.version and one.overlaps(other)


@functools.cache
def _net(cidr: str) -> Optional[values.IPNetwork]:
    try:
        return ipaddress.ip_interface(cidr).network
    except ValueError:
        return None
