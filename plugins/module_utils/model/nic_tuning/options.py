# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a network device's driver and hardware, which ethtool(8) shows and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional, Union

from ...errors import OptionError
from .. import values
from ..fields import option

Value = Union[int, bool]
#: Groups of settings, and in each the values by name: ``{"rings": {"rx": 512}, "offloads": {"rx-gro": False}}``.
Settings = Mapping[str, Mapping[str, Value]]

GROUPS = ("channels", "rings", "offloads")

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


@dataclass(frozen=True)
class NicTuning:
    """The settings of a device, except for its offloads, whose names only the device knows."""

    device: Optional[str] = option(required=True, norm=values.ifname, aliases=("name",))
    channels: Optional[Channels] = option()
    rings: Optional[Rings] = option()


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
