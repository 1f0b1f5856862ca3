# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of traffic control (tcmsg of linux/rtnetlink.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ...model.shaping.steps import Counters
from ..netlink.channel import Channel, attribute, attributes

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS = 40, 41, 42
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46

_MESSAGE = struct.Struct("=BxxxiIII")  # family, interface, handle, parent, info
_KIND, _OPTIONS, _STATS2, _CHAIN = 1, 2, 7, 11
_BASIC, _QUEUE = 1, 3  # TCA_STATS_*
_ALL = struct.unpack("=H", struct.pack(">H", 3))[0]  # ETH_P_ALL, in network order


@dataclass(frozen=True)
class Found:
    """One queueing discipline, class or filter of a dump."""

    index: int
    handle: int
    parent: int
    info: int
    kind: str
    options: bytes
    counters: Counters


def message(
    index: int, handle: int = 0, parent: int = 0, kind: str = "", options: bytes = b"", *, priority: int = 0
) -> bytes:
    """Returns the body of a message; with a ``priority`` it is one about a filter."""
    info = priority << 16 | _ALL if priority else 0
    body = _MESSAGE.pack(0, index, handle, parent, info)
    if kind:
        body += attribute(_KIND, kind.encode() + b"\0") + attribute(_OPTIONS, options)
    return body


def dump(channel: Channel, doing: str, what: int, index: int, parent: int = 0) -> Iterator[Found]:
    """Yields what an interface has of a type of thing. Raises `HostError`."""
    for _kind, answer in channel.dump(doing, what, _MESSAGE.pack(0, index, 0, parent, 0)):
        _family, found, handle, above, info = _MESSAGE.unpack_from(answer)
        held = attributes(answer, _MESSAGE.size)
        if found != index or any(held.get(_CHAIN, b"")):
            continue
        kind = held.get(_KIND, b"").rstrip(b"\0").decode()
        yield Found(found, handle, above, info, kind, held.get(_OPTIONS, b""), _counters(held.get(_STATS2, b"")))


def _counters(payload: bytes) -> Counters:
    held = attributes(payload)
    basic, queue = held.get(_BASIC, b""), held.get(_QUEUE, b"")
    count, packets = struct.unpack_from("=QI", basic) if len(basic) >= 12 else (0, 0)
    waiting, backlog, drops, requeues, overlimits = (
        struct.unpack_from("=IIIII", queue) if len(queue) >= 20 else (0,) * 5
    )
    return Counters(count, packets, drops, overlimits, requeues, backlog, waiting)
