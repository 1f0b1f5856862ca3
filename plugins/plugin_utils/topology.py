# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Topologies: short descriptions of networks, and the options of bridges, VLAN interfaces and networks that follow from them.

All roles and playbooks use `fabric`, so every derivation and every check is written once. The code is pure: it takes
dicts, and returns dicts or raises an `OptionError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Callable, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError, under

from .topology_lan import bridged, vlan_trunk
from .topology_options import Made, Options, validated
from .topology_rules import RULES
from .topology_served import default_zone, isolated, nat, open_, routed

# Version of a host's libvirt: major, minor and release. It is unknown if it is empty or all zeros.
Version = Sequence[int]

_MAKERS: dict[str, Callable[[Options, Version], Made]] = {
    "nat": nat,
    "isolated": isolated,
    "routed": routed,
    "open": open_,
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
    topologies: Sequence[Any],
    variable: str,
    prefix: Optional[str] = None,
    libvirt: Version = (),
    firewalld: Optional[bool] = None,
) -> dict[str, list[dict[str, Any]]]:
    """Returns the lists of options of the module `fabric` for the topologies. ``firewalld`` is whether it runs, if that is known.

    Raises `OptionError`. It names the option as the user wrote it: below ``variable``, or for a role with its ``prefix``,
    where ``{type}`` is the type of the topology.
    """
    if isinstance(topologies, (str, Mapping)) or not isinstance(topologies, Sequence):
        raise OptionError(
            variable, topologies, "is not a list of topologies; write it as [{type: nat, name: lan, cidr: 10.0.1.0/24}]"
        )
    made: list[Made] = []
    before: list[str] = []
    for place, topology in enumerate(topologies):
        before.append(f"{variable}[{place}]." if prefix is None else _prefix(prefix, topology))
        with under(before[place].rstrip(".")) if prefix is None else _prefixed(before[place]):
            given = validated(topology)
            if given["type"] == "open" and not given["zone"]:
                given["zone"] = default_zone(libvirt, firewalld)
            made.append(_MAKERS[given["type"]](given, libvirt))
    _refuse_twins(made, before)
    return {
        "bridges": [item for one in made for item in one.bridges],
        "vlans": [item for one in made for item in one.vlans],
        "networks": [item for one in made for item in one.networks],
        **{kind: [item for one in made for item in one.rules.get(kind, ())] for kind in RULES},
    }


def _prefix(prefix: str, topology: Any) -> str:
    kind = topology.get("type") if isinstance(topology, Mapping) else None
    return prefix.replace("{type}", str(kind))


@contextmanager
def _prefixed(prefix: str) -> Iterator[None]:
    try:
        yield
    except OptionError as error:
        raise OptionError(prefix + error.option, error.value, error.problem) from None


def _refuse_twins(made: Sequence[Made], before: Sequence[str]) -> None:
    """Raises `OptionError` if two names are the same that must differ. ``before`` has what is before the options' names."""
    seen: dict[tuple[str, str], tuple[int, str]] = {}
    for place, one in enumerate(made):
        for kind, value, option in one.claims:
            other, theirs = seen.setdefault((kind, value), (place, option))
            if (other, theirs) != (place, option):
                problem = f"is also {before[other]}{theirs}"
                if other != place and before[other].endswith("."):
                    problem = f"is already {_ONCE[kind]} {before[other].rstrip('.')}"
                raise OptionError(before[place] + option, value, f"{problem}; give another one")
