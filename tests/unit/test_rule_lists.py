# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The lists of firewall rules in the inventory: their short forms, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.plugin_utils.rule_lists import outbound, policies, portforwards


@pytest.mark.parametrize(
    ("listen", "to", "expected"),
    [
        (8080, {"guest": "web1", "port": 80}, ({"port": "8080"}, {"guest": "web1", "port": 80})),
        ("6000-6010/udp", "192.0.2.1", ({"port": "6000-6010", "protocol": "udp"}, {"address": "192.0.2.1"})),
        (
            "198.51.100.7:2222",
            "192.0.2.1:22",
            ({"address": "198.51.100.7", "port": "2222"}, {"address": "192.0.2.1", "port": 22}),
        ),
        (
            "[2001:db8::1]:80",
            "[fd00::10]:8080",
            ({"address": "2001:db8::1", "port": "80"}, {"address": "fd00::10", "port": 8080}),
        ),
        ({"port": 80}, "fd00::10", ({"port": "80"}, {"address": "fd00::10"})),
    ],
)
def test_short_forms_of_forwards(listen: Any, to: Any, expected: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert portforwards([{"listen": listen, "to": to}], "virtnet_forwards") == [
        {"forwards": [{"listen": expected[0], "to": expected[1]}]}
    ]


def test_a_rule_of_a_policy_may_be_for_one_family_and_a_default() -> None:
    given = [{"from": "lan", "reject": "all", "family": "ipv6", "default": True}]
    assert policies(given, "virtnet_policy") == [
        {"rules": [{"source": {"name": "lan"}, "family": "ipv6", "default": True, "action": "reject"}]}
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"log": True, "helper": "ftp"}, {"log": True, "helper": "ftp"}),
        ({"log": "web"}, {"log": True, "log_prefix": "web"}),
        ({"log": "yes", "log_prefix": "web"}, {"log": True, "log_prefix": "web"}),
        ({"log": "False"}, {"log": False}),
        ({"log": False}, {"log": False}),
    ],
)
def test_short_forms_of_logs(given: dict[str, Any], expected: dict[str, Any]) -> None:
    (made,) = portforwards([{"listen": 21, "to": "192.0.2.1", **given}], "virtnet_forwards")
    (forward,) = made["forwards"]
    assert {key: value for key, value in forward.items() if key not in ("listen", "to")} == expected


def test_short_forms_of_outbound_rules() -> None:
    given = [{"from": "10.9.0.0/24"}, {"from": {"guest": "mail"}, "to": "198.51.100.7", "ports": 20000}]
    assert outbound(given, "virtnet_outbound") == [
        {
            "rules": [
                {"source": {"cidr": "10.9.0.0/24"}},
                {"source": {"guest": "mail"}, "to": "198.51.100.7", "ports": "20000"},
            ],
        }
    ]


def test_short_forms_of_policies() -> None:
    given = [
        {"from": "lan", "to": "10.9.0.0/24", "allow": [{"protocol": "tcp", "port": 5432}]},
        {"from": {"guest": "web1"}, "to": "outside", "deny": "all"},
        {"to": "fd00::1", "action": "reject"},
    ]
    assert policies(given, "virtnet_policy") == [
        {
            "rules": [
                {
                    "source": {"name": "lan"},
                    "to": {"cidr": "10.9.0.0/24"},
                    "action": "allow",
                    "services": [{"protocol": "tcp", "port": "5432"}],
                },
                {"source": {"guest": "web1"}, "to": {"zone": "outside"}, "action": "deny"},
                {"to": {"cidr": "fd00::1"}, "action": "reject"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("made", "given", "option"),
    [
        (portforwards, "8080", "virtnet_forwards"),
        (portforwards, [8080], "virtnet_forwards[0]"),
        (portforwards, [{"listen": 8080}], "virtnet_forwards[0].to"),
        (portforwards, [{"listen": "http", "to": "192.0.2.1"}], "virtnet_forwards[0].listen"),
        (portforwards, [{"listen": True, "to": "192.0.2.1"}], "virtnet_forwards[0].listen"),
        (portforwards, [{"listen": {"ports": 1}, "to": "192.0.2.1"}], "virtnet_forwards[0].listen.ports"),
        (portforwards, [{"listen": 1, "to": 2}], "virtnet_forwards[0].to"),
        (
            portforwards,
            [{"listen": 1, "to": "192.0.2.1", "log": "a", "log_prefix": "b"}],
            "virtnet_forwards[0].log_prefix",
        ),
        (outbound, {"from": "10.9.0.0/24"}, "virtnet_outbound"),
        (outbound, [{"from": "10.9.0.0/24", "source": {}}], "virtnet_outbound[0].from"),
        (outbound, [{"to": "192.0.2.1"}], "virtnet_outbound[0].source"),
        (policies, [{"from": "lan"}], "virtnet_policy[0].action"),
        (policies, [{"from": "lan", "allow": "all", "deny": "all"}], "virtnet_policy[0].deny"),
        (policies, [{"from": "lan", "allow": "tcp"}], "virtnet_policy[0].allow"),
        (policies, [{"from": "lan", "allow": [{"port": 80}]}], "virtnet_policy[0].allow[0].protocol"),
        (policies, [{"from": 10, "deny": "all"}], "virtnet_policy[0].source"),
        (policies, [{"from": {"name": "a", "ip": "b"}, "deny": "all"}], "virtnet_policy[0].source.ip"),
    ],
)
def test_lists_that_are_refused(made: Any, given: Any, option: str) -> None:
    variable = option.partition("[")[0].partition(".")[0]
    with pytest.raises(OptionError) as caught:
        made(given, variable)
    assert caught.value.option == option
