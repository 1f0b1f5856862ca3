# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has of a shaping: which part of what the kernel has is ours, and by which names. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Optional

from .memory import Memory
from .numbers.resolve import TOP, Named
from .numbers.tree import (
    FIRST,
    HANDLE,
    HOOK,
    LOWEST_PRIORITY,
    TOPS,
    Entry,
    HtbClass,
    Qdisc,
    Redirect,
    Tree,
    handle_text,
    values,
)
from .options import Impair, Side
from .steps import Link, RawTree

_LIBVIRT_DEFAULT = 2  # the default of the root that libvirt creates (virNetDevBandwidthSet)
_LIBVIRT_POLICE = 0xC000  # the priority of its filter for what comes in
_IFB = "ifb-"
_LONGEST = 15


@dataclass(frozen=True)
class Seen:
    """One direction: our tree, and what is there instead of it that isn't ours. ``plain`` is an own kind of root without a
    queue, which is restored when ours is removed."""

    named: Named = field(default_factory=lambda: Named(Tree(), {}))
    foreign: str = ""
    plain: str = ""
    shared: bool = False

    @property
    def tree(self) -> Tree:
        return self.named.tree


@dataclass(frozen=True)
class ShapingState:
    """The shaping of an interface; ``link`` is ``None`` where there is no such interface.

    ``entering`` is our filter for what comes in, below the queueing discipline ``hook``; ``others`` says whether there are
    filters of others, too. ``intact`` and ``udev`` are whether the service that applies stored settings is as it should be, and
    whether this host has udev, which starts it.
    """

    device: str
    link: Optional[Link] = None
    memory: Optional[Memory] = None
    text: Optional[str] = None
    egress: Seen = field(default_factory=Seen)
    ingress: Seen = field(default_factory=Seen)
    ifb: bool = False
    hook: str = ""
    entering: Optional[Entry] = None
    others: bool = False
    intact: bool = True
    udev: bool = True


def ifb_name(device: str) -> str:
    """Returns the name of the interface through which what comes in is sent."""
    name = f"{_IFB}{device}"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(device.encode()).hexdigest()[:5]
    return f"{_IFB}{device[:5]}.{digest}"


def ifb_alias(device: str) -> str:
    """Returns the alias of that interface, by which it is known as ours."""
    return f"virtnet.kvm {device}"


def seen(raw: RawTree, memory: Optional[Memory], side_name: str) -> Seen:
    """Returns our tree among what an interface has."""
    side: Optional[Side] = getattr(memory.declared, side_name) if memory else None
    minors = dict(memory.minors.get(side_name, {})) if memory else {}
    root = raw.root
    if root is None or root.kind == "noqueue":
        return Seen(plain="noqueue" if root is not None and root.handle else "")
    if root.kind == "htb" and root.handle == HANDLE:
        ours = [each for each in raw.classes if _is_ours(each)]
        others = [each for each in raw.classes if not _is_ours(each)]
        shared = raw.default == _LIBVIRT_DEFAULT
        top = next((each for each in ours if each.classid & 0xFFFF in TOPS and each.parent == HANDLE), None)
        if not others and (shared or top or (side and side.rate)):
            return Seen(Named(*_tree(raw, root, ours, side, minors, shared=shared)), shared=shared)
        if any(each.classid & 0xFFFF < TOPS[-1] for each in others):
            return Seen(foreign="htb 1:, which libvirt creates for the bandwidth of a guest NIC or a network")
    elif root.handle == HANDLE and side is not None and side.rate is None:
        kind = "netem" if side.impair is not None else side.queue.kind if side.queue is not None else ""
        if kind == root.kind:
            return Seen(Named(Tree(_settled(root, side.impair)), {}))
    return Seen(foreign=f"{root.kind} {handle_text(root.handle)}")


def _is_ours(each: HtbClass) -> bool:
    minor = each.classid & 0xFFFF
    return minor in TOPS or minor >= FIRST


def _tree(
    raw: RawTree, root: Qdisc, ours: Iterable[HtbClass], side: Optional[Side], minors: dict[str, int], *, shared: bool
) -> tuple[Tree, Mapping[str, int]]:
    classes = tuple(ours)
    there = {each.classid & 0xFFFF for each in classes}
    known = {number for number in minors.values() if number in there}
    lost = sorted(there - known)
    if lost and TOP not in minors and lost[0] in TOPS:
        minors[TOP] = lost[0]
    impairs = {each.name: each.impair for each in side.classes or ()} if side else {}
    names = {number: name for name, number in minors.items()}
    impairs[TOP] = side.impair if side else None
    ids = {each.classid for each in classes}
    leaves = tuple(
        _settled(queue, impairs.get(names.get(queue.parent & 0xFFFF, "")))
        for queue in raw.queues
        if queue.parent in ids
    )
    filters = tuple(entry for entry in raw.filters if entry.priority >= LOWEST_PRIORITY)
    return Tree(root, shared, classes, leaves, filters), minors


def _settled(queue: Qdisc, impair: Optional[Impair]) -> Qdisc:
    """Returns netem with the distribution that it was given, and without a seed that the kernel has chosen."""
    if queue.kind != "netem":
        return queue
    held = queue.held
    if impair is None or impair.seed is None:
        held.pop("seed", None)
    distribution = (impair.distribution if impair else None) or ""
    return replace(queue, values=values(held), distribution="" if distribution == "uniform" else distribution)


def cleared(state: ShapingState) -> ShapingState:
    """Returns the shaping of an interface that has lost its queueing disciplines, except for those that libvirt sets again."""
    egress = state.egress
    if egress.shared:
        egress = replace(egress, named=Named(Tree(egress.tree.root, True), {}))
    elif not egress.foreign:
        egress = Seen()
    return replace(state, egress=egress, hook="", entering=None, others=False)


def entering(raw: RawTree, device: str) -> tuple[Optional[Entry], bool]:
    """Returns our filter for what comes in, and whether there are others."""
    ours = [each for each in raw.entering if each.priority == HOOK or each.target == Redirect(ifb_name(device))]
    return (ours[0] if ours else None), len(raw.entering) > len(ours)


def polices(raw: RawTree) -> bool:
    """Returns whether libvirt limits what comes in."""
    return raw.hook == "ingress" and any(each.priority == _LIBVIRT_POLICE for each in raw.entering)
