# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of iproute2 that create namespaces, veth pairs, and interfaces of any kind. Run again, they change nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Optional

from ...model.interface.options import Interface, InterfaceState, LinuxBridge
from ...model.namespace.options import NetNamespace
from ...model.veth.options import VethEnd, VethPair, as_interface
from ..ifupdown import commands as ip

_END = "END"
_SWITCHES = {"ipv4_forwarding": "ipv4/ip_forward", "ipv6_forwarding": "ipv6/conf/all/forwarding"}


def creating_namespace(desired: NetNamespace) -> Iterator[str]:
    """Yields the commands that create a namespace."""
    name = shlex.quote(desired.name or "")
    yield f"test -e /run/netns/{name} || ip netns add {name}"
    if desired.loopback is not False:
        yield f"ip -n {name} link set dev lo up"
    settings = [
        ip.setting(f"/proc/sys/net/{path}", int(value))
        for option, path in _SWITCHES.items()
        if (value := getattr(desired, option)) is not None
    ]
    yield from inside(desired.name, settings)


def inside(netns: Optional[str], commands: Iterable[str]) -> list[str]:
    """Returns commands as they are run in a namespace; ``None`` is the host's own."""
    found = list(commands)
    if netns is None or not found:
        return found
    return [f"ip netns exec {shlex.quote(netns)} sh -e <<'{_END}'", *found, _END]


def creating_pair(pair: VethPair, peer: VethEnd, states: Sequence[Optional[InterfaceState]]) -> Iterator[str]:
    """Yields the commands that create a pair; ``states`` are both ends as they are, with the details of addresses."""
    first, second = shlex.quote(pair.name or ""), shlex.quote(peer.name or "")
    other = f"netns {shlex.quote(peer.netns)}" if peer.netns else "netns 1" if pair.netns else ""
    add = f"ip link add name {first}{ip.with_mac(as_interface(pair))} type veth"
    add += f" peer name {second}{ip.with_mac(as_interface(peer))} {other}".rstrip()
    yield from inside(pair.netns, [f"{ip.present(pair.name)} || {add}"])
    for end, state in zip((pair, peer), states):
        interface = as_interface(end)
        yield from inside(end.netns, [*ip.configuring(interface), *_up(interface, state)])
    # last, as the bridge may not be there yet
    for end in (pair, peer):
        yield from inside(end.netns, _connecting(end.name, end.bridge))


def _connecting(name: Optional[str], bridge: Optional[str]) -> Iterator[str]:
    if bridge:
        yield f"ip link set dev {shlex.quote(name or '')} master {shlex.quote(bridge)}"


def _up(desired: Interface, state: Optional[InterfaceState]) -> Iterator[str]:
    if desired.up is not False:
        yield f"ip link set dev {shlex.quote(desired.name or '')} up"
    yield from ip.addressing(desired, state)


def creating_interface(desired: Interface, netns: Optional[str], state: Optional[InterfaceState]) -> list[str]:
    """Returns the commands that create an interface; ``state`` is what there is, with the details of addresses."""
    return inside(netns, _creating(desired, state))


def _creating(desired: Interface, state: Optional[InterfaceState]) -> Iterator[str]:
    name = shlex.quote(desired.name or "")
    yield from ip.making(desired)
    if isinstance(desired, LinuxBridge):
        for port in desired.ports or ():
            yield from ip.enslaving(desired, port)
        yield from ip.vlans(desired, desired, name, " self")
    yield from _up(desired, state)
    yield from _connecting(desired.name, desired.bridge)
