# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of an interface to all that is to come about with it: its own state, and those of its ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional

from ...errors import OptionError
from ..fields import merge, without_host_chosen
from .facts import Namespace
from .kernel_effects import LEAST_IPV6_MTU, default_pvid
from .normal import (
    asked_address,
    family,
    ip_of,
    normal,
    normal_port,
    normal_route,
    reached,
    route_family,
    with_own_route,
)
from .options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Port,
    Route,
    Tuntap,
    VlanIface,
)
from .requests import kind_word
from .vlans import Vlans, default_changed, merged, vlans_of, with_vlans

LEAST_STP_DELAY = 2  # BR_MIN_FORWARD_DELAY, in seconds


@dataclass(frozen=True)
class DesiredInterface:
    """What a user asked of an interface; ``given`` holds the options as they were given, left-out ones as ``None``."""

    given: Interface
    present: bool = True
    netns: Optional[str] = None
    persist: str = "none"
    adopt: Optional[str] = None
    purge_taps: bool = False
    recreate: bool = True
    left_to_bridge: bool = False  # a tap that its bridge, which isn't there yet, will make its port

    @property
    def name(self) -> str:
        return self.given.name or ""


def whole(name: str, states: Mapping[str, InterfaceState]) -> Optional[Interface]:
    """The definition of an interface, with what follows from its state and from others'."""
    state = states.get(name)
    if state is None:
        return None
    changes: dict[str, Any] = {
        "addresses": tuple(address.cidr for address in state.addresses) or None,
        "routes": tuple(dict.fromkeys(route.option for route in state.routes)) or None,
    }
    if isinstance(state.definition, LinuxBridge):
        changes["ports"] = tuple(port.port or Port(name=port.name) for port in ports_of(name, states)) or None
    if isinstance(state.definition, Tuntap):
        changes["bridge"] = state.master
    return normal(replace(state.definition, **changes))


def ports_of(bridge: str, states: Mapping[str, InterfaceState]) -> list[InterfaceState]:
    return sorted([state for state in states.values() if state.master == bridge], key=lambda state: state.name)


# -- the definition ----------------------------------------------------------------------------------------------------------


def definition_of(desired: DesiredInterface, found: Optional[InterfaceState], namespace: Namespace) -> Interface:
    """What it should be, whole, in normal form."""
    given, states = desired.given, namespace.states
    if isinstance(given, Tuntap) and desired.left_to_bridge:
        given = replace(given, bridge=None)
    base = whole(desired.name, {**states, desired.name: found}) if found else None
    if found is not None and type(found.definition) is not type(given):
        raise OptionError(
            "name",
            desired.name,
            f"the name of a {kind_word(given)}, or of nothing yet; the host has a{_kind(found)} of that name",
        )
    target = merge(base or _fresh(given), replace(given, routes=_normal_routes(given.routes)))
    if isinstance(target, Tuntap) and target.mode == "tun":
        # what a TAP device had, and a TUN device can't have
        target = replace(target, mac=given.mac, bridge=given.bridge)  # type: ignore[attr-defined]
    if isinstance(target, LinuxBridge) and isinstance(given, LinuxBridge):
        target = _bridge(desired, given, base if isinstance(base, LinuxBridge) else None, target, namespace)
    if given.addresses is None and not _has_ipv6(target):
        target = replace(target, addresses=tuple(cidr for cidr in target.addresses or () if family(cidr) == 4))
    return normal(
        target if given.routes is not None else replace(target, routes=_possible_routes(desired, target, states))
    )


def _has_ipv6(target: Interface) -> bool:
    enabled = target.ipv6 is None or target.ipv6.enabled is not False
    return enabled and (target.mtu or LEAST_IPV6_MTU) >= LEAST_IPV6_MTU


def _possible_routes(desired: DesiredInterface, target: Interface, states: Mapping[str, InterfaceState]) -> Any:
    """The routes that can stay, where nobody asks for any: not without their gateway or their source, nor while it is down."""
    if not target.up:
        return None
    held = [state for name in (desired.name, desired.adopt) if (state := states.get(name or ""))]
    pinned = {route.option for state in held for route in state.routes if route.onlink}
    peers = [address.peer for state in held for address in state.addresses if address.peer]
    nets = [ipaddress.ip_interface(cidr).network for cidr in (*(target.addresses or ()), *peers)]
    own = {ip_of(cidr) for cidr in target.addresses or ()}
    lost = {ip_of(address.cidr) for state in held for address in state.addresses} - own
    had_ipv4 = any(family(address.cidr) == 4 for state in held for address in state.addresses)
    ipv4 = not had_ipv4 or any(net.version == 4 for net in nets)  # they go with the last address
    ipv6 = _has_ipv6(target)
    return tuple(
        route
        for route in target.routes or ()
        if route.source not in lost
        and (ipv4 if route_family(route) == 4 else ipv6)
        and (
            route in pinned or route.via is None or reached(ipaddress.ip_address(route.via), nets, target.routes or ())
        )
    )


def _kind(state: InterfaceState) -> str:
    word = state.kind or "hardware interface"
    return f"n interface of the kind {word}" if state.kind else f" {word}"


def _normal_routes(routes: Optional[tuple[InterfaceRoute, ...]]) -> Optional[tuple[InterfaceRoute, ...]]:
    return None if routes is None else tuple(normal_route(route) for route in routes)


def _fresh(given: Interface) -> Interface:
    """A new interface, before anything is said of it."""
    fresh: Any = type(given)(name=given.name, up=True)
    return replace(fresh, mode="tap") if isinstance(fresh, Tuntap) else fresh


def _bridge(
    desired: DesiredInterface,
    given: LinuxBridge,
    base: Optional[LinuxBridge],
    target: LinuxBridge,
    namespace: Namespace,
) -> LinuxBridge:
    """What only a bridge has: its VLANs, its ports, and what it takes from the one that it adopts."""
    own = merged(_settled_vlans(given, base, base, namespace), given)
    held = {port.name or "": port for port in (base.ports or () if base else ())}
    listed = list(held.values() if given.ports is None else given.ports)
    if desired.adopt and desired.adopt not in [port.name for port in listed]:
        listed.append(held.get(desired.adopt, Port(name=desired.adopt)))
    if given.ports is not None and not desired.purge_taps:
        # guests hang on them
        names = {port.name for port in listed}
        listed += [port for name, port in held.items() if name not in names and namespace.states[name].kind == "tun"]
    ports = tuple(_port(port, held.get(port.name or ""), given, base, namespace) for port in listed)
    target = with_vlans(replace(target, ports=ports), own)
    if target.stp and given.forward_delay is None and (target.forward_delay or LEAST_STP_DELAY) < LEAST_STP_DELAY:
        target = replace(target, forward_delay=LEAST_STP_DELAY)  # what the kernel makes of it (br_stp_start)
    adopted = namespace.states.get(desired.adopt or "")
    return target if adopted is None else _heir_of(adopted, given, target)


def _heir_of(adopted: InterfaceState, given: LinuxBridge, target: LinuxBridge) -> LinuxBridge:
    """The bridge with what the interface has that it adopts, but for what is given."""
    changes: dict[str, Any] = {}
    if given.mac is None:
        changes["mac"] = adopted.definition.mac
    if given.addresses is None:
        cidrs = (*(target.addresses or ()), *(address.cidr for address in adopted.addresses))
        changes["addresses"] = tuple(dict.fromkeys(cidrs))
    if given.routes is None:
        routes = (*(target.routes or ()), *(route.option for route in adopted.routes))
        changes["routes"] = tuple(dict.fromkeys(routes))
    return replace(target, **changes)


def _settled_vlans(given: LinuxBridge, base: Optional[LinuxBridge], holder: Any, namespace: Namespace) -> Vlans:
    """The VLANs that a bridge or a port of it has once the bridge's default pvid is as desired."""
    if not namespace.bridge_vlans:
        return Vlans()
    if holder is None or base is None:
        pvid = default_pvid(given if base is None or given.vlan_default_pvid is not None else base)
        return Vlans(pvid, frozenset(), frozenset({pvid} if pvid else ()))
    new = base if given.vlan_default_pvid is None else given
    return default_changed(vlans_of(holder), default_pvid(base), default_pvid(new))


def _port(
    given: Port, held: Optional[Port], bridge: LinuxBridge, base: Optional[LinuxBridge], namespace: Namespace
) -> Port:
    """A port as it should be; a new one starts with what the kernel gives it."""
    if given is held:
        given = Port(name=held.name)
    start = _settled_vlans(bridge, base, held, namespace)
    return normal_port(with_vlans(merge(held or Port(name=given.name), given), merged(start, given)))


# -- states ------------------------------------------------------------------------------------------------------------------


def targets_of(
    desired: DesiredInterface,
    target: Interface,
    found: Optional[InterfaceState],
    namespace: Namespace,
    *,
    remade: bool,
    adopting: bool,
) -> dict[str, Optional[InterfaceState]]:
    """The states that are to come about: its own, and those of the interfaces that change with it. ``adopting``: the one
    that it adopts has yet to give up what it has."""
    states = namespace.states
    name = desired.name
    own = _own(desired, target, found, remade, states)
    targets: dict[str, Optional[InterfaceState]] = {name: own}
    if remade:
        for upper in above(name, states):
            targets[upper.name] = upper
    if isinstance(target, VlanIface) and target.up:
        parent = states[target.parent or ""]
        if not target.loose_binding and not parent.definition.up:
            _raise(parent, targets, states)
    if isinstance(target, LinuxBridge):
        _bridge_targets(desired, target, targets, states, adopting)
    return targets


def _raise(
    state: InterfaceState, targets: dict[str, Optional[InterfaceState]], states: Mapping[str, InterfaceState]
) -> None:
    """Bring up what is needed, and only that: the kernel would bring up each VLAN on it as well."""
    if state.definition.up:
        return
    for upper in above(state.name, states):
        targets.setdefault(upper.name, upper)
    targets[state.name] = replace(state, definition=replace(state.definition, up=True))


def above(name: str, states: Mapping[str, InterfaceState]) -> list[InterfaceState]:
    """All that sits on an interface, and on that."""
    found = [state for state in states.values() if state.lower == name]
    return [*found, *(upper for state in found for upper in above(state.name, states))]


def _own(
    desired: DesiredInterface,
    target: Interface,
    found: Optional[InterfaceState],
    remade: bool,
    states: Mapping[str, InterfaceState],
) -> InterfaceState:
    kind = {LinuxBridge: "bridge", VlanIface: "vlan", Tuntap: "tun"}[type(target)]
    # what the host has chosen is its own business, unless it is asked for
    definition = without_host_chosen(target, desired.given)
    if desired.adopt or (remade and _has_own_mac(target, found, states)):
        definition = replace(definition, mac=target.mac)
    if desired.adopt:
        definition = replace(definition, ipv6=_heeding(definition.ipv6, states[desired.adopt].definition.ipv6))
    if remade:
        definition = replace(definition, mtu=_mtu_again(target, states), ipv6=target.ipv6)
    state = InterfaceState(
        kind,
        0,
        replace(definition, addresses=None, routes=None, **({"ports": None} if kind == "bridge" else {})),
        _addresses(target, found, states.get(desired.adopt or "")),
        _routes(target, found, states.get(desired.adopt or "")),
        master=found.master if found else None,
        port=found.port if found else None,
        persistent=kind == "tun",
    )
    if isinstance(target, VlanIface):
        return replace(state, lower=target.parent)
    if isinstance(target, Tuntap):
        state = replace(state, definition=replace(state.definition, bridge=None))  # type: ignore[call-arg]
        if target.bridge != state.master:
            return replace(state, master=target.bridge, port=None)
    return state


def _heeding(given: Optional[Ipv6], adopted: Optional[Ipv6]) -> Optional[Ipv6]:
    """A host that forwards heeds advertisements only where it was told so: who takes an interface's place does, too."""
    if adopted is None or not adopted.enabled or adopted.accept_ra != "always":
        return given
    return merge(Ipv6(accept_ra=adopted.accept_ra), given or Ipv6())


def _has_own_mac(target: Interface, found: Optional[InterfaceState], states: Mapping[str, InterfaceState]) -> bool:
    """Whether an interface that is made again has to get its MAC again: a tap's is its own, a VLAN's mostly its parent's."""
    if isinstance(target, Tuntap):
        return target.mode == "tap"
    if found is None:
        return True
    parent = states.get(found.lower or "")
    return parent is not None and parent.definition.mac != found.definition.mac


def _mtu_again(target: Interface, states: Mapping[str, InterfaceState]) -> Optional[int]:
    """The MTU that an interface has when it is made again: the old one's, where its parent can carry it."""
    parent = states.get(target.parent or "") if isinstance(target, VlanIface) else None
    most = parent.definition.mtu if parent else None
    return target.mtu if most is None or target.mtu is None else min(target.mtu, most)


def _addresses(
    target: Interface, found: Optional[InterfaceState], adopted: Optional[InterfaceState]
) -> tuple[Address, ...]:
    known: dict[str, Address] = {}
    known.update({address.cidr: with_own_route(address) for address in (adopted.addresses if adopted else ())})
    known.update({address.cidr: address for address in (found.addresses if found else ())})
    order = [*known, *(cidr for cidr in target.addresses or () if cidr not in known)]
    return tuple(known.get(cidr) or asked_address(cidr) for cidr in order if cidr in (target.addresses or ()))


def _routes(target: Interface, found: Optional[InterfaceState], adopted: Optional[InterfaceState]) -> tuple[Route, ...]:
    known: dict[InterfaceRoute, Route] = {}
    for state in (adopted, found):
        known.update({route.option: route for route in (state.routes if state else ())})
    return tuple(known.get(option, Route(option)) for option in target.routes or ())


def _bridge_targets(
    desired: DesiredInterface,
    target: LinuxBridge,
    targets: dict[str, Optional[InterfaceState]],
    states: Mapping[str, InterfaceState],
    adopting: bool,
) -> None:
    """The ports that stay and come, those that go, and the one that is adopted, which keeps nothing of its own."""
    name = desired.name
    given = {port.name: port for port in desired.given.ports or ()} if isinstance(desired.given, LinuxBridge) else {}
    listed = {port.name or "": port for port in target.ports or ()}
    for held in ports_of(name, states):
        if held.name not in listed:
            targets[held.name] = replace(held, master=None, port=None)
    for port_name, port in listed.items():
        state = targets.get(port_name) or states[port_name]
        if state.master != name and target.up:
            _raise(state, targets, states)
            state = targets.get(port_name) or state
        settings = without_host_chosen(port, given.get(port_name))
        targets[port_name] = replace(state, master=name, port=settings)
    if desired.adopt:
        adopted = targets[desired.adopt] or states[desired.adopt]
        targets[desired.adopt] = _bared(adopted, adopting)


def _bared(state: InterfaceState, adopting: bool) -> InterfaceState:
    """Without addresses and routes, and without IPv6: what routers advertise is the bridge's. After a boot it has IPv6
    again, and is let be: nothing comes by it, as a port's frames are its bridge's."""
    ipv6 = replace(state.definition.ipv6, enabled=False) if adopting and state.definition.ipv6 else None
    return replace(state, definition=replace(state.definition, ipv6=ipv6), addresses=(), routes=())
