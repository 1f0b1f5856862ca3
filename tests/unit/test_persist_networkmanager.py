# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What NetworkManager's profiles are for an interface, and what becomes of users' profiles of its ports."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Port,
    QosMap,
    Route,
    Tuntap,
    VlanIface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import TOOLS
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import added_line, overlay
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import FileChanges
from unit.persist_plans import planned

HOME = "/etc/NetworkManager/system-connections"
MAC = "52:54:00:00:00:01"
ETH0 = InterfaceState("", 2, Interface(name="eth0", mac=MAC), permanent_mac=MAC)
TAP0 = InterfaceState("tun", 3, Tuntap(name="tap0", mode="tap", owner="0"))
BOND0 = InterfaceState("bond", 4, Interface(name="bond0"))
USERS = """[connection]
id=lan
uuid=7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11
type=ethernet
interface-name=eth0

[ethernet]
wake-on-lan=64

[ipv4]
method=manual
address1=192.0.2.5/24,192.0.2.1
dns=192.0.2.53;
dns-search=lan.example;
"""


def _path(name: str) -> str:
    return f"{HOME}/virtnet-kvm-{name}.nmconnection"


def _plan(
    desired: Optional[Interface],
    files: Optional[Mapping[str, str]] = None,
    name: str = "",
    states: tuple[InterfaceState, ...] = (ETH0, TAP0, BOND0),
) -> FileChanges:
    return planned("networkmanager", desired, files, name, states)


def _made(desired: Optional[Interface], files: Optional[Mapping[str, str]] = None, **kwargs: Any) -> dict[str, str]:
    return overlay(files or {}, _plan(desired, files, **kwargs).changes)


def _profile(text: str) -> dict[str, dict[str, str]]:
    """As GLib reads it: sections may come twice, and the last of a key counts."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def _of(desired: Interface, name: str = "", **kwargs: Any) -> dict[str, dict[str, str]]:
    return _profile(_made(desired, **kwargs)[_path(name or desired.name or "")])


def test_a_profile_comes_before_any_of_a_users_and_keeps_its_uuid() -> None:
    found = _of(LinuxBridge(name="br0"))["connection"]
    other = _of(LinuxBridge(name="br1"))["connection"]
    assert found.pop("uuid") == _of(LinuxBridge(name="br0", mtu=1400))["connection"]["uuid"] != other["uuid"]
    assert found == {
        "id": "virtnet-kvm-br0",
        "type": "bridge",
        "interface-name": "br0",
        "autoconnect-priority": "999",
    }


BRIDGES = [
    # NetworkManager would switch it on
    (LinuxBridge(), {"stp": "false"}),
    (LinuxBridge(stp=True, forward_delay=4), {"stp": "true", "forward-delay": "4"}),
    (LinuxBridge(stp=True, priority=4096, hello_time=3), {"stp": "true", "priority": "4096", "hello-time": "3"}),
    (LinuxBridge(stp=True, max_age=12), {"stp": "true", "max-age": "12"}),
    (LinuxBridge(ageing_time=60), {"stp": "false", "ageing-time": "60"}),
    (LinuxBridge(group_fwd_mask=8), {"stp": "false", "group-forward-mask": "8"}),
    (LinuxBridge(mcast_snooping=False), {"stp": "false", "multicast-snooping": "false"}),
    (LinuxBridge(mcast_querier=True), {"stp": "false", "multicast-querier": "true"}),
    (LinuxBridge(vlan_protocol="802.1ad"), {"stp": "false", "vlan-protocol": "802.1ad"}),
    (
        LinuxBridge(vlan_filtering=True, vlan_default_pvid=0, tagged=("10-12", "20"), untagged=("5",)),
        {"stp": "false", "vlan-filtering": "true", "vlan-default-pvid": "0", "vlans": "5 untagged, 10-12, 20"},
    ),
    (
        LinuxBridge(vlan_filtering=True, pvid=1),
        {"stp": "false", "vlan-filtering": "true", "vlan-default-pvid": "1", "vlans": "1 pvid untagged"},
    ),
    (
        LinuxBridge(vlan_filtering=True, vlan_default_pvid=0, pvid=7, tagged=("7",)),
        {"stp": "false", "vlan-filtering": "true", "vlan-default-pvid": "0", "vlans": "7 pvid"},
    ),
]


@pytest.mark.parametrize(("desired", "keys"), BRIDGES, ids=[str(index) for index in range(len(BRIDGES))])
def test_settings_of_a_bridge(desired: LinuxBridge, keys: dict[str, str]) -> None:
    assert _plan(replace(desired, name="br0")).unsupported == ()
    assert _of(replace(desired, name="br0"))["bridge"] == keys


LOST = [
    (LinuxBridge(forward_delay=4), "forward_delay while stp is off"),
    (LinuxBridge(group_fwd_mask=5), "bits 0 to 2 of group_fwd_mask (5)"),
    (LinuxBridge(vlan_default_pvid=7), "vlan_default_pvid while vlan_filtering is off"),
    (LinuxBridge(up=False), "up false, because it creates no interface"),
    (LinuxBridge(ports=(Port(name="eth0", isolated=True),)), "isolated of port eth0"),
    (LinuxBridge(ports=(Port(name="eth0", learning=False),)), "learning of port eth0"),
    (LinuxBridge(ports=(Port(name="eth0", flood=False),)), "flood of port eth0"),
    (LinuxBridge(ports=(Port(name="eth0", guard=True),)), "guard of port eth0"),
    (LinuxBridge(ports=(Port(name="bond0"),)), "port bond0, because it is of the kind bond"),
    (LinuxBridge(routes=(InterfaceRoute(to="198.51.100.0/24"),)), "routes for IPv4, because there is no IPv4 address"),
    (LinuxBridge(addresses=("fd00::1/64",), ipv6=Ipv6(addr_gen_mode="random")), "ipv6.addr_gen_mode random"),
    (Tuntap(mode="tap", owner="no such user"), "owner 'no such user', because this host has no user"),
    (Tuntap(mode="tap", bridge="br0", addresses=("192.0.2.1/24",)), "addresses and routes, because a port"),
]


@pytest.mark.parametrize(("desired", "words"), LOST, ids=[words for _desired, words in LOST])
def test_what_it_cant_store_is_said(desired: Any, words: str) -> None:
    said = _plan(replace(desired, name="x0")).unsupported
    assert len(said) == 1
    assert said[0].startswith(f"x0: networkmanager can't store {words}")
    assert said[0].endswith("; run this task again after each reboot")


def test_default_vlan_that_a_bridge_is_not_in_is_said() -> None:
    (said,) = _plan(LinuxBridge(name="br0", vlan_filtering=True)).unsupported
    assert said.startswith("br0: networkmanager can't remove VLAN 1, the default, from the bridge")
    assert _plan(LinuxBridge(name="br0", vlan_filtering=True, vlan_default_pvid=0)).unsupported == ()


def test_kernels_defaults_are_no_loss() -> None:
    usual = LinuxBridge(name="br0", forward_delay=15, priority=32768, max_age=20, hello_time=2, vlan_default_pvid=1)
    assert _plan(replace(usual, ports=(Port(name="eth0", isolated=False, learning=True),))).unsupported == ()


def test_settings_of_a_vlan() -> None:
    plain = VlanIface(name="v7", parent="eth0", id=7)
    assert _of(plain)["vlan"] == {"id": "7", "parent": "eth0", "flags": "1"}
    full = replace(
        plain,
        protocol="802.1ad",
        reorder=False,
        gvrp=True,
        loose_binding=True,
        mvrp=True,
        ingress_qos=(QosMap(pcp=1, priority=5),),
        egress_qos=(QosMap(pcp=3, priority=2), QosMap(pcp=4, priority=6)),
    )
    assert _of(full)["vlan"] == {
        "id": "7",
        "parent": "eth0",
        "flags": "14",
        "protocol": "802.1ad",
        "ingress-priority-map": "1:5",
        "egress-priority-map": "2:3,6:4",
    }


def test_settings_of_a_tap() -> None:
    assert _of(Tuntap(name="t0", mode="tun"))["tun"] == {"mode": "1"}
    full = Tuntap(name="t0", mode="tap", owner="0", group="0", packet_info=True, vnet_hdr=True, multi_queue=True)
    keys = {"mode": "2", "owner": "0", "group": "0", "pi": "true", "vnet-hdr": "true", "multi-queue": "true"}
    assert _of(full)["tun"] == keys
    assert _of(replace(full, mac=MAC, mtu=1400))["ethernet"] == {"cloned-mac-address": MAC, "mtu": "1400"}
    assert _of(replace(full, owner="root"))["tun"] == keys


def test_addresses_and_routes_have_the_kernels_metrics() -> None:
    state = InterfaceState(
        "bridge",
        5,
        LinuxBridge(name="br0"),
        routes=(Route(InterfaceRoute(to="198.51.100.0/24", via="192.0.2.9", metric=5), onlink=True),),
    )
    found = _of(
        LinuxBridge(
            name="br0",
            addresses=("192.0.2.1/24", "fd00::1/64"),
            routes=(
                InterfaceRoute(to="198.51.100.0/24", via="192.0.2.9", metric=5),
                InterfaceRoute(to="default", via="fd00::9"),
                InterfaceRoute(to="203.0.113.0/24", table=100, source="192.0.2.1"),
            ),
        ),
        states=(state,),
    )
    assert found["ipv4"] == {
        "method": "manual",
        "route-metric": "0",
        "address1": "192.0.2.1/24",
        "route1": "198.51.100.0/24,192.0.2.9,5",
        "route1_options": "onlink=true",
        "route2": "203.0.113.0/24,0.0.0.0,0",
        "route2_options": "table=100,src=192.0.2.1",
    }
    assert found["ipv6"] == {
        "method": "manual",
        "route-metric": "256",
        "address1": "fd00::1/64",
        "route1": "::/0,fd00::9,1024",
        "addr-gen-mode": "eui64",
    }


METHODS = [
    (LinuxBridge(), "ignore"),  # the kernel does as it has done
    (LinuxBridge(ipv6=Ipv6(enabled=False)), "disabled"),
    (LinuxBridge(ipv6=Ipv6(accept_ra="never")), "link-local"),
    (LinuxBridge(ipv6=Ipv6(accept_ra="always")), "auto"),
    (LinuxBridge(addresses=("fd00::1/64",)), "manual"),
    (LinuxBridge(addresses=("fd00::1/64",), ipv6=Ipv6(accept_ra="always")), "auto"),
    (LinuxBridge(routes=(InterfaceRoute(to="fd01::/64", via="fe80::1"),)), "link-local"),
]


@pytest.mark.parametrize(("desired", "method"), METHODS, ids=[method for _desired, method in METHODS])
def test_methods_of_ipv6(desired: LinuxBridge, method: str) -> None:
    assert _of(replace(desired, name="br0"))["ipv6"]["method"] == method


def test_what_the_kernel_shows_while_networkmanager_has_it() -> None:
    ipv6 = Ipv6(accept_ra="always", addr_gen_mode="eui64")
    tool = TOOLS["networkmanager"]
    taken = tool.kept(LinuxBridge(name="br0", ipv6=ipv6)).ipv6
    assert taken == Ipv6(accept_ra="never", addr_gen_mode="none")
    left = LinuxBridge(name="br0", ipv6=Ipv6(accept_ra="unless_forwarding", addr_gen_mode="eui64"))
    assert tool.kept(left) == left


# -- ports ---------------------------------------------------------------------------------------------------------------

PORTS = LinuxBridge(
    name="br0",
    addresses=("192.0.2.5/24",),
    vlan_filtering=True,
    vlan_default_pvid=0,
    ports=(Port(name="eth0", cost=9, priority=3, hairpin=True, pvid=7, tagged=("8",)),),
)


def test_a_port_says_whose_it_is_and_how() -> None:
    found = _of(PORTS, "eth0")
    assert found["connection"]["master"] == "br0"
    assert found["connection"]["slave-type"] == "bridge"
    keys = {"path-cost": "9", "priority": "3", "hairpin-mode": "true", "vlans": "7 pvid untagged, 8"}
    assert found["bridge-port"] == keys
    assert "ipv4" not in found


@pytest.mark.parametrize("match", ["interface-name=eth0", "autoconnect=true"])
def test_users_profile_stays_and_ours_takes_on_what_it_says_of_the_device(match: str) -> None:
    users = USERS.replace("interface-name=eth0", match).replace("wake-on-lan=64", f"mac-address={MAC}\nwake-on-lan=64")
    made = _made(PORTS, {f"{HOME}/lan.nmconnection": users})
    assert made[f"{HOME}/lan.nmconnection"] == users
    assert _profile(made[_path("eth0")])["ethernet"]["wake-on-lan"] == "64"
    assert "dns" not in made[_path("eth0")]
    bridge = _profile(made[_path("br0")])["ipv4"]
    assert (bridge["dns"], bridge["dns-search"]) == ("192.0.2.53;", "lan.example;")


def test_of_several_profiles_of_a_port_that_counts_which_networkmanager_takes() -> None:
    other = USERS.replace("wake-on-lan=64", "mtu=9000").replace("[ethernet]", "autoconnect-priority=5\n\n[ethernet]")
    made = _made(PORTS, {f"{HOME}/a": other, f"{HOME}/b": USERS, f"{HOME}/c": USERS.replace("eth0", "eth1")})
    assert _profile(made[_path("eth0")])["ethernet"] == {"mtu": "9000"}


def test_name_servers_from_dhcp_are_missed() -> None:
    users = "[connection]\ninterface-name=eth0\n[ipv4]\nmethod=auto\n"
    assert "the name servers that port eth0 had from DHCP" in _plan(PORTS, {f"{HOME}/lan": users}).unsupported[0]


def test_a_port_of_another_kind_has_its_users_profile() -> None:
    users = "[connection]\ntype=bond\ninterface-name=bond0\n[bond]\nmode=active-backup\n"
    made = _made(LinuxBridge(name="br0", ports=(Port(name="bond0"),)), {f"{HOME}/bond": users})
    found = _profile(made[_path("bond0")])
    assert (found["connection"]["type"], found["bond"]) == ("bond", {"mode": "active-backup"})


def test_a_tap_and_its_bridge_share_its_profile_in_either_order() -> None:
    tap, bridge = (
        Tuntap(name="tap0", mode="tap", owner="0"),
        LinuxBridge(name="br0", ports=(Port(name="tap0", cost=9),)),
    )
    ways = []
    for first, second in ((tap, bridge), (bridge, tap)):
        made = _made(second, _made(first))
        found = _profile(made[_path("tap0")])
        assert found["connection"]["master"] == "br0"
        assert found["bridge-port"] == {"path-cost": "9"}
        assert found["tun"] == {"mode": "2", "owner": "0"}
        ways.append(made)
    assert ways[0] == ways[1]
    alone = _made(None, ways[0], name="br0")
    assert alone == _made(tap)
    assert _made(None, alone, name="tap0") == {}
    assert "master" not in _made(LinuxBridge(name="br0"), ways[0])[_path("tap0")]


def test_a_tap_that_names_its_bridge_is_its_port() -> None:
    found = _of(Tuntap(name="t0", mode="tap", bridge="br0"))
    assert found["connection"]["master"] == "br0"
    assert "ipv4" not in found


def test_all_goes_with_the_bridge_also_what_networkmanager_has_rewritten() -> None:
    users = {f"{HOME}/lan.nmconnection": USERS}
    made = _made(PORTS, users)
    assert _made(None, made, name="br0") == users
    rewritten = {**made, _path("br0"): made[_path("br0")].split("\n", 1)[1]}
    assert _made(None, rewritten, name="br0") == users


def test_an_address_that_loses_its_peer_says_so() -> None:
    state = InterfaceState("bridge", 5, LinuxBridge(), addresses=(Address("192.0.2.5/24", peer="192.0.2.9"),))
    state = replace(state, definition=LinuxBridge(name="br0"))
    said = _plan(LinuxBridge(name="br0", addresses=("192.0.2.5/24",)), states=(state,)).unsupported
    assert "the peer 192.0.2.9 of address 192.0.2.5/24" in said[0]


def test_marks_of_ours_are_comments_to_it() -> None:
    assert all(line.startswith("#") for line in added_line("", "br0").splitlines() if line)
