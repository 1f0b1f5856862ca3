# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's own interfaces: their settings, bridge ports, VLANs and addresses, and the routes that options declare."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...backend.os.libvirt_files import own_bridges
from ...model.interface.requests import BRIDGE_VLANS, InterfaceDriver
from ...model.interface.steps import InterfaceStep, steps_to
from ..part import Host, Part, Snapshot
from .target import SavedInterfaces, Target, restore_target


class InterfacesPart(Part[SavedInterfaces]):
    """The interfaces of the host's own network namespace."""

    name = "interfaces"
    kept = SavedInterfaces

    def take(self, host: Host) -> SavedInterfaces:
        return SavedInterfaces(time.monotonic(), dict(host.driver(InterfaceDriver).all()), _libvirt_bridges(host.root))

    def steps(self, snapshot: Snapshot, host: Host) -> Sequence[InterfaceStep]:
        driver = host.driver(InterfaceDriver)
        bridge_vlans = BRIDGE_VLANS in driver.features()
        return steps_to(driver.all(), target_of(snapshot, host).states, bridge_vlans=bridge_vlans)

    def lost(self, snapshot: Snapshot, host: Host) -> Sequence[str]:
        return target_of(snapshot, host).lost


INTERFACES = InterfacesPart()


def target_of(snapshot: Snapshot, host: Host) -> Target:
    """Returns the interfaces that the host should have now."""
    saved, current = snapshot.of(INTERFACES), host.driver(InterfaceDriver).all()
    return restore_target(saved, current, _libvirt_bridges(host.root), time.monotonic())


def changing(snapshot: Snapshot, host: Host) -> tuple[str, ...]:
    """Returns the names of the interfaces that have to change."""
    return tuple(sorted({name for step in INTERFACES.steps(snapshot, host) for name in step.after}))


def _libvirt_bridges(root: str) -> frozenset[str]:
    return frozenset(bridge.name for bridge in own_bridges(root))
