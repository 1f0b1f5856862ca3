# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What ifupdown's files are for an interface, and what becomes of the stanzas that a user has for its ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    MacvlanIface,
    Port,
    QosMap,
    Route,
    Tuntap,
    VlanIface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import TOOLS
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import overlay, saved_path
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.ifupdown.commands import SETTLED
from unit.persist_plans import planned

MAIN = "/etc/network/interfaces"
OURS = "/etc/network/interfaces.d/virtnet-kvm-"
MAC = "52:54:00:00:00:01"
USERS = """\
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

allow-hotplug eth0
iface eth0 inet static
    # the LAN
    address 192.168.1.2/24
    up echo a \\
       b
iface eth0 inet6 auto

auto eth1
iface eth1 inet dhcp
"""


def _made(
    desired: Optional[Interface],
    files: Optional[Mapping[str, str]] = None,
    name: str = "",
    states: tuple[InterfaceState, ...] = (),
) -> dict[str, str]:
    """The files; a second run has nothing to change in them."""
    there = {MAIN: USERS} if files is None else files
    return overlay(there, planned("ifupdown", desired, there, name, states).changes)


def _lines(desired: Interface, *states: InterfaceState) -> list[str]:
    text = _made(desired, states=states)[f"{OURS}{desired.name}"]
    assert text.startswith(f"# Made by virtnet.kvm for {desired.name}; ")
    return [line.strip() for line in text.splitlines()[1:]]


def test_bridge_is_made_by_commands_that_can_be_run_again() -> None:
    bridge = LinuxBridge(
        name="br0", mac=MAC, mtu=9000, stp=True, priority=4096, forward_delay=4, hello_time=1, max_age=9, ageing_time=0,
        vlan_filtering=True, vlan_default_pvid=0, vlan_protocol="802.1ad", mcast_snooping=False, mcast_querier=True,
        group_fwd_mask=8,
    )  # fmt: skip
    assert _lines(bridge) == [
        "auto br0",
        "iface br0 inet manual",
        f"pre-up test -e /sys/class/net/br0 || ip link add name br0 address {MAC} type bridge",
        "pre-up ip link set dev br0 type bridge stp_state 1 priority 4096 forward_delay 400 hello_time 100 max_age 900"
        " ageing_time 0 vlan_protocol 802.1ad vlan_default_pvid 0 mcast_snooping 0 mcast_querier 1 group_fwd_mask 8",
        "pre-up ip link set dev br0 type bridge vlan_filtering 1",
        f"pre-up ip link set dev br0 address {MAC} mtu 9000",
        "up ip link set dev br0 up",
        "post-down ip link delete dev br0",
    ]


def test_ports_are_there_before_they_are_enslaved() -> None:
    port = Port(name="eth0", cost=7, priority=3, hairpin=True, isolated=True, learning=False, flood=False, guard=True)
    assert _lines(LinuxBridge(name="br0", ports=(port,)))[3:8] == [
        "pre-up test -e /sys/class/net/eth0 || ifup eth0",
        "pre-up ip link set dev eth0 master br0 up",
        "pre-up ip -6 address flush dev eth0 scope global dynamic 2>/dev/null || true",
        "pre-up ip -6 route flush dev eth0 proto ra 2>/dev/null || true",
        "pre-up ip link set dev eth0 type bridge_slave cost 7 priority 3 hairpin on isolated on learning off flood off guard on",
    ]


def test_vlans_of_ports_and_bridge() -> None:
    port = Port(name="eth0", tagged=("11", "100-199"), untagged=("5",), pvid=7)
    bridge = LinuxBridge(name="br0", vlan_filtering=True, pvid=1, tagged=("11",), ports=(port,))
    assert [line for line in _lines(bridge) if line.startswith("pre-up bridge vlan")] == [
        "pre-up bridge vlan del dev eth0 vid 1 2>/dev/null || true",
        "pre-up bridge vlan add dev eth0 vid 5 untagged",
        "pre-up bridge vlan add dev eth0 vid 11",
        "pre-up bridge vlan add dev eth0 vid 100-199",
        "pre-up bridge vlan add dev eth0 vid 7 pvid untagged",
        "pre-up bridge vlan add dev br0 vid 11 self",
        "pre-up bridge vlan add dev br0 vid 1 pvid untagged self",
    ]


def test_addresses_and_routes_are_kept_with_their_details() -> None:
    held = (
        Address("192.168.1.2/24", broadcast="192.168.1.255", metric=100),
        Address("10.0.0.1/32", peer="10.0.0.2/32", label="br0:1", scope=253, flags=0x200),
        Address("fd00::2/64", preferred_seconds=0, flags=0x02),
    )
    default = InterfaceRoute(to="default", via="192.168.1.1", metric=5, table=7, source="192.168.1.2")
    sixth = InterfaceRoute(to="fd01::/64", via="fd00::1", source="fd00::2")
    routes = (Route(default, protocol=16, onlink=True), Route(sixth))
    state = InterfaceState("bridge", 3, LinuxBridge(name="br0"), held, routes)
    bridge = LinuxBridge(name="br0", addresses=tuple(a.cidr for a in held), routes=(default, sixth))
    assert _lines(bridge, state)[4:-1] == [
        "up ip address replace 192.168.1.2/24 broadcast 192.168.1.255 metric 100 dev br0",
        "up ip address replace 10.0.0.1 peer 10.0.0.2/32 label br0:1 scope 253 noprefixroute dev br0",
        "up ip address replace fd00::2/64 preferred_lft 0 nodad dev br0",
        "up ip -4 route replace 0.0.0.0/0 via 192.168.1.1 metric 5 table 7 src 192.168.1.2 proto 16 onlink dev br0",
        "up n=0; until ip -6 route replace fd01::/64 via fd00::1 src fd00::2 proto 4 dev br0;"
        " do n=$((n+1)); test $n -lt 50 || exit 1; sleep 0.1; done",
    ]


def test_ipv6_settings_are_the_kernels_and_stay_what_they_are() -> None:
    ipv6 = Ipv6(enabled=False, accept_ra="always", autoconf=False, addr_gen_mode="stable-privacy")
    bridge, path = LinuxBridge(name="br0", ipv6=ipv6, up=False), "/proc/sys/net/ipv6/conf/br0"
    assert _lines(bridge)[3:-1] == [
        f"pre-up test ! -e {path}/{key} || echo {value} >{path}/{key}"
        for key, value in (("disable_ipv6", 1), ("accept_ra", 2), ("autoconf", 0), ("addr_gen_mode", 2))
    ]
    assert TOOLS["ifupdown"].kept(bridge) == bridge


def test_vlan() -> None:
    vlan = VlanIface(
        name="lan11", parent="eth0", id=11, protocol="802.1ad", reorder=False, gvrp=True, mvrp=True, loose_binding=True,
        ingress_qos=(QosMap(pcp=3, priority=5),), egress_qos=(QosMap(pcp=6, priority=4), QosMap(pcp=1, priority=2)),
    )  # fmt: skip
    assert _lines(vlan)[2:4] == [
        "pre-up test -e /sys/class/net/eth0 || ifup eth0",
        "pre-up test -e /sys/class/net/lan11 || ip link add link eth0 name lan11 type vlan proto 802.1ad id 11"
        " reorder_hdr off gvrp on mvrp on loose_binding on ingress-qos-map 3:5 egress-qos-map 2:1 4:6",
    ]


def test_tap() -> None:
    tap = Tuntap(name="tap0", owner="a b", group="kvm", multi_queue=True, vnet_hdr=True, packet_info=True, bridge="br0")
    assert _lines(tap)[2:5] == [
        "pre-up test -e /sys/class/net/tap0 ||"
        " ip tuntap add dev tap0 mode tap user 'a b' group kvm pi vnet_hdr multi_queue",
        "pre-up test -e /sys/class/net/br0 || ifup br0",
        "pre-up ip link set dev tap0 master br0",
    ]


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (VlanIface(parent="eth0", id=11), f"ip link add link eth0 name new0 address {MAC} type vlan id 11"),
        (MacvlanIface(parent="eth0", mode="bridge"), f"ip link add link eth0 name new0 address {MAC} type macvlan mode bridge"),
        (Tuntap(), "ip tuntap add dev new0 mode tap"),
    ],
)  # fmt: skip
def test_udev_gives_no_other_mac_address(kind: Interface, made: str) -> None:
    """udev gives one to what has none yet, so it has it from the beginning, or udev is waited for."""
    lines = [line.removeprefix("pre-up ") for line in _lines(replace(kind, name="new0", mac=MAC))]
    place = lines.index(f"test -e /sys/class/net/new0 || {made}")
    settled = [SETTLED] if isinstance(kind, Tuntap) else []
    assert lines[place + 1 : place + 2 + len(settled)] == [*settled, f"ip link set dev new0 address {MAC}"]


def test_name_is_no_command() -> None:
    assert (
        "pre-up test -e '/sys/class/net/a;b' || ip link add name 'a;b' type bridge"
        in _made(LinuxBridge(name="a;b"))[f"{OURS}a_3bb"]
    )


def test_users_stanza_for_a_port_is_manual_and_comes_back() -> None:
    files = _made(LinuxBridge(name="br0", ports=(Port(name="eth0"),)))
    assert files[saved_path(MAIN)] == USERS
    assert [line for line in files[MAIN].splitlines() if not line.startswith("#")][5:] == [
        "allow-hotplug eth0",
        "iface eth0 inet manual",
        "    # the LAN",
        "",
        "auto eth1",
        "iface eth1 inet dhcp",
    ]
    assert _made(None, files, "br0") == {MAIN: USERS}


def test_manual_stanza_of_a_user_is_left_alone() -> None:
    users = f"{USERS}\nauto eth2\niface eth2 inet manual\n    pre-up true\n"
    assert _made(LinuxBridge(name="br0", ports=(Port(name="eth2"),)), {MAIN: users})[MAIN] == users


def test_users_own_stanza_of_the_interface_gives_way() -> None:
    users = f"{USERS}\nauto br0\niface br0 inet manual\n    bridge_ports none\n"
    files = _made(LinuxBridge(name="br0"), {MAIN: users})
    assert "\nauto br0\n" in files[MAIN] and "\niface br0" not in files[MAIN]
    assert _made(None, files, "br0") == {MAIN: users}


def test_two_bridges_edit_one_file_and_go_in_either_order() -> None:
    first = _made(LinuxBridge(name="br0", ports=(Port(name="eth0"),)))
    both = _made(LinuxBridge(name="br1", ports=(Port(name="eth1"),)), first)
    assert _made(None, both, "br1") == first
    assert _made(None, _made(None, both, "br0"), "br1") == {MAIN: USERS}


@pytest.mark.parametrize(
    "sources, added",
    [
        ("source /etc/network/interfaces.d/*\n", False),
        ("source interfaces.d/virtnet*\n", False),
        ("source-directory /etc/network/interfaces.d\n", False),
        ("source /etc/network/interfaces.d/*.cfg\n", True),
        ("auto lo", True),
    ],
)
def test_our_file_is_read(sources: str, added: bool) -> None:
    files = _made(LinuxBridge(name="br0"), {MAIN: sources})
    assert (f"source {OURS}*" in files[MAIN].splitlines()) is added
    both = _made(LinuxBridge(name="br1"), files)
    assert both[MAIN] == files[MAIN]
    left = _made(None, both, "br0")
    assert left[MAIN] == files[MAIN]
    assert _made(None, left, "br1") == {MAIN: sources}


def test_files_that_the_main_one_names_are_read() -> None:
    there = {MAIN: "source-directory more\n", "/etc/network/more/lan": "source /else/*\n"}
    assert {"/etc/network/more/*", "/else/*"} <= set(TOOLS["ifupdown"].patterns(there))
