# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel holds of a shaping, in its own units: queueing disciplines, classes of HTB, and filters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

ROOT = 0xFFFFFFFF  # TC_H_ROOT of linux/pkt_sched.h
INGRESS = 0xFFFF0000  # the handle of the kinds ingress and clsact, and the parent of filters of the former
CLSACT_INGRESS = 0xFFFFFFF2  # the parent of filters of clsact for what comes in
HANDLE = 0x10000  # of our root, 1:, which is also that of libvirt
TOPS = (0xF, 0xE)  # the minor of the class that holds all others; the second while the first one is replaced
FIRST = 0x10  # the first minor of a named class; libvirt has smaller ones
LAST = 0x3FFF
ANEW = 0x4000  # added to the major of a queue that replaces one with the same handle

# The priorities of filters. Ours are from the lowest one on, as libvirt has smaller ones: the declared ones with gaps between
# them and room before the first one, and last the one for all other packets.
LOWEST_PRIORITY, FIRST_PRIORITY, GAP, REST, HOOK = 0x10, 0x1000, 0x10, 0xFF00, 0xFFF0

Values = tuple[tuple[str, int], ...]


def values(held: Mapping[str, int]) -> Values:
    """Returns options of a queueing discipline in the order in which they are compared."""
    return tuple(sorted(held.items()))


@dataclass(frozen=True)
class Qdisc:
    """A queueing discipline; ``distribution`` is what netem has been given, which the kernel doesn't return."""

    handle: int
    parent: int
    kind: str
    values: Values = ()
    distribution: str = ""

    @property
    def held(self) -> dict[str, int]:
        return dict(self.values)


@dataclass(frozen=True)
class HtbClass:
    """A class; ``rate`` and ``ceil`` are in bytes per second, ``burst`` and ``cburst`` in ticks."""

    classid: int
    parent: int
    rate: int
    ceil: int
    burst: int
    cburst: int
    priority: int = 0
    quantum: int = 0


@dataclass(frozen=True)
class Match:
    """What a filter matches; nothing is all packets. ``unknown``: it isn't one of ours."""

    family: str = ""
    protocol: int = 0
    source: str = ""
    destination: str = ""
    source_port: str = ""
    destination_port: str = ""
    source_mac: str = ""
    destination_mac: str = ""
    dscp: int = -1
    vlan: int = 0
    mark: int = 0
    unknown: bool = False

    @property
    def kind(self) -> str:
        """The classifier for it."""
        if self.mark:
            return "fw"
        return "u32" if self == Match() else "flower"

    @property
    def mask(self) -> tuple[object, ...]:
        """What flower keeps in one table: it can change the values of an entry, but not these (fl_change)."""
        ports = tuple(port and "-" in port for port in (self.source_port, self.destination_port))
        networks = tuple(network.partition("/")[2] for network in (self.source, self.destination))
        present = (self.source_mac != "", self.destination_mac != "", self.dscp >= 0, self.vlan > 0, self.mark > 0)
        ports_given = (self.source_port != "", self.destination_port != "")
        return (
            self.family,
            self.protocol in (0, *_WITH_PORTS),
            self.protocol > 0,
            networks,
            ports,
            ports_given,
            present,
        )


_WITH_PORTS = (6, 17, 132)


@dataclass(frozen=True)
class ToClass:
    """The filter puts packets into a class."""

    classid: int


@dataclass(frozen=True)
class Redirect:
    """The filter sends packets through another interface."""

    device: str


@dataclass(frozen=True)
class PoliceAt:
    """The filter drops packets above a rate; ``burst`` is in ticks."""

    rate: int
    burst: int


@dataclass(frozen=True)
class Elsewhere:
    """The filter does what none of ours does."""


Target = Union[ToClass, Redirect, PoliceAt, Elsewhere]


@dataclass(frozen=True)
class Entry:
    """An entry of a filter. ``handle`` is its number within the filter, which isn't compared."""

    parent: int
    priority: int
    match: Match
    target: Target
    handle: int = field(default=0, compare=False)


Thing = Union[Qdisc, HtbClass, Entry]


@dataclass(frozen=True)
class Tree:
    """The tree on one interface. ``shared``: the root is libvirt's, and stays."""

    root: Union[Qdisc, None] = None
    shared: bool = False
    classes: tuple[HtbClass, ...] = ()
    leaves: tuple[Qdisc, ...] = ()
    filters: tuple[Entry, ...] = ()

    @property
    def by_id(self) -> dict[int, HtbClass]:
        return {each.classid: each for each in self.classes}

    @property
    def leaf_of(self) -> dict[int, Qdisc]:
        return {each.parent: each for each in self.leaves}

    @property
    def parents(self) -> frozenset[int]:
        """The classes that have others below them."""
        return frozenset(each.parent for each in self.classes)

    def things(self) -> Iterator[Thing]:
        """Yields all in the order in which they can be created."""
        if self.root is not None and not self.shared:
            yield self.root
        yield from self.classes
        yield from self.leaves
        yield from self.filters

    def __bool__(self) -> bool:
        return self.root is not None and (not self.shared or bool(self.classes))


def handle_text(handle: int) -> str:
    """Returns a handle as tc shows it."""
    return f"{handle >> 16:x}:{f'{handle & 0xFFFF:x}' if handle & 0xFFFF else ''}"
