# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a filter comes to with the filters that it refers to: its variables, and the rules that the kernel gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Optional

from .attributes import variables
from .options import Binding, Filter, Parameters
from .protocols import EBTABLES, PROTOCOLS

Filters = Mapping[str, Filter]

LEARNING = "CTRL_IP_LEARNING"
ADDRESS = "IP"
# Variables that libvirt gives a value (virNWFilterDriver: nwfilter/nwfilter_gentech_driver.c).
_ALWAYS = frozenset({"MAC"})


@dataclass(frozen=True)
class KernelRule:
    """What the kernel has of the rules for a device: the tool that made them, and their direction.

    Only ebtables has chains by direction; the others always have both.
    """

    tool: str
    device: str
    direction: str = ""


def reached(name: str, filters: Filters) -> tuple[Filter, ...]:
    """Returns a filter and all that it refers to, directly or through others, as far as they exist."""
    found: dict[str, Filter] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop(0)
        if current in filters and current not in found:
            found[current] = filters[current]
            waiting += [reference.filter or "" for reference in filters[current].references]
    return tuple(found.values())


def uses(user: str, name: str, filters: Filters) -> bool:
    """Returns whether a filter is another one, or refers to it."""
    return any(each.name == name for each in reached(user, filters))


def loop(name: str, filters: Filters) -> tuple[str, ...]:
    """Returns the names of filters on a way from a filter back to itself; empty if there is none."""

    def search(current: str, path: tuple[str, ...]) -> tuple[str, ...]:
        for reference in filters[current].references:
            target = reference.filter or ""
            if target == name:
                return (*path, target)
            if target in filters and target not in path:
                found = search(target, (*path, target))
                if found:
                    return found
        return ()

    return search(name, (name,)) if name in filters else ()


def given(parameters: Parameters) -> frozenset[str]:
    """Returns the variables that have a value."""
    return frozenset(each.name or "" for each in parameters)


def value_of(parameters: Parameters, name: str) -> str:
    """Returns the first value of a variable; empty if it has none."""
    return next((each.value or "" for each in parameters if each.name == name), "")


def missing_variables(name: str, filters: Filters, known: Set[str]) -> tuple[str, ...]:
    """Returns the variables of a filter and of those that it refers to that have no value.

    A reference gives values to the filter that it names, and to what that refers to (virNWFilterDetermineMissingVarsRec).
    """
    return tuple(dict.fromkeys(_missing(name, filters, known | _ALWAYS, frozenset())))


def _missing(name: str, filters: Filters, known: Set[str], above: frozenset[str]) -> Iterator[str]:
    found = filters.get(name)
    if found is None or name in above:
        return
    for rule in found.own_rules:
        texts = [text for _name, text in (*rule.match, *rule.match_not)]
        yield from (each for each in variables(texts) if each not in known)
    for reference in found.references:
        below = known | given(reference.parameters or ())
        yield from _missing(reference.filter or "", filters, below, above | {name})


def learns_address(name: str, filters: Filters, parameters: Parameters) -> bool:
    """Returns whether libvirt finds out the address of a device by itself: it is all that isn't given."""
    if value_of(parameters, LEARNING).lower() == "none":
        return False
    return missing_variables(name, filters, given(parameters)) == (ADDRESS,)


def lacking_variable(name: str, filters: Filters, parameters: Parameters) -> Optional[str]:
    """Returns a variable of a filter that a user doesn't give, and that libvirt doesn't find out by itself."""
    missing = missing_variables(name, filters, given(parameters))
    if not missing or learns_address(name, filters, parameters):
        return None
    return next((each for each in missing if each != ADDRESS), ADDRESS)


def tools(name: str, filters: Filters) -> frozenset[str]:
    """Returns the tools that make the rules of a filter."""
    return frozenset(rule.tool for rule in expected_rules(name, "", filters))


def expected_rules(name: str, device: str, filters: Filters) -> frozenset[KernelRule]:
    """Returns what the kernel must have for a device that has a filter (ebiptablesApplyNewRules)."""
    found = set()
    for each in reached(name, filters):
        for rule in each.own_rules:
            tool = PROTOCOLS[rule.protocol].tool if rule.protocol in PROTOCOLS else EBTABLES
            directions = ("in", "out") if rule.direction == "inout" else (rule.direction,)
            found |= {KernelRule(tool, device, way if tool == EBTABLES else "") for way in directions}
    return frozenset(found)


def lacks_rules(binding: Binding, filters: Filters, kernel: Set[KernelRule]) -> bool:
    """Returns whether rules of a binding aren't in the kernel.

    As long as libvirt learns an address it has others in place, so that then only all of them can be missing.
    """
    expected = expected_rules(binding.filter, binding.device, filters)
    if learns_address(binding.filter, filters, binding.parameters):
        return bool(expected) and not any(rule.device == binding.device for rule in kernel)
    return not expected <= kernel
