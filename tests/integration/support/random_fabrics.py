# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Fabrics made up by chance: networks, bridges and taps of few names, so that each run changes what the one before has made."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

NETWORKS = ("n0", "n1", "n2", "n3")
BRIDGES = ("b0", "b1", "b2")
TAPS = ("t0", "t1", "t2")
PORTS = ("p0", "p1", "p2", "p3")
# The other ends have a carrier, and the loops that bridges could make are none.
MAKE_PORTS = "; ".join(f"ip link add {name} type veth peer name q{name}; ip link set q{name} up" for name in PORTS)


def fabric(chance: random.Random) -> dict[str, Any]:
    """What a task says of all names: some are absent, the others have some of their options."""
    bridges = [name for name in BRIDGES if chance.random() < 0.7]
    taps = [name for name in TAPS if chance.random() < 0.6]
    master = {name: chance.choice(bridges) for name in taps if bridges and chance.random() < 0.6}
    free = [*PORTS, *taps]
    chance.shuffle(free)
    networks = [name for name in NETWORKS if chance.random() < 0.75]
    stored = {"persist": chance.choice(["none", "networkd"])}
    made = {name: _bridge(chance, name, free, master) for name in bridges}
    listed = {port["name"] for each in made.values() for port in each.get("ports", ())}
    return {
        "bridges": _items(BRIDGES, made, stored),
        "taps": _items(TAPS, {name: _tap(chance, name, master.get(name), listed) for name in taps}, stored),
        "networks": _items(NETWORKS, {name: _network(chance, name, bridges) for name in networks}, {}),
    }


def _items(names: Sequence[str], present: dict[str, dict[str, Any]], common: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, **common, **present.get(name, {"state": "absent"})} for name in names]


def _some(chance: random.Random, **options: Any) -> dict[str, Any]:
    """Some of the options; one of the values of each."""
    return {name: chance.choice(values) for name, values in options.items() if chance.random() < 0.4}


def _bridge(chance: random.Random, name: str, free: list[str], master: dict[str, str]) -> dict[str, Any]:
    number = BRIDGES.index(name)
    ports = [
        {"name": port, **_some(chance, cost=[1, 9, 100], hairpin=[True, False], isolated=[True, False])}
        for port in [free.pop() for _each in range(min(len(free), chance.randrange(3)))]
        if master.get(port, name) == name
    ]
    addresses = [[], [f"192.168.{20 + number}.2/24"], [f"192.168.{20 + number}.2/24", f"fd00:{20 + number}::2/64"]]
    options = _some(
        chance,
        mtu=[1400, 1500],
        stp=[True, False],
        ageing_time=[0, 60, 300],
        priority=[4096, 32768],
        mcast_snooping=[True, False],
        addresses=addresses,
        ipv6=[{"accept_ra": "never"}, {"accept_ra": "always"}],
        mac=[f"02:00:00:00:2{number}:01", f"02:00:00:00:2{number}:02"],
    )
    if options.get("addresses"):
        via = f"192.168.{20 + number}.1"
        options.update(_some(chance, routes=[[], [{"to": f"10.{20 + number}.0.0/16", "via": via}]], gateway=[via, ""]))
    return {**({"ports": ports} if chance.random() < 0.8 else {}), **options}


def _tap(chance: random.Random, name: str, bridge: str | None, listed: set[str]) -> dict[str, Any]:
    number = TAPS.index(name)
    alone = {} if bridge or name in listed else _some(chance, addresses=[[], [f"192.168.{30 + number}.2/24"]])
    port = {"bridge": bridge or ""} if bridge or name not in listed else {}
    return {**_some(chance, owner=["nobody", "root", ""], mtu=[1400, 1500], up=[True, False]), **alone, **port}


def _network(chance: random.Random, name: str, bridges: Sequence[str]) -> dict[str, Any]:
    number = NETWORKS.index(name)
    common = _some(chance, active=[True, True, False], autostart=[True, False])
    modes = ["nat", "nat", "route", "open", "none", *(["bridge"] if bridges else [])]
    mode = chance.choice(modes)
    if mode == "bridge":
        return {**common, "forward": {"mode": "bridge"}, "bridge": {"name": chance.choice(bridges)}}
    return {
        **common,
        "forward": {"mode": mode},
        **_some(
            chance,
            mtu=[1400, 1500],
            ipv6=[True, False],
            domain=[{"name": "lan.example"}, {"name": "other.example", "local_only": True}],
            dns=[_dns(chance), {"enable": False}],
            bridge=[{"name": f"virbr-{name}", "stp": True}, {"name": f"virbr-{name}", "stp": False}, {"delay": 2}],
        ),
        "ips": _ips(chance, number),
    }


def _dns(chance: random.Random) -> dict[str, Any]:
    hosts = [{"ip": f"192.168.150.{n}", "names": [f"h{n}"]} for n in range(1, 6) if chance.random() < 0.5]
    return {"hosts": hosts, **_some(chance, txt=[[], [{"name": "a", "value": "b"}]])}


def _ips(chance: random.Random, number: int) -> list[dict[str, Any]]:
    subnet = f"192.168.{150 + number}"
    hosts = [
        {"mac": f"52:54:00:00:0{number}:{n:02x}", "ip": f"{subnet}.{10 + (n + chance.randrange(3)) % 8}"}
        for n in range(8)
    ]
    chosen = {each["ip"]: each for each in hosts if chance.random() < 0.6}
    dhcp = {
        "ranges": [{"start": f"{subnet}.{chance.choice([100, 110])}", "end": f"{subnet}.199"}],
        **_some(chance, hosts=[list(chosen.values())]),
    }
    first = {"address": f"{subnet}.1/24", **_some(chance, dhcp=[dhcp])}
    second = {"address": f"fd00:{150 + number}::1/64"}
    return [first, *([second] if chance.random() < 0.3 else [])]
