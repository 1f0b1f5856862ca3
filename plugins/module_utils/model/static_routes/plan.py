# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a set of static routes to steps. Pure.

A set has only the routes that it has added: what was there before, or is added by others, stays as it is.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from ...contract import Facts, Plan, Step
from ...errors import OptionError, under
from .files import boot_files, memory, memory_path, name_in, recalled
from .options import StaticRoute
from .steps import AddRoute, Owner, Placed, ReloadNetworkd, RemoveRoute, RouteDriver, StoreRoutes


@dataclass(frozen=True)
class SetState:
    """A set on a host: the file that remembers it, those by which tools add its routes, and which routes the kernel has."""

    text: Optional[str] = None
    files: Mapping[str, str] = field(default_factory=dict)
    live: frozenset[Placed] = frozenset()

    @property
    def routes(self) -> tuple[Placed, ...]:
        return recalled(self.text)

    @property
    def absent(self) -> bool:
        return self.text is None and not self.files


class RouteFacts(Facts):
    """The routes of the host as they will be when what is planned so far is done."""

    @functools.cached_property
    def routes(self) -> list[Placed]:
        return list(self._driver.routes())

    @functools.cached_property
    def sets(self) -> dict[str, tuple[Placed, ...]]:
        """The routes of all sets, by name."""
        return {name_in(text): recalled(text) for text in self._driver.remembered().values()}

    @property
    def _driver(self) -> RouteDriver:
        return self.host.driver(RouteDriver)

    def interface_towards(self, address: str) -> Optional[str]:
        return self._driver.interface_towards(address)

    def owner(self, interface: str) -> Optional[Owner]:
        return self._driver.owner(interface)

    def read_by(self, path: str) -> Sequence[str]:
        return self._driver.read_by(path)

    def expect(self, name: str, former: Sequence[Placed], desired: Sequence[Placed]) -> None:
        """Takes the plan of a set into account."""
        self.routes = [*(each for each in self.routes if each not in former or each in desired)]
        self.routes += [each for each in desired if each not in self.routes]
        self.sets[name] = tuple(desired)


def plan_set(name: str, current: SetState, given: Optional[Sequence[StaticRoute]], facts: RouteFacts) -> Plan[SetState]:
    """Plans a set: ``given`` are its routes, ``None`` those that it has. Raises `OptionError`."""
    former = current.routes
    warnings: list[str] = []
    desired = former if given is None else tuple(_placed(name, former, given, facts, warnings))
    owners = {each.interface: facts.owner(each.interface) for each in desired}
    warnings += [
        f"{interface}: its static routes won't survive a reboot, because none of networkd, NetworkManager with its"
        " dispatcher and ifupdown sets it up; add them to its configuration as well"
        for interface, owner in owners.items()
        if owner is None
    ]
    after = SetState(memory(name, desired) if desired else None, boot_files(name, desired, owners), frozenset(desired))
    steps = tuple(_steps(name, current, after))
    changed = [step.path for step in steps if isinstance(step, StoreRoutes) and step.was is not None]
    readers = tuple(dict.fromkeys(each for path in changed for each in facts.read_by(path)))
    facts.expect(name, former, desired)
    return Plan(
        steps=steps,
        after=after,
        warnings=tuple(warnings),
        handlers=(ReloadNetworkd(readers),) if readers else (),
    )


def _placed(
    name: str, former: Sequence[Placed], given: Sequence[StaticRoute], facts: RouteFacts, warnings: list[str]
) -> Iterator[Placed]:
    """Yields the routes with their interfaces, without those that the host has from others."""
    seen: dict[str, int] = {}
    for place, route in enumerate(given):
        with under(f"routes[{place}]"):
            to, via = route.to or "", route.via or ""
            if to in seen:
                raise OptionError("to", to, f"is also in routes[{seen[to]}]; give it once")
            seen[to] = place
            if ipaddress.ip_network(to).version != ipaddress.ip_address(via).version:
                raise OptionError("via", via, f"is of another IP version than {to}; give an address of the same one")
            interface = facts.interface_towards(via)
            if interface is None:
                raise OptionError(
                    "via", via, "is no other host's address in a subnet of this host; give that of the next router"
                )
            found = Placed(to, via, interface)
            others = [each for each in facts.routes if each.to == to and each not in former]
            if found in others:
                warnings.append(
                    f"static routes {name}: the route {found.words} is there already and isn't of this set, so it is"
                    " neither stored nor removed with the set; remove it once if the set should have it"
                )
                continue
            if others:
                raise OptionError("to", to, _taken(others[0], facts.sets))
            yield found


def _taken(other: Placed, sets: Mapping[str, Sequence[Placed]]) -> str:
    owner = next((f"of the set {name}" for name, routes in sets.items() if other in routes), "not of this set")
    return f"already has a route on this host, {other.words}, {owner}; remove one of them"


def _steps(name: str, current: SetState, after: SetState) -> Iterator[Step]:
    """Yields what leads from one state to the other. What is remembered is there before the routes are, and goes after them."""
    path = memory_path(name)
    for route in current.routes:
        if route not in after.live and route in current.live:
            yield RemoveRoute(route)
    if after.text is not None and current.text != after.text:
        yield StoreRoutes(path, after.text, current.text)
    for route in after.routes:
        if route not in current.live:
            yield AddRoute(route)
    for each in sorted({*current.files, *after.files}):
        if current.files.get(each) != after.files.get(each):
            yield StoreRoutes(each, after.files.get(each), current.files.get(each))
    if after.text is None and current.text is not None:
        yield StoreRoutes(path, None, current.text)
