# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The libvirt networks of a host: what a network must not collide with."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from ...contract import Facts, World
from ...errors import NoLibvirtError
from .. import values
from ..libvirt_parts import Extra
from ..links import Link, LinkFacts
from ..zones import ROUTED, ZoneFacts, command
from .options import OWN_BRIDGE_MODES, Network, dotted, mode_of, own_bridge
from .steps import NetworkDriver

# The version from which libvirt puts the bridge of an open network into bridge.zone: 9.0 doesn't, 11.3 does.
OPEN_ZONE = 10_004_000


@dataclass(frozen=True)
class KnownNetwork:
    """What others have to know of a network: the bridge that it makes itself, and its addresses in CIDR form.

    ``isolated``: nothing is forwarded from it. ``unnamed``: libvirt chooses the name of its bridge when it is created.
    """

    name: str
    active: bool
    bridge: Optional[str]
    addresses: tuple[str, ...]
    isolated: bool = False
    unnamed: bool = False


class NetworkFacts(Facts):
    """The networks of the host as they will be when what is planned so far is done."""

    @functools.cached_property
    def libvirt(self) -> int:
        """The version of the daemon as a number: major * 1,000,000 + minor * 1,000 + release (virConnectGetLibVersion)."""
        return self.host.driver(NetworkDriver).libvirt_version()

    def dropped(self, network: Network) -> tuple[Extra, ...]:
        """Returns what libvirt would not keep, see `NetworkDriver.dropped`."""
        return self.host.driver(NetworkDriver).dropped(network)

    @functools.cached_property
    def _current(self) -> dict[str, KnownNetwork]:
        try:
            driver = self.host.driver(NetworkDriver)
        except NoLibvirtError:
            return {}  # firewall rules are also for hosts without guests
        return {name: known(network, active) for name, network, active in driver.definitions()}

    @functools.cached_property
    def _planned(self) -> dict[str, Optional[KnownNetwork]]:
        return {}

    @property
    def networks(self) -> Mapping[str, KnownNetwork]:
        """By name."""
        merged = {**self._current, **self._planned}
        return {name: network for name, network in merged.items() if network is not None}

    def expect(self, name: str, network: Optional[KnownNetwork]) -> None:
        """Takes a plan into account: the network will be like this, or will be removed (``None``)."""
        self._planned[name] = network

    def turns_forwarding_on(self, version: int) -> bool:
        """Returns whether libvirt makes the host forward IPv4 or IPv6, as it does when it starts a network that isn't isolated
        (networkStartNetworkVirtual in its network/bridge_driver.c)."""
        running = {name for name, network in self._current.items() if network.active}
        return any(
            network.active and not network.isolated and ipaddress.ip_interface(address).version == version
            for name, network in self.networks.items()
            if name not in running
            for address in network.addresses
        )

    @functools.cached_property
    def _left(self) -> set[tuple[str, str]]:
        return set()

    def expect_left(self, name: str, mac: str) -> None:
        """Takes a plan into account: a guest's NIC with this MAC address will not be connected to the network any more."""
        self._left.add((name, mac))

    def has_left(self, name: str, mac: Optional[str]) -> bool:
        """Returns whether a NIC that is connected to the network will not be connected to it any more."""
        return (name, mac) in self._left

    def obstacles(self, definition: Network) -> tuple[str, ...]:
        """Returns why libvirt couldn't start a network with this definition."""
        return self.host.driver(NetworkDriver).obstacles(definition)

    @property
    def foreign_links(self) -> tuple[Link, ...]:
        """The host's interfaces without the bridges of active networks, which come and go with these."""
        links = self.world.facts(LinkFacts)
        own = {network.bridge for network in self._current.values() if network.bridge and network.active}
        return tuple(link for link in links.links if link.name not in own | links.bridges)


def known(network: Network, active: bool) -> KnownNetwork:
    """Returns what other networks have to know of a network."""
    bridge = own_bridge(network)
    addresses = tuple(ip.address for ip in network.ips or () if ip.address)
    mode = mode_of(network)
    unnamed = mode in OWN_BRIDGE_MODES and bridge is None
    return KnownNetwork(network.name or "", active, bridge, addresses, mode == "none", unnamed)


def zone_warning(definition: Network, world: World, *, starts: bool) -> Optional[str]:
    """Returns why firewalld rejects all of an active open network, and what helps; ``None`` if it doesn't.

    libvirt gives the bridges of other networks a zone (networkAddFirewallRules). ``starts``: the network is going to be started.
    """
    bridge = definition.bridge.name if definition.bridge else None
    zones = world.facts(ZoneFacts).zones if bridge and mode_of(definition) == "open" else None
    if not bridge or zones is None or not zones.rejects(bridge):
        return None
    libvirt = world.facts(NetworkFacts).libvirt
    given = definition.bridge.zone if definition.bridge else None
    problem = f"network {definition.name}: firewalld rejects DHCP, DNS and all connections of its guests, as "
    if given and libvirt >= OPEN_ZONE:
        return None if starts else f"{problem}the bridge {bridge} isn't in the zone {given}; restart the network"
    if libvirt >= OPEN_ZONE:
        return f"{problem}its bridge {bridge} is in no zone; set bridge.zone, for example to {ROUTED}"
    return (
        f"{problem}its bridge {bridge} is in no zone, and libvirt {dotted(libvirt)} gives the bridge of an open network none; put it into"
        f" one, for example with {command(bridge, given or ROUTED)}"
    )


def overlap(left: str, right: str) -> bool:
    """Returns whether the subnets of two addresses in CIDR form overlap."""
    one, other = _subnet(left), _subnet(right)
    return one is not None and other is not None and one.version == other.version and one.overlaps(other)


@functools.cache
def _subnet(cidr: str) -> Optional[values.IPNetwork]:
    try:
        return ipaddress.ip_interface(cidr).network
    except ValueError:
        return None
