# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of iproute2 that make an interface, for a tool whose files hold commands.

Each can be run again, and then changes nothing: so a tool may run them on an interface that is there already.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Optional

from ...model.fields import canonical
from ...model.interface.kernel_effects import default_pvid
from ...model.interface.normal import (
    IFA_F_NODAD,
    IFA_F_NOPREFIXROUTE,
    destination,
    normal_route,
    route_family,
)
from ...model.interface.options import (
    ACCEPT_RA,
    ADDR_GEN_MODES,
    Address,
    BridgeVlans,
    Interface,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Port,
    Route,
    Tuntap,
    VlanIface,
)
from ...model.interface.vlans import ranges
from ..vlans import vlans_to_tell

_HZ = 100  # iproute2 takes a bridge's times in hundredths of a second


def making(desired: Interface) -> Iterator[str]:
    """Make it, with the settings of its kind, still down."""
    name = shlex.quote(desired.name or "")
    yield f"{present(desired.name)} || {_add(desired, name)}"
    own = [("address", desired.mac), ("mtu", desired.mtu)]
    if isinstance(desired, LinuxBridge):
        said = canonical(desired)
        settings = _words(
            ("stp_state", _digit(said.stp)),
            ("priority", said.priority),
            ("forward_delay", _hundredths(said.forward_delay)),
            ("hello_time", _hundredths(said.hello_time)),
            ("max_age", _hundredths(said.max_age)),
            ("ageing_time", _hundredths(said.ageing_time)),
            ("vlan_protocol", said.vlan_protocol),
            ("vlan_default_pvid", said.vlan_default_pvid),
            ("mcast_snooping", _digit(said.mcast_snooping)),
            ("mcast_querier", _digit(said.mcast_querier)),
            ("group_fwd_mask", said.group_fwd_mask),
        )
        if settings:
            yield f"ip link set dev {name} type bridge {settings}"
        if said.vlan_filtering:  # by itself: the default pvid can't be set any more when it is on
            yield f"ip link set dev {name} type bridge vlan_filtering 1"
    if link := _words(*own):
        yield f"ip link set dev {name} {link}"
    yield from _sysctls(desired.name or "", desired.ipv6 or Ipv6())


def present(name: Optional[str]) -> str:
    """Fails where there is no interface of that name."""
    return f"test -e {shlex.quote(f'/sys/class/net/{name}')}"


def _add(desired: Interface, name: str) -> str:
    if isinstance(desired, VlanIface):
        said = canonical(desired)
        settings = _words(
            ("proto", said.protocol),
            ("id", said.id),
            ("reorder_hdr", _on(said.reorder)),
            ("gvrp", _on(said.gvrp)),
            ("mvrp", _on(said.mvrp)),
            ("loose_binding", _on(said.loose_binding)),
            ("ingress-qos-map", " ".join(f"{entry.pcp}:{entry.priority}" for entry in said.ingress_qos or ()) or None),
            ("egress-qos-map", " ".join(f"{entry.priority}:{entry.pcp}" for entry in said.egress_qos or ()) or None),
        )
        return f"ip link add link {shlex.quote(said.parent or '')} name {name} type vlan {settings}"
    if isinstance(desired, Tuntap):
        owners = _words(("user", _quoted(desired.owner)), ("group", _quoted(desired.group)))
        flags = [word for word, on in (("pi", desired.packet_info), ("vnet_hdr", desired.vnet_hdr)) if on]
        flags += ["multi_queue"] if desired.multi_queue else []
        return " ".join(filter(None, (f"ip tuntap add dev {name} mode {desired.mode or 'tap'}", owners, *flags)))
    return f"ip link add name {name} type bridge"


def _sysctls(name: str, ipv6: Ipv6) -> Iterator[str]:
    for key, value in (
        ("disable_ipv6", None if ipv6.enabled is None else int(not ipv6.enabled)),
        ("accept_ra", None if ipv6.accept_ra is None else ACCEPT_RA.index(ipv6.accept_ra)),
        ("autoconf", None if ipv6.autoconf is None else int(ipv6.autoconf)),
        ("addr_gen_mode", None if ipv6.addr_gen_mode is None else ADDR_GEN_MODES.index(ipv6.addr_gen_mode)),
    ):
        if value is not None:
            yield f"echo {value} >{shlex.quote(f'/proc/sys/net/ipv6/conf/{name}/{key}')}"


def enslaving(bridge: LinuxBridge, port: Port) -> Iterator[str]:
    """Make a port of an interface that is there."""
    said, name = canonical(port), shlex.quote(port.name or "")
    yield f"ip link set dev {name} master {shlex.quote(bridge.name or '')} up"
    settings = _words(
        ("cost", said.cost),
        ("priority", said.priority),
        ("hairpin", _on(said.hairpin)),
        ("isolated", _on(said.isolated)),
        ("learning", _on(said.learning)),
        ("flood", _on(said.flood)),
        ("guard", _on(said.guard)),
    )
    if settings:
        yield f"ip link set dev {name} type bridge_slave {settings}"
    yield from vlans(bridge, port, name, "")


def vlans(bridge: LinuxBridge, value: BridgeVlans, name: str, own: str) -> Iterator[str]:
    """``own`` is " self" for the bridge's own."""
    held, default = vlans_to_tell(bridge, value), default_pvid(bridge)
    if held is None:
        return
    if default and default not in held.all:
        yield f"bridge vlan del dev {name} vid {default}{own} 2>/dev/null || true"
    for span in ranges(held.untagged - {held.pvid}):
        yield f"bridge vlan add dev {name} vid {span} untagged{own}"
    for span in ranges(held.tagged - {held.pvid}):
        yield f"bridge vlan add dev {name} vid {span}{own}"
    if held.pvid:
        untagged = " untagged" if held.pvid in held.untagged else ""
        yield f"bridge vlan add dev {name} vid {held.pvid} pvid{untagged}{own}"


def addressing(desired: Interface, state: Optional[InterfaceState]) -> Iterator[str]:
    """Its addresses and routes, with the details that they have now."""
    name = shlex.quote(desired.name or "")
    held = {address.cidr: address for address in state.addresses} if state else {}
    for cidr in desired.addresses or ():
        yield f"ip address replace {_address(held.get(cidr, Address(cidr)), desired.name or '')} dev {name}"
    routes = {normal_route(route.option): route for route in state.routes} if state else {}
    for option in desired.routes or ():
        route = routes.get(normal_route(option), Route(option))
        command = f"ip -{route_family(option)} route replace {_route(route)} dev {name}"
        if option.source and route_family(option) == 6:
            # not before duplicate address detection is done with the source
            command = f"n=0; until {command}; do n=$((n+1)); test $n -lt 50 || exit 1; sleep 0.1; done"
        yield command


def _address(address: Address, name: str) -> str:
    local = address.cidr if not address.peer else f"{address.cidr.split('/')[0]} peer {address.peer}"
    words = _words(
        ("broadcast", address.broadcast),
        ("label", _quoted(address.label) if address.label and address.label != name else None),
        ("scope", address.scope or None),
        ("metric", address.metric),
        ("preferred_lft", 0 if address.preferred_seconds == 0 else None),
    )
    flags = [("noprefixroute", IFA_F_NOPREFIXROUTE), ("nodad", IFA_F_NODAD)]
    return " ".join(filter(None, (local, words, *(word for word, flag in flags if address.flags & flag))))


def _route(route: Route) -> str:
    option = route.option
    words = _words(
        ("via", option.via),
        ("metric", option.metric),
        ("table", option.table),
        ("src", option.source),
        ("scope", route.scope or None),
        ("proto", route.protocol),
    )
    return " ".join(filter(None, (destination(option), words, "onlink" if route.onlink else "")))


def _words(*settings: tuple[str, object]) -> str:
    return " ".join(f"{key} {value}" for key, value in settings if value is not None)


def _digit(value: Optional[bool]) -> Optional[int]:
    return None if value is None else int(value)


def _on(value: Optional[bool]) -> Optional[str]:
    return None if value is None else "on" if value else "off"


def _hundredths(seconds: Optional[int]) -> Optional[int]:
    return None if seconds is None else seconds * _HZ


def _quoted(text: Optional[str]) -> Optional[str]:
    return None if text is None else shlex.quote(text)


def lines(keyword: str, commands: Iterable[str]) -> list[str]:
    return [f"    {keyword} {command}" for command in commands]
