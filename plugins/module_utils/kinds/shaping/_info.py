# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shapings as the ``_info`` module returns them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Optional

from ...contract import Host, World
from ...errors import VirtnetError
from ...model.fields import to_options
from ...model.shaping.numbers.resolve import TOP, Named
from ...model.shaping.numbers.show import class_names, ingress_of, side_of
from ...model.shaping.numbers.tree import handle_text
from ...model.shaping.observed import ShapingState, ifb_name
from ...model.shaping.options import Shaping, Side
from ...model.shaping.plan import ShapingFacts, plan_shaping
from ...model.shaping.steps import Counters, RawTree, ShapingDriver
from ...persist.device.shapings import PART, read_shaping
from ...persist.device.steps import StoredSettings


def describe_shaping(host: Host, names: Optional[Sequence[str]]) -> list[dict[str, object]]:
    """Returns the shapings of these interfaces, ``None`` for those of all that a shaping was declared for."""
    driver = host.driver(ShapingDriver)
    if names is None:
        names = host.driver(StoredSettings).devices(PART)
    return [_described(host, driver, name) for name in names if driver.link(name) is not None]


def _described(host: Host, driver: ShapingDriver, device: str) -> dict[str, object]:
    raw = driver.tree(device)
    state = read_shaping(host, device, raw)
    through = driver.tree(ifb_name(device)) if state.ifb else RawTree()
    egress, ingress = side_of(state.egress.named), ingress_of(state)
    sides = (("egress", egress, state.egress.named, raw), ("ingress", ingress, state.ingress.named, through))
    definition: dict[str, object] = {"device": device}
    counters: dict[str, object] = {}
    for name, side, named, held in sides:
        if side is not None:
            definition[name] = to_options(side)
            counters[name] = _counters(named, held)
    return {
        "name": device,
        "definition": definition,
        "persist": state.memory is not None and state.memory.persist,
        "counters": counters,
        "problems": _problems(host, state),
        "others": [each for each in (state.egress.foreign, state.ingress.foreign) if each],
    }


def _counters(named: Named, raw: RawTree) -> list[dict[str, object]]:
    """Returns what has passed each class, by the name of the class; a root without classes has no name."""
    tree = named.tree
    names = class_names(named)
    ids = list(names) or ([tree.root.handle] if tree.root else [])
    found = []
    for each in ids:
        leaf = tree.leaf_of.get(each)
        held = raw.counters.get(each, Counters())
        waiting = raw.counters.get(leaf.handle, held) if leaf else held
        drops = max(held.drops, waiting.drops)
        shown = {**dataclasses.asdict(held), "drops": drops}
        shown["backlog_bytes"] = max(held.backlog_bytes, waiting.backlog_bytes)
        shown["backlog_packets"] = max(held.backlog_packets, waiting.backlog_packets)
        found.append({"class": names.get(each, TOP), "classid": handle_text(each), **shown})
    return found


def _problems(host: Host, state: ShapingState) -> list[str]:
    """Returns how the interface differs from what was declared for it, as the steps that would restore that."""
    if state.memory is None:
        return []
    declared = state.memory.declared
    given = Shaping(device=state.device, egress=declared.egress or Side(), ingress=declared.ingress or Side())
    try:
        plan = plan_shaping(given, state, ShapingFacts(World(host)), present=True, link=state.link)
    except VirtnetError as error:
        return [str(error)]
    return [f"not as declared: {step.words}" for step in plan.steps]
