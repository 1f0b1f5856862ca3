# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shaping of an interface with the file that remembers it, which is also what is applied whenever the interface is created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional, cast

from ...contract import Host, Plan
from ...model.shaping.memory import Memory
from ...model.shaping.memory import recalled as recalled_memory
from ...model.shaping.observed import Seen, ShapingState, entering, ifb_alias, ifb_name, polices, seen
from ...model.shaping.options import Shaping
from ...model.shaping.plan import ShapingFacts, plan_shaping
from ...model.shaping.steps import Link, RawTree, ShapingDriver
from .service import need_fixed_name, recalled, stored_text
from .steps import StoredSettings, StoreSettings

PART = "shaping"


def memory_in(text: Optional[str]) -> Optional[Memory]:
    """Returns what a file remembers; ``None`` where there is none, or it can't be read."""
    return recalled_memory(cast(Mapping[str, Any], recalled(text)))


def memory_text(memory: Memory) -> str:
    """Returns the text of the file."""
    return stored_text(memory.options(), persist=memory.persist, **memory.others())


def read_shaping(host: Host, device: str, raw: Optional[RawTree] = None) -> ShapingState:
    """Returns the shaping that an interface has. Raises `HostError`."""
    driver, stored = host.driver(ShapingDriver), host.driver(StoredSettings)
    text = stored.text(PART, device)
    memory = memory_in(text)
    kept = ShapingState(device, None, memory, text, intact=stored.intact(PART), udev=stored.runs())
    link = driver.link(device)
    through = driver.link(ifb_name(device))
    ingress = Seen()
    if through is not None and through.alias != ifb_alias(device):
        ingress = Seen(foreign=f"needs {through.name}, which is another interface")
        through = None
    elif through is not None:
        ingress = seen(driver.tree(through.name), memory, "ingress")
    kept = replace(kept, ingress=ingress, ifb=through is not None)
    if link is None:
        return kept
    raw = raw or driver.tree(device)
    if polices(raw):
        ingress = replace(
            ingress, foreign="is limited by libvirt, for the outbound bandwidth of a guest NIC or a network"
        )
    ours, others = entering(raw, device)
    return replace(
        kept,
        link=link,
        egress=seen(raw, memory, "egress"),
        ingress=ingress,
        hook=raw.hook,
        entering=ours,
        others=others,
    )


def plan_stored(
    given: Shaping,
    current: ShapingState,
    facts: ShapingFacts,
    *,
    present: bool,
    link: Optional[Link],
    persist: Optional[bool] = None,
) -> Plan[ShapingState]:
    """Plans as `plan_shaping`, and the file: it is written before the rest, and removed after it."""
    device = given.device or ""
    if present and persist:
        need_fixed_name(device)
    plan = plan_shaping(given, current, facts, present=present, link=link, persist=persist)
    memory = plan.after.memory
    text = current.text if memory is current.memory and memory is not None else memory_text(memory) if memory else None
    kept = memory is not None and memory.persist
    after = replace(plan.after, text=text, intact=True)
    warnings = (*plan.warnings, *(_warnings(current, link) if kept else ()))
    if text == current.text and (current.intact or not kept):
        return replace(plan, after=after, warnings=warnings)
    store = StoreSettings(PART, device, text, current.text)
    steps = (store, *plan.steps) if text is not None else (*plan.steps, store)
    return replace(plan, steps=steps, after=after, warnings=warnings)


def _warnings(current: ShapingState, link: Optional[Link]) -> tuple[str, ...]:
    device = current.device
    if not current.udev:
        return (f"{device}: its shaping is not applied again when it is created, as no udev runs on this host",)
    if link is None:
        return (f"{device}: there is no such interface now; its shaping is checked and applied when it is created",)
    return ()
