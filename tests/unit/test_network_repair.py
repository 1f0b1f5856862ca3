# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""An active network of which other programs have removed a part: the plan repairs it, and stops nothing that wouldn't start."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.problems import Fault
from unit.fake_host import FakeHost

RESTART = ["stop lan", "start lan", "reconnect g1 to lan"]
RESTORE = ["restore firewall of lan"]


def _lan() -> FakeHost:
    host = FakeHost()
    host.declare({"name": "lan", "forward": {"mode": "nat"}, "ips": [{"address": "192.168.150.1/24"}]})
    host.networks.calls.clear()
    return host


@pytest.mark.parametrize(
    ("faults", "method", "calls"),
    [
        ([Fault.BRIDGE], "restarted", RESTART),
        ([Fault.BRIDGE_DOWN], "restarted", RESTART),
        ([Fault.ADDRESS], "restarted", RESTART),
        ([Fault.DNSMASQ], "restarted", RESTART),
        ([Fault.FIREWALL], "live", RESTORE),
        ([Fault.PID_FILE], "live", ["correct pid file of lan"]),
        # a start fails without libvirt's chains, so they come first
        ([Fault.DNSMASQ, Fault.FIREWALL], "restarted", [*RESTORE, *RESTART]),
    ],
)
def test_what_is_broken_is_repaired_in_the_gentlest_way(faults: list[Fault], method: str, calls: list[str]) -> None:
    host = _lan()
    host.connect("lan", "g1")
    host.break_network("lan", *faults)
    (outcome,) = host.declare({"name": "lan"})
    assert outcome.returned["method"] == method and host.networks.calls == calls
    assert outcome.shown_before["problems"] == [fault.value for fault in faults]
    assert "problems" not in outcome.shown_after and outcome.warnings == []
    assert host.networks.kept["lan"].guests[0].connected
    (again,) = host.declare({"name": "lan"})
    assert again.actions == []


def test_a_change_that_restarts_restores_the_firewall_first() -> None:
    host = _lan()
    host.break_network("lan", Fault.FIREWALL)
    host.declare({"name": "lan", "mtu": 1400})
    assert host.networks.calls == [*RESTORE, "define lan", "stop lan", "start lan"]


def test_restart_never_repairs_what_needs_no_restart() -> None:
    host = _lan()
    host.connect("lan", "g1")
    host.break_network("lan", Fault.BRIDGE, Fault.FIREWALL)
    (outcome,) = host.declare({"name": "lan", "restart": "never"})
    assert outcome.actions == ["restore the firewall rules of network lan"]
    assert outcome.shown_after["problems"] == ["bridge missing"]
    assert outcome.warnings == [
        "network lan: bridge missing; the repair waits for a restart of the network (restart is never)"
    ]
    (again,) = host.declare({"name": "lan", "restart": "never"})
    assert again.actions == [] and again.warnings == outcome.warnings


def test_libvirt_starts_dnsmasq_by_an_update() -> None:
    host = _lan()
    host.break_network("lan", Fault.DNSMASQ)
    (outcome,) = host.declare({"name": "lan", "restart": "never", "dns": {"txt": [{"name": "a", "value": "b"}]}})
    assert outcome.warnings == [] and "problems" not in outcome.shown_after


@pytest.mark.parametrize("options", [{"mtu": 1400}, {"state": "absent"}, {"active": False}])
@pytest.mark.parametrize("fault", [Fault.NAME_TAKEN, Fault.PID_TAKEN])
def test_nothing_else_is_lost_by_a_stop(fault: Fault, options: dict[str, Any]) -> None:
    host = _lan()
    host.break_network("lan", fault)
    with pytest.raises(VirtnetError, match=f"network lan: {fault.value}; libvirt would (remove|end) that .*; re"):
        host.declare({"name": "lan", **options})
    assert host.networks.calls == []


def test_an_update_does_not_end_another_process() -> None:
    host = _lan()
    host.break_network("lan", Fault.PID_TAKEN)
    with pytest.raises(VirtnetError, match=r"^add DNS TXT record a=b to network lan .*: process id of dnsmasq taken; "):
        host.declare({"name": "lan", "dns": {"txt": [{"name": "a", "value": "b"}]}})
    (outcome,) = host.declare({"name": "lan", "title": "x"})
    assert outcome.returned["method"] == "stored"


def test_a_network_is_not_stopped_if_it_could_not_be_started() -> None:
    host = _lan()
    host.networks.in_the_way = ("libvirt can't write x (why); make it writable",)
    host.break_network("lan", Fault.LEASES)
    for options in ({"mtu": 1400}, {"forward": {"mode": "route"}}):
        with pytest.raises(VirtnetError, match=r"^network lan can't be started: libvirt can't write x \(why\); make"):
            host.declare({"name": "lan", **options})
    assert host.networks.calls == []
    (outcome,) = host.declare({"name": "lan"})
    assert outcome.actions == [] and outcome.shown_after["problems"] == ["lease file not writable"]
    assert outcome.warnings == [
        "network lan: lease file not writable; libvirt can't start the network again until the file is writable"
    ]
