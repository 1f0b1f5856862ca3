# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where libvirt shapes an interface by its own settings, read from its files: it may not be there or not run."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from typing import Optional
from xml.etree import ElementTree

from ...model.shaping.steps import Bandwidth

# What is defined, and what runs (virDomainObjListLoadAllConfigs and virNetworkObjLoadAllState of libvirt's conf/).
_GUESTS = ("etc/libvirt/qemu/*.xml", "run/libvirt/qemu/*.xml")
_NETWORKS = ("etc/libvirt/qemu/networks/*.xml", "run/libvirt/network/*.xml")


def bandwidth_of(device: str, root: str = "/") -> Optional[Bandwidth]:
    """Returns what libvirt's definitions say of an interface; ``None`` for nothing. A guest's inbound is what the tap sends."""
    found: dict[str, set[str]] = {}
    for guest in _documents(_GUESTS, "domain", root):
        for nic in guest.iterfind("devices/interface"):
            target = nic.find("target")
            if target is not None and target.get("dev") == device:
                found.setdefault(f"the guest {guest.findtext('name')}", set()).update(
                    _directions(nic, ".//bandwidth/*")
                )
    for network in _documents(_NETWORKS, "network", root):
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


def _documents(patterns: tuple[str, ...], tag: str, root: str) -> Iterator[ElementTree.Element]:
    for pattern in patterns:
        for path in glob.glob(os.path.join(glob.escape(root), pattern)):
            try:
                with open(path, "rb") as handle:
                    content = handle.read()
                document = ElementTree.fromstring(content) if b"<bandwidth" in content else None
            except (OSError, ElementTree.ParseError):
                continue  # it is being written, or not libvirt's
            if document is not None:
                found = document if document.tag == tag else document.find(tag)
                if found is not None:
                    yield found
