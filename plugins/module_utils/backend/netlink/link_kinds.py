# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an interface of each kind is read from the kernel's message, and what is sent to make one or change it."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable, Generic, Optional, TypeVar

from ...model.interface.options import Interface, LinuxBridge, MacvlanIface, QosMap, Tuntap, VlanIface
from ..os import accounts
from . import tables, tun
from .bridge_timers import as_set
from .channel import Attributes, Channel, each_attribute

I = TypeVar("I", bound=Interface)  # noqa: E741

# linux/if_link.h
_VLAN_FLAGS, _VLAN_EGRESS, _VLAN_INGRESS = 2, 3, 4
_TUN_OWNER, _TUN_GROUP, _TUN_TYPE = 1, 2, 3


@dataclass(frozen=True)
class Found:
    """What the kernel's message says of an interface: the fields that every kind has, the attributes of its kind by number
    (IFLA_INFO_DATA), the interface below it, and the socket that the message came from."""

    common: dict[str, Any]
    held: dict[int, bytes]
    lower: Optional[str] = None
    channel: Optional[Channel] = None


@dataclass(frozen=True)
class Device(Generic[I]):
    """How a kind of interface is created and changed that netlink only shows and removes, in a namespace.

    ``fields`` are the options that ``change`` sets; it takes all options of the interface as they are to be.
    """

    fields: tuple[str, ...]
    create: Callable[[I, Optional[str]], None]
    change: Callable[[I, Optional[str]], None]


@dataclass(frozen=True)
class LinkKind(Generic[I]):
    """One kind of interface: ``name`` is the kernel's (IFLA_INFO_KIND), ``options`` the class of its options.

    ``read`` returns the options of an interface that was found. ``attributes`` are those of IFLA_INFO_DATA that set its
    options, ``lower`` is the interface that it is created on.
    """

    name: str
    options: type[I]
    read: Callable[[Found], I]
    attributes: Callable[[I], Attributes]
    lower: Callable[[I], Optional[str]] = lambda _definition: None
    device: Optional[Device[I]] = None


def _number(payload: Optional[bytes]) -> int:
    return tables.number(payload) if payload else 0


# -- bridges ---------------------------------------------------------------------------------------------------------------


def _read_bridge(found: Found) -> LinuxBridge:
    held = as_set(found.channel, found.common["name"], found.held)
    return LinuxBridge(**found.common, **tables.options_from(tables.BRIDGE, held))


def _bridge_attributes(definition: LinuxBridge) -> Attributes:
    return tables.attributes_for(tables.BRIDGE, definition)


# -- VLANs -----------------------------------------------------------------------------------------------------------------


def _read_vlan(found: Found) -> VlanIface:
    flags = _number(found.held.get(_VLAN_FLAGS, b"")[:4])
    switches: dict[str, Any] = {field: bool(flags & bit) for field, bit in tables.VLAN_FLAGS.items()}
    ingress, egress = _mappings(found.held.get(_VLAN_INGRESS)), _mappings(found.held.get(_VLAN_EGRESS))
    return VlanIface(
        **found.common,
        **tables.options_from(tables.VLAN, found.held),
        **switches,
        parent=found.lower,
        ingress_qos=tuple(QosMap(pcp=key, priority=value) for key, value in ingress),
        egress_qos=tuple(QosMap(pcp=value, priority=key) for key, value in egress),
    )


def _mappings(payload: Optional[bytes]) -> Iterator[tuple[int, int]]:
    for _kind, entry in each_attribute(payload or b""):
        yield struct.unpack_from("=II", entry)


def _vlan_attributes(definition: VlanIface) -> Attributes:
    found = tables.attributes_for(tables.VLAN, definition)
    mask = flags = 0
    for field, bit in tables.VLAN_FLAGS.items():
        value = getattr(definition, field)
        if value is not None:
            mask |= bit
            flags |= bit if value else 0
    if mask:
        found.append(("IFLA_VLAN_FLAGS", {"flags": flags, "mask": mask}))
    for name, pairs in (
        ("IFLA_VLAN_INGRESS_QOS", [(entry.pcp, entry.priority) for entry in definition.ingress_qos or ()]),
        ("IFLA_VLAN_EGRESS_QOS", [(entry.priority, entry.pcp) for entry in definition.egress_qos or ()]),
    ):
        if pairs:
            mappings = [("IFLA_VLAN_QOS_MAPPING", {"from": key, "to": value}) for key, value in pairs]
            found.append((name, {"attrs": mappings}))
    return found


# -- macvlan interfaces ------------------------------------------------------------------------------------------------------


def _read_macvlan(found: Found) -> MacvlanIface:
    return MacvlanIface(**found.common, **tables.options_from(tables.MACVLAN, found.held), parent=found.lower)


def _macvlan_attributes(definition: MacvlanIface) -> Attributes:
    return tables.attributes_for(tables.MACVLAN, definition)


# -- TUN and TAP devices ---------------------------------------------------------------------------------------------------

_account = functools.cache(accounts.name_of)


def _read_tun(found: Found) -> Tuntap:
    held = found.held
    return Tuntap(
        **found.common,
        **tables.options_from(tables.TUN, held),
        mode="tun" if _number(held.get(_TUN_TYPE)) == tables.IFF_TUN else "tap",
        owner=_account("user", _number(held[_TUN_OWNER])) if _TUN_OWNER in held else None,
        group=_account("group", _number(held[_TUN_GROUP])) if _TUN_GROUP in held else None,
    )


_TUN = Device(("owner", "group", "packet_info", "vnet_hdr"), tun.create, tun.change)

# --------------------------------------------------------------------------------------------------------------------------

OTHER = LinkKind("", Interface, lambda found: Interface(**found.common), lambda _definition: [])
KINDS: tuple[LinkKind[Any], ...] = (
    LinkKind("bridge", LinuxBridge, _read_bridge, _bridge_attributes),
    LinkKind("vlan", VlanIface, _read_vlan, _vlan_attributes, lower=lambda definition: definition.parent),
    LinkKind("macvlan", MacvlanIface, _read_macvlan, _macvlan_attributes, lower=lambda definition: definition.parent),
    LinkKind("tun", Tuntap, _read_tun, lambda _definition: [], device=_TUN),
)
BY_NAME = {kind.name: kind for kind in KINDS}
_BY_OPTIONS = {kind.options: kind for kind in KINDS}


def kind_of(definition: Interface) -> LinkKind[Any]:
    """Returns the kind of interface whose options these are; `OTHER` for one that no module makes."""
    return _BY_OPTIONS.get(type(definition), OTHER)
