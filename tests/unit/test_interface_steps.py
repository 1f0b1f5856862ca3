# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The steps between the current interface and the desired one, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    InterfaceRoute,
    Ipv6,
    LinuxBridge,
    Route,
    Tuntap,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.vlans import (
    VlanEntry,
    Vlans,
    after_default_change,
    entries_to_add,
    merge_vlans,
    ranges,
    ranges_to_remove,
)
from unit.fake_interfaces import nic
from unit.fake_interfaces_host import InterfacesHost

Declared = tuple[str, dict[str, Any]]
BR0 = {"name": "br0", "ports": [{"name": "eth1"}]}


def host(*declared: Declared) -> InterfacesHost:
    """Returns a host with eth0, which carries the connection, eth1, which is free, and eth2, which is down."""
    uplink = nic(
        "eth0",
        2,
        addresses=(Address("192.0.2.5/24", valid_seconds=600, flags=0x200, origin="dhcp"), Address("fd00::5/64")),
        routes=(Route(InterfaceRoute(to="default", via="192.0.2.1", metric=100), protocol=16),),
    )
    down = nic("eth2", 4)
    found = InterfacesHost(uplink, nic("eth1", 3), replace(down, definition=replace(down.definition, up=False)))
    for each in declared:
        found.declare(each)
    return found


@pytest.mark.parametrize(
    ("before", "desired", "method", "words"),
    [
        ((), ("bridge", BR0), "created", ["create bridge br0", "bring up br0", "attach eth1 to br0"]),
        ((), ("bridge", {"name": "br0", "up": False}), "created", ["create bridge br0"]),
        (
            (),
            ("bridge", {"name": "br0", "ports": [{"name": "eth2", "tagged": ["10-12", "11-20"], "pvid": 5}]}),
            "created",
            [
                "create bridge br0",
                "bring up br0",
                "bring up eth2",
                "attach eth2 to br0",
                "remove VLAN 1 from port eth2",
                "add VLAN 10-20 (tagged) to port eth2",
                "add VLAN 5 (pvid, untagged) to port eth2",
            ],
        ),
        (
            (),
            ("bridge", {"name": "br0", "adopt": "eth0"}),
            "created",
            [
                "create bridge br0",
                "bring up br0",
                "attach eth0 to br0",
                "add address fd00::5/64 to br0",
                "add address 192.0.2.5/24 to br0",
                "add route default via 192.0.2.1 metric 100 to br0",
                "remove route default via 192.0.2.1 metric 100 from eth0",
                "remove address fd00::5/64 from eth0",
                "remove address 192.0.2.5/24 from eth0",
                "set ipv6.enabled=false on eth0",
            ],
        ),
        (
            (("bridge", {"name": "br0", "adopt": "eth0"}),),
            ("bridge", {"name": "br0", "adopt": "eth0", "state": "absent"}),
            "removed",
            [
                "set ipv6.enabled=true on eth0",
                "detach eth0 from br0",
                "add address fd00::5/64 to eth0",
                "add address 192.0.2.5/24 to eth0",
                "add route default via 192.0.2.1 metric 100 to eth0",
                "remove bridge br0",
            ],
        ),
        ((("bridge", BR0),), ("bridge", BR0), "none", []),
        ((("bridge", BR0),), ("bridge", {"name": "br0"}), "none", []),
        ((("bridge", BR0),), ("bridge", {"name": "br0", "ports": []}), "changed", ["detach eth1 from br0"]),
        (
            (("bridge", {**BR0, "stp": True}),),
            ("bridge", {"name": "br0", "stp": False, "forward_delay": 0}),
            "changed",
            ["set stp=false on br0", "set forward_delay=0 on br0"],
        ),
        (  # as the kernel does it, where nobody gives a delay
            (("bridge", {**BR0, "forward_delay": 0}),),
            ("bridge", {"name": "br0", "stp": True}),
            "changed",
            ["set stp=true, forward_delay=2 on br0"],
        ),
        (
            (("bridge", {**BR0, "vlan_filtering": True}),),
            ("bridge", {"name": "br0", "pvid": 0, "tagged": ["5"]}),
            "changed",
            ["remove VLAN 1 from br0", "add VLAN 5 (tagged) to br0"],
        ),
        (
            (("bridge", BR0),),
            ("bridge", {"name": "br0", "vlan_filtering": True, "ports": [{"name": "eth1", "pvid": 7}]}),
            "changed",
            [
                "remove VLAN 1 from port eth1",
                "add VLAN 7 (pvid, untagged) to port eth1",
                "set vlan_filtering=true on br0",
            ],
        ),
        (
            (("bridge", {**BR0, "addresses": ["10.0.0.2/24"], "routes": [{"to": "default", "via": "10.0.0.1"}]}),),
            ("bridge", {"name": "br0", "addresses": ["10.0.0.3/24"]}),
            "changed",
            [
                "add address 10.0.0.3/24 to br0",
                "remove address 10.0.0.2/24 from br0",
                "add address 10.0.0.3/24 to br0",
                "add route default via 10.0.0.1 to br0",
            ],
        ),
        (
            (("bridge", {**BR0, "addresses": ["10.0.0.2/24"], "routes": [{"to": "default", "via": "10.0.0.1"}]}),),
            ("bridge", {"name": "br0", "addresses": ["10.1.0.2/24"]}),
            "changed",
            ["add address 10.1.0.2/24 to br0", "remove route default via 10.0.0.1 from br0", "remove address 10.0.0.2/24 from br0"],
        ),
        (
            (),
            ("vlan", {"name": "v5", "parent": "eth2", "id": 5}),
            "created",
            ["create VLAN interface v5 (id 5 on eth2)", "bring up eth2"],
        ),
        (
            (("vlan", {"name": "v5", "parent": "eth1", "id": 5, "up": False}), ("vlan", {"name": "v6", "parent": "v5", "id": 6, "up": False})),
            ("vlan", {"name": "v7", "parent": "v5", "id": 7}),
            "created",
            ["create VLAN interface v7 (id 7 on v5)", "bring up v5", "take down v6"],
        ),
        ((), ("tap", {"name": "t0", "mode": "tun"}), "created", ["create tun t0", "bring up t0"]),
        ((("tap", {"name": "t0"}),), ("tap", {"name": "t0", "owner": "0"}), "changed", ["set owner=root on t0"]),
        (
            (("bridge", BR0), ("tap", {"name": "t0", "bridge": "br0"})),
            ("tap", {"name": "t0", "bridge": ""}),
            "changed",
            ["detach t0 from br0"],
        ),
    ],
)  # fmt: skip
def test_steps(before: tuple[Declared, ...], desired: Declared, method: str, words: list[str]) -> None:
    (outcome,) = host(*before).declare(desired)
    assert outcome.actions == words
    assert outcome.returned["method"] == method


def test_what_is_on_a_vlan_that_is_created_again() -> None:
    there = host(
        ("vlan", {"name": "v5", "parent": "eth1", "id": 5, "addresses": ["10.0.0.2/24"], "mtu": 1400}),
        ("vlan", {"name": "v5.6", "parent": "v5", "id": 6, "addresses": ["10.0.6.2/24"]}),
        ("bridge", {"name": "br0", "ports": [{"name": "v5.6", "hairpin": True, "tagged": ["30"]}]}),
    )
    before = dict(there.kernel.kept)
    (outcome,) = there.declare(("vlan", {"name": "v5", "id": 9}))
    assert outcome.returned["method"] == "recreated"
    assert outcome.actions[:3] == [
        "remove VLAN interface v5",
        "create VLAN interface v5 (id 9 on eth1)",
        "create VLAN interface v5.6 (id 6 on v5)",
    ]
    after = there.kernel.kept
    for name in ("v5", "v5.6"):
        for part in ("addresses", "routes", "master", "port", "lower"):
            assert getattr(after[name], part) == getattr(before[name], part), part
    assert after["v5"].definition.mtu == 1400


def test_a_lease_is_taken_over_with_a_warning() -> None:
    there = host()
    (outcome,) = there.declare(("bridge", {"name": "br0", "adopt": "eth0"}))
    (warning,) = outcome.warnings
    assert "192.0.2.5/24 of eth0 is a DHCP lease: br0 keeps it until it expires" in warning
    kept = there.kernel.kept
    assert {address.cidr: address.valid_seconds for address in kept["br0"].addresses} == {
        "192.0.2.5/24": 600,
        "fd00::5/64": None,
    }
    assert not any(address.flags for address in kept["br0"].addresses), (
        "the kernel creates the subnet's route, which the DHCP client created before"
    )
    assert kept["br0"].routes[0].protocol == 16
    assert kept["br0"].definition.mac == kept["eth0"].definition.mac
    # the client, which still runs, has renewed it
    kept["eth0"] = replace(kept["eth0"], addresses=(Address("192.0.2.5/24", valid_seconds=900, origin="dhcp"),))
    (outcome,) = there.declare(("bridge", {"name": "br0", "adopt": "eth0"}))
    assert outcome.actions == ["remove address 192.0.2.5/24 from eth0"]


def test_a_router_that_accepts_advertisements_goes_on_to() -> None:
    there = host()
    eth0 = there.kernel.kept["eth0"]
    ipv6 = Ipv6(True, "always", True, "eui64")
    there.kernel.kept["eth0"] = replace(eth0, definition=replace(eth0.definition, ipv6=ipv6))
    (outcome,) = there.declare(("bridge", {"name": "br0", "adopt": "eth0"}))
    assert "set ipv6.accept_ra=always on br0" in outcome.actions
    (again,) = there.declare(("bridge", {"name": "br0", "adopt": "eth0"}))
    assert again.actions == []


def test_empty_ipv6_options_leave_ipv6_as_it_is() -> None:
    there = host(("bridge", {"name": "br0", "ipv6": {"enabled": False}}))
    there.declare(("bridge", {"name": "br0", "adopt": "eth0", "ipv6": {}}))
    br0 = there.kernel.kept["br0"]
    assert br0.definition.ipv6 and br0.definition.ipv6.enabled is False
    assert [address.cidr for address in br0.addresses] == ["192.0.2.5/24"]


@pytest.mark.parametrize("purge", [False, True])
def test_the_taps_of_guests_stay(purge: bool) -> None:
    there = host(("bridge", BR0))
    tap = Tuntap(name="vnet0", mac="fe:54:00:00:00:01", mtu=1500, up=True, mode="tap")
    there.kernel.kept["vnet0"] = replace(nic("vnet0", 9, kind="tun", attached=True), definition=tap)
    there.kernel.set_master("vnet0", "br0")
    (outcome,) = there.declare(("bridge", {"name": "br0", "ports": [], "purge_taps": purge}))
    released = ["detach eth1 from br0", "detach vnet0 from br0"]
    assert outcome.actions == (released if purge else released[:1])
    assert "ports" not in outcome.shown_after


@pytest.mark.parametrize("order", [("bridge", "tap"), ("tap", "bridge")])
def test_a_bridge_and_a_tap_that_name_each_other(order: tuple[str, str]) -> None:
    options: dict[str, dict[str, Any]] = {
        "bridge": {"name": "br0", "ports": [{"name": "t0"}]},
        "tap": {"name": "t0", "bridge": "br0"},
    }
    there = host()
    declared = [(word, options[word]) for word in order]
    predicted = there.declare(*declared, check=True)
    real = there.declare(*declared)
    assert [o.shown_after for o in predicted] == [o.shown_after for o in real]
    assert there.kernel.calls == ["add t0", "set t0", "add br0", "set br0", "master t0 br0"]
    assert not any(outcome.actions for outcome in there.declare(*declared))
    gone = [(word, {**options[word], "state": "absent"}) for word in order]
    there.declare(*gone)
    assert not {"br0", "t0"} & set(there.kernel.kept)


def test_vlans() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == ("1-3", "7", "9-10")
    access = Vlans(1, frozenset(), frozenset({1}))
    assert merge_vlans(access, LinuxBridge(pvid=10)) == Vlans(10, frozenset(), frozenset({10}))
    assert merge_vlans(access, LinuxBridge(tagged=("10-11",))) == Vlans(1, frozenset({10, 11}), frozenset({1}))
    assert merge_vlans(access, LinuxBridge(pvid=0)) == Vlans()
    assert merge_vlans(access, LinuxBridge(pvid=5, tagged=("5",))) == Vlans(5, frozenset({5}))
    trunk = Vlans(1, frozenset(range(10, 20)), frozenset({1}))
    desired = Vlans(0, frozenset(range(12, 22)), frozenset({1}))
    assert ranges_to_remove(trunk, desired) == ("10-11",)
    assert entries_to_add(trunk, desired) == (VlanEntry("20-21", False, False), VlanEntry("1", False, True))
    assert after_default_change(access, 1, 5) == Vlans(5, frozenset(), frozenset({5}))
    assert after_default_change(access, 1, 0) == Vlans()
    assert after_default_change(Vlans(7, frozenset(), frozenset({7})), 1, 5).pvid == 7
