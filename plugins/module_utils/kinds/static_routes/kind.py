# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of static routes, as the module and the list of ``fabric`` declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...contract import AnyResource, ArgumentSpec, Host, Kind, Options
from ...model.fields import argument_spec
from ...model.static_routes.options import StaticRoutes
from ...model.static_routes.steps import RouteDriver
from ..common import STATE


def _open_routes(_host: Host, _where: Optional[str]) -> RouteDriver:
    from ...backend.boot_tools.static_routes import HostRoutes

    return HostRoutes()


class StaticRoutesKind(Kind):
    """Sets of static routes, on interfaces that the user's own files set up."""

    plural = "static_routes"
    drivers = {RouteDriver: _open_routes}

    def argument_spec(self) -> ArgumentSpec:
        spec = argument_spec(StaticRoutes)
        spec["name"]["default"] = "default"
        return {**spec, **STATE}

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ._resource import static_routes_of

        return static_routes_of(options, path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._resource import describe_static_routes

        del options
        return describe_static_routes(host, names)


STATIC_ROUTES = StaticRoutesKind()
