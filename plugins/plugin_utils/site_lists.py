# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists that the playbooks take beside `virtnet_topologies`: how the value of each becomes a list of the module `fabric`.

One line in ``SITE_LISTS`` makes a list known to the action `predict`. The playbooks say which variable holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

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


def _rule_set(made: Callable[[Any, str], Items]) -> SiteList:
    """Returns a list whose value is one set of firewall rules."""
    return SiteList(
        applied=lambda value, variable, name: [{**each, "name": name} for each in made(value(), variable)],
        removed=lambda _value, _variable, name: [{"name": name, "state": "absent"}],
    )


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
    "portforwards": _rule_set(portforwards),
    "outbound": _rule_set(outbound),
    "policies": _rule_set(policies),
    "shaping": SiteList(
        applied=lambda value, variable, _name: _shapings(value(), variable),
        removed=lambda value, variable, _name: [
            {"device": each["device"], "state": "absent"} for each in _shapings(value(), variable)
        ],
        of_libvirt=False,
    ),
}
