# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Runs that adopt a NIC, one after the other, and the files that they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    LinuxBridge,
    Port,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import plan_files
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import Request, overlay
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import FileChanges

MAC = "52:54:00:00:00:01"
BRIDGE = LinuxBridge(name="br0", mac=MAC, ports=(Port(name="eth1"),))
# What the kernel has when the NIC's addresses and routes have moved to the bridge.
MOVED = replace(
    BRIDGE,
    addresses=("192.0.2.5/24", "fd00::5/64"),
    routes=(
        InterfaceRoute(to="default", via="192.0.2.1", metric=100),
        InterfaceRoute(to="10.0.0.0/8", via="192.0.2.1"),
    ),
)
NIC = InterfaceState("", 2, Interface(name="eth1", mac=MAC), permanent_mac=MAC)


class Runs:
    """The files of a tool, and the runs that change them."""

    def __init__(self, tool: str, files: Mapping[str, str]) -> None:
        self.tool = tool
        self.users = dict(files)
        self.files = dict(files)
        self.said: tuple[str, ...] = ()
        self.renews = False

    def run(
        self, desired: Optional[LinuxBridge], adopt: Optional[str] = "eth1", *, leased: str = "", **given: Any
    ) -> FileChanges:
        """A run, after which a second one changes nothing, whether it adopts or not."""
        state = InterfaceState(
            "bridge",
            5,
            LinuxBridge(name="br0", mac=MAC),
            addresses=(Address(leased, valid_seconds=900),) if leased else (),
        )
        states = {"br0": state, "eth1": NIC}
        done = self._plan(desired, states, adopt, LinuxBridge(name="br0", **given))
        self.files = overlay(self.files, done.changes)
        self.said, self.renews = done.unsupported, done.renews_leases
        taken = any("# Takes over" in text for text in self.files.values())
        for again in (adopt, None) if desired and taken else (adopt,) if desired else ():
            mac = desired.mac if again or not adopt else None  # as `stored_interface` has it
            assert self._plan(replace(desired, mac=mac), states, again, LinuxBridge(name="br0")).changes == {}
        return done

    def _plan(
        self,
        desired: Optional[LinuxBridge],
        states: Mapping[str, InterfaceState],
        adopt: Optional[str],
        given: LinuxBridge,
    ) -> FileChanges:
        return plan_files(self.tool, Request("br0", desired, self.files, states, adopt, given=given))

    def give_back(self) -> None:
        self.run(None)
        assert self.files == self.users
