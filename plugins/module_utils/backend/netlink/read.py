# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads all that a network namespace has: links, the VLANs of bridges, addresses and routes."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Optional

from ...model.interface.options import InterfaceState, Ipv6, Port
from ...model.interface.vlans import ranges
from ...model.ipv6_settings import IPV6_SETTINGS
from . import tables
from .channel import Channel, attribute, attributes, each_attribute
from .layer3 import read_layer3
from .link_kinds import BY_NAME, OTHER, Found

AF_UNSPEC, AF_INET6, AF_BRIDGE = 0, 10, 7
RTM_NEWLINK, RTM_GETLINK = 16, 18  # linux/rtnetlink.h

# linux/if.h, linux/if_link.h
_IFF_UP, _IFF_LOOPBACK = 0x1, 0x8
_ADDRESS, _IFNAME, MTU, _LINK, _MASTER, _LINKINFO, _AF_SPEC = 1, 3, 4, 5, 10, 18, 26
_EXT_MASK, _CARRIER, _LINK_NETNSID, _PERM_ADDRESS = 29, 33, 37, 54
_INFO_KIND, _INFO_DATA, _INFO_SLAVE_KIND, _INFO_SLAVE_DATA = 1, 2, 4, 5
_INET6_CONF = 2
_BRIDGE_VLAN_INFO, _VLAN_PVID, _VLAN_UNTAGGED, _VLAN_RANGE_BEGIN = 2, 0x2, 0x4, 0x8
_BR_VLAN_DEFAULT_PVID = 39
_TUN_PERSIST, _TUN_QUEUES, _TUN_DISABLED_QUEUES = 6, 8, 9
_RTEXT_FILTER_BRVLAN_COMPRESSED, _RTEXT_FILTER_SKIP_STATS = 4, 8

LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change

# Kinds that the kernel removes along with the interface below.
_GO_WITH_LOWER = {"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec", "vxlan"}


def link_request(
    family: int = AF_UNSPEC, name: Optional[str] = None, *, stats: bool = False, vlans: bool = False
) -> bytes:
    """Returns the request for links: for all, or for the one of that name."""
    mask = (0 if stats else _RTEXT_FILTER_SKIP_STATS) | (_RTEXT_FILTER_BRVLAN_COMPRESSED if vlans else 0)
    body = LINK.pack(family, 0, 0, 0, 0) + attribute(_EXT_MASK, struct.pack("=I", mask))
    return body + attribute(_IFNAME, name.encode() + b"\0") if name is not None else body


class LinkDump:
    """One dump of the links, by index: their flags and attributes, their names, and IFLA_LINKINFO of those that have it.

    ``bridge_vlans`` is whether the kernel has VLANs on bridges; ``None`` where no bridge is there to show it.
    """

    def __init__(self, channel: Channel) -> None:
        self.links: dict[int, tuple[int, dict[int, bytes]]] = {}
        for kind, message in channel.dump("read the interfaces", RTM_GETLINK, link_request()):
            if kind == RTM_NEWLINK:
                _family, _type, index, flags, _change = LINK.unpack_from(message)
                self.links[index] = (flags, attributes(message, LINK.size))
        self.names = {index: _text(held[_IFNAME]) for index, (_flags, held) in self.links.items()}
        self.infos = {
            index: attributes(held[_LINKINFO]) for index, (_flags, held) in self.links.items() if _LINKINFO in held
        }
        self.bridge_vlans: Optional[bool] = None
        for info in self.infos.values():
            if info.get(_INFO_KIND) == b"bridge\0":
                self.bridge_vlans = _BR_VLAN_DEFAULT_PVID in attributes(info.get(_INFO_DATA, b""))
                break


def read_states(channel: Channel, dump: LinkDump) -> dict[str, InterfaceState]:
    """Returns every interface of the dump by its name, with its VLANs, addresses and routes. Raises `HostError`."""
    vlans = _read_bridge_vlans(channel) if dump.bridge_vlans else {}
    found = read_layer3(channel, dump.names)
    states = {}
    for index, (flags, held) in dump.links.items():
        name = dump.names[index]
        info = dump.infos.get(index, {})
        kind = _text(info.get(_INFO_KIND, b""))
        data = attributes(info.get(_INFO_DATA, b"")) if kind in BY_NAME else {}
        common = _common(name, flags, held)
        if kind == "bridge":
            common.update(_vlan_options(vlans.get(index)))
        lower = _lower(dump.names, index, held, kind)
        tun = data if kind == "tun" else {}
        states[name] = InterfaceState(
            kind=kind,
            index=index,
            definition=BY_NAME.get(kind, OTHER).read(Found(common, data, lower, channel)),
            addresses=found[index][0],
            routes=found[index][1],
            master=dump.names.get(_number(held.get(_MASTER))),
            port=_port(name, info, vlans.get(index)),
            lower=lower,
            permanent_mac=_mac(held.get(_PERM_ADDRESS)),
            loopback=bool(flags & _IFF_LOOPBACK),
            carrier=bool(_number(held.get(_CARRIER))),
            persistent=bool(_number(tun.get(_TUN_PERSIST))),
            attached=_attached(tun, held),
        )
    return states


def _attached(tun: Mapping[int, bytes], held: Mapping[int, bytes]) -> bool:
    """Returns whether a process has the device open: one of a single queue has a carrier just then (tun_attach, __tun_detach)."""
    if not tun:
        return False
    if _TUN_QUEUES in tun:
        return bool(_number(tun[_TUN_QUEUES]) + _number(tun.get(_TUN_DISABLED_QUEUES)))
    return bool(_number(held.get(_CARRIER)))


def _number(payload: Optional[bytes]) -> int:
    return tables.number(payload) if payload else 0


def _text(payload: bytes) -> str:
    return payload.rstrip(b"\0").decode(errors="surrogateescape")


def _mac(payload: Optional[bytes]) -> Optional[str]:
    return payload.hex(":") if payload and len(payload) == 6 and any(payload) else None


def _lower(names: Mapping[int, str], index: int, held: Mapping[int, bytes], kind: str) -> Optional[str]:
    below = _number(held.get(_LINK))
    if kind not in _GO_WITH_LOWER or _LINK_NETNSID in held or below == index:
        return None
    return names.get(below)


def _common(name: str, flags: int, held: Mapping[int, bytes]) -> dict[str, Any]:
    return {
        "name": name,
        "mac": _mac(held.get(_ADDRESS)),
        "mtu": _number(held.get(MTU)),
        "up": bool(flags & _IFF_UP),
        "ipv6": _ipv6(held.get(_AF_SPEC, b"")),
    }


def _ipv6(families: bytes) -> Optional[Ipv6]:
    """Reads the settings from the array that the kernel puts into each link's message: reading /proc for each link would take long."""
    conf = attributes(attributes(families).get(AF_INET6, b"")).get(_INET6_CONF)
    if conf is None:
        return None
    found: dict[str, Any] = {}
    for setting in IPV6_SETTINGS:
        if len(conf) >= 4 * setting.place + 4:
            value = struct.unpack_from("=i", conf, 4 * setting.place)[0]
            found[setting.field] = setting.meanings[value] if 0 <= value < len(setting.meanings) else None
    return Ipv6(**found)


# -- ports and their VLANs -------------------------------------------------------------------------------------------------


def _port(name: str, info: Mapping[int, bytes], vlans: Optional[bytes]) -> Optional[Port]:
    if info.get(_INFO_SLAVE_KIND) != b"bridge\0":
        return None
    settings = tables.options_from(tables.PORT, attributes(info.get(_INFO_SLAVE_DATA, b"")))
    return Port(name=name, **settings, **_vlan_options(vlans))


def _read_bridge_vlans(channel: Channel) -> dict[int, bytes]:
    """Returns the VLANs of each bridge and each port, by index: a second dump, which only bridges answer."""
    found = {}
    for kind, message in channel.dump("read the bridges' VLANs", RTM_GETLINK, link_request(AF_BRIDGE, vlans=True)):
        if kind == RTM_NEWLINK:
            found[LINK.unpack_from(message)[2]] = attributes(message, LINK.size).get(_AF_SPEC, b"")
    return found


def _vlan_options(payload: Optional[bytes]) -> dict[str, Any]:
    """Returns ``pvid``, ``tagged`` and ``untagged`` as the kernel has them; the pvid is among the latter."""
    if payload is None:
        return {}
    pvid = 0
    members: dict[bool, list[int]] = defaultdict(list)
    first = 0
    for number, entry in each_attribute(payload):
        if number != _BRIDGE_VLAN_INFO:
            continue
        flags, vid = struct.unpack_from("=HH", entry)
        if flags & _VLAN_RANGE_BEGIN:
            first = vid
            continue
        members[bool(flags & _VLAN_UNTAGGED)].extend(range(first or vid, vid + 1))
        first = 0
        if flags & _VLAN_PVID:
            pvid = vid
    return {"pvid": pvid, "tagged": ranges(members[False]), "untagged": ranges(members[True])}
