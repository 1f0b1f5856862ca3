# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What libvirt's documents have in common: elements of several of them, and how the unknown is kept.

libvirt has one function for all documents that writes <bandwidth> (virNetDevBandwidthFormat), <vlan>
(virNetDevVlanFormat), <virtualport> (virNetDevVPortProfileFormat).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional

from ..model import libvirt_parts as model
from .binding import NUMBER, STRING, VALUE, YES, Attr, Attrs, Child, Table, Unknown, ordered
from .converters import decode_pci, encode_pci

RATE_ATTRIBUTES = tuple(Attr(name, name, NUMBER) for name in ("average", "peak", "burst"))
RATE = Table(model.Rate, *RATE_ATTRIBUTES)
BANDWIDTH = Table(model.Bandwidth, Child("inbound", "inbound", RATE), Child("outbound", "outbound", RATE))
_VLAN_TAG = Table(model.VlanTag, Attr("id", "id", NUMBER), Attr("nativeMode", "native_mode", STRING))
VLAN = Table(
    model.Vlan,
    Attr("trunk", "trunk", YES),
    Child("tag", "tags", _VLAN_TAG, many=True, key=("id",)),
)
_VIRTUALPORT_PARAMETERS = Table(
    model.VirtualPortParameters,
    Attr("managerid", "managerid", NUMBER),
    Attr("typeid", "typeid", NUMBER),
    Attr("typeidversion", "typeidversion", NUMBER),
    Attr("instanceid", "instanceid", STRING),
    Attr("interfaceid", "interfaceid", STRING),
    Attr("profileid", "profileid", STRING),
)
PCI_ADDRESS = Attrs(("type", "domain", "bus", "slot", "function"), VALUE, decode_pci, encode_pci)
VIRTUALPORT = Table(
    model.VirtualPort,
    Attr("type", "type", STRING),
    Child("parameters", "parameters", _VIRTUALPORT_PARAMETERS),
)


def extra_of(unknown: Iterable[Unknown]) -> Optional[tuple[model.Extra, ...]]:
    """Returns what no rule took as the model keeps it, in one order; None if there is nothing."""
    return tuple(model.Extra(path, xml) for path, xml in ordered(unknown)) or None


def unknown_of(extra: Optional[Iterable[model.Extra]]) -> list[Unknown]:
    """Returns what the model kept, for `write` to put back."""
    return [Unknown(kept.path or "", kept.xml or "") for kept in extra or ()]
