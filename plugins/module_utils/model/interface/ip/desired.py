# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose an address or a route is. Options list, remove and store the static ones; the others come and go by themselves.

A DHCP client, routers, the kernel and routing daemons add and remove theirs. An interface that takes over what another one
has gets theirs too, so that connections live, until the program that renews them has its own there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Optional

from ...values import IPNetwork
from ..kernel_effects import LEAST_IPV6_MTU
from ..normal import family, ip_of, is_reachable, new_address, normal_route, route_family, with_own_route
from ..options import DHCP, RA, STATIC, Address, Interface, InterfaceRoute, InterfaceState, Route


def listed_addresses(state: InterfaceState, given: Optional[Interface]) -> tuple[str, ...]:
    """Returns the addresses that a definition lists: the static ones, and those that are ``given`` although they are not.

    A lease that is given and has an end is not yet what was asked for.
    """
    claimed = (given.addresses if given else None) or ()
    return tuple(
        address.cidr
        for address in state.addresses
        if address.origin == STATIC or (address.cidr in claimed and not _ends(address))
    )


def listed_routes(state: InterfaceState, given: Optional[Interface]) -> tuple[Route, ...]:
    """Returns the routes that a definition lists: the static ones, and those that are ``given`` although they are not."""
    claimed = {normal_route(route) for route in (given.routes if given else None) or ()}
    return tuple(route for route in state.routes if route.origin == STATIC or normal_route(route.option) in claimed)


def _ends(address: Address) -> bool:
    return address.origin == DHCP and address.valid_seconds is not None


def as_static(address: Address) -> Address:
    """Returns a lease as a static address, which has no end; what routers advertise goes on being advertised."""
    if not _ends(address):
        return address
    return replace(with_own_route(address), origin=STATIC, valid_seconds=None, preferred_seconds=None)


def movable_routes(state: Optional[InterfaceState]) -> tuple[Route, ...]:
    """Returns the routes that move to another interface.

    Where the kernel itself processes router advertisements, their routes stay: on the other interface the kernel adds them
    by itself, and couldn't where there is one already (fib6_add_rt2node).
    """
    if state is None:
        return ()
    ipv6 = state.definition.ipv6
    by_kernel = ipv6 is not None and ipv6.accept_ra not in (None, "never")
    return tuple(route for route in state.routes if not (by_kernel and route.origin == RA))


def needs_change(held: Address, desired: Address) -> bool:
    """Returns whether an address that is there has to be set again: a lease that becomes static, or the reverse."""
    return held.origin != desired.origin and _ends(held) != _ends(desired)


# -- desired ---------------------------------------------------------------------------------------------------------------


def has_ipv6(definition: Interface) -> bool:
    """Returns whether an interface has IPv6 with this definition."""
    enabled = definition.ipv6 is None or definition.ipv6.enabled is not False
    return enabled and (definition.mtu or LEAST_IPV6_MTU) >= LEAST_IPV6_MTU


def taken_over(adopted: Optional[InterfaceState], given: Interface) -> Optional[InterfaceState]:
    """Returns an interface that a bridge adopts, with what the bridge gets of it.

    Where a list is given, what isn't static lives on only as long as it has an end: no program removes or renews it there.
    """
    if adopted is None:
        return None
    addresses, routes = adopted.addresses, movable_routes(adopted)
    if given.addresses is not None:
        addresses = tuple(each for each in addresses if each.origin == STATIC or each.valid_seconds is not None)
    if given.routes is not None:
        routes = tuple(route for route in routes if route.origin == STATIC or route.seconds is not None)
    return replace(adopted, addresses=addresses, routes=routes)


def desired_addresses(
    definition: Interface, current: Optional[InterfaceState], adopted: Optional[InterfaceState]
) -> tuple[Address, ...]:
    """Returns the addresses that the definition lists, and those that aren't static.

    The static ones are first: the first one of a subnet is the source of packets, and the others may go with it
    (__inet_del_ifa).
    """
    known: dict[str, Address] = {}
    known.update({address.cidr: with_own_route(address) for address in (adopted.addresses if adopted else ())})
    known.update({address.cidr: address for address in (current.addresses if current else ())})
    cidrs = definition.addresses or ()
    order = [*known, *(cidr for cidr in cidrs if cidr not in known)]
    listed = tuple(as_static(known.get(cidr) or new_address(cidr)) for cidr in order if cidr in cidrs)
    ipv6 = has_ipv6(definition) and definition.up is not False  # the kernel removes them (addrconf_ifdown)
    taken = {ip_of(cidr) for cidr in cidrs}
    others = tuple(
        address
        for address in known.values()
        if address.origin != STATIC and ip_of(address.cidr) not in taken and (ipv6 or family(address.cidr) == 4)
    )
    return listed + others


def desired_routes(
    definition: Interface, current: Optional[InterfaceState], adopted: Optional[InterfaceState]
) -> tuple[Route, ...]:
    """Returns the routes that the definition lists, and those that aren't static and still possible."""
    known = {route.option: route for route in (adopted.routes if adopted else ())}
    known.update({route.option: route for route in (current.routes if current else ())})
    listed = {option: known.get(option, Route(option)) for option in definition.routes or ()}
    others = [option for option, route in known.items() if route.origin != STATIC and option not in listed]
    sources = [state for state in (current, adopted) if state]
    possible = possible_routes(others, definition, sources)
    return (*listed.values(), *(known[option] for option in possible))


def other_subnets(state: Optional[InterfaceState]) -> list[str]:
    """Returns the subnets that are on the link besides those of static addresses: of peers, and of what isn't static."""
    found = [address.peer or (address.cidr if address.origin != STATIC else None) for address in _addresses(state)]
    return [cidr for cidr in found if cidr]


def _addresses(state: Optional[InterfaceState]) -> tuple[Address, ...]:
    return state.addresses if state else ()


def possible_routes(
    routes: Iterable[InterfaceRoute], definition: Interface, sources: Sequence[InterfaceState]
) -> tuple[InterfaceRoute, ...]:
    """Returns the routes that stay: not without their gateway or source, nor while the interface is down.

    ``sources`` are the states that addresses and routes are taken from.
    """
    if not definition.up:
        return ()
    routes = tuple(routes)
    onlink = {route.option for state in sources for route in state.routes if route.onlink}
    others = [cidr for state in sources for cidr in other_subnets(state)]
    nets: list[IPNetwork] = [ipaddress.ip_interface(cidr).network for cidr in (*(definition.addresses or ()), *others)]
    own = {ip_of(cidr) for cidr in definition.addresses or ()}
    held = [address for state in sources for address in state.addresses]
    lost = {ip_of(address.cidr) for address in held if address.origin == STATIC} - own
    had_ipv4 = any(family(address.cidr) == 4 for address in held)
    ipv4 = not had_ipv4 or any(net.version == 4 for net in nets)  # they are removed with the last address
    ipv6 = has_ipv6(definition)
    links = (*routes, *(definition.routes or ()))
    return tuple(
        route
        for route in routes
        if route.source not in lost
        and (ipv4 if route_family(route) == 4 else ipv6)
        and (route in onlink or route.via is None or is_reachable(ipaddress.ip_address(route.via), nets, links))
    )
