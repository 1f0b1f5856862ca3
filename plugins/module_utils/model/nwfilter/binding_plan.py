# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the binding that a device has, or hasn't, to the desired one. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Optional

from ...contract import Notes, Plan, Step
from ...errors import OptionError
from .facts import FilterFacts, bridging_warning
from .learning import check_learning
from .options import Binding, BindingOptions, Owner, Parameter
from .shown import shown_binding
from .steps import Bind, BringUp, Rebind, Unbind
from .tree import lacking_variable

# The notes of a run that replaces a binding: whether the device has been up, and the binding.
_UP, _BEFORE = "bring_up", "binding"
_OWNER = "virtnet.kvm"


@dataclass(frozen=True)
class BindingState:
    """A binding as a host has it; ``without_rules``: the kernel lacks rules for the device."""

    binding: Optional[Binding] = None
    without_rules: bool = False


def owner_of(device: str) -> Owner:
    """Returns the owner that a binding of ours has. Its UUID can't be that of a guest, which libvirt generates at random."""
    return Owner(_OWNER, str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{device}.{_OWNER}")))


def plan_binding(
    options: BindingOptions, current: BindingState, facts: FilterFacts, exists: Callable[[str], bool], notes: Notes
) -> Plan[BindingState]:
    """Plans a binding that is to be there; ``exists`` says whether an interface will be there by then."""
    device = options.name or ""
    _refuse_guests(device, facts)
    if not exists(device):
        raise OptionError("name", device, "is not an interface of this host; create it first")
    before = current.binding
    former = before or _noted(notes)
    for option in ("mac", "filter"):
        if former is None and getattr(options, option) is None:
            raise OptionError(option, None, f"is missing; {device} has no binding yet, so it must be given")
    after = Binding(
        device,
        options.mac or (former.mac if former else ""),
        options.filter or (former.filter if former else ""),
        options.parameters if options.parameters is not None else former.parameters if former else (),
        former.owner if former else owner_of(device),
    )
    _check(after, facts)
    up = bool(notes.get(_UP))
    bring_up: tuple[Step, ...] = (BringUp(device),) if up and not facts.driver.device_is_up(device) else ()
    facts.bindings[device] = after
    if before == after and not current.without_rules:
        return Plan(bring_up, current, notes=notes if bring_up else {})
    warning = bridging_warning(after.filter, facts.filters, facts.driver)
    is_up = up or facts.driver.device_is_up(device)
    step: Step = Bind(after) if before is None else Rebind(before, after)
    return Plan(
        (step, *bring_up),
        BindingState(after),
        warnings=(warning,) if warning and before != after else (),
        notes={_UP: is_up, _BEFORE: binding_notes(former)} if former is not None else {},
    )


def binding_notes(binding: Binding) -> Notes:
    """Returns a binding as notes."""
    return {**shown_binding(binding), "owner": [binding.owner.name, binding.owner.uuid]}


def _noted(notes: Notes) -> Optional[Binding]:
    """Returns the binding that a run has been replacing that was killed."""
    held = notes.get(_BEFORE)
    if not isinstance(held, dict):
        return None
    parameters = tuple(Parameter(each["name"], each["value"]) for each in held["parameters"])
    return Binding(held["name"], held["mac"], held["filter"], parameters, Owner(*held["owner"]))


def _check(binding: Binding, facts: FilterFacts) -> None:
    if binding.filter not in facts.filters:
        raise OptionError("filter", binding.filter, "is not a filter of this host; create it first")
    check_learning(binding.parameters, binding.mac, facts)
    name = lacking_variable(binding.filter, facts.filters, binding.parameters)
    if name is not None:
        problem = f"is without the variable {name}, which filter {binding.filter} needs; add it"
        raise OptionError("parameters", None, problem)


def _refuse_guests(device: str, facts: FilterFacts) -> None:
    nic = facts.guest_of(device)
    if nic is not None:
        problem = f"is the tap of {nic}; set the filter of that NIC, such as with guest_nic"
        raise OptionError("name", device, problem)


def plan_unbinding(device: str, current: BindingState, facts: FilterFacts) -> Plan[BindingState]:
    """Plans the removal of a binding."""
    _refuse_guests(device, facts)
    if current.binding is None:
        return Plan((), current)
    facts.bindings.pop(device, None)
    return Plan((Unbind(current.binding),), BindingState())
