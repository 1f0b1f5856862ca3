# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between an interface that there is and a desired one: what must be set, and what takes another interface."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar, Union

from ..fields import shapes
from .normal import PARTS, QOS_MAPS
from .options import Interface, Ipv6, LinuxBridge, Port, QosMap

I = TypeVar("I", bound=Interface)  # noqa: E741
Settings = Union[Interface, Port, Ipv6]


def recreating_options(current: Interface, desired: Interface) -> tuple[str, ...]:
    """Returns the options that differ and can't be changed in place, so that the interface has to be created again."""
    if type(current) is not type(desired):
        return ("name",)
    traits = desired.traits
    names = (*traits.identity, *(name for name in traits.cannot_unset if getattr(desired, name) is None))
    fixed = [name for name, value in traits.fixed_values if value in (getattr(current, name), getattr(desired, name))]
    return tuple(name for name in (*names, *fixed) if getattr(current, name) != getattr(desired, name))


def creation_settings(definition: I) -> I:
    """Returns what a new interface is created with; the rest has steps of its own."""
    names = {*PARTS, "up"}
    if isinstance(definition, LinuxBridge):
        # an MTU that is set on a bridge that exists doesn't change with its ports, unlike one that it is created with
        names.add("mtu")
    fields: dict[str, Any] = {shape.name: None for shape in shapes(type(definition)) if shape.name in names}
    return replace(definition, **fields)


def changed_settings(current: Settings, desired: Settings) -> dict[str, Any]:
    """Returns the desired settings that differ, each with a value, also where it is the default."""
    changes: dict[str, Any] = {}
    for shape in shapes(type(desired)):
        name = shape.name
        old, new = getattr(current, name, None), getattr(desired, name)
        if name in ("name", *PARTS) or old == new or (new is None and shape.meta["host_chosen"]):
            continue
        if name in QOS_MAPS:
            changes[name] = _changed_entries(name, old or (), new or ())
        elif new is not None or shape.meta["absent"] is not None:
            changes[name] = shape.meta["absent"] if new is None else new
    return changes


def _changed_entries(name: str, current: tuple[QosMap, ...], desired: tuple[QosMap, ...]) -> tuple[QosMap, ...]:
    """Returns entries to add; one of value 0 removes (vlan_dev_set_ingress_priority, vlan_dev_set_egress_priority)."""
    key, value = QOS_MAPS[name]
    kept = {getattr(entry, key) for entry in desired}
    cleared: list[QosMap] = []
    for entry in current:
        if getattr(entry, key) not in kept:
            zero: dict[str, Any] = {value: 0}
            cleared.append(replace(entry, **zero))
    return (*cleared, *(entry for entry in desired if entry not in current))
