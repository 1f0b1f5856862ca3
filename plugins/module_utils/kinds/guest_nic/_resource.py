# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A NIC of a guest as a run plans it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Optional, cast

from ...contract import AnyResource, Host, Notes, Options, Plan, Resource, Shown, World
from ...errors import OptionError, under
from ...model.fields import from_options, to_options, without_host_chosen
from ...model.guest_nic.facts import GuestNicFacts
from ...model.guest_nic.guest import Guest, Key, Observed, observed, others_of
from ...model.guest_nic.options import Nic, Source
from ...model.guest_nic.plan import DesiredNic, NicPlan, plan_nic
from ...model.guest_nic.steps import GuestNicDriver, Replug, UpdateLive
from ...model.links import LinkFacts
from ...model.network.facts import NetworkFacts
from ...model.nwfilter.facts import FilterFacts
from ..common import filter_label, interface_name

_LINK = "link"


@dataclass(frozen=True)
class GuestNicResource(Resource[Observed]):
    """A NIC of a guest; ``path`` is where its options stand, if not at the top.

    ``planned`` has the MAC address of the NIC once it is planned, as its index may be that of another one afterwards.
    """

    desired: DesiredNic
    path: str = ""
    planned: list[str] = field(default_factory=list, compare=False)

    @property
    def name(self) -> str:
        return self.desired.guest

    @property
    def label(self) -> str:
        key = str(self.desired.key)
        return f"NIC {key} of guest {self.name}" if key else f"NIC of guest {self.name}"

    @property
    def present(self) -> bool:
        return self.desired.present

    def needs(self, current: Observed) -> frozenset[str]:
        """Returns the network, bridge or device that it is connected to, and its filter; the present ones if it is removed."""
        found = set() if self.present else _used(current)
        source, filterref = self.desired.given.source, self.desired.given.filterref
        if source and source.network:
            found.add(f"network {source.network}")
        if source and (source.bridge or source.dev):
            found.add(interface_name(None, source.bridge or source.dev or ""))
        if filterref and filterref.filter:
            found.add(filter_label(filterref.filter))
        return frozenset(found)

    def leaves(self, current: Observed) -> frozenset[str]:
        """Returns the networks, bridges and filters that the guest uses now, except the declared ones."""
        return frozenset(_used(current) - self.needs(current))

    def current(self, host: Host) -> Observed:
        desired = self.desired
        guest = host.driver(GuestNicDriver).guest(self.name)
        if not desired.present and desired.exclusive and not str(desired.key):
            found = Observed(guest)
        else:
            found = observed(guest, Key(mac=self.planned[0]) if self.planned else desired.key)
        if guest is None or not desired.exclusive:
            return found
        own = [Key(mac=found.mac)] if found.mac else []
        try:
            return replace(found, others=others_of(guest, [*own, *desired.siblings]))
        except OptionError:
            return found  # which the plan refuses

    def plan(self, current: Observed, world: World, notes: Notes) -> Plan[Observed]:
        with under(self.path):
            plan = plan_nic(self.desired, current, world.facts(GuestNicFacts), notes)
        mac = plan.after.mac or current.mac
        if mac is not None:
            self.planned[:] = [mac]
        for network, left in _networks(current) - _networks(plan.after):
            world.facts(NetworkFacts).expect_left(network, left)
        for _bridge, left in _bridges(current) - _bridges(plan.after):
            world.facts(LinkFacts).leaving.update(_devices(current, left))
        for name, left in _filters(current) - _filters(plan.after):
            world.facts(FilterFacts).expect_left(name, self.name, left)
        _expect_changes_of_taps(plan, current, world.facts(LinkFacts))
        return Plan(
            steps=tuple(plan.steps),
            after=plan.after,
            warnings=tuple(plan.warnings),
            notes={_LINK: "up"} if plan.link_goes_down else {},
            returned={"method": plan.method, "pending": list(plan.pending)},
        )

    def show(self, state: Observed, plan: Plan[Observed]) -> Shown:
        del plan
        return show(state, self.name, self.desired.given)

    def describe(self, host: Host, state: Observed) -> Options:
        nic = state.stored or state.live
        if state.guest is None or nic is None:
            return {"nic": None}
        return {"nic": _description(host, state.guest, nic, state)}


def _expect_changes_of_taps(plan: NicPlan, current: Observed, links: LinkFacts) -> None:
    """Tells which taps are created again. libvirt clears the queues of one whose bandwidth it sets (virNetDevBandwidthSet)."""
    for device in _devices(current, current.live.mac or "") if current.live else ():
        links.renew(device, [step for step in plan.steps if isinstance(step, Replug)])
        links.clear_queues(
            device, [step for step in plan.steps if isinstance(step, UpdateLive) and step.sets_bandwidth]
        )


def _networks(state: Observed) -> frozenset[tuple[str, str]]:
    """Returns the networks that NICs of the running guest are connected to, with the MAC address of each."""
    return frozenset((name, mac) for source, mac in _sources(state) if (name := source.network))


def _bridges(state: Observed) -> frozenset[tuple[str, str]]:
    """Returns the bridges that NICs of the running guest are connected to without a network, with the MAC address of each."""
    return frozenset((name, mac) for source, mac in _sources(state) if (name := source.bridge))


def _sources(state: Observed) -> list[tuple[Source, str]]:
    return [(nic.source, nic.mac) for nic in (state.live, *state.others) if nic and nic.source and nic.mac]


def _devices(state: Observed, mac: str) -> set[str]:
    found = zip(state.guest.live, state.guest.devices) if state.guest else ()
    return {device for nic, device in found if nic.mac == mac and device}


def _filters(state: Observed) -> frozenset[tuple[str, str]]:
    """Returns the filters of NICs, running and stored, with the MAC address of each."""
    nics = [nic for nic in (state.live, state.stored, *state.others) if nic is not None]
    return frozenset(
        (nic.filterref.filter, nic.mac) for nic in nics if nic.filterref and nic.filterref.filter and nic.mac
    )


def _used(state: Observed) -> set[str]:
    return {
        *(f"network {name}" for name, _mac in _networks(state)),
        *(interface_name(None, name) for name, _mac in _bridges(state)),
        *(filter_label(name) for name, _mac in _filters(state)),
    }


def show(state: Observed, name: str, given: Optional[Nic]) -> Shown:
    """Returns the printable form: what is stored, and where the running guest has other values."""
    others: Shown = {"others": [str(nic) for nic in state.others]} if state.others else {}
    return {**_shown(state, name, given), **others}


def _shown(state: Observed, name: str, given: Optional[Nic]) -> Shown:
    if not state.exists:
        return {"name": name, "state": "absent"}
    base = state.stored or state.live or Nic()
    shown: Shown = {"name": name, "state": "present", **_options(base, given)}
    guest = state.guest
    if guest is None or not guest.running or (state.stored is None and not guest.persistent):
        return shown
    if state.live is None:
        return {**shown, "running": None}
    if state.stored is None:
        return {**shown, "stored": None}
    differing = _differing(_options(base, given), _options(state.live, given))
    return {**shown, "running": differing} if differing else shown


def _options(nic: Nic, given: Optional[Nic]) -> dict[str, object]:
    return to_options(without_host_chosen(nic, given))


def _differing(stored: dict[str, object], live: dict[str, object]) -> dict[str, object]:
    return {name: live.get(name) for name in {**stored, **live} if stored.get(name) != live.get(name)}


def nic_of(options: Options, path: str) -> GuestNicResource:
    """Returns the NIC that the options declare. Raises `OptionError`, below ``path``."""
    with under(path):
        given = from_options(Nic, options)
        index, timeout = options.get("index"), cast(int, options["replug_timeout"])
        if isinstance(index, int) and index < 0:
            raise OptionError("index", index, "is too small; the first NIC has the index 0")
        if timeout < 1:
            raise OptionError("replug_timeout", timeout, "is too small; use 1 or more seconds")
    desired = DesiredNic(
        guest=str(options["name"]),
        given=given,
        key=Key(given.mac, given.alias or None, index if isinstance(index, int) else None),
        present=options["state"] == "present",
        replug=bool(options["replug"]),
        replug_timeout=timeout,
        flap=bool(options["flap"]),
        exclusive=bool(options["exclusive"]),
        ignore_missing=options["guest_missing"] == "ignore",
    )
    return GuestNicResource(desired, path)


def settled_nic(resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
    """Returns a NIC that is to be exclusive with the keys of the other NICs that the run declares for its guest."""
    if not isinstance(resource, GuestNicResource) or not resource.desired.exclusive:
        return resource
    siblings = tuple(
        other.desired.key
        for other in others
        if isinstance(other, GuestNicResource) and other is not resource and other.name == resource.name
    )
    return replace(resource, desired=replace(resource.desired, siblings=siblings))


def describe_nics(host: Host, names: Optional[Sequence[str]]) -> list[dict[str, object]]:
    """Returns the NICs of the guests with these names, ``None`` for all of them, as the ``_info`` module returns them."""
    driver = host.driver(GuestNicDriver)
    guests = [driver.guest(name) for name in (driver.names() if names is None else names)]
    return [
        _description(host, guest, nic, _state_of(guest, nic))
        for guest in guests
        if guest is not None
        for nic in guest.nics
    ]


def _state_of(guest: Guest, nic: Nic) -> Observed:
    if any(nic is stored for stored in guest.stored):
        return Observed(guest, nic, guest.live_of(nic))
    return Observed(guest, None, nic)


def _description(host: Host, guest: Guest, nic: Nic, state: Observed) -> dict[str, object]:
    """Returns the definition in the structure of the options, and what only a host knows."""
    device = next((device for live, device in zip(guest.live, guest.devices) if live is state.live), None)
    index = next((place for place, stored in enumerate(guest.stored) if stored is state.stored), None)
    found = show(replace(state, guest=guest), guest.name, None)
    described: dict[str, object] = {
        "name": guest.name,
        "mac": nic.mac,
        "alias": nic.alias,
        "index": index,
        "address": nic.address,
        "guest_running": guest.running,
        "device": device,
        "definition": {"name": guest.name, **_options(nic, None)},
        "stored": state.stored is not None,
        "live": state.live is not None,
        "addresses": [],
        "counters": {},
    }
    if "running" in found:
        described["running"] = found["running"]
    if state.live is not None and nic.mac is not None:
        described.update(host.driver(GuestNicDriver).details(guest.name, state.live.mac or nic.mac, device))
    return described
