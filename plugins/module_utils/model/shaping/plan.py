# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the shaping that an interface has to the declared one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Optional

from ...contract import Facts, Plan, Step
from ...errors import OptionError, VirtnetError, under
from ..fields import canonical
from .memory import Memory
from .numbers import units
from .numbers.queues import Device, burst_ticks
from .numbers.resolve import TOP, Named, resolve
from .numbers.tree import CLSACT_INGRESS, HOOK, INGRESS, Entry, Match, PoliceAt, Qdisc, Redirect, Target, Tree
from .observed import Seen, ShapingState, ifb_name
from .options import Impair, Shaping, Side
from .steps import AddIfb, Link, Put, Remove, RemoveIfb, ShapingDriver
from .tree_plan import TreePlanner
from .validate import check_netem, check_side, impairments, kinds_needed, merged

_HOOK_PARENT = 0xFFFFFFF1  # TC_H_INGRESS of linux/pkt_sched.h
_WORDS = {"netem_seed": "netem with a seed"}
_MANY = 1000  # filters; each packet passes them one by one


class ShapingFacts(Facts):
    """What the host says when something has to be created on it."""

    @property
    def driver(self) -> ShapingDriver:
        return self.host.driver(ShapingDriver)


@dataclass(frozen=True)
class _Direction:
    """What becomes of one direction."""

    after: Seen
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_shaping(
    given: Shaping,
    current: ShapingState,
    facts: ShapingFacts,
    *,
    present: bool,
    link: Optional[Link],
    persist: Optional[bool] = None,
) -> Plan[ShapingState]:
    """Plans the shaping of an interface, without the file that remembers it.

    ``link`` is the interface as it is then; ``persist`` is whether the shaping is applied whenever the interface is created,
    ``None`` for as before. Raises `OptionError` and `VirtnetError`.
    """
    device = given.device or ""
    memory = current.memory or Memory(Shaping(device=device))
    declared = _without_empty(merged(memory.declared, given)) if present else Shaping(device=device)
    keeps = memory.persist if persist is None else persist
    if link is None:
        return _plan_without(given, declared, current, replace(memory, persist=keeps), present=present)
    egress = ingress = None
    size = Device(link.mtu)
    if not present or given.egress is not None:
        with under("egress"):
            egress = _egress(declared.egress or Side(), current, memory, size, facts)
    if not present or given.ingress is not None:
        with under("ingress"):
            ingress = _Ingress(declared.ingress or Side(), current, size, facts)
    after = current
    steps: list[Step] = []
    warnings: list[str] = []
    if egress is not None:
        steps += egress.steps
        warnings += egress.warnings
        after = replace(after, egress=egress.after)
    if ingress is not None:
        steps += ingress.steps()
        warnings += ingress.warnings
        after = ingress.after(after)
    return Plan(
        tuple(steps), replace(after, memory=_kept(declared, current, memory, after, keeps, not steps)), tuple(warnings)
    )


def _kept(
    declared: Shaping, current: ShapingState, memory: Memory, after: ShapingState, persist: bool, unchanged: bool
) -> Optional[Memory]:
    """Returns what is remembered afterwards."""
    if declared.egress is None and declared.ingress is None:
        return None
    minors = {
        name: each.named.minors if each.named.minors else memory.minors.get(name, {})
        for name, each in (("egress", after.egress), ("ingress", after.ingress))
        if getattr(declared, name) is not None
    }
    root = (memory.root or current.egress.plain) if declared.egress is not None else ""
    hook = memory.hook if current.memory and memory.declared.ingress else current.hook
    kept = Memory(declared, minors, root, hook if declared.ingress is not None else "", persist)
    return current.memory if unchanged and _same(current.memory, kept) else kept


def _same(former: Optional[Memory], kept: Memory) -> bool:
    """Returns whether what is remembered means the same for the kernel. What is said in other words isn't a change: so the
    definition that is read from the kernel can be given again."""
    if former is None or (former.root, former.hook, former.persist) != (kept.root, kept.hook, kept.persist):
        return False
    sides = [(each.declared.egress is None, each.declared.ingress is None) for each in (former, kept)]
    return sides[0] == sides[1] and former.others()["minors"] == kept.others()["minors"]


def _plan_without(
    given: Shaping, declared: Shaping, current: ShapingState, memory: Memory, *, present: bool
) -> Plan[ShapingState]:
    """Plans what can be planned while there is no such interface: what is remembered."""
    if not present:
        things = tuple(current.ingress.tree.things())
        left = (RemoveIfb(ifb_name(current.device), current.device, things),) if current.ifb else ()
        return Plan(left, replace(current, memory=None, ifb=False, ingress=Seen()))
    if (given.egress or given.ingress) and not memory.persist:
        raise OptionError("device", given.device, "is no interface of this host; create it first")
    for name in ("egress", "ingress"):
        with under(name):
            side = getattr(declared, name) or Side()
            check_side(side, ingress=name == "ingress")
            check_netem(side)
            resolve(side, Named(Tree(), {}), Device(), shared=False, marks=name == "egress")
    kept = replace(memory, declared=declared) if declared.egress or declared.ingress else None
    return Plan((), replace(current, memory=current.memory if kept == current.memory else kept))


def _without_empty(declared: Shaping) -> Shaping:
    """Returns the options without empty values. Raises `OptionError` where one is needed."""
    found = canonical(declared)
    for name in ("egress", "ingress"):
        side: Optional[Side] = getattr(found, name)
        for place, each in enumerate(side.classes or () if side else ()):
            for needed in ("name", "rate"):
                if getattr(each, needed) is None:
                    raise OptionError(f"{name}.classes[{place}].{needed}", None, "is empty; give a value")
    return found


# -- egress ----------------------------------------------------------------------------------------------------------------


def _egress(side: Side, current: ShapingState, memory: Memory, size: Device, facts: ShapingFacts) -> _Direction:
    check_side(side, ingress=False)
    check_netem(side)
    seen = current.egress
    if side == Side() and seen.foreign:
        return _Direction(seen)
    if seen.foreign:
        _refuse_bandwidth(current.device, "egress", facts)
        problem = f"has a shaping that isn't of this module ({seen.foreign}); remove that first"
        raise VirtnetError(f"{current.device} {problem}")
    named = _known(seen.named, side)
    desired = resolve(side, named, size, shared=seen.shared, marks=True)
    if seen.shared and side != Side() and side.rate is None:
        problem = "is missing; the root is libvirt's, so that only classes are possible"
        raise OptionError("rate", None, problem)
    plain = memory.root or seen.plain
    planner = TreePlanner(current.device, f"egress of {current.device}", named, desired, plain)
    steps = tuple(planner.steps())
    if steps and side != Side():
        _refuse_bandwidth(current.device, "egress", facts)
        _check_kernel(side, facts, *(["cls_u32"] if side.rate is not None else []))
    after = replace(seen, named=desired, plain=seen.plain if desired.tree else plain)
    if seen.shared and not desired.tree:
        after = replace(after, named=Named(Tree(seen.tree.root, True), {}))
    return _Direction(after, steps, (*planner.warnings, *_many(side)))


def _known(named: Named, side: Side) -> Named:
    """Returns a tree with names for its classes. Where the file with them is lost, the declared ones are taken in order."""
    minors = dict(named.minors)
    there = sorted(each.classid & 0xFFFF for each in named.tree.classes)
    if len(minors) <= 1 and TOP in minors:
        lost = [number for number in there if number not in minors.values()]
        names = [each.name or "" for each in side.classes or ()]
        minors.update(zip(names, lost))
    return Named(named.tree, minors)


def _many(side: Side) -> list[str]:
    count = len(side.filters or ())
    if count <= _MANY:
        return []
    return [f"{count} filters are checked one by one for each packet; match networks instead of single addresses"]


def _refuse_bandwidth(device: str, direction: str, facts: ShapingFacts) -> None:
    found = facts.driver.bandwidth(device)
    if found is not None and getattr(found, direction):
        words = {"egress": "inbound", "ingress": "outbound"}[direction]
        raise VirtnetError(
            f"{device} {direction} is shaped by libvirt, by the {words} bandwidth of {found.owner}; remove that first"
        )


def _check_kernel(side: Side, facts: ShapingFacts, *others: str) -> None:
    needed = dict.fromkeys((*kinds_needed(side), *((kind, "") for kind in others)))
    lacking = set(facts.driver.lacking([kind for kind, _path in needed]))
    for kind, path in needed:
        if kind in lacking:
            word = _WORDS.get(kind, kind.partition("_")[2] if kind.startswith(("cls_", "act_")) else kind)
            problem = f"needs {word}, which this kernel doesn't have; leave it out, or boot a kernel that has it"
            raise OptionError(path, None, problem)
    for path, impair in impairments(side):
        _check_distribution(path, impair, facts)


def _check_distribution(path: str, impair: Impair, facts: ShapingFacts) -> None:
    name = impair.distribution
    if name and name != "uniform" and not facts.driver.distribution(name):
        problem = "has no table on this host; install iproute2, which has it, or leave it out"
        raise OptionError(f"{path}.distribution", name, problem)


# -- ingress ---------------------------------------------------------------------------------------------------------------


class _Ingress:
    """What becomes of what comes in: a filter sends it through an interface of ours, which has the tree, or drops a part."""

    def __init__(self, side: Side, current: ShapingState, size: Device, facts: ShapingFacts) -> None:
        check_side(side, ingress=True)
        check_netem(side)
        self._current = current
        self._side = side
        self._ifb = ifb_name(current.device)
        self.warnings: list[str] = []
        device = current.device
        if side != Side() and current.ingress.foreign:
            raise VirtnetError(f"{device} ingress {current.ingress.foreign}; remove that first")
        tree_side = Side() if side.police is not None else side
        self._named = _known(current.ingress.named, tree_side)
        self._desired = resolve(tree_side, self._named, size, shared=False, marks=False)
        self._target: Optional[Target] = Redirect(self._ifb) if self._desired.tree else None
        if side.police is not None:
            rate = units.bytes_per_second(side.police.rate or "")
            with under("police"):
                self._target = PoliceAt(rate, burst_ticks(side.police.burst, rate, size))
        self._planner = TreePlanner(self._ifb, f"ingress of {device}", self._named, self._desired)
        self._hook = current.hook or "ingress"
        parent = CLSACT_INGRESS if self._hook == "clsact" else INGRESS
        self._entry = Entry(parent, HOOK, Match(), self._target) if self._target else None
        self._steps = tuple(self._planned())
        if self._steps and side != Side():
            _refuse_bandwidth(device, "ingress", facts)
            through = () if side.police is not None else ("act_mirred", "ifb")
            _check_kernel(side, facts, "ingress", "cls_u32", *through)

    def steps(self) -> tuple[Step, ...]:
        return self._steps

    def _planned(self) -> Iterator[Step]:
        current, device = self._current, self._current.device
        steps = tuple(self._planner.steps()) if self._desired.tree else ()
        if steps or self._desired.tree:
            self.warnings += [*self._planner.warnings, *_many(self._side)]
        if self._desired.tree and not current.ifb:
            yield AddIfb(self._ifb, device)
        yield from steps
        qdisc = Qdisc(INGRESS, _HOOK_PARENT, "ingress")
        if self._entry is not None and not current.hook:
            yield Put(device, qdisc, None, f"create ingress on {device}")
        if self._entry is not None and current.entering != self._entry:
            verb = "create" if current.entering is None else "change"
            words = f"{verb} the filter of what comes in by {device}"
            former = current.entering
            entry = self._entry if former is None else replace(self._entry, handle=former.handle)
            yield Put(device, entry, former, words)
        if self._entry is None and current.entering is not None:
            if self._takes_hook():
                yield Remove(device, qdisc, (current.entering,), f"remove ingress from {device}")
            else:
                yield Remove(device, current.entering, (), f"remove the filter of what comes in by {device}")
        elif self._entry is None and current.hook and self._takes_hook():
            yield Remove(device, qdisc, (), f"remove ingress from {device}")
        if not self._desired.tree and current.ifb:
            yield RemoveIfb(self._ifb, device, tuple(current.ingress.tree.things()))

    def _takes_hook(self) -> bool:
        """Returns whether the queueing discipline for what comes in is ours, and so is removed."""
        current = self._current
        memory = current.memory
        return (
            current.hook == "ingress"
            and not current.others
            and memory is not None
            and memory.declared.ingress is not None
            and not memory.hook
        )

    def after(self, state: ShapingState) -> ShapingState:
        hook = state.hook
        if self._entry is not None:
            hook = self._hook
        elif hook and self._takes_hook():
            hook = ""
        return replace(
            state,
            ingress=Seen(self._desired),
            ifb=bool(self._desired.tree),
            hook=hook,
            entering=self._entry,
        )
