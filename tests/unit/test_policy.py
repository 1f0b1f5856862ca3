# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Sets of policy rules: the chains that they are in, the networks that they know, and rules that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import World
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import POLICY, PORTFORWARD
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall import nft
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.steps import Passage
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network
from unit.fake_firewall import Host, plan


def test_a_policy_is_in_the_chains_that_its_parties_need() -> None:
    host = Host()
    rules = [
        {
            "source": {"name": "br0"},
            "to": {"guest": "two"},
            "action": "allow",
            "services": [{"protocol": "tcp", "port": "80"}],
        },
        {"to": {"name": "br0"}, "action": "reject"},
        {
            "source": {"zone": "outside"},
            "to": {"zone": "host"},
            "action": "deny",
            "services": [{"protocol": "tcp", "port": "80"}],
        },
    ]
    words, state, _returned = plan(host, POLICY, rules=rules)
    assert any("add br0 to two (tcp 80) allowed" in each for each in words)
    assert state["rules"] == rules
    (text,) = (text for path, text in host.rules.stored().items() if "policy" in path)
    for line in (
        'iifname "br0" ip daddr 192.168.150.12/32 meta l4proto tcp th dport { 80 } meta mark set',
        'iifname != "br0" oifname "br0" counter reject with icmpx type admin-prohibited comment "every network to br0"',
        'iifname != @networks iifname != { "br0", "lo" } meta l4proto tcp th dport { 80 } counter drop comment "outside to the host (tcp 80)"',
        "ct mark & 0x10000000 == 0x10000000 ip daddr 192.168.150.12/32 snat ip to ip saddr",
    ):
        assert line in text, text
    with pytest.raises(OptionError, match="no addresses of one family"):
        plan(host, POLICY, rules=[{"source": {"cidr": "fd00:9::/64"}, "to": {"guest": "web1"}, "action": "deny"}])
    assert plan(host, POLICY, rules=rules)[0] == []


def test_what_is_allowed_from_a_network_has_an_address_of_it() -> None:
    host = Host()
    options = {"name": "lan", "bridge": {"name": "virbr1"}, "ips": [{"address": "192.168.150.1/24"}]}
    host.networks.defined = [("lan", from_options(Network, options), True)]
    rules = [
        {"source": {"network": "lan"}, "to": {"zone": "outside"}, "action": "allow"},
        {"source": {"network": "lan"}, "to": {"name": "br0"}, "action": "deny"},
    ]
    plan(host, POLICY, rules=rules)
    (text,) = (text for path, text in host.rules.stored().items() if "policy" in path)
    assert (
        'ip saddr 192.168.150.0/24 iifname "virbr1" oifname != @networks oifname != { "br0", "lo", "virbr1" } meta mark set'
        in text
    )
    assert '\n    iifname "virbr1" oifname "br0" counter drop' in text


@pytest.mark.parametrize("option", ["network", "name"])
def test_a_network_whose_bridge_has_no_name_yet(option: str) -> None:
    """libvirt chooses it when the network is created, which may be in the same task."""
    host = Host()
    host.networks.defined = [("lan", from_options(Network, {"name": "lan", "forward": {"mode": "nat"}}), True)]
    with pytest.raises(
        OptionError, match=rf"{option}: 'lan' gets the name of its bridge from libvirt when it is created; give"
    ):
        plan(host, POLICY, rules=[{"source": {option: "lan"}, "to": {"name": "br0"}, "action": "deny"}])


def _network(name: str, number: int, active: bool = True, **options: Any) -> tuple[str, Network, bool]:
    given = {
        "name": name,
        "bridge": {"name": f"virbr{number}"},
        "ips": [{"address": f"192.168.{number}.1/24"}],
        **options,
    }
    return name, from_options(Network, given), active


def test_the_bridges_of_networks_come_and_go_without_a_change_of_sets() -> None:
    host = Host()
    host.networks.defined = [
        _network("lan", 1),
        _network("open", 2, forward={"mode": "open"}),
        _network("off", 3, False),
    ]
    rules = [{"source": {"zone": "outside"}, "to": {"name": "br0"}, "action": "deny"}]
    kinds = {
        POLICY: {"rules": rules},
        PORTFORWARD: {"forwards": [{"listen": {"port": "8080"}, "to": {"guest": "web1", "port": 80}}]},
    }
    loaded = []
    for kind, options in kinds.items():
        resource = kind.parse({"name": "default", "state": "present", **options})
        found = resource.plan(resource.current(host), World(host), {})
        loaded += [step.script for step in found.steps if getattr(step, "script", "").startswith("table inet virtnet_")]
        plan(host, kind, **options)
    assert any("add element inet virtnet_pol_default networks { virbr1, virbr2 }" in each for each in loaded)
    assert any("add element inet virtnet_fwd_default isolated { virbr1 }" in each for each in loaded)
    stored = "".join(host.rules.stored().values())
    assert "set networks {" in stored and "set isolated {" in stored and "virbr1" not in stored
    host.networks.defined = [_network("other", 4)]
    for kind, options in kinds.items():
        assert plan(host, kind, **options)[0] == []
    listing = {
        "nftables": [{"set": {"name": "networks", "elem": ["virbr4"]}}, {"set": {"name": "kept", "elem": ["a"]}}]
    }
    assert list(nft.listed(listing).elements) == ["kept"]


def test_default_rules_come_after_those_of_all_sets() -> None:
    host = Host()
    closed = [
        {"source": {"name": "br0"}, "action": "reject", "default": True},
        {"to": {"name": "br0"}, "action": "deny", "family": "ipv6", "default": True},
    ]
    words, state, _returned = plan(host, POLICY, rules=closed)
    assert any("add every network to br0 (IPv6, default) denied" in each for each in words)
    assert state["rules"] == closed
    (text,) = (text for path, text in host.rules.stored().items() if "policy" in path)
    chain = text[text.index("chain closed {") : text.index("chain input {")]
    assert [line.strip() for line in chain.splitlines()[1:-2]] == [
        "type filter hook forward priority -4; policy accept;",
        "ct status dnat accept",
        "meta mark & 0x10000000 == 0x10000000 accept",
        "ct state established,related accept",
        'iifname "br0" oifname != "br0" counter reject with icmpx type admin-prohibited comment "br0 to every network (default)"',
        'meta nfproto ipv6 iifname != "br0" oifname "br0" counter drop comment "every network to br0 (IPv6, default)"',
    ]
    assert plan(host, POLICY, rules=closed)[0] == []
    opened = {"source": {"name": "br0"}, "action": "allow", "default": True}
    end = Passage("iptables", "ip", "FORWARD", last=True)
    host.rules.open_[end] = False

    plan(host, POLICY, name="other", rules=[opened])
    other = next(text for path, text in host.rules.stored().items() if "policy-other" in path)
    assert "priority -3" in other and "chain closed" not in other and host.rules.open_[end]
    assert "meta mark set meta mark | 0x20000000 ct mark set ct mark | 0x20000000 counter accept" in other
    plan(host, POLICY, name="other", state="absent")
    words, _state, _returned = plan(host, POLICY, rules=[{**closed[0], "default": False}, closed[1]])
    assert any("remove br0 to every network (default), add br0 to every network rejected" in each for each in words)


@pytest.mark.parametrize(
    ("rule", "option", "problem"),
    [
        (
            {"source": {"name": "br0"}, "to": {"zone": "host"}, "default": True},
            "default",
            "isn't possible with the host",
        ),
        ({"source": {"cidr": "192.0.2.0/24"}, "family": "ipv6"}, "family", "192.0.2.0/24 has no such address"),
        ({"to": {"guest": "six"}, "family": "ipv4"}, "family", "six has no such address"),
    ],
)
def test_default_rules_and_families_that_are_refused(rule: dict[str, Any], option: str, problem: str) -> None:
    with pytest.raises(OptionError, match=problem) as caught:
        plan(Host(), POLICY, rules=[{"action": "deny", **rule}])
    assert caught.value.option == f"rules[0].{option}"


@pytest.mark.parametrize(
    ("source", "services", "refuses"),
    [
        ({"zone": "outside"}, None, True),
        ({"zone": "outside"}, [{"protocol": "tcp", "port": "2000-2100"}], True),
        ({"zone": "outside"}, [{"protocol": "udp", "port": "2022"}], False),
        ({"cidr": "203.0.113.0/24"}, None, True),
        ({"cidr": "192.0.2.0/24"}, None, False),
        ({"name": "br0"}, None, False),
    ],
)
def test_the_connection_of_ansible_is_not_cut_off(source: Any, services: Any, refuses: bool) -> None:
    rule = {"source": source, "to": {"zone": "host"}, "action": "deny", "services": services}
    if refuses:
        with pytest.raises(OptionError, match="would cut off the connection of Ansible"):
            plan(Host(), POLICY, rules=[rule])
    else:
        assert plan(Host(), POLICY, rules=[rule])[0]
