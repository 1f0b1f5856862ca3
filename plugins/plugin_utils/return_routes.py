# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes that the routers outside need to the guests of routed and open networks: what they are, and how they are published. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model import values

from .topology_options import normal

FACT = "virtnet_return_routes"
SETS = "virtnet_return_route_sets"
_TYPES = ("routed", "open")
_OPTION = "host_return_via"


def published(
    host: str,
    topologies: Sequence[Any],
    options: Mapping[str, Any],
    sources: Mapping[int, str],
    given: Sequence[str] = (),
    earlier: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Returns what the task adds to its result: facts, statistics of the run, and sentences.

    ``options`` are those of `fabric`. ``sources`` are the host's addresses towards the outside, by the version of IP, and
    ``given`` those that the user gives instead. ``earlier`` are the sets of other networks that the run has published
    before. Raises `OptionError`.
    """
    kinds = {each.get("name"): each for each in topologies if isinstance(each, Mapping) and each.get("type") in _TYPES}
    if not kinds:
        return {}
    via = {**sources, **_given(given)}
    networks = {each["name"]: each for each in options.get("networks") or () if each["name"] in kinds}
    sets = {each["name"]: dict(each) for each in earlier}
    needed: list[dict[str, str]] = []
    unknown: dict[int, list[str]] = {}
    for name in kinds:
        subnets = _subnets(networks.get(name, {}))
        routes = [{"to": str(each), "via": via[each.version]} for each in subnets if each.version in via]
        for each in subnets:
            if each.version not in via:
                unknown.setdefault(each.version, []).append(str(each))
        needed += routes
        key = f"{host}.{name}"
        sets[key] = {"name": key, "routes": routes} if routes else {"name": key, "state": "absent"}
    routes = [route for each in sets.values() for route in each.get("routes", ())]
    result: dict[str, Any] = {"ansible_facts": {FACT: routes, SETS: list(sets.values())}}
    if routes:
        result["ansible_stats"] = {"data": {FACT: {host: routes}}, "per_host": False, "aggregate": True}
    if needed:
        result["return_routes"] = needed
        result["notes"] = [f"the routers outside need the route {each['to']} via {each['via']}" for each in needed]
    if unknown:
        result["warnings"] = [
            f"the routers outside need a route to {' and '.join(subnets)} by this host, which has no IPv{version} default route"
            f" that shows its address there; set {_OPTION}"
            for version, subnets in sorted(unknown.items())
        ]
    return result


def _given(given: Sequence[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for place, text in enumerate(given):
        address = normal(f"{_OPTION}[{place}]", text, values.ip)
        version = ipaddress.ip_address(address).version
        if version in found:
            raise OptionError(
                f"{_OPTION}[{place}]", text, f"is a second IPv{version} address, beside {found[version]}; give one"
            )
        found[version] = address
    return found


def _subnets(network: Mapping[str, Any]) -> list[Any]:
    """Returns the subnets of a network; none for one that is to be removed."""
    return [ipaddress.ip_interface(each["address"]).network for each in network.get("ips") or ()]
