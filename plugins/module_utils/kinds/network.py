# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be declared: each kind's options, and how it is seen, planned and shown. The modules and `fabric` share these."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional

from ..backend.host import Host
from ..errors import OptionError, under
from ..model.fields import argument_spec, from_options, to_options
from ..model.network.desired import DesiredNetwork
from ..model.network.options import OWN_BRIDGE_MODES, Network, NetworkState, mode_of, normalise
from ..model.network.plan import NetworkPlan, plan_network, show
from ..model.world import World
from ..xml.network import NotANetwork, parse_network, with_canonical_metadata
from .kind import URI, Kind, provided


@dataclass(frozen=True)
class NetworkResource:
    """A libvirt network, as ``virt_net`` and ``fabric.networks`` declare it."""

    desired: DesiredNetwork
    path: str = ""  # where the options stand, if not at the top

    @property
    def label(self) -> str:
        return f"network {self.desired.name}"

    @property
    def present(self) -> bool:
        return self.desired.present

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({self.label})

    def needs(self, before: Optional[NetworkState]) -> frozenset[str]:
        """A bridge that isn't its own, and the devices that it forwards to."""
        definitions = [
            definition for definition in (self.desired.given, before.definition if before else None) if definition
        ]
        found: set[str] = set()
        for definition in definitions:
            forward = definition.forward
            if definition.bridge and definition.bridge.name and mode_of(definition) not in OWN_BRIDGE_MODES:
                found.add(definition.bridge.name)
            if forward:
                found |= {name for name in (*(forward.interfaces or ()), forward.dev) if name}
        return frozenset(provided(None, name) for name in found)

    def observe(self, host: Host) -> Optional[NetworkState]:
        return host.networks.observe(self.desired.name)

    def plan(self, before: Optional[NetworkState], world: World, resume: Mapping[str, Any]) -> NetworkPlan:
        with under(self.path):
            return plan_network(before, self.desired, world, resume)

    def predicted(self, plan: NetworkPlan, _world: World) -> Optional[NetworkState]:
        return plan.after

    def show(self, state: Optional[NetworkState], _plan: NetworkPlan) -> dict[str, Any]:
        return show(state, self.desired.given)

    def report(self, host: Host, state: Optional[NetworkState], plan: NetworkPlan) -> dict[str, Any]:
        """What the module returns of this resource besides ``changed`` and ``actions``."""
        return {
            "network": describe_network(host, self.desired.name, state) if state else None,
            "method": plan.method,
            "guests": [_guest(guest) for guest in plan.guests],
        }


def network_spec() -> dict[str, Any]:
    """The options of a network, as `virt_net` and the items of ``fabric.networks`` take them."""
    spec = argument_spec(Network)
    del spec["name"]["required"]  # the document has it where xml is given
    spec.update(
        xml={"type": "str"},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        active={"type": "bool"},
        autostart={"type": "bool"},
        restart={"type": "str", "choices": ["if_needed", "never"], "default": "if_needed"},
    )
    return spec


def network_rules() -> dict[str, Any]:
    """What goes with what in `network_spec`."""
    definition = [name for name in argument_spec(Network) if name != "name"]
    return {
        "required_one_of": [("name", "xml")],
        "mutually_exclusive": [("xml", name) for name in definition],
    }


def parse_network_options(options: Mapping[str, Any], path: str = "") -> NetworkResource:
    """A network from a module's options; raises `OptionError`."""
    complete = options.get("xml") is not None
    with under(path):
        given = _given_xml(options) if complete else with_canonical_metadata(from_options(Network, options))
    return NetworkResource(
        DesiredNetwork(
            given=given,
            complete=complete,
            present=options["state"] == "present",
            active=options.get("active"),
            autostart=options.get("autostart"),
            restart=options["restart"],
        ),
        path,
    )


def _given_xml(options: Mapping[str, Any]) -> Network:
    text = options["xml"]
    shortened = textwrap.shorten(text, 60, placeholder="...")
    try:
        given = normalise(parse_network(text))
    except NotANetwork as error:
        raise OptionError("xml", shortened, f"is not the document of a libvirt network: {error}") from None
    name = options.get("name")
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


def describe_network(host: Host, name: str, state: NetworkState) -> dict[str, Any]:
    """A network for `virt_net_info`: the definition in the structure of the options, and what only a host knows."""
    definition = to_options(state.definition)
    described: dict[str, Any] = {
        "name": name,
        "uuid": state.definition.uuid,
        "definition": definition,
        "state": "active" if state.active else "inactive",
        "active": state.active,
        "autostart": state.autostart,
        "persistent": state.stored is not None,
        "bridge": state.definition.bridge.name if state.definition.bridge else None,
        "leases": host.networks.leases(name) if state.active else [],
        "guests": [_guest(guest) for guest in state.guests],
    }
    if state.stored is not None and state.running is not None and state.running != state.stored:
        described["running"] = to_options(state.running)
    return described


def _guest(guest: Any) -> dict[str, Any]:
    return {"domain": guest.domain, "mac": guest.mac, "device": guest.device, "connected": guest.connected}


def _describe(host: Host, names: Optional[Sequence[str]], _options: Mapping[str, Any]) -> list[dict[str, Any]]:
    states = [(name, host.networks.observe(name)) for name in (host.networks.names() if names is None else names)]
    return [describe_network(host, name, state) for name, state in states if state is not None]


NETWORK = Kind("networks", network_spec, network_rules, parse_network_options, _describe, {}, URI)
