# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a libvirt domain's document that networks are about: https://libvirt.org/formatdomain.html#network-interfaces."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Optional

from .document import parse_document, to_text


@dataclass(frozen=True)
class Interface:
    """A running domain's interface: the libvirt network it is on, the bridge that carries it, its device on the host."""

    mac: str
    device: str
    network: Optional[str]
    bridge: Optional[str]


def _root(text: str) -> Any:
    return parse_document(text)


def parse_interfaces(text: str) -> tuple[Interface, ...]:
    """The interfaces of a running domain, those that have no device on the host left out."""
    found = []
    for element in _root(text).iterfind("devices/interface"):
        mac, source, target = element.find("mac"), element.find("source"), element.find("target")
        if mac is None or target is None or not target.get("dev"):
            continue
        network = source.get("network") if source is not None else None
        bridge = source.get("bridge") if source is not None else None
        found.append(Interface(mac.get("address", ""), target.get("dev", ""), network, bridge))
    return tuple(found)


def networks_by_mac(text: str) -> dict[str, str]:
    """Which libvirt network each interface of a domain is on, by MAC address."""
    found = {}
    for element in _root(text).iterfind("devices/interface[@type='network']"):
        mac, source = element.find("mac"), element.find("source")
        if mac is not None and source is not None:
            found[mac.get("address", "")] = source.get("network", "")
    return found


def interface_on(text: str, mac: str, *, network: Optional[str] = None, bridge: Optional[str] = None) -> Optional[str]:
    """A running domain's interface as an XML text that puts it on a network or a bridge, all else as it is.

    ``None`` where the domain has no interface of that MAC address.
    """
    for element in _root(text).iterfind("devices/interface"):
        address = element.find("mac")
        if address is None or address.get("address") != mac:
            continue
        moved = copy.deepcopy(element)
        source = moved.find("source")
        if source is None:
            return None
        kept = {"portgroup": source.get("portgroup", "")} if network and source.get("portgroup") else {}
        source.attrib.clear()
        source.attrib.update({"network": network, **kept} if network else {"bridge": bridge or ""})
        moved.set("type", "network" if network else "bridge")
        return to_text(moved)
    return None
