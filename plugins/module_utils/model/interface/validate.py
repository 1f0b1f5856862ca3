# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of an interface before anything is touched, each with the option's path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ...errors import OptionError, VirtnetError
from ..world import Namespace
from .desired import LEAST_STP_DELAY, DesiredInterface, above
from .kernel_effects import DEFAULT_PVID
from .options import Interface, InterfaceState, LinuxBridge, Tuntap, VlanIface
from .requests import kind_word
from .validate_ip import check_ip
from .vlans import expand

_NEEDS = {
    LinuxBridge: ("bridge", "bridges (module bridge)"),
    VlanIface: ("vlan", "802.1Q VLANs (module 8021q)"),
    Tuntap: ("tun", "TUN and TAP devices (module tun)"),
}
_MISSING = "doesn't exist on this host; create it first"
_FILTERING = ("vlan_filtering", "vlan_default_pvid", "vlan_protocol", "pvid", "tagged", "untagged")
_PORT_VLANS = ("pvid", "tagged", "untagged")
_RESTRICTED = 0b111  # BR_GROUPFWD_RESTRICTED in net/bridge/br_private.h: STP, pause frames, LACP


def check(desired: DesiredInterface, target: Interface, found: Optional[InterfaceState], namespace: Namespace) -> None:
    """Refuse what can't be, of one that is to be there; ``target`` is the whole of it."""
    feature, words = _NEEDS[type(target)]
    if found is None and feature not in namespace.features:
        raise VirtnetError(f"{desired.name}: this kernel has no {words}; boot one that has them")
    if isinstance(target, LinuxBridge):
        _check_bridge(desired, target, namespace)
    elif isinstance(target, VlanIface):
        _check_vlan(desired, target, found, namespace)
    elif isinstance(target, Tuntap):
        _check_tap(desired, target, found, namespace)
    check_ip(desired, target, found, namespace.states)


# -- bridges -------------------------------------------------------------------------------------------------------------


def _check_bridge(desired: DesiredInterface, target: LinuxBridge, namespace: Namespace) -> None:
    given: Any = desired.given
    mask = given.group_fwd_mask
    if mask is not None and mask & _RESTRICTED:
        raise OptionError(
            "group_fwd_mask",
            mask,
            "forwards frames of STP, pause or LACP (bits 0 to 2), which the kernel doesn't allow; leave these bits out",
        )
    if target.stp and target.forward_delay is not None and target.forward_delay < LEAST_STP_DELAY:
        raise OptionError(
            "forward_delay",
            target.forward_delay,
            f"is too small while stp is true; use {LEAST_STP_DELAY} or more, or set stp to false",
        )
    _check_filtering(given, "", namespace, _FILTERING)
    _check_vlans(given, "")
    seen: set[Optional[str]] = set()
    for place, port in enumerate(given.ports or ()):
        where = f"ports[{place}]"
        if port.name in seen:
            raise OptionError(f"{where}.name", port.name, "is listed twice; list each port once")
        seen.add(port.name)
        check_port(f"{where}.name", port.name or "", desired.name, namespace.states)
        _check_filtering(port, f"{where}.", namespace, _PORT_VLANS)
        _check_vlans(port, f"{where}.")
    if desired.adopt:
        check_port("adopt", desired.adopt, desired.name, namespace.states)
        if not target.up:
            raise OptionError(
                "up",
                target.up,
                f"isn't possible with adopt, as {desired.name} takes the place of {desired.adopt}; set it to true",
            )


def _check_filtering(given: Any, where: str, namespace: Namespace, options: tuple[str, ...]) -> None:
    """Without VLAN filtering in the kernel there are no VLANs on bridges; what asks for none is well."""
    idle = {"vlan_default_pvid": DEFAULT_PVID, "vlan_protocol": "802.1q"}
    for option in options:
        value = getattr(given, option)
        if value in (None, False, 0, ()) or value == idle.get(option) or namespace.bridge_vlans:
            continue
        shown = list(value) if isinstance(value, tuple) else value
        raise OptionError(
            f"{where}{option}",
            shown,
            "isn't possible, as this kernel has no VLAN filtering on bridges; leave it out, or boot a kernel that has it",
        )


def _check_vlans(given: Any, where: str) -> None:
    both = expand(given.tagged) & expand(given.untagged)
    if both:
        raise OptionError(
            f"{where}untagged", str(min(both)), f"is also in {where}tagged; list each VLAN in one of them"
        )


def check_port(option: str, name: str, bridge: str, states: Mapping[str, InterfaceState]) -> None:
    """Refuse what can't be a port of the bridge."""
    if name == bridge:
        raise OptionError(option, name, "is the bridge itself; give another interface")
    state = states.get(name)
    if state is None:
        raise OptionError(option, name, _MISSING)
    if state.loopback:
        raise OptionError(option, name, "is the loopback interface, which can't be a port; give another interface")
    if isinstance(state.definition, Tuntap) and state.definition.mode == "tun":
        raise OptionError(
            option, name, "is a TUN device, which can't be a port as it has no MAC address; give a TAP device"
        )
    if state.kind == "bridge":
        raise OptionError(option, name, "is a bridge, which can't be a port of another; give another interface")
    if any(upper.name == name for upper in above(bridge, states)):
        raise OptionError(option, name, f"is on {bridge} itself, and can't be its port; give another interface")
    if state.master is not None and state.master != bridge:
        master = states.get(state.master)
        kind = master.kind if master else "master"
        raise OptionError(option, name, f"is already a port of the {kind} {state.master}; remove it there first")


# -- VLANs ---------------------------------------------------------------------------------------------------------------


def _check_vlan(
    desired: DesiredInterface, target: VlanIface, found: Optional[InterfaceState], namespace: Namespace
) -> None:
    states = namespace.states
    for option, what in (("parent", "the interface that it is on"), ("id", "its VLAN id")):
        if getattr(target, option) is None:
            raise OptionError(option, None, f"is missing; {desired.name} doesn't exist yet, so {what} must be given")
    name = target.parent or ""
    if name == desired.name:
        raise OptionError("parent", name, "is the VLAN interface itself; give the interface that it is on")
    parent = states.get(name)
    if parent is None:
        raise OptionError("parent", name, _MISSING)
    if parent.loopback or (isinstance(parent.definition, Tuntap) and parent.definition.mode == "tun"):
        raise OptionError("parent", name, "doesn't carry Ethernet frames, as a VLAN needs; give an interface that does")
    if found and any(upper.name == name for upper in above(desired.name, states)):
        raise OptionError("parent", name, f"is on {desired.name} itself; give another interface")
    for other in states.values():
        theirs = other.definition
        if other.name != desired.name and isinstance(theirs, VlanIface) and _tag(theirs) == _tag(target):
            raise OptionError(
                "id", target.id, f"is already the VLAN of {other.name} on {name}; use another id, or that interface"
            )
    mtu, most = desired.given.mtu, parent.definition.mtu
    if mtu is not None and most is not None and mtu > most:
        raise OptionError("mtu", mtu, f"is larger than the MTU of {name}; use {most} or less, or raise that first")
    for option, key in (("ingress_qos", "pcp"), ("egress_qos", "priority")):
        entries = [getattr(entry, key) for entry in getattr(desired.given, option) or ()]
        for place, value in enumerate(entries):
            if value in entries[:place]:
                raise OptionError(f"{option}[{place}].{key}", value, f"is listed twice; list each {key} once")
    _check_remaking(desired, target, found, states)


def _tag(vlan: VlanIface) -> tuple[Any, ...]:
    return (vlan.parent, vlan.id, vlan.protocol)


def _check_remaking(
    desired: DesiredInterface, target: Interface, found: Optional[InterfaceState], states: Mapping[str, InterfaceState]
) -> None:
    """What sits on an interface goes with it when it is made again, and only VLANs can be made again with it."""
    from .steps import must_remake

    remade = must_remake(found.definition, target) if found else ()
    if not remade:
        return
    for upper in above(desired.name, states):
        if upper.kind != "vlan":
            raise OptionError(
                remade[0],
                getattr(desired.given, remade[0]),
                f"can't be changed without creating {desired.name} again, which {upper.name} ({upper.kind}) is on;"
                f" remove {upper.name} first",
            )


# -- taps ----------------------------------------------------------------------------------------------------------------


def _check_tap(
    desired: DesiredInterface, target: Tuntap, found: Optional[InterfaceState], namespace: Namespace
) -> None:
    from .steps import must_remake, settings

    given: Any = desired.given
    if target.mode == "tun":
        for option in ("mac", "bridge"):
            if getattr(given, option):
                raise OptionError(
                    option,
                    getattr(given, option),
                    "isn't possible with mode tun, which has no MAC address; leave it out",
                )
    if found is not None and not found.persistent:
        raise OptionError(
            "name", desired.name, "is a device that goes with the program that created it; give another name"
        )
    if given.bridge and not desired.left_to_bridge:
        bridge = namespace.states.get(given.bridge)
        if bridge is None or bridge.kind != "bridge":
            problem = _MISSING if bridge is None else "is not a bridge; give the name of one"
            raise OptionError("bridge", given.bridge, problem)
    if found is None:
        return
    remade = must_remake(found.definition, target)
    own = {"owner", "group", "packet_info", "vnet_hdr"} & set(settings(found.definition, target))
    if found.attached and (remade or own):
        option = remade[0] if remade else min(own)
        raise OptionError(
            option,
            getattr(given, option),
            f"can't be changed while a program, such as a guest, has {desired.name} open; stop that first",
        )
    if remade:
        _check_remaking(desired, target, found, namespace.states)


# -- removal -------------------------------------------------------------------------------------------------------------


def check_removal(desired: DesiredInterface, found: InterfaceState, states: Mapping[str, InterfaceState]) -> None:
    """Refuse to remove what isn't of the kind, and what others need."""
    name = desired.name
    kind = {LinuxBridge: "bridge", VlanIface: "vlan", Tuntap: "tun"}[type(desired.given)]
    if found.kind != kind:
        raise OptionError(
            "name", name, f"is not a {kind_word(desired.given)}, and is not removed; give the name of one"
        )
    on_top = [state.name for state in states.values() if state.lower == name]
    if on_top:
        raise VirtnetError(f"{name} can't be removed while {', '.join(sorted(on_top))} is on it; remove that first")
    if found.attached:
        raise VirtnetError(f"{name} can't be removed while a program, such as a guest, has it open; stop that first")
    guests = sorted(state.name for state in states.values() if state.master == name and state.attached)
    if guests and not desired.purge_taps:
        raise VirtnetError(
            f"bridge {name} can't be removed while guests are connected to it ({', '.join(guests)});"
            " stop or disconnect them first, or set purge_taps to true"
        )
    if desired.adopt:
        check_port("adopt", desired.adopt, name, states)
