# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a libvirt domain's document that networks are about: https://libvirt.org/formatdomain.html#network-interfaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ._lxml import parse


@dataclass(frozen=True)
class Interface:
    """A running domain's interface: the libvirt network it is on, the bridge that carries it, its device on the host."""

    mac: str
    device: str
    network: Optional[str]
    bridge: Optional[str]


def parse_interfaces(text: str) -> tuple[Interface, ...]:
    """The interfaces of a running domain, those that have no device on the host left out."""
    found = []
    for element in parse(text).iterfind("devices/interface"):
        mac, source, target = element.find("mac"), element.find("source"), element.find("target")
        if mac is None or target is None or not target.get("dev"):
            continue
        network = source.get("network") if source is not None else None
        bridge = source.get("bridge") if source is not None else None
        found.append(Interface(mac.get("address", ""), target.get("dev", ""), network, bridge))
    return tuple(found)
