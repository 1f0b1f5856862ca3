# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the shaping of one interface.

An item of a list is complete: what is left out of it has its default. A side (``egress``, ``ingress``) is merged into the
one that was declared before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from .. import values
from ..fields import option
from .numbers import units

SIDES = ("egress", "ingress")
QUEUES = ("fq_codel", "sfq", "pfifo", "bfifo", "tbf", "cake")
DISTRIBUTIONS = ("uniform", "normal", "pareto", "paretonormal")
DIFFSERV = ("diffserv3", "diffserv4", "diffserv8", "besteffort", "precedence")
ISOLATION = ("flowblind", "srchost", "dsthost", "hosts", "flows", "dual-srchost", "dual-dsthost", "triple-isolate")
ACK_FILTER = ("no", "yes", "aggressive")
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmpv6": 58, "udplite": 136, "gre": 47, "esp": 50, "ah": 51}
FAMILIES = ("ipv4", "ipv6")
# RFC 2474, 2597, 3246, 5865 and 8622, as /etc/iproute2/rt_dsfield has them.
DSCP = {
    **{f"cs{number}": 8 * number for number in range(8)},
    **{f"af{kind}{drop}": 8 * kind + 2 * drop for kind in range(1, 5) for drop in range(1, 4)},
    "ef": 46,
    "va": 44,
    "le": 1,
}
_DSCP_NAMES = {number: name for name, number in reversed(DSCP.items())}


def class_name(value: str) -> str:
    """Returns the name of a class."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", value):
        raise ValueError("can't be the name of a class; use 1 to 32 letters, digits, '_', '.' and '-'")
    return value


def dscp(value: str) -> str:
    """Returns a DSCP by its name, or by its number where it has no name."""
    number = DSCP.get(value.lower(), int(value, 0) if re.fullmatch(r"\d+|0[xX][0-9a-fA-F]+", value) else -1)
    if not 0 <= number <= 63:
        raise ValueError("is not a DSCP; give a name such as ef, af41 or cs1, or a number from 0 to 63")
    return _DSCP_NAMES.get(number, str(number))


def dscp_number(value: str) -> int:
    """Returns the number of a DSCP in its normal form."""
    return DSCP[value] if value in DSCP else int(value)


def protocol(value: str) -> str:
    """Returns an IP protocol by its name, or by its number where it has no name here."""
    found = value.lower()
    number = PROTOCOLS.get(found, int(found) if re.fullmatch(r"\d{1,3}", found) else -1)
    if not 1 <= number <= 255:
        names = ", ".join(PROTOCOLS)
        raise ValueError(f"is not an IP protocol; give {names}, or a number from 1 to 255")
    return next((name for name, known in PROTOCOLS.items() if known == number), str(number))


def protocol_number(value: str) -> int:
    """Returns the number of an IP protocol in its normal form."""
    return PROTOCOLS[value] if value in PROTOCOLS else int(value)


def network(value: str) -> str:
    """Returns a network with its prefix length; an address becomes the network of that address alone."""
    return values.network_cidr(value)


@dataclass(frozen=True)
class Queue:
    """How packets wait: the kind of a queueing discipline, and its options."""

    kind: Optional[str] = option(required=True, choices=QUEUES)
    limit: Optional[str] = option()
    flows: Optional[int] = option(minimum=1, maximum=65536)
    target: Optional[str] = option(norm=units.time)
    interval: Optional[str] = option(norm=units.time)
    quantum: Optional[int] = option(minimum=1, maximum=1 << 20)
    ecn: Optional[bool] = option()
    memory_limit: Optional[str] = option(norm=units.size)
    perturb: Optional[int] = option(minimum=0, maximum=86400)
    rate: Optional[str] = option(norm=units.rate)
    burst: Optional[str] = option(norm=units.size)
    latency: Optional[str] = option(norm=units.time)
    diffserv: Optional[str] = option(choices=DIFFSERV)
    isolation: Optional[str] = option(choices=ISOLATION)
    rtt: Optional[str] = option(norm=units.time)
    nat: Optional[bool] = option()
    wash: Optional[bool] = option()
    ack_filter: Optional[str] = option(choices=ACK_FILTER)


@dataclass(frozen=True)
class LossModel:
    """The Gilbert-Elliott model of loss: the chances to become bad and good, and of loss in a bad and in a good state."""

    p: Optional[str] = option(required=True, norm=units.percentage)
    r: Optional[str] = option(norm=units.percentage)
    bad: Optional[str] = option(norm=units.percentage)
    good: Optional[str] = option(norm=units.percentage)


@dataclass(frozen=True)
class Impair:
    """What netem does to packets."""

    delay: Optional[str] = option(norm=units.time)
    jitter: Optional[str] = option(norm=units.time)
    delay_correlation: Optional[str] = option(norm=units.percentage)
    distribution: Optional[str] = option(choices=DISTRIBUTIONS)
    loss: Optional[str] = option(norm=units.percentage)
    loss_correlation: Optional[str] = option(norm=units.percentage)
    loss_model: Optional[LossModel] = option()
    duplicate: Optional[str] = option(norm=units.percentage)
    duplicate_correlation: Optional[str] = option(norm=units.percentage)
    corrupt: Optional[str] = option(norm=units.percentage)
    corrupt_correlation: Optional[str] = option(norm=units.percentage)
    reorder: Optional[str] = option(norm=units.percentage)
    reorder_correlation: Optional[str] = option(norm=units.percentage)
    gap: Optional[int] = option(minimum=1, maximum=1 << 20)
    rate: Optional[str] = option(norm=units.rate)
    limit: Optional[int] = option(minimum=1, maximum=10_000_000)
    seed: Optional[int] = option(minimum=1, maximum=(1 << 62))


@dataclass(frozen=True)
class ShapingClass:
    """A class of HTB."""

    name: Optional[str] = option(required=True, norm=class_name)
    parent: Optional[str] = option(norm=class_name)
    rate: Optional[str] = option(required=True, norm=units.rate)
    ceil: Optional[str] = option(norm=units.rate)
    burst: Optional[str] = option(norm=units.size)
    cburst: Optional[str] = option(norm=units.size)
    priority: Optional[int] = option(minimum=0, maximum=7)
    quantum: Optional[int] = option(minimum=1000, maximum=200_000)
    queue: Optional[Queue] = option()
    impair: Optional[Impair] = option()


@dataclass(frozen=True)
class Filter:
    """Which packets go to a class."""

    class_: Optional[str] = option(required=True, norm=class_name)
    family: Optional[str] = option(choices=FAMILIES)
    protocol: Optional[str] = option(norm=protocol)
    source: Optional[str] = option(norm=network)
    destination: Optional[str] = option(norm=network)
    source_port: Optional[str] = option(norm=values.port_range)
    destination_port: Optional[str] = option(norm=values.port_range)
    source_mac: Optional[str] = option(norm=values.mac)
    destination_mac: Optional[str] = option(norm=values.mac)
    dscp: Optional[str] = option(norm=dscp)
    vlan: Optional[int] = option(minimum=1, maximum=values.LAST_VLAN)
    mark: Optional[int] = option(minimum=1, maximum=(1 << 32) - 1)


@dataclass(frozen=True)
class Police:
    """A rate above which packets are dropped at once."""

    rate: Optional[str] = option(required=True, norm=units.rate)
    burst: Optional[str] = option(norm=units.size)


@dataclass(frozen=True)
class Side:
    """The shaping of one direction."""

    rate: Optional[str] = option(norm=units.rate)
    ceil: Optional[str] = option(norm=units.rate)
    burst: Optional[str] = option(norm=units.size)
    cburst: Optional[str] = option(norm=units.size)
    default: Optional[str] = option(norm=class_name)
    classes: Optional[tuple[ShapingClass, ...]] = option()
    filters: Optional[tuple[Filter, ...]] = option()
    queue: Optional[Queue] = option()
    impair: Optional[Impair] = option()
    police: Optional[Police] = option()


@dataclass(frozen=True)
class Shaping:
    """The shaping of an interface, in both directions."""

    device: Optional[str] = option(required=True, norm=values.ifname)
    egress: Optional[Side] = option()
    ingress: Optional[Side] = option()
