# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a network device as a run plans them, with the file that keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional, cast

from ...contract import Host, Notes, Options, Plan, Resource, Shown, Step, World
from ...errors import under
from ...model.fields import from_options, to_options
from ...model.links import LinkFacts
from ...model.nic_tuning.options import GROUPS, NicTuning, Settings, Value, affinity_of, offloads_of
from ...model.nic_tuning.plan import Memory, Planned, plan_absence, plan_settings
from ...model.nic_tuning.steps import Device, NicDriver
from ...persist.device.service import need_fixed_name, recalled, stored_text
from ...persist.device.steps import StoredSettings, StoreSettings
from ..common import interface_name
from ..device.renewal import with_handler

PART = "ethtool"


@dataclass(frozen=True)
class NicState:
    """A device on a host, what is remembered of it, and whether the service that applies it is in order."""

    device: Optional[Device] = None
    text: Optional[str] = None
    intact: bool = True
    udev: bool = True

    @property
    def memory(self) -> Optional[Memory]:
        return _remembered(self.text)


@dataclass(frozen=True)
class NicTuningResource(Resource[NicState]):
    """The settings of a network device; ``persist`` is whether they are applied at each of its births."""

    name_: str
    given: Settings
    persist: Optional[bool]
    wanted: bool
    path: str = ""

    @property
    def name(self) -> str:
        return self.name_

    @property
    def label(self) -> str:
        return f"settings of {self.name}"

    @property
    def present(self) -> bool:
        return self.wanted

    def needs(self, current: NicState) -> frozenset[str]:
        del current
        return frozenset({interface_name(None, self.name)})

    def current(self, host: Host) -> NicState:
        stored = host.driver(StoredSettings)
        return NicState(
            host.driver(NicDriver).device(self.name),
            stored.text(PART, self.name),
            stored.intact(PART),
            stored.runs(),
        )

    def plan(self, current: NicState, world: World, notes: Notes) -> Plan[NicState]:
        del notes
        memory = current.memory
        renewing = world.facts(LinkFacts).renewing(self.name) if self.wanted and current.device else ()
        with under(self.path):
            if self.wanted:
                if self.persist:
                    need_fixed_name(self.name)
                planned = plan_settings(self.name, current.device, memory, self.given, self.persist)
            else:
                planned = plan_absence(self.name, current.device, memory)
        text = _text(self.name, planned.memory)
        steps: list[Step] = list(planned.steps)
        kept = planned.memory is not None and planned.memory.persist
        if text != current.text or (kept and not current.intact):
            store = StoreSettings(PART, self.name, text, current.text)
            # what was there before is remembered before it is changed, and forgotten after it is given back
            steps = [store, *steps] if text is not None else [*steps, store]
        device = replace(current.device, settings=planned.values) if current.device else None
        warnings = self._warnings(current, planned)
        after = NicState(device, text, True, current.udev)
        plan = Plan(tuple(steps), after, tuple(warnings), returned={"pending": list(planned.pending)})
        if not renewing:
            return plan
        former = replace(self, given=memory.declared, persist=memory.persist) if memory else None
        return with_handler(plan, self, former, renewing)

    def _warnings(self, current: NicState, planned: Planned) -> list[str]:
        memory = planned.memory
        if current.device is not None and planned.pending:
            groups = ", ".join(planned.pending)
            return [f"{self.name}: {groups} isn't applied, as the device has no interrupts of queues; set it up first"]
        if memory is None or not memory.persist:
            return []
        if not current.udev:
            return [f"{self.name}: its settings are not applied again when it is created, as no udev runs on this host"]
        if current.device is None:
            return [
                f"{self.name}: there is no such device now; its settings are checked and applied when it is created"
            ]
        return []

    def show(self, state: NicState, plan: Plan[NicState]) -> Shown:
        memory, after = state.memory, plan.after.memory
        shown: Shown = {"device": self.name, "state": "present" if memory else "absent"}
        keys = [each.prior for each in (memory, after) if each]
        for group in GROUPS:
            found = state.device.settings.get(group, {}) if state.device else {}
            names = sorted({name for each in keys for name in each.get(group, {})})
            if names:
                shown[group] = _as_options(group, {name: found[name] for name in names if name in found})
        if memory:
            shown["persist"] = memory.persist
            if memory.persist and not state.intact:
                shown["problems"] = ["the service that applies stored settings isn't as it should be"]
        return shown


def nic_tuning_of(options: Options, path: str) -> NicTuningResource:
    """Returns the settings that the options declare. Raises `OptionError`, below ``path``."""
    with under(path):
        given = from_options(NicTuning, options)
        groups: dict[str, Any] = {}
        for group in ("channels", "rings"):
            held = getattr(given, group)
            if held is not None:
                groups[group] = to_options(held)
        if given.irq_affinity is not None:
            groups["irq_affinity"] = affinity_of(given.irq_affinity)
        offloads = options.get("offloads")
        if isinstance(offloads, Mapping):
            groups["offloads"] = offloads_of(offloads)
    persist = cast(Optional[bool], options.get("persist"))
    return NicTuningResource(given.device or "", groups, persist, options.get("state") != "absent", path)


def _as_options(group: str, values: Mapping[str, Value]) -> object:
    """Returns the values of a group in the structure of the options."""
    if group != "irq_affinity":
        return dict(values)
    return [{"queue": int(queue), "cpus": values[queue]} for queue in sorted(values, key=int)]


def _shown(settings: Settings) -> dict[str, object]:
    return {group: _as_options(group, values) for group, values in settings.items()}


def _from_options(held: Any) -> dict[str, Value]:
    return {str(each["queue"]): each["cpus"] for each in held} if isinstance(held, list) else dict(held)


def _text(device: str, memory: Optional[Memory]) -> Optional[str]:
    if memory is None:
        return None
    options = {"device": device, "state": "present", **_shown(memory.declared)}
    return stored_text(options, persist=memory.persist, prior=memory.prior, birth=memory.birth)


def _remembered(text: Optional[str]) -> Optional[Memory]:
    held = recalled(text)
    if not held:
        return None
    options, prior = held.get("options"), held.get("prior")
    if not isinstance(options, dict) or not isinstance(prior, dict):
        return None
    declared = {group: _from_options(options[group]) for group in GROUPS if group in options}
    return Memory(declared, prior, held.get("persist") is True, str(held.get("birth", "")))


def describe_nics(host: Host, names: Optional[Sequence[str]]) -> list[dict[str, object]]:
    """Returns the devices with these names, ``None`` for all of them, as the ``_info`` module returns them."""
    driver, stored = host.driver(NicDriver), host.driver(StoredSettings)
    found: list[dict[str, object]] = []
    for name in driver.names() if names is None else names:
        device = driver.device(name)
        memory = _remembered(stored.text(PART, name))
        if memory is not None and not memory.holds(device):
            memory = None
        if device is None and memory is None:
            continue
        settings = device.settings if device else {}
        found.append(
            {
                "device": name,
                "exists": device is not None,
                "channels": settings.get("channels", {}),
                "rings": settings.get("rings", {}),
                "offloads": settings.get("offloads", {}),
                "irq_affinity": _as_options("irq_affinity", settings.get("irq_affinity", {})),
                "maximum": device.limits if device else {},
                "fixed": sorted(device.fixed) if device else [],
                "declared": _shown(memory.declared if memory else {}),
                "prior": _shown(memory.prior if memory else {}),
                "persist": memory is not None and memory.persist,
            }
        )
    return found
