# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""From any network to any other: a plan leads to the state that it predicts, and can be undone after any step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.virtnet.kvm.plugins.module_utils.engine import ApplyError
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import (
    HostError,
    OptionError,
    VirtnetError,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.problems import Fault
from unit.fake_host import FakeHost, KilledError

MACS = [f"52:54:00:00:01:{number:02x}" for number in range(4)]
NAMES = ["a", "b", "c"]


def _some(items: list[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(items), max_size=most, unique_by=repr)


@st.composite
def _dhcp(draw: st.DrawFn, subnet: int) -> dict[str, Any]:
    base = f"192.168.{subnet}"
    ranges = [{"start": f"{base}.{low}", "end": f"{base}.{low + 9}"} for low in (100, 120, 140)]
    hosts = [
        {"mac": mac, "ip": f"{base}.{draw(st.integers(10, 14))}", **({"name": name} if name else {})}
        for mac in draw(_some(MACS))
        for name in [draw(st.sampled_from([*NAMES, ""]))]
    ]
    seen = {host["ip"]: host for host in hosts}
    return {"ranges": draw(_some(ranges)), "hosts": list(seen.values())}


@st.composite
def _ips(draw: st.DrawFn) -> list[dict[str, Any]]:
    subnets = draw(st.lists(st.sampled_from([150, 151, 152]), min_size=1, max_size=2, unique=True))
    found: list[dict[str, Any]] = [{"address": f"192.168.{subnet}.1/24"} for subnet in subnets]
    if draw(st.booleans()):
        found[0]["dhcp"] = draw(_dhcp(subnets[0]))
    return found


_DNS = st.fixed_dictionaries(
    {},
    optional={
        "hosts": _some([{"ip": f"192.168.150.{number}", "names": [name]} for number in (5, 6) for name in NAMES]),
        "txt": _some([{"name": name, "value": value} for name in NAMES for value in "xy"]),
        "srv": _some([{"service": name, "protocol": "tcp", "target": "t", "port": 1} for name in NAMES]),
        "enable": st.booleans(),
    },
)
_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "forward": st.sampled_from(["nat", "route", "open", "none"]).map(lambda mode: {"mode": mode}),
    "bridge": st.fixed_dictionaries({}, optional={"stp": st.booleans(), "delay": st.integers(0, 3)}),
    "ips": _ips(),
    "dns": _DNS,
    "mtu": st.sampled_from([0, 1400, 9000]),
    "domain": st.sampled_from([{}, {"name": "x.example"}, {"name": "y.example", "local_only": True}]),
    "title": st.sampled_from(["", "one", "two"]),
    "portgroups": _some([{"name": name, "default": default} for name in "pq" for default in (True, False)]).filter(
        lambda groups: len({group["name"] for group in groups}) == len(groups)
    ),
    "bandwidth": st.sampled_from([{}, {"inbound": {"average": 10}}, {"outbound": {"average": 20}}]),
    "active": st.booleans(),
    "autostart": st.booleans(),
    "restart": st.sampled_from(["if_needed", "if_faster", "never"]),
}
_POOL = st.lists(st.sampled_from(["eth1", "eth2", "eth3"]), min_size=1, unique=True).map(
    lambda names: {"forward": {"mode": "private", "interfaces": names}}
)
DECLARED = st.fixed_dictionaries({"name": st.just("lan")}, optional=_OPTIONS) | st.builds(
    lambda pool, rest: {"name": "lan", **pool, **rest},
    _POOL,
    st.fixed_dictionaries(
        {}, optional={name: _OPTIONS[name] for name in ("title", "active", "autostart", "portgroups")}
    ),
)
EXAMPLES = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


# What other programs can have done to an active network, as far as a run repairs it.
REPAIRABLE = (Fault.BRIDGE, Fault.ADDRESS, Fault.DNSMASQ, Fault.PID_FILE, Fault.FIREWALL)


@st.composite
def _hosts(draw: st.DrawFn) -> FakeHost:
    """A host that has nothing, or a network that was declared, perhaps changed by other means, with guests."""
    host = FakeHost()
    if draw(st.booleans()):
        return host
    try:
        host.declare(draw(DECLARED))
        if draw(st.booleans()):
            host.declare({**draw(DECLARED), "restart": "never"})
    except VirtnetError:
        assume(False)
    kept = host.networks.kept["lan"]
    if kept.running is not None:
        if draw(st.booleans()):
            host.connect("lan", "g1")
        if draw(st.booleans()):
            host.connect("lan", "g2", connected=False)
        if draw(st.integers(0, 5)) == 0:
            kept.stored, kept.autostart = None, False
        if draw(st.booleans()):
            host.break_network("lan", *draw(st.lists(st.sampled_from(REPAIRABLE), unique=True)))
    host.networks.calls.clear()
    return host


CHANGE = DECLARED | st.just({"name": "lan", "state": "absent"})


def _possible(host: FakeHost, declared: dict[str, Any]) -> None:
    try:
        host.copy().declare(declared, check=True)
    except VirtnetError:
        assume(False)


@given(host=_hosts(), declared=CHANGE)
@EXAMPLES
def test_check_mode_predicts_a_run_and_the_next_changes_nothing(host: FakeHost, declared: dict[str, Any]) -> None:
    """Check mode changes nothing and shows what a run does; after that run there is nothing left to change."""
    _possible(host, declared)
    before = host.state()
    (predicted,) = host.declare(declared, check=True)
    assert host.state() == before and not host.networks.calls
    (real,) = host.declare(declared)
    assert real.actions == predicted.actions
    assert real.shown_after == predicted.shown_after
    assert [warning for warning in real.warnings if "made something else" in warning] == []
    assert host.remembered == {}
    (again,) = host.declare(declared)
    assert again.actions == [] and again.shown_before == again.shown_after == real.shown_after


@given(host=_hosts(), declared=CHANGE)
@EXAMPLES
def test_undone_when_any_call_fails(host: FakeHost, declared: dict[str, Any]) -> None:
    _possible(host, declared)
    before = host.state()
    undisturbed = host.copy()
    undisturbed.declare(declared)
    for number in range(1, len(undisturbed.networks.calls) + 1):
        failing = host.copy()
        failing.fail_at(number, HostError("it", "is broken"))
        with pytest.raises(ApplyError, match="is broken; the host is as it was"):
            failing.declare(declared)
        # a guest that was reconnected before the failure may stay so
        _guests_not_worse(before, failing)
        assert _without_guests(failing.state()) == _without_guests(before), failing.networks.calls
        assert failing.remembered == {}


def _without_guests(state: dict[str, Any]) -> dict[str, Any]:
    return {name: (_any_order(kept.stored), _any_order(kept.running), kept.autostart) for name, kept in state.items()}


def _any_order(network: Optional[Network]) -> Optional[Network]:
    """libvirt adds an interface only at the end, so one that was in the middle of a pool is last after an undo."""
    if network is None or not network.forward or not network.forward.interfaces:
        return network
    return replace(network, forward=replace(network.forward, interfaces=tuple(sorted(network.forward.interfaces))))


def _guests_not_worse(before: dict[str, Any], after: FakeHost) -> None:
    for name, kept in before.items():
        for was, now in zip(kept.guests, after.networks.kept[name].guests):
            assert now.connected or not was.connected, f"{now} has lost its network"


@given(host=_hosts(), declared=CHANGE)
@EXAMPLES
def test_killed_at_any_call(host: FakeHost, declared: dict[str, Any]) -> None:
    """The next run leads to the same state as a run that isn't killed."""
    _possible(host, declared)
    undisturbed = host.copy()
    undisturbed.declare(declared)
    for number in range(1, len(undisturbed.networks.calls) + 1):
        killed = host.copy()
        killed.fail_at(number, KilledError())
        with pytest.raises(KilledError):
            killed.declare(declared)
        killed.networks.strike = lambda _number, _call: None
        killed.declare(declared)
        assert killed.networks.problems == undisturbed.networks.problems
        assert killed.state() == undisturbed.state(), f"killed at {undisturbed.networks.calls[number - 1]}"
        assert killed.remembered == {}


IPS = [{"address": "192.168.150.1/24"}]
LAN = {"name": "lan", "forward": {"mode": "nat"}, "ips": IPS}


def _lan(**options: Any) -> FakeHost:
    host = FakeHost()
    host.declare({**LAN, **options})
    host.networks.calls.clear()
    return host


@pytest.mark.parametrize(
    ("declared", "method", "calls"),
    [
        ({}, "none", []),
        ({"title": "x"}, "stored", ["define lan"]),
        ({"dns": {"txt": [{"name": "a", "value": "b"}]}}, "live", ["update lan: add DNS TXT record a=b"]),
        ({"mtu": 1400}, "restarted", ["define lan", "stop lan", "start lan", "reconnect g1 to lan"]),
        ({"mtu": 1400, "restart": "never"}, "stored", ["define lan"]),
        ({"autostart": False}, "stored", ["autostart lan False"]),
    ],
)
def test_the_change_that_disturbs_guests_least(declared: dict[str, Any], method: str, calls: list[str]) -> None:
    host = _lan()
    host.connect("lan", "g1")
    (outcome,) = host.declare({"name": "lan", **declared})
    assert outcome.returned["method"] == method
    assert host.networks.calls == calls
    assert [guest["domain"] for guest in outcome.returned["guests"]] == (["g1"] if method == "restarted" else [])
    assert host.networks.kept["lan"].guests[0].connected


def test_a_guest_that_was_disconnected_by_other_means() -> None:
    host = _lan()
    host.connect("lan", "g1", connected=False)
    (outcome,) = host.declare({"name": "lan"})
    assert outcome.returned["method"] == "live" and outcome.shown_before["disconnected_guests"] == [
        "g1 (52:54:00:01:00:00)"
    ]
    assert outcome.actions == ["reconnect g1 (52:54:00:01:00:00) to network lan"]


@pytest.mark.parametrize(("options", "word"), [({"state": "absent"}, "removed"), ({"active": False}, "stopped")])
def test_a_network_with_running_guests_is_not_removed_or_stopped(options: dict[str, Any], word: str) -> None:
    host = _lan()
    host.connect("lan", "g1")
    with pytest.raises(
        VirtnetError, match=f"network lan can't be {word} while running guests are connected to it \\(g1 "
    ):
        host.declare({"name": "lan", **options})
    assert host.networks.calls == []


@pytest.mark.parametrize("active", [True, False])
def test_what_a_killed_run_had_still_to_do(active: bool) -> None:
    """It created the network, but hasn't set autostart yet: the next run knows that it has to."""
    host = FakeHost()
    host.fail_at(2, KilledError())
    with pytest.raises(KilledError):
        host.declare({**LAN, "active": active})
    host.networks.strike = lambda _number, _call: None
    host.declare({**LAN, **({"active": False} if not active else {})})
    kept = host.networks.kept["lan"]
    assert kept.autostart and (kept.running is not None) is active


def test_a_plan_knows_the_networks_that_are_planned_before_it() -> None:
    host = FakeHost()
    one = {"name": "one", "bridge": {"name": "br1"}, "ips": IPS}
    for two, option in (
        ({"name": "two", "bridge": {"name": "br1"}}, "bridge.name"),
        ({"name": "two", "ips": [{"address": "192.168.150.9/28"}]}, "ips[0].address"),
    ):
        with pytest.raises(OptionError) as error:
            host.declare(one, two)
        assert error.value.option == option
    host.declare(one)
    host.declare({"name": "two", "bridge": {"name": "br1"}, "ips": IPS}, {"name": "one", "state": "absent"})
    assert host.networks.names() == ["two"]


@pytest.mark.parametrize("left_to_the_host", [{"bridge": {}}, {"bridge": {"name": ""}}, {"mac": ""}, {"uuid": ""}])
def test_what_the_host_has_chosen_stays(left_to_the_host: dict[str, Any]) -> None:
    """An empty value lets the host choose, but not again where it has chosen."""
    host = _lan()
    before = host.state()
    (outcome,) = host.declare({**LAN, **left_to_the_host})
    assert outcome.actions == [] and host.state() == before


def test_a_mode_without_a_bridge_is_refused_while_guests_run() -> None:
    host = _lan()
    host.connect("lan", "g1")
    with pytest.raises(
        VirtnetError, match="network lan can't be changed to the mode private while running guests are connected"
    ):
        host.declare({"name": "lan", "forward": {"mode": "private", "interfaces": ["eth1"]}})
    assert host.networks.calls == []


def test_guests_on_the_hosts_own_bridge_stay_on_it() -> None:
    """A restart of the network does nothing to a bridge that isn't libvirt's: no guest is touched."""
    host = FakeHost()
    host.declare({"name": "lan", "forward": {"mode": "bridge"}, "bridge": {"name": "br0"}})
    host.connect("lan", "g1")
    (outcome,) = host.declare({"name": "lan", "bandwidth": {"inbound": {"average": 10}}})
    assert outcome.returned["method"] == "restarted" and outcome.returned["guests"] == []
    assert not any(call.startswith("reconnect") for call in host.networks.calls)


def test_from_nat_to_a_pool_no_option_of_the_bridge_stays() -> None:
    host = _lan(mtu=1400, dns={"enable": False})
    host.declare({"name": "lan", "forward": {"mode": "bridge", "interfaces": ["eth1"]}})
    stored = host.networks.kept["lan"].stored
    assert stored and stored.forward and stored.forward.interfaces == ("eth1",)
    assert (stored.bridge, stored.mac, stored.ips, stored.mtu, stored.dns) == (None,) * 5
