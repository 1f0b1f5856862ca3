# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A set of static routes as a run plans it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ...contract import Host, Notes, Options, Plan, Shown, World
from ...errors import under
from ...model.fields import from_options
from ...model.static_routes.files import memory_path, name_in, patterns, recalled
from ...model.static_routes.options import StaticRoutes
from ...model.static_routes.plan import RouteFacts, SetState, plan_set
from ...model.static_routes.steps import Placed, RouteDriver
from ..common import DeclaredResource


@dataclass(frozen=True)
class StaticRoutesResource(DeclaredResource[SetState, StaticRoutes]):
    """A set of static routes."""

    noun = "static routes"

    def current(self, host: Host) -> SetState:
        driver = host.driver(RouteDriver)
        text = driver.remembered().get(memory_path(self.name))
        live = frozenset(driver.routes()).intersection(recalled(text))
        return SetState(text, driver.files(patterns(self.name)), live)

    def plan(self, current: SetState, world: World, notes: Notes) -> Plan[SetState]:
        del notes
        with under(self.path):
            return plan_set(self.name, current, self.given.routes if self.present else (), world.facts(RouteFacts))

    def show(self, state: SetState, plan: Plan[SetState]) -> Shown:
        del plan
        if state.absent:
            return {"name": self.name, "state": "absent"}
        missing = [each.words for each in state.routes if each not in state.live]
        return {
            "name": self.name,
            "state": "present",
            "routes": [_shown(each) for each in state.routes],
            "files": dict(sorted(state.files.items())),
            **({"problems": [f"the kernel doesn't have the route {each}" for each in missing]} if missing else {}),
        }


def _shown(route: Placed) -> dict[str, object]:
    return {"to": route.to, "via": route.via, "interface": route.interface}


def static_routes_of(options: Options, path: str) -> StaticRoutesResource:
    """Returns the set that the options declare. Raises `OptionError`, below ``path``."""
    with under(path):
        given = from_options(StaticRoutes, options)
    return StaticRoutesResource(given, options["state"] == "present", path)


def describe_static_routes(host: Host, names: Optional[Sequence[str]]) -> list[dict[str, object]]:
    """Returns the sets with these names, ``None`` for all of them, as the ``_info`` module returns them."""
    driver = host.driver(RouteDriver)
    live = frozenset(driver.routes())
    sets = {name_in(text): recalled(text) for text in driver.remembered().values()}
    found: list[dict[str, object]] = []
    for name in sorted(sets) if names is None else names:
        if name in sets:
            routes = [{**_shown(each), "active": each in live} for each in sets[name]]
            found.append({"name": name, "routes": routes, "files": sorted(driver.files(patterns(name)))})
    return found
