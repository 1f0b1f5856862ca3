# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about an interface that is refused before the host is changed, each with the option's path."""

from __future__ import annotations

import functools
from typing import Optional, Union

from ...errors import OptionError, VirtnetError
from ..links import LinkFacts
from .desired import LEAST_STP_DELAY, DesiredInterface, States, interfaces_on
from .differences import changed_settings, recreating_options
from .facts import Namespace
from .kernel_effects import DEFAULT_PVID
from .normal import QOS_MAPS
from .options import BridgeVlans, Interface, InterfaceState, LinuxBridge, MacvlanIface, Tuntap, VlanIface
from .validate_ip import check_ip
from .vlans import expand

_MISSING = "doesn't exist on this host; create it first"
_FILTERING = ("vlan_filtering", "vlan_default_pvid", "vlan_protocol", "pvid", "tagged", "untagged")
_PORT_VLANS = ("pvid", "tagged", "untagged")
_MACVLANS = ("macvlan", "macvtap")
_ALONE = "passthru"
_RESTRICTED = 0b111  # BR_GROUPFWD_RESTRICTED in net/bridge/br_private.h: STP, pause frames, LACP


def check(
    desired: DesiredInterface, definition: Interface, current: Optional[InterfaceState], namespace: Namespace
) -> None:
    """Refuses what is not possible for an interface that is to be there; ``definition`` is its complete one."""
    traits = definition.traits
    if current is None and traits.kernel_kind not in namespace.features:
        raise VirtnetError(f"{desired.name}: this kernel has no {traits.kernel_words}; boot one that has them")
    _check_kind(definition, desired, current, namespace)
    check_ip(desired, definition, current, namespace)


@functools.singledispatch
def _check_kind(
    definition: Interface, _desired: DesiredInterface, _current: Optional[InterfaceState], _namespace: Namespace
) -> None:
    """Refuses what is not possible for its kind."""
    raise TypeError(f"no rules are known for {definition!r}")


# -- bridges -------------------------------------------------------------------------------------------------------------


@_check_kind.register(LinuxBridge)
def _check_bridge(
    definition: LinuxBridge, desired: DesiredInterface, _current: Optional[InterfaceState], namespace: Namespace
) -> None:
    if isinstance(desired.given, LinuxBridge):
        _check_given_bridge(desired.given, namespace)
    delay = definition.forward_delay
    if definition.stp and delay is not None and delay < LEAST_STP_DELAY:
        raise OptionError(
            "forward_delay",
            delay,
            f"is too small while stp is true; use {LEAST_STP_DELAY} or more, or set stp to false",
        )
    seen: set[Optional[str]] = set()
    for place, port in enumerate(desired.given.ports or ()):
        where = f"ports[{place}]"
        if port.name in seen:
            raise OptionError(f"{where}.name", port.name, "is listed twice; list each port once")
        seen.add(port.name)
        check_port(f"{where}.name", port.name or "", desired.name, namespace.states)
        _check_filtering(port, f"{where}.", namespace, _PORT_VLANS)
        _check_vlans(port, f"{where}.")
    if desired.adopt:
        check_port("adopt", desired.adopt, desired.name, namespace.states)
        if not definition.up:
            raise OptionError(
                "up",
                definition.up,
                f"isn't possible with adopt, as {desired.name} takes the place of {desired.adopt}; set it to true",
            )


def check_own_bridge(desired: DesiredInterface, states: States, links: LinkFacts) -> None:
    """Refuses a bridge that libvirt creates for a network: the boot tool and libvirt would both create it."""
    if not desired.present or not isinstance(desired.given, LinuxBridge):
        return
    own = links.own_bridge(desired.name)
    if own is not None and (own.active or desired.name not in states):
        raise OptionError(
            "name", desired.name, f"is the bridge that libvirt creates for network {own.network}; give another name"
        )


def _check_given_bridge(given: LinuxBridge, namespace: Namespace) -> None:
    mask = given.group_fwd_mask
    if mask is not None and mask & _RESTRICTED:
        raise OptionError(
            "group_fwd_mask",
            mask,
            "forwards frames of STP, pause or LACP (bits 0 to 2), which the kernel doesn't allow; leave these bits out",
        )
    _check_filtering(given, "", namespace, _FILTERING)
    _check_vlans(given, "")


def _check_filtering(given: BridgeVlans, where: str, namespace: Namespace, options: tuple[str, ...]) -> None:
    """Refuses VLANs on bridges where the kernel has none; options that ask for nothing are accepted."""
    idle = {"vlan_default_pvid": DEFAULT_PVID, "vlan_protocol": "802.1q"}
    for option in options:
        value = getattr(given, option)
        if value in (None, False, 0, ()) or value == idle.get(option) or namespace.bridge_vlans:
            continue
        raise OptionError(
            f"{where}{option}",
            list(value) if isinstance(value, tuple) else value,
            "isn't possible, as this kernel has no VLAN filtering on bridges; leave it out, or boot a kernel that has it",
        )


def _check_vlans(given: BridgeVlans, where: str) -> None:
    both = expand(given.tagged) & expand(given.untagged)
    if both:
        raise OptionError(
            f"{where}untagged", str(min(both)), f"is also in {where}tagged; list each VLAN in one of them"
        )


def check_port(option: str, name: str, bridge: str, states: States) -> None:
    """Refuses what can't be a port of the bridge."""
    if name == bridge:
        raise OptionError(option, name, "is the bridge itself; give another interface")
    state = states.get(name)
    if state is None:
        raise OptionError(option, name, _MISSING)
    if state.loopback:
        raise OptionError(option, name, "is the loopback interface, which can't be a port; give another interface")
    if not state.definition.carries_ethernet:
        raise OptionError(
            option, name, "is a TUN device, which can't be a port as it has no MAC address; give a TAP device"
        )
    if state.kind == "bridge":
        raise OptionError(option, name, "is a bridge, which can't be a port of another; give another interface")
    if any(upper.name == name for upper in interfaces_on(bridge, states)):
        raise OptionError(option, name, f"is on {bridge} itself, and can't be its port; give another interface")
    if state.master is not None and state.master != bridge:
        master = states.get(state.master)
        kind = master.kind if master else "master"
        raise OptionError(option, name, f"is already a port of the {kind} {state.master}; remove it there first")


# -- VLANs ---------------------------------------------------------------------------------------------------------------


@_check_kind.register(VlanIface)
def _check_vlan(
    definition: VlanIface, desired: DesiredInterface, current: Optional[InterfaceState], namespace: Namespace
) -> None:
    states = namespace.states
    _check_missing(desired, definition, "id", "its VLAN id")
    name = definition.parent or ""
    _checked_parent(desired, definition, current, states, "a VLAN")
    for other in states.values():
        if other.name != desired.name and _identity(other.definition) == _identity(definition):
            raise OptionError(
                "id",
                definition.id,
                f"is already the VLAN of {other.name} on {name}; use another id, or that interface",
            )
    for option, (key, _value) in QOS_MAPS.items():
        entries = [getattr(entry, key) for entry in getattr(desired.given, option) or ()]
        for place, value in enumerate(entries):
            if value in entries[:place]:
                raise OptionError(f"{option}[{place}].{key}", value, f"is listed twice; list each {key} once")
    _check_recreating(desired, definition, current, states)


def _check_missing(desired: DesiredInterface, definition: Interface, option: str, what: str) -> None:
    if getattr(definition, option) is None:
        raise OptionError(option, None, f"is missing; {desired.name} doesn't exist yet, so {what} must be given")


def _checked_parent(
    desired: DesiredInterface, definition: Interface, current: Optional[InterfaceState], states: States, what: str
) -> InterfaceState:
    """Returns the parent of an interface that is on another one, or raises `OptionError`; ``what`` is its kind."""
    _check_missing(desired, definition, "parent", "the interface that it is on")
    name = definition.parent or ""
    if name == desired.name:
        raise OptionError("parent", name, f"is the {definition.word} itself; give the interface that it is on")
    parent = states.get(name)
    if parent is None:
        raise OptionError("parent", name, _MISSING)
    if parent.loopback or not parent.definition.carries_ethernet:
        problem = f"doesn't carry Ethernet frames, as {what} needs; give an interface that does"
        raise OptionError("parent", name, problem)
    if current and any(upper.name == name for upper in interfaces_on(desired.name, states)):
        raise OptionError("parent", name, f"is on {desired.name} itself; give another interface")
    mtu, most = desired.given.mtu, parent.definition.mtu
    if mtu is not None and most is not None and mtu > most:
        raise OptionError("mtu", mtu, f"is larger than the MTU of {name}; use {most} or less, or raise that first")
    return parent


def _identity(definition: Interface) -> tuple[Union[type, str, int, None], ...]:
    """Returns what the kernel has only one interface of."""
    return (type(definition), *(getattr(definition, name) for name in definition.traits.identity))


def _check_recreating(
    desired: DesiredInterface, definition: Interface, current: Optional[InterfaceState], states: States
) -> None:
    """Refuses to create an interface again where that would remove others that can't be created again with it."""
    options = recreating_options(current.definition, definition) if current else ()
    if not options:
        return
    for upper in interfaces_on(desired.name, states):
        if upper.kind != "vlan":
            raise OptionError(
                options[0],
                getattr(desired.given, options[0]),
                f"can't be changed without creating {desired.name} again, which {upper.name} ({upper.kind}) is on;"
                f" remove {upper.name} first",
            )


# -- macvlan interfaces ------------------------------------------------------------------------------------------------------


@_check_kind.register(MacvlanIface)
def _check_macvlan(
    definition: MacvlanIface, desired: DesiredInterface, current: Optional[InterfaceState], namespace: Namespace
) -> None:
    states, name = namespace.states, definition.parent or ""
    parent = _checked_parent(desired, definition, current, states, "a macvlan interface")
    if parent.kind in _MACVLANS:
        # the kernel would put it on the parent of that one (macvlan_common_newlink)
        problem = f"is a {parent.kind} interface itself; give {parent.lower or 'the interface that it is on'}"
        raise OptionError("parent", name, problem)
    if parent.master is not None and not _is_on(current, name):
        raise OptionError(
            "parent", name, f"is a port of {parent.master}, and can't have macvlan interfaces; give {parent.master}"
        )
    others = [state for state in states.values() if state.lower == name and state.kind in _MACVLANS]
    others = [state for state in others if state.name != desired.name]
    alone = [other.name for other in others if getattr(other.definition, "mode", None) == _ALONE]
    if alone:
        problem = f"has {alone[0]} in mode {_ALONE}, beside which there is no other; remove that first"
        raise OptionError("parent", name, problem)
    if definition.mode == _ALONE and others:
        problem = f"isn't possible while {others[0].name} is on {name}, too; remove that first, or use another mode"
        raise OptionError("mode", _ALONE, problem)
    mac = desired.given.mac
    if mac is not None and definition.mode == _ALONE:
        problem = f"isn't possible with mode {_ALONE}, in which it has the MAC address of {name}; set it there"
        raise OptionError("mac", mac, problem)
    for state in (parent, *others):
        if mac is not None and state.definition.mac == mac:
            raise OptionError("mac", mac, f"is the MAC address of {state.name}; give another one")
    _check_recreating(desired, definition, current, states)


def _is_on(current: Optional[InterfaceState], parent: str) -> bool:
    return current is not None and current.lower == parent


# -- taps ----------------------------------------------------------------------------------------------------------------


@_check_kind.register(Tuntap)
def _check_tap(
    definition: Tuntap, desired: DesiredInterface, current: Optional[InterfaceState], namespace: Namespace
) -> None:
    given = desired.given
    if not definition.carries_ethernet:
        for option in ("mac", "bridge"):
            if getattr(given, option):
                raise OptionError(
                    option,
                    getattr(given, option),
                    "isn't possible with mode tun, which has no MAC address; leave it out",
                )
    if current is not None and not current.persistent:
        raise OptionError(
            "name", desired.name, "is a device that goes with the program that created it; give another name"
        )
    if given.bridge and not desired.attached_by_bridge:
        bridge = namespace.states.get(given.bridge)
        if bridge is None or bridge.kind != "bridge":
            problem = _MISSING if bridge is None else "is not a bridge; give the name of one"
            raise OptionError("bridge", given.bridge, problem)
    if current is None:
        return
    options = recreating_options(current.definition, definition)
    own = {"owner", "group", "packet_info", "vnet_hdr"} & set(changed_settings(current.definition, definition))
    if current.attached and (options or own):
        option = options[0] if options else min(own)
        raise OptionError(
            option,
            getattr(given, option),
            f"can't be changed while a program, such as a guest, has {desired.name} open; stop that first",
        )
    _check_recreating(desired, definition, current, namespace.states)


# -- removal -------------------------------------------------------------------------------------------------------------


def check_removal(desired: DesiredInterface, current: InterfaceState, states: States) -> None:
    """Refuses to remove an interface of another kind, and one that others need."""
    name, given = desired.name, desired.given
    if current.kind != given.traits.kernel_kind:
        raise OptionError("name", name, f"is not a {given.word}, and is not removed; give the name of one")
    upper = [state.name for state in states.values() if state.lower == name]
    if upper:
        raise VirtnetError(f"{name} can't be removed while {', '.join(sorted(upper))} is on it; remove that first")
    if current.attached:
        raise VirtnetError(f"{name} can't be removed while a program, such as a guest, has it open; stop that first")
    guests = sorted(state.name for state in states.values() if state.master == name and state.attached)
    if guests and not desired.purge_taps:
        raise VirtnetError(
            f"bridge {name} can't be removed while guests are connected to it ({', '.join(guests)});"
            " stop or disconnect them first, or set purge_taps to true"
        )
    if desired.adopt:
        check_port("adopt", desired.adopt, name, states)
