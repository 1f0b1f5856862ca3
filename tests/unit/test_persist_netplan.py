# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What netplan's files are for an interface, and how users' files of its ports are edited and set back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

import pytest
import yaml

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
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
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import overlay, saved_path
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import FileChanges
from unit.persist_plans import planned

USERS = "/etc/netplan/01-user.yaml"
MAC = "52:54:00:00:00:01"
ETH0 = InterfaceState("", 2, Interface(name="eth0", mac=MAC), permanent_mac=MAC)
BLOCK = """# the user's
network:
  version: 2
  ethernets:
    eth0:
      # the uplink
      dhcp4: true   # from the router
      addresses:
        - 192.0.2.5/24
        - "fd00::5/64"
      nameservers:
        addresses: [192.0.2.53]
      wakeonlan: true
    eth1: {addresses: [198.51.100.1/24], dhcp4: true}
  # the end
"""
BR0 = LinuxBridge(name="br0", addresses=("192.0.2.5/24",), ports=(Port(name="eth0"),))


def _path(name: str) -> str:
    return f"/etc/netplan/90-virtnet-kvm-{name}.yaml"


def _plan(
    desired: Optional[Interface],
    files: Optional[Mapping[str, str]] = None,
    name: str = "",
    states: tuple[InterfaceState, ...] = (ETH0,),
) -> FileChanges:
    return planned("netplan", desired, files, name, states)


def _made(desired: Optional[Interface], files: Optional[Mapping[str, str]] = None, **kwargs: Any) -> dict[str, str]:
    return overlay(files or {}, _plan(desired, files, **kwargs).changes)


def _network(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["network"]
    assert found.pop("version") == 2
    return found


def _of(desired: Interface, files: Optional[Mapping[str, str]] = None, **kwargs: Any) -> dict[str, Any]:
    return _network(_made(desired, files, **kwargs)[_path(desired.name or "")])


def _by_networkmanager(text: str = "") -> dict[str, str]:
    return {"/etc/netplan/00-renderer.yaml": "network: {version: 2, renderer: NetworkManager}\n", USERS: text or "{}\n"}


def test_a_bridge_with_its_port() -> None:
    desired = replace(
        BR0,
        mac=MAC,
        mtu=1400,
        stp=True,
        priority=4096,
        forward_delay=4,
        hello_time=3,
        max_age=12,
        ageing_time=60,
        ports=(Port(name="eth0", cost=9, priority=3),),
        routes=(
            InterfaceRoute(to="0.0.0.0/0", via="192.0.2.1", metric=7),
            InterfaceRoute(to="198.51.100.0/24", table=100, source="192.0.2.5"),
        ),
    )
    onlink = InterfaceState("bridge", 3, LinuxBridge(name="br0"), routes=(Route(desired.routes[0], onlink=True),))
    assert _of(desired, states=(ETH0, onlink)) == {
        "ethernets": {"eth0": {"dhcp4": False}},
        "bridges": {
            "br0": {
                "macaddress": MAC,
                "mtu": 1400,
                "optional": True,
                "addresses": ["192.0.2.5/24"],
                "routes": [
                    {"to": "default", "via": "192.0.2.1", "metric": 7, "on-link": True},
                    {"to": "198.51.100.0/24", "scope": "link", "table": 100, "from": "192.0.2.5"},
                ],
                "interfaces": ["eth0"],
                "parameters": {
                    "stp": True,
                    "priority": 4096,
                    "forward-delay": 4,
                    "hello-time": 3,
                    "max-age": 12,
                    "ageing-time": 60,
                    "path-cost": {"eth0": 9},
                    "port-priority": {"eth0": 3},
                },
            }
        },
    }


def test_a_vlan_leaves_its_parents_addresses_to_others() -> None:
    assert _of(VlanIface(name="v7", parent="eth0", id=7)) == {
        "ethernets": {"eth0": {"dhcp4": False, "critical": True}},
        "vlans": {"v7": {"optional": True, "addresses": [], "id": 7, "link": "eth0"}},
    }
    assert "ethernets" not in _of(VlanIface(name="v7", parent="eth0", id=7), {USERS: BLOCK})


def test_an_interface_is_defined_once_whoever_comes_first() -> None:
    vlan, bridge = VlanIface(name="v7", parent="eth0", id=7), LinuxBridge(name="br0", ports=(Port(name="v7"),))
    ways = [_made(second, _made(first)) for first, second in ((vlan, bridge), (bridge, vlan))]
    assert ways[0] == ways[1]
    assert "ethernets" not in _network(ways[0][_path("br0")])
    left = _made(None, ways[0], name="v7")
    assert _network(left[_path("br0")])["ethernets"] == {"v7": {"dhcp4": False}}
    assert _made(None, left, name="br0") == {}


LOST = [
    (LinuxBridge(vlan_filtering=True), "vlan_filtering"),
    (LinuxBridge(vlan_default_pvid=0), "vlan_default_pvid"),
    (LinuxBridge(tagged=("7",)), "tagged"),
    (LinuxBridge(mcast_querier=True), "mcast_querier"),
    (LinuxBridge(mcast_snooping=False), "mcast_snooping"),
    (LinuxBridge(group_fwd_mask=8), "group_fwd_mask"),
    (LinuxBridge(forward_delay=0), "forward_delay 0"),
    (LinuxBridge(ports=(Port(name="eth0", hairpin=True),)), "hairpin of port eth0"),
    (LinuxBridge(ports=(Port(name="eth0", isolated=True),)), "isolated of port eth0"),
    (LinuxBridge(ports=(Port(name="eth0", pvid=7),)), "pvid of port eth0"),
    (LinuxBridge(ipv6=Ipv6(enabled=False)), "ipv6.enabled false"),
    (LinuxBridge(ipv6=Ipv6(addr_gen_mode="random")), "ipv6.addr_gen_mode random"),
    (VlanIface(parent="eth0", id=7, protocol="802.1ad"), "protocol"),
    (VlanIface(parent="eth0", id=7, reorder=False), "reorder"),
    (VlanIface(parent="eth0", id=7, egress_qos=(QosMap(pcp=1, priority=2),)), "egress_qos"),
    (Tuntap(mode="tap"), "a TUN or TAP device"),
]


@pytest.mark.parametrize(("desired", "words"), LOST, ids=[words for _desired, words in LOST])
def test_what_it_cant_store_is_said(desired: Any, words: str) -> None:
    said = _plan(replace(desired, name="x0")).unsupported
    assert len(said) == 1
    assert words in said[0]


def test_what_the_kernel_gives_by_itself_is_not_lost() -> None:
    bridge = LinuxBridge(name="x0", pvid=1, ports=(Port(name="eth0", pvid=1),))
    assert _plan(bridge).unsupported == ()


def test_networkmanager_is_given_what_netplan_has_no_word_for() -> None:
    bridge = replace(BR0, vlan_filtering=True, vlan_default_pvid=0, mcast_querier=True)
    bridge = replace(bridge, ports=(Port(name="eth0", hairpin=True, pvid=7),))
    found = _of(bridge, _by_networkmanager())
    assert found["bridges"]["br0"]["networkmanager"]["passthrough"] == {
        "ipv4.route-metric": "0",
        "bridge.multicast-querier": "true",
        "bridge.vlan-filtering": "true",
        "bridge.vlan-default-pvid": "0",
    }
    passed = {"bridge-port.hairpin-mode": "true", "bridge-port.vlans": "7 pvid untagged"}
    assert found["ethernets"] == {"eth0": {"networkmanager": {"passthrough": passed}}}
    vlan = VlanIface(name="v7", parent="eth0", id=7, protocol="802.1ad", routes=(InterfaceRoute(to="192.0.2.0/24"),))
    found = _of(vlan, _by_networkmanager())["vlans"]["v7"]
    assert found["networkmanager"]["passthrough"] == {"vlan.flags": "1", "vlan.protocol": "802.1ad"}
    assert found["routes"] == [{"to": "192.0.2.0/24", "scope": "link", "metric": 0}]
    assert _plan(bridge, _by_networkmanager()).unsupported == ()


def test_advertisements() -> None:
    for word, value in (("never", False), ("always", True), ("unless_forwarding", None)):
        found = _of(LinuxBridge(name="br0", ipv6=Ipv6(accept_ra=word)))["bridges"]["br0"]
        assert found.get("accept-ra") is value
        kept = TOOLS["netplan"].kept(LinuxBridge(name="br0", ipv6=Ipv6(accept_ra=word)))
        assert kept.ipv6 == Ipv6(accept_ra="never")


# -- users' files --------------------------------------------------------------------------------------------------------


def test_a_users_port_loses_its_addresses_for_the_while_and_its_comments_never() -> None:
    made = _made(BR0, {USERS: BLOCK})
    assert yaml.safe_load(made[USERS]) == {
        "network": {
            "version": 2,
            "ethernets": {
                "eth0": {"wakeonlan": True},
                "eth1": {"addresses": ["198.51.100.1/24"], "dhcp4": True},
            },
        }
    }
    assert "# the uplink" in made[USERS]
    assert made[saved_path(USERS)] == BLOCK
    assert _network(made[_path("br0")])["bridges"]["br0"]["nameservers"] == {"addresses": ["192.0.2.53"]}
    assert _made(None, made, name="br0") == {USERS: BLOCK}


def test_two_bridges_edit_one_file_and_leave_one_by_one() -> None:
    other = LinuxBridge(name="br1", ports=(Port(name="eth1"),))
    both = _made(other, _made(BR0, {USERS: BLOCK}))
    assert _network(both[USERS])["ethernets"] == {"eth0": {"wakeonlan": True}, "eth1": {"dhcp4": False}}
    assert _made(None, both, name="br0") == _made(other, {USERS: BLOCK})
    assert _made(None, _made(None, both, name="br0"), name="br1") == {USERS: BLOCK}


WRITTEN = [
    "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n",
    "network:\n  ethernets:\n    eth0:\n      addresses: [192.0.2.5/24]\n      dhcp6: yes",
    "network:\n  ethernets:\n    eth0: {dhcp4: true, mtu: 1400}\n    eth1:\n      dhcp4: true\n",
    "network:\n  ethernets: {eth0: {dhcp4: true}, eth1: {dhcp4: true}}\n",
    "network: {version: 2, ethernets: {eth0: {addresses: [192.0.2.5/24]}}}\n",
    "network:\n  ethernets:\n    eth0: {dhcp4: true,\n      addresses: [192.0.2.5/24]}\n    eth1:\n      dhcp4: true\n",
    "network:\n  ethernets:\n    eth0:\n      routes:\n      - to: default\n        via: 192.0.2.1\n\n    eth1: {}\n",
    "network:\n  ethernets:\n    lan:\n      match: {macaddress: '52:54:00:00:00:01'}\n      dhcp4: true\n      mtu: 1400\n",
    "network:\n  ethernets:\n    lan:\n      match:\n        name: eth[0]\n      set-name: eth0\n      gateway4: 192.0.2.1\n",
]


@pytest.mark.parametrize("text", WRITTEN, ids=[str(index) for index in range(len(WRITTEN))])
def test_addresses_go_from_whatever_way_a_file_is_written(text: str) -> None:
    before = yaml.safe_load(text)["network"]
    made = _made(BR0, {USERS: text})
    after = yaml.safe_load(made[USERS])["network"]
    id_ = "lan" if "lan" in text else "eth0"
    if "eth[0]" in text:  # may be for more than this one
        assert made[USERS] == text
        found = _network(made[_path("br0")])
        assert found["ethernets"] == {"0-virtnet-kvm-eth0": {"match": {"name": "eth0"}, "dhcp4": False}}
        assert found["bridges"]["br0"]["interfaces"] == ["0-virtnet-kvm-eth0"]
        return
    gone = {"dhcp4", "dhcp6", "addresses", "routes"}
    kept = {key: value for key, value in before["ethernets"].pop(id_).items() if key not in gone}
    assert after["ethernets"].pop(id_) == (kept or {"dhcp4": False})
    assert after == before
    assert _network(made[_path("br0")])["bridges"]["br0"]["interfaces"] == [id_]
    assert _made(None, made, name="br0") == {USERS: text}


def test_what_another_program_has_written_stays_and_is_named() -> None:
    path = "/run/netplan/90-cloud.yaml"
    made = _plan(BR0, {path: BLOCK})
    assert path not in made.changes
    assert path in made.unsupported[0]


def test_a_file_that_is_no_yaml_is_named() -> None:
    with pytest.raises(VirtnetError, match=r"01-user\.yaml"):
        _plan(BR0, {USERS: "network: [\n"})


def test_what_reads_like_something_else_is_quoted() -> None:
    bridge = LinuxBridge(name="no", addresses=("192.0.2.1/24",), ports=(Port(name="1e3"), Port(name="on")))
    found = _of(bridge)
    assert list(found["bridges"]) == ["no"]
    assert set(found["ethernets"]) == {"1e3", "on"}
