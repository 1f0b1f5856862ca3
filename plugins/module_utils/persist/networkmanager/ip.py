# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses, routes and settings of IPv6 in NetworkManager's profiles."""

from __future__ import annotations

from ...model.interface.normal import destination, family
from ...model.interface.options import Interface, InterfaceRoute, Ipv6
from ...model.interface.uplink.declared import leases
from ..files import Draft
from ..ini import Sections
from ..ip import V4, V6, by_family
from . import uplink

# The kernel's own metrics. NetworkManager's depend on the kind of the device.
_METRIC_V4, _METRIC_V6, _PREFIX_METRIC_V6 = 0, 1024, 256


def method6(desired: Interface) -> str:
    """Returns ``ipv6.method``."""
    ipv6 = desired.ipv6 or Ipv6()
    addresses = [cidr for cidr in desired.addresses or () if family(cidr) == V6]
    if ipv6.enabled is False:
        return "disabled"
    if ipv6.accept_ra == "always":
        return "auto"
    if V6 in leases(desired):
        return "dhcp" if ipv6.accept_ra == "never" else "auto"
    if addresses:
        return "manual"
    if ipv6.accept_ra == "never" or any(family(destination(route)) == V6 for route in desired.routes or ()):
        return "link-local"
    return "ignore"


def prefix_metrics(desired: Interface) -> Sections:
    """Returns the kernel's metrics for the routes to the subnets; with others there would be second routes.

    They would be those of the DHCP server's routes, too, so with DHCP they are NetworkManager's own.
    """
    found: Sections = {}
    if V4 not in leases(desired) and any(family(cidr) == V4 for cidr in desired.addresses or ()):
        found["ipv4"] = {"route-metric": str(_METRIC_V4)}
    if method6(desired) not in ("disabled", "ignore"):
        found["ipv6"] = {"route-metric": str(_PREFIX_METRIC_V6)}
    return found


def add_addresses(draft: Draft, profile: Sections, desired: Interface) -> None:
    """Adds the sections ``ipv4`` and ``ipv6`` to a profile."""
    addresses: dict[int, list[str]] = {V4: [], V6: []}
    for cidr in desired.addresses or ():
        addresses[family(cidr)].append(cidr)
    _warn_of_peers(draft, desired)
    routes = by_family(desired.routes or ())
    method4 = "auto" if V4 in leases(desired) else "manual" if addresses[V4] else "disabled"
    v4 = profile["ipv4"] = {"method": method4}
    v6 = profile["ipv6"] = {"method": method6(desired)}
    if method4 == "disabled" and routes[V4]:
        draft.cannot("routes for IPv4", "there is no IPv4 address")
        routes[V4] = []
    if v6["method"] in ("disabled", "ignore"):
        routes[V6] = []
    for section, keys in prefix_metrics(desired).items():
        profile[section].update(keys)
    for keys, version in ((v4, V4), (v6, V6)):
        for place, cidr in enumerate(addresses[version], 1):
            keys[f"address{place}"] = cidr
        for place, route in enumerate(routes[version], 1):
            add_route(draft, keys, place, route, version)
    add_ipv6(draft, v6, desired.ipv6 or Ipv6())
    uplink.add(profile, desired)


def add_route(draft: Draft, keys: dict[str, str], place: int, route: InterfaceRoute, version: int) -> None:
    """Adds a route to the keys of ``ipv4`` or ``ipv6``."""
    if route.via and family(route.via) != version:
        draft.cannot(f"the route to {route.to} via {route.via}", "the gateway is of the other IP version")
    usual = _METRIC_V4 if version == V4 else _METRIC_V6
    via = route.via or ("0.0.0.0" if version == V4 else "::")
    keys[f"route{place}"] = f"{destination(route)},{via},{usual if route.metric is None else route.metric}"
    options = [f"table={route.table}"] if route.table is not None else []
    if route.source:
        options.append(f"src={route.source}")
    state = draft.request.interfaces.get(draft.request.name)
    if state and any(found.onlink and found.option == route for found in state.routes):
        options.append("onlink=true")
    if options:
        keys[f"route{place}_options"] = ",".join(options)


def add_ipv6(draft: Draft, keys: dict[str, str], desired: Ipv6) -> None:
    """Adds the settings of IPv6 to their section, and warns of those that get lost."""
    if desired.autoconf is False and keys["method"] in ("auto", "ignore"):
        draft.cannot("ipv6.autoconf false where router advertisements are accepted")
    if keys["method"] in ("disabled", "ignore"):
        return
    # the kernel shows none where NetworkManager sets the link-local address; only the kernel has random
    keys["addr-gen-mode"] = "stable-privacy" if desired.addr_gen_mode == "stable-privacy" else "eui64"
    if desired.addr_gen_mode == "random":
        draft.cannot("ipv6.addr_gen_mode random")


def _warn_of_peers(draft: Draft, desired: Interface) -> None:
    state = draft.request.interfaces.get(draft.request.name)
    for address in state.addresses if state else ():
        if address.cidr in (desired.addresses or ()) and address.peer:
            draft.cannot(f"the peer {address.peer} of address {address.cidr}")
