# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that libvirt has in several of its documents: networks, portgroups and guests' interfaces.

libvirt parses each of them by one function for all documents, so they are declared once for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional

from . import values
from .fields import option


@dataclass(frozen=True)
class Rate:
    """One direction of <bandwidth>: rates in kilobytes a second, the burst in kilobytes (libvirt's units).

    A ``floor`` is no option here: only a guest's interface takes one (virNetDevBandwidthParse).
    """

    average: Optional[int] = option(minimum=1, removal=0)
    peak: Optional[int] = option(minimum=1, removal=0)
    burst: Optional[int] = option(minimum=1, removal=0)


@dataclass(frozen=True)
class Bandwidth:
    """<bandwidth>: the limits that libvirt sets with tc in each direction."""

    inbound: Optional[Rate] = option()
    outbound: Optional[Rate] = option()


@dataclass(frozen=True)
class VlanTag:
    """One <tag> of <vlan>; ``native_mode`` says how Open vSwitch treats frames without a tag."""

    id: Optional[int] = option(required=True, minimum=0, maximum=4095, removal=None)
    native_mode: Optional[str] = option(choices=("tagged", "untagged"))


@dataclass(frozen=True)
class Vlan:
    """<vlan>: the VLANs that a port carries."""

    trunk: Optional[bool] = option()
    tags: Optional[tuple[VlanTag, ...]] = option()


@dataclass(frozen=True)
class VirtualPortParameters:
    """<parameters> of <virtualport>; its type says which of them it takes."""

    managerid: Optional[int] = option(minimum=0, maximum=255, removal=None)
    typeid: Optional[int] = option(minimum=0, maximum=16777215, removal=None)
    typeidversion: Optional[int] = option(minimum=0, maximum=255, removal=None)
    instanceid: Optional[str] = option(norm=values.uuid)
    profileid: Optional[str] = option()
    interfaceid: Optional[str] = option(norm=values.uuid)


@dataclass(frozen=True)
class VirtualPort:
    """<virtualport>: the kind of switch that the port is on, and what it has to know of the port."""

    type: Optional[str] = option(choices=("802.1Qbg", "802.1Qbh", "midonet", "openvswitch"))
    parameters: Optional[VirtualPortParameters] = option()


@dataclass(frozen=True)
class Extra:
    """A part of a document for which there is no option, kept so that it isn't lost.

    ``path`` is the element it stood in, below the document's root ("" is the root itself); an item of a list is named
    by what identifies it (``portgroup[web]/vlan``), since lists are sorted and changed. ``xml`` is the element as text,
    or ``@name=value`` for an attribute.
    """

    path: Optional[str] = option(removal=None)  # "" is a path
    xml: Optional[str] = option(removal=None)


def normalise_vlan(vlan: Vlan) -> Vlan:
    """Returns the VLANs without a ``trunk`` that says nothing new.

    Two or more tags, or a native mode, are a trunk by themselves (virNetDevVlanParse).
    """
    implied = len(vlan.tags or ()) > 1 or any(tag.native_mode for tag in vlan.tags or ())
    return replace(vlan, trunk=None) if implied or not vlan.trunk else vlan
