# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elements that libvirt has in several of its documents, each read and written by one function of libvirt's for all.

<bandwidth> is virNetDevBandwidthFormat's, <vlan> virNetDevVlanFormat's, <virtualport> virNetDevVPortProfileFormat's.
"""

from __future__ import annotations

from ..model import libvirt_parts as model
from .binding import NUMBER, STRING, YES, Attr, Child, Table

_RATE = Table(
    model.Rate,
    Attr("average", "average", NUMBER),
    Attr("peak", "peak", NUMBER),
    Attr("burst", "burst", NUMBER),
)
BANDWIDTH = Table(model.Bandwidth, Child("inbound", "inbound", _RATE), Child("outbound", "outbound", _RATE))
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
VIRTUALPORT = Table(
    model.VirtualPort,
    Attr("type", "type", STRING),
    Child("parameters", "parameters", _VIRTUALPORT_PARAMETERS),
)
