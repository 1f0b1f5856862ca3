# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a NAT and from an isolated topology, and what is refused of any."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.kvm.plugins.filter.as_fabric import FilterModule
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.network import NETWORK
from ansible_collections.virtnet.kvm.plugins.module_utils.model import values
from ansible_collections.virtnet.kvm.plugins.plugin_utils import topology_rules, topology_served

as_fabric = FilterModule().filters()["as_fabric"]
LAN = {"type": "nat", "name": "lan", "cidr": "192.168.150.0/24"}
CLUSTER = {"type": "isolated", "name": "cluster", "cidr": "10.0.2.0/24"}


def one(base: Mapping[str, Any] = MappingProxyType(LAN), **options: Any) -> dict[str, Any]:
    made = as_fabric([{**base, **options}])
    assert made["bridges"] == made["vlans"] == []
    (network,) = made["networks"]
    assert isinstance(network, dict)
    return network


def ranges(**options: Any) -> list[tuple[str, str]]:
    return [(span["start"], span["end"]) for span in one(**options)["ips"][0]["dhcp"]["ranges"]]


def refused(topologies: Any, **arguments: Any) -> str:
    with pytest.raises(AnsibleFilterError) as caught:
        as_fabric(topologies, **arguments)
    return str(caught.value)


def test_a_name_and_a_cidr_are_enough() -> None:
    assert one() == {
        "name": "lan",
        "state": "present",
        "active": True,
        "autostart": True,
        "restart": "if_needed",
        "bridge": {"name": "virbr-lan"},
        "mtu": 0,
        "forward": {"mode": "nat", "nat": {"ipv6": False}},
        "domain": {"name": "", "local_only": False},
        "dns": {"enable": True, "forwarders": []},
        "ips": [
            {
                "address": "192.168.150.1/24",
                "dhcp": {"ranges": [{"start": "192.168.150.2", "end": "192.168.150.254"}], "hosts": []},
            }
        ],
    }


@pytest.mark.parametrize("given", [LAN, CLUSTER, {"type": "isolated", "name": "sealed", "host_access": False}])
def test_what_is_made_are_options_of_the_module(given: dict[str, Any]) -> None:
    made = one(given)
    assert set(made) <= set(NETWORK.argument_spec())
    NETWORK.parse(made)


def test_an_isolated_network_is_not_forwarded() -> None:
    made = one(CLUSTER)
    assert made["forward"] == {"mode": "none"}
    assert made["ips"][0]["address"] == "10.0.2.1/24"


def rules(topology: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Returns the rules of the three sets that the network has, and checks that they are those of one network."""
    made = as_fabric([topology])
    sets = {kind: made[kind] for kind in ("portforwards", "outbound", "policies")}
    assert {each["name"] for one in sets.values() for each in one} == {f"net-{topology['name']}"}
    return {
        kind: [rule for each in one for rule in each.get("rules", each.get("forwards", ()))]
        for kind, one in sets.items()
    }


def test_an_isolated_network_is_closed_both_ways() -> None:
    party = {"network": "cluster"}
    assert rules(CLUSTER)["policies"] == [
        {"source": party, "action": "reject", "default": True},
        {"to": party, "action": "reject", "default": True},
    ]


@pytest.mark.parametrize(
    ("options", "closed"),
    [
        ({}, False),
        ({"cidr6": "fd00:150::/64"}, True),
        ({"cidr6": "fd00:150::/64", "ipv6_inbound": "allow"}, False),
        ({"cidr6": "fd00:150::/64", "nat66": True}, False),
    ],
)
def test_a_nat_network_is_closed_to_inbound_ipv6(options: dict[str, Any], closed: bool) -> None:
    rule = {"to": {"network": "lan"}, "action": "reject", "default": True, "family": "ipv6"}
    assert rules({**LAN, **options, "default_rules": False})["policies"] == []
    out = {"source": {"network": "lan"}, "action": "allow", "default": True}
    assert rules({**LAN, **options})["policies"] == [out, *([rule] if closed else [])]


@pytest.mark.parametrize("kind", ["routed", "open"])
def test_a_routed_or_open_network_reaches_the_outside_whatever_others_drop(kind: str) -> None:
    party = {"network": "lan"}
    assert rules({**LAN, "type": kind})["policies"] == [
        {"source": party, "action": "allow", "default": True},
        {"to": party, "action": "allow", "default": True},
    ]


def test_a_network_has_rules_of_its_own() -> None:
    given = {
        **CLUSTER,
        "forwards": [{"listen": 8080, "to": {"guest": "web1", "port": 80}}, {"listen": 81, "to": "10.0.2.9:80"}],
        "outbound": [{"to": "198.51.100.7"}, {"from": {"guest": "mail"}}],
        "policy": [
            {"from": "lan", "allow": "all"},
            {"to": "outside", "deny": "all"},
            {"from": "lan", "to": "outside", "deny": "all"},
        ],
    }
    found = rules(given)
    assert [rule["to"] for rule in found["portforwards"]] == [
        {"guest": "web1", "port": 80, "network": "cluster"},
        {"address": "10.0.2.9", "port": 80},
    ]
    assert [rule["source"] for rule in found["outbound"]] == [{"network": "cluster"}, {"guest": "mail"}]
    assert [(rule.get("source"), rule.get("to")) for rule in found["policies"][:3]] == [
        ({"name": "lan"}, {"network": "cluster"}),
        ({"network": "cluster"}, {"zone": "outside"}),
        ({"name": "lan"}, {"zone": "outside"}),
    ]
    assert len(found["policies"]) == 5, "those that close it come after them"
    gone = as_fabric([{**given, "state": "absent"}])
    assert gone["policies"] == gone["outbound"] == gone["portforwards"] == [{"name": "net-cluster", "state": "absent"}]


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ({"forwards": [{"listen": "http", "to": "10.0.2.9"}]}, "virtnet_topologies[0].forwards[0].listen: 'http' "),
        ({"policy": [{"allow": "all"}]}, "virtnet_topologies[0].policy[0]: needs from or to"),
        ({"policy": "lan"}, "virtnet_topologies[0].policy: 'lan' has the wrong form; give a list of dictionaries"),
        ({"outbound": [{"via": "eth0"}]}, "virtnet_topologies[0].outbound[0].via: 'eth0' is no option here"),
    ],
)
def test_refuses_wrong_rules_of_a_network(options: dict[str, Any], start: str) -> None:
    assert refused([{**CLUSTER, **options}]).startswith(start)


@pytest.mark.parametrize("name", ["lan", "a-long-name-of-it", "Lan", "räume", "lan 1", "x" * 50, "a.b"])
def test_names_of_sets_fit_the_module_and_differ(name: str) -> None:
    assert values.set_name(topology_rules.set_name(name)) == topology_rules.set_name(name)
    assert topology_rules.set_name(name) != topology_rules.set_name(f"{name}2")


def test_without_host_access_the_host_has_no_address() -> None:
    made = one({"type": "isolated", "name": "sealed", "host_access": False})
    assert made["ips"] == []
    assert made["dns"]["enable"] is False


def test_absent_needs_no_more_than_a_name() -> None:
    assert one({"type": "nat", "name": "lan", "state": "absent"}) == {"name": "lan", "state": "absent"}


def test_empty_is_left_out() -> None:
    assert one(gateway="", dhcp_range=None, cidr6="") == one()


def test_types_are_made_right() -> None:
    """A role's variables may be text, above all where they come from the command line."""
    made = one(dhcp="no", mtu="9000", autostart="false")
    assert "dhcp" not in made["ips"][0]
    assert made["mtu"] == 9000
    assert made["autostart"] is False


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"cidr": "10.1.0.0/30"}, [("10.1.0.2", "10.1.0.2")]),
        ({"gateway": "192.168.150.254"}, [("192.168.150.1", "192.168.150.253")]),
        (
            {"gateway": "192.168.150.100"},
            [("192.168.150.1", "192.168.150.99"), ("192.168.150.101", "192.168.150.254")],
        ),
        ({"cidr": "10.0.0.0/8"}, [("10.0.0.2", "10.0.255.255")]),
        ({"dhcp_range": {"start": "192.168.150.9", "end": "192.168.150.9"}}, [("192.168.150.9", "192.168.150.9")]),
    ],
)
def test_range(options: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert ranges(**options) == expected


def test_dual_stack() -> None:
    made = one(cidr6="fd00:150::/64", nat66=True)
    assert [ip["address"] for ip in made["ips"]] == ["192.168.150.1/24", "fd00:150::1/64"]
    assert "dhcp" not in made["ips"][1], "guests make their addresses from router advertisements"
    assert made["forward"]["nat"]["ipv6"] is True


def test_dhcpv6() -> None:
    assert one(cidr6="fd00:150::/64", dhcp6=True)["ips"][1]["dhcp"] == {
        "ranges": [{"start": "fd00:150::2", "end": "fd00:150::ffff"}]
    }
    span = {"start": "fd00:150::10", "end": "fd00:150::20"}
    made = one(cidr6="fd00:150::/64", dhcp6=True, dhcp6_range=span, gateway6="fd00:150::5")
    assert made["ips"][1] == {"address": "fd00:150::5/64", "dhcp": {"ranges": [span]}}


def test_ipv6_alone() -> None:
    made = one({"type": "nat", "name": "six", "cidr6": "fd00:6::/64"})
    assert [ip["address"] for ip in made["ips"]] == ["fd00:6::1/64"]


def test_services() -> None:
    host = {"mac": "52:54:00:AA:00:01", "ip": "192.168.150.10", "name": "web"}
    made = one(hosts=[host], domain="lan.example", forwarders=["192.0.2.53"])
    assert made["ips"][0]["dhcp"]["hosts"] == [{**host, "mac": "52:54:00:aa:00:01"}]
    assert made["domain"] == {"name": "lan.example", "local_only": True}
    assert made["dns"]["forwarders"] == [{"addr": "192.0.2.53"}]


@pytest.mark.parametrize("name", ["lan", "ninechars", "tencharact", "a name with spaces", "ünïcode", "x" * 200, "!"])
def test_bridge_names_fit_the_kernel(name: str) -> None:
    bridge = topology_served.bridge_name(name)
    assert topology_served.values.ifname(bridge) == bridge
    assert bridge.startswith("virbr-")
    assert bridge == topology_served.bridge_name(name)


def test_bridge_names_differ() -> None:
    names = [f"a-very-long-name-{number}" for number in range(500)]
    assert len({topology_served.bridge_name(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ({"type": "bridge"}, "virtnet_topologies[0].type: 'bridge'"),
        ({"type": None}, "virtnet_topologies[0].type: is missing; give one of nat, routed, open, isolated"),
        ({"name": None}, "virtnet_topologies[0].name: is missing; give the network's name"),
        ({"name": "a/b"}, "virtnet_topologies[0].name: 'a/b'"),
        ({"cidr": None}, "virtnet_topologies[0].cidr: is missing; give the network in CIDR form"),
        ({"cidr": "192.168.150.0/33"}, "virtnet_topologies[0].cidr: '192.168.150.0/33'"),
        ({"cidr": "192.168.150.1/24"}, "virtnet_topologies[0].cidr: '192.168.150.1/24'"),
        ({"cidr": "fd00::/64"}, "virtnet_topologies[0].cidr: 'fd00::/64'"),
        ({"cidr": "192.168.150.0/31"}, "virtnet_topologies[0].cidr: '192.168.150.0/31'"),
        ({"cidr6": "10.0.0.0/8"}, "virtnet_topologies[0].cidr6: '10.0.0.0/8'"),
        ({"gateway": "192.168.151.1"}, "virtnet_topologies[0].gateway: '192.168.151.1'"),
        ({"gateway": "192.168.150.255"}, "virtnet_topologies[0].gateway: '192.168.150.255'"),
        ({"gateway": "gate"}, "virtnet_topologies[0].gateway: 'gate'"),
        ({"gateway6": "fd00::1"}, "virtnet_topologies[0].gateway6: 'fd00::1'"),
        (
            {"dhcp_range": {"start": "192.168.150.20", "end": "192.168.150.10"}},
            "virtnet_topologies[0].dhcp_range: '192.168.150.20 - 192.168.150.10'",
        ),
        (
            {"dhcp_range": {"start": "192.168.150.20", "end": "192.168.151.10"}},
            "virtnet_topologies[0].dhcp_range.end: '192.168.151.10'",
        ),
        ({"dhcp_range": {"start": "192.168.150.20"}}, "virtnet_topologies[0].dhcp_range: {"),
        (
            {"dhcp": False, "dhcp_range": {"start": "192.168.150.2", "end": "192.168.150.9"}},
            "virtnet_topologies[0].dhcp_range: {",
        ),
        ({"dhcp6": True}, "virtnet_topologies[0].dhcp6: True"),
        ({"nat66": True}, "virtnet_topologies[0].nat66: True"),
        ({"host_access": True}, "virtnet_topologies[0].host_access: True"),
        ({"bridge": "virbr-much-too-long"}, "virtnet_topologies[0].bridge: 'virbr-much-too-long'"),
        ({"mtu": "big"}, "virtnet_topologies[0].mtu: 'big'"),
        ({"restart": "always"}, "virtnet_topologies[0].restart: 'always'"),
        ({"forwarders": ["dns.example"]}, "virtnet_topologies[0].forwarders[0]: 'dns.example'"),
        (
            {"hosts": [{"mac": "53:54:00:00:00:01", "ip": "192.168.150.9"}]},
            "virtnet_topologies[0].hosts[0].mac: '53:54:00:00:00:01'",
        ),
        (
            {"hosts": [{"mac": "52:54:00:00:00:01", "ip": "192.168.150.1"}]},
            "virtnet_topologies[0].hosts[0].ip: '192.168.150.1'",
        ),
        (
            {"hosts": [{"mac": f"52:54:00:00:00:0{n}", "ip": "192.168.150.9"} for n in (1, 2)]},
            "virtnet_topologies[0].hosts[1].ip: '192.168.150.9'",
        ),
    ],
)
def test_refused(options: dict[str, Any], start: str) -> None:
    message = refused([{**LAN, **options}])
    assert message.startswith(start)
    assert "; " in message
    assert "\n" not in message


@pytest.mark.parametrize("given", [None, "lan", {"type": "nat"}])
def test_refuses_what_is_no_list(given: Any) -> None:
    assert refused(given).startswith("virtnet_topologies: ")


def test_refuses_what_is_no_topology() -> None:
    assert refused(["lan"]).startswith("virtnet_topologies[0]: 'lan'")


@pytest.mark.parametrize("option", ["cidr", "gateway6", "hosts", "domain", "forwarders"])
def test_refuses_addresses_where_the_host_has_none(option: str) -> None:
    sealed = {
        "type": "isolated",
        "name": "sealed",
        "host_access": False,
        option: ["x"] if option == "forwarders" else "x",
    }
    if option == "hosts":
        sealed[option] = [{"mac": "52:54:00:00:00:01", "ip": "10.0.2.9"}]
    assert refused([sealed]).startswith(f"virtnet_topologies[0].{option}: ")


def test_refuses_twins() -> None:
    assert refused([LAN, CLUSTER, {**CLUSTER, "name": "lan"}]).startswith("virtnet_topologies[2].name: 'lan'")
    assert refused([LAN, {**CLUSTER, "bridge": "virbr-lan"}]).startswith("virtnet_topologies[1].bridge: 'virbr-lan'")


def test_a_role_is_told_of_its_variable() -> None:
    assert refused([{**LAN, "gateway": "10.0.0.1"}], prefix="nat_").startswith("nat_gateway: '10.0.0.1'")
