# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A shaping in the structure of the options, from what the kernel has. Pure."""

from __future__ import annotations

from typing import Optional

from ...fields import to_options
from ..observed import ShapingState
from ..options import Filter, Impair, Police, Queue, ShapingClass, Side
from . import units
from .filters import shown_filter
from .impairments import impair_of
from .queues import queue_of
from .resolve import TOP, Named
from .tree import REST, HtbClass, PoliceAt, Qdisc, ToClass


def class_names(named: Named) -> dict[int, str]:
    """Returns the names of the classes of a tree by their ids; one that isn't known by a name has one of its number."""
    by_minor = {number: name for name, number in named.minors.items()}
    order = {number: place for place, number in enumerate(named.minors.values())}
    ids = sorted(named.tree.by_id, key=lambda each: (order.get(each & 0xFFFF, len(order)), each))
    return {each: by_minor.get(each & 0xFFFF, f"class-{each & 0xFFFF:x}") for each in ids}


def side_of(named: Named) -> Optional[Side]:
    """Returns the options of a tree; ``None`` for none."""
    tree = named.tree
    if not tree:
        return None
    if tree.root is not None and tree.root.kind != "htb":
        queue, impair = _leaf(tree.root)
        return Side(queue=queue, impair=impair)
    names = class_names(named)
    classes = tree.by_id
    top = next((each for each in classes.values() if names[each.classid] == TOP), None)
    rest = next((entry.target for entry in tree.filters if entry.priority == REST), None)
    default = names.get(rest.classid, "") if isinstance(rest, ToClass) else ""
    queue, impair = _leaf(tree.leaf_of.get(top.classid) if top else None)
    shown = _class(top, names, queue, impair) if top else ShapingClass()
    return Side(
        rate=shown.rate,
        ceil=shown.ceil,
        burst=shown.burst,
        cburst=shown.cburst,
        default=default or None,
        classes=tuple(
            _class(classes[each], names, *_leaf(tree.leaf_of.get(each))) for each in names if names[each] != TOP
        )
        or None,
        filters=_filters(named, names) or None,
        queue=queue,
        impair=impair,
    )


def _class(each: HtbClass, names: dict[int, str], queue: Optional[Queue], impair: Optional[Impair]) -> ShapingClass:
    return ShapingClass(
        name=names[each.classid],
        parent=names.get(each.parent) or None,
        rate=units.rate_text(each.rate),
        ceil=units.rate_text(each.ceil),
        burst=units.size_text(units.bytes_in(each.burst, each.rate)),
        cburst=units.size_text(units.bytes_in(each.cburst, each.ceil)),
        priority=each.priority,
        quantum=each.quantum,
        queue=queue,
        impair=impair,
    )


def _leaf(qdisc: Optional[Qdisc]) -> tuple[Optional[Queue], Optional[Impair]]:
    if qdisc is None:
        return None, None
    if qdisc.kind == "netem":
        return None, impair_of(qdisc.held, qdisc.distribution)
    return queue_of(qdisc.kind, qdisc.held), None


def _filters(named: Named, names: dict[int, str]) -> tuple[Filter, ...]:
    found = []
    by_priority: dict[int, list[int]] = {}
    filters = named.tree.filters
    for place, entry in enumerate(filters):
        if entry.priority != REST:
            by_priority.setdefault(entry.priority, []).append(place)
    for _priority, places in sorted(by_priority.items()):
        target = filters[places[0]].target
        name = names.get(target.classid, "") if isinstance(target, ToClass) else ""
        found.append(shown_filter([filters[place].match for place in places], name or "unknown"))
    return tuple(found)


def ingress_of(state: ShapingState) -> Optional[Side]:
    """Returns the options of what comes in."""
    target = state.entering.target if state.entering else None
    if isinstance(target, PoliceAt):
        burst = units.size_text(units.bytes_in(target.burst, target.rate))
        return Side(police=Police(rate=units.rate_text(target.rate), burst=burst))
    return side_of(state.ingress.named) if target is not None else None


def shown(state: ShapingState) -> dict[str, object]:
    """Returns a shaping in the structure of the options."""
    egress, ingress = side_of(state.egress.named), ingress_of(state)
    found: dict[str, object] = {"device": state.device}
    for name, side in (("egress", egress), ("ingress", ingress)):
        if side is not None:
            found[name] = to_options(side)
    found["state"] = "present" if egress or ingress else "absent"
    return found
