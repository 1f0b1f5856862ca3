# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The normal form of interfaces and their parts, in which what a user gives and what the kernel shows are compared."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Optional, TypeVar

from ..fields import canonical
from ..values import IPAddress, IPNetwork
from .options import (
    Address,
    BridgeVlans,
    Interface,
    InterfaceRoute,
    InterfaceState,
    LinuxBridge,
    Port,
    QosMap,
)
from .vlans import vlans_of, with_vlans

I = TypeVar("I", bound=Interface)  # noqa: E741
B = TypeVar("B", bound=BridgeVlans)

# The QoS maps of a VLAN interface: the fields of an entry that are its key and its value; 0 is the value of no entry.
QOS_MAPS = {"ingress_qos": ("pcp", "priority"), "egress_qos": ("priority", "pcp")}

IFA_F_NODAD = 0x02  # linux/if_addr.h
IFA_F_NOPREFIXROUTE = 0x200  # linux/if_addr.h: the kernel doesn't create the route to the address's subnet
IPV6_METRIC = 1024  # IP6_RT_PRIO_USER of linux/ipv6_route.h, the metric of a route that is given none
ANYWHERE = ("0.0.0.0/0", "::/0")

_MANY = 16384  # the same values come again and again: observed, planned, and observed after

# Fields that are no settings of an interface, but parts of it that have steps of their own.
PARTS = ("addresses", "routes", "ipv6", "ports", "bridge", "pvid", "tagged", "untagged")


def family(text: str) -> int:
    """Returns 4 or 6, the version of IP that an address or a network is of."""
    return 6 if ":" in text else 4


def normal_route(route: InterfaceRoute) -> InterfaceRoute:
    """Returns a route's normal form: ``to`` is ``default`` where the rest shows the family, and the kernel's own values are
    left out."""
    route = canonical(route)
    of_ipv6 = family(route.via or route.source or route.to or "") == 6
    to = route.to
    if to in ANYWHERE and (route.via is not None or to == ANYWHERE[0]):
        to = "default"
    elif to == "default" and of_ipv6 and route.via is None:
        to = ANYWHERE[1]
    metric = None if route.metric == (IPV6_METRIC if of_ipv6 else 0) else route.metric
    return replace(route, to=to, metric=metric)


def route_family(route: InterfaceRoute) -> int:
    """Returns 4 or 6."""
    return family(route.via or route.source or route.to or "") if route.to == "default" else family(route.to or "")


def destination(route: InterfaceRoute) -> str:
    """Returns where a route leads, in CIDR form."""
    return ANYWHERE[route_family(route) == 6] if route.to == "default" else route.to or ""


def normal(definition: I) -> I:
    """Returns a definition's normal form, in which ``None`` is the kernel's default, or nothing."""
    return _normal(definition)  # type: ignore[return-value]


@functools.lru_cache(maxsize=_MANY)
def _normal(definition: Interface) -> Interface:
    definition = canonical(definition)
    changes: dict[str, Any] = {}
    if definition.routes:
        changes["routes"] = tuple(sorted({normal_route(route) for route in definition.routes}, key=repr))
    if isinstance(definition, LinuxBridge):
        definition = with_vlans(definition, vlans_of(definition))
        if definition.ports:
            changes["ports"] = tuple(sorted(map(normal_port, definition.ports), key=lambda port: port.name or ""))
    for name, (_key, value) in QOS_MAPS.items():
        entries: tuple[QosMap, ...] = getattr(definition, name, None) or ()
        if entries:
            changes[name] = sorted_qos(entry for entry in entries if getattr(entry, value))
    return replace(definition, **changes) if changes else definition


def sorted_qos(entries: Iterable[QosMap]) -> Optional[tuple[QosMap, ...]]:
    """Returns the entries of a QoS map in one order, or ``None`` where there are none."""
    return tuple(sorted(entries, key=lambda entry: (entry.pcp, entry.priority))) or None


@functools.lru_cache(maxsize=_MANY)
def normal_port(port: Port) -> Port:
    """Returns the normal form of a port's settings."""
    port = canonical(port)
    return with_vlans(port, vlans_of(port))


@functools.lru_cache(maxsize=_MANY)
def normal_state(state: InterfaceState) -> InterfaceState:
    """Returns a state's normal form; parts that its definition leaves out stay left out."""
    routes = tuple(replace(route, option=normal_route(route.option)) for route in state.routes)
    return replace(
        state,
        definition=normal(state.definition),
        routes=tuple(sorted(routes, key=lambda route: repr(route.option))),
        port=normal_port(state.port) if state.port else None,
    )


def subnet(address: Address) -> IPNetwork:
    """Returns the network that an address is in: that of its peer, where it has one."""
    return ipaddress.ip_interface(address.peer or address.cidr).network


def ip_of(cidr: str) -> str:
    """Returns an address without its prefix."""
    return cidr.split("/", 1)[0]


def new_address(cidr: str) -> Address:
    """Returns an address to be added: with its subnet's broadcast address, as networkd and ifupdown set it."""
    found = ipaddress.ip_interface(cidr).network
    shared = found.version == 4 and found.prefixlen <= 30
    return Address(cidr, broadcast=str(found.broadcast_address) if shared else None)


def with_own_route(address: Address) -> Address:
    """Returns an address whose subnet's route is created by the kernel.

    A DHCP client may have created that route itself, but only when it added the address itself.
    """
    return replace(address, flags=address.flags & ~IFA_F_NOPREFIXROUTE)


def is_reachable(via: IPAddress, nets: Iterable[IPNetwork], routes: Iterable[InterfaceRoute]) -> bool:
    """Returns whether a gateway is in one of the subnets, or in the destination of a route that has no gateway."""
    if via.version == 6 and via.is_link_local:
        return True
    links = [ipaddress.ip_network(destination(other)) for other in routes if other.via is None]
    return any(via in net for net in (*nets, *links) if net.version == via.version)


def without_vlans(value: B) -> B:
    """Returns a port or a bridge without its VLANs."""
    return replace(value, pvid=None, tagged=None, untagged=None)
