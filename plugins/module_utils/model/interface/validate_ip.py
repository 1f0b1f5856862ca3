# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about an interface's addresses and routes that is refused before the host is changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Optional

from ...errors import OptionError
from ..fields import normal_value, to_options
from ..values import IPNetwork, host_cidr
from .desired import DesiredInterface, States
from .facts import Namespace
from .ip.desired import other_subnets
from .kernel_effects import LEAST_IPV6_MTU
from .normal import destination, family, ip_of, is_reachable, normal_route, route_family
from .options import Interface, InterfaceRoute, InterfaceState
from .uplink.declared import GATEWAYS
from .uplink.validate import check_uplink

WITHOUT_IPV6 = "isn't possible, as this host's kernel has no IPv6; leave it out, or boot without ipv6.disable=1"
# The settings as they are where there is no IPv6.
_SETTINGS_WITHOUT = {"enabled": False, "accept_ra": "never", "autoconf": False, "addr_gen_mode": "none"}


def check_ip(
    desired: DesiredInterface, definition: Interface, current: Optional[InterfaceState], namespace: Namespace
) -> None:
    """Refuses addresses that no host can have, and routes that the kernel doesn't accept."""
    states = namespace.states
    if not namespace.has_ipv6:
        _check_without_ipv6(desired.given)
    little = _too_little_for_ipv6(desired, definition, states)
    if desired.given.ipv6 is not None and little:
        problem = f"needs an MTU of {LEAST_IPV6_MTU} or more, and {little}; leave it out, or raise mtu"
        raise OptionError("ipv6", to_options(desired.given.ipv6), problem)
    cidrs = desired.given.addresses or ()
    for place, cidr in enumerate(cidrs):
        where = f"addresses[{place}]"
        check_address(where, cidr)
        if ip_of(cidr) in [ip_of(other) for other in cidrs[:place]] and (family(cidr) == 6 or cidr in cidrs[:place]):
            raise OptionError(where, cidr, "is listed twice; list each address once")
        if family(cidr) == 6:
            _check_ipv6(where, cidr, definition, little)
        if not any(address.cidr == cidr for address in (current.addresses if current else ())):
            _check_elsewhere(where, cidr, desired, states)
    check_uplink(desired, definition)
    _check_routes(desired, definition, states)
    for place, route in enumerate(desired.given.routes or ()):
        if route_family(normal_route(route)) == 6:
            _check_ipv6(f"routes[{place}].to", route.to, definition, little)
    _check_gateways(desired, definition, states)


def _check_without_ipv6(given: Interface) -> None:
    """Refuses all that needs IPv6, on a host whose kernel has none."""
    for field, value in (to_options(given.ipv6) if given.ipv6 else {}).items():
        if value not in (None, _SETTINGS_WITHOUT[field]):
            raise OptionError(f"ipv6.{field}", value, WITHOUT_IPV6)
    for field in ("dhcp6", "gateway6"):
        if value := getattr(given, field, None):
            raise OptionError(field, value, WITHOUT_IPV6)
    for place, cidr in enumerate(given.addresses or ()):
        if family(cidr) == 6:
            raise OptionError(f"addresses[{place}]", cidr, WITHOUT_IPV6)
    for place, route in enumerate(given.routes or ()):
        if route_family(normal_route(route)) == 6:
            raise OptionError(f"routes[{place}].to", route.to, WITHOUT_IPV6)


def check_address(where: str, cidr: str) -> None:
    """Refuses what isn't the address of a host."""
    normal_value(where, cidr, host_cidr)
    interface = ipaddress.ip_interface(cidr)
    if interface.version == 6 and interface.ip.is_link_local:
        raise OptionError(where, cidr, "is link-local, which the kernel assigns by itself; see ipv6.addr_gen_mode")


def _too_little_for_ipv6(desired: DesiredInterface, definition: Interface, states: States) -> str:
    """Returns which MTU keeps the interface from having IPv6, in words; empty if none does.

    A bridge whose MTU isn't set has the least of its ports' (br_mtu_auto_adjust in net/bridge/br_if.c).
    """
    if (definition.mtu or LEAST_IPV6_MTU) < LEAST_IPV6_MTU:
        return f"it is {definition.mtu}"
    if desired.given.mtu is not None:
        return ""
    ports = [port.name for port in getattr(desired.given, "ports", None) or ()]
    for name in ports:
        mtu = states[name].definition.mtu if name in states else None
        if (mtu or LEAST_IPV6_MTU) < LEAST_IPV6_MTU:
            return f"that of port {name} is {mtu}"
    return ""


def _check_ipv6(where: str, text: Optional[str], definition: Interface, little: str) -> None:
    if definition.ipv6 and definition.ipv6.enabled is False:
        raise OptionError(where, text, "is IPv6, and ipv6.enabled is false; leave it out, or enable IPv6")
    if little:
        raise OptionError(
            where, text, f"is IPv6, which needs an MTU of {LEAST_IPV6_MTU}, and {little}; leave it out, or raise mtu"
        )


def _check_elsewhere(where: str, cidr: str, desired: DesiredInterface, states: States) -> None:
    for state in states.values():
        if state.name in (desired.name, desired.adopt):
            continue
        if any(ip_of(address.cidr) == ip_of(cidr) for address in state.addresses):
            raise OptionError(
                where, cidr, f"is already an address of {state.name}; give another one, or remove it there"
            )


def _check_routes(desired: DesiredInterface, definition: Interface, states: States) -> None:
    routes = desired.given.routes or ()
    if routes and not definition.up:
        raise OptionError(
            "routes",
            [route.to for route in routes],
            "isn't possible while the interface is down; leave routes out, or set up to true",
        )
    nets = _subnets(desired, definition, states)
    seen: dict[tuple[object, ...], int] = {}
    for place, route in enumerate(routes):
        where = f"routes[{place}]"
        _check_route(where, normal_route(route), nets, routes, definition, states)
        key = (destination(normal_route(route)), normal_route(route).metric, route.table)
        if seen.setdefault(key, place) != place:
            raise OptionError(f"{where}.to", route.to, "is listed twice; give each route another metric or table")


def _check_gateways(desired: DesiredInterface, definition: Interface, states: States) -> None:
    nets = _subnets(desired, definition, states)
    for option in GATEWAYS:
        text = getattr(desired.given, option, None)
        if not text:
            continue
        via = ipaddress.ip_address(text)
        if text in {ip_of(cidr) for cidr in definition.addresses or ()}:
            raise OptionError(option, text, "is an address of the interface itself; give the one of a gateway")
        if not is_reachable(via, nets, map(normal_route, definition.routes or ())):
            subnets = ", ".join(str(net) for net in nets if net.version == via.version) or "it has none"
            remedy = "give a gateway in one of them"
            if getattr(desired.given, f"dhcp{via.version}"):
                remedy = f"leave it out, as the server of dhcp{via.version} gives a gateway, or {remedy}"
            raise OptionError(option, text, f"is in none of the interface's subnets ({subnets}); {remedy}")


def _subnets(desired: DesiredInterface, definition: Interface, states: States) -> list[IPNetwork]:
    """Returns the subnets that are on the link: those of the addresses, leased ones too, or of the peers that these have."""
    peers: list[str] = []
    for name in (desired.name, desired.adopt):
        peers += other_subnets(states.get(name or ""))
    return [ipaddress.ip_interface(cidr).network for cidr in (*(definition.addresses or ()), *peers)]


def _check_route(
    where: str,
    route: InterfaceRoute,
    nets: Sequence[IPNetwork],
    routes: tuple[InterfaceRoute, ...],
    definition: Interface,
    states: States,
) -> None:
    version = route_family(route)
    for option in ("via", "source"):
        text = getattr(route, option)
        if text is not None and family(text) != version:
            raise OptionError(
                f"{where}.{option}", text, f"is not IPv{version}, as the route is; give an IPv{version} address"
            )
    own = {ip_of(cidr) for cidr in definition.addresses or ()}
    if route.via is not None:
        via = ipaddress.ip_address(route.via)
        if route.via in own:
            raise OptionError(
                f"{where}.via", route.via, "is an address of the interface itself; give the one of a gateway"
            )
        if not is_reachable(via, nets, map(normal_route, routes)):
            subnets = ", ".join(str(net) for net in nets if net.version == version) or "it has none"
            raise OptionError(
                f"{where}.via",
                route.via,
                f"is in none of the interface's subnets ({subnets}); give a gateway in one of them",
            )
    elif route.metric is None and route.table is None and destination(route) in [str(net) for net in nets]:
        raise OptionError(
            f"{where}.to",
            route.to,
            "is the subnet of an address, whose route the kernel creates by itself; leave it out",
        )
    if route.source is not None and route.source not in own | _others(states):
        raise OptionError(f"{where}.source", route.source, "is no address of this host; give one that it has")


def _others(states: States) -> set[str]:
    return {ip_of(address.cidr) for state in states.values() for address in state.addresses}
