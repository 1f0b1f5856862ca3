# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The shaping of interfaces that libvirt shapes, too."""

from __future__ import annotations

import pytest

from integration.support.bare_guests import define, nic, remove
from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.networks import isolated, lan

MODULES = ("tc_shaping",)
_SHAPED = {"device": "virbr15", "egress": {"rate": "10mbit"}, "ingress": {"rate": "10mbit"}, "persist": True}


def _start_slowly(host: Host, start: str) -> None:
    """Starts what has the interface, on a host so busy that libvirt's own tc comes long after the birth of the interface."""
    slow = "/usr/local/sbin/tc"
    host.shell(
        f"printf '#!/bin/sh\\nsleep 3\\nexec /sbin/tc \"$@\"\\n' >{slow}; chmod 755 {slow}"
        f"; {start}; done=$?; rm {slow}; exit $done"
    )


@pytest.mark.kernel("trixie_uml")
def test_inside_the_root_of_libvirt(clean: Host) -> None:
    """Its filter for DHCP stays, and our classes stay when it starts again. A bandwidth of its own is refused."""
    network = lan(bridge={"name": "virbr15"})
    fabric = {"networks": [network], "shaping": [_SHAPED]}
    clean.ok("fabric", fabric)
    assert clean.ok("fabric", fabric)["changed"] is False
    dhcp = "tc filter show dev virbr15 parent 1: | grep -A3 'pref 2 u32' | grep csum"
    clean.until(
        f"tc class show dev virbr15 | grep 'class htb 1:f' && tc -d filter show dev virbr15 | grep csum || {dhcp}"
    )
    clean.shell("systemctl restart libvirtd")
    clean.until("virsh net-list | grep active && tc -d filter show dev virbr15 | grep csum")
    assert not clean.ok("tc_shaping", _SHAPED)["changed"]
    clean.shell("virsh net-destroy lan")
    _start_slowly(clean, "virsh net-start lan")
    clean.until(
        "tc class show dev virbr15 | grep 'class htb 1:f' && tc filter show dev virbr15 ingress | grep ifb-virbr15"
    )
    clean.until("tc -d filter show dev virbr15 | grep csum")
    assert not clean.ok("tc_shaping", _SHAPED)["changed"]
    converge(clean, {"device": "virbr15", "state": "absent"}, module="tc_shaping", changed=True)
    assert "htb 1:" in clean.shell("tc qdisc show dev virbr15") and "csum" in clean.shell(
        "tc -d filter show dev virbr15"
    )
    bandwidth = {**network, "bandwidth": {"inbound": {"average": 1000}, "outbound": {"average": 1000}}}
    clean.net(**bandwidth)
    refused(
        clean,
        {"device": "virbr15", "egress": {"rate": "1mbit"}},
        "inbound bandwidth of the network",
        module="tc_shaping",
    )
    refused(clean, {"device": "virbr15", "ingress": {"rate": "1mbit"}}, "is limited by libvirt", module="tc_shaping")


@pytest.mark.kernel
def test_beside_the_bandwidth_of_a_guest(clean: Host) -> None:
    """libvirt removes what its tap has before it sets a bandwidth, so that of the other direction is set after it."""
    clean.ok("fabric", {"networks": [isolated("lan", 150)]})
    shaped = {"device": "web0", "egress": {"rate": "10mbit"}, "persist": True}
    clean.ok("tc_shaping", shaped)
    own = "<target dev='web0'/><bandwidth><outbound average='1000'/></bandwidth>"
    try:
        define(clean, "one", nic("52:54:00:aa:00:01", inner=own), start=False)
        _start_slowly(clean, "virsh start one")
        clean.until("tc class show dev web0 | grep 'class htb 1:f' && tc filter show dev web0 ingress | grep police")
        assert not clean.ok("tc_shaping", shaped)["changed"]
        refused(clean, {"device": "web0", "ingress": {"rate": "1mbit"}}, "is limited by libvirt", module="tc_shaping")
    finally:
        remove(clean, "one")
    converge(clean, {"device": "web0", "state": "absent"}, module="tc_shaping", changed=True)
