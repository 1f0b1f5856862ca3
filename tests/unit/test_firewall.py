# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Sets of firewall rules: the script of a table, what nft lists, the steps of a plan. Real hosts show that they work."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import World
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import OUTBOUND, PORTFORWARD
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall import nft, rule_sets
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.others import Others
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.steps import (
    Flows,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.facts import KnownNetwork, NetworkFacts
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network
from unit.fake_firewall import LIBVIRT, Host, plan

WEB = {"listen": {"port": "8080"}, "to": {"guest": "web1", "port": 80}}
SIP = {"listen": {"address": "198.51.100.7", "port": "5060", "protocol": "udp"}, "to": {"address": "192.168.150.10"}}


def test_a_set_is_loaded_stored_and_kept_and_the_last_one_takes_all_with_it() -> None:
    host = Host()
    words, state, returned = plan(host, PORTFORWARD, forwards=[WEB, SIP])
    assert (
        "port forwards of set default: add port 8080/tcp to 192.168.150.10:80, add 198.51.100.7 port 5060/udp to 192.168.150.10:5060"
        in words
    )
    assert [each["known_by"] for each in returned["targets"]] == ["reservation", "address"]
    assert state["forwards"][0]["to"] == {"guest": "web1", "address": "192.168.150.10", "port": 80}
    assert host.rules.on and host.rules.open_[LIBVIRT] and len(host.rules.stored()) == 2
    assert plan(host, PORTFORWARD, forwards=[WEB, SIP])[0] == []
    assert plan(host, PORTFORWARD)[0] == []  # left out: stays
    words, state, _returned = plan(host, PORTFORWARD, state="absent")
    assert state == {"name": "default", "state": "absent"}
    assert not host.rules.on and not host.rules.open_[LIBVIRT] and host.rules.files == host.rules.tables == {}
    assert plan(host, PORTFORWARD, state="absent")[0] == []


def test_a_change_says_what_it_is_and_forgets_the_flows_of_udp_that_go_elsewhere() -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[WEB, SIP])
    assert host.rules.forgotten == [Flows(4, "udp", 5060, 5060, "198.51.100.7")]
    words, _state, _returned = plan(host, PORTFORWARD, forwards=[{**WEB, "to": {"address": "192.168.150.11"}}, SIP])
    assert "port forwards of set default: change port 8080/tcp to 192.168.150.11:8080" in words
    assert len(host.rules.forgotten) == 1  # nothing of UDP has changed
    words, _state, _returned = plan(host, PORTFORWARD, forwards=[WEB])
    assert any("remove 198.51.100.7 port 5060/udp" in each for each in words) and len(host.rules.forgotten) == 2


def test_what_is_remembered_of_a_file_is_what_it_says() -> None:
    host = Host()
    forward = {
        "listen": {"port": "21"},
        "to": {"guest": "web1"},
        "sources": ["10.0.0.0/8"],
        "helper": "ftp",
        "log": True,
    }
    made = plan(host, PORTFORWARD, forwards=[WEB, SIP, forward])[1]
    rule_sets._READ.clear()
    assert plan(host, PORTFORWARD)[:2] == ([], made)


def test_another_set_keeps_the_service() -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[WEB])
    plan(host, OUTBOUND, rules=[{"source": {"cidr": "10.9.0.0/24"}}])
    plan(host, PORTFORWARD, state="absent")
    assert host.rules.on and host.rules.open_[LIBVIRT]
    plan(host, OUTBOUND, state="absent")
    assert not host.rules.on and not host.rules.files


def test_a_table_has_only_the_families_of_its_forwards() -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[WEB])
    assert not any("dnat ip6" in text for text in host.rules.stored().values())
    plan(host, PORTFORWARD, forwards=[WEB, {"listen": {"port": "81"}, "to": {"address": "fd00::1"}}])
    assert any("dnat ip6" in text for text in host.rules.stored().values())


def test_what_was_flushed_is_restored() -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[WEB])
    host.rules.tables.clear()
    resource = PORTFORWARD.parse({"name": "default", "state": "present", "forwards": [WEB]})
    found = resource.plan(resource.current(host), World(host), {})
    assert [step.words for step in found.steps] == [
        "create the table inet virtnet_base",
        "port forwards of set default: add port 8080/tcp to 192.168.150.10:80",
    ]
    assert resource.show(resource.current(host), found)["problems"] == ["its rules aren't loaded"]


@pytest.mark.parametrize(
    ("forward", "option", "problem"),
    [
        ({**WEB, "listen": {"port": "2022"}}, "forwards[0].listen.port", "would cut off the connection of Ansible"),
        ({**WEB, "listen": {"port": "22"}}, "forwards[0].listen.port", "by the program sshd"),
        ({**WEB, "listen": {"port": "53", "protocol": "udp"}}, "forwards[0].listen.port", "DNS and DHCP"),
        (
            {"listen": {"address": "::1", "port": "80"}, "to": {"address": "192.0.2.1"}},
            "forwards[0].listen.address",
            "one family",
        ),
        ({**WEB, "listen": {"address": "0.0.0.0", "port": "80"}}, "forwards[0].listen.address", "is no address"),
        ({**WEB, "to": {"guest": "off"}}, "forwards[0].to.guest", "has no IPv4 address"),
        ({**WEB, "to": {"guest": "two"}}, "forwards[0].to.guest", "lan and plain; give to.network"),
        ({**WEB, "to": {"guest": "web1", "address": "192.0.2.1"}}, "forwards[0].to.guest", "leave one of them out"),
        ({**WEB, "sources": ["fd00::/8"]}, "forwards[0].sources[0]", "is not IPv4"),
        (
            {"listen": {"port": "60000-60010"}, "to": {"address": "192.0.2.1", "port": 65530}},
            "forwards[0].to.port",
            "is too large",
        ),
    ],
)
def test_forwards_that_are_refused(forward: dict[str, Any], option: str, problem: str) -> None:
    with pytest.raises(OptionError, match=problem) as caught:
        plan(Host(), PORTFORWARD, forwards=[forward])
    assert caught.value.option == option


def test_a_listener_with_an_address_may_be_a_port_that_others_use_elsewhere() -> None:
    plan(Host(), PORTFORWARD, forwards=[{**WEB, "listen": {"address": "198.51.100.7", "port": "22"}}])


def test_outbound_rules_have_the_subnets_of_their_sources() -> None:
    host = Host()
    rules = [
        {"source": {"guest": "web1"}, "to": "198.51.100.7"},
        {"source": {"bridge": "br0"}, "interface": "eth0"},
        {"source": {"cidr": "192.168.150.0/24"}, "to": "198.51.100.7-198.51.100.8", "ports": "20000-20999"},
    ]
    words, state, returned = plan(host, OUTBOUND, rules=rules)
    assert [each["cidr"] for each in returned["sources"]] == [
        "192.168.150.10/32",
        "10.9.0.0/24",
        "fd00:9::/64",
        "192.168.150.0/24",
    ]
    assert any(
        "add 192.168.150.10 with the address 198.51.100.7, add 10.9.0.0/24 by eth0 masqueraded" in each
        for each in words
    )
    assert state["rules"][0]["source"] == {"guest": "web1", "cidr": "192.168.150.10/32"}
    text = next(text for path, text in host.rules.stored().items() if "outbound" in path)
    for line in (
        "ip saddr 192.168.150.10/32 ip daddr != { 192.168.150.10/32, 224.0.0.0/4 } snat ip to 198.51.100.7",
        'ip6 saddr fd00:9::/64 ip6 daddr != { fd00:9::/64, ff00::/8 } oifname "eth0" masquerade',
        "meta l4proto { tcp, udp, sctp } snat ip to 198.51.100.7-198.51.100.8:20000-20999",
    ):
        assert line in text, text
    assert plan(host, OUTBOUND, rules=rules)[0] == []


@pytest.mark.parametrize(
    ("rules", "option", "problem"),
    [
        ([{"source": {}}], "rules[0].source", "is empty"),
        ([{"source": {"cidr": "10.9.0.0/24", "bridge": "br0"}}], "rules[0].source", "has cidr and bridge"),
        ([{"source": {"network": "gone"}}], "rules[0].source.network", "is no network"),
        ([{"source": {"guest": "off"}}], "rules[0].source.guest", "has no address"),
        ([{"source": {"guest": "six"}, "to": "198.51.100.7"}], "rules[0].source.guest", "has no IPv4 address"),
        ([{"source": {"cidr": "10.9.0.0/24"}, "to": "192.0.2.1"}], "rules[0].to", "no address of this host"),
        ([{"source": {"cidr": "10.9.0.0/24"}, "interface": "eth9"}], "rules[0].interface", "is no interface"),
        (
            [{"source": {"cidr": "10.9.0.0/16"}}, {"source": {"cidr": "10.9.0.0/24"}}],
            "rules[1].source",
            r"is part of rules\[0\]",
        ),
    ],
)
def test_outbound_rules_that_are_refused(rules: list[dict[str, Any]], option: str, problem: str) -> None:
    with pytest.raises(OptionError, match=problem) as caught:
        plan(Host(), OUTBOUND, rules=rules)
    assert caught.value.option == option


@pytest.mark.parametrize(
    ("network", "warned"),
    [
        (KnownNetwork("new", True, "virbr1", ("192.168.1.1/24",)), False),
        (KnownNetwork("new", True, "virbr1", ("fd00::1/64",)), True),
        (KnownNetwork("new", True, "virbr1", ("192.168.1.1/24",), isolated=True), True),
        (KnownNetwork("new", False, "virbr1", ("192.168.1.1/24",)), True),
        (KnownNetwork("lan", True, "virbr0", ("192.168.150.1/24",)), True),
    ],
)
def test_a_host_that_forwards_nothing_is_a_warning(network: KnownNetwork, warned: bool) -> None:
    """Unless libvirt starts a network in the same run that needs it. It doesn't turn it on again for one that runs."""
    host = Host()
    host.rules.forwards = False
    host.networks.defined = [("lan", Network(name="lan"), True)]
    resource = OUTBOUND.parse({"name": "default", "state": "present", "rules": [{"source": {"cidr": "10.9.0.0/24"}}]})
    world = World(host)
    world.facts(NetworkFacts).expect(network.name, network)
    found = resource.plan(resource.current(host), world, {})
    words = "net.ipv4.ip_forward is 0, so this host forwards no IPv4 packets; set it to 1"
    assert found.warnings == ((words,) if warned else ())


def test_a_chain_of_others_that_drops_is_a_warning_unless_it_admits_what_is_marked() -> None:
    host = Host()
    listing = {
        "nftables": [
            {
                "chain": {
                    "family": "inet",
                    "table": "mine",
                    "name": "fwd",
                    "type": "filter",
                    "hook": "forward",
                    "policy": "drop",
                }
            },
            {"chain": {"family": "inet", "table": "mine", "name": "helper"}},
            {"chain": {"family": "ip", "table": "nat", "name": "POSTROUTING", "type": "nat", "hook": "postrouting"}},
            {
                "chain": {
                    "family": "inet",
                    "table": "virtnet_base",
                    "name": "forward",
                    "type": "filter",
                    "hook": "forward",
                }
            },
        ]
    }
    (chain,) = nft.base_chains(listing)
    host.rules.others_ = Others((chain,))

    def warnings() -> tuple[str, ...]:
        resource = PORTFORWARD.parse({"name": "default", "state": "present", "forwards": [WEB]})
        return resource.plan(resource.current(host), World(host), {}).warnings

    line = "meta mark & 0x10000000 == 0x10000000 accept"
    assert warnings() == (f"the chain inet mine fwd drops what it doesn't know; add this rule of yours to it: {line}",)
    host.rules.others_ = Others((replace(chain, admits=True),))
    assert warnings() == ()


def test_the_listings_of_both_versions_of_nft_are_read_alike() -> None:
    def listing(value: Any) -> dict[str, Any]:
        return json.loads(
            json.dumps(
                {
                    "nftables": [
                        {"metainfo": {"version": "1"}},
                        {"chain": {"name": "v_0123456789ab"}},
                        {"set": {"name": "seen", "type": value, "elem": [_ELEMENT]}},
                        {
                            "rule": {
                                "chain": "forward",
                                "comment": "10.9.0.0/24",
                                "expr": [{"counter": {"packets": 2, "bytes": 9}}],
                            }
                        },
                        {
                            "rule": {
                                "chain": "forward",
                                "comment": "10.9.0.0/24",
                                "expr": [{"counter": {"packets": 1, "bytes": 1}}],
                            }
                        },
                    ]
                }
            )
        )

    old, new = listing("inet_proto"), listing(["inet_proto", "inet_service"])
    assert nft.listed(old) == nft.listed(new)
    element = nft.Element((("tcp", "tcp"), ("6000", "6010")), comment="port 6000-6010/tcp")
    assert nft.listed(old) == nft.Loaded("v_0123456789ab", {"forward": 2}, {"seen": frozenset({element})})
    assert nft.counted(old) == {"port 6000-6010/tcp": (3, 180), "10.9.0.0/24": (3, 10)}


_ELEMENT = {
    "elem": {
        "val": {"concat": ["tcp", {"range": [6000, 6010]}]},
        "comment": "port 6000-6010/tcp",
        "counter": {"packets": 3, "bytes": 180},
    }
}
