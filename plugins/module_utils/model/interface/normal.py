# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What interfaces and their parts are in the one form that is compared, whether a user or the kernel has said them."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Optional, TypeVar

from ..fields import canonical
from .options import (
    Address,
    BridgeVlans,
    Interface,
    InterfaceRoute,
    InterfaceState,
    LinuxBridge,
    Port,
    QosMap,
    VlanIface,
)
from .vlans import vlans_of, with_vlans

I = TypeVar("I", bound=Interface)  # noqa: E741

IFA_F_NODAD = 0x02  # linux/if_addr.h
IFA_F_NOPREFIXROUTE = 0x200  # linux/if_addr.h: whoever set it makes the subnet's route by himself
IPV6_METRIC = 1024  # IP6_RT_PRIO_USER of linux/ipv6_route.h, what a route has that is given none
ANYWHERE = ("0.0.0.0/0", "::/0")

_MANY = 16384  # the same values come again and again: seen, planned for, and seen after

# What an interface has that is no setting of its own, but a part with steps of its own.
LISTS = ("addresses", "routes", "ipv6", "ports", "bridge", "pvid", "tagged", "untagged")


def family(text: str) -> int:
    """4 or 6."""
    return 6 if ":" in text else 4


def normal_route(route: InterfaceRoute) -> InterfaceRoute:
    """``to`` is ``default`` where the family is clear without it; what the kernel gives by itself is left out."""
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
    return family(route.via or route.source or route.to or "") if route.to == "default" else family(route.to or "")


def destination(route: InterfaceRoute) -> str:
    """Where a route leads, in CIDR form."""
    return ANYWHERE[route_family(route) == 6] if route.to == "default" else route.to or ""


def normal(definition: I) -> I:
    """A definition's normal form; what is ``None`` in it is the kernel's default, or nothing."""
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
    if isinstance(definition, VlanIface):
        changes["ingress_qos"] = qos([entry for entry in definition.ingress_qos or () if entry.priority])
        changes["egress_qos"] = qos([entry for entry in definition.egress_qos or () if entry.pcp])
    return replace(definition, **changes) if changes else definition


def qos(entries: Any) -> Optional[tuple[QosMap, ...]]:
    return tuple(sorted(entries, key=lambda entry: (entry.pcp, entry.priority))) or None


@functools.lru_cache(maxsize=_MANY)
def normal_port(port: Port) -> Port:
    port = canonical(port)
    return with_vlans(port, vlans_of(port))


@functools.lru_cache(maxsize=_MANY)
def normal_state(state: InterfaceState) -> InterfaceState:
    """A state's normal form, in which the parts that its definition leaves out stay out."""
    routes = tuple(replace(route, option=normal_route(route.option)) for route in state.routes)
    return replace(
        state,
        definition=normal(state.definition),
        routes=tuple(sorted(routes, key=lambda route: repr(route.option))),
        port=normal_port(state.port) if state.port else None,
    )


def subnet(address: Address) -> Any:
    """The network that an address is in: its peer's, where it has one."""
    return ipaddress.ip_interface(address.peer or address.cidr).network


def ip_of(cidr: str) -> str:
    return cidr.split("/", 1)[0]


def asked_address(cidr: str) -> Address:
    """An address that somebody asks for: with its subnet's broadcast address, as networkd and ifupdown give it."""
    found = ipaddress.ip_interface(cidr).network
    shared = found.version == 4 and found.prefixlen <= 30
    return Address(cidr, broadcast=str(found.broadcast_address) if shared else None)


def with_own_route(address: Address) -> Address:
    """An address that brings the route to its subnet, whoever made that before: he won't when it is added by others."""
    return replace(address, flags=address.flags & ~IFA_F_NOPREFIXROUTE)


def reached(via: Any, nets: Iterable[Any], routes: Iterable[InterfaceRoute]) -> bool:
    """Whether a gateway is in one of the subnets, or where a route leads that has none."""
    if via.version == 6 and via.is_link_local:
        return True
    links = [ipaddress.ip_network(destination(other)) for other in routes if other.via is None]
    return any(via in net for net in (*nets, *links) if net.version == via.version)


def blank_vlans(value: BridgeVlans) -> BridgeVlans:
    return replace(value, pvid=None, tagged=None, untagged=None)
