# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What is refused of an interface before anything is touched, in one sentence with the option's path."""

from __future__ import annotations

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
        (BRIDGE, {**NEW, "ports": [{"name": "eth9"}]}, "ports[0].name", "there is none of that name"),
        (BRIDGE, {**NEW, "ports": [{"name": "lo"}]}, "ports[0].name", "the loopback interface"),
        (BRIDGE, {**NEW, "ports": [{"name": "tun0"}]}, "ports[0].name", "a TUN device, which has none"),
        (BRIDGE, {**NEW, "ports": [{"name": "eth2"}]}, "ports[0].name", "a port of the bridge br1"),
        (BRIDGE, {**NEW, "ports": [{"name": "eth3"}]}, "ports[0].name", "a port of the bond bond0"),
        (BRIDGE, {**NEW, "ports": [{"name": "br1"}]}, "ports[0].name", "a bridge itself"),
        (BRIDGE, {"name": "br0", "ports": [{"name": "br0"}]}, "ports[0].name", "than the bridge itself"),
        (BRIDGE, {"name": "br0", "ports": [{"name": "br0.6"}]}, "ports[0].name", "that doesn't sit on br0 itself"),
        (BRIDGE, {**NEW, "ports": [{"name": "eth0"}, {"name": "eth0"}]}, "ports[1].name", "each port once"),
        (BRIDGE, {**NEW, "adopt": "eth2"}, "adopt", "a port of the bridge br1"),
        (BRIDGE, {**NEW, "adopt": "eth0", "up": False}, "up", "takes the place of eth0"),
        # a bridge's settings
        (BRIDGE, {**NEW, "stp": True, "forward_delay": 1}, "forward_delay", "2 or more, as stp is true"),
        (BRIDGE, {**NEW, "group_fwd_mask": 4}, "group_fwd_mask", "without the bits 0, 1 and 2"),
        (BRIDGE, {**NEW, "tagged": ["10-20"], "untagged": ["20"]}, "untagged", "that aren't in tagged as well"),
        (BRIDGE, {**NEW, "tagged": ["4095"]}, "tagged[0]", "from 1 to 4094"),
        (BRIDGE, {**NEW, "mac": "01:00:5e:00:00:01"}, "mac", "this one is multicast"),
        (BRIDGE, {"name": "a-name-of-16-chr"}, "name", "1 to 15 characters"),
        (BRIDGE, {"name": "eth0"}, "name", "has a hardware interface of that name"),
        (BRIDGE, {"name": "eth0.5"}, "name", "has an interface of the kind vlan of that name"),
        (TAP, {"name": "br0"}, "name", "has an interface of the kind bridge of that name"),
        # addresses and routes
        (BRIDGE, {**NEW, "addresses": ["10.0.0.0/24"]}, "addresses[0]", "not the network's own"),
        (BRIDGE, {**NEW, "addresses": ["10.0.0.255/24"]}, "addresses[0]", "not the broadcast address"),
        (BRIDGE, {**NEW, "addresses": ["10.0.0.1"]}, "addresses[0]", "the prefix is missing"),
        (BRIDGE, {**NEW, "addresses": ["224.0.0.1/24"]}, "addresses[0]", "a unicast address"),
        (BRIDGE, {**NEW, "addresses": ["fe80::1/64"]}, "addresses[0]", "no link-local address"),
        (BRIDGE, {**NEW, "addresses": ["192.168.1.2/16"]}, "addresses[0]", "eth0 has it"),
        (BRIDGE, {**NEW, "addresses": ["fd00::1/64", "fd00::1/48"]}, "addresses[1]", "each address once"),
        (BRIDGE, {**NEW, "addresses": ["fd00::1/64"], "mtu": 1200}, "addresses[0]", "as the MTU is below 1280"),
        (BRIDGE, {**NEW, "ipv6": {"enabled": True}, "mtu": 1200}, "ipv6", "IPv6 needs 1280 or more"),
        (
            BRIDGE,
            {**NEW, "addresses": ["fd00::1/64"], "ipv6": {"enabled": False}},
            "addresses[0]",
            "as ipv6.enabled is false",
        ),
        (BRIDGE, {**NEW, "routes": [{"to": "default", "via": "10.0.0.1"}]}, "routes[0].via", "its subnets are: none"),
        (
            BRIDGE,
            {**NEW, "addresses": ["10.0.0.2/24"], "routes": [{"to": "default", "via": "10.0.1.1"}]},
            "routes[0].via",
            "its subnets are: 10.0.0.0/24",
        ),
        (
            BRIDGE,
            {**NEW, "addresses": ["10.0.0.2/24"], "routes": [{"to": "default", "via": "10.0.0.2"}]},
            "routes[0].via",
            "which the interface itself isn't",
        ),
        (
            BRIDGE,
            {**NEW, "addresses": ["10.0.0.2/24"], "routes": [{"to": "fd00::/64", "via": "10.0.0.1"}]},
            "routes[0].via",
            "an IPv6 address",
        ),
        (
            BRIDGE,
            {**NEW, "addresses": ["10.0.0.2/24"], "routes": [{"to": "10.0.0.0/24"}]},
            "routes[0].to",
            "the kernel makes the route",
        ),
        (BRIDGE, {**NEW, "routes": [{"to": "10.1.0.0/24"}] * 2}, "routes[1].to", "each destination once"),
        (BRIDGE, {**NEW, "routes": [{"to": "10.1.0.0/24", "source": "10.5.5.5"}]}, "routes[0].source", "the host has"),
        (BRIDGE, {**NEW, "up": False, "routes": [{"to": "10.1.0.0/24"}]}, "routes", "as the interface is down"),
        # VLANs' interfaces
        (VLAN, {**NEW, "id": 7}, "parent", "as there is no new yet"),
        (VLAN, {**NEW, "parent": "eth0"}, "id", "as there is no new yet"),
        (VLAN, {**NEW, "parent": "eth0", "id": 0}, "id", "a number from 1 to 4094"),
        (VLAN, {**NEW, "parent": "eth0", "id": 4095}, "id", "a number from 1 to 4094"),
        (VLAN, {**NEW, "parent": "eth9", "id": 7}, "parent", "there is none of that name"),
        (VLAN, {**NEW, "parent": "new", "id": 7}, "parent", "another interface than the VLAN's own"),
        (VLAN, {**NEW, "parent": "lo", "id": 7}, "parent", "that carries Ethernet frames"),
        (VLAN, {**NEW, "parent": "tun0", "id": 7}, "parent", "that carries Ethernet frames"),
        (VLAN, {**NEW, "parent": "eth0", "id": 5}, "id", "eth0.5 is that VLAN"),
        (VLAN, {**NEW, "parent": "eth0", "id": 7, "mtu": 9000}, "mtu", "at most 1500, the MTU of eth0"),
        (VLAN, {"name": "eth0.5", "id": 7}, "id", "no change while macvtap0 (macvtap) sits on eth0.5"),
        (VLAN, {"name": "br0.6", "id": 7, "recreate": False}, "id", "as recreate is false"),
        (
            VLAN,
            {**NEW, "parent": "eth0", "id": 7, "ingress_qos": [{"pcp": 1, "priority": 1}, {"pcp": 1, "priority": 2}]},
            "ingress_qos[1].pcp",
            "each pcp once",
        ),
        # taps
        (TAP, {**NEW, "owner": "nobody-there"}, "owner", "a user that the host has"),
        (TAP, {**NEW, "group": "nobody-there"}, "group", "a group that the host has"),
        (TAP, {**NEW, "mode": "tun", "mac": "52:54:00:00:00:77"}, "mac", "nothing with mode tun"),
        (TAP, {**NEW, "mode": "tun", "bridge": "br0"}, "bridge", "nothing with mode tun"),
        (TAP, {**NEW, "bridge": "br9"}, "bridge", "there is none of that name"),
        (TAP, {**NEW, "bridge": "eth0"}, "bridge", "this is something else"),
        (TAP, {"name": "vnet1", "up": True}, "name", "goes with the program that has made it"),
        (TAP, {"name": "used", "owner": "root"}, "owner", "while a program, such as a guest, has used open"),
        (TAP, {"name": "used", "mode": "tun"}, "mode", "while a program, such as a guest, has used open"),
        (TAP, {"name": "t0", "multi_queue": True, "recreate": False}, "multi_queue", "as recreate is false"),
        # removal
        (BRIDGE, {"name": "eth0", "state": "absent"}, "name", "it is not removed, as it is none"),
    ],
)
def test_refused(word: str, options: dict[str, Any], option: str, words: str) -> None:
    there = host()
    with pytest.raises(OptionError) as error:
        there.declare((word, options))
    assert error.value.option == option and words in str(error.value), str(error.value)
    assert there.kernel.calls == []


@pytest.mark.parametrize(
    ("word", "options", "words"),
    [
        (BRIDGE, {"name": "br0", "state": "absent"}, "br0 is not removed: br0.6 would go with it"),
        (TAP, {"name": "used", "state": "absent"}, "used is not removed: a program, such as a guest, has it open"),
    ],
)
def test_not_removed(word: str, options: dict[str, Any], words: str) -> None:
    there = host()
    with pytest.raises(VirtnetError, match=words):
        there.declare((word, options))
    assert there.kernel.calls == []


def test_a_bridge_is_not_taken_from_guests() -> None:
    there = host()
    there.declare((VLAN, {"name": "br0.6", "state": "absent"}))
    there.kernel.calls.clear()
    with pytest.raises(
        VirtnetError, match=r"bridge br0 is not removed: guests hang on it by vnet1; .* purge_taps: true"
    ):
        there.declare((BRIDGE, {"name": "br0", "state": "absent"}))
    assert there.kernel.calls == []
    there.declare((BRIDGE, {"name": "br0", "state": "absent", "purge_taps": True}))
    assert "br0" not in there.kernel.kept


@pytest.mark.parametrize(
    ("missing", "word", "options", "option", "words"),
    [
        ("bridge", BRIDGE, NEW, "name", "this kernel has no bridges"),
        ("vlan", VLAN, {**NEW, "parent": "eth0", "id": 7}, "name", "this kernel has no 802.1Q VLANs"),
        ("tun", TAP, NEW, "name", "this kernel has no TUN and TAP devices"),
        (
            "bridge vlan filtering",
            BRIDGE,
            {**NEW, "vlan_filtering": True},
            "vlan_filtering",
            "no bridge VLAN filtering",
        ),
        (
            "bridge vlan filtering",
            BRIDGE,
            {**NEW, "ports": [{"name": "eth0", "tagged": ["10"]}]},
            "ports[0].tagged",
            "this kernel has no bridge VLAN filtering",
        ),
    ],
)
def test_a_kernel_without_it(missing: str, word: str, options: dict[str, Any], option: str, words: str) -> None:
    there = host(ALL - {missing})
    with pytest.raises(OptionError) as error:
        there.declare((word, options))
    assert error.value.option == option and words in str(error.value), str(error.value)
    assert there.kernel.calls == []


def test_what_asks_for_nothing_is_well_on_any_kernel() -> None:
    options = {"vlan_filtering": False, "vlan_default_pvid": 1, "pvid": 0, "tagged": []}
    host(ALL - {"bridge vlan filtering"}).declare((BRIDGE, {**NEW, **options}))


def test_the_path_in_a_list() -> None:
    options = {"name": "x", "state": "present", "persist": "none", "ports": [{"name": "a/b"}]}
    with pytest.raises(OptionError) as error:
        kinds.BRIDGE.parse(options, "bridges[3]")
    assert error.value.option == "bridges[3].ports[0].name"


def test_each_kind_is_told_from_others() -> None:
    assert isinstance(host().kernel.kept["eth0.5"].definition, VlanIface)
    assert not isinstance(host().kernel.kept["eth0"].definition, (LinuxBridge, VlanIface, Tuntap))
