# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sections of systemd-networkd's files for an interface."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional

from ...model.fields import canonical
from ...model.interface.kernel_effects import default_pvid
from ...model.interface.normal import IFA_F_NODAD, IFA_F_NOPREFIXROUTE, destination, normal_route
from ...model.interface.options import (
    Address,
    BridgeVlans,
    Interface,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    MacvlanIface,
    Port,
    Route,
    Tuntap,
    VlanIface,
)
from ...model.interface.uplink.declared import leases
from ...model.interface.vlans import ranges
from ...model.ipv6_settings import sysctl_key, sysctl_values
from ..files import Draft
from ..ini import Section
from ..vlans import vlans_to_write, warn_of_default_vlan
from ..words import Table, by_section, settings
from . import uplink
from .words import WORDS

_KINDS = {LinuxBridge: "bridge", VlanIface: "vlan", MacvlanIface: "macvlan"}
PVID_CAN_BE_NONE = 256  # the version of systemd from which on the VLANs that are listed replace the default one


def _section(name: str, keys: Iterable[tuple[str, object]]) -> list[Section]:
    """Returns a section with the keys that have a value; none where no key has one."""
    found = [(key, value) for key, value in keys if value is not None]
    return [(name, found)] if found else []


def _by_words(table: Table, options: object) -> list[Section]:
    return [(name, keys.items()) for name, keys in by_section(settings(table, canonical(options))).items()]


def netdev(desired: Interface) -> list[Section]:
    """Returns the sections of an interface's .netdev file."""
    mode = desired.mode or "tap" if isinstance(desired, Tuntap) else None
    device: list[tuple[str, object]] = [("Name", desired.name), ("Kind", mode or _KINDS[type(desired)])]
    if mode is None:  # a TUN or TAP device takes these only in `network`
        # without an address networkd would make one up, where the kernel takes that of a port or of the parent
        device += [("MACAddress", desired.mac or "none"), ("MTUBytes", desired.mtu)]
    own = _by_words(WORDS.of_kind(desired), desired)
    return [*_section("NetDev", device), *(("Tun" if mode == "tun" else name, keys) for name, keys in own)]


def network(draft: Draft, desired: Interface) -> list[Section]:
    """Returns the sections of an interface's .network file."""
    state = draft.request.interfaces.get(desired.name or "")
    ipv6 = desired.ipv6 or Ipv6()
    if ipv6.enabled is None and state and state.definition.ipv6 and state.definition.ipv6.enabled is False:
        ipv6 = Ipv6(enabled=False)  # the host's default, which networkd would override
    off = ipv6.enabled is False
    ra = {None: None, "never": "no", "unless_forwarding": None, "always": "yes"}[ipv6.accept_ra]
    lines = _section("Match", [("Name", desired.name)])
    tuntap = isinstance(desired, Tuntap)
    link = [
        ("MACAddress", desired.mac if tuntap else None),
        ("MTUBytes", desired.mtu if tuntap else None),
        ("ActivationPolicy", "down" if desired.up is False else None),
        ("RequiredForOnline", None if _leads_out(desired) else "no"),
    ]
    lines += _section("Link", link)
    network = [
        ("Bridge", desired.bridge if isinstance(desired, Tuntap) else None),
        ("LinkLocalAddressing", "no" if off else None),
        ("IPv6LinkLocalAddressGenerationMode", None if off else ipv6.addr_gen_mode),
        ("IPv6AcceptRA", "no" if off else ra),
        *uplink.network(desired),
        ("ConfigureWithoutCarrier", "yes"),
        # what a DHCP client has set has to go when its lease ends
        ("KeepConfiguration", "static" if leases(desired) else "yes"),
    ]
    lines += _section("Network", network)
    lines += _section("DHCPv6", uplink.dhcpv6(desired))
    lines += _section("IPv6AcceptRA", [("UseAutonomousPrefix", None if ipv6.autoconf is not False else "no")])
    lines += addressing(desired, state)
    if isinstance(desired, LinuxBridge):
        lines += _vlans(draft, desired, desired, "the bridge itself")
    return lines


def addressing(desired: Interface, state: Optional[InterfaceState]) -> list[Section]:
    """Returns a section for each address and route, with the details that it has now."""
    lines: list[Section] = []
    held = {address.cidr: address for address in state.addresses} if state else {}
    for cidr in desired.addresses or ():
        lines += _address(held.get(cidr, Address(cidr)), desired.name or "")
    routes = {normal_route(route.option): route for route in state.routes} if state else {}
    for option in desired.routes or ():
        lines += _route(routes.get(normal_route(option), Route(option)))
    return lines


def _leads_out(desired: Interface) -> bool:
    """Returns whether a start of the host should wait for its carrier. A tap, or a bridge with guests only, has none then."""
    return bool(desired.addresses or leases(desired)) and (
        isinstance(desired, (VlanIface, MacvlanIface)) or bool(getattr(desired, "ports", None))
    )


def _address(address: Address, name: str) -> list[Section]:
    of_ipv4 = ":" not in address.cidr
    return _section(
        "Address",
        (
            ("Address", address.cidr),
            ("Peer", address.peer),
            ("Broadcast", (address.broadcast or "no") if of_ipv4 and not address.peer else address.broadcast),
            ("Label", address.label if address.label != name else None),
            ("Scope", address.scope or None),
            ("RouteMetric", address.metric),
            ("PreferredLifetime", 0 if address.preferred_seconds == 0 else None),
            ("AddPrefixRoute", "no" if address.flags & IFA_F_NOPREFIXROUTE else None),
            ("DuplicateAddressDetection", "none" if address.flags & IFA_F_NODAD else None),
        ),
    )


def _route(route: Route) -> list[Section]:
    option = route.option
    return _section(
        "Route",
        (
            ("Destination", destination(option)),
            ("Gateway", option.via),
            ("GatewayOnLink", "yes" if route.onlink else None),
            ("Metric", option.metric),
            ("Table", option.table),
            ("PreferredSource", option.source),
            ("Scope", route.scope or None),
            # without it networkd adds a second route beside one that another program has made
            ("Protocol", route.protocol),
        ),
    )


def sysctl(desired: Interface) -> list[str]:
    """Returns the lines of a sysctl.d file for what networkd doesn't set; udev applies them when the interface appears
    (99-systemd.rules)."""
    ipv6 = desired.ipv6 or Ipv6()
    unset = Ipv6(enabled=None if ipv6.enabled else ipv6.enabled, autoconf=ipv6.autoconf)
    return [f"{sysctl_key(desired.name or '', key)} = {value}" for key, value in sysctl_values(unset).items()]


def port(draft: Draft, bridge: LinuxBridge, member: Port) -> list[Section]:
    """Returns the sections of the drop-in that makes an interface a port of a bridge."""
    lines = [*_section("Network", [("Bridge", bridge.name)]), *_by_words(WORDS.port, member)]
    return lines + _vlans(draft, bridge, member, f"port {member.name}")


def _vlans(draft: Draft, bridge: LinuxBridge, value: BridgeVlans, whose: str) -> list[Section]:
    vlans, default = vlans_to_write(bridge, value), default_pvid(bridge)
    if vlans is None:
        return []
    lines: list[Section] = []
    replaces = draft.request.facts.systemd >= PVID_CAN_BE_NONE
    if default and default not in vlans.all and not replaces:
        warn_of_default_vlan(draft, f"networkd before systemd {PVID_CAN_BE_NONE}", default, whose)
    if default and not vlans.pvid and replaces:
        lines += _section("BridgeVLAN", [("PVID", "no")])
    if vlans.pvid:
        untagged = vlans.pvid if vlans.pvid in vlans.untagged else None
        lines += _section("BridgeVLAN", [("VLAN", vlans.pvid), ("PVID", vlans.pvid), ("EgressUntagged", untagged)])
    for span in ranges(vlans.untagged - {vlans.pvid}):
        lines += _section("BridgeVLAN", [("VLAN", span), ("EgressUntagged", span)])
    for span in ranges(vlans.tagged - {vlans.pvid}):
        lines += _section("BridgeVLAN", [("VLAN", span)])
    return lines
