# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The life of a bridge: created, found as it is, changed in place under its guests, removed."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.cases_interfaces import PORTS
from integration.support.checks import converge, refused
from integration.support.guests import Ping, guest_on, reaches
from integration.support.host import Host
from integration.support.wires import tap


def _bridge(host: Host, *, changed: bool | None = True, **options: Any) -> dict[str, Any]:
    return converge(host, {"name": "br7", "persist": "none", **options}, module="linux_bridge", changed=changed)


def _ports(host: Host, bridge: str = "br7") -> set[str]:
    return {name for name, each in host.interfaces()["interfaces"].items() if each["master"] == bridge}


@pytest.mark.kernel
def test_created_and_removed_with_vlans(clean: Host) -> None:
    """On Debian's own kernel and pyroute2, once."""
    _created_and_removed(clean)


def test_created_and_removed(clean: Host) -> None:
    _created_and_removed(clean)


def _created_and_removed(host: Host) -> None:
    host.shell(PORTS)
    before = host.interfaces()
    created = _bridge(host, ports=[{"name": "p0"}], addresses=["192.168.20.2/24"], stp=True)
    assert created["method"] == "created" and created["persist"] == "none" and created["files"] == []
    assert created["before"] == {"name": "br7", "state": "absent"}
    assert created["interface"]["name"] == "br7"
    found = host.interfaces()["interfaces"]
    assert found["br7"]["kind"] == "bridge" and found["br7"]["up"] and found["p0"]["master"] == "br7"
    removed = _bridge(host, state="absent")
    assert removed["method"] == "removed" and removed["interface"] is None
    assert host.interfaces() == before
    assert _bridge(host, state="absent", changed=False)["method"] == "none"


def test_only_the_name(clean: Host) -> None:
    """The least that can be said makes a bridge that is up; what the kernel has made up is not in `after`."""
    assert _bridge(clean)["after"] == {"name": "br7", "state": "present", "up": True}
    found = clean.interfaces()["interfaces"]["br7"]
    assert found["up"] and found["settings"]["stp_state"] == 0 and found["addresses"] == []


def test_nothing_stores_it_where_no_tool_is_in_charge(clean: Host) -> None:
    for _again in range(2):
        result = clean.ok("linux_bridge", {"name": "br7"})
        assert result["persist"] == "none" and any("reboot" in str(warning) for warning in result["warnings"])
    assert not clean.ok("linux_bridge", {"name": "br7", "persist": "none"}).get("warnings")


def test_what_is_left_out_is_left_alone(clean: Host) -> None:
    """A bridge that someone else has made stays as it is, down too, but for what is said."""
    clean.shell(
        f"{PORTS}; ip link add br7 address 02:00:00:00:00:07 mtu 1400 type bridge stp_state 1 ageing_time 6000 priority 7;"
        "ip link set p0 master br7; bridge link set dev p0 cost 7 hairpin on;"
        "ip address add 192.168.20.2/24 dev br7; sysctl -qw net.ipv6.conf.br7.accept_ra=0"
    )
    before = clean.interfaces()["interfaces"]
    _bridge(clean, changed=False)
    _bridge(clean, hello_time=1)
    found = clean.interfaces()["interfaces"]
    before["br7"]["settings"]["hello_time"] = 100
    assert found == before


def test_guests_taps_stay(clean: Host) -> None:
    """A TAP device that nobody lists is a guest's; only one who says so takes it away."""
    clean.shell(f"{PORTS}; ip tuntap add mode tap name idle")
    with tap(clean, "vnet7"):
        _bridge(clean, ports=[{"name": "p0"}])
        clean.shell("ip link set vnet7 master br7; ip link set idle master br7; bridge link set dev vnet7 cost 7")
        _bridge(clean, ports=[{"name": "p0"}], changed=False)
        assert _bridge(clean, ports=[{"name": "p1"}])["actions"]
        assert _ports(clean) == {"p1", "vnet7", "idle"}
        _bridge(clean, ports=[])
        assert _ports(clean) == {"vnet7", "idle"}
        # one that is listed is as it is said
        _bridge(clean, ports=[{"name": "vnet7", "cost": 8}])
        assert _ports(clean) == {"vnet7", "idle"}
        # nor is the bridge taken from it
        refused(clean, {"name": "br7", "state": "absent"}, "br7", "vnet7", "purge_taps", module="linux_bridge")
        _bridge(clean, ports=[], purge_taps=True)
        assert _ports(clean) == set()
        clean.shell("ip link set vnet7 master br7")
        assert _bridge(clean, state="absent", purge_taps=True)["method"] == "removed"


def test_a_guest_goes_on(clean: Host) -> None:
    """A real guest on the bridge notices nothing of what is changed below it."""
    clean.shell(PORTS)
    _bridge(clean, addresses=["192.168.20.2/24"])
    clean.net(name="office", forward={"mode": "bridge"}, bridge={"name": "br7"})
    with guest_on(clean, "office", ip="192.168.20.77/24") as guest:
        reaches(clean, "192.168.20.77", seconds=90)
        with Ping(clean, "192.168.20.77") as ping:
            _bridge(clean, ports=[{"name": "p0"}])
            _bridge(clean, ports=[{"name": "p1"}], ageing_time=60, mcast_snooping=False)
            _bridge(clean, ports=[], addresses=["192.168.20.2/24", "fd00:20::2/64"])
        assert ping.lost == 0, ping.log
        assert _ports(clean) == {guest.ifname()}


def test_changed_by_other_hands(clean: Host) -> None:
    """Whatever of it was changed by others is put right, and nothing else is touched."""
    clean.shell(PORTS)
    wanted: dict[str, Any] = {
        "ports": [{"name": "p0", "cost": 9}, {"name": "p1"}],
        "addresses": ["192.168.20.2/24", "fd00:20::2/64"],
        "routes": [{"to": "10.9.0.0/16", "via": "192.168.20.1", "metric": 9}],
        "ageing_time": 60,
        "ipv6": {"accept_ra": "never"},
        "mtu": 1400,
        "up": True,
    }
    _bridge(clean, **wanted)
    made = clean.interfaces()
    for drift in (
        "ip link set p1 nomaster",
        "ip link set p2 master br7",
        "bridge link set dev p0 cost 10",
        "ip address del 192.168.20.2/24 dev br7",
        "ip address add 192.168.21.2/24 dev br7",
        "ip route del 10.9.0.0/16",
        "ip route add 10.8.0.0/16 via 192.168.20.1",
        "ip link set br7 down",
        "ip link set br7 type bridge ageing_time 1000",
        "ip link set br7 mtu 1300",
        "sysctl -qw net.ipv6.conf.br7.accept_ra=1",
        "sysctl -qw net.ipv6.conf.br7.disable_ipv6=1; sysctl -qw net.ipv6.conf.br7.disable_ipv6=0",
    ):
        clean.shell(drift)
        assert clean.interfaces() != made, drift
        assert _bridge(clean, **wanted)["method"] == "changed"
        assert clean.interfaces() == made, drift


def test_a_route_from_an_address_of_ipv6(clean: Host) -> None:
    """The kernel takes an address for a route's source only when it has seen that nobody else has it."""
    clean.shell(PORTS)
    _bridge(
        clean,
        ports=[{"name": "p0"}],
        addresses=["fd00:20::2/64"],
        routes=[{"to": "fd00:98::/64", "via": "fd00:20::9", "source": "fd00:20::2"}],
    )


@pytest.mark.parametrize("netns", ["inner", "/run/netns/inner"])
def test_in_a_namespace(clean: Host, netns: str) -> None:
    clean.shell("ip netns add inner; ip -n inner link add p0 type veth peer name q0; ip link add p0 type bridge")
    outside = clean.interfaces()
    args = {"netns": netns, "ports": [{"name": "p0"}], "addresses": ["192.168.20.2/24"], "ipv6": {"accept_ra": "never"}}
    result = converge(clean, {"name": "br7", **args}, module="linux_bridge", changed=True)
    assert result["persist"] == "none" and not result.get("warnings")
    inside = clean.interfaces("inner")["interfaces"]
    assert inside["p0"]["master"] == "br7" and inside["br7"]["ipv6"]["accept_ra"] == 0
    assert clean.interfaces() == outside
    converge(clean, {"name": "br7", "netns": netns, "state": "absent"}, module="linux_bridge", changed=True)
    assert "br7" not in clean.interfaces("inner")["interfaces"] and clean.interfaces() == outside


def test_two_runs_at_once(clean: Host) -> None:
    """The second waits for the first, and finds what that has made."""
    clean.shell(PORTS)
    wanted = {"name": "br7", "persist": "none", "ports": [{"name": "p0"}], "addresses": ["192.168.20.2/24"]}
    for agent in (0, 1):
        clean.start_module("linux_bridge", wanted, agent=agent)
    results = [clean.end_module(agent) for agent in (0, 1)]
    assert not any(result.get("failed") for result in results), results
    assert sorted(result["changed"] for result in results) == [False, True]


def test_what_a_port_leaves_out(clean: Host) -> None:
    """A port that is listed by its name alone keeps how it is treated."""
    clean.shell(
        f"{PORTS}; ip link add br7 type bridge; ip link set p0 master br7; bridge link set dev p0 cost 7 hairpin on"
    )
    before = clean.interfaces()["interfaces"]["p0"]
    _bridge(clean, ports=[{"name": "p1"}, {"name": "p0"}])
    assert clean.interfaces()["interfaces"]["p0"] == before
    _bridge(clean, ports=[{"name": "p0", "hairpin": False}, {"name": "p1"}])
    found = clean.interfaces()["interfaces"]["p0"]["port"]
    assert found["cost"] == 7 and found["hairpin"] is False


@pytest.mark.each
def test_timers_where_another_bridge_is_the_root(clean: Host) -> None:
    """A bridge uses the timers of its root bridge, and the kernel shows these; its own are what counts."""
    clean.shell(
        "ip link add d7 type bridge stp_state 1 priority 4096 hello_time 100 max_age 1000 forward_delay 500 && ip link set d7 up"
        " && ip link add p0 up type veth peer name p1 && ip link set p1 up master d7"
    )
    timers: dict[str, Any] = {"hello_time": 3, "max_age": 22, "forward_delay": 7, "ageing_time": 77}
    bridge: dict[str, Any] = {"ports": [{"name": "p0"}], "stp": True}
    try:
        clean.ok("linux_bridge", {"name": "br7", "persist": "none", **bridge, **timers})
        in_use = "ip -d link show br7 | grep -o 'forward_delay 500 hello_time 100 max_age 1000'"
        clean.shell(f"for i in $(seq 100); do {in_use} && exit; sleep 0.1; done; exit 1")
        found = _bridge(clean, changed=False, **bridge, **timers)["before"]
        assert {name: found[name] for name in timers} == timers
        _bridge(clean, **bridge, **{**timers, "max_age": 30})
        clean.shell("ip link delete p0")
        assert "max_age 3000" in clean.shell("ip -d link show br7")
    finally:
        clean.shell("ip link delete d7; ip link delete br7; ip link delete p0; true")
