# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""From any interfaces to any others: a plan leads to the state that it predicts, and can be undone after any step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.virtnet.kvm.plugins.module_utils.engine import ApplyError
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.normal import normal_state
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    InterfaceRoute,
    InterfaceState,
    Route,
    Tuntap,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.steps import steps_to
from unit.fake_interfaces import ALL, KilledError, nic
from unit.fake_interfaces_host import InterfacesHost

Declared = tuple[str, dict[str, Any]]

ADDRESSES = ["10.0.1.2/24", "10.0.1.3/24", "10.0.1.2/16", "10.0.2.2/24", "fd00:1::2/64", "fd00:1::2/48", "fd00:2::2/64"]
ROUTES: list[dict[str, Any]] = [
    {"to": "default", "via": "10.0.1.1"},
    {"to": "default", "via": "10.0.2.1"},
    {"to": "default", "via": "10.0.1.1", "metric": 50},
    {"to": "10.9.0.0/24", "via": "10.0.1.1", "source": "10.0.1.2"},
    {"to": "10.8.0.0/24"},
    {"to": "10.7.0.0/24", "via": "10.8.0.1"},
    {"to": "default", "via": "fd00:1::1"},
    {"to": "fd00:9::/64", "via": "fe80::1", "table": 100},
]
# A lease with its route, and what a router has advertised.
NOBODYS = (
    Address("10.0.3.50/24", valid_seconds=3600, origin="dhcp"),
    Address("fd00:5::50/64", flags=0x300, valid_seconds=3600, origin="ra"),
)
BY_DHCP = Route(InterfaceRoute(to="default", via="10.0.3.1", metric=100), protocol=16, origin="dhcp")
VLANS = ["1", "10", "11-13", "20"]


def _some(items: list[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(items), max_size=most, unique_by=repr)


_IP: dict[str, st.SearchStrategy[Any]] = {
    "addresses": _some(ADDRESSES),
    "routes": _some(ROUTES, 2),
    "up": st.booleans(),
    "mac": st.sampled_from(["52:54:00:aa:00:01", "52:54:00:aa:00:02"]),
    "mtu": st.sampled_from([1200, 1400, 1500]),
    "ipv6": st.fixed_dictionaries(
        {}, optional={"enabled": st.booleans(), "accept_ra": st.sampled_from(["never", "always"])}
    ),
}
_MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "pvid": st.sampled_from([0, 1, 10, 20]),
    "tagged": _some(VLANS, 2),
    "untagged": _some(VLANS, 2),
}
_PORT = {
    **_MEMBERS,
    "cost": st.sampled_from([5, 100]),
    "priority": st.sampled_from([16, 32]),
    "hairpin": st.booleans(),
    "isolated": st.booleans(),
}
_PORTS = st.lists(
    st.builds(
        lambda name, rest: {"name": name, **rest},
        st.sampled_from(["eth0", "eth1", "eth1.5", "t0"]),
        st.fixed_dictionaries({}, optional=_PORT),
    ),
    max_size=3,
    unique_by=lambda port: port["name"],
)
_BRIDGE = {
    **_IP,
    **_MEMBERS,
    "ports": _PORTS,
    "stp": st.booleans(),
    "forward_delay": st.sampled_from([0, 4, 15]),
    "vlan_filtering": st.booleans(),
    "vlan_default_pvid": st.sampled_from([0, 1, 10]),
    "ageing_time": st.sampled_from([0, 300]),
    "purge_taps": st.booleans(),
    "adopt": st.sampled_from(["eth0", "eth1"]),
}
_QOS = _some([{"pcp": pcp, "priority": priority} for pcp in (0, 3) for priority in (0, 4)], 2)
_VLAN = {
    **_IP,
    "parent": st.sampled_from(["eth0", "eth1", "br0"]),
    "id": st.sampled_from([5, 6]),
    "protocol": st.sampled_from(["802.1q", "802.1ad"]),
    "loose_binding": st.booleans(),
    "ingress_qos": _QOS,
    "egress_qos": _QOS,
    "recreate": st.booleans(),
}
_TAP = {
    **_IP,
    "mode": st.sampled_from(["tap", "tun"]),
    "owner": st.sampled_from(["root", "0", "libvirt-qemu", ""]),
    "multi_queue": st.booleans(),
    "vnet_hdr": st.booleans(),
    "bridge": st.sampled_from(["br0", ""]),
    "recreate": st.booleans(),
}
_ABSENT = {"state": st.just("absent")}


def _one(word: str, names: list[str], options: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Declared]:
    chosen = st.fixed_dictionaries({"name": st.sampled_from(names)}, optional=options)
    return st.tuples(st.just(word), chosen)


BRIDGES = _one("bridge", ["br0"], _BRIDGE)
OTHERS = _one("vlan", ["eth1.5", "v6"], _VLAN) | _one("tap", ["t0"], _TAP)
GONE = (
    _one("bridge", ["br0"], {"adopt": _BRIDGE["adopt"], "purge_taps": st.booleans()})
    | _one("vlan", ["eth1.5", "v6"], {})
    | _one("tap", ["t0"], {})
).map(lambda declared: (declared[0], {**declared[1], "state": "absent"}))
CHANGE = BRIDGES | OTHERS | GONE
EXAMPLES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


def addresses(*cidrs: str) -> tuple[Address, ...]:
    return tuple(Address(cidr) for cidr in cidrs)


def gateway(via: str = "10.0.1.1", **more: Any) -> Route:
    return Route(InterfaceRoute(to="default", via=via), **more)


@st.composite
def _hosts(draw: st.DrawFn) -> InterfacesHost:
    """A host with two NICs, and what was declared on it before, with or without guests."""
    features = ALL if draw(st.integers(0, 4)) else ALL - {"bridge vlan filtering"}
    first = nic("eth0", 2)
    if draw(st.booleans()):
        first = nic("eth0", 2, addresses=addresses("10.0.1.2/24", "fd00:1::2/64"), routes=(gateway(protocol=16),))
    if draw(st.booleans()):
        first = replace(first, addresses=(*first.addresses, *NOBODYS), routes=(*first.routes, BY_DHCP))
    lo = replace(nic("lo", 1), loopback=True)
    host = InterfacesHost(lo, first, nic("eth1", 3), features=features, promote=draw(st.booleans()))
    for declared in draw(st.lists(BRIDGES | OTHERS, max_size=4)):
        try:
            host.copy().declare(declared)
        except VirtnetError:
            continue
        host.declare(declared)
    if "br0" in host.kernel.kept and draw(st.booleans()):
        guest = nic("vnet1", 50, kind="tun", attached=True)
        tap = Tuntap(name="vnet1", mac="fe:54:00:00:00:09", mtu=1500, up=True, mode="tap")
        host.kernel.kept["vnet1"] = replace(guest, definition=tap)
        host.kernel.set_master("vnet1", "br0")
    host.kernel.calls.clear()
    return host


def _possible(host: InterfacesHost, *declared: Declared) -> None:
    try:
        host.copy().declare(*declared, check=True)
    except VirtnetError:
        assume(False)


def _seen(host: InterfacesHost) -> dict[str, Any]:
    """Returns what must be equal: not what a kernel chooses, nor an order that means nothing."""
    return {name: _plain(state) for name, state in host.kernel.kept.items()}


def _plain(state: InterfaceState) -> InterfaceState:
    state = normal_state(state)
    return replace(
        state,
        index=0,
        definition=replace(state.definition, mac=None, mtu=None),
        addresses=tuple(sorted(state.addresses, key=repr)),
        port=replace(state.port, cost=None) if state.port else None,
    )


@given(host=_hosts(), declared=CHANGE)
@EXAMPLES
def test_check_mode_predicts_a_run_and_the_next_changes_nothing(host: InterfacesHost, declared: Declared) -> None:
    """Check mode changes nothing and shows what a run does; after that run there is nothing left to change."""
    _possible(host, declared)
    before = _seen(host)
    (predicted,) = host.declare(declared, check=True)
    assert _seen(host) == before and not host.kernel.calls
    (real,) = host.declare(declared)
    assert real.actions == predicted.actions
    assert real.shown_after == predicted.shown_after
    assert [warning for warning in real.warnings if "made something else" in warning] == []
    assert host.remembered == {}
    (again,) = host.declare(declared)
    assert again.actions == [] and again.shown_before == again.shown_after == real.shown_after


@given(host=_hosts(), declared=CHANGE)
@EXAMPLES
def test_undone_when_any_call_fails(host: InterfacesHost, declared: Declared) -> None:
    _possible(host, declared)
    before = _seen(host)
    undisturbed = host.copy()
    undisturbed.declare(declared)
    for number in range(1, len(undisturbed.kernel.calls) + 1):
        failing = host.copy()
        failing.fail_at(number, HostError("it", "is broken"))
        with pytest.raises(ApplyError, match="is broken; the host is as it was"):
            failing.declare(declared)
        assert _seen(failing) == before, failing.kernel.calls
        assert failing.remembered == {}


@given(host=_hosts(), declared=CHANGE)
@EXAMPLES
def test_killed_at_any_call(host: InterfacesHost, declared: Declared) -> None:
    """The next run leads to the same state as a run that isn't killed."""
    _possible(host, declared)
    undisturbed = host.copy()
    undisturbed.declare(declared)
    for number in range(1, len(undisturbed.kernel.calls) + 1):
        killed = host.copy()
        killed.fail_at(number, KilledError())
        with pytest.raises(KilledError):
            killed.declare(declared)
        killed.kernel.strike = lambda _number, _call: None
        killed.declare(declared)
        assert _seen(killed) == _seen(undisturbed), f"killed at {undisturbed.kernel.calls[number - 1]}"
        assert killed.remembered == {}


@given(host=_hosts(), changes=st.lists(CHANGE, max_size=3))
@EXAMPLES
def test_back_to_a_snapshot(host: InterfacesHost, changes: list[Declared]) -> None:
    before = dict(host.kernel.kept)
    for declared in changes:
        try:
            host.copy().declare(declared)
        except VirtnetError:
            continue
        host.declare(declared)
    seen = _seen(host)
    for step in steps_to(host.kernel.kept, before, bridge_vlans="bridge vlan filtering" in host.kernel.features()):
        step.do(host)
    assert _seen(host) == {name: _plain(state) for name, state in before.items()}, seen
