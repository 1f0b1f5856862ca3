# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the filter that a host has, or hasn't, to the desired one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ...contract import Plan
from ...errors import OptionError
from .facts import FilterFacts, StoredFilter, bridging_warning
from .learning import check_relearning
from .options import Filter, GivenFilter, Reference, chain_priority, desired_filter
from .steps import Define, Rebuild, Undefine
from .tree import lacking_variable, loop, uses


@dataclass(frozen=True)
class FilterState:
    """A filter as a host has it; ``stored`` is ``None`` for one that isn't there.

    ``without_rules`` are the devices that lack rules of it in the kernel.
    """

    stored: Optional[StoredFilter] = None
    without_rules: tuple[str, ...] = ()

    @property
    def definition(self) -> Optional[Filter]:
        return self.stored.definition if self.stored else None


def plan_filter(given: GivenFilter, current: FilterState, facts: FilterFacts) -> Plan[FilterState]:
    """Plans a filter that is to be there. Raises `OptionError` for what libvirt would refuse, or take and not apply."""
    desired = desired_filter(given, current.definition)
    if given.uuid is not None and current.stored is not None and given.uuid != current.stored.uuid:
        problem = f"is not the UUID of the filter {given.name}, {current.stored.uuid}; remove <uuid> from the document"
        raise OptionError("xml", given.uuid, problem)
    if not desired.priority and chain_priority(desired.chain):
        problem = f"is not kept for the chain {desired.chain} when libvirt is restarted; use 1 or -1"
        raise OptionError("priority", desired.priority, problem)
    if given.rules is not None:
        _check_references(given, desired, facts)
    before = facts.filters.get(given.name)
    facts.filters[given.name] = desired
    try:
        warnings = _check_users(given.name, facts)
    except OptionError:
        if before is None:
            del facts.filters[given.name]
        else:
            facts.filters[given.name] = before
        raise
    if desired == current.definition:
        if not current.without_rules:
            return Plan((), current)
        check_relearning(given.name, facts)
        return Plan((Rebuild(given.name, current.without_rules),), FilterState(current.stored))
    check_relearning(given.name, facts)
    warning = bridging_warning(given.name, facts.filters, facts.driver)
    uuid = current.stored.uuid if current.stored else given.uuid or ""
    return Plan(
        (Define(current.stored, desired, given.uuid),),
        FilterState(StoredFilter(desired, uuid)),
        warnings=(*warnings, *([warning] if warning else [])),
    )


def _check_references(given: GivenFilter, desired: Filter, facts: FilterFacts) -> None:
    filters = {**facts.filters, given.name: desired}
    for place, entry in enumerate(desired.rules):
        if not isinstance(entry, Reference):
            continue
        path = f"rules[{place}].filterref.filter"
        if entry.filter == given.name:
            raise OptionError(path, entry.filter, "is the filter itself; refer to another one")
        if entry.filter not in filters:
            raise OptionError(path, entry.filter, "is not a filter of this host; create it first")
    way = loop(given.name, filters)
    if way:
        place = next(
            place
            for place, entry in enumerate(desired.rules)
            if isinstance(entry, Reference) and entry.filter == way[1]
        )
        problem = f"is a filter that refers back to this one ({' -> '.join(way)}); remove one of the references"
        raise OptionError(f"rules[{place}].filterref.filter", way[1], problem)


def _check_users(name: str, facts: FilterFacts) -> tuple[str, ...]:
    """Refuses variables that a running user doesn't give, and returns a warning for each guest that couldn't start."""
    for binding in facts.affected(name):
        lacking = lacking_variable(binding.filter, facts.filters, binding.parameters)
        if lacking:
            nic = facts.guest_of(binding.device)
            user = f"{nic}" if nic else f"the binding of {binding.device}"
            problem = f"has the variable {lacking}, which {user} doesn't give; add it to its parameters first"
            raise OptionError("rules", None, problem)
    warnings = []
    for nic in facts.guest_nics:
        if nic.device or not uses(nic.filter, name, facts.filters):
            continue
        lacking = lacking_variable(nic.filter, facts.filters, nic.parameters)
        if lacking:
            warnings.append(
                f"{nic} can't be started, as it doesn't give the variable {lacking} of its filter {nic.filter}; add"
                " it to the parameters of its NIC"
            )
    return tuple(warnings)


def plan_absent(name: str, current: FilterState, facts: FilterFacts) -> Plan[FilterState]:
    """Plans the removal of a filter. Raises `OptionError` for one that is in use: libvirt only finds running guests."""
    if current.stored is None:
        return Plan((), current)
    users = facts.users(name)
    if users:
        raise OptionError("name", name, f"is in use by {', '.join(users)}; remove it there first")
    facts.filters.pop(name, None)
    return Plan((Undefine(current.stored),), FilterState())
