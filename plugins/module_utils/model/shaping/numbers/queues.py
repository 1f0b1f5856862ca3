# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queueing disciplines that packets wait in: from options to the kernel's numbers, and back.

What is left out has the kernel's default, which is written here, because a change leaves the other settings as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Optional

from ....errors import OptionError
from ..options import ACK_FILTER, DIFFSERV, ISOLATION, Queue
from . import units
from .tree import Values, values

_CODEL = 10  # CODEL_SHIFT of the kernel's net/codel.h: a unit is 1024 ns
_LONGEST = 1000  # packets in a queue without another limit
_MOST = (1 << 32) - 1
MS = 1_000_000


@dataclass(frozen=True)
class Device:
    """What the numbers of a queue depend on: the largest frame of the interface in bytes."""

    mtu: int = 1500

    @property
    def frame(self) -> int:
        return self.mtu + 14


# The options that a queue of a kind may have, besides the kind.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "fq_codel": ("limit", "flows", "target", "interval", "quantum", "ecn", "memory_limit"),
    "sfq": ("limit", "quantum", "perturb"),
    "pfifo": ("limit",),
    "bfifo": ("limit",),
    "tbf": ("rate", "burst", "latency", "limit"),
    "cake": ("rate", "diffserv", "isolation", "rtt", "nat", "wash", "ack_filter"),
}
# What the kernel can't change in place (sfq_change and fq_codel_change refuse it, or an option of it).
REMADE: Mapping[str, tuple[str, ...]] = {"sfq": ("limit", "quantum", "perturb"), "fq_codel": ("flows",)}


def _count(queue: Queue, default: int, least: int = 1, most: int = _MOST) -> int:
    if queue.limit is None:
        return default
    if not re.fullmatch(r"\d{1,10}", queue.limit) or not least <= int(queue.limit) <= most:
        problem = f"can't be the limit of {queue.kind}; give a number of packets from {least} to {most}"
        raise OptionError("limit", queue.limit, problem)
    return int(queue.limit)


def _size(queue: Queue, default: int) -> int:
    if queue.limit is None:
        return default
    try:
        return units.size_bytes(queue.limit)
    except ValueError as error:
        raise OptionError("limit", queue.limit, str(error)) from None


def _codel(text: Optional[str], default: int) -> int:
    """Returns a time in CoDel's units."""
    return (units.nanoseconds(text) if text else default) // 1000 * 1000 >> _CODEL


def _fq_codel(queue: Queue, device: Device) -> dict[str, int]:
    return {
        "limit": _count(queue, 10240),
        "flows": queue.flows or 1024,
        "target": _codel(queue.target, 5 * MS),
        "interval": _codel(queue.interval, 100 * MS),
        "quantum": max(256, queue.quantum or device.frame),
        "ecn": int(queue.ecn is not False),
        "memory_limit": units.size_bytes(queue.memory_limit) if queue.memory_limit else 32 << 20,
    }


def _sfq(queue: Queue, device: Device) -> dict[str, int]:
    return {
        "limit": _count(queue, 127, 2, 127),
        "quantum": queue.quantum or device.frame,
        "perturb": queue.perturb or 0,
    }


def _pfifo(queue: Queue, _device: Device) -> dict[str, int]:
    return {"limit": _count(queue, _LONGEST)}


def _bfifo(queue: Queue, device: Device) -> dict[str, int]:
    return {"limit": _size(queue, _LONGEST * device.frame)}


def _tbf(queue: Queue, device: Device) -> dict[str, int]:
    if queue.rate is None:
        raise OptionError("rate", None, "is missing; tbf needs one")
    if queue.latency and queue.limit:
        raise OptionError("latency", queue.latency, "can't be given beside a limit; give one of them")
    rate = units.bytes_per_second(queue.rate)
    burst = burst_ticks(queue.burst, rate, device)
    latency = units.nanoseconds(queue.latency) if queue.latency else 50 * MS
    limit = _size(queue, min(_MOST, rate * latency // units.SECOND + units.bytes_in(burst, rate)))
    return {"rate": rate, "burst": burst, "limit": limit}


def _cake(queue: Queue, _device: Device) -> dict[str, int]:
    rtt = max(1, (units.nanoseconds(queue.rtt) if queue.rtt else 100 * MS) // 1000)
    return {
        "rate": units.bytes_per_second(queue.rate) if queue.rate else 0,
        "diffserv": DIFFSERV.index(queue.diffserv or DIFFSERV[0]),
        "isolation": ISOLATION.index(queue.isolation or ISOLATION[-1]),
        "rtt": rtt,
        "target": max(1, rtt // 20),
        "nat": int(bool(queue.nat)),
        "wash": int(bool(queue.wash)),
        "ack_filter": ACK_FILTER.index(queue.ack_filter or ACK_FILTER[0]),
    }


_BUILD: Mapping[str, Callable[[Queue, Device], dict[str, int]]] = {
    "fq_codel": _fq_codel,
    "sfq": _sfq,
    "pfifo": _pfifo,
    "bfifo": _bfifo,
    "tbf": _tbf,
    "cake": _cake,
}


def burst_ticks(text: Optional[str], rate: int, device: Device) -> int:
    """Returns a burst in ticks; by default what passes in 4 ms, and two frames at least. Raises `OptionError`."""
    if text is None:
        size = max(2 * device.frame, rate * 4 * MS // units.SECOND)
        return units.ticks_for(min(size, units.bytes_in(units.MOST_TICKS, rate)), rate)
    found = units.ticks_for(units.size_bytes(text), rate)
    if found > units.MOST_TICKS:
        problem = f"takes longer than 274 s at {units.rate_text(rate)}; give a smaller one"
        raise OptionError("burst", text, problem)
    return found


def queue_values(queue: Queue, device: Device) -> Values:
    """Returns the numbers of a queue. Raises `OptionError`."""
    kind = queue.kind or ""
    for name in ("limit", *sorted({name for names in FIELDS.values() for name in names} - {"limit"})):
        given = getattr(queue, name)
        if given is not None and name not in FIELDS[kind]:
            raise OptionError(name, given, f"is no option of {kind}, which has {', '.join(FIELDS[kind])}; leave it out")
    return values(_BUILD[kind](queue, device))


def _codel_text(value: int) -> str:
    """Returns the shortest whole number of microseconds that gives the unit again."""
    return units.time_text(-(-(value << _CODEL) // 1000) * 1000)


def queue_of(kind: str, held: Mapping[str, int]) -> Queue:
    """Returns the options of a queue that the kernel has."""
    get = held.get
    if kind == "fq_codel":
        return Queue(
            kind=kind,
            limit=str(get("limit", 0)),
            flows=get("flows"),
            target=_codel_text(get("target", 0)),
            interval=_codel_text(get("interval", 0)),
            quantum=get("quantum"),
            ecn=bool(get("ecn")),
            memory_limit=units.size_text(get("memory_limit", 0)),
        )
    if kind == "sfq":
        return Queue(kind=kind, limit=str(get("limit", 0)), quantum=get("quantum"), perturb=get("perturb"))
    if kind == "tbf":
        rate = get("rate", 0)
        burst = units.size_text(units.bytes_in(get("burst", 0), rate))
        return Queue(kind=kind, rate=units.rate_text(rate), burst=burst, limit=units.size_text(get("limit", 0)))
    if kind == "cake":
        return Queue(
            kind=kind,
            rate=units.rate_text(get("rate", 0)) if get("rate") else None,
            diffserv=DIFFSERV[get("diffserv", 0) % len(DIFFSERV)],
            isolation=ISOLATION[get("isolation", 0) % len(ISOLATION)],
            rtt=units.time_text(get("rtt", 0) * 1000),
            nat=bool(get("nat")),
            wash=bool(get("wash")),
            ack_filter=ACK_FILTER[get("ack_filter", 0) % len(ACK_FILTER)],
        )
    return Queue(kind=kind, limit=units.size_text(get("limit", 0)) if kind == "bfifo" else str(get("limit", 0)))
