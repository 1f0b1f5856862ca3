# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists that the playbooks take beside `virtnet_topologies`: how the value of each becomes a list of the module `fabric`.

One line in ``SITE_LISTS`` makes a list known to the action `predict`. The playbooks say which variable holds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ..module_utils.errors import OptionError
from .guest_lists import guest_nics
from .ready_filters import filters, removed_filters
from .rule_lists import outbound, policies, portforwards

Items = list[dict[str, Any]]


@dataclass(frozen=True)
class SiteList:
    """A list of `fabric` that a variable of the playbooks holds.

    ``applied`` and ``removed`` take a function that returns the value of the variable, its name for messages, and the name of the set
    of rules. They return the items of the list, and raise `OptionError`. The function fails the task if a template in the value is
    wrong; what is removed by its name alone doesn't call it.
    """

    applied: Callable[[Callable[[], Any], str, str], Items]
    removed: Callable[[Callable[[], Any], str, str], Items]
    of_libvirt: bool = True  # whether its items can only be on a host with libvirt
    written: Callable[[str, int, str], Optional[str]] = lambda _variable, _number, _rest: None
    """Returns where the user has written an option, by the name of the variable, the number of the item, and the path below that."""


def _rule_set(made: Callable[[Any, str], Items], rules: str) -> SiteList:
    """Returns a list whose value is one set of firewall rules; ``rules`` is the option of the set that holds them."""
    return SiteList(
        applied=lambda value, variable, name: [{**each, "name": name} for each in made(value(), variable)],
        removed=lambda _value, _variable, name: [{"name": name, "state": "absent"}],
        written=lambda variable, _number, rest: (
            variable + rest[len(rules) + 1 :] if rest.startswith(f".{rules}[") else None
        ),
    )


def written_as(option: str, variables: Mapping[str, str], first: Mapping[str, int]) -> Optional[str]:
    """Returns where a user has written an option of `fabric`; ``None`` where that isn't known.

    ``variables`` are the names of the variables by the lists of `fabric`. ``first`` is for each the place in the list at which the
    variable's items begin.
    """
    match = re.fullmatch(r"(\w+)\[(\d+)\](.*)", option)
    if match is None or match[1] not in first or int(match[2]) < first[match[1]]:
        return None
    kind = match[1]
    return SITE_LISTS[kind].written(variables[kind], int(match[2]) - first[kind], match[3])


def _shapings(value: Any, variable: str) -> Items:
    """Returns the items of the list of shapings. Raises `OptionError`."""
    if not isinstance(value, (list, tuple)):
        raise OptionError(variable, value, "is not a list; write a list of interfaces with their shaping")
    for place, each in enumerate(value):
        if not isinstance(each, Mapping) or not each.get("device"):
            raise OptionError(f"{variable}[{place}]", None, "has no device; give the name of an interface as device")
    return [dict(each) for each in value]


# By the names of the lists of `fabric`.
SITE_LISTS: Mapping[str, SiteList] = {
    "filters": SiteList(applied=filters, removed=removed_filters),
    # what is removed are networks and rules: the guests keep their NICs
    "guest_nics": SiteList(
        applied=lambda value, variable, _name: guest_nics(value(), variable),
        removed=lambda _value, _variable, _name: [],
    ),
    "portforwards": _rule_set(portforwards, "forwards"),
    "outbound": _rule_set(outbound, "rules"),
    "policies": _rule_set(policies, "rules"),
    "shaping": SiteList(
        applied=lambda value, variable, _name: _shapings(value(), variable),
        removed=lambda value, variable, _name: [
            {"device": each["device"], "state": "absent"} for each in _shapings(value(), variable)
        ],
        written=lambda variable, number, rest: f"{variable}[{number}]{rest}",
        of_libvirt=False,
    ),
}
