# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the probes of a measurement are: a place in each network, with addresses that no machine has."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from ...errors import OptionError
from ..network.facts import known
from ..network.options import Network
from .options import HOST, OUTSIDE, SERVICES, Measurement

Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_MOST = 8  # candidates for an address


@dataclass(frozen=True)
class Side:
    """A family of a place: the length of the prefix, the host's address, and candidates for the address of the probe.

    The first candidate that no machine has is taken.
    """

    prefix_length: int
    gateway: str
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A probe in a network or on a bridge."""

    name: str
    bridge: str
    sides: tuple[Side, ...]


@dataclass(frozen=True)
class _Dhcp:
    """What DHCP serves in a network: reserved addresses, and ranges."""

    reserved: frozenset[Address] = frozenset()
    ranges: tuple[tuple[Address, Address], ...] = ()

    def serves(self, address: Address) -> bool:
        return any(first.version == address.version and first <= address <= last for first, last in self.ranges)  # type: ignore[operator]


def places(
    given: Measurement,
    definitions: Iterable[tuple[str, Network, bool]],
    addresses: Mapping[str, Collection[str]],
    number: int,
) -> tuple[list[Place], list[str]]:
    """Returns the places of a measurement, and the networks and bridges without one, with the reason.

    Without names, each active network is meant that has a bridge of its own. ``addresses`` are those of the host by interface,
    ``number`` is random, for the IPv6 addresses. Raises `OptionError`.
    """
    found: list[Place] = []
    skipped: list[str] = []
    for name, bridge, dhcp in (*_networks(given, definitions, skipped), *_bridges(given, addresses)):
        sides = tuple(_sides(addresses.get(bridge, ()), dhcp, number + len(found)))
        if sides:
            found.append(Place(name, bridge, sides))
        else:
            skipped.append(f"{name}: the host has no address on {bridge}")
    for place in found:
        if place.name in (HOST, OUTSIDE, *SERVICES):
            raise OptionError(
                "networks", place.name, "is a word for another place; rename the network, or leave it out"
            )
    return found, skipped


def _networks(
    given: Measurement, definitions: Iterable[tuple[str, Network, bool]], skipped: list[str]
) -> Iterator[tuple[str, str, _Dhcp]]:
    defined = {name: (network, active) for name, network, active in definitions}
    for place, name in enumerate(given.networks or ()):
        if name not in defined:
            raise OptionError(
                f"networks[{place}]", name, "is no network of this host; give one that virsh net-list --all shows"
            )
    everything = given.networks is None and given.bridges is None
    for name in sorted(defined) if everything else given.networks or ():
        network, active = defined[name]
        bridge = known(network, active).bridge
        if bridge and active:
            yield name, bridge, _dhcp(network)
        elif not everything:
            skipped.append(f"{name}: the network {'has no bridge of its own' if active else 'is not active'}")


def _bridges(given: Measurement, addresses: Mapping[str, Collection[str]]) -> Iterator[tuple[str, str, _Dhcp]]:
    for place, name in enumerate(given.bridges or ()):
        if name not in addresses:
            raise OptionError(f"bridges[{place}]", name, "is no bridge of this host; give one that ip link show shows")
        yield name, name, _Dhcp()


def _dhcp(network: Network) -> _Dhcp:
    served = [ip.dhcp for ip in network.ips or () if ip.dhcp]
    return _Dhcp(
        frozenset(ipaddress.ip_address(host.ip) for dhcp in served for host in dhcp.hosts or () if host.ip),
        tuple(
            (ipaddress.ip_address(each.start or ""), ipaddress.ip_address(each.end or ""))
            for dhcp in served
            for each in dhcp.ranges or ()
        ),
    )


def _sides(addresses: Collection[str], dhcp: _Dhcp, number: int) -> Iterator[Side]:
    """Yields a side for each family, in the first subnet that has room."""
    seen: set[int] = set()
    for interface in sorted(map(ipaddress.ip_interface, addresses), key=lambda each: (each.version, each.ip.packed)):
        if interface.version in seen or interface.ip.is_link_local:
            continue
        candidates = tuple(_candidates(interface, dhcp, number))
        if candidates:
            seen.add(interface.version)
            yield Side(interface.network.prefixlen, str(interface.ip), candidates)


def _candidates(interface: Interface, dhcp: _Dhcp, number: int) -> Iterator[str]:
    """Yields addresses that the host and its reservations don't use, those that DHCP doesn't serve first."""
    subnet, size = interface.network, interface.network.num_addresses
    if size < 4:
        return
    if interface.version == 6:
        places: Sequence[int] = [2 + (number + step) % (size - 2) for step in range(_MOST + 1)]
    else:
        places = range(size - 2, max(0, size - 258), -1)
    free = [subnet[place] for place in places if subnet[place] != interface.ip and subnet[place] not in dhcp.reserved]
    free.sort(key=dhcp.serves)
    yield from (str(address) for address in free[:_MOST])
