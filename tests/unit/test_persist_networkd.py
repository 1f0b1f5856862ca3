# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What systemd-networkd's files are for an interface, and which of the user's files they give way to or stand before."""

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
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import overlay
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import FileChanges
from unit.persist_plans import planned

HOME = "/etc/systemd/network"
OURS = f"{HOME}/05-virtnet-kvm-"
MAC = "52:54:00:00:00:01"
ETH0 = InterfaceState("", 2, Interface(name="eth0", mac=MAC))
USERS = "[Match]\nName=eth0\n\n[Network]\nDHCP=yes\n"


def _plan(
    desired: Optional[Interface],
    files: Optional[Mapping[str, str]] = None,
    name: str = "",
    states: tuple[InterfaceState, ...] = (ETH0,),
    systemd: int = 257,
) -> FileChanges:
    return planned("networkd", desired, files, name, states, systemd)


def _made(*args: Any, **kwargs: Any) -> dict[str, str]:
    files = kwargs.get("files") or (args[1] if len(args) > 1 else {})
    return overlay(files, _plan(*args, **kwargs).changes)


def _parse(text: str) -> list[tuple[str, dict[str, str]]]:
    """The sections in their order; the same one may come several times."""
    assert text.startswith("# Made by virtnet.kvm for ")
    found = []
    for block in text.split("[")[1:]:
        parser = configparser.ConfigParser(delimiters="=", interpolation=None)
        parser.optionxform = str  # type: ignore[method-assign,assignment]
        parser.read_string("[" + block)
        found += [(section, dict(parser[section])) for section in parser.sections()]
    return found


def _section(text: str, name: str) -> dict[str, str]:
    return {key: value for section, values in _parse(text) if section == name for key, value in values.items()}


def test_bridge_has_a_device_and_a_network() -> None:
    bridge = LinuxBridge(
        name="br0", mac=MAC, mtu=9000, stp=True, priority=4096, forward_delay=0, hello_time=1, max_age=9, ageing_time=0,
        vlan_filtering=True, vlan_default_pvid=0, vlan_protocol="802.1ad", mcast_snooping=False, mcast_querier=True,
        group_fwd_mask=8,
    )  # fmt: skip
    files = _made(bridge)
    assert _parse(files[f"{OURS}br0.netdev"]) == [
        ("NetDev", {"Name": "br0", "Kind": "bridge", "MACAddress": MAC, "MTUBytes": "9000"}),
        (
            "Bridge",
            {
                "STP": "yes", "Priority": "4096", "ForwardDelaySec": "0", "HelloTimeSec": "1", "MaxAgeSec": "9",
                "AgeingTimeSec": "0", "VLANFiltering": "yes", "VLANProtocol": "802.1ad", "DefaultPVID": "none",
                "MulticastSnooping": "no", "MulticastQuerier": "yes", "GroupForwardMask": "8",
            },
        ),
    ]  # fmt: skip
    assert _parse(files[f"{OURS}br0.network"]) == [
        ("Match", {"Name": "br0"}),
        ("Link", {"RequiredForOnline": "no"}),
        ("Network", {"ConfigureWithoutCarrier": "yes", "KeepConfiguration": "yes"}),
    ]


def test_devices_come_first_so_that_networkd_knows_them_before_it_is_referred_to_them() -> None:
    order = list(_plan(LinuxBridge(name="br0", ports=(Port(name="aaa"),))).changes)
    assert order[0] == f"{OURS}br0.netdev"


def test_addresses_and_routes_are_kept_with_their_details() -> None:
    held = (
        Address("192.168.1.2/24", broadcast="192.168.1.255", metric=100),
        Address("10.0.0.1/32", peer="10.0.0.2/32", label="br0:1", scope=253, flags=0x200),
        Address("fd00::2/64", preferred_seconds=0, valid_seconds=60, flags=0x02),
    )
    default = InterfaceRoute(to="default", via="192.168.1.1", metric=5, table=7, source="192.168.1.2")
    state = InterfaceState("bridge", 3, LinuxBridge(name="br0"), held, (Route(default, protocol=16, onlink=True),))
    bridge = LinuxBridge(
        name="br0", addresses=tuple(a.cidr for a in held), routes=(default,), ports=(Port(name="eth0"),)
    )
    network = _parse(_made(bridge, states=(ETH0, state))[f"{OURS}br0.network"])
    assert network[2:5] == [
        ("Address", {"Address": "192.168.1.2/24", "Broadcast": "192.168.1.255", "RouteMetric": "100"}),
        (
            "Address",
            {
                "Address": "10.0.0.1/32", "Peer": "10.0.0.2/32", "Label": "br0:1", "Scope": "253", "AddPrefixRoute": "no"
            },
        ),
        ("Address", {"Address": "fd00::2/64", "PreferredLifetime": "0", "DuplicateAddressDetection": "none"}),
    ]  # fmt: skip
    assert network[5] == (
        "Route",
        {
            "Destination": "0.0.0.0/0", "Gateway": "192.168.1.1", "GatewayOnLink": "yes", "Metric": "5", "Table": "7",
            "PreferredSource": "192.168.1.2", "Protocol": "16",
        },
    )  # fmt: skip
    assert not _section(_made(bridge)[f"{OURS}br0.network"], "Link"), "a start of the host waits for its way out"


@pytest.mark.parametrize(
    "ipv6, network, sysctl",
    [
        (
            Ipv6(enabled=False),
            {"LinkLocalAddressing": "no", "IPv6AcceptRA": "no"},
            "net/ipv6/conf/br0/disable_ipv6 = 1\n",
        ),
        (Ipv6(accept_ra="always"), {"IPv6AcceptRA": "yes"}, None),
        (Ipv6(accept_ra="never"), {"IPv6AcceptRA": "no"}, None),
        (Ipv6(accept_ra="unless_forwarding"), {}, None),
        (Ipv6(addr_gen_mode="stable-privacy"), {"IPv6LinkLocalAddressGenerationMode": "stable-privacy"}, None),
        (Ipv6(autoconf=False), {}, "net/ipv6/conf/br0/autoconf = 0\n"),
    ],
)
def test_ipv6_settings(ipv6: Ipv6, network: dict[str, str], sysctl: Optional[str]) -> None:
    files = _made(LinuxBridge(name="br0", ipv6=ipv6))
    found = _section(files[f"{OURS}br0.network"], "Network")
    assert {key: found[key] for key in found if "IPv6" in key or "LinkLocal" in key} == network
    text = files.get("/etc/sysctl.d/90-virtnet-kvm-br0.conf")
    assert (text.split("\n", 1)[1] if text else None) == sysctl
    assert (TOOLS["networkd"].kept(LinuxBridge(ipv6=ipv6)).ipv6 or Ipv6()).accept_ra == (ipv6.accept_ra and "never")


def test_port_has_its_settings_and_the_users_file_for_it_is_passed_over() -> None:
    port = Port(name="eth0", cost=7, priority=3, hairpin=True, isolated=True, learning=False, flood=False, guard=True)
    users = f"{HOME}/20-lan.network"
    files = _made(LinuxBridge(name="br0", ports=(port,)), {users: USERS})
    assert _section(files[f"{OURS}eth0.network"], "Match") == {"Name": "eth0"}
    assert _parse(files[f"{OURS}eth0.network.d/50-virtnet-kvm-br0.conf"]) == [
        ("Network", {"Bridge": "br0"}),
        (
            "Bridge",
            {
                "Cost": "7", "Priority": "3", "HairPin": "yes", "Isolated": "yes", "Learning": "no",
                "UnicastFlood": "no", "UseBPDU": "no",
            },
        ),
    ]  # fmt: skip
    assert f"{OURS}eth0.network" < users and files[users] == USERS
    assert _made(None, files, "br0") == {users: USERS}


def test_users_file_that_comes_early_is_still_behind_ours() -> None:
    users = f"{HOME}/00-lan.network"
    files = _made(LinuxBridge(name="br0", ports=(Port(name="eth0"),)), {users: USERS})
    ours = next(path for path in files if path.endswith("eth0.network"))
    assert ours < users


def test_vlans_drop_in_stands_beside_the_users_file_of_its_parent() -> None:
    users = f"{HOME}/20-lan.network"
    vlan = VlanIface(
        name="lan11", parent="eth0", id=11, protocol="802.1ad", reorder=False, gvrp=True, mvrp=True, loose_binding=True,
        ingress_qos=(QosMap(pcp=3, priority=5),), egress_qos=(QosMap(pcp=6, priority=4), QosMap(pcp=1, priority=2)),
    )  # fmt: skip
    files = _made(vlan, {users: USERS})
    assert _section(files[f"{OURS}lan11.netdev"], "VLAN") == {
        "Id": "11", "Protocol": "802.1ad", "ReorderHeader": "no", "GVRP": "yes", "MVRP": "yes", "LooseBinding": "yes",
        "IngressQOSMaps": "3-5", "EgressQOSMaps": "2-1 4-6",
    }  # fmt: skip
    assert _parse(files[f"{users}.d/50-virtnet-kvm-lan11.conf"]) == [("Network", {"VLAN": "lan11"})]
    assert not any(path.endswith("eth0.network") for path in files)
    assert _made(None, files, "lan11") == {users: USERS}


def test_parent_without_a_file_gets_one_that_keeps_what_it_has() -> None:
    files = _made(VlanIface(name="lan11", parent="eth0", id=11))
    assert _section(files[f"{OURS}eth0.network"], "Network") == {
        "LinkLocalAddressing": "ipv6",
        "KeepConfiguration": "yes",
    }
    second = _made(VlanIface(name="lan12", parent="eth0", id=12), files)
    left = _made(None, second, "lan11")
    assert f"{OURS}eth0.network" in left and f"{OURS}eth0.network.d/50-virtnet-kvm-lan12.conf" in left
    assert _made(None, left, "lan12") == {}


def test_file_for_many_is_copied_for_a_parent_alone() -> None:
    users = f"{HOME}/20-all.network"
    there = {
        users: "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n",
        f"{users}.d/dns.conf": "[Network]\nDNS=192.168.1.1\n",
    }
    files = _made(VlanIface(name="lan11", parent="eth0", id=11), there)
    text = files[f"{OURS}eth0.network"]
    assert _section(text, "Match") == {"Name": "eth0"}
    assert _section(text, "Network") == {"DHCP": "yes", "DNS": "192.168.1.1"}
    assert _made(None, files, "lan11") == there


def test_drop_ins_follow_when_their_parent_becomes_a_port_and_back() -> None:
    users = f"{HOME}/20-lan.network"
    with_vlan = _made(VlanIface(name="lan11", parent="eth0", id=11), {users: USERS})
    both = _made(LinuxBridge(name="br0", ports=(Port(name="eth0"),)), with_vlan)
    assert sorted(path.rsplit("/", 1)[1] for path in both if f"{OURS}eth0.network.d/" in path) == [
        "50-virtnet-kvm-br0.conf",
        "50-virtnet-kvm-lan11.conf",
    ]
    assert not any(f"{users}.d/" in path for path in both)
    assert _made(None, both, "br0") == with_vlan


def test_vlan_of_ours_as_a_port() -> None:
    vlan = VlanIface(name="lan11", parent="eth0", id=11, addresses=("10.1.1.1/24",))
    files = _made(LinuxBridge(name="br11", ports=(Port(name="lan11"),)), _made(vlan))
    assert f"{OURS}lan11.network.d/50-virtnet-kvm-br11.conf" in files
    assert _section(files[f"{OURS}lan11.network"], "Address")["Address"] == "10.1.1.1/24"
    turned = _made(vlan, _made(LinuxBridge(name="br11", ports=(Port(name="lan11"),))))
    assert turned == files, "the order makes no difference"


def test_port_that_moves_to_another_bridge_is_in_one_only() -> None:
    files = _made(LinuxBridge(name="br0", ports=(Port(name="eth0"),)))
    moved = _made(LinuxBridge(name="br1", ports=(Port(name="eth0"),)), files)
    assert f"{OURS}eth0.network.d/50-virtnet-kvm-br1.conf" in moved
    assert f"{OURS}eth0.network.d/50-virtnet-kvm-br0.conf" not in moved


def test_tap() -> None:
    tap = Tuntap(name="tap0", mode="tap", owner="user", group="kvm", multi_queue=True, vnet_hdr=True, packet_info=True)
    files = _made(replace(tap, bridge="br0", mac=MAC, up=False))
    assert _parse(files[f"{OURS}tap0.netdev"]) == [
        ("NetDev", {"Name": "tap0", "Kind": "tap"}),
        ("Tap", {"MultiQueue": "yes", "PacketInfo": "yes", "VNetHeader": "yes", "User": "user", "Group": "kvm"}),
    ]
    network = files[f"{OURS}tap0.network"]
    assert _section(network, "Network")["Bridge"] == "br0"
    assert _section(network, "Link") == {"MACAddress": MAC, "ActivationPolicy": "down", "RequiredForOnline": "no"}
    assert "Tun" in dict(_parse(_made(Tuntap(name="tun0", mode="tun", owner="user"))[f"{OURS}tun0.netdev"]))


def _vlans(port: Port, systemd: int = 257, **bridge: Any) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    done = _plan(LinuxBridge(name="br0", ports=(port,), vlan_filtering=True, pvid=1, **bridge), systemd=systemd)
    text = done.changes[f"{OURS}eth0.network.d/50-virtnet-kvm-br0.conf"] or ""
    return [values for section, values in _parse(text) if section == "BridgeVLAN"], done.unsupported


@pytest.mark.parametrize(
    "port, sections",
    [
        (Port(pvid=1), []),
        (Port(pvid=1, tagged=("1",)), [{"VLAN": "1", "PVID": "1"}]),
        (Port(pvid=20), [{"VLAN": "20", "PVID": "20", "EgressUntagged": "20"}]),
        (Port(tagged=("11", "100-199")), [{"PVID": "no"}, {"VLAN": "11"}, {"VLAN": "100-199"}]),
        (
            Port(pvid=1, untagged=("1", "5")),
            [{"VLAN": "1", "PVID": "1", "EgressUntagged": "1"}, {"VLAN": "5", "EgressUntagged": "5"}],
        ),
    ],
)
def test_vlans_of_a_port(port: Port, sections: list[dict[str, str]]) -> None:
    assert _vlans(replace(port, name="eth0")) == (sections, ())


def test_default_vlan_that_an_old_networkd_cannot_take_away_is_said() -> None:
    sections, said = _vlans(Port(name="eth0", pvid=20), systemd=252)
    assert sections and "can't remove VLAN 1, the default, from port eth0" in said[0]
    assert _vlans(Port(name="eth0", tagged=("11",)), systemd=252)[0] == [{"VLAN": "11"}]
    assert _vlans(Port(name="eth0", pvid=20), systemd=252, vlan_default_pvid=0)[1] == ()


@pytest.mark.parametrize(
    "match, taken",
    [
        ("Name=eth0", True),
        ("Name=eth*", True),
        ("Name=!eth*", False),
        ("Name=ens3 eth0", True),
        ("Name=ens3\nName=eth0", True),
        ("Name=eth0\nName=\nName=ens3", False),
        ("MACAddress=52-54-00-00-00-01", True),
        ("MACAddress=52:54:00:00:00:02", False),
        ("Type=ether", True),
        ("Kind=veth", False),
        ("Kind=!*\nType=ether", True),
        ("Name=eth0\nDriver=virtio_net", None),
        ("Name=ens3\nDriver=virtio_net", False),
        ("", False),
    ],
)
def test_match_of_users_files(match: str, taken: Optional[bool]) -> None:
    """Taken: its content counts, by a drop-in beside or as a copy. May be taken (``None``): a drop-in is there in case."""
    users = f"{HOME}/20-users.network"
    files = _made(VlanIface(name="lan11", parent="eth0", id=11), {users: f"[Match]\n{match}\n[Network]\nDHCP=yes\n"})
    beside = f"{users}.d/50-virtnet-kvm-lan11.conf" in files
    own = [path for path in files if path.endswith("-eth0.network")]
    if taken:
        assert beside or "DHCP=yes" in files[own[0]]
    elif taken is None:
        assert beside and own == [f"{HOME}/95-virtnet-kvm-eth0.network"]
    else:
        assert not beside and own == [f"{OURS}eth0.network"]


def test_file_in_etc_hides_that_of_the_same_name() -> None:
    there = {"/usr/lib/systemd/network/20-a.network": USERS, f"{HOME}/20-a.network": ""}
    assert f"{OURS}eth0.network" in _made(VlanIface(name="lan11", parent="eth0", id=11), there)
