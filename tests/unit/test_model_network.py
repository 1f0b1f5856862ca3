# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The one form in which two networks are compared."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    MODES,
    Network,
    align,
    mode_of,
    normalise,
)


def _network(**options: Any) -> Network:
    return from_options(Network, options)


RANGE = {"start": "10.0.0.2", "end": "10.0.0.9"}

SAME = {
    "the isolated network": ({"forward": {"mode": "none"}}, {}),
    "one device to forward to": (
        {"forward": {"mode": "nat", "dev": "eth0"}},
        {"forward": {"mode": "nat", "interfaces": ["eth0"]}},
    ),
    "the first of several": (
        {"forward": {"mode": "private", "dev": "eth1", "interfaces": ["eth1", "eth0"]}},
        {"forward": {"mode": "private", "interfaces": ["eth1", "eth0"]}},
    ),
    "libvirt's own port range": (
        {"forward": {"mode": "nat", "nat": {"ports": {"start": 1024, "end": 65535}}}},
        {"forward": {"mode": "nat"}},
    ),
    "the functions of a physical one": (
        {"forward": {"mode": "passthrough", "pf": "eth0", "interfaces": ["eth0v0", "eth0v1"]}},
        {"forward": {"mode": "passthrough", "pf": "eth0"}},
    ),
    "a trunk of several tags": (
        {"vlan": {"trunk": True, "tags": [{"id": 1}, {"id": 2}]}},
        {"vlan": {"tags": [{"id": 1}, {"id": 2}]}},
    ),
    "a trunk with a native tag, in a portgroup": (
        {"portgroups": [{"name": "a", "vlan": {"trunk": True, "tags": [{"id": 1, "native_mode": "tagged"}]}}]},
        {"portgroups": [{"name": "a", "vlan": {"tags": [{"id": 1, "native_mode": "tagged"}]}}]},
    ),
    "no trunk": ({"vlan": {"trunk": False, "tags": [{"id": 1}]}}, {"vlan": {"tags": [{"id": 1}]}}),
    "the defaults of a bridge": (
        {"bridge": {"stp": True, "delay": 0, "mac_table_manager": "kernel"}, "ipv6": False, "isolated": False},
        {},
    ),
    "the defaults of DNS": ({"dns": {"enable": True, "forward_plain_names": True, "hosts": []}}, {}),
    "minutes": (
        {"ips": [{"address": "10.0.0.1/8", "dhcp": {"ranges": [RANGE]}}]},
        {"ips": [{"address": "10.0.0.1/255.0.0.0", "local_ptr": False, "dhcp": {"ranges": [RANGE], "hosts": []}}]},
    ),
    "a lease in minutes": (
        {"ips": [{"address": "10.0.0.1/8", "dhcp": {"ranges": [{**RANGE, "lease": {"expiry": 5}}]}}]},
        {
            "ips": [
                {"address": "10.0.0.1/8", "dhcp": {"ranges": [{**RANGE, "lease": {"expiry": 5, "unit": "minutes"}}]}}
            ]
        },
    ),
    "hosts in another order": (
        {"dns": {"hosts": [{"ip": "10.0.0.2", "names": ["a"]}, {"ip": "10.0.0.3", "names": ["b"]}]}},
        {"dns": {"hosts": [{"ip": "10.0.0.3", "names": ["b"]}, {"ip": "10.0.0.2", "names": ["a"]}]}},
    ),
    "routes in another order, and spelling": (
        {"routes": [{"to": "10.1.0.0/16", "via": "10.0.0.2"}, {"to": "fd00::/64", "via": "fd01::2"}]},
        {"routes": [{"to": "FD00::/64", "via": "FD01:0::2"}, {"to": "10.1.0.0/255.255.0.0", "via": "10.0.0.2"}]},
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_two_ways_to_say_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normalise(_network(**one)) == normalise(_network(**other))


DIFFERENT = {
    "a port range": (
        {"forward": {"mode": "nat", "nat": {"ports": {"start": 1025, "end": 65535}}}},
        {"forward": {"mode": "nat"}},
    ),
    "the first interface": (
        {"forward": {"mode": "private", "dev": "eth1", "interfaces": ["eth1", "eth0"]}},
        {"forward": {"mode": "private", "dev": "eth0", "interfaces": ["eth0", "eth1"]}},
    ),
    "a trunk of one tag": ({"vlan": {"trunk": True, "tags": [{"id": 1}]}}, {"vlan": {"tags": [{"id": 1}]}}),
    "spanning tree": ({"bridge": {"stp": False}}, {"bridge": {"stp": True}}),
    "the order of forwarders": (
        {"dns": {"forwarders": [{"addr": "10.0.0.2"}, {"addr": "10.0.0.3"}]}},
        {"dns": {"forwarders": [{"addr": "10.0.0.3"}, {"addr": "10.0.0.2"}]}},
    ),
    "the VLAN that is number 0": ({"vlan": {"tags": [{"id": 0}]}}, {}),
    "a lease that never ends": (
        {"ips": [{"address": "10.0.0.1/8", "dhcp": {"ranges": [{**RANGE, "lease": {"expiry": 0}}]}}]},
        {"ips": [{"address": "10.0.0.1/8", "dhcp": {"ranges": [RANGE]}}]},
    ),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_differs_is_told_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normalise(_network(**one)) != normalise(_network(**other))


def test_the_mode_of_a_network() -> None:
    assert mode_of(_network()) == "none"
    for mode in MODES:
        assert mode_of(_network(forward={"mode": mode})) == mode
        assert mode_of(normalise(_network(forward={"mode": mode}))) == mode


def test_addresses_in_the_order_of_a_reference() -> None:
    one, two, three = ({"address": f"10.{n}.0.1/16"} for n in range(3))
    reference = _network(ips=[two, one])
    assert align(_network(ips=[one, three, two]), reference) == _network(ips=[two, one, three])
    assert align(_network(ips=[one, two]), None) == _network(ips=[one, two])
    assert align(_network(), reference) == _network()
