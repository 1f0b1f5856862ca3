# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Topologies: what a person wants in few words, and the options of bridges, VLANs and networks that follow from them.

The roles and playbooks all go through `fabric`, so what is derived and what is refused is written once. It is pure:
dicts in, dicts out, or an `OptionError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Callable, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError, under

from .topology_lan import bridged, vlan_trunk
from .topology_options import Made, Options, validated
from .topology_served import isolated, nat

# The version of a host's libvirt, major, minor and release; none of it is known where it is empty or all zeros.
Version = Sequence[int]

_MAKERS: dict[str, Callable[[Options, Version], Made]] = {
    "nat": nat,
    "isolated": isolated,
    "bridged": bridged,
    "vlan_trunk": vlan_trunk,
}

# What there can be only one of, in words between "is already" and the topology that has it.
_ONCE = {
    "name": "the name of",
    "interface": "an interface of",
    "port": "a port of",
}


def fabric(
    topologies: Sequence[Any], variable: str, prefix: Optional[str] = None, libvirt: Version = ()
) -> dict[str, list[dict[str, Any]]]:
    """The lists of `fabric` that the topologies come to.

    Errors name an option as the user wrote it: below ``variable``, or, for a role, with the role's ``prefix``.
    """
    if isinstance(topologies, (str, Mapping)) or not isinstance(topologies, Sequence):
        raise OptionError(
            variable, topologies, "is not a list of topologies; write it as [{type: nat, name: lan, cidr: 10.0.1.0/24}]"
        )
    made: list[Made] = []
    for place, topology in enumerate(topologies):
        where = f"{variable}[{place}]"
        with under(where) if prefix is None else _prefixed(prefix):
            given = validated(topology)
            made.append(_MAKERS[given["type"]](given, libvirt))
    _refuse_twins(made, lambda place: f"{variable}[{place}]." if prefix is None else prefix)
    return {
        "bridges": [item for one in made for item in one.bridges],
        "vlans": [item for one in made for item in one.vlans],
        "networks": [item for one in made for item in one.networks],
    }


@contextmanager
def _prefixed(prefix: str) -> Iterator[None]:
    try:
        yield
    except OptionError as error:
        raise OptionError(prefix + error.option, error.value, error.problem) from None


def _refuse_twins(made: Sequence[Made], where: Callable[[int], str]) -> None:
    seen: dict[tuple[str, str], tuple[int, str]] = {}
    for place, one in enumerate(made):
        for kind, value, option in one.claims:
            other, theirs = seen.setdefault((kind, value), (place, option))
            if (other, theirs) != (place, option):
                problem = f"is also {where(other)}{theirs}"
                if other != place:
                    problem = f"is already {_ONCE[kind]} {where(other).rstrip('.')}"
                raise OptionError(where(place) + option, value, f"{problem}; give another one")
