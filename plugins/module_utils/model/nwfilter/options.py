# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a network filter and of a binding: https://libvirt.org/formatnwfilter.html.

``match`` has the attributes of the rule's protocol by libvirt's names, of which each protocol has others (see `protocols`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Union

from .. import values
from ..fields import canonical, option

ACTIONS = ("accept", "drop", "reject", "return", "continue")
DIRECTIONS = ("in", "out", "inout")
ROOT = "root"

# MIN_RULE_PRIORITY and MAX_RULE_PRIORITY in conf/nwfilter_conf.h, which are those of chains, too
LOWEST, HIGHEST, RULE_PRIORITY = -1000, 1000, 500

# chain_priorities in conf/nwfilter_conf.c; stp isn't among them, so that its chain has that of root
CHAIN_PRIORITIES = {"mac": -800, "vlan": -750, "stp": 0, "arp": -500, "rarp": -400, "ipv4": -700, "ipv6": -600}
_LONGEST_CHAIN = 12  # MAX_CHAIN_SUFFIX_SIZE
# virNWFilterParseParamAttributes drops a parameter with others
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_]+")
_PARAMETER_VALUE = re.compile(r"[A-Za-z0-9_.:]+")


def filter_name(value: str) -> str:
    """Returns the name of a filter. libvirt writes it into documents without quoting it (virNWFilterDefFormat)."""
    name = values.object_name(value)
    if re.search(r"[&<>'\"]", name):
        raise ValueError("can't be the name of a filter; use a name without quotes and the characters &<>")
    return name


def chain_name(value: str) -> str:
    """Returns the name of a chain (virNWFilterIsAllowedChain)."""
    if value == ROOT:
        return value
    if not value.startswith(tuple(CHAIN_PRIORITIES)):
        prefixes = ", ".join(CHAIN_PRIORITIES)
        raise ValueError(f"is no chain; use root, or a name that begins with one of {prefixes}")
    if len(value) > _LONGEST_CHAIN or not re.fullmatch(r"[A-Za-z0-9_.:-]+", value):
        raise ValueError(f"can't be a chain; use at most {_LONGEST_CHAIN} letters, digits and characters of _.:-")
    return value


def chain_priority(chain: str) -> int:
    """Returns the priority that libvirt gives to a chain."""
    return next((held for start, held in CHAIN_PRIORITIES.items() if chain.startswith(start)), 0)


def _parameter_name(value: str) -> str:
    if not _PARAMETER_NAME.fullmatch(value):
        raise ValueError("can't be a variable; use letters, digits and _, without $")
    return value


def _parameter_value(value: str) -> str:
    if not _PARAMETER_VALUE.fullmatch(value):
        raise ValueError("can't be the value of a variable; use letters, digits and the characters _.:")
    return value


@dataclass(frozen=True)
class Parameter:
    """A value of a variable of a filter; a variable with several values has several of these."""

    name: Optional[str] = option(required=True, norm=_parameter_name, removal=None)
    value: Optional[str] = option(required=True, norm=_parameter_value, removal=None)


Parameters = tuple[Parameter, ...]


def normal_parameters(given: Parameters) -> Parameters:
    """Returns parameters in the order in which libvirt writes them: by name, and values of a name as they were given."""
    return tuple(sorted(map(canonical, given), key=lambda each: each.name or ""))


@dataclass(frozen=True)
class Reference:
    """<filterref>: the rules of another filter, with values of its variables."""

    filter: Optional[str] = option(required=True, norm=filter_name, removal=None)
    parameters: Optional[Parameters] = option()


Match = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rule:
    """<rule>: what is done with packets of a protocol that have all of the attributes in ``match``, and none in ``match_not``.

    Both are sorted by name. A rule without a protocol is for all packets.
    """

    action: str
    direction: str
    priority: int = RULE_PRIORITY
    statematch: bool = True
    protocol: Optional[str] = None
    match: Match = ()
    match_not: Match = ()


Entry = Union[Rule, Reference]
Entries = tuple[Entry, ...]


@dataclass(frozen=True)
class GivenFilter:
    """A filter as a user gave it; ``None`` is left out. ``complete``: what is left out isn't there."""

    name: str
    chain: Optional[str] = None
    priority: Optional[int] = None
    rules: Optional[Entries] = None
    uuid: Optional[str] = None
    complete: bool = False


@dataclass(frozen=True)
class Filter:
    """A filter as it is on a host, or will be, in normal form."""

    name: str
    chain: str = ROOT
    priority: int = 0
    rules: Entries = ()

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(entry for entry in self.rules if isinstance(entry, Reference))

    @property
    def own_rules(self) -> tuple[Rule, ...]:
        return tuple(entry for entry in self.rules if isinstance(entry, Rule))


def desired_filter(given: GivenFilter, current: Optional[Filter]) -> Filter:
    """Returns the filter that a user wants: what is left out stays. A priority that was given for another chain doesn't."""
    base = current if current is not None and not given.complete else Filter(given.name)
    chain = base.chain if given.chain is None else given.chain
    stays = chain == base.chain and current is not None and not given.complete
    priority = given.priority if given.priority is not None else base.priority if stays else chain_priority(chain)
    return Filter(given.name, chain, priority, base.rules if given.rules is None else given.rules)


@dataclass(frozen=True)
class BindingOptions:
    """The options of a binding: the filter of a tap that isn't a libvirt guest's; ``name`` is the tap."""

    name: Optional[str] = option(required=True, norm=values.ifname, removal=None)
    mac: Optional[str] = option(norm=values.mac, removal=None)
    filter: Optional[str] = option(norm=filter_name, removal=None)
    parameters: Optional[Parameters] = option(removal=None)


@dataclass(frozen=True)
class Owner:
    """What a binding belongs to: for a guest of libvirt its name and UUID, else texts without a meaning."""

    name: str
    uuid: str


@dataclass(frozen=True)
class Binding:
    """A binding as a host has it: a device, the MAC address of what is behind it, and the filter for it."""

    device: str
    mac: str
    filter: str
    parameters: Parameters
    owner: Owner
