# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the settings of a device to steps. Pure.

What was there before the first change is remembered, so that it can be given back: with the declared settings in the file of the
device, which is for this device only, or, if it is persistent, for all devices of that name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Optional

from ...errors import OptionError
from .options import GROUPS, Settings, Value
from .steps import ApplySettings, Device
from .validate import expanded


@dataclass(frozen=True)
class Memory:
    """What tasks have declared of a device, and the values that these settings had before."""

    declared: Settings = field(default_factory=dict)
    prior: Settings = field(default_factory=dict)
    persist: bool = False
    birth: str = ""

    def holds(self, device: Optional[Device]) -> bool:
        """Returns whether this is of the device, and not of one that had its name."""
        return self.persist or (device is not None and device.birth == self.birth)


@dataclass(frozen=True)
class Planned:
    """The way to the desired settings: steps, and what is remembered then; ``values`` are the settings that are predicted.

    ``pending`` are the groups that can't be applied yet, as the device is down or not there.
    """

    steps: tuple[ApplySettings, ...]
    memory: Optional[Memory]
    values: Settings
    pending: tuple[str, ...] = ()


def merged(former: Settings, given: Settings) -> dict[str, dict[str, Value]]:
    """Returns what is declared. An empty group that is given removes that group; one that is a list for users is replaced."""
    found = {group: dict(former.get(group, {})) for group in GROUPS}
    for group, values in given.items():
        found[group] = {**found[group], **values} if values and group != "irq_affinity" else dict(values)
    return {group: values for group, values in found.items() if values}


def plan_settings(
    name: str, device: Optional[Device], memory: Optional[Memory], given: Settings, persist: Optional[bool]
) -> Planned:
    """Plans the settings of a device; ``given`` are those of the task. Raises `OptionError`."""
    former = memory if memory is not None and memory.holds(device) else Memory()
    declared = merged(former.declared, given)
    kept = former.persist if persist is None else persist
    if device is None:
        if not kept:
            raise OptionError(
                "device",
                name,
                "is no interface of this host; create it first, or use persist=true to set it when it is created",
            )
        return Planned((), Memory(declared, former.prior, True) if declared else None, {}, tuple(declared))
    desired = expanded(declared, device)
    prior = _prior(former.prior, desired, device)
    given_back = _given_back(former.prior, desired)
    wanted = {group: {**given_back.get(group, {}), **desired.get(group, {})} for group in GROUPS}
    steps = tuple(_changes(name, device, wanted, given_back))
    remembered = Memory(declared, prior, kept, "" if kept else device.birth)
    values = {group: {**found, **wanted.get(group, {})} for group, found in device.settings.items()}
    pending = tuple(group for group in declared if group == "irq_affinity" and not desired.get(group))
    return Planned(steps, remembered if declared else None, values, pending)


def plan_absence(name: str, device: Optional[Device], memory: Optional[Memory]) -> Planned:
    """Plans the way back to what was there before."""
    if device is None or memory is None or not memory.holds(device):
        return Planned((), None, device.settings if device else {})
    return Planned(
        tuple(_changes(name, device, memory.prior, memory.prior)),
        None,
        {group: {**found, **memory.prior.get(group, {})} for group, found in device.settings.items()},
    )


def _prior(former: Settings, desired: Settings, device: Device) -> dict[str, dict[str, Value]]:
    """Returns the values before the first change of what is changed."""
    found: dict[str, dict[str, Value]] = {}
    for group, values in desired.items():
        if values:
            set_to = device.set_to(group)
            before = {**set_to, **former.get(group, {})}
            found[group] = {name: before[name] for name in values if name in set_to}
    return found


def _given_back(former: Settings, desired: Settings) -> dict[str, dict[str, Value]]:
    """Returns the prior values of what was declared and isn't any more."""
    return {
        group: {name: value for name, value in values.items() if name not in desired.get(group, {})}
        for group, values in former.items()
    }


def _changes(name: str, device: Device, wanted: Settings, restored: Settings) -> Iterator[ApplySettings]:
    """Yields the steps to values, of which those in ``restored`` need only be set, not be in use."""
    renewed = False
    for group in GROUPS:
        current, set_to = device.settings.get(group, {}), device.set_to(group)
        back = frozenset(restored.get(group, {}))
        again = renewed and group == "irq_affinity"  # these are the interrupts of other channels then
        changes = {
            each: value
            for each, value in sorted(wanted.get(group, {}).items())
            if again or (each in current and (set_to[each] != value or (each not in back and current[each] != value)))
        }
        if changes:
            was = {each: set_to[each] for each in changes if each in current}
            yield ApplySettings(name, group, changes, was, back & frozenset(changes))
        renewed = renewed or (bool(changes) and group == "channels")
