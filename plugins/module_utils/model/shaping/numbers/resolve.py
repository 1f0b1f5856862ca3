# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of one direction to the tree that the kernel should have. Pure.

The numbers of what is there already are kept, as far as the kernel can change it in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Optional

from ....errors import OptionError, under
from ..options import Impair, Queue, ShapingClass, Side
from . import units
from .filters import Wish, parsed_filters, placed
from .impairments import impair_values
from .queues import REMADE, Device, burst_ticks, queue_values
from .tree import ANEW, FIRST, HANDLE, LAST, REST, ROOT, TOPS, Entry, HtbClass, Match, Qdisc, ToClass, Tree

_QUANTUM = (2, 60000)  # for the smallest class two frames, for the largest so many bytes at most (htb_change_class)
TOP = ""  # the name of the class that holds all others


@dataclass(frozen=True)
class Named:
    """A tree, and the numbers of its classes by their names; the one of all others has the name `TOP`."""

    tree: Tree
    minors: Mapping[str, int]


def has_tree(side: Side) -> bool:
    """Returns whether a direction is shaped by classes."""
    return side.rate is not None


def resolve(side: Side, current: Named, device: Device, *, shared: bool, marks: bool) -> Named:
    """Returns the desired tree. ``shared``: the root is libvirt's; ``marks``: packets have marks here. Raises `OptionError`."""
    if not has_tree(side):
        return Named(_bare_root(side, device), {})
    classes = {each.name or "": each for each in side.classes or ()}
    wishes = parsed_filters(side.filters or (), classes, marks=marks)
    minors = _minors(classes, current)
    tops = _tree_classes(side, classes, minors, device)
    leaves = _leaves(side, classes, minors, current.tree, device)
    target = minors[side.default or TOP]
    root = current.tree.root if shared and current.tree.root else Qdisc(HANDLE, ROOT, "htb")
    filters = _filters(wishes, current.tree.filters, {name: HANDLE | number for name, number in minors.items()})
    rest = Entry(HANDLE, REST, Match(), ToClass(HANDLE | target))
    return Named(Tree(root, shared, tops, leaves, (*filters, rest)), minors)


def _filters(wishes: Sequence[Wish], current: Sequence[Entry], classids: Mapping[str, int]) -> tuple[Entry, ...]:
    return placed(wishes, [entry for entry in current if entry.priority != REST], classids)


def _bare_root(side: Side, device: Device) -> Tree:
    """Returns a root without classes: a queue or an impairment, or none at all."""
    spec = _leaf_spec(side.queue, side.impair, device)
    if spec is None:
        return Tree()
    return Tree(replace(spec, handle=HANDLE, parent=ROOT))


# -- classes ---------------------------------------------------------------------------------------------------------------


def _minors(classes: Mapping[str, ShapingClass], current: Named) -> dict[str, int]:
    """Returns the number of each class. One that gets another parent, or gets or loses its first child, gets a new one.

    The kernel changes no parent (htb_change_class), and takes the queue from a class that gets a child (htb_parent_to_leaf).
    """
    parents = {each.parent or TOP for each in classes.values()}
    inner_now = {each & 0xFFFF for each in current.tree.parents}
    there = {each.classid & 0xFFFF: each.parent & 0xFFFF for each in current.tree.classes}
    used = set(there)

    def keeps(name: str, parent: int) -> Optional[int]:
        number = current.minors.get(name)
        if number is None or (
            number in there and ((number in inner_now) != (name in parents) or there[number] != parent)
        ):
            return None
        return number

    found = {TOP: keeps(TOP, 0) or next(number for number in TOPS if number != current.minors.get(TOP))}
    waiting = list(classes)
    free = iter(range(FIRST, LAST))
    taken = used | set(current.minors.values())
    while waiting:
        for name in list(waiting):
            parent = found.get(classes[name].parent or TOP)
            if parent is None:
                continue
            number = keeps(name, parent)
            if number is None:
                number = next(each for each in free if each not in taken)
            found[name] = number
            waiting.remove(name)
    return {name: found[name] for name in (TOP, *classes)}


def _tree_classes(
    side: Side, classes: Mapping[str, ShapingClass], minors: Mapping[str, int], device: Device
) -> tuple[HtbClass, ...]:
    """Returns the classes, each after its parent."""
    top = ShapingClass(name=TOP, rate=side.rate, ceil=side.ceil, burst=side.burst, cburst=side.cburst)
    quanta = _quanta(classes, device)
    found = [_htb_class(top, HANDLE | minors[TOP], HANDLE, _QUANTUM[1], device)]
    waiting = dict(classes)
    places = {name: place for place, name in enumerate(classes)}
    done = {TOP}
    while waiting:
        for name, each in list(waiting.items()):
            if (each.parent or TOP) in done:
                parent = HANDLE | minors[each.parent or TOP]
                with under(f"classes[{places[name]}]"):
                    found.append(_htb_class(each, HANDLE | minors[name], parent, quanta[name], device))
                done.add(name)
                del waiting[name]
    return tuple(found)


def _htb_class(given: ShapingClass, classid: int, parent: int, quantum: int, device: Device) -> HtbClass:
    rate = units.bytes_per_second(given.rate or "")
    ceil = units.bytes_per_second(given.ceil) if given.ceil else rate
    with _named("burst"):
        burst = burst_ticks(given.burst, rate, device)
    with _named("cburst"):
        cburst = burst_ticks(given.cburst, ceil, device)
    return HtbClass(classid, parent, rate, ceil, burst, cburst, given.priority or 0, given.quantum or quantum)


@contextmanager
def _named(option: str) -> Iterator[None]:
    """Gives the option of an error this name."""
    try:
        yield
    except OptionError as error:
        raise OptionError(option, error.value, error.problem) from None


def _quanta(classes: Mapping[str, ShapingClass], device: Device) -> dict[str, int]:
    """Returns the quantum of each class in bytes: spare bandwidth is shared by it, and so in the ratio of the rates."""
    rates = {name: units.bytes_per_second(each.rate or "") for name, each in classes.items()}
    siblings: dict[str, list[int]] = {}
    for name, each in classes.items():
        siblings.setdefault(each.parent or TOP, []).append(rates[name])
    ends = {parent: (min(held), max(held)) for parent, held in siblings.items()}
    found = {}
    for name, each in classes.items():
        least, most = ends[each.parent or TOP]
        small = rates[name] * _QUANTUM[0] * device.frame // least
        large = rates[name] * _QUANTUM[1] // most
        found[name] = max(device.frame, min(small, large))
    return found


# -- queues of classes -----------------------------------------------------------------------------------------------------


def _leaf_spec(queue: Optional[Queue], impair: Optional[Impair], device: Device) -> Optional[Qdisc]:
    if impair is not None:
        with under("impair"):
            distribution = impair.distribution or ""
            return Qdisc(0, 0, "netem", impair_values(impair), "" if distribution == "uniform" else distribution)
    if queue is not None:
        with under("queue"):
            return Qdisc(0, 0, queue.kind or "", queue_values(queue, device))
    return None


def _leaves(
    side: Side, classes: Mapping[str, ShapingClass], minors: Mapping[str, int], current: Tree, device: Device
) -> tuple[Qdisc, ...]:
    found = []
    specs = {TOP: _leaf_spec(side.queue, side.impair, device)}
    for place, (name, each) in enumerate(classes.items()):
        with under(f"classes[{place}]"):
            specs[name] = _leaf_spec(each.queue, each.impair, device)
    for name, spec in specs.items():
        if spec is None:
            continue
        parent = HANDLE | minors[name]
        desired = replace(spec, parent=parent, handle=minors[name] << 16)
        former = current.leaf_of.get(parent)
        if former is not None:
            handle = former.handle if changeable(former, desired) else former.handle ^ (ANEW << 16)
            desired = replace(desired, handle=handle)
        found.append(desired)
    return tuple(found)


def changeable(former: Qdisc, desired: Qdisc) -> bool:
    """Returns whether the kernel can change a queueing discipline in place."""
    if former.kind != desired.kind or (former.distribution and former.distribution != desired.distribution):
        return False
    before, after = former.held, desired.held
    return all(before.get(name) == after.get(name) for name in REMADE.get(former.kind, ()))
