# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of iproute2 that make an interface. Run again, each of them changes nothing."""

from __future__ import annotations

import functools
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
from ...model.interface.vlans import ranges
from ...model.ipv6_settings import sysctl_path
from ..vlans import vlans_to_write
from ..words import Table, settings
from .words import WORDS

# udev gives a MAC address of its own to what was created without one (MACAddressPolicy in systemd.link(5)), and that may come
# after the command that sets ours.
SETTLED = "udevadm settle --timeout=10 2>/dev/null || true"


def making(desired: Interface) -> Iterator[str]:
    """Yields the commands that make an interface, with the settings of its kind, still down."""
    name = shlex.quote(desired.name or "")
    yield f"{present(desired.name)} || {_add(canonical(desired), name)}"
    if isinstance(desired, Tuntap) and desired.mac:
        yield SETTLED  # it can't be created with an address
    if isinstance(desired, LinuxBridge):
        said = canonical(desired)
        if bridge := _by_words(WORDS.bridge, said):
            yield f"ip link set dev {name} type bridge {bridge}"
        if said.vlan_filtering:  # by itself: the default pvid can't be set any more when it is on
            yield f"ip link set dev {name} type bridge vlan_filtering 1"
    yield from configuring(desired)


def configuring(desired: Interface) -> Iterator[str]:
    """Yields the commands that set what every kind of interface has: MAC address, MTU, IPv6 settings."""
    name = shlex.quote(desired.name or "")
    if link := _by_words(WORDS.interface, desired):
        yield f"ip link set dev {name} {link}"
    yield from ipv6(desired)


def ipv6(desired: Interface) -> Iterator[str]:
    """Yields the commands that set the IPv6 settings."""
    for _where, key, value in settings(WORDS.ipv6, desired.ipv6 or Ipv6()):
        yield setting(sysctl_path(desired.name or "", key), value)


def setting(path: str, value: object) -> str:
    """Returns the command that writes a setting; a kernel without IPv6 has none of IPv6."""
    return f"test ! -e {shlex.quote(path)} || echo {value} >{shlex.quote(path)}"


def present(name: Optional[str]) -> str:
    """Returns a command that fails where there is no interface of that name."""
    return f"test -e {shlex.quote(f'/sys/class/net/{name}')}"


@functools.singledispatch
def _add(desired: Interface, _name: str) -> str:
    """Returns the command that adds an interface of this kind."""
    raise TypeError(f"no command adds {desired!r}")


@_add.register
def _add_bridge(desired: LinuxBridge, name: str) -> str:
    return f"ip link add name {name}{with_mac(desired)} type bridge"


@_add.register
def _add_vlan(desired: VlanIface, name: str) -> str:
    parent, words = shlex.quote(desired.parent or ""), _by_words(WORDS.vlan, desired)
    return f"ip link add link {parent} name {name}{with_mac(desired)} type vlan {words}"


@_add.register
def _add_macvlan(desired: MacvlanIface, name: str) -> str:
    parent, words = shlex.quote(desired.parent or ""), _by_words(WORDS.macvlan, desired)
    return f"ip link add link {parent} name {name}{with_mac(desired)} type macvlan {words}"


@_add.register
def _add_tuntap(desired: Tuntap, name: str) -> str:
    return f"ip tuntap add dev {name} {_by_words(WORDS.tuntap, desired)}"


def with_mac(desired: Interface) -> str:
    """Returns the words that create an interface with its MAC address, so that udev gives it no other one."""
    return f" address {desired.mac}" if desired.mac else ""


def enslaving(bridge: LinuxBridge, port: Port) -> Iterator[str]:
    """Yields the commands that make an interface a port of a bridge."""
    name = shlex.quote(port.name or "")
    yield from attaching(port.name, bridge.name)
    if bridge_port := _by_words(WORDS.port, canonical(port)):
        yield f"ip link set dev {name} type bridge_slave {bridge_port}"
    yield from vlans(bridge, port, name, "")


def attaching(port: Optional[str], bridge: Optional[str]) -> Iterator[str]:
    """Yields the commands that attach an interface to a bridge and set it up, without what routers have given to it so far.

    It may have been up for a moment, and until the router's lifetime ends the host would send by it and not by the bridge.
    """
    name = shlex.quote(port or "")
    yield f"ip link set dev {name} master {shlex.quote(bridge or '')} up"
    yield f"ip -6 address flush dev {name} scope global dynamic 2>/dev/null || true"
    yield f"ip -6 route flush dev {name} proto ra 2>/dev/null || true"


def vlans(bridge: LinuxBridge, value: BridgeVlans, name: str, own: str) -> Iterator[str]:
    """Yields the commands that set VLANs; ``own`` is " self" for the bridge's own, else empty."""
    held, default = vlans_to_write(bridge, value), default_pvid(bridge)
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
    """Yields the commands that add the addresses and routes, with the details that they have now."""
    name = shlex.quote(desired.name or "")
    held = {address.cidr: address for address in state.addresses} if state else {}
    for cidr in desired.addresses or ():
        yield f"ip address replace {_address(held.get(cidr, Address(cidr)), desired.name or '')} dev {name}"
    routes = {normal_route(route.option): route for route in state.routes} if state else {}
    for option in desired.routes or ():
        route = routes.get(normal_route(option), Route(option))
        command = f"ip -{route_family(option)} route replace {_route(route)} dev {name}"
        if option.source and route_family(option) == 6:
            # the kernel takes no source whose duplicate address detection isn't done (ip6_route_info_create)
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


def _words(*found: tuple[str, object]) -> str:
    return " ".join(f"{key} {value}" for key, value in found if value is not None)


def _by_words(table: Table, options: object) -> str:
    return " ".join(f"{key} {value}".rstrip() for _where, key, value in settings(table, options))


def _quoted(text: Optional[str]) -> Optional[str]:
    return None if text is None else shlex.quote(text)


def lines(keyword: str, commands: Iterable[str]) -> list[str]:
    """Returns the lines of a stanza that run the commands."""
    return [f"    {keyword} {command}" for command in commands]
