# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans the files by which an interface survives a reboot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Optional

from ..contract import Handler, Step
from ..model.fields import merge, without_host_chosen
from ..model.interface.desired import DesiredInterface
from ..model.interface.options import Interface, InterfaceState, LinuxBridge, Tuntap
from ..model.interface.plan import InterfacePlan, ObservedInterface
from ..persist import choose
from ..persist.choose import NONE, TOOLS, Choice
from ..persist.facts import FileFacts
from ..persist.files import Request, ToolFacts, made_for
from ..persist.steps import INTERFERING, HoldTool, ReloadTool, WriteFile


@dataclass(frozen=True)
class StoredPlan:
    """``steps`` write the files, ``held`` are steps that come before all others of the plan."""

    tool: str = NONE
    held: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    handlers: tuple[Handler, ...] = ()
    warnings: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()  # paths


def choice(desired: DesiredInterface, tools: ToolFacts) -> Choice:
    """Returns the tool that keeps the interface."""
    return choose.choose(desired.persist, tools, desired.name, desired.netns)


def while_running(desired: DesiredInterface, current: ObservedInterface, files: FileFacts) -> DesiredInterface:
    """Returns what is desired as the kernel shows it while a tool manages the interface, see `persist.files.Tool`."""
    given, tool = desired.given, choice(desired, files.tools).tool
    if tool == NONE or given.ipv6 is None:
        return desired
    same = current.definition is not None and type(current.definition) is type(given)
    base = current.definition if same and current.definition else type(given)(name=given.name)
    kept = TOOLS[tool].kept(without_host_chosen(merge(base, given), given))
    return replace(desired, given=replace(given, ipv6=kept.ipv6))


def plan_files(
    desired: DesiredInterface, plan: InterfacePlan, states: Mapping[str, InterfaceState], facts: FileFacts
) -> StoredPlan:
    """Plans the files that make the interface after a reboot what it is after the plan."""
    chosen = choice(desired, facts.tools)
    warnings = (chosen.warning,) if chosen.warning and desired.present else ()
    if chosen.tool == NONE:
        return StoredPlan(warnings=warnings)
    files = facts.read(chosen.tool)
    stored = _stored(desired, plan.after, files)
    request = Request(desired.name, stored, files, states, desired.adopt, facts.tools)
    result = choose.plan_files(chosen.tool, request)
    facts.expect(chosen.tool, result.changes)
    steps = tuple(WriteFile(chosen.tool, path, text, files.get(path)) for path, text in result.changes.items())
    interferes = bool(steps) and chosen.tool in INTERFERING
    return StoredPlan(
        tool=chosen.tool,
        held=(HoldTool(chosen.tool, desired.name),) if interferes else (),
        steps=steps,
        handlers=(ReloadTool(chosen.tool, _taken_over(desired, chosen.tool)),) if steps else (),
        warnings=(*warnings, *result.unsupported),
        touched=tuple(result.changes),
    )


def _taken_over(desired: DesiredInterface, tool: str) -> tuple[str, ...]:
    """Returns the interfaces that the tool takes over: networkd also one that a bridge gives back."""
    adopted = desired.adopt if tool == "networkd" else None
    return (desired.name, adopted) if adopted else (desired.name,)


def _stored(desired: DesiredInterface, observed: ObservedInterface, files: Mapping[str, str]) -> Optional[Interface]:
    """Returns what is kept over a reboot: what was asked for and what is there, without what the host chooses at each boot
    and without the guests' taps. Nor does a tap's file name a bridge whose own files name the tap."""
    if observed.definition is None or not desired.present:
        return None
    kept = without_host_chosen(observed.definition, desired.given)
    kept = replace(kept, ipv6=desired.given.ipv6)
    if isinstance(kept, Tuntap) and isinstance(desired.given, Tuntap) and desired.given.bridge is None:
        named = any(made_for(text) == kept.bridge and desired.name in text.split() for text in files.values())
        return replace(kept, bridge=None) if named else kept
    if not isinstance(kept, LinuxBridge) or not isinstance(desired.given, LinuxBridge):
        return kept
    given = {port.name: port for port in desired.given.ports or ()}
    ports = tuple(
        without_host_chosen(port, given.get(port.name))
        for port in kept.ports or ()
        if port.name in given or port.name not in observed.taps
    )
    mac = observed.definition.mac if desired.adopt else kept.mac
    return replace(kept, ports=ports or None, mac=mac)
