# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The contestants of the race of shapings: each gives an interface N classes with a queue and a filter, with its own means.

The bare script is one `tc -batch`, which removes the old tree first. It needs a kernel with fq_codel and flower: `--kind uml`.
"""

from __future__ import annotations

import json
from functools import partial

from .race import PACKAGES, Effort, Play, Race, Script, play

_DEVICE = "bench0"
_MOST_FOR_TCCONFIG = 50  # it starts Python for each rule, and tc several times


def _address(number: int) -> str:
    return f"10.9.{number // 256}.{number % 256}"


def _rates(count: int, last: int) -> list[int]:
    """The rates of the classes in Mbit/s, the last one of which is ``last``."""
    return [*[1] * (count - 1), last]


def tc_shaping(count: int, last: int = 1) -> Play:
    classes = [
        {"name": f"c{number}", "rate": f"{rate}mbit", "ceil": "10gbit", "queue": {"kind": "fq_codel"}}
        for number, rate in enumerate(_rates(count, last))
    ]
    filters = [{"class": f"c{number}", "destination": _address(number)} for number in range(count)]
    side = {"rate": "10gbit", "default": "c0", "classes": classes, "filters": filters}
    return play({"virtnet.kvm.tc_shaping": {"device": _DEVICE, "egress": side}})


def bare(count: int, last: int = 1) -> Effort:
    lines = [
        f"qdisc add dev {_DEVICE} root handle 1: htb",
        f"class add dev {_DEVICE} parent 1: classid 1:f htb rate 10gbit",
    ]
    for number, rate in enumerate(_rates(count, last)):
        minor = f"{number + 16:x}"
        lines += [
            f"class add dev {_DEVICE} parent 1:f classid 1:{minor} htb rate {rate}mbit ceil 10gbit quantum 1514",
            f"qdisc add dev {_DEVICE} parent 1:{minor} handle {minor}: fq_codel",
            f"filter add dev {_DEVICE} parent 1: protocol ip prio {number + 1} flower dst_ip {_address(number)} classid 1:{minor}",
        ]
    lines.append(f"filter add dev {_DEVICE} parent 1: protocol all prio 65000 u32 match u32 0 0 classid 1:10")
    return Script(f"tc qdisc del dev {_DEVICE} root 2>/dev/null; tc -batch -", "\n".join(lines) + "\n")


def tcconfig(count: int, last: int = 1) -> Effort | None:
    """Its file with rules, which replaces those of a device."""
    if count > _MOST_FOR_TCCONFIG:
        return None
    rates = enumerate(_rates(count, last))
    rules = {f"dst-network={_address(number)}/32, protocol=ip": {"rate": f"{rate}Mbps"} for number, rate in rates}
    command = (
        f"cat >/run/tcconfig.json; export PYTHONPATH={PACKAGES} PATH={PACKAGES}/bin:$PATH;"
        " tcset /run/tcconfig.json --import-setting --overwrite"
    )
    return Script(command, json.dumps({_DEVICE: {"outgoing": rules, "incoming": {}}}))


_CLEAN = f"""
rm -rf /var/lib/virtnet.kvm/shaping
ip link delete {_DEVICE} 2>/dev/null
ip link add {_DEVICE} type veth peer name bench1
ip link set {_DEVICE} up
exit 0
"""

SHAPINGS = Race(
    unit="queue with a class and a filter",
    base="`tc -batch`",
    contestants={"`tc -batch`": bare, "`tc_shaping`": tc_shaping, "tcconfig": tcconfig},
    clean=Script("bash -s", _CLEAN),
    start={"virtnet.kvm.tc_shaping": {"device": _DEVICE, "state": "absent"}},
    changed={
        "`tc -batch`": partial(bare, last=2),
        "`tc_shaping`": partial(tc_shaping, last=2),
        "tcconfig": partial(tcconfig, last=2),
    },
    packages=("tcconfig",),
)
