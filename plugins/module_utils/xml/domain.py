# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces in a libvirt <domain> document: https://libvirt.org/formatdomain.html#network-interfaces.

The tables describe what networks are about; all else in an <interface> is kept as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional

from ..model import values
from ..model.fields import option
from ..model.libvirt_parts import Bandwidth, Extra, VirtualPort, Vlan
from .binding import STRING, Attr, Child, Table, Unknown, only, read, write
from .document import Element, new, parse_document, to_text
from .parts import BANDWIDTH, VIRTUALPORT, VLAN, extra_of, unknown_of

_AGENT = "org.qemu.guest_agent.0"


@dataclass(frozen=True)
class InterfaceSource:
    """What an interface is connected to: <source>, whose attributes depend on the interface's type."""

    network: Optional[str] = option(norm=values.object_name)
    portgroup: Optional[str] = option()
    bridge: Optional[str] = option(norm=values.ifname)
    dev: Optional[str] = option(norm=values.ifname)
    mode: Optional[str] = option()


@dataclass(frozen=True)
class InterfaceElement:
    """An <interface>, as a domain's document has it; ``target`` is its device on the host."""

    type: Optional[str] = option()
    mac: Optional[str] = option(norm=values.mac)
    source: Optional[InterfaceSource] = option()
    vlan: Optional[Vlan] = option()
    virtualport: Optional[VirtualPort] = option()
    bandwidth: Optional[Bandwidth] = option()
    target: Optional[str] = option(norm=values.ifname)
    model: Optional[str] = option()
    link: Optional[str] = option(choices=("up", "down"))
    extra: Optional[tuple[Extra, ...]] = option(hidden=True)


_SOURCE = Table(
    InterfaceSource,
    Attr("network", "network", STRING),
    Attr("portgroup", "portgroup", STRING),
    Attr("bridge", "bridge", STRING),
    Attr("dev", "dev", STRING),
    Attr("mode", "mode", STRING),
)
# in the order in which libvirt writes them (virDomainNetDefFormat); it reads them in any order
_INTERFACE = Table(
    InterfaceElement,
    Attr("type", "type", STRING),
    Child("mac", "mac", only("address")),
    # its attributes and children differ with the type, so that it may have none that is known
    Child("source", "source", _SOURCE, empty=True),
    Child("vlan", "vlan", VLAN),
    Child("virtualport", "virtualport", VIRTUALPORT),
    Child("bandwidth", "bandwidth", BANDWIDTH),
    Child("target", "target", only("dev")),
    Child("model", "model", only("type")),
    Child("link", "link", only("state")),
)


@dataclass(frozen=True)
class Interface:
    """A running domain's interface: its libvirt network, the bridge that it's on, and its device on the host."""

    mac: str
    device: str
    network: Optional[str]
    bridge: Optional[str]


def read_interfaces(text: str) -> tuple[InterfaceElement, ...]:
    """Returns all interfaces of a domain's document, in its order."""
    return tuple(_read_interface(element) for element in parse_document(text).iterfind("devices/interface"))


def _read_interface(element: Element) -> InterfaceElement:
    unknown: list[Unknown] = []
    found = read(_INTERFACE, element, unknown) or InterfaceElement()
    return replace(found, extra=extra_of(unknown)) if unknown else found


def render_interface(interface: InterfaceElement) -> str:
    """Returns an interface as the <interface> that virDomainUpdateDeviceFlags takes."""
    element = new("interface")
    write(_INTERFACE, element, interface, unknown_of(interface.extra))
    return to_text(element)


def parse_interfaces(text: str) -> tuple[Interface, ...]:
    """Returns the interfaces of a running domain, without those that have no device on the host."""
    return tuple(
        Interface(
            found.mac,
            found.target,
            found.source.network if found.source else None,
            found.source.bridge if found.source else None,
        )
        for found in read_interfaces(text)
        if found.mac and found.target
    )


def networks_by_mac(text: str) -> dict[str, str]:
    """Returns the libvirt network of each of a domain's interfaces, by MAC address."""
    return {
        found.mac: found.source.network or ""
        for found in read_interfaces(text)
        if found.type == "network" and found.mac and found.source
    }


def links_by_mac(text: str) -> dict[str, str]:
    """Returns the libvirt network of each of a domain's interfaces, or else its bridge, by MAC address."""
    return {
        found.mac: found.source.network or found.source.bridge or ""
        for found in read_interfaces(text)
        if found.mac and found.source
    }


def agent_is_connected(text: str) -> bool:
    """Returns whether a running domain's agent has its channel open (virDomainChrDeviceState; qemu-guest-agent)."""
    targets = parse_document(text).iterfind("devices/channel/target")
    return any({"name": _AGENT, "state": "connected"}.items() <= dict(each.items()).items() for each in targets)


def interface_on(text: str, mac: str, *, network: Optional[str] = None, bridge: Optional[str] = None) -> Optional[str]:
    """Returns a running domain's interface as XML text that puts it on a network or a bridge, all else as it is.

    ``None`` where the domain has no interface of that MAC address, or the interface has no <source>.
    """
    found = next((found for found in read_interfaces(text) if found.mac == mac), None)
    if found is None or found.source is None:
        return None
    if network:
        source = InterfaceSource(network=network, portgroup=found.source.portgroup or None)
    else:
        source = InterfaceSource(bridge=bridge or "")
    # the other attributes, such as portid, belong to the network or bridge that it leaves
    extra = tuple(kept for kept in found.extra or () if not _is_attribute_of(kept, "source"))
    return render_interface(replace(found, type="network" if network else "bridge", source=source, extra=extra))


def _is_attribute_of(extra: Extra, path: str) -> bool:
    return extra.path == path and (extra.xml or "").startswith("@")
