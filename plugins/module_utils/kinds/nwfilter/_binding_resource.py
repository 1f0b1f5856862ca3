# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A binding of a device to a filter as a run plans it. What only declares one needs none of this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Optional

from ...contract import Host, Notes, Options, Plan, Shown, World
from ...errors import under
from ...model.links import LinkFacts
from ...model.nwfilter.binding_plan import BindingState, plan_binding, plan_unbinding
from ...model.nwfilter.facts import FilterDriver, FilterFacts, binding_lacks_rules
from ...model.nwfilter.options import Binding, BindingOptions
from ...model.nwfilter.shown import shown_binding
from ...model.nwfilter.validate import given_parameters
from ..common import DeclaredResource, filter_label, interface_name


def checked_parameters(given: BindingOptions) -> BindingOptions:
    """Returns the options with their parameters in normal form. Raises `OptionError`."""
    return replace(given, parameters=given_parameters(given.parameters))


@dataclass(frozen=True)
class BindingResource(DeclaredResource[BindingState, BindingOptions]):
    """A binding of a device to a filter."""

    noun = "filter binding"

    def provides(self, current: BindingState) -> frozenset[str]:
        del current
        return frozenset({self.label})

    def needs(self, current: BindingState) -> frozenset[str]:
        """Returns the device and the filter, also the former one."""
        names = {self.given.filter, current.binding.filter if current.binding else None}
        return frozenset({interface_name(None, self.name), *(filter_label(name) for name in names if name)})

    def current(self, host: Host) -> BindingState:
        driver = host.driver(FilterDriver)
        found = next((each for each in driver.bindings() if each.device == self.name), None)
        return BindingState(found, found is not None and binding_lacks_rules(found, driver))

    def plan(self, current: BindingState, world: World, notes: Notes) -> Plan[BindingState]:
        facts = world.facts(FilterFacts)
        with under(self.path):
            if not self.present:
                return plan_unbinding(self.name, current, facts)
            return plan_binding(self.given, current, facts, lambda device: _exists(device, world), notes)

    def show(self, state: BindingState, plan: Plan[BindingState]) -> Shown:
        del plan
        if state.binding is None:
            return {"name": self.name, "state": "absent"}
        shown: Shown = {"state": "present", **shown_binding(state.binding)}
        if state.without_rules:
            shown["problems"] = [f"the kernel lacks rules for {self.name}"]
        return shown

    def describe(self, host: Host, state: BindingState) -> Options:
        return {"filter_binding": _description(host, state.binding) if state.binding else None}


def _exists(device: str, world: World) -> bool:
    if any(link.name == device for link in world.facts(LinkFacts).links):
        return True
    return world.facts(FilterFacts).driver.device_exists(device)


def describe_bindings(host: Host, names: Optional[Sequence[str]]) -> list[dict[str, object]]:
    """Returns the bindings of these devices, ``None`` for all of them, as the ``_info`` module returns them."""
    bindings = {each.device: each for each in host.driver(FilterDriver).bindings()}
    devices = sorted(bindings) if names is None else names
    return [_description(host, bindings[device]) for device in devices if device in bindings]


def _description(host: Host, binding: Binding) -> dict[str, object]:
    driver = host.driver(FilterDriver)
    nic = World(host).facts(FilterFacts).guest_of(binding.device)
    lacking = binding_lacks_rules(binding, driver)
    return {
        "name": binding.device,
        "definition": shown_binding(binding),
        "owner": {"name": binding.owner.name, "uuid": binding.owner.uuid},
        "guest": nic.guest if nic else None,
        "problems": [f"the kernel lacks rules for {binding.device}"] if lacking else [],
    }
