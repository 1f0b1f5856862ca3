# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a bridged topology and from a trunk of VLANs, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.virtnet.kvm.plugins.filter.as_fabric import FilterModule
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.network import NETWORK
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import (
    argument_spec,
    from_options,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    LinuxBridge,
    VlanIface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.values import IFNAMSIZ
from ansible_collections.virtnet.kvm.plugins.plugin_utils import topology_lan

as_fabric = FilterModule().filters()["as_fabric"]
BRIDGED = {"type": "bridged", "name": "br0", "port": "ens32"}
VLANS = [{"id": 11, "cidr": "192.168.11.231/24"}, {"id": 12}]
TRUNK = {"type": "vlan_trunk", "parent": "ens32", "vlans": VLANS}
AWARE = {**TRUNK, "style": "vlan_aware"}
HOW = {"state": "present", "active": True, "autostart": True, "restart": "if_needed"}

Lists = dict[str, list[dict[str, Any]]]


def made(base: Mapping[str, Any], **options: Any) -> Lists:
    """The lists of interfaces and networks; these topologies have no firewall rules of their own."""
    lists: Lists = as_fabric([{**base, **options}])
    for kind in ("portforwards", "outbound", "policies"):
        assert lists.pop(kind) == []
    return lists


def refused(*topologies: Mapping[str, Any], **arguments: Any) -> str:
    with pytest.raises(AnsibleFilterError) as caught:
        as_fabric(list(topologies), **arguments)
    return str(caught.value)


def names(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(item["name"], item["state"]) for item in items]


def on(bridge: str, **definition: Any) -> dict[str, Any]:
    """The network of a bridge."""
    return {"name": bridge, **HOW, "forward": {"mode": "bridge"}, "bridge": {"name": bridge}, **definition}


def test_a_name_and_a_port_are_enough() -> None:
    assert made(BRIDGED) == {
        "bridges": [
            {
                "name": "br0",
                "state": "present",
                "persist": "auto",
                "up": True,
                "stp": False,
                "adopt": "ens32",
                "ports": [{"name": "ens32"}],
            }
        ],
        "vlans": [],
        "networks": [on("br0")],
    }


def test_an_address_of_ones_own_on_the_lan() -> None:
    routes = [{"to": "default", "via": "192.168.1.254", "metric": None}, {"to": "10.0.0.0/8", "via": "192.168.1.9"}]
    (bridge,) = made(BRIDGED, cidr="192.168.1.1/24", cidr6="FD00:1::1/64", routes=routes)["bridges"]
    assert bridge["addresses"] == ["192.168.1.1/24", "fd00:1::1/64"]
    assert bridge["routes"] == [{"to": "default", "via": "192.168.1.254"}, {"to": "10.0.0.0/8", "via": "192.168.1.9"}]


def test_an_address_from_dhcp() -> None:
    (bridge,) = made(BRIDGED, cidr="dhcp", nameservers=["192.168.1.53"], search=["Lab.Example.com."])["bridges"]
    assert (bridge["addresses"], bridge["dhcp4"], bridge["dhcp6"]) == ([], True, False)
    assert (bridge["nameservers"], bridge["search"]) == (["192.168.1.53"], ["lab.example.com"])
    assert "ipv6" not in bridge and "gateway" not in bridge
    (bridge,) = made(BRIDGED, cidr6="dhcp", accept_ra="always", gateway6="FE80::1")["bridges"]
    assert (bridge["dhcp4"], bridge["dhcp6"], bridge["gateway6"]) == (False, True, "fe80::1")
    assert bridge["ipv6"] == {"accept_ra": "always"}


def test_a_host_in_a_vlan_by_dhcp() -> None:
    bridges = made(TRUNK, vlans=[{"id": 11, "cidr": "dhcp"}, {"id": 12, "accept_ra": "always"}])["bridges"]
    assert [(b["addresses"], b["dhcp4"], b["ipv6"]) for b in bridges] == [
        ([], True, {"enabled": True}),
        ([], False, {"enabled": True, "accept_ra": "always"}),
    ]
    assert names(made(AWARE, vlans=[{"id": 11, "cidr": "dhcp"}])["vlans"]) == [("br-ens32.11", "present")]


def test_more_of_a_bridge() -> None:
    (bridge,) = made(BRIDGED, ports=["ens33"], mtu=9000, stp=True, persist="none")["bridges"]
    assert bridge["ports"] == [{"name": "ens32"}, {"name": "ens33"}]
    assert (bridge["mtu"], bridge["stp"], bridge["persist"]) == (9000, True, "none")


def test_no_bridge_any_more() -> None:
    """The port has back what the bridge has, and the tool that keeps the bridge is the one that forgets it."""
    assert made(BRIDGED, state="absent", persist="networkd") == {
        "bridges": [{"name": "br0", "state": "absent", "adopt": "ens32", "persist": "networkd"}],
        "vlans": [],
        "networks": [{"name": "br0", "state": "absent"}],
    }


def test_a_bridge_for_each_vlan() -> None:
    common = {"state": "present", "persist": "auto", "up": True}
    inside = {"addresses": ["192.168.11.231/24"], "dhcp4": False, "dhcp6": False, "ipv6": {"enabled": True}}
    outside = {"addresses": [], "dhcp4": False, "dhcp6": False, "ipv6": {"enabled": False}}
    assert made(TRUNK) == {
        "vlans": [
            {"name": f"ens32.{number}", **common, "parent": "ens32", "id": number, "addresses": []}
            for number in (11, 12)
        ],
        "bridges": [
            {"name": f"br{number}", **common, "stp": False, "ports": [{"name": f"ens32.{number}"}], **host}
            for number, host in ((11, inside), (12, outside))
        ],
        "networks": [{**on(f"br{number}"), "name": f"vlan{number}"} for number in (11, 12)],
    }


def test_names_of_ones_own() -> None:
    lists = made(TRUNK, vlans=[{"id": 11, "name": "office", "bridge": "br-office"}])
    assert names(lists["bridges"]) == [("br-office", "present")]
    assert lists["networks"] == [{**on("br-office"), "name": "office"}]


@pytest.mark.parametrize("style", ["bridges", "vlan_aware"])
def test_one_vlan_less(style: str) -> None:
    lists = made(TRUNK, style=style, vlans=[VLANS[0], {"id": 12, "state": "absent"}])
    if style == "bridges":
        assert names(lists["bridges"]) == [("br11", "present"), ("br12", "absent")]
        assert names(lists["vlans"]) == [("ens32.11", "present"), ("ens32.12", "absent")]
        assert names(lists["networks"]) == [("vlan11", "present"), ("vlan12", "absent")]
    else:
        assert names(lists["vlans"]) == [("br-ens32.11", "present"), ("br-ens32.12", "absent")]
        assert lists["bridges"][0]["ports"][0]["tagged"] == ["11"]
        assert [group["name"] for group in lists["networks"][0]["portgroups"]] == ["vlan11"]


@pytest.mark.parametrize(("style", "adopt"), [("bridges", None), ("vlan_aware", "ens32")])
def test_no_trunk_any_more(style: str, adopt: str | None) -> None:
    here, there = made(TRUNK, style=style), made(TRUNK, style=style, state="absent")
    for kind in ("bridges", "vlans", "networks"):
        assert {item["name"] for item in here[kind]} == {item["name"] for item in there[kind]}
        assert {item["state"] for item in there[kind]} == {"absent"}
        assert {item.get("persist", "auto") for item in there[kind]} == {"auto"}
    assert {bridge.get("adopt") for bridge in there["bridges"]} == {adopt}


def test_one_bridge_that_filters() -> None:
    lists = made(AWARE, name="trunk0")
    (bridge,) = lists["bridges"]
    assert bridge == {
        "name": "trunk0",
        "state": "present",
        "persist": "auto",
        "up": True,
        "stp": False,
        "adopt": "ens32",
        "vlan_filtering": True,
        "vlan_default_pvid": 0,
        "ports": [{"name": "ens32", "tagged": ["11", "12"], "pvid": 1, "untagged": ["1"]}],
        "tagged": ["11"],
        "pvid": 1,
        "untagged": ["1"],
    }
    assert lists["vlans"] == [
        {
            "name": "trunk0.11",
            "state": "present",
            "persist": "auto",
            "up": True,
            "parent": "trunk0",
            "id": 11,
            "addresses": ["192.168.11.231/24"],
            "dhcp4": False,
            "dhcp6": False,
            "ipv6": {"enabled": True},
        },
        {"name": "trunk0.12", "state": "absent", "persist": "auto"},
    ]
    groups = [{"name": f"vlan{number}", "vlan": {"tags": [{"id": number}]}} for number in (11, 12)]
    assert lists["networks"] == [on("trunk0", portgroups=groups)]


def test_the_untagged_vlan() -> None:
    (bridge,) = made(AWARE, native=12)["bridges"]
    assert bridge["ports"] == [{"name": "ens32", "tagged": ["11"], "pvid": 12, "untagged": ["12"]}]
    assert (bridge["pvid"], bridge["untagged"]) == (12, ["12"])
    (bridge,) = made(AWARE, native=0)["bridges"]
    assert bridge["ports"] == [{"name": "ens32", "tagged": ["11", "12"], "pvid": 0, "untagged": []}]


@pytest.mark.parametrize("libvirt", [[11, 0, 0], [11, 3, 0], [0, 0, 0], []])
def test_a_libvirt_that_can(libvirt: list[int]) -> None:
    """Or of which nothing is known as yet."""
    assert as_fabric([AWARE], libvirt=libvirt) == as_fabric([AWARE])


def test_a_libvirt_that_can_not() -> None:
    message = refused(AWARE, libvirt=[9, 0, 0])
    assert message == (
        "virtnet_topologies[0].style: 'vlan_aware' needs libvirt 11.0.0 or newer for guests' VLANs on its bridge, "
        "and this host has 9.0.0; use style bridges, or upgrade libvirt"
    )
    assert as_fabric([TRUNK], libvirt=[9, 0, 0]) == as_fabric([TRUNK])
    assert as_fabric([{**AWARE, "state": "absent"}], libvirt=[9, 0, 0])["bridges"]


@pytest.mark.parametrize("parent", ["ens32", "enp0s31f6", "enxaabbccddeeff", "ens-2.1"])
@pytest.mark.parametrize("style", ["bridges", "vlan_aware"])
def test_names_fit_the_kernel(parent: str, style: str) -> None:
    lists = made(TRUNK, parent=parent, style=style, vlans=[{"id": 4094, "cidr": "10.0.0.1/24"}])
    found = [item["name"] for item in lists["bridges"] + lists["vlans"]]
    assert len(set(found)) == 2
    assert all(len(name) < IFNAMSIZ for name in found), found
    if len(parent) < 8:
        assert found[1].endswith(f"{parent}.4094")


def test_names_that_are_shortened_differ() -> None:
    parents = [f"enxaabbccddee{number:02x}" for number in range(256)]
    assert len({topology_lan.vlan_name(parent, 11) for parent in parents}) == len(parents)


@pytest.mark.parametrize("given", [BRIDGED, TRUNK, AWARE, {**AWARE, "native": 0}, {**TRUNK, "state": "absent"}])
def test_what_is_made_are_options_of_the_modules(given: dict[str, Any]) -> None:
    lists = made(given)
    of_its_own = {"state", "persist", "adopt"}
    for kind, cls in (("bridges", LinuxBridge), ("vlans", VlanIface)):
        for item in lists[kind]:
            options = {key: value for key, value in item.items() if key not in of_its_own}
            from_options(cls, checked(argument_spec(cls), options))
    for network in lists["networks"]:
        NETWORK.parse(checked(NETWORK.argument_spec(), network))


def checked(spec: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    result = ArgumentSpecValidator(spec).validate(options)
    assert not result.error_messages
    parameters: dict[str, Any] = result.validated_parameters
    return parameters


@pytest.mark.parametrize(
    ("base", "options", "start"),
    [
        (BRIDGED, {"port": None}, "port: is missing; give the NIC"),
        (BRIDGED, {"name": "br0/1"}, "name: 'br0/1'"),
        (BRIDGED, {"name": "a-name-that-is-too-long"}, "name: 'a-name-that-is-too-long'"),
        (BRIDGED, {"port": "br0"}, "port: 'br0'"),
        (BRIDGED, {"ports": ["ens33", "br0"]}, "ports[1]: 'br0'"),
        (BRIDGED, {"ports": ["ens33", "ens32"]}, "ports[1]: 'ens32'"),
        (BRIDGED, {"cidr": "192.168.1.0/24"}, "cidr: '192.168.1.0/24'"),
        (BRIDGED, {"cidr": "192.168.1.255/24"}, "cidr: '192.168.1.255/24'"),
        (BRIDGED, {"cidr": "192.168.1.1"}, "cidr: '192.168.1.1'"),
        (BRIDGED, {"cidr": "fd00::1/64"}, "cidr: 'fd00::1/64'"),
        (BRIDGED, {"cidr6": "fd00::/64"}, "cidr6: 'fd00::/64'"),
        (BRIDGED, {"routes": [{"via": "192.168.1.1"}]}, "routes: [{'via'"),
        (BRIDGED, {"routes": [{"to": "default"}, {"to": "10.0.0.1/8"}]}, "routes[1].to: '10.0.0.1/8'"),
        (BRIDGED, {"routes": [{"to": "default", "via": "gate"}]}, "routes[0].via: 'gate'"),
        (BRIDGED, {"persist": "systemd"}, "persist: 'systemd'"),
        (BRIDGED, {"bridge": "br1"}, "bridge: 'br1'"),
        (BRIDGED, {"gateway": "router"}, "gateway: 'router'"),
        (BRIDGED, {"nameservers": ["1.1.1.1", "dns"]}, "nameservers[1]: 'dns'"),
        (BRIDGED, {"search": ["a b"]}, "search[0]: 'a b'"),
        (TRUNK, {"vlans": [{"id": 12, "gateway": "10.0.0.1"}]}, "vlans[0].gateway: '10.0.0.1' is for a VLAN in which"),
        (TRUNK, {"parent": ""}, "parent: is missing; give the NIC"),
        (TRUNK, {"vlans": []}, "vlans: [] is empty; give a list of VLANs"),
        (TRUNK, {"vlans": [{"cidr": "10.0.0.1/24"}]}, "vlans: [{'cidr'"),
        (TRUNK, {"vlans": [{"id": 11, "cdir": "10.0.0.1/24"}]}, "vlans: [{'id'"),
        (TRUNK, {"vlans": [{"id": 0}]}, "vlans[0].id: 0"),
        (TRUNK, {"vlans": [{"id": 11}, {"id": 4095}]}, "vlans[1].id: 4095"),
        (TRUNK, {"vlans": [{"id": 11}, {"id": 11}]}, "vlans[1].id: 11"),
        (TRUNK, {"vlans": [{"id": 11}, {"id": 12, "bridge": "br11"}]}, "vlans[1].bridge: 'br11' is also "),
        (TRUNK, {"vlans": [{"id": 11}, {"id": 12, "name": "vlan11"}]}, "vlans[1].name: 'vlan11'"),
        (TRUNK, {"vlans": [{"id": 11, "cidr": "10.0.0.0/24"}]}, "vlans[0].cidr: '10.0.0.0/24'"),
        (TRUNK, {"style": "openvswitch"}, "style: 'openvswitch'"),
        (TRUNK, {"name": "trunk0"}, "name: 'trunk0'"),
        (TRUNK, {"native": 11}, "native: 11"),
        (AWARE, {"name": "ens32"}, "name: 'ens32'"),
        (AWARE, {"native": 4095}, "native: 4095"),
        (AWARE, {"native": 11}, "vlans[0].id: 11"),
        (AWARE, {"vlans": [{"id": 11, "bridge": "br11"}]}, "vlans[0].bridge: 'br11'"),
        (AWARE, {"vlans": [{"id": 11}, {"id": 12, "name": "vlan11"}]}, "vlans[1].name: 'vlan11'"),
    ],
)
def test_refused(base: dict[str, Any], options: dict[str, Any], start: str) -> None:
    for prefix, beginning in ((None, f"virtnet_topologies[0].{start}"), ("role_", f"role_{start}")):
        message = refused({**base, **options}, prefix=prefix)
        assert message.startswith(beginning), message
        assert "; " in message
        assert "\n" not in message


@pytest.mark.parametrize(
    ("other", "start"),
    [
        ({"type": "nat", "name": "br0", "cidr": "10.0.0.0/24"}, "virtnet_topologies[1].name: 'br0'"),
        (
            {"type": "nat", "name": "lan", "cidr": "10.0.0.0/24", "bridge": "br0"},
            "virtnet_topologies[1].bridge: 'br0' is already an interface of virtnet_topologies[0]; give another one",
        ),
        ({**BRIDGED, "port": "ens33"}, "virtnet_topologies[1].name: 'br0'"),
        (
            {**BRIDGED, "name": "br1"},
            "virtnet_topologies[1].port: 'ens32' is already a port of virtnet_topologies[0]; give another one",
        ),
        (AWARE, "virtnet_topologies[1].parent: 'ens32'"),
        ({**TRUNK, "vlans": [{"id": 5, "bridge": "br0"}]}, "virtnet_topologies[1].vlans[0].bridge: 'br0'"),
    ],
)
def test_refuses_what_another_has(other: dict[str, Any], start: str) -> None:
    assert refused(BRIDGED, other).startswith(start)


def test_a_bridge_and_vlans_of_one_nic() -> None:
    """Untagged frames go to the bridge, tagged ones to the VLANs' interfaces, which is how many hosts are wired."""
    assert names(as_fabric([BRIDGED, TRUNK])["bridges"]) == [(name, "present") for name in ("br0", "br11", "br12")]
