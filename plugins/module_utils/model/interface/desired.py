# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks of an interface, and all that follows from it: its complete definition, and the states of the
interfaces that change with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional, TypeVar

from ...errors import OptionError
from ..fields import merge, without_host_chosen
from .facts import Namespace
from .ip.desired import (
    desired_addresses,
    desired_routes,
    has_ipv6,
    listed_addresses,
    listed_routes,
    possible_routes,
    taken_over,
)
from .kernel_effects import default_pvid
from .normal import family, normal, normal_port, normal_route
from .options import BridgeVlans, Interface, InterfaceState, Ipv6, LinuxBridge, MacvlanIface, Port, Tuntap
from .uplink.declared import without_uplink
from .uplink.gateways import routes_with_gateways, with_gateways
from .vlans import Vlans, after_default_change, merge_vlans, vlans_of, with_vlans

I = TypeVar("I", bound=Interface)  # noqa: E741

LEAST_STP_DELAY = 2  # BR_MIN_FORWARD_DELAY, in seconds

States = Mapping[str, InterfaceState]
DesiredStates = dict[str, Optional[InterfaceState]]


@dataclass(frozen=True)
class DesiredInterface:
    """What a user asks of an interface; ``given`` has the options as they were given, with ``None`` for those left out."""

    given: Interface
    present: bool = True
    netns: Optional[str] = None
    persist: str = "none"
    adopt: Optional[str] = None
    purge_taps: bool = False
    recreate: bool = True
    other_ports: frozenset[str] = frozenset()  # what the same run declares as ports of other bridges
    down_ports: frozenset[str] = (
        frozenset()
    )  # interfaces that the same run declares down, so a bridge doesn't bring them up
    listed_by: Optional[str] = None  # the bridge that the same run declares with this tap as a port

    @property
    def name(self) -> str:
        return self.given.name or ""

    @property
    def attached_by_bridge(self) -> bool:
        """Whether it is a tap whose bridge is created after it, and then attaches it."""
        return self.listed_by is not None and self.given.bridge == self.listed_by


def complete_definition(name: str, states: States, given: Optional[Interface] = None) -> Optional[Interface]:
    """Returns the definition of an interface, with what follows from the states: addresses, routes, ports, bridge.

    Of addresses and routes it has the static ones, and those that are ``given``.
    """
    state = states.get(name)
    if state is None:
        return None
    changes: dict[str, Any] = {
        "addresses": listed_addresses(state, given) or None,
        "routes": tuple(dict.fromkeys(route.option for route in listed_routes(state, given))) or None,
    }
    if isinstance(state.definition, LinuxBridge):
        changes["ports"] = tuple(port.port or Port(name=port.name) for port in ports_of(name, states)) or None
    if isinstance(state.definition, Tuntap):
        changes["bridge"] = state.master
    return normal(replace(state.definition, **changes))


def ports_of(bridge: str, states: States) -> list[InterfaceState]:
    """Returns the ports of a bridge, sorted by name."""
    return sorted([state for state in states.values() if state.master == bridge], key=lambda state: state.name)


def interfaces_on(name: str, states: States) -> list[InterfaceState]:
    """Returns the interfaces that are on this one, and those that are on these."""
    found = [state for state in states.values() if state.lower == name]
    return [*found, *(upper for state in found for upper in interfaces_on(state.name, states))]


# -- the definition ------------------------------------------------------------------------------------------------------


def desired_definition(desired: DesiredInterface, current: Optional[InterfaceState], namespace: Namespace) -> Interface:
    """Returns the complete definition, in normal form: the current one, or that of a new interface, with what is given."""
    given, states = desired.given, namespace.states
    if isinstance(given, Tuntap) and desired.attached_by_bridge:
        given = replace(given, bridge=None)
    base = complete_definition(desired.name, {**states, desired.name: current}, given) if current else None
    if current is not None and type(current.definition) is not type(given):
        raise OptionError(
            "name",
            desired.name,
            f"is already the name of {_kind(current)} on this host; give the {given.word} another one",
        )
    if given.ipv6 == Ipv6() or not namespace.has_ipv6:
        given = replace(given, ipv6=None)  # the host chooses all of it, and has chosen
    given = with_gateways(given)
    if given.routes is not None:
        given = replace(given, routes=tuple(normal_route(route) for route in given.routes))
    definition = merge(base or new_interface(given), given)
    if isinstance(definition, Tuntap) and not definition.carries_ethernet:
        # what a TAP device had and a TUN device can't have
        definition = replace(definition, mac=given.mac, bridge=given.bridge)
    if isinstance(definition, MacvlanIface) and definition.mode == "passthru":
        definition = replace(definition, mac=given.mac)  # it would be set on the parent, too (macvlan_set_mac_address)
    if isinstance(definition, LinuxBridge) and isinstance(given, LinuxBridge):
        current_bridge = base if isinstance(base, LinuxBridge) else None
        definition = _desired_bridge(desired, given, current_bridge, definition, namespace)
    if given.addresses is None and not has_ipv6(definition):
        kept = tuple(cidr for cidr in definition.addresses or () if family(cidr) == 4)
        definition = replace(definition, addresses=kept)
    if given.routes is None:
        sources = [state for state in (current, states.get(desired.adopt or "")) if state]
        routes = possible_routes(definition.routes or (), definition, sources) or None
        definition = replace(definition, routes=routes_with_gateways(given, routes))
    return normal(without_uplink(definition))


def _kind(state: InterfaceState) -> str:
    return f"an interface of the kind {state.kind}" if state.kind else "a hardware interface"


def new_interface(given: I) -> I:
    """Returns the definition of a new interface, before any option."""
    settings: dict[str, Any] = dict(given.traits.new)
    return type(given)(name=given.name, up=True, **settings)


def _desired_bridge(
    desired: DesiredInterface,
    given: LinuxBridge,
    current: Optional[LinuxBridge],
    definition: LinuxBridge,
    namespace: Namespace,
) -> LinuxBridge:
    """Returns the definition with what only a bridge has: VLANs, ports, and what it takes over from what it adopts."""
    vlans = merge_vlans(_vlans_after_default_change(given, current, current, namespace), given)
    current_ports = {port.name or "": port for port in (current.ports or () if current else ())}
    listed = list(current_ports.values() if given.ports is None else given.ports)
    if desired.adopt and desired.adopt not in [port.name for port in listed]:
        listed.append(current_ports.get(desired.adopt, Port(name=desired.adopt)))
    if given.ports is not None and not desired.purge_taps:
        # guests are connected by them
        names = {port.name for port in listed}
        listed += [
            port for name, port in current_ports.items() if name not in names and namespace.states[name].kind == "tun"
        ]
    ports = tuple(_desired_port(port, current_ports.get(port.name or ""), given, current, namespace) for port in listed)
    definition = with_vlans(replace(definition, ports=ports), vlans)
    if definition.stp and given.forward_delay is None and definition.forward_delay in range(LEAST_STP_DELAY):
        definition = replace(definition, forward_delay=LEAST_STP_DELAY)  # as the kernel does it (br_stp_start)
    adopted = namespace.states.get(desired.adopt or "")
    return definition if adopted is None else _with_adopted(adopted, given, definition)


def _with_adopted(adopted: InterfaceState, given: LinuxBridge, definition: LinuxBridge) -> LinuxBridge:
    """Returns the bridge with the MAC address, addresses and routes of the interface that it adopts, unless given."""
    changes: dict[str, Any] = {}
    if given.mac is None:
        changes["mac"] = adopted.definition.mac
    if given.addresses is None:
        cidrs = (*(definition.addresses or ()), *listed_addresses(adopted, None))
        changes["addresses"] = tuple(dict.fromkeys(cidrs))
    if given.routes is None:
        routes = (*(definition.routes or ()), *(route.option for route in listed_routes(adopted, None)))
        changes["routes"] = tuple(dict.fromkeys(routes))
    return replace(definition, **changes)


def _vlans_after_default_change(
    given: LinuxBridge, current: Optional[LinuxBridge], holder: Optional[BridgeVlans], namespace: Namespace
) -> Vlans:
    """Returns the VLANs of a bridge or a port of it (``None``: a new one) when the bridge has its desired default pvid."""
    if not namespace.bridge_vlans:
        return Vlans()
    if holder is None or current is None:
        pvid = default_pvid(given if current is None or given.vlan_default_pvid is not None else current)
        return Vlans(pvid, frozenset(), frozenset({pvid} if pvid else ()))
    new = current if given.vlan_default_pvid is None else given
    return after_default_change(vlans_of(holder), default_pvid(current), default_pvid(new))


def _desired_port(
    port: Port,
    current: Optional[Port],
    given: LinuxBridge,
    current_bridge: Optional[LinuxBridge],
    namespace: Namespace,
) -> Port:
    """Returns a port with what is given for it; a new one has what the kernel gives it besides."""
    if port is current:
        port = Port(name=current.name)
    vlans = merge_vlans(_vlans_after_default_change(given, current_bridge, current, namespace), port)
    return normal_port(with_vlans(merge(current or Port(name=port.name), port), vlans))


# -- states --------------------------------------------------------------------------------------------------------------


def desired_states(
    desired: DesiredInterface,
    definition: Interface,
    current: Optional[InterfaceState],
    namespace: Namespace,
    *,
    recreating: bool,
    adopting: bool,
) -> DesiredStates:
    """Returns the desired states of the interface, and of those that change with it.

    ``recreating``: it is removed and created again. ``adopting``: the interface that it adopts still has addresses, routes
    or IPv6 of its own.
    """
    states = namespace.states
    found: DesiredStates = {desired.name: _desired_state(desired, definition, current, recreating, states)}
    if recreating:
        for upper in interfaces_on(desired.name, states):
            found[upper.name] = upper
    if definition.parent and definition.up and definition.needs_parent_up:
        _bring_up(states[definition.parent], found, states)
    if isinstance(definition, LinuxBridge):
        _add_ports(desired, definition, found, states, adopting)
    return found


def _bring_up(state: InterfaceState, found: DesiredStates, states: States) -> None:
    """Brings up what is needed, and only that: the kernel would bring up each VLAN on it as well."""
    if state.definition.up:
        return
    for upper in interfaces_on(state.name, states):
        found.setdefault(upper.name, upper)
    found[state.name] = replace(state, definition=replace(state.definition, up=True))


def _desired_state(
    desired: DesiredInterface,
    definition: Interface,
    current: Optional[InterfaceState],
    recreating: bool,
    states: States,
) -> InterfaceState:
    adopted = states.get(desired.adopt or "")
    # what the host has chosen is left to it, unless it is given
    settings = without_host_chosen(definition, desired.given)
    if adopted or (recreating and _has_own_mac(definition, current, states)):
        settings = replace(settings, mac=definition.mac)
    if adopted:
        settings = replace(settings, ipv6=_with_adopted_ra(settings.ipv6, adopted.definition.ipv6))
    if recreating:
        settings = replace(settings, mtu=_mtu_when_recreated(definition, states), ipv6=definition.ipv6)
    settings = replace(settings, addresses=None, routes=None)
    kind = definition.traits.kernel_kind
    state = InterfaceState(
        kind,
        0,
        settings,
        desired_addresses(definition, current, taken_over(adopted, desired.given)),
        desired_routes(definition, current, taken_over(adopted, desired.given)),
        master=current.master if current else None,
        port=current.port if current else None,
        lower=definition.parent,
        persistent=kind == "tun",
    )
    if isinstance(settings, LinuxBridge):
        return replace(state, definition=replace(settings, ports=None))
    if isinstance(settings, Tuntap):
        state = replace(state, definition=replace(settings, bridge=None))
        if definition.bridge != state.master:
            return replace(state, master=definition.bridge, port=None)
    return state


def _with_adopted_ra(given: Optional[Ipv6], adopted: Optional[Ipv6]) -> Optional[Ipv6]:
    """Returns the IPv6 settings of a bridge that adopts an interface which accepts router advertisements always.

    A host that forwards accepts them only where that is set, so the bridge has to accept them in its place.
    """
    if adopted is None or not adopted.enabled or adopted.accept_ra != "always":
        return given
    return merge(Ipv6(accept_ra=adopted.accept_ra), given or Ipv6())


def _has_own_mac(definition: Interface, current: Optional[InterfaceState], states: States) -> bool:
    """Returns whether an interface that is created again has to get its MAC address again.

    A tap has one of its own, a VLAN mostly that of its parent.
    """
    if isinstance(definition, Tuntap):
        return definition.carries_ethernet
    if current is None:
        return True
    parent = states.get(current.lower or "")
    return parent is not None and parent.definition.mac != current.definition.mac


def _mtu_when_recreated(definition: Interface, states: States) -> Optional[int]:
    """Returns the MTU of an interface that is created again: its old one, where its parent can carry it."""
    parent = states.get(definition.parent or "")
    most = parent.definition.mtu if parent else None
    return definition.mtu if most is None or definition.mtu is None else min(definition.mtu, most)


def _add_ports(
    desired: DesiredInterface, definition: LinuxBridge, found: DesiredStates, states: States, adopting: bool
) -> None:
    """Adds the ports that stay and come, those that are detached, and the interface that is adopted."""
    name = desired.name
    given = {port.name: port for port in desired.given.ports or ()}
    listed = {port.name or "": port for port in definition.ports or ()}
    for port_state in ports_of(name, states):
        if port_state.name not in listed:
            found[port_state.name] = replace(port_state, master=None, port=None)
    for port_name, port in listed.items():
        state = found.get(port_name) or states[port_name]
        if state.master != name and definition.up and port_name not in desired.down_ports:
            _bring_up(state, found, states)
            state = found.get(port_name) or state
        settings = without_host_chosen(port, given.get(port_name))
        found[port_name] = replace(state, master=name, port=settings)
    if desired.adopt:
        adopted = found[desired.adopt] or states[desired.adopt]
        found[desired.adopt] = _as_adopted(adopted, adopting)


def _as_adopted(state: InterfaceState, adopting: bool) -> InterfaceState:
    """Returns an adopted interface: without addresses, routes and IPv6, as what routers advertise belongs to the bridge.

    After a boot it has IPv6 again, and keeps it: that has no effect, as the bridge takes the frames of a port.
    """
    ipv6 = replace(state.definition.ipv6, enabled=False) if adopting and state.definition.ipv6 else None
    return replace(state, definition=replace(state.definition, ipv6=ipv6), addresses=(), routes=())
