# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What the kernel changes by itself in the minute after a run: a further run has nothing to change, whatever the order."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from integration.support.host import Host

NONE = {"persist": "none"}
MTUS = (1300, 1400, 1500, 1600)
_FABRICS = 12


def _ports(netns: str) -> str:
    """Four ports, of which the machine at the other end is up."""
    lines = [f"ip netns add {netns}", f"ip -n {netns} link set lo up"]
    for number in range(4):
        lines.append(
            f"ip -n {netns} link add p{number} mtu {MTUS[number]} type veth peer name q{number} mtu {MTUS[number]}"
        )
        lines += [f"ip -n {netns} link set {name}{number} up" for name in "pq"]
    return "; ".join(lines)


def _fabric(seed: int, netns: str) -> list[dict[str, Any]]:
    """Two fabrics for one namespace, the second one with other ports and settings."""
    chosen = random.Random(seed)

    def maybe(options: dict[str, Any], name: str, *values: Any) -> None:
        if chosen.random() < 0.5:
            options[name] = chosen.choice(values)

    found = []
    for _turn in range(2):
        bridges, taps = [], []
        for number in range(2):
            bridge: dict[str, Any] = {"name": f"br{number}", "netns": netns, **NONE}
            own = chosen.sample([2 * number, 2 * number + 1], chosen.randint(0, 2))
            bridge["ports"] = [{"name": f"p{port}"} for port in own]
            maybe(bridge, "mtu", *MTUS)
            maybe(bridge, "mac", f"02:00:00:00:0{number}:01", f"02:00:00:00:0{number}:ff")
            maybe(bridge, "ageing_time", 0, 20, 77)
            maybe(bridge, "stp", True, True, False)
            if bridge.get("stp"):
                maybe(bridge, "forward_delay", 4, 10)
            maybe(bridge, "mcast_querier", True, False)
            maybe(bridge, "addresses", [f"10.7{number}.0.2/24", f"fd00:7{number}::2/64"])
            bridges.append(bridge)
        for number in range(2):
            tap: dict[str, Any] = {"name": f"t{number}", "netns": netns, **NONE, "bridge": f"br{chosen.randrange(2)}"}
            maybe(tap, "mtu", *MTUS)
            taps.append(tap)
        chosen.shuffle(bridges)
        found.append({"bridges": bridges, "taps": taps})
    return found


def _shown(host: Host, netns: str) -> dict[str, Any]:
    links = json.loads(host.shell(f"ip -n {netns} -j link show"))
    return {link["ifname"]: (link["mtu"], link["address"]) for link in links if link["ifname"] != "lo"}


@pytest.mark.once("bookworm")
def test_random_fabrics_a_minute_later(clean: Host) -> None:
    """Each is applied, changed, and then applied again at once, after 10 and after 60 seconds."""
    fabrics: dict[str, dict[str, Any]] = {}
    for seed in range(_FABRICS):
        netns = f"f{seed}"
        clean.shell(_ports(netns))
        for args in _fabric(seed, netns):
            predicted = clean.ok("fabric", args, check=True)
            real = clean.ok("fabric", args)
            assert predicted["actions"] == real["actions"], f"seed {seed}"
            assert predicted["diff"] == real["diff"], f"seed {seed}"
            again = clean.ok("fabric", args)
            assert not again["changed"], f"seed {seed}: {again['actions']}: {args}"
            fabrics[netns] = args
    begun = time.monotonic()
    for seconds in (10, 45, 60):
        clean.shell(f"sleep {max(0.0, begun + seconds - time.monotonic()):.1f}")
        for netns, args in fabrics.items():
            again = clean.ok("fabric", args)
            assert not again["changed"], f"{netns} after {seconds} s: {again['actions']}: {args}"
    for netns, args in fabrics.items():
        shown = _shown(clean, netns)
        for bridge in args["bridges"]:
            mtu, mac = shown[bridge["name"]]
            assert bridge.get("mtu") in (None, mtu) and bridge.get("mac") in (None, mac), f"{netns}: {bridge}"


@pytest.mark.parametrize("together", [True, False])
def test_an_mtu_that_equals_the_present_one(clean: Host, together: bool) -> None:
    """A port with a smaller MTU that joins later doesn't change it, whatever task it is of."""
    clean.shell("ip link add p7 mtu 1450 type veth peer name q7; ip link set q7 up")
    bridge = {**NONE, "name": "br7", "mtu": 1500}
    tap = {**NONE, "name": "tap7", "mtu": 1400, "bridge": "br7"}
    if together:
        args = {"bridges": [bridge], "taps": [tap]}
        clean.ok("fabric", args)
        assert not clean.ok("fabric", args)["changed"]
    else:
        clean.ok("linux_bridge", bridge)
        clean.ok("tuntap", tap)
        clean.ok("linux_bridge", {**NONE, "name": "br7", "ports": [{"name": "p7"}]})
        assert not clean.ok("linux_bridge", bridge)["changed"]
        assert not clean.ok("tuntap", tap)["changed"]
    assert clean.shell("cat /sys/class/net/br7/mtu").strip() == "1500"


@pytest.mark.kernel("trixie_uml")
def test_an_mtu_of_a_vlan_on_a_bridge(clean: Host) -> None:
    """The kernel lowers it with that of the bridge, and doesn't raise it again."""
    clean.shell("ip link add p7 mtu 1450 type veth peer name q7; ip link set q7 up; ip link set p7 up")
    clean.shell("ip link add br7 type bridge; ip link set br7 up")
    vlan = {**NONE, "name": "br7.5", "parent": "br7", "id": 5, "mtu": 1500}
    clean.ok("vlan_iface", vlan)
    args = {
        "bridges": [{**NONE, "name": "br7", "mtu": 1500, "ports": [{"name": "p7"}]}],
        "vlans": [vlan],
        "taps": [{**NONE, "name": "tap7", "mtu": 1400, "bridge": "br7"}],
    }
    clean.ok("fabric", args)
    assert not clean.ok("fabric", args)["changed"]
    clean.ok("fabric", {"bridges": [{**NONE, "name": "br7", "ports": []}]})
    assert not clean.ok("vlan_iface", vlan)["changed"]


def test_an_ageing_time_while_a_topology_settles(clean: Host) -> None:
    """The kernel shows another one meanwhile: one that is declared is set once, and another one is set at any time."""
    clean.shell("ip link add p7 type veth peer name q7; ip link set p7 up; ip link set q7 up")
    args = {**NONE, "name": "br7", "stp": True, "forward_delay": 2, "ageing_time": 77, "ports": [{"name": "p7"}]}
    clean.ok("linux_bridge", args)
    clean.until("ip -d -j link show br7 | grep -q '\"ageing_time\":400,'")
    assert not clean.ok("linux_bridge", args)["changed"]
    assert clean.ok("linux_bridge_info", {"name": ["br7"]})["bridges"][0]["definition"]["ageing_time"] == 77
    assert clean.ok("linux_bridge", {**args, "ageing_time": 0})["actions"] == ["set ageing_time=0 on br7"]
    assert not clean.ok("linux_bridge", {**args, "ageing_time": 0})["changed"]
