# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges whose guests firewalld rejects, whatever a set of our rules allows."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from ...contract import World
from ..links import LinkFacts
from ..network.facts import NetworkFacts
from ..zones import LIBVIRT, ZoneFacts, command
from .facts import FirewallFacts
from .others import FIREWALLD


def without_zone(bridges: Iterable[str], world: World) -> Iterator[str]:
    """Yields a warning for each of the bridges that needs a zone of firewalld. libvirt gives those of its networks one."""
    if FIREWALLD not in world.facts(FirewallFacts).others.programs:
        return
    zones = world.facts(ZoneFacts).zones
    own = {network.bridge for network in world.facts(NetworkFacts).networks.values()}
    for bridge in sorted({*bridges} - own if zones else ()):
        if zones and zones.rejects(bridge):
            yield (
                f"firewalld rejects what comes from {bridge}, as it is in no zone; put it into one, for example with"
                f" {command(bridge, LIBVIRT)}"
            )


def bridges_with(subnets: Iterable[str], world: World) -> set[str]:
    """Returns the interfaces that the subnets, or parts of them, are on."""
    found = [ipaddress.ip_network(subnet, strict=False) for subnet in subnets]
    return {
        link.name
        for link in world.facts(LinkFacts).links
        for own in link.subnets
        if any(_overlap(each, ipaddress.ip_network(own, strict=False)) for each in found)
    }


def _overlap(
    one: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return one.version == other.version and one.overlaps(other)
