# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Rules of others that send connections to ports of this host elsewhere: how they are read, and what is refused for them."""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import PORTFORWARD
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.listing import parsed
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.translations import Translation, translations
from unit.fake_firewall import Host, plan

DOCKER = """table ip nat {
	chain DOCKER {
		iifname "docker0" counter packets 0 bytes 0 return
		iifname != "docker0" tcp dport 8080 counter packets 1 bytes 60 dnat to 172.17.0.2:80
		ip daddr 198.51.100.7 iifname != "docker0" udp dport 53 counter packets 0 bytes 0 dnat to 172.17.0.3:53
	}

	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 172.17.0.0/16 oifname != "docker0" counter packets 0 bytes 0 masquerade
	}

	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local counter packets 3 bytes 180 jump DOCKER
	}

	chain OUTPUT {
		type nat hook output priority dstnat; policy accept;
		ip daddr != 127.0.0.0/8 fib daddr type local counter packets 0 bytes 0 jump DOCKER
	}
}
"""
FIREWALLD = """table inet firewalld {
	chain nat_PREROUTING {
		type nat hook prerouting priority dstnat + 10; policy accept;
		jump nat_PREROUTING_ZONES
	}

	chain nat_PREROUTING_ZONES {
		iifname "virbr0" goto nat_PRE_libvirt_allow
		goto nat_PRE_public_allow
	}

	chain nat_PRE_libvirt_allow {
		meta nfproto ipv4 tcp dport 25 dnat ip to 192.168.150.7:25
	}

	chain nat_PRE_public_allow {
		meta nfproto ipv4 tcp dport 8080-8082 dnat ip to 192.168.150.10:80
		meta nfproto ipv6 udp dport 5060 dnat ip6 to [fd00:150::10]:5060
		meta nfproto ipv4 tcp dport 7000 redirect to :22
	}
}
"""
BY_HAND = """table ip router {
	set blocked {
		type ipv4_addr
		elements = { 203.0.113.9 }
	}

	chain in {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 198.51.100.0/24 meta l4proto { tcp, udp } th dport { 53, 5000-5010 } dnat to 10.0.0.5 comment "a: {b}"
		iifname "eth1" tcp dport 3000 redirect to :3128
		ip saddr 10.0.0.0/8 tcp dport 3001 redirect to :3128
		tcp dport @web dnat to 10.0.0.6
		tcp dport != 22 dnat to 10.0.0.7
		ip daddr 198.51.100.8 dnat to 10.0.0.8
		tcp dport 3002 counter packets 0 bytes 0 jump in
		ip daddr { 10.1.1.1-10.1.1.9 } tcp dport 3004 dnat to 10.0.0.10
	}

	chain unused {
		tcp dport 3003 dnat to 10.0.0.9
	}
}
"""


def _found(family: str, table: str, listed: str) -> dict[str, Translation]:
    return {each.target: each for each in translations(family, table, listed)}


def test_published_ports_of_docker() -> None:
    found = _found("ip", "nat", DOCKER)
    assert found["172.17.0.2:80"] == Translation(
        "ip nat DOCKER", 4, ("tcp",), (range(8080, 8081),), (), "172.17.0.2:80"
    )
    assert found["172.17.0.3:53"].addresses == ("198.51.100.7",)
    assert len(found) == 2


def test_what_every_connection_comes_past_of_firewalld() -> None:
    """Not what it has for the interfaces of one zone."""
    found = _found("inet", "firewalld", FIREWALLD)
    assert [(each.version, each.protocols, each.ports, each.target) for each in found.values()] == [
        (4, ("tcp",), (range(8080, 8083),), "192.168.150.10:80"),
        (6, ("udp",), (range(5060, 5061),), "[fd00:150::10]:5060"),
        (4, ("tcp",), (range(7000, 7001),), ":22"),
    ]


def test_maps_and_flags() -> None:
    """As nft lists them: `{ 53 : 10.0.0.7 . 5353 }` is a map to an address and a port."""
    listed = """table inet hand {
	chain in {
		type nat hook prerouting priority dstnat; policy accept;
		dnat ip to tcp dport map { 80 : 10.0.0.5, 8000-8010 : 10.0.0.6 }
		dnat ip6 to udp dport map { 53 : fd00::7 . 5353 }
		iif "lo" dnat ip to tcp dport map { 81 : 10.0.0.8 }
		sctp dport 5  counter packets 0 bytes 0 dnat ip to 10.0.0.9:90-99 random,persistent
	}
}
"""
    found = [(each.protocols, each.ports, each.target) for each in translations("inet", "hand", listed)]
    assert found == [
        (("tcp",), (range(80, 81),), "10.0.0.5"),
        (("tcp",), (range(8000, 8011),), "10.0.0.6"),
        (("udp",), (range(53, 54),), "[fd00::7]:5353"),
        (("sctp",), (range(5, 6),), "10.0.0.9:90-99"),
    ]


def test_rules_for_some_packets_only() -> None:
    """They aren't known, and neither are ports that can't be read or aren't named."""
    (found,) = _found("ip", "router", BY_HAND).values()
    assert (found.protocols, found.target) == (("tcp", "udp"), "10.0.0.5")
    assert found.ports == (range(53, 54), range(5000, 5011)) and found.addresses == ("198.51.100.0/24",)


@pytest.mark.parametrize(
    ("protocol", "ports", "version", "addresses", "taken"),
    [
        ("tcp", range(53, 54), 4, ["198.51.100.7"], 53),
        ("tcp", range(4990, 5002), 4, ["10.1.1.1", "198.51.100.7"], 5000),
        ("tcp", range(50, 6000), 4, ["198.51.100.7"], 53),
        ("sctp", range(53, 54), 4, ["198.51.100.7"], None),
        ("tcp", range(54, 5000), 4, ["198.51.100.7"], None),
        ("tcp", range(53, 54), 6, ["fd00::7"], None),
        ("tcp", range(53, 54), 4, ["10.1.1.1", "fd00::7"], None),
    ],
)
def test_the_first_port_that_is_taken(
    protocol: str, ports: range, version: int, addresses: list[str], taken: int
) -> None:
    (found,) = _found("ip", "router", BY_HAND).values()
    assert found.takes(protocol, ports, version, addresses) == taken


@pytest.mark.parametrize(
    ("target", "address", "port", "same"),
    [
        ("192.168.150.10:80", "192.168.150.10", 80, True),
        ("192.168.150.10:80", "192.168.150.10", 81, False),
        ("192.168.150.10:80", "192.168.150.1", 80, False),
        ("192.168.150.10", "192.168.150.10", 8080, True),
        ("192.168.150.10", "192.168.150.10", 80, False),
        ("[fd00::1]:80", "fd00::1", 80, True),
        ("fd00::1", "fd00::1", 8080, True),
        (":80", "192.168.150.10", 80, False),
    ],
)
def test_where_it_leads(target: str, address: str, port: int, same: bool) -> None:
    rule = Translation("ip nat PREROUTING", 4, ("tcp",), (range(8080, 8081),), (), target)
    assert rule.leads_to(address, port, 8080) == same


def test_only_a_new_listener_is_refused_for_them() -> None:
    host = Host()
    web = {"listen": {"port": "8080"}, "to": {"address": "192.168.150.10", "port": 80}}
    host.rules.translations_ = tuple(translations("ip", "nat", DOCKER))
    with pytest.raises(OptionError) as error:
        plan(host, PORTFORWARD, forwards=[web])
    assert str(error.value) == (
        "forwards[0].listen.port: '8080' can't be used, as another rule of this host sends port 8080 to 172.17.0.2:80 already"
        " (chain ip nat DOCKER); give another port, or remove that rule"
    )
    plan(host, PORTFORWARD, forwards=[{**web, "listen": {"port": "8080", "protocol": "udp"}}])
    host.rules.translations_ = tuple(translations("inet", "firewalld", FIREWALLD))
    plan(host, PORTFORWARD, forwards=[web])  # it leads to the same


def test_only_tables_with_such_rules_are_read() -> None:
    def rule(family: str, table: str, *expressions: object) -> dict[str, object]:
        return {"rule": {"family": family, "table": table, "chain": "c", "expr": list(expressions)}}

    listing = parsed(
        {
            "nftables": [
                rule("ip", "nat", {"counter": {}}, {"xt": {"type": "target", "name": "DNAT"}}),
                rule("ip", "nat", {"dnat": {"addr": "10.0.0.5"}}),
                rule("ip", "other", {"masquerade": None}, {"xt": None}),
                rule("inet", "firewalld", {"redirect": {"port": 22}}),
                rule("inet", "virtnet_fwd_default", {"dnat": {"addr": "10.0.0.5"}}),
            ]
        }
    )
    assert listing.translating == (("ip", "nat"), ("inet", "firewalld"))
