# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the networks, bridges and guests are that rules name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Optional

from ...contract import World
from ...errors import OptionError
from ..links import Link, LinkFacts
from ..network.facts import KnownNetwork, NetworkFacts
from .facts import FirewallFacts


def network_named(name: str, world: World) -> KnownNetwork:
    """Returns a network of libvirt. Raises `OptionError`."""
    found = world.facts(NetworkFacts).networks.get(name)
    if found is None:
        raise OptionError("network", name, "is no network of this host; create it first")
    return found


def bridge_named(name: str, world: World) -> Link:
    """Returns a bridge, or another interface. Raises `OptionError`."""
    for link in world.facts(LinkFacts).links:
        if link.name == name:
            return link
    raise OptionError("bridge", name, "is no bridge of this host; create it first")


def subnets_of_network(name: str, world: World) -> Iterator[str]:
    """Yields the subnets of a network of libvirt."""
    for address in network_named(name, world).addresses:
        yield str(ipaddress.ip_interface(address).network)


def subnets_of_bridge(name: str, world: World) -> Iterator[str]:
    """Yields the subnets that are on a bridge, without link-local ones."""
    for subnet in bridge_named(name, world).subnets:
        network = ipaddress.ip_network(subnet, strict=False)
        if not network.is_link_local:
            yield str(network)


def addresses_of_guest(guest: str, network: Optional[str], world: World) -> Iterator[tuple[str, str]]:
    """Yields the best known address of each family that a guest has, as a subnet, and by what it is known.

    Raises `OptionError`.
    """
    facts = world.facts(FirewallFacts)
    addresses = facts.guest(guest)
    if addresses is None:
        raise OptionError("guest", guest, "is no guest of this host; give the name of one, or its address as cidr")
    fitting = [each for each in addresses if network in (None, each.network)]
    if not fitting:
        fitting = [each for each in facts.guest_by_agent(guest) if network in (None, each.network)]
    seen: set[int] = set()
    for each in fitting:
        subnet = ipaddress.ip_network(each.address)
        if subnet.version not in seen:
            seen.add(subnet.version)
            yield str(subnet), each.source
