# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the subnets of outbound rules, and refuses rules that can't work."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from ...contract import World
from ...errors import OptionError, under
from ..firewall.facts import FirewallFacts
from ..firewall.subjects import addresses_of_guest, subnets_of_bridge, subnets_of_network
from ..links import LinkFacts
from .options import Outbound, OutboundRules, Source
from .table import ResolvedOutbound

_MOST_ADDRESSES = 256


def resolve_outbound(
    given: OutboundRules, world: World, others: Mapping[str, Sequence[ResolvedOutbound]]
) -> tuple[ResolvedOutbound, ...]:
    """Returns the rules with their subnets; ``others`` are those of other sets, by name. Raises `OptionError`."""
    found: list[tuple[int, ResolvedOutbound]] = []
    for place, rule in enumerate(given.rules or ()):
        with under(f"rules[{place}]"):
            _check(rule, world)
            for each in _resolved(rule, world):
                for former, other in found:
                    if _hides(other, each):
                        raise OptionError(
                            "source",
                            each.label,
                            f"is part of rules[{former}], which comes first; put this rule before it, or remove it",
                        )
                for name, theirs in others.items():
                    if any(_hides(other, each) or _hides(each, other) for other in theirs):
                        raise OptionError(
                            "source", each.label, f"has a rule in the set {name} too; remove it from one of the sets"
                        )
                found.append((place, each))
    return tuple(each for _place, each in found)


def _hides(one: ResolvedOutbound, other: ResolvedOutbound) -> bool:
    """Returns whether all that a rule is for is for another one, too."""
    if one.version != other.version or one.rule.interface not in (None, other.rule.interface):
        return False
    mine, theirs = ipaddress.ip_network(one.cidr), ipaddress.ip_network(other.cidr)
    return theirs.network_address in mine and theirs.broadcast_address in mine


def _check(rule: Outbound, world: World) -> None:
    facts = world.facts(FirewallFacts)
    for address in _addresses(rule.to):
        if address not in facts.addresses:
            raise OptionError("to", rule.to, f"has {address}, which is no address of this host; give one that it has")
    links = {link.name for link in world.facts(LinkFacts).links}
    if rule.interface and rule.interface not in links:
        raise OptionError("interface", rule.interface, "is no interface of this host; give the one that leads outside")


def _addresses(to: Optional[str]) -> Iterator[str]:
    if not to:
        return
    first, _dash, last = to.partition("-")
    begin, end = ipaddress.ip_address(first), ipaddress.ip_address(last or first)
    if int(end) - int(begin) >= _MOST_ADDRESSES:
        raise OptionError("to", to, f"has more than {_MOST_ADDRESSES} addresses; give fewer")
    for number in range(int(end) - int(begin) + 1):
        yield str(begin + number)


def _resolved(rule: Outbound, world: World) -> Iterator[ResolvedOutbound]:
    source = rule.source or Source()
    given = [name for name in ("cidr", "network", "bridge", "guest") if getattr(source, name)]
    if given == ["network", "guest"]:  # the guest's address on this network
        given = ["guest"]
    if len(given) != 1:
        problem = (
            f"has {' and '.join(given)}; give one of them" if given else "is empty; give cidr, network, bridge or guest"
        )
        raise OptionError("source", None, problem)
    version = ipaddress.ip_address(rule.to.partition("-")[0]).version if rule.to else None
    with under("source"):
        subnets = dict(_subnets(source, world))
        fitting = {cidr: by for cidr, by in subnets.items() if version in (None, ipaddress.ip_network(cidr).version)}
        if not fitting:
            family = f"IPv{version} " if version else ""
            raise OptionError(given[0], getattr(source, given[0]), f"has no {family}address; give another source")
    for cidr, known_by in fitting.items():
        yield ResolvedOutbound(rule, cidr, known_by)


def _subnets(source: Source, world: World) -> Iterator[tuple[str, str]]:
    """Yields the subnets of a source, and by what each is known."""
    if source.cidr:
        yield source.cidr, "cidr"
    elif source.guest:
        yield from addresses_of_guest(source.guest, source.network, world)
    elif source.network:
        yield from ((subnet, "network") for subnet in subnets_of_network(source.network, world))
    elif source.bridge:
        yield from ((subnet, "bridge") for subnet in subnets_of_bridge(source.bridge, world))
