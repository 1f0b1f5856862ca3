# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters: from options to entries of the kernel with their priorities, and back.

A declared filter is one entry of flower, or two of the same priority where it is for IPv4 and IPv6. Each has a priority of its
own, so that the first one that matches wins. A filter that stays keeps its priority.
"""

from __future__ import annotations

import bisect
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ....errors import OptionError, under
from ..options import Filter, dscp, dscp_number, protocol, protocol_number
from .tree import FIRST_PRIORITY, GAP, LOWEST_PRIORITY, REST, Entry, Match, ToClass

_OF_FAMILY = {"icmp": "ipv4", "icmpv6": "ipv6"}
_WITH_PORTS = ("tcp", "udp", "sctp")


@dataclass(frozen=True)
class Wish:
    """A declared filter: its entries, and the class by its name."""

    matches: tuple[Match, ...]
    target: str


def wish_of(given: Filter) -> Wish:
    """Returns what a filter matches. Raises `OptionError`."""
    target = given.class_ or ""
    ports = [name for name in ("source_port", "destination_port") if getattr(given, name)]
    rest = [name for name in _CRITERIA if getattr(given, name) is not None]
    if not rest:
        raise OptionError("", None, "is for all packets; say which ones, or name the class as the default")
    if given.mark is not None:
        others = [name for name in rest if name != "mark"]
        if others:
            problem = f"can't be combined with {others[0]}; use a mark that says both"
            raise OptionError("mark", given.mark, problem)
        return Wish((Match(mark=given.mark),), target)
    if ports and given.protocol not in _WITH_PORTS:
        problem = f"needs a protocol with ports; give protocol as one of {', '.join(_WITH_PORTS)}"
        raise OptionError(ports[0], getattr(given, ports[0]), problem)
    family = _family(given)
    match = Match(
        family=family or "",
        protocol=protocol_number(given.protocol) if given.protocol else 0,
        source=given.source or "",
        destination=given.destination or "",
        source_port=given.source_port or "",
        destination_port=given.destination_port or "",
        source_mac=given.source_mac or "",
        destination_mac=given.destination_mac or "",
        dscp=dscp_number(given.dscp) if given.dscp is not None else -1,
        vlan=given.vlan or 0,
    )
    if family is None and (given.protocol or given.dscp is not None):
        return Wish(tuple(Match(**{**vars(match), "family": each}) for each in ("ipv4", "ipv6")), target)
    return Wish((match,), target)


_CRITERIA = tuple(name for name in Filter.__dataclass_fields__ if name != "class_")


def _family(given: Filter) -> Optional[str]:
    """Returns the one family that a filter is for; ``None`` for both."""
    family = given.family
    found = [(name, _of_network(getattr(given, name))) for name in ("source", "destination") if getattr(given, name)]
    if given.protocol in _OF_FAMILY:
        found.append(("protocol", _OF_FAMILY[given.protocol]))
    for name, each in found:
        if family is not None and each != family:
            raise OptionError(name, getattr(given, name), f"is of {each}, and the rest of {family}; give one family")
        family = each
    return family


def _of_network(network: str) -> str:
    return f"ipv{ipaddress.ip_network(network).version}"


def shown_filter(matches: Sequence[Match], target: str) -> Filter:
    """Returns the options of the entries of one priority."""
    match = matches[0]
    name = protocol(str(match.protocol)) if match.protocol else None
    implied = bool(match.source or match.destination or name in _OF_FAMILY)
    return Filter(
        class_=target,
        family=match.family if match.family and len(matches) == 1 and not implied else None,
        protocol=name,
        source=match.source or None,
        destination=match.destination or None,
        source_port=match.source_port or None,
        destination_port=match.destination_port or None,
        source_mac=match.source_mac or None,
        destination_mac=match.destination_mac or None,
        dscp=dscp(str(match.dscp)) if match.dscp >= 0 else None,
        vlan=match.vlan or None,
        mark=match.mark or None,
    )


def parsed_filters(filters: Sequence[Filter], names: Mapping[str, object], *, marks: bool) -> list[Wish]:
    """Returns what filters match. Raises `OptionError` for what can't be, or is given twice."""
    found: list[Wish] = []
    seen: dict[Match, int] = {}
    for place, given in enumerate(filters):
        with under(f"filters[{place}]"):
            if given.class_ not in names:
                remedy = f"give one of {', '.join(names)}" if names else "declare it in classes"
                raise OptionError("class", given.class_, f"is no class of this direction; {remedy}")
            if given.mark is not None and not marks:
                problem = "can't be matched in ingress, because netfilter sets marks after it; use another criterion"
                raise OptionError("mark", given.mark, problem)
            wish = wish_of(given)
            for match in wish.matches:
                if match in seen:
                    raise OptionError("", None, f"is for the same packets as filters[{seen[match]}]; remove one")
                seen[match] = place
            found.append(wish)
    return found


# -- priorities ------------------------------------------------------------------------------------------------------------


def placed(wishes: Sequence[Wish], current: Sequence[Entry], classids: Mapping[str, int]) -> tuple[Entry, ...]:
    """Returns the entries of the wishes; those that the kernel has already, in the right order, keep their priorities."""
    by_priority: dict[int, list[Entry]] = {}
    for entry in current:
        by_priority.setdefault(entry.priority, []).append(entry)
    known = {frozenset(each.match for each in entries): number for number, entries in by_priority.items()}
    kept = _in_order([known.get(frozenset(wish.matches)) for wish in wishes])
    priorities = _with_new(wishes, kept, by_priority)
    if priorities is None:  # there is no room between two of them
        start = max(by_priority, default=FIRST_PRIORITY - GAP) // GAP * GAP + GAP
        start = start if start + len(wishes) * GAP < REST else FIRST_PRIORITY
        priorities = [start + place * GAP for place in range(len(wishes))]
    parent = 1 << 16
    return tuple(
        Entry(parent, number, match, ToClass(classids[wish.target]), place + 1)
        for wish, number in zip(wishes, priorities)
        for place, match in enumerate(wish.matches)
    )


def _in_order(numbers: Sequence[Optional[int]]) -> list[Optional[int]]:
    """Returns the numbers that stay, so that as many as possible do and they increase; ``None`` for the others."""
    tails: list[int] = []
    ends: list[int] = []
    before: dict[int, int] = {}
    for place, number in enumerate(numbers):
        if number is None:
            continue
        at = bisect.bisect_left(tails, number)
        before[place] = ends[at - 1] if at else -1
        tails[at : at + 1] = [number]
        ends[at : at + 1] = [place]
    found: list[Optional[int]] = [None] * len(numbers)
    place = ends[-1] if ends else -1
    while place >= 0:
        found[place] = numbers[place]
        place = before[place]
    return found


def _with_new(
    wishes: Sequence[Wish], kept: Sequence[Optional[int]], current: Mapping[int, Sequence[Entry]]
) -> Optional[list[int]]:
    """Returns priorities for all wishes: of those that aren't kept, each takes that of an entry which it can replace in
    place, or one between its neighbours; ``None`` where there is no room."""
    free = sorted(set(current) - {number for number in kept if number is not None})
    found: list[int] = []
    place = 0
    while place < len(kept):
        number = kept[place]
        if number is not None:
            found.append(number)
            place += 1
            continue
        end = place
        while end < len(kept) and kept[end] is None:
            end += 1
        low = found[-1] if found else LOWEST_PRIORITY - 1
        high = kept[end] if end < len(kept) else None
        reusable = [each for each in free if low < each and (high is None or each < high)]
        filled = _fill(wishes[place:end], low, high, reusable, current)
        if filled is None:
            return None
        found += filled
        place = end
    return found


def _fill(
    wishes: Sequence[Wish],
    low: int,
    high: Optional[int],
    reusable: list[int],
    current: Mapping[int, Sequence[Entry]],
) -> Optional[list[int]]:
    """Returns priorities between two others for a run of wishes; ``None`` where there is no room."""
    if len(wishes) == len(reusable) and all(
        _masks(wish.matches) == _masks([entry.match for entry in current[number]])
        for wish, number in zip(wishes, reusable)
    ):
        return reusable
    taken = set(reusable)
    if high is None:
        last = max(reusable, default=low)
        start = max(FIRST_PRIORITY, last // GAP * GAP + GAP)
        found = [start + place * GAP for place in range(len(wishes))]
        return found if found[-1] < REST else None
    room = [number for number in range(low + 1, high) if number not in taken]
    if len(room) < len(wishes):
        return None
    return [room[(2 * place + 1) * len(room) // (2 * len(wishes))] for place in range(len(wishes))]


def _masks(matches: Sequence[Match]) -> list[object]:
    return [match.mask for match in matches]
