# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gateways, which are default routes: they are among the routes of an interface as soon as it is planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional, TypeVar

from ....errors import OptionError
from ..normal import normal_route, route_family
from ..options import Interface, InterfaceRoute, Uplink
from .declared import GATEWAYS

I = TypeVar("I", bound=Interface)  # noqa: E741


def with_gateways(given: I) -> I:
    """Returns what is given, with the gateways among its routes, where both are given. Raises `OptionError`."""
    if not isinstance(given, Uplink) or given.routes is None:
        return given
    for place, route in enumerate(given.routes):
        _refuse_other_default(given, f"routes[{place}]", normal_route(route))
    return replace(given, routes=routes_with_gateways(given, given.routes))


def _refuse_other_default(given: Uplink, where: str, route: InterfaceRoute) -> None:
    for option, version in GATEWAYS.items():
        via = getattr(given, option)
        if via is None or not _is_default(route, version) or (route.via == via and bool(via)):
            continue
        other = f"via {route.via}" if route.via else "on the link"
        raise OptionError(
            option, via, f"isn't the default route that {where} gives ({other}); give {option} or that route, not both"
        )


def routes_with_gateways(
    given: Interface, routes: Optional[tuple[InterfaceRoute, ...]]
) -> Optional[tuple[InterfaceRoute, ...]]:
    """Returns the routes with the default routes of the gateways that are given, in place of others."""
    for option, version in GATEWAYS.items():
        via = getattr(given, option, None)
        if via is not None:
            kept = tuple(route for route in routes or () if not _is_default(normal_route(route), version))
            same = tuple(route for route in routes or () if via and route not in kept and route.via == via)
            routes = (*kept, *(same or ([normal_route(InterfaceRoute(to="default", via=via))] if via else [])))
    return routes


def gateways_of(definition: Interface) -> dict[str, Any]:
    """Returns the gateways of an interface, those of its default routes, by their options."""
    found: dict[str, Any] = {}
    for option, version in GATEWAYS.items():
        via = [
            route.via for route in definition.routes or () if route.via and _is_default(normal_route(route), version)
        ]
        found[option] = via[0] if via else None
    return found


def _is_default(route: InterfaceRoute, version: int) -> bool:
    """Returns whether it is the default route of the main table that a gateway stands for."""
    leads_anywhere = route.to in ("default", "0.0.0.0/0", "::/0") and route_family(route) == version
    return leads_anywhere and route.metric is None and route.table is None
