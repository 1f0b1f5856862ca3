# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where libvirt shapes an interface by its own settings, read from its files: it may not be there or not run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional
from xml.etree import ElementTree

from ...model.shaping.steps import Bandwidth
from ..os.libvirt_files import DEFINED_GUESTS, DEFINED_NETWORKS, GUESTS, NETWORKS, guests, networks, nics_of

_SHAPED = "<bandwidth"


def bandwidth_of(device: str, root: str = "/") -> Optional[Bandwidth]:
    """Returns what libvirt's definitions say of an interface; ``None`` for nothing. A guest's inbound is what the tap sends."""
    found: dict[str, set[str]] = {}
    for pattern in (DEFINED_GUESTS, GUESTS):
        for guest in guests(pattern, root, _SHAPED):
            for nic in nics_of(guest, device):
                directions = found.setdefault(f"the guest {guest.findtext('name')}", set())
                directions.update(_directions(nic, ".//bandwidth/*"))
    for pattern in (DEFINED_NETWORKS, NETWORKS):
        for network in networks(pattern, root, _SHAPED):
            bridge = network.find("bridge")
            if bridge is not None and bridge.get("name") == device:
                name = f"the network {network.findtext('name')}"
                found.setdefault(name, set()).update(_directions(network, "bandwidth/*"))
    for owner, directions in found.items():
        if directions:
            return Bandwidth(owner, "inbound" in directions, "outbound" in directions)
    return None


def _directions(parent: ElementTree.Element, path: str) -> Iterator[str]:
    return (each.tag for each in parent.iterfind(path))
