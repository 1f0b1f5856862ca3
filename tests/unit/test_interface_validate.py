# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What is refused of an interface before the host is changed, in one sentence with the option's path."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError, VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds import interface as kinds
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    LinuxBridge,
    Tuntap,
    VlanIface,
)
from unit.fake_interfaces import ALL, nic
from unit.fake_interfaces_host import InterfacesHost


def host(features: frozenset[str] = ALL) -> InterfacesHost:
    """eth0 with an address, br0 with the ports eth1 and vnet1 (a guest's), br1 with eth2; VLANs on eth0 and br0; a bond."""
    macvtap = nic("macvtap0", 9, kind="macvtap", lower="eth0.5")
    found = InterfacesHost(
        replace(nic("lo", 1), loopback=True),
        nic("eth0", 2, addresses=(Address("192.168.1.2/24"),)),
        nic("eth1", 3),
        nic("eth2", 4),
        nic("bond0", 5, kind="bond"),
        nic("eth3", 6, master="bond0"),
        features=ALL,
    )
    found.declare(
        ("bridge", {"name": "br0", "ports": [{"name": "eth1"}]}),
        ("bridge", {"name": "br1", "ports": [{"name": "eth2"}]}),
        ("vlan", {"name": "eth0.5", "parent": "eth0", "id": 5}),
        ("vlan", {"name": "br0.6", "parent": "br0", "id": 6}),
        ("tap", {"name": "t0"}),
        ("tap", {"name": "tun0", "mode": "tun"}),
        ("tap", {"name": "small", "mtu": 1200}),
    )
    kept = found.kernel.kept
    kept["macvtap0"] = macvtap
    tap = Tuntap(name="vnet1", mac="fe:54:00:00:00:01", mtu=1500, up=True, mode="tap")
    kept["vnet1"] = replace(nic("vnet1", 60, kind="tun", attached=True), definition=tap)
    found.kernel.set_master("vnet1", "br0")
    kept["used"] = replace(kept["t0"], definition=replace(kept["t0"].definition, name="used"), attached=True)
    found.kernel._features = features
    found.kernel.calls.clear()
    return found


BRIDGE, VLAN, TAP = "bridge", "vlan", "tap"
NEW = {"name": "new"}


@pytest.mark.parametrize(
    ("word", "options", "option", "words"),
    [
        # ports
        (BRIDGE, {**NEW, "ports": [{"name": "eth9"}]}, "ports[0].name", "doesn't exist on this host; create it first"),
        (BRIDGE, {**NEW, "ports": [{"name": "lo"}]}, "ports[0].name", "the loopback interface"),
        (BRIDGE, {**NEW, "ports": [{"name": "tun0"}]}, "ports[0].name", "is a TUN device"),
        (BRIDGE, {**NEW, "ports": [{"name": "eth2"}]}, "ports[0].name", "a port of the bridge br1"),
        (BRIDGE, {**NEW, "ports": [{"name": "eth3"}]}, "ports[0].name", "a port of the bond bond0"),
        (BRIDGE, {**NEW, "ports": [{"name": "br1"}]}, "ports[0].name", "is a bridge"),
        (BRIDGE, {"name": "br0", "ports": [{"name": "br0"}]}, "ports[0].name", "is the bridge itself"),
        (BRIDGE, {"name": "br0", "ports": [{"name": "br0.6"}]}, "ports[0].name", "is on br0 itself"),
        (BRIDGE, {**NEW, "ports": [{"name": "eth0"}, {"name": "eth0"}]}, "ports[1].name", "'eth0' is listed twice"),
        (BRIDGE, {**NEW, "adopt": "eth2"}, "adopt", "a port of the bridge br1"),
        (BRIDGE, {**NEW, "adopt": "eth0", "up": False}, "up", "takes the place of eth0"),
        # a bridge's settings
        (
            BRIDGE,
            {**NEW, "stp": True, "forward_delay": 1},
            "forward_delay",
            "1 is too small while stp is true; use 2 or more",
        ),
        (BRIDGE, {**NEW, "group_fwd_mask": 4}, "group_fwd_mask", "(bits 0 to 2)"),
        (BRIDGE, {**NEW, "tagged": ["10-20"], "untagged": ["20"]}, "untagged", "'20' is also in tagged"),
        (BRIDGE, {**NEW, "tagged": ["4095"]}, "tagged[0]", "from 1 to 4094"),
        (BRIDGE, {**NEW, "mac": "01:00:5e:00:00:01"}, "mac", "is a multicast MAC address"),
        (BRIDGE, {"name": "a-name-of-16-chr"}, "name", "1 to 15 characters"),
        (BRIDGE, {"name": "eth0"}, "name", "is already the name of a hardware interface"),
        (BRIDGE, {"name": "eth0.5"}, "name", "is already the name of an interface of the kind vlan"),
        (TAP, {"name": "br0"}, "name", "is already the name of an interface of the kind bridge"),
        # addresses and routes
        (
            BRIDGE,
            {**NEW, "addresses": ["10.0.0.0/24"]},
            "addresses[0]",
            "is the address of the network 10.0.0.0/24 itself",
        ),
        (BRIDGE, {**NEW, "addresses": ["10.0.0.255/24"]}, "addresses[0]", "is the broadcast address of 10.0.0.0/24"),
        (BRIDGE, {**NEW, "addresses": ["10.0.0.1"]}, "addresses[0]", "has no prefix"),
        (BRIDGE, {**NEW, "addresses": ["224.0.0.1/24"]}, "addresses[0]", "is a multicast address"),
        (BRIDGE, {**NEW, "addresses": ["fe80::1/64"]}, "addresses[0]", "is link-local"),
        (BRIDGE, {**NEW, "addresses": ["192.168.1.2/16"]}, "addresses[0]", "is already an address of eth0"),
        (BRIDGE, {**NEW, "addresses": ["fd00::1/64", "fd00::1/48"]}, "addresses[1]", "is listed twice"),
        (BRIDGE, {**NEW, "addresses": ["fd00::1/64"], "mtu": 1200}, "addresses[0]", "needs an MTU of 1280"),
        (
            BRIDGE,
            {**NEW, "addresses": ["fd00::1/64"], "ports": [{"name": "small"}]},
            "addresses[0]",
            "needs an MTU of 1280, and that of port small is 1200",
        ),
        (
            TAP,
            {**NEW, "mtu": 1200, "routes": [{"to": "fd00:9::/64", "via": "fe80::1"}]},
            "routes[0].to",
            "needs an MTU of 1280, and it is 1200",
        ),
        (
            BRIDGE,
            {**NEW, "ipv6": {"enabled": True}, "mtu": 1200},
            "ipv6",
            "needs an MTU of 1280 or more, and it is 1200",
        ),
        (
            BRIDGE,
            {**NEW, "addresses": ["fd00::1/64"], "ipv6": {"enabled": False}},
            "addresses[0]",
            "is IPv6, and ipv6.enabled is false",
        ),
        (
            BRIDGE,
            {**NEW, "routes": [{"to": "default", "via": "10.0.0.1"}]},
            "routes[0].via",
            "is in none of the interface's subnets (it has none)",
        ),
        (
            BRIDGE,
            {**NEW, "addresses": ["10.0.0.2/24"], "routes": [{"to": "default", "via": "10.0.1.1"}]},
            "routes[0].via",
            "is in none of the interface's subnets (10.0.0.0/24)",
        ),
        (
            BRIDGE,
            {**NEW, "addresses": ["10.0.0.2/24"], "routes": [{"to": "default", "via": "10.0.0.2"}]},
            "routes[0].via",
            "is an address of the interface itself",
        ),
        (
            BRIDGE,
            {**NEW, "addresses": ["10.0.0.2/24"], "routes": [{"to": "fd00::/64", "via": "10.0.0.1"}]},
            "routes[0].via",
            "'10.0.0.1' is not IPv6",
        ),
        (
            BRIDGE,
            {**NEW, "addresses": ["10.0.0.2/24"], "routes": [{"to": "10.0.0.0/24"}]},
            "routes[0].to",
            "whose route the kernel creates by itself",
        ),
        (BRIDGE, {**NEW, "routes": [{"to": "10.1.0.0/24"}] * 2}, "routes[1].to", "is listed twice"),
        (
            BRIDGE,
            {**NEW, "routes": [{"to": "10.1.0.0/24", "source": "10.5.5.5"}]},
            "routes[0].source",
            "is no address of this host",
        ),
        (
            BRIDGE,
            {**NEW, "up": False, "routes": [{"to": "10.1.0.0/24"}]},
            "routes",
            "isn't possible while the interface is down",
        ),
        # VLANs' interfaces
        (VLAN, {**NEW, "id": 7}, "parent", "is missing; new doesn't exist yet"),
        (VLAN, {**NEW, "parent": "eth0"}, "id", "is missing; new doesn't exist yet"),
        (VLAN, {**NEW, "parent": "eth0", "id": 0}, "id", "is too small; use 1 to 4094"),
        (VLAN, {**NEW, "parent": "eth0", "id": 4095}, "id", "is too large; use 1 to 4094"),
        (VLAN, {**NEW, "parent": "eth9", "id": 7}, "parent", "doesn't exist on this host; create it first"),
        (VLAN, {**NEW, "parent": "new", "id": 7}, "parent", "is the VLAN interface itself"),
        (VLAN, {**NEW, "parent": "lo", "id": 7}, "parent", "doesn't carry Ethernet frames"),
        (VLAN, {**NEW, "parent": "tun0", "id": 7}, "parent", "doesn't carry Ethernet frames"),
        (VLAN, {**NEW, "parent": "eth0", "id": 5}, "id", "is already the VLAN of eth0.5 on eth0"),
        (
            VLAN,
            {**NEW, "parent": "eth0", "id": 7, "mtu": 9000},
            "mtu",
            "9000 is larger than the MTU of eth0; use 1500 or less",
        ),
        (VLAN, {"name": "eth0.5", "id": 7}, "id", "without creating eth0.5 again, which macvtap0 (macvtap) is on"),
        (
            VLAN,
            {"name": "br0.6", "id": 7, "recreate": False},
            "id",
            "in place on br0.6, which has 6; keep that, or set recreate",
        ),
        (
            VLAN,
            {**NEW, "parent": "eth0", "id": 7, "ingress_qos": [{"pcp": 1, "priority": 1}, {"pcp": 1, "priority": 2}]},
            "ingress_qos[1].pcp",
            "1 is listed twice",
        ),
        # taps
        (TAP, {**NEW, "owner": "nobody-there"}, "owner", "is no user of this host"),
        (TAP, {**NEW, "group": "nobody-there"}, "group", "is no group of this host"),
        (TAP, {**NEW, "mode": "tun", "mac": "52:54:00:00:00:77"}, "mac", "isn't possible with mode tun"),
        (TAP, {**NEW, "mode": "tun", "bridge": "br0"}, "bridge", "isn't possible with mode tun"),
        (TAP, {**NEW, "bridge": "br9"}, "bridge", "doesn't exist on this host; create it first"),
        (TAP, {**NEW, "bridge": "eth0"}, "bridge", "is not a bridge"),
        (TAP, {"name": "vnet1", "up": True}, "name", "goes with the program that created it"),
        (TAP, {"name": "used", "owner": "root"}, "owner", "while a program, such as a guest, has used open"),
        (TAP, {"name": "used", "mode": "tun"}, "mode", "while a program, such as a guest, has used open"),
        (
            TAP,
            {"name": "t0", "multi_queue": True, "recreate": False},
            "multi_queue",
            "in place on t0, which has None; keep that, or set recreate",
        ),
        # removal
        (BRIDGE, {"name": "eth0", "state": "absent"}, "name", "is not a bridge, and is not removed"),
    ],
)
def test_refused(word: str, options: dict[str, Any], option: str, words: str) -> None:
    there = host()
    with pytest.raises(OptionError) as error:
        there.declare((word, options))
    assert error.value.option == option and words in str(error.value), str(error.value)
    assert re.search("[;,] ", error.value.problem), "it says what to do"
    assert there.kernel.calls == []


@pytest.mark.parametrize(
    ("word", "options", "words"),
    [
        (BRIDGE, {"name": "br0", "state": "absent"}, "br0 can't be removed while br0.6 is on it; remove that first"),
        (
            TAP,
            {"name": "used", "state": "absent"},
            "used can't be removed while a program, such as a guest, has it open",
        ),
    ],
)
def test_not_removed(word: str, options: dict[str, Any], words: str) -> None:
    there = host()
    with pytest.raises(VirtnetError, match=words):
        there.declare((word, options))
    assert there.kernel.calls == []


def test_a_bridge_with_running_guests_is_not_removed() -> None:
    there = host()
    there.declare((VLAN, {"name": "br0.6", "state": "absent"}))
    there.kernel.calls.clear()
    with pytest.raises(
        VirtnetError, match=r"bridge br0 can't be removed while guests are connected to it \(vnet1\); .* set purge_taps"
    ):
        there.declare((BRIDGE, {"name": "br0", "state": "absent"}))
    assert there.kernel.calls == []
    there.declare((BRIDGE, {"name": "br0", "state": "absent", "purge_taps": True}))
    assert "br0" not in there.kernel.kept


@pytest.mark.parametrize(
    ("missing", "word", "options", "words"),
    [
        ("bridge", BRIDGE, NEW, "new: this kernel has no bridges (module bridge); boot one that has them"),
        ("vlan", VLAN, {**NEW, "parent": "eth0", "id": 7}, "new: this kernel has no 802.1Q VLANs (module 8021q); "),
        ("tun", TAP, NEW, "new: this kernel has no TUN and TAP devices (module tun); "),
        (
            "bridge vlan filtering",
            BRIDGE,
            {**NEW, "vlan_filtering": True},
            "vlan_filtering: True isn't possible, as this kernel has no VLAN filtering on bridges; ",
        ),
        (
            "bridge vlan filtering",
            BRIDGE,
            {**NEW, "ports": [{"name": "eth0", "tagged": ["10"]}]},
            "ports[0].tagged: ['10'] isn't possible, as this kernel has no VLAN filtering on bridges; ",
        ),
    ],
)
def test_a_kernel_that_lacks_it(missing: str, word: str, options: dict[str, Any], words: str) -> None:
    there = host(ALL - {missing})
    with pytest.raises(VirtnetError) as error:
        there.declare((word, options))
    assert str(error.value).startswith(words), str(error.value)
    assert there.kernel.calls == []


def test_options_that_ask_for_nothing_are_accepted_on_any_kernel() -> None:
    options = {"vlan_filtering": False, "vlan_default_pvid": 1, "pvid": 0, "tagged": []}
    host(ALL - {"bridge vlan filtering"}).declare((BRIDGE, {**NEW, **options}))


def test_the_path_in_a_list() -> None:
    options = {"name": "x", "state": "present", "persist": "none", "ports": [{"name": "a/b"}]}
    with pytest.raises(OptionError) as error:
        kinds.BRIDGE.parse(options, "bridges[3]")
    assert error.value.option == "bridges[3].ports[0].name"


def test_each_kind_has_a_class_of_its_own() -> None:
    assert isinstance(host().kernel.kept["eth0.5"].definition, VlanIface)
    assert not isinstance(host().kernel.kept["eth0"].definition, (LinuxBridge, VlanIface, Tuntap))
