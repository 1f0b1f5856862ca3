# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A libvirt network as a run plans it. What only declares one needs none of this."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Optional

from ..contract import Host, Notes, Options, Plan, Resource, Shown, World
from ..errors import OptionError, under
from ..model.fields import from_options, to_options
from ..model.links import LinkFacts, OwnBridge
from ..model.network.desired import DesiredNetwork
from ..model.network.estimate import seconds
from ..model.network.facts import zone_warning
from ..model.network.options import Guest, Network, NetworkState, normalise, own_bridge
from ..model.network.plan import plan_network, show
from ..model.network.steps import NetworkDriver, NetworkPlan, Restart, Start
from ..xml.network import NotANetwork, parse_network, with_canonical_metadata
from .common import interface_name, text

_CurrentNetwork = Optional[NetworkState]  # None: there is no such network


@dataclass(frozen=True)
class NetworkResource(Resource[_CurrentNetwork]):
    """A libvirt network; ``path`` is where its options stand, if not at the top."""

    desired: DesiredNetwork
    path: str = ""

    @property
    def name(self) -> str:
        return self.desired.name

    @property
    def label(self) -> str:
        return f"network {self.name}"

    @property
    def present(self) -> bool:
        return self.desired.present

    def provides(self, current: _CurrentNetwork) -> frozenset[str]:
        """Returns the network, and the bridge that libvirt makes for it."""
        definitions = self._definitions(current)
        return frozenset(
            {self.label, *(interface_name(None, bridge) for bridge in map(own_bridge, definitions) if bridge)}
        )

    def needs(self, current: _CurrentNetwork) -> frozenset[str]:
        """Returns a bridge that isn't the network's own, and the devices that it forwards to."""
        found: set[str] = set()
        for definition in self._definitions(current):
            forward = definition.forward
            if definition.bridge and definition.bridge.name and not own_bridge(definition):
                found.add(definition.bridge.name)
            if forward:
                found |= {name for name in (*(forward.interfaces or ()), forward.dev) if name}
        return frozenset(interface_name(None, name) for name in found)

    def _definitions(self, current: _CurrentNetwork) -> list[Network]:
        return [
            definition for definition in (self.desired.given, current.definition if current else None) if definition
        ]

    def current(self, host: Host) -> _CurrentNetwork:
        return host.driver(NetworkDriver).observe(self.name)

    def plan(self, current: _CurrentNetwork, world: World, notes: Notes) -> Plan[_CurrentNetwork]:
        with under(self.path):
            plan = plan_network(current, self.desired, world, {name: bool(value) for name, value in notes.items()})
        before = own_bridge(current.definition) if current else None
        after = own_bridge(plan.after.definition) if plan.after and plan.after.active else None
        links = world.facts(LinkFacts)
        if after and after != before:
            links.expect_bridge(after, _subnets(plan.after))
        restarts = [step for step in plan.steps if isinstance(step, Restart)]
        if after and restarts:
            links.renew(after, restarts)
        own = own_bridge(plan.after.definition) if plan.after else None
        links.expect_own_bridge(self.name, OwnBridge(own, self.name, bool(after)) if own else None)
        return Plan(
            steps=plan.steps,
            after=plan.after,
            warnings=(*plan.warnings, *_zone_warnings(plan, world)),
            notes=plan.resume,
            returned={
                "method": plan.method,
                "guests": [_guest(guest) for guest in plan.guests],
                "steps": len(plan.steps),
                "seconds": _seconds(plan, current),
            },
        )

    def show(self, state: _CurrentNetwork, plan: Plan[_CurrentNetwork]) -> Shown:
        del plan
        return show(state, self.desired.given)

    def describe(self, host: Host, state: _CurrentNetwork) -> Options:
        return {"network": _description(host, self.name, state) if state else None}


def _zone_warnings(plan: NetworkPlan, world: World) -> tuple[str, ...]:
    if plan.after is None or plan.after.running is None:
        return ()
    starts = any(isinstance(step, (Start, Restart)) for step in plan.steps)
    warning = zone_warning(plan.after.running, world, starts=starts)
    return (warning,) if warning else ()


def _seconds(plan: NetworkPlan, current: _CurrentNetwork) -> float:
    state = current or plan.after
    running = state and (state.running or state.definition)
    return round(seconds(plan.steps, running), 1) if running else 0.0


def _subnets(state: _CurrentNetwork) -> tuple[str, ...]:
    return tuple(ip.address for ip in (state.definition.ips if state else None) or () if ip.address)


def network_of(options: Options, path: str) -> NetworkResource:
    """Returns the network that the options declare. Raises `OptionError`, below ``path``."""
    document = text(options, "xml")
    with under(path):
        if document is None:
            given = with_canonical_metadata(from_options(Network, options))
        else:
            given = _given_xml(document, text(options, "name"))
    active, autostart = options.get("active"), options.get("autostart")
    desired = DesiredNetwork(
        given=given,
        complete=document is not None,
        present=options["state"] == "present",
        active=None if active is None else bool(active),
        autostart=None if autostart is None else bool(autostart),
        restart=str(options["restart"]),
    )
    return NetworkResource(desired, path)


def _given_xml(document: str, name: Optional[str]) -> Network:
    shortened = textwrap.shorten(document, 60, placeholder="...")
    try:
        given = normalise(parse_network(document))
    except NotANetwork as error:
        raise OptionError("xml", shortened, f"is not the document of a libvirt network: {error}") from None
    if name and given.name and name != given.name:
        raise OptionError(
            "name", name, f"is not the name in xml, {given.name!r}; leave out name, or make them the same"
        )
    given = replace(given, name=given.name or name)
    if not given.name:
        raise OptionError("xml", shortened, "has no <name>; add one, or give the option name")
    # the same rules for what a document says as for options
    from_options(Network, to_options(given))
    return given


def describe_networks(host: Host, names: Optional[Sequence[str]]) -> list[dict[str, object]]:
    """Returns the networks with these names, ``None`` for all of them, as the ``_info`` module returns them."""
    driver = host.driver(NetworkDriver)
    states = [(name, driver.observe(name)) for name in (driver.names() if names is None else names)]
    return [_description(host, name, state) for name, state in states if state is not None]


def _description(host: Host, name: str, state: NetworkState) -> dict[str, object]:
    """Returns the definition in the structure of the options, and what only a host knows."""
    described: dict[str, object] = {
        "name": name,
        "uuid": state.definition.uuid,
        "definition": to_options(state.definition),
        "state": "active" if state.active else "inactive",
        "active": state.active,
        "autostart": state.autostart,
        "persistent": state.stored is not None,
        "bridge": state.definition.bridge.name if state.definition.bridge else None,
        "problems": [str(problem) for problem in state.problems],
        "leases": host.driver(NetworkDriver).leases(name) if state.active else [],
        "guests": [_guest(guest) for guest in state.guests],
    }
    if state.stored is not None and state.running is not None and state.running != state.stored:
        described["running"] = to_options(state.running)
    return described


def _guest(guest: Guest) -> dict[str, object]:
    return {"domain": guest.domain, "mac": guest.mac, "device": guest.device, "connected": guest.connected}
