# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which bridges are libvirt's own, read from its files: it may not run, and a restore can't wait for it."""

from __future__ import annotations

import glob
import os
from xml.etree import ElementTree

# The networks that run, and those that are defined (virNetworkObjLoadAllState and -Configs of libvirt's
# conf/virnetworkobj.c).
_FILES = ("run/libvirt/network/*.xml", "etc/libvirt/qemu/networks/*.xml")


def libvirt_bridges(root: str = "/") -> frozenset[str]:
    """Returns the bridges that libvirt creates and removes by itself. One that a network only uses isn't among them."""
    found = set()
    for path in (path for pattern in _FILES for path in glob.glob(os.path.join(glob.escape(root), pattern))):
        try:
            document = ElementTree.parse(path).getroot()
        except (OSError, ElementTree.ParseError):
            continue  # it is being written, or not libvirt's
        network = document if document.tag == "network" else document.find("network")
        if network is not None and (name := _own_bridge(network)):
            found.add(name)
    return frozenset(found)


def _own_bridge(network: ElementTree.Element) -> str:
    bridge, forward = network.find("bridge"), network.find("forward")
    mode = "" if forward is None else forward.get("mode", "nat")
    return "" if bridge is None or mode == "bridge" else bridge.get("name", "")
