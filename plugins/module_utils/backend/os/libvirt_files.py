# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which bridges are libvirt's own, read from its files: it may not be there or not run, and a restore can't wait for it."""

from __future__ import annotations

import glob
import os
from xml.etree import ElementTree

from ...model.links import OwnBridge

# The networks that are defined, and those that run (virNetworkObjLoadAllConfigs and -State of libvirt's
# conf/virnetworkobj.c).
_FILES = (("etc/libvirt/qemu/networks/*.xml", False), ("run/libvirt/network/*.xml", True))


def own_bridges(root: str = "/") -> tuple[OwnBridge, ...]:
    """Returns the bridges that libvirt creates and removes by itself. One that a network only uses isn't among them."""
    found: dict[tuple[str, str], OwnBridge] = {}
    for pattern, active in _FILES:
        for path in glob.glob(os.path.join(glob.escape(root), pattern)):
            try:
                document = ElementTree.parse(path).getroot()
            except (OSError, ElementTree.ParseError):
                continue  # it is being written, or not libvirt's
            network = document if document.tag == "network" else document.find("network")
            if network is not None and (bridge := _own_bridge(network)):
                name = network.findtext("name") or ""
                found[name, bridge] = OwnBridge(bridge, name, active)
    return tuple(found.values())


def _own_bridge(network: ElementTree.Element) -> str:
    bridge, forward = network.find("bridge"), network.find("forward")
    mode = "" if forward is None else forward.get("mode", "nat")
    return "" if bridge is None or mode == "bridge" else bridge.get("name", "")
