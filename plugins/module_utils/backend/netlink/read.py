# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that a network namespace has, from one look: links, the VLANs of bridges, addresses and routes."""

from __future__ import annotations

import functools
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Callable, Optional

from ...model.interface.options import (
    Interface,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Port,
    QosMap,
    Tuntap,
    VlanIface,
)
from ...model.interface.vlans import ranges
from ..os import accounts
from . import words as tables
from .channel import Channel, attribute, attributes, each_attribute
from .layer3 import read_addresses, read_routes

AF_UNSPEC, AF_INET6, AF_BRIDGE = 0, 10, 7
RTM_NEWLINK, RTM_GETLINK = 16, 18  # linux/rtnetlink.h

# linux/if.h, linux/if_link.h
_IFF_UP, _IFF_LOOPBACK = 0x1, 0x8
_ADDRESS, _IFNAME, _MTU, _LINK, _MASTER, _LINKINFO, _AF_SPEC = 1, 3, 4, 5, 10, 18, 26
_EXT_MASK, _CARRIER, _LINK_NETNSID, _PERM_ADDRESS = 29, 33, 37, 54
_INFO_KIND, _INFO_DATA, _INFO_SLAVE_KIND, _INFO_SLAVE_DATA = 1, 2, 4, 5
_INET6_CONF = 2
_TOPOLOGY_CHANGE = 14  # IFLA_BR_TOPOLOGY_CHANGE of linux/if_link.h
_BRIDGE_VLAN_INFO, _VLAN_PVID, _VLAN_UNTAGGED, _VLAN_RANGE_BEGIN = 2, 0x2, 0x4, 0x8
_VLAN_FLAGS, _VLAN_EGRESS, _VLAN_INGRESS, _BR_VLAN_DEFAULT_PVID = 2, 3, 4, 39
_TUN_OWNER, _TUN_GROUP, _TUN_TYPE, _TUN_PERSIST, _TUN_QUEUES, _TUN_DISABLED_QUEUES = 1, 2, 3, 6, 8, 9
_RTEXT_FILTER_BRVLAN_COMPRESSED, _RTEXT_FILTER_SKIP_STATS = 4, 8

LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change

# Those that the kernel removes along with the interface below.
_GO_WITH_LOWER = {"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec", "vxlan"}


def link_request(
    family: int = AF_UNSPEC, name: Optional[str] = None, *, stats: bool = False, vlans: bool = False
) -> bytes:
    """What asks for links: all, or the one of that name."""
    mask = (0 if stats else _RTEXT_FILTER_SKIP_STATS) | (_RTEXT_FILTER_BRVLAN_COMPRESSED if vlans else 0)
    body = LINK.pack(family, 0, 0, 0, 0) + attribute(_EXT_MASK, struct.pack("=I", mask))
    return body + attribute(_IFNAME, name.encode() + b"\0") if name is not None else body


class Links:
    """One dump of the links, by index."""

    def __init__(self, channel: Channel) -> None:
        self.links: dict[int, tuple[int, dict[int, bytes]]] = {}
        for kind, message in channel.dump("look at the interfaces", RTM_GETLINK, link_request()):
            if kind == RTM_NEWLINK:
                _family, _type, index, flags, _change = LINK.unpack_from(message)
                self.links[index] = (flags, attributes(message, LINK.size))
        self.names = {index: _text(held[_IFNAME]) for index, (_flags, held) in self.links.items()}
        self.infos = {
            index: attributes(held[_LINKINFO]) for index, (_flags, held) in self.links.items() if _LINKINFO in held
        }
        #: whether the kernel knows VLANs on bridges; ``None`` where no bridge is there to tell
        self.bridge_vlans: Optional[bool] = None
        for info in self.infos.values():
            if info.get(_INFO_KIND) == b"bridge\0":
                self.bridge_vlans = _BR_VLAN_DEFAULT_PVID in attributes(info.get(_INFO_DATA, b""))
                break


def read_states(channel: Channel, links: Links) -> dict[str, InterfaceState]:
    """Every interface by its name."""
    vlans = _bridge_vlans(channel) if links.bridge_vlans else {}
    found_addresses = read_addresses(channel, links.names)
    found_routes = read_routes(channel, links.names)
    states = {}
    for index, (flags, held) in links.links.items():
        name = links.names[index]
        info = links.infos.get(index, {})
        kind = _text(info.get(_INFO_KIND, b""))
        data = info.get(_INFO_DATA, b"")
        common = _common(name, flags, held)
        reader = _READERS.get(kind)
        own = _vlan_options(vlans.get(index)) if kind == "bridge" else {}
        lower = _lower(links.names, index, held, kind)
        definition = reader(common, data, lower, own) if reader else Interface(**common)
        tun = attributes(data) if kind == "tun" else {}
        states[name] = InterfaceState(
            kind=kind,
            index=index,
            definition=definition,
            addresses=tuple(found_addresses.get(index, ())),
            routes=tuple(found_routes.get(index, ())),
            master=links.names.get(_number(held.get(_MASTER))),
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
    """Whether somebody has it open: a device of one queue has a carrier just then (tun_attach, __tun_detach)."""
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
        "mtu": _number(held.get(_MTU)),
        "up": bool(flags & _IFF_UP),
        "ipv6": _ipv6(held.get(_AF_SPEC, b"")),
    }


def _ipv6(families: bytes) -> Optional[Ipv6]:
    """From the array that the kernel puts into each link's message: reading /proc for each would take its time."""
    conf = attributes(attributes(families).get(AF_INET6, b"")).get(_INET6_CONF)
    if conf is None:
        return None
    found = {}
    for field, (_file, place, meanings) in tables.IPV6.items():
        if len(conf) >= 4 * place + 4:
            value = struct.unpack_from("=i", conf, 4 * place)[0]
            found[field] = meanings[value] if 0 <= value < len(meanings) else None
    return Ipv6(**found)


# -- the kinds -----------------------------------------------------------------------------------------------------------


def _bridge(common: dict[str, Any], data: bytes, _lower_name: Optional[str], vlans: dict[str, Any]) -> Interface:
    held = attributes(data)
    settings = tables.read(tables.BRIDGE, held)
    if _number(held.get(_TOPOLOGY_CHANGE)):
        # For as long, the kernel shows twice the forward delay, and nowhere the time that was set (__br_set_topology_change).
        settings.pop("ageing_time", None)
    return LinuxBridge(**common, **vlans, **settings)


def _vlan(common: dict[str, Any], data: bytes, lower: Optional[str], _vlans: dict[str, Any]) -> Interface:
    held = attributes(data)
    flags = _number(held.get(_VLAN_FLAGS, b"")[:4])
    switches: dict[str, Any] = {field: bool(flags & bit) for field, bit in tables.VLAN_FLAGS.items()}
    return VlanIface(
        **common,
        **tables.read(tables.VLAN, held),
        **switches,
        parent=lower,
        ingress_qos=tuple(QosMap(pcp=key, priority=value) for key, value in _mappings(held.get(_VLAN_INGRESS))),
        egress_qos=tuple(QosMap(pcp=value, priority=key) for key, value in _mappings(held.get(_VLAN_EGRESS))),
    )


def _mappings(payload: Optional[bytes]) -> Iterator[tuple[int, int]]:
    for _number_of, entry in each_attribute(payload or b""):
        yield struct.unpack_from("=II", entry)


def _tun(common: dict[str, Any], data: bytes, _lower_name: Optional[str], _vlans: dict[str, Any]) -> Interface:
    held = attributes(data)
    return Tuntap(
        **common,
        **tables.read(tables.TUN, held),
        mode="tun" if _number(held.get(_TUN_TYPE)) == tables.IFF_TUN else "tap",
        owner=_account("user", _number(held[_TUN_OWNER])) if _TUN_OWNER in held else None,
        group=_account("group", _number(held[_TUN_GROUP])) if _TUN_GROUP in held else None,
    )


_READERS: dict[str, Callable[[dict[str, Any], bytes, Optional[str], dict[str, Any]], Interface]] = {
    "bridge": _bridge,
    "vlan": _vlan,
    "tun": _tun,
}


_account = functools.cache(accounts.name_of)


# -- ports and their VLANs -------------------------------------------------------------------------------------------------


def _port(name: str, info: Mapping[int, bytes], vlans: Optional[bytes]) -> Optional[Port]:
    if info.get(_INFO_SLAVE_KIND) != b"bridge\0":
        return None
    settings = tables.read(tables.PORT, attributes(info.get(_INFO_SLAVE_DATA, b"")))
    return Port(name=name, **settings, **_vlan_options(vlans))


def _bridge_vlans(channel: Channel) -> dict[int, bytes]:
    """What each bridge and each port has of VLANs, by index: a second dump, which only bridges answer."""
    found = {}
    for kind, message in channel.dump("look at the bridges' VLANs", RTM_GETLINK, link_request(AF_BRIDGE, vlans=True)):
        if kind == RTM_NEWLINK:
            found[LINK.unpack_from(message)[2]] = attributes(message, LINK.size).get(_AF_SPEC, b"")
    return found


def _vlan_options(payload: Optional[bytes]) -> dict[str, Any]:
    """``pvid``, ``tagged`` and ``untagged`` as the kernel tells them; the pvid is among the latter."""
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
