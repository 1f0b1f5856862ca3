# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The contestants of the bridges' race: each makes N bridges with a tap each, all of them up.

Bridges are `bench1` ... `benchN`, their taps `tbench1` ... `tbenchN`. Nothing is made to last over a reboot, as only one of
them could.
"""

from __future__ import annotations

from typing import Any

from .race import Play, Race, Script, play


def fabric(count: int) -> Play:
    numbers = range(1, count + 1)
    bridges = [{"name": f"bench{n}", "ports": [{"name": f"tbench{n}"}], "persist": "none"} for n in numbers]
    taps = [{"name": f"tbench{n}", "persist": "none"} for n in numbers]
    return play({"virtnet.kvm.fabric": {"bridges": bridges, "taps": taps}})


def modules_loop(count: int) -> Play:
    numbers = range(1, count + 1)
    taps = [{"name": f"tbench{n}", "persist": "none"} for n in numbers]
    bridges = [{"name": f"bench{n}", "ports": [{"name": f"tbench{n}"}], "persist": "none"} for n in numbers]
    label = {"loop_control": {"label": "{{ item.name }}"}}
    return play(
        {"virtnet.kvm.tuntap": "{{ item }}", "loop": taps, **label},
        {"virtnet.kvm.linux_bridge": "{{ item }}", "loop": bridges, **label},
    )


def commands(count: int) -> Play:
    """What people write who have no module; ``creates`` is what makes their second run one without changes."""
    each = {"loop": list(range(1, count + 1))}
    net = "/sys/class/net"

    def run(words: str, creates: str) -> dict[str, Any]:
        return {"ansible.builtin.command": {"cmd": f"ip {words}", "creates": f"{net}/{creates}"}, **each}

    return play(
        run("link add bench{{ item }} up type bridge", "bench{{ item }}"),
        run("tuntap add tbench{{ item }} mode tap", "tbench{{ item }}"),
        run("link set tbench{{ item }} master bench{{ item }} up", "bench{{ item }}/brif/tbench{{ item }}"),
    )


def batch(count: int) -> Script:
    """It knows no second run: with ``-force`` it goes on where all is there already."""
    lines = []
    for n in range(1, count + 1):
        lines.append(f"link add bench{n} up type bridge")
        lines.append(f"tuntap add tbench{n} mode tap")
        lines.append(f"link set tbench{n} master bench{n} up")
    return Script("ip -force -batch - || true", "\n".join(lines) + "\n")


def bare(count: int) -> Script:
    """pyroute2 with nothing around it: what is there already is compared by its name and its master only."""
    source = f"""
from pyroute2 import IPRoute

def look():
    return {{link.get_attr("IFLA_IFNAME"): link for link in channel.get_links()}}

with IPRoute() as channel:
    there = look()
    fresh = False
    for n in range(1, {count} + 1):
        if f"bench{{n}}" not in there:
            channel.link("add", ifname=f"bench{{n}}", kind="bridge", state="up")
            fresh = True
        if f"tbench{{n}}" not in there:
            channel.link("add", ifname=f"tbench{{n}}", kind="tuntap", mode="tap")
            fresh = True
    if fresh:
        there = look()
    for n in range(1, {count} + 1):
        bridge, tap = there[f"bench{{n}}"], there[f"tbench{{n}}"]
        if tap.get_attr("IFLA_MASTER") != bridge["index"]:
            channel.link("set", index=tap["index"], master=bridge["index"], state="up")
"""
    return Script("/usr/bin/python3 -", source)


CLEAN = """
from pyroute2 import IPRoute

with IPRoute() as channel:
    for link in channel.get_links():
        if link.get_attr("IFLA_IFNAME").startswith(("bench", "tbench")):
            channel.link("del", index=link["index"])
"""

BRIDGES = Race(
    unit="bridge with a tap",
    base="bare pyroute2 script",
    contestants={
        "`ip -batch`": batch,
        "bare pyroute2 script": bare,
        "`fabric`": fabric,
        "`tuntap` and `linux_bridge` in loops": modules_loop,
        "`ansible.builtin.command: ip ...` in loops": commands,
    },
    clean=Script("/usr/bin/python3 -", CLEAN),
)
