# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose an address or a route is, from what the kernel shows of it.

No program says so in all cases: networkd and NetworkManager name no protocol for an address, and dhclient none for a route.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..normal import ip_of, route_family, subnet
from ..options import DHCP, KERNEL, OTHER, RA, STATIC, Address, Route

_AF_INET = 2  # linux/socket.h

# linux/if_addr.h
TEMPORARY, PERMANENT, MANAGED, NOPREFIXROUTE = 0x01, 0x80, 0x100, 0x200
LINK_SCOPE = 253
_IFAPROT = {1: KERNEL, 2: RA, 3: KERNEL}  # IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, IFAPROT_KERNEL_LL
_SLAAC_PREFIX = 64  # RFC 4862 with RFC 4291: an interface identifier has 64 bits

# linux/rtnetlink.h: RTPROT_UNSPEC, RTPROT_BOOT (iproute2, and so dhclient), RTPROT_STATIC; RTPROT_REDIRECT, RTPROT_RA
_BOOT = 3
_RTPROT = {0: STATIC, 1: KERNEL, 2: KERNEL, _BOOT: STATIC, 4: STATIC, 9: RA, 16: DHCP}
_STATIC_PROTOCOLS = (0, 3, 4)


def address_origin(family: int, prefix: int, flags: int, scope: int, protocol: int, *, ends: bool) -> str:
    """Returns the origin of an address; ``protocol`` is IFA_PROTO, which kernels before 5.18 don't have (0)."""
    if protocol:
        return _IFAPROT.get(protocol, OTHER)
    if family == _AF_INET:
        return DHCP if ends else STATIC
    if scope == LINK_SCOPE:
        return KERNEL
    # An address from which the kernel derives temporary ones is of an advertisement, unless a user has made it.
    managed = bool(flags & MANAGED) and (bool(flags & NOPREFIXROUTE) or not flags & PERMANENT)
    if flags & TEMPORARY or managed:
        return RA
    if ends:
        return RA if prefix == _SLAAC_PREFIX else DHCP
    return STATIC


def route_origin(protocol: int) -> str:
    """Returns the origin of a route. Routing daemons have protocols of their own (iproute2's rt_protos)."""
    return _RTPROT.get(protocol, OTHER)


def hop_origin(protocol: int, gateway: str) -> str:
    """Returns the origin of one next hop of an IPv6 route of several.

    The kernel joins routes of one metric, also those of different programs, and shows the protocol of one of them. Only
    link-local gateways are advertised (RFC 4861, section 4.2).
    """
    advertised = gateway.startswith("fe80:") or not gateway
    if protocol in _STATIC_PROTOCOLS:
        return OTHER if advertised else STATIC
    origin = route_origin(protocol)
    return STATIC if origin == RA and not advertised else origin


def sources_of_leases(routes: Iterable[Route]) -> frozenset[str]:
    """Returns the addresses that routes of DHCP clients have as their source."""
    return frozenset(route.option.source for route in routes if route.origin == DHCP and route.option.source)


def with_origins(
    addresses: Sequence[Address],
    routes: Sequence[Route],
    advertised: Collection[str] = (),
    leased_sources: Collection[str] = (),
) -> tuple[tuple[Address, ...], tuple[Route, ...]]:
    """Returns an interface's addresses and routes with the origins that only both together show.

    A lease without an end is the source of its client's routes, ``leased_sources``, also of those that are still at the interface
    from which it moves. An advertised prefix may have no end either: ``advertised``
    has the prefixes that have a route of advertisements. dhclient's routes are made like a user's, but their gateway is in
    the subnet of a lease. The hop of a joined route is a router's where a prefix is advertised.
    """
    found = tuple(_with_origin(address, leased_sources, advertised) for address in addresses)
    leased = [subnet(address) for address in found if address.origin == DHCP]
    static = [subnet(address) for address in found if address.origin == STATIC]

    def of_lease(route: Route) -> bool:
        if route.protocol != _BOOT or route.origin != STATIC or not any(net.version == 4 for net in leased):
            return False
        if route_family(route.option) == 6 or route.option.table is not None or route.option.via is None:
            return False
        via = ipaddress.ip_address(route.option.via)
        return any(via in net for net in leased) or not any(via in net for net in static)

    def of_router(route: Route) -> bool:
        joined = route.origin == OTHER and route.protocol in _STATIC_PROTOCOLS
        return joined and any(address.origin == RA for address in found) and route_family(route.option) == 6

    return found, tuple(
        replace(route, origin=DHCP) if of_lease(route) else replace(route, origin=RA) if of_router(route) else route
        for route in routes
    )


def _with_origin(address: Address, leased_sources: Collection[str], advertised: Collection[str]) -> Address:
    if address.origin != STATIC:
        return address
    if ip_of(address.cidr) in leased_sources:
        return replace(address, origin=DHCP)
    if address.flags & NOPREFIXROUTE and ":" in address.cidr and str(subnet(address)) in advertised:
        return replace(address, origin=RA)
    return address
