# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network filter as a run plans it. What only declares one needs none of this."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ...contract import Host, Notes, Options, Plan, Shown, World
from ...errors import OptionError, under
from ...model.nwfilter.facts import FilterDriver, FilterFacts, StoredFilter, without_rules
from ...model.nwfilter.options import GivenFilter
from ...model.nwfilter.plan import FilterState, plan_absent, plan_filter
from ...model.nwfilter.shown import shown_filter
from ...model.nwfilter.tree import missing_variables
from ...model.nwfilter.validate import given_filter
from ...xml.nwfilter import NotAFilterError, filter_options
from ..common import DeclaredResource, filter_label, text


@dataclass(frozen=True)
class FilterResource(DeclaredResource[FilterState, GivenFilter]):
    """A network filter."""

    noun = "filter"

    def provides(self, current: FilterState) -> frozenset[str]:
        del current
        return frozenset({filter_label(self.name)})

    def needs(self, current: FilterState) -> frozenset[str]:
        """Returns the filters that it refers to, or has referred to."""
        held = current.definition.references if current.definition else ()
        entries = (*held, *(self.given.rules or ()))
        names = (getattr(entry, "filter", None) for entry in entries)
        return frozenset(filter_label(name) for name in names if name and name != self.name)

    def current(self, host: Host) -> FilterState:
        driver = host.driver(FilterDriver)
        stored = driver.filters().get(self.name)
        return FilterState(stored, without_rules(self.name, driver) if stored else ())

    def plan(self, current: FilterState, world: World, notes: Notes) -> Plan[FilterState]:
        del notes
        facts = world.facts(FilterFacts)
        with under(self.path):
            return plan_filter(self.given, current, facts) if self.present else plan_absent(self.name, current, facts)

    def show(self, state: FilterState, plan: Plan[FilterState]) -> Shown:
        del plan
        if state.definition is None:
            return {"name": self.name, "state": "absent"}
        shown: Shown = {"state": "present", **shown_filter(state.definition)}
        if state.without_rules:
            shown["problems"] = _problems(state.without_rules)
        return shown

    def describe(self, host: Host, state: FilterState) -> Options:
        return {"filter": _description(host, state.stored) if state.stored else None}


def _problems(devices: Sequence[str]) -> list[str]:
    return [f"the kernel lacks rules for {device}" for device in devices]


def filter_of(options: Options, path: str) -> FilterResource:
    """Returns the filter that the options declare. Raises `OptionError`, below ``path``."""
    document = text(options, "xml")
    with under(path):
        given = given_filter(options) if document is None else _given_xml(document, text(options, "name"))
    return FilterResource(given, options["state"] == "present", path)


def _given_xml(document: str, name: Optional[str]) -> GivenFilter:
    shortened = textwrap.shorten(document, 60, placeholder="...")
    try:
        found = filter_options(document)
    except NotAFilterError as error:
        raise OptionError("xml", shortened, f"is not the document of a libvirt filter: {error}") from None
    if name and found.get("name") and name != found["name"]:
        raise OptionError(
            "name", name, f"is not the name in xml, {found['name']!r}; leave out name, or make them the same"
        )
    found = {**found, "name": found.get("name") or name}
    if not found["name"]:
        raise OptionError("xml", shortened, "has no name; add the attribute name, or give the option name")
    with under("xml"):
        return given_filter(found, complete=True)


def describe_filters(host: Host, names: Optional[Sequence[str]]) -> list[dict[str, object]]:
    """Returns the filters with these names, ``None`` for all of them, as the ``_info`` module returns them."""
    filters = host.driver(FilterDriver).filters()
    return [
        _description(host, filters[name]) for name in (sorted(filters) if names is None else names) if name in filters
    ]


def _description(host: Host, stored: StoredFilter) -> dict[str, object]:
    """Returns the definition in the structure of the options, and what only a host knows."""
    driver, name = host.driver(FilterDriver), stored.definition.name
    facts = World(host).facts(FilterFacts)
    guests = {
        (nic.guest, nic.mac)
        for nic in facts.guest_nics
        if name in (nic.filter, facts.bindings[nic.device].filter if nic.device in facts.bindings else None)
    }
    return {
        "name": name,
        "uuid": stored.uuid,
        "definition": shown_filter(stored.definition),
        "variables": [*missing_variables(name, facts.filters, frozenset())],
        "guests": [{"domain": guest, "mac": mac} for guest, mac in sorted(guests)],
        "filters": sorted(
            each.name for each in facts.filters.values() if any(other.filter == name for other in each.references)
        ),
        "bindings": sorted(each.device for each in facts.own_bindings() if each.filter == name),
        "problems": _problems(without_rules(name, driver)),
    }
