# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of an interface before anything is touched, each with the option's path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ...errors import OptionError, VirtnetError
from .desired import LEAST_STP_DELAY, DesiredInterface, above
from .facts import Namespace
from .kernel_effects import DEFAULT_PVID
from .options import Interface, InterfaceState, LinuxBridge, Tuntap, VlanIface
from .validate_ip import check_ip
from .vlans import expand

_NEEDS = {
    LinuxBridge: ("bridge", "bridges"),
    VlanIface: ("vlan", "802.1Q VLANs"),
    Tuntap: ("tun", "TUN and TAP devices"),
}
_FILTERING = ("vlan_filtering", "vlan_default_pvid", "vlan_protocol", "pvid", "tagged", "untagged")
_PORT_VLANS = ("pvid", "tagged", "untagged")
_RESTRICTED = 0b111  # BR_GROUPFWD_RESTRICTED in net/bridge/br_private.h: STP, pause frames, LACP


def check(desired: DesiredInterface, target: Interface, found: Optional[InterfaceState], namespace: Namespace) -> None:
    """Refuse what can't be, of one that is to be there; ``target`` is the whole of it."""
    feature, words = _NEEDS[type(target)]
    if found is None and feature not in namespace.features:
        raise OptionError("name", desired.name, f"another kernel: this kernel has no {words}")
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
            "a number without the bits 0, 1 and 2 (STP, pause frames, LACP), which the kernel keeps",
        )
    if target.stp and target.forward_delay is not None and target.forward_delay < LEAST_STP_DELAY:
        raise OptionError(
            "forward_delay", target.forward_delay, f"{LEAST_STP_DELAY} or more, as stp is true, or none with stp false"
        )
    _check_filtering(given, "", namespace, _FILTERING)
    _check_vlans(given, "")
    seen: set[Optional[str]] = set()
    for place, port in enumerate(given.ports or ()):
        where = f"ports[{place}]"
        if port.name in seen:
            raise OptionError(f"{where}.name", port.name, "each port once")
        seen.add(port.name)
        check_port(f"{where}.name", port.name or "", desired.name, namespace.states)
        _check_filtering(port, f"{where}.", namespace, _PORT_VLANS)
        _check_vlans(port, f"{where}.")
    if desired.adopt:
        check_port("adopt", desired.adopt, desired.name, namespace.states)
        if not target.up:
            raise OptionError("up", target.up, f"true, as {desired.name} takes the place of {desired.adopt}")


def _check_filtering(given: Any, where: str, namespace: Namespace, options: tuple[str, ...]) -> None:
    """Without VLAN filtering in the kernel there are no VLANs on bridges; what asks for none is well."""
    idle = {"vlan_default_pvid": DEFAULT_PVID, "vlan_protocol": "802.1q"}
    for option in options:
        value = getattr(given, option)
        if value in (None, False, 0, ()) or value == idle.get(option) or namespace.bridge_vlans:
            continue
        shown = list(value) if isinstance(value, tuple) else value
        raise OptionError(f"{where}{option}", shown, "nothing, as this kernel has no bridge VLAN filtering")


def _check_vlans(given: Any, where: str) -> None:
    both = expand(given.tagged) & expand(given.untagged)
    if both:
        raise OptionError(f"{where}untagged", str(min(both)), f"VLANs that aren't in {where}tagged as well")


def check_port(option: str, name: str, bridge: str, states: Mapping[str, InterfaceState]) -> None:
    """Refuse what can't be a port of the bridge."""
    if name == bridge:
        raise OptionError(option, name, "another interface than the bridge itself")
    state = states.get(name)
    if state is None:
        raise OptionError(option, name, "an interface that the host has; there is none of that name")
    if state.loopback:
        raise OptionError(option, name, "an interface that can be a port of a bridge; this is the loopback interface")
    if isinstance(state.definition, Tuntap) and state.definition.mode == "tun":
        raise OptionError(option, name, "an interface with a MAC address; this is a TUN device, which has none")
    if state.kind == "bridge":
        raise OptionError(option, name, "an interface that can be a port of a bridge; this is a bridge itself")
    if any(upper.name == name for upper in above(bridge, states)):
        raise OptionError(option, name, f"an interface that doesn't sit on {bridge} itself")
    if state.master is not None and state.master != bridge:
        master = states.get(state.master)
        kind = master.kind if master else "master"
        raise OptionError(
            option, name, f"an interface without another master; it is a port of the {kind} {state.master}"
        )


# -- VLANs ---------------------------------------------------------------------------------------------------------------


def _check_vlan(
    desired: DesiredInterface, target: VlanIface, found: Optional[InterfaceState], namespace: Namespace
) -> None:
    states = namespace.states
    for option, what in (("parent", "the interface that the VLAN is on"), ("id", "the VLAN's id")):
        if getattr(target, option) is None:
            raise OptionError(option, None, f"{what}, as there is no {desired.name} yet")
    name = target.parent or ""
    if name == desired.name:
        raise OptionError("parent", name, "another interface than the VLAN's own")
    parent = states.get(name)
    if parent is None:
        raise OptionError("parent", name, "an interface that the host has; there is none of that name")
    if parent.loopback or (isinstance(parent.definition, Tuntap) and parent.definition.mode == "tun"):
        raise OptionError("parent", name, "an interface that carries Ethernet frames")
    if found and any(upper.name == name for upper in above(desired.name, states)):
        raise OptionError("parent", name, f"an interface that doesn't sit on {desired.name} itself")
    for other in states.values():
        theirs = other.definition
        if other.name != desired.name and isinstance(theirs, VlanIface) and _tag(theirs) == _tag(target):
            raise OptionError("id", target.id, f"a VLAN that {name} doesn't have yet; {other.name} is that VLAN")
    mtu, most = desired.given.mtu, parent.definition.mtu
    if mtu is not None and most is not None and mtu > most:
        raise OptionError("mtu", mtu, f"at most {most}, the MTU of {name}")
    for option, key in (("ingress_qos", "pcp"), ("egress_qos", "priority")):
        entries = [getattr(entry, key) for entry in getattr(desired.given, option) or ()]
        for place, value in enumerate(entries):
            if value in entries[:place]:
                raise OptionError(f"{option}[{place}].{key}", value, f"each {key} once")
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
                f"no change while {upper.name} ({upper.kind}) sits on {desired.name}, which would have to be made again",
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
                raise OptionError(option, getattr(given, option), "nothing with mode tun, which has no MAC address")
    if found is not None and not found.persistent:
        raise OptionError(
            "name", desired.name, "the name of a persistent device; this one goes with the program that has made it"
        )
    if given.bridge and not desired.left_to_bridge:
        bridge = namespace.states.get(given.bridge)
        if bridge is None or bridge.kind != "bridge":
            other = "there is none of that name" if bridge is None else "this is something else"
            raise OptionError("bridge", given.bridge, f"a bridge that the host has; {other}")
    if found is None:
        return
    remade = must_remake(found.definition, target)
    own = {"owner", "group", "packet_info", "vnet_hdr"} & set(settings(found.definition, target))
    if found.attached and (remade or own):
        option = remade[0] if remade else min(own)
        raise OptionError(
            option, getattr(given, option), f"no change while a program, such as a guest, has {desired.name} open"
        )
    if remade:
        _check_remaking(desired, target, found, namespace.states)


# -- removal -------------------------------------------------------------------------------------------------------------


def check_removal(desired: DesiredInterface, found: InterfaceState, states: Mapping[str, InterfaceState]) -> None:
    """Refuse to remove what isn't of the kind, and what others need."""
    name = desired.name
    kind = {LinuxBridge: "bridge", VlanIface: "vlan", Tuntap: "tun"}[type(desired.given)]
    if found.kind != kind:
        raise OptionError("name", name, f"the name of a {kind}, or of nothing; it is not removed, as it is none")
    on_top = [state.name for state in states.values() if state.lower == name]
    if on_top:
        raise VirtnetError(f"{name} is not removed: {', '.join(sorted(on_top))} would go with it; remove that first")
    if found.attached:
        raise VirtnetError(f"{name} is not removed: a program, such as a guest, has it open; stop that first")
    guests = sorted(state.name for state in states.values() if state.master == name and state.attached)
    if guests and not desired.purge_taps:
        raise VirtnetError(
            f"bridge {name} is not removed: guests hang on it by {', '.join(guests)}; stop them, unplug them, or say purge_taps: true"
        )
    if desired.adopt:
        check_port("adopt", desired.adopt, name, states)
