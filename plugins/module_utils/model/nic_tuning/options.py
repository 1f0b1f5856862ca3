# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a network device's driver and hardware, which ethtool(8) shows and changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional, Union

from ...errors import OptionError
from .. import values
from ..fields import option

Value = Union[int, bool, str]
#: Groups of settings, and in each the values by name: ``{"rings": {"rx": 512}, "irq_affinity": {"0": "0-3"}}``.
Settings = Mapping[str, Mapping[str, Value]]

#: In the order in which they are set: another number of channels has other interrupts.
GROUPS = ("channels", "rings", "offloads", "irq_affinity")

# The short names of ethtool(8) for a feature, and those for several features.
_SHORT = {
    "gso": "tx-generic-segmentation",
    "gro": "rx-gro",
    "lro": "rx-lro",
    "rx": "rx-checksum",
    "rxvlan": "rx-vlan-hw-parse",
    "txvlan": "tx-vlan-hw-insert",
    "rxhash": "rx-hashing",
    "ntuple": "rx-ntuple-filter",
}
FEATURE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "tso": (
        *("tx-tcp-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation", "tx-tcp6-segmentation"),
        "tx-tcp-accecn-segmentation",
    ),
    "tx": (
        *("tx-checksum-ipv4", "tx-checksum-ip-generic", "tx-checksum-ipv6", "tx-checksum-fcoe-crc", "tx-checksum-sctp"),
    ),
    "sg": ("tx-scatter-gather", "tx-scatter-gather-fraglist"),
}


@dataclass(frozen=True)
class Rings:
    """Sizes of the ring buffers, in packets."""

    rx: Optional[int] = option(minimum=1, removal=None)
    rx_mini: Optional[int] = option(minimum=0, removal=None)
    rx_jumbo: Optional[int] = option(minimum=0, removal=None)
    tx: Optional[int] = option(minimum=1, removal=None)


@dataclass(frozen=True)
class Channels:
    """Numbers of channels, which are interrupts with their queues."""

    rx: Optional[int] = option(minimum=0, removal=None)
    tx: Optional[int] = option(minimum=0, removal=None)
    other: Optional[int] = option(minimum=0, removal=None)
    combined: Optional[int] = option(minimum=0, removal=None)


def cpu_list(value: str) -> str:
    """Returns a list of CPUs as the kernel writes it: sorted ranges, ``0-3,8``."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", value):
        raise ValueError("is not a list of CPUs; write it as 0-3,8")
    found = sorted(cpus(value))
    if not found:
        raise ValueError("has a range that ends before it begins; write it as 0-3,8")
    shown: list[str] = []
    for number in found:
        if shown and number - 1 in cpus(shown[-1]):
            shown[-1] = f"{shown[-1].partition('-')[0]}-{number}"
        else:
            shown.append(str(number))
    return ",".join(shown)


def cpus(value: str) -> frozenset[int]:
    """Returns the numbers in a list of CPUs."""
    pairs = (part.partition("-") for part in value.split(",") if part)
    return frozenset(number for low, _dash, high in pairs for number in range(int(low), int(high or low) + 1))


@dataclass(frozen=True)
class QueueCpus:
    """The CPUs that handle the interrupts of a queue."""

    queue: Optional[int] = option(required=True, minimum=0, removal=None)
    cpus: Optional[str] = option(required=True, norm=cpu_list)


@dataclass(frozen=True)
class NicTuning:
    """The settings of a device, except for its offloads, whose names only the device knows."""

    device: Optional[str] = option(required=True, norm=values.ifname, aliases=("name",))
    channels: Optional[Channels] = option()
    rings: Optional[Rings] = option()
    irq_affinity: Optional[tuple[QueueCpus, ...]] = option()


def offloads_of(given: Mapping[str, object]) -> dict[str, Value]:
    """Returns features by their names in the kernel, except for those that stand for several. Raises `OptionError`."""
    found: dict[str, Value] = {}
    for name, value in given.items():
        where = f"offloads.{name}"
        word = str(value).lower()
        if word not in ("true", "false", "on", "off", "yes", "no"):
            raise OptionError(where, value, "is not a boolean; use true or false")
        full = _SHORT.get(name, name)
        if full in found:
            raise OptionError(where, None, f"is the same as another offload, {full}; give it once")
        found[full] = word in ("true", "on", "yes")
    return found


def affinity_of(given: Sequence[QueueCpus]) -> dict[str, Value]:
    """Returns the CPUs by queue. Raises `OptionError`."""
    found: dict[str, Value] = {}
    for place, each in enumerate(given):
        queue = str(each.queue)
        if queue in found:
            raise OptionError(f"irq_affinity[{place}].queue", each.queue, "is there twice; give each queue once")
        found[queue] = each.cpus or ""
    return found
