# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What ebtables and iptables-save show of libvirt's rules for a device."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.nftables.filter_rules import (
    parse_ebtables,
    parse_iptables,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.tree import KernelRule

EBTABLES = """Bridge table: nat

Bridge chain: PREROUTING, entries: 2, policy: ACCEPT
-i vnet0 -j libvirt-I-vnet0
-i vnet1 -j libvirt-I-vnet1

Bridge chain: POSTROUTING, entries: 1, policy: ACCEPT
-o vnet0 -j libvirt-O-vnet0

Bridge chain: I-vnet0-mac, entries: 2, policy: RETURN
-s 52:54:00:00:00:01 -j RETURN
-j DROP

Bridge chain: libvirt-I-vnet0, entries: 9, policy: RETURN
-j I-vnet0-mac

Bridge chain: libvirt-I-vnet1, entries: 0, policy: RETURN

Bridge chain: libvirt-O-vnet0, entries: 4, policy: RETURN
-j DROP
"""
IPTABLES = """*filter
:FORWARD ACCEPT [0:0]
-A INPUT -j libvirt-host-in
-A FORWARD -j libvirt-in
-A FORWARD -j libvirt-out
-A FORWARD -j libvirt-in-post
-A FI-vnet0 -j DROP
-A libvirt-host-in -m physdev --physdev-in vnet0 -g HI-vnet0
-A libvirt-in -m physdev --physdev-in vnet0 -g FI-vnet0
-A libvirt-out -m physdev --physdev-out vnet0 --physdev-is-bridged -g FO-vnet0
COMMIT
"""


def test_rules_of_ebtables() -> None:
    """A jump to a chain that is empty is none."""
    assert parse_ebtables(EBTABLES) == {KernelRule("ebtables", "vnet0", "in"), KernelRule("ebtables", "vnet0", "out")}
    assert parse_ebtables("Bridge table: nat\n\nBridge chain: PREROUTING, entries: 0, policy: ACCEPT\n") == frozenset()


def test_rules_of_iptables() -> None:
    """Without the jump from FORWARD or INPUT, no packet gets to the rules of a device."""
    assert parse_iptables("iptables", IPTABLES) == {KernelRule("iptables", "vnet0")}
    for jump in ("INPUT -j libvirt-host-in", "FORWARD -j libvirt-in", "FORWARD -j libvirt-out"):
        assert parse_iptables("iptables", IPTABLES.replace(f"-A {jump}\n", "")) == frozenset()
