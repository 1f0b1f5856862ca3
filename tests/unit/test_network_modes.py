# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""From each forward mode to each other one: what belonged to the former mode is gone, and what the network is stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options, to_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.libvirt_parts import Extra
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.desired import (
    DesiredNetwork,
    desired_definition,
    family_of,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    MODES,
    OWN_BRIDGE_MODES,
    Network,
    NetworkState,
    normalise,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.validate import check

IDENTITY = {
    "name": "lan",
    "uuid": "6d1e1d3c-7a75-4d1f-9a0c-2f4d3c0a0b01",
    "title": "A title",
    "description": "A text",
    "metadata": ['<a:b xmlns:a="urn:a">c</a:b>'],
}
IPS = [{"address": "192.168.150.1/24", "dhcp": {"ranges": [{"start": "192.168.150.9", "end": "192.168.150.99"}]}}]
OPENVSWITCH = {"type": "openvswitch", "parameters": {"profileid": "menial"}}
QBG = {"type": "802.1Qbg", "parameters": {"managerid": 1}}
LIMIT = {"inbound": {"average": 10}}
VLAN = {"tags": [{"id": 42}]}

# All that libvirt takes with a bridge of its own, with one of the host, with macvtap, and with virtual functions.
_OWN: dict[str, Any] = {
    "bridge": {"name": "virbr7", "stp": False, "delay": 3, "zone": "trusted", "mac_table_manager": "libvirt"},
    "ips": IPS,
    "dns": {"txt": [{"name": "a", "value": "b"}]},
    "domain": {"name": "lan.example"},
    "routes": [{"to": "10.9.0.0/16", "via": "192.168.150.9"}],
    "mac": "52:54:00:12:34:56",
    "mtu": 9000,
    "ipv6": True,
    "dnsmasq_options": ["log-queries"],
    "bandwidth": LIMIT,
    "isolated": True,
    "portgroups": [{"name": "web", "default": True, "bandwidth": LIMIT}],
}
_HOST_BRIDGE: dict[str, Any] = {
    "bridge": {"name": "b2", "mac_table_manager": "libvirt"},
    "virtualport": OPENVSWITCH,
    "vlan": VLAN,
    "bandwidth": LIMIT,
    "isolated": True,
    "trust_guest_rx_filters": True,
    "portgroups": [{"name": "web", "default": True, "bandwidth": LIMIT, "vlan": VLAN, "virtualport": OPENVSWITCH}],
}
_MACVTAP: dict[str, Any] = {
    "virtualport": QBG,
    "trust_guest_rx_filters": True,
    "portgroups": [{"name": "web", "default": True, "virtualport": QBG, "trust_guest_rx_filters": True}],
}
_VLAN_PORTS: dict[str, Any] = {"vlan": VLAN, "portgroups": [{"name": "web", "default": True, "vlan": VLAN}]}

FULL: dict[str, dict[str, Any]] = {
    "none": {**_OWN, "forward": {"mode": "none"}},
    "nat": {**_OWN, "forward": {"mode": "nat", "interfaces": ["eth7"], "nat": {"ipv6": True}}},
    "route": {**_OWN, "forward": {"mode": "route", "interfaces": ["eth7"]}},
    "open": {**_OWN, "forward": {"mode": "open"}},
    "bridge": {**_HOST_BRIDGE, "forward": {"mode": "bridge"}},
    "macvtap bridge": {**_MACVTAP, "forward": {"mode": "bridge", "interfaces": ["eth1", "eth2"]}},
    "private": {**_MACVTAP, "forward": {"mode": "private", "interfaces": ["eth1", "eth2"]}},
    "vepa": {**_MACVTAP, "forward": {"mode": "vepa", "pf": "eth4"}},
    "passthrough": {**_MACVTAP, **_VLAN_PORTS, "forward": {"mode": "passthrough", "interfaces": ["eth1", "eth2"]}},
    "hostdev": {
        **_VLAN_PORTS,
        "virtualport": QBG,
        "forward": {"mode": "hostdev", "addresses": ["0000:0a:00.1"], "driver": "vfio", "managed": True},
    },
}
# The least that a user has to give for each.
LEAST: dict[str, dict[str, Any]] = {
    "none": {"forward": {"mode": "none"}},
    "nat": {"forward": {"mode": "nat"}, "ips": [{"address": "192.168.150.1/25"}]},
    "route": {"forward": {"mode": "route"}, "ips": [{"address": "192.168.150.1/25"}]},
    "open": {"forward": {"mode": "open"}, "ips": [{"address": "192.168.150.1/25"}]},
    "bridge": {"forward": {"mode": "bridge"}, "bridge": {"name": "b9"}},
    "macvtap bridge": {"forward": {"mode": "bridge", "interfaces": ["eth9"]}},
    "private": {"forward": {"mode": "private", "interfaces": ["eth9"]}},
    "vepa": {"forward": {"mode": "vepa", "dev": "eth9"}},
    "passthrough": {"forward": {"mode": "passthrough", "pf": "eth9"}},
    "hostdev": {"forward": {"mode": "hostdev", "pf": "eth9"}},
}
FAMILIES = {"none": "own", "nat": "own", "route": "own", "open": "own", "bridge": "bridge", "hostdev": "hostdev"}
PAIRS = [(before, after) for before in FULL for after in FULL]


def family(mode: str) -> str:
    return FAMILIES.get(mode, "macvtap")


def network(**options: Any) -> Network:
    return normalise(from_options(Network, {**IDENTITY, **options}))


def changed(before: Network, **options: Any) -> Network:
    asked = from_options(Network, {"name": "lan", **options})
    return desired_definition(DesiredNetwork(asked), NetworkState(before, None))


def test_all_modes_are_here() -> None:
    assert {network(**FULL[mode]).forward.mode if network(**FULL[mode]).forward else "none" for mode in FULL} == {
        *MODES
    }  # type: ignore[union-attr]
    for mode in FULL:
        check(network(**FULL[mode]))
        assert family_of(network(**FULL[mode])) == family_of(network(**LEAST[mode])) == family(mode)


@pytest.mark.parametrize(("before", "after"), [pair for pair in PAIRS if family(pair[0]) != family(pair[1])])
def test_guests_are_connected_to_something_else(before: str, after: str) -> None:
    """Nothing stays that isn't given, but what the network is called and what guests name."""
    definition = changed(network(**FULL[before]), **LEAST[after])
    check(definition)
    options = to_options(definition)
    bridges = {family(before), family(after)} == {"own", "bridge"}
    groups = [{"name": "web", "default": True, **({"bandwidth": LIMIT} if bridges else {})}]
    kept = {**IDENTITY, **({"isolated": True} if bridges else {})}
    if "portgroups" in FULL[before]:
        limited = "bandwidth" in FULL[before]["portgroups"][0]
        kept["portgroups"] = groups if limited else [{"name": "web", "default": True}]
    assert options == to_options(network(**LEAST[after])) | kept


@pytest.mark.parametrize(("before", "after"), [pair for pair in PAIRS if family(pair[0]) == family(pair[1])])
def test_guests_are_connected_to_the_same(before: str, after: str) -> None:
    """All stays that the mode can have."""
    definition = changed(network(**FULL[before]), forward={"mode": FULL[after]["forward"]["mode"]})
    check(definition)
    options, full = to_options(definition), to_options(network(**FULL[before]))
    own = family(after) == "own"
    forward = {**full.get("forward", {}), "mode": FULL[after]["forward"]["mode"]}
    for name, modes in {"nat": ("nat",), "interfaces": tuple(set(MODES) - {"none", "open"})}.items():
        if own and after not in modes:
            forward.pop(name, None)
    assert options.pop("forward", {"mode": "none"}) == forward
    full.pop("forward", None)
    if before == "passthrough" != after:
        full.pop("vlan")
        full["portgroups"] = [{"name": "web", "default": True}]
    assert options == full


@given(pair=st.sampled_from(PAIRS), third=st.sampled_from(list(FULL)))
@settings(max_examples=200, deadline=None)
def test_the_second_time_nothing_is_left_to_change(pair: tuple[str, str], third: str) -> None:
    """Also where the network has had a third mode in the meantime."""
    before, after = pair
    start = network(**FULL[before])
    once = changed(start, **LEAST[after])
    assert changed(once, **LEAST[after]) == once
    assert changed(once, name="lan") == once
    there_and_back = changed(changed(once, **LEAST[third]), **LEAST[after])
    check(there_and_back)
    if not {family(before), family(third)} & {family(after)}:
        assert there_and_back == changed(changed(start, **LEAST[third]), **LEAST[after])


@pytest.mark.parametrize("after", list(LEAST))
@pytest.mark.parametrize("before", list(FULL))
def test_a_complete_definition_inherits_no_bridge(before: str, after: str) -> None:
    """``xml`` without the name of a bridge: libvirt chooses one, if the one that there is isn't the network's own."""
    asked = normalise(from_options(Network, {"name": "lan", **LEAST[after]}))
    found = desired_definition(DesiredNetwork(asked, complete=True), NetworkState(network(**FULL[before]), None))
    check(found)
    assert found.uuid == IDENTITY["uuid"]
    own = family(before) == family(after) == "own"
    assert (found.mac, found.bridge and found.bridge.name) == (
        _OWN["mac"] if own else None,
        "virbr7" if own else LEAST[after].get("bridge", {}).get("name"),
    )


@pytest.mark.parametrize("before", ["nat", "private", "hostdev", "vepa"])
def test_a_bridge_has_to_be_named(before: str) -> None:
    """The network's own bridge is gone in mode bridge; interfaces of the host can be shared in this mode, too."""
    asked = {"forward": {"mode": "bridge"}}
    if family(before) == "macvtap":
        check(changed(network(**FULL[before]), **asked))
        return
    with pytest.raises(OptionError, match=r"forward\.mode: 'bridge' needs bridge\.name"):
        check(changed(network(**FULL[before]), **asked))


@pytest.mark.parametrize(
    ("before", "asked", "devices"),
    [
        ("vepa", {"interfaces": ["eth1"]}, {"interfaces": ["eth1"]}),
        ("vepa", {"dev": "eth1"}, {"interfaces": ["eth1"]}),
        ("private", {"pf": "eth4"}, {"pf": "eth4"}),
        ("hostdev", {"pf": "eth4"}, {"pf": "eth4"}),
    ],
)
def test_one_sort_of_device_replaces_the_other(before: str, asked: dict[str, Any], devices: dict[str, Any]) -> None:
    forward = to_options(changed(network(**FULL[before]), forward=asked))["forward"]
    assert {name: forward[name] for name in ("interfaces", "pf", "addresses") if name in forward} == devices


@pytest.mark.parametrize("mode", OWN_BRIDGE_MODES)
def test_what_is_unknown_goes_with_its_element(mode: str) -> None:
    """A part of the document that no option knows stays as long as the element in which it is."""
    extra = tuple(
        Extra(path=path, xml="@new=yes")
        for path in ("", "forward/nat", "forward/interface[eth7]", "forward", "bridge", "portgroup[web]", "ip[x]")
    )
    before = normalise(from_options(Network, {**IDENTITY, **FULL["nat"]}))
    found = changed(replace(before, extra=extra), forward={"mode": mode})
    kept = [part.path for part in found.extra or ()]
    expected = {
        "nat": ["", "forward/nat", "forward/interface[eth7]", "forward", "bridge", "portgroup[web]", "ip[x]"],
        "route": ["", "forward/interface[eth7]", "forward", "bridge", "portgroup[web]", "ip[x]"],
        "open": ["", "forward", "bridge", "portgroup[web]", "ip[x]"],
        "none": ["", "bridge", "portgroup[web]", "ip[x]"],
    }
    assert kept == expected[mode]
    other = changed(replace(before, extra=extra), **LEAST["private"])
    assert [part.path for part in other.extra or ()] == [""]
