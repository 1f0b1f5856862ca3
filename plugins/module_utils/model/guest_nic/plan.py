# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the NIC that a guest has, or hasn't, to the desired one, in the running guest and in its definition. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Optional

from ...contract import Notes, Step
from ...errors import OptionError
from .facts import GuestNicFacts
from .filters import filter_warning
from .guest import Guest, Key, Observed, find, others_of
from .live import LINK, STORED_ONLY, differing, flaps, live_phases, needing_replug
from .options import VIRTIO, FilterRef, Nic, generated_mac, with_given
from .steps import Attach, Detach, Replug, Store, UpdateLive
from .validate import check_nic, check_source, check_type


@dataclass(frozen=True)
class DesiredNic:
    """A NIC as a user declares it: what was given, and how far the running guest may be touched.

    ``exclusive``: the guest has no NIC besides this one and those of ``siblings``. ``ignore_missing``: nothing is done where
    the host doesn't have the guest.
    """

    guest: str
    given: Nic
    key: Key
    present: bool = True
    replug: bool = True
    replug_timeout: int = 20
    flap: bool = True
    exclusive: bool = False
    siblings: tuple[Key, ...] = ()
    ignore_missing: bool = False

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys of all NICs that the guest should have. Without a key, a NIC that should be absent is none in particular."""
        return (self.key, *self.siblings) if self.present or str(self.key) else self.siblings


@dataclass
class NicPlan:
    """The steps, and what they lead to. ``method`` is what becomes of the running NIC, or of the stored one alone."""

    after: Observed
    steps: list[Step] = field(default_factory=list)
    method: str = "none"
    pending: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)
    link_goes_down: bool = False


def plan_nic(desired: DesiredNic, current: Observed, facts: GuestNicFacts, notes: Notes) -> NicPlan:
    """Plans the way to the desired NIC. Raises `OptionError` for what can't be done."""
    guest = current.guest
    if guest is None:
        if not desired.present and not desired.ignore_missing:
            return NicPlan(current)
        if desired.ignore_missing:
            missing = f"guest {desired.guest} isn't on this host, so that its NICs are left out"
            return NicPlan(current, warnings=[missing] if facts.is_first_missing(desired.guest) else [])
        raise OptionError("name", desired.guest, "is no guest of this host; define it first, or correct the name")
    planner = _Planner(desired, guest, facts)
    if not desired.present and desired.exclusive and not str(desired.key):
        plan = NicPlan(Observed(guest))
    elif not desired.present:
        find(guest, desired.key)
        plan = planner.absent(current)
    else:
        check_source(desired.given)
        found = find(guest, desired.key)
        plan = planner.created() if found is None else planner.changed(current, link_was_up=notes.get(LINK) == "up")
    if desired.exclusive:
        planner.remove_others(plan)
    warning = filter_warning(_filter(current), _filter(plan.after), facts)
    if warning:
        plan.warnings.append(warning)
    return plan


def _filter(state: Observed) -> Optional[FilterRef]:
    nic = state.live or state.stored
    return nic.filterref if nic else None


class _Planner:
    def __init__(self, desired: DesiredNic, guest: Guest, facts: GuestNicFacts) -> None:
        self.desired = desired
        self.guest = guest
        self.facts = facts

    def created(self) -> NicPlan:
        """Returns the plan for a NIC that isn't there yet."""
        guest, given, seconds = self.guest, self.desired.given, self.desired.replug_timeout
        if given.source is None:
            where = f"{guest.name} has no NIC {self.desired.key}".rstrip()
            raise OptionError("source", None, f"is missing, as {where}; give the network, bridge or dev of a new one")
        mac = given.mac or generated_mac(guest.uuid, given.alias or "")
        new = with_given(Nic(mac=mac, model=VIRTIO), given)
        check_nic(given, new, None, guest, self.facts)
        self.facts.expect_mac(mac, guest.name)
        plan = NicPlan(Observed(guest, new if guest.persistent else None, None), method="created")
        if guest.running and self._may_plug("source", new, needs_port=True):
            live = new
            plan.steps.append(Attach(guest.name, live, seconds))
            plan.after = replace(plan.after, live=live)
        elif guest.running:
            self._wait(plan, ("source",))
        if guest.persistent:
            plan.steps.append(Store(guest.name, None, new))
        return plan

    def changed(self, current: Observed, *, link_was_up: bool) -> NicPlan:
        """Returns the plan for a NIC that is there: stored, live or both."""
        given, guest = self.desired.given, self.guest
        base = current.stored or current.live or Nic()
        stored = with_given(base, given)
        live = with_given(current.live, given) if current.live else None
        for before, after in ((current.stored, stored), (current.live, live)):
            if before is not None and after is not None:
                check_type(before, after)
        check_nic(given, live or stored, current.live or base, guest, self.facts)
        if current.stored is not None:
            check_nic(given, stored, current.stored, guest, self.facts)
        self.facts.expect_mac(stored.mac, guest.name)
        plan = NicPlan(Observed(guest, stored if guest.persistent else None, current.live))
        if current.live is not None and live is not None:
            if link_was_up and given.link is None:  # a run that was killed had set it down
                live = replace(live, link=None)
            self._change_live(plan, current.live, live)
        elif guest.running:
            if self._may_plug("source", stored, needs_port=True):
                new = stored
                plan.steps.append(Attach(guest.name, new, self.desired.replug_timeout))
                plan.after, plan.method = replace(plan.after, live=new), "created"
            else:
                self._wait(plan, ("source",))
        if guest.persistent and (current.stored is None or _stored_differs(current.stored, stored)):
            plan.steps.append(Store(guest.name, current.stored, stored))
            plan.method = plan.method if plan.method != "none" else "stored"
        return plan

    def _change_live(self, plan: NicPlan, before: Nic, desired: Nic) -> None:
        """Plans the change of the running NIC, by updates or by a replug."""
        given = self.desired.given
        if given.address is None:
            desired = replace(desired, address=before.address)
        kept = {name: getattr(before, name) for name in STORED_ONLY}
        waiting = tuple(name for name in STORED_ONLY if name != "alias" and getattr(desired, name) != kept[name])
        options = needing_replug(before, desired, self.facts.on_bridge, self.facts.libvirt)
        if options and self._may_plug(options[0], desired, needs_port=False):
            plan.steps.append(Replug(self.guest.name, before, desired, tuple(options), self.desired.replug_timeout))
            plan.after, plan.method = replace(plan.after, live=desired), "replugged"
            return
        if options:
            waiting = (*options, *waiting)
            kept.update({name: getattr(before, name) for name in options})
            kept.update(type=before.type) if "source" in options else None
        desired = replace(desired, **kept)
        phases = live_phases(before, desired, flap=self.desired.flap)
        plan.steps.extend(
            UpdateLive(self.guest.name, what, _before(phases, place, before), path)
            for place, (what, path) in enumerate(phases)
        )
        plan.link_goes_down = flaps(phases)
        plan.after = replace(plan.after, live=desired)
        plan.method = "updated" if phases else "none"
        if waiting:
            self._wait(plan, waiting)

    def absent(self, current: Observed) -> NicPlan:
        """Returns the plan that removes a NIC."""
        plan = NicPlan(replace(current, stored=None, live=None, others=()))
        if not current.exists:
            return plan
        if not self._remove(plan, current.stored, current.live):
            plan.after = replace(plan.after, live=current.live)
            self._wait(plan, ("state",))
        plan.method = "removed" if plan.steps else "none"
        return plan

    def remove_others(self, plan: NicPlan) -> None:
        """Adds the steps that remove all NICs that aren't declared."""
        guest, left = self.guest, []
        for nic in others_of(guest, self.desired.keys):
            stored = any(nic is each for each in guest.stored)
            live = guest.live_of(nic) if stored else nic
            if not self._remove(plan, nic if stored else None, live) and live is not None:
                left.append(live)
        plan.after = replace(plan.after, others=tuple(left))
        if left:
            self._wait(plan, (*plan.pending, "exclusive"))
        if plan.steps and plan.method == "none":
            plan.method = "removed"

    def _remove(self, plan: NicPlan, stored: Optional[Nic], live: Optional[Nic]) -> bool:
        """Adds the steps that remove a NIC; returns whether the running guest no longer has it then."""
        guest = self.guest
        may = live is None or self._may_plug("state", "absent", needs_port=False)
        if live is not None and may:
            plan.steps.append(Detach(guest.name, live, self.desired.replug_timeout))
        if stored is not None:
            place = next(place for place, nic in enumerate(guest.stored) if nic is stored)
            plan.steps.append(Store(guest.name, stored, None, place))
        return may

    def _may_plug(self, option: str, value: object, *, needs_port: bool) -> bool:
        """Returns whether a NIC may be attached or detached; raises `OptionError` where the guest can't do that."""
        guest = self.guest
        if not self.desired.replug:
            return False
        shown: Optional[object] = value if isinstance(value, str) else getattr(value, option, None)
        shown = shown if isinstance(shown, (str, int)) else None
        wait = "or set replug to false, and it waits for the next start"
        problem = None
        if guest.paused:
            problem = f"can't be changed while {guest.name} is paused; resume it, {wait}"
        elif not guest.acpi:
            problem = f"can't be changed while {guest.name} runs, as it has no ACPI; stop it, {wait}"
        elif needs_port and guest.free_ports is not None and guest.free_ports < 1:
            problem = (
                f"needs a free PCI port, and {guest.name} has none; add a pcie-root-port to its definition, {wait}"
            )
        if problem:
            raise OptionError(option, shown, problem)
        return True

    def _wait(self, plan: NicPlan, options: tuple[str, ...]) -> None:
        plan.pending = options
        plan.warnings.append(
            f"guest {self.guest.name}: {', '.join(options)} of NIC {plan.after.mac} waits for the next start of the guest"
            " (a reboot from within is not enough)"
        )


def _before(phases: list[tuple[str, tuple[Nic, ...]]], place: int, first: Nic) -> Nic:
    return phases[place - 1][1][-1] if place else first


def _stored_differs(current: Nic, desired: Nic) -> bool:
    return bool(differing(current, desired)) or current.address != desired.address
