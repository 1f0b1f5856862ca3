# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What libvirt's files say of its networks and guests: it may not be there or not run, and a restore can't wait for it."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from xml.etree import ElementTree

from ...model.links import OwnBridge

# What is defined, and what runs (virDomainObjListLoadAllConfigs and virNetworkObjLoadAllState of libvirt's conf/). libvirt writes
# the file of a network when it has started it, and that of a guest also before.
DEFINED_GUESTS, GUESTS = "etc/libvirt/qemu/*.xml", "run/libvirt/qemu/*.xml"
DEFINED_NETWORKS, NETWORKS = "etc/libvirt/qemu/networks/*.xml", "run/libvirt/network/*.xml"

# What libvirt sets on the tap of a guest after it has created it, in place of what is there.
_SET_LATER = ("bandwidth", "coalesce")


def networks(pattern: str, root: str = "/", mentions: str = "") -> Iterator[ElementTree.Element]:
    """Yields the networks in the files of a pattern; with ``mentions`` only those of files with that text."""
    return _inside("network", pattern, root, mentions)


def guests(pattern: str, root: str = "/", mentions: str = "") -> Iterator[ElementTree.Element]:
    """Yields the guests in the files of a pattern; with ``mentions`` only those of files with that text."""
    return _inside("domain", pattern, root, mentions)


def nics_of(guest: ElementTree.Element, device: str) -> Iterator[ElementTree.Element]:
    """Yields the NICs of a guest that have a device of the host."""
    for nic in guest.iterfind("devices/interface"):
        target = nic.find("target")
        if target is not None and target.get("dev") == device:
            yield nic


def own_bridges(root: str = "/", mentions: str = "") -> tuple[OwnBridge, ...]:
    """Returns the bridges that libvirt creates and removes by itself. One that a network only uses isn't among them."""
    found: dict[tuple[str, str], OwnBridge] = {}
    for pattern, active in ((DEFINED_NETWORKS, False), (NETWORKS, True)):
        for network in networks(pattern, root, mentions):
            if bridge := _own_bridge(network):
                name = network.findtext("name") or ""
                found[name, bridge] = OwnBridge(bridge, name, active)
    return tuple(found.values())


def starting(device: str, root: str = "/") -> str:
    """Returns what libvirt creates a device for and has not started yet, such as ``the network lan``; empty for nothing.

    Until then libvirt itself sets up the device. It fails where it finds a queueing discipline on the bridge of a network, and
    removes those of a tap. Of a guest that is only looked for where its definition says that. Where libvirt doesn't run, as early
    at boot, something else has created the device.
    """
    for driver, owner in (("network", _starting_network), ("qemu", _starting_guest)):
        if _serves(driver, root) and (found := owner(device, root)):
            return found
    return ""


def _starting_network(device: str, root: str) -> str:
    bridges = [bridge for bridge in own_bridges(root, device) if bridge.name == device]
    waiting = bridges and not any(bridge.active for bridge in bridges)
    return f"the network {bridges[0].network}" if waiting else ""


def _starting_guest(device: str, root: str) -> str:
    for guest in guests(DEFINED_GUESTS, root, device):
        name = guest.findtext("name") or ""
        if any(_is_set_later(nic) for nic in nics_of(guest, device)) and not _runs(name, device, root):
            return f"the guest {name}"
    return ""


def _serves(driver: str, root: str) -> bool:
    """Returns whether a driver of libvirt runs, in whichever daemon (virPidFileAcquire in its StateInitialize)."""
    return os.path.exists(os.path.join(root, "run/libvirt", driver, "driver.pid"))


def _own_bridge(network: ElementTree.Element) -> str:
    bridge, forward = network.find("bridge"), network.find("forward")
    mode = "" if forward is None else forward.get("mode", "nat")
    return "" if bridge is None or mode == "bridge" else bridge.get("name", "")


def _is_set_later(nic: ElementTree.Element) -> bool:
    target = nic.find("target")
    created = target is None or target.get("managed") != "no"
    return created and any(nic.find(tag) is not None for tag in _SET_LATER)


def _runs(name: str, device: str, root: str) -> bool:
    """Returns whether a guest has been started with a device (``reason`` as in virDomainPausedReason)."""
    for document in _documents(f"run/libvirt/qemu/{glob.escape(name)}.xml", root, device):
        guest = document.find("domain")
        ready = document.get("state") != "shutoff" and document.get("reason") != "starting up"
        if guest is not None and ready and next(nics_of(guest, device), None) is not None:
            return True
    return False


def _inside(tag: str, pattern: str, root: str, mentions: str) -> Iterator[ElementTree.Element]:
    """Yields the definitions, which are below another element in the files of what runs."""
    for document in _documents(pattern, root, mentions):
        found = document if document.tag == tag else document.find(tag)
        if found is not None:
            yield found


def _documents(pattern: str, root: str, mentions: str) -> Iterator[ElementTree.Element]:
    for path in glob.glob(os.path.join(glob.escape(root), pattern)):
        try:
            with open(path, "rb") as handle:
                content = handle.read()
            document = ElementTree.fromstring(content) if mentions.encode() in content else None
        except (OSError, ElementTree.ParseError):
            continue  # it is being written, or not libvirt's
        if document is not None:
            yield document
