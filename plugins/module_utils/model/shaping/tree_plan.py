# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the tree that an interface has to the desired one: the steps, in an order that loses no packet. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Optional

from ...contract import Step
from .numbers import units
from .numbers.resolve import TOP, Named, changeable
from .numbers.show import class_names
from .numbers.tree import ROOT, Entry, HtbClass, Match, Qdisc, ToClass, Tree
from .observed import ifb_name
from .steps import Put, Remove


class TreePlanner:
    """Plans one direction of an interface. ``where`` is what it is called; ``device`` the interface that has the tree."""

    def __init__(self, device: str, where: str, current: Named, desired: Named, plain: str = "") -> None:
        self._device = device
        self._where = where
        self._current = current.tree
        self._desired = desired.tree
        self._plain = plain
        self._names = {**class_names(current), **class_names(desired)}
        self.warnings: list[str] = []
        self._replaced: set[tuple[int, Match]] = set()  # entries that become others in place

    def steps(self) -> Iterator[Step]:
        """Yields the steps; `warnings` has then what is lost by them."""
        current, desired = self._current, self._desired
        if current.root is not None and not self._root_stays():
            yield from self._remove_tree(restoring=not desired)
            current = Tree()
            if desired:
                self.warnings.append(
                    f"{self._where}: the packets that wait there are dropped, as its root is another one"
                )
        if not desired:
            return
        root = desired.root
        if root is not None and not desired.shared and current.root != root:
            verb = "create" if current.root is None else "change"
            yield Put(self._device, root, current.root, f"{verb} {root.kind} as the root of {self._where}")
        yield from self._new(current)
        yield from self._changed(current)
        yield from self._put_filters(current)
        yield from self._gone(current)

    def _root_stays(self) -> bool:
        current, desired = self._current.root, self._desired.root
        if current is None or desired is None or not self._desired:
            return False
        return changeable(current, desired) and self._current.shared == self._desired.shared

    def _remove_tree(self, *, restoring: bool) -> Iterator[Step]:
        tree = self._current
        if tree.shared:
            yield from self._gone(tree, everything=True)
            return
        things = tuple(tree.things())
        instead = Qdisc(0, ROOT, self._plain) if self._plain and restoring else None
        yield Remove(self._device, things[0], things[1:], f"remove the shaping of {self._where}", instead)

    # -- classes and queues ------------------------------------------------------------------------------------------------

    def _label(self, classid: int) -> str:
        name = self._names.get(classid, "")
        return f"class {name} of {self._where}" if name != TOP else f"the top class of {self._where}"

    def _new(self, current: Tree) -> Iterator[Step]:
        there, leaves = current.by_id, self._desired.leaf_of
        for each in self._desired.classes:
            if each.classid not in there:
                rate = units.rate_text(each.rate)
                yield Put(self._device, each, None, f"create {self._label(each.classid)} with rate={rate}")
                if each.classid in leaves:
                    yield self._put_leaf(leaves[each.classid], None)

    def _put_leaf(self, leaf: Qdisc, former: Optional[Qdisc]) -> Step:
        verb = "create" if former is None else "change"
        return Put(
            self._device, leaf, former, f"{verb} {leaf.kind} in {self._label(leaf.parent)}{_differing(former, leaf)}"
        )

    def _changed(self, current: Tree) -> Iterator[Step]:
        there, former, leaves = current.by_id, current.leaf_of, self._desired.leaf_of
        for each in self._desired.classes:
            if each.classid not in there:
                continue
            was, leaf, now = there[each.classid], former.get(each.classid), leaves.get(each.classid)
            if was != each:
                yield Put(self._device, each, was, f"change {self._label(each.classid)}: {_changes(was, each)}")
            if now is not None and leaf != now:
                if leaf is not None and leaf.handle != now.handle:
                    self._lost(each.classid, f"the kernel can't change {leaf.kind} to it in place")
                yield self._put_leaf(now, leaf)
            elif leaf is not None and now is None:
                self._lost(each.classid, "its queue is another one")
                words = f"remove {leaf.kind} from {self._label(each.classid)}"
                yield Remove(self._device, leaf, (), words)

    def _lost(self, classid: int, why: str) -> None:
        self.warnings.append(f"{self._label(classid)}: the packets that wait in it are dropped, as {why}")

    def _gone(self, current: Tree, *, everything: bool = False) -> Iterator[Step]:
        """Yields the removal of filters, and then of classes from the bottom."""
        desired = Tree() if everything else self._desired
        kept = {(entry.priority, entry.match) for entry in desired.filters} | self._replaced
        for entry in current.filters:
            if (entry.priority, entry.match) not in kept:
                words = f"remove a filter to {self._target(entry)}"
                yield Remove(self._device, entry, (), words)
        stay = desired.by_id
        leaves = current.leaf_of
        new = {self._names[each] for each in stay if each not in current.by_id}
        for each in reversed(_from_the_top(current)):
            if each.classid in stay:
                continue
            if self._names.get(each.classid, "") in new:
                self._lost(each.classid, "it gets another place in the tree")
            below = (leaves[each.classid],) if each.classid in leaves else ()
            yield Remove(self._device, each, below, f"remove {self._label(each.classid)}")

    # -- filters -----------------------------------------------------------------------------------------------------------

    def _target(self, entry: Entry) -> str:
        return self._label(entry.target.classid) if isinstance(entry.target, ToClass) else self._where

    def _put_filters(self, current: Tree) -> Iterator[Step]:
        there = _by_priority(current)
        for priority, entries in _by_priority(self._desired).items():
            former = there.get(priority, [])
            matches = {entry.match: entry for entry in former}
            spare = [entry for entry in former if all(entry.match != each.match for each in entries)]
            used = {entry.handle for entry in former}
            for entry in entries:
                was = matches.get(entry.match)
                if was is None:
                    was = next((each for each in spare if each.match.mask == entry.match.mask), None)
                    if was is not None and was.match.kind == entry.match.kind == "flower":
                        spare.remove(was)
                        self._replaced.add((priority, was.match))
                    else:
                        was = None
                if was == entry:
                    continue
                yield Put(self._device, _numbered(entry, was, used), was, self._filter_words(entry, was))

    def _filter_words(self, entry: Entry, was: Optional[Entry]) -> str:
        what = "the filter of all other packets" if not entry.match.mark and entry.match.kind == "u32" else "a filter"
        verb = "create" if was is None else "change"
        return f"{verb} {what} to {self._target(entry)}"


def _numbered(entry: Entry, was: Optional[Entry], used: set[int]) -> Entry:
    """Returns the entry with its number within the filter: that of the one that it replaces, or a free one."""
    number = was.handle if was is not None else next(each for each in range(1, len(used) + 2) if each not in used)
    used.add(number)
    return Entry(entry.parent, entry.priority, entry.match, entry.target, number)


def _by_priority(tree: Tree) -> Mapping[int, list[Entry]]:
    found: dict[int, list[Entry]] = {}
    for entry in tree.filters:
        found.setdefault(entry.priority, []).append(entry)
    return found


def _from_the_top(tree: Tree) -> list[HtbClass]:
    """Returns the classes, each after its parent."""
    below: dict[int, list[HtbClass]] = {}
    for each in tree.classes:
        below.setdefault(each.parent, []).append(each)
    known = tree.by_id
    found = [each for each in tree.classes if each.parent not in known]
    for each in found:
        found += below.get(each.classid, [])
    return found


def _changes(was: HtbClass, each: HtbClass) -> str:
    said = []
    for name in ("rate", "ceil"):
        if getattr(was, name) != getattr(each, name):
            said.append(f"{name}={units.rate_text(getattr(each, name))}")
    for name, rate in (("burst", each.rate), ("cburst", each.ceil)):
        if getattr(was, name) != getattr(each, name):
            said.append(f"{name}={units.size_text(units.bytes_in(getattr(each, name), rate))}")
    said += [f"{n}={getattr(each, n)}" for n in ("priority", "quantum") if getattr(was, n) != getattr(each, n)]
    return ", ".join(said)


def _differing(former: Optional[Qdisc], leaf: Qdisc) -> str:
    if former is None or former.kind != leaf.kind:
        return ""
    before, after = former.held, leaf.held
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    names += ["distribution"] if former.distribution != leaf.distribution else []
    return f": {', '.join(names)}" if names else ""


def tree_device(device: str, direction: str) -> str:
    """Returns the interface that has the tree of a direction."""
    return device if direction == "egress" else ifb_name(device)
