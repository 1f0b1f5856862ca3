# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which routes routers need to a host's networks, and how they are published."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.plugin_utils.host_look import Look, Needs
from ansible_collections.virtnet.kvm.plugins.plugin_utils.return_routes import published
from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology import fabric
from conftest import CHECKOUT

ROUTED = {"type": "routed", "name": "routed0", "cidr": "10.9.0.0/24", "cidr6": "fd00:9::/64"}
OPEN = {"type": "open", "name": "open0", "cidr": "10.9.1.0/24", "gateway": "10.9.1.254"}
NAT = {"type": "nat", "name": "lan", "cidr": "192.168.150.0/24"}
SOURCES = {4: "192.168.1.10", 6: "fd00:1::10"}
ROUTES = [
    {"to": "10.9.0.0/24", "via": "192.168.1.10"},
    {"to": "fd00:9::/64", "via": "fd00:1::10"},
    {"to": "10.9.1.0/24", "via": "192.168.1.10"},
]


def found(*topologies: dict[str, Any], sources: dict[int, str] | None = None, **more: Any) -> dict[str, Any]:
    return published("kvm1", topologies, fabric(topologies, "virtnet_topologies"), sources or SOURCES, **more)


def test_each_subnet_of_both_types_has_a_route() -> None:
    result = found(NAT, ROUTED, OPEN)
    assert result["return_routes"] == result["ansible_facts"]["virtnet_return_routes"] == ROUTES
    assert result["ansible_facts"]["virtnet_return_route_sets"] == [
        {"name": "kvm1.routed0", "routes": ROUTES[:2]},
        {"name": "kvm1.open0", "routes": ROUTES[2:]},
    ]
    assert result["ansible_stats"]["data"] == {"virtnet_return_routes": {"kvm1": ROUTES}}
    assert result["notes"][2] == "the routers outside need the route 10.9.1.0/24 via 192.168.1.10"
    assert "warnings" not in result


def test_other_types_publish_nothing() -> None:
    assert found(NAT) == {}


def test_a_network_that_is_removed() -> None:
    result = found({**ROUTED, "state": "absent"})
    assert result == {
        "ansible_facts": {
            "virtnet_return_routes": [],
            "virtnet_return_route_sets": [{"name": "kvm1.routed0", "state": "absent"}],
        }
    }


def test_two_roles_of_one_run_add_up() -> None:
    earlier = found(ROUTED)["ansible_facts"]["virtnet_return_route_sets"]
    result = found(OPEN, earlier=earlier)
    assert result["ansible_facts"]["virtnet_return_routes"] == ROUTES
    assert result["return_routes"] == ROUTES[2:]
    gone = found({**ROUTED, "state": "absent"}, earlier=result["ansible_facts"]["virtnet_return_route_sets"])
    assert gone["ansible_facts"]["virtnet_return_routes"] == ROUTES[2:]


def test_the_address_of_the_host() -> None:
    """Given, it counts; without it and without a default route, there is no route, and a warning."""
    assert found(OPEN, given=["192.168.2.10"])["return_routes"] == [{"to": "10.9.1.0/24", "via": "192.168.2.10"}]
    result = found(ROUTED, sources={4: "192.168.1.10"})
    assert result["return_routes"] == ROUTES[:1]
    assert result["warnings"] == [
        "the routers outside need a route to fd00:9::/64 by this host, which has no IPv6 default route that shows its"
        " address there; set host_return_via"
    ]
    for given, message in (
        (["x"], r"host_return_via\[0\]: 'x' is not"),
        (["10.0.0.1", "10.0.0.2"], r".*\[1\].* second"),
    ):
        with pytest.raises(OptionError, match=f"^{message}"):
            found(OPEN, given=given)


def test_addresses_that_the_script_has_found() -> None:
    assert Look("source4=192.168.1.10\nsource6=\n", Needs()).sources == {4: "192.168.1.10"}


@pytest.mark.parametrize("name", ["site", "teardown"])
def test_the_routers_are_in_the_play_of_the_hosts(name: str) -> None:
    play, *others = yaml.safe_load((CHECKOUT / "playbooks" / f"{name}.yml").read_text())
    assert "virtnet_routers" in play["hosts"] and "virtnet_routers" not in str(others)
    imported = [task for task in play["tasks"] if "ansible.builtin.import_role" in task]
    task, role = imported[-1], imported[-1]["ansible.builtin.import_role"]
    assert role["name"] == "virtnet.kvm.return_routes" and "else 'never'" in task["tags"]
    # ansible gives the task that checks arguments the tag always, so it would be shown
    assert role["rolespec_validate"] is False
