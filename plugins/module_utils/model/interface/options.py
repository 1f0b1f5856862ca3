# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host's own interfaces are: their options, named as iproute2 and the kernel's headers name them.

Bridges are those of linux/if_link.h (IFLA_BR_*, IFLA_BRPORT_*), VLANs those of linux/if_vlan.h, TUN and TAP devices those
of linux/if_tun.h. Times are in seconds, where the kernel counts in hundredths of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .. import values
from ..fields import option

ACCEPT_RA = ("never", "unless_forwarding", "always")  # in the order of ip-sysctl.rst
ADDR_GEN_MODES = ("eui64", "none", "stable-privacy", "random")  # in the order of linux/if_link.h
MAIN_TABLE = 254  # RT_TABLE_MAIN of linux/rtnetlink.h
VLAN_PROTOCOLS = ("802.1q", "802.1ad")


@dataclass(frozen=True)
class InterfaceRoute:
    """A route that leaves by the interface; `normalise` makes ``default`` of no family the one that ``via`` has."""

    to: Optional[str] = option(required=True, norm=values.route_target)
    via: Optional[str] = option(norm=values.ip)
    metric: Optional[int] = option(minimum=0, maximum=4294967295, removal=None)
    table: Optional[int] = option(minimum=1, maximum=4294967295, absent=MAIN_TABLE, removal=None)
    source: Optional[str] = option(norm=values.ip)


@dataclass(frozen=True)
class Ipv6:
    """The settings below /proc/sys/net/ipv6/conf/NAME (the kernel's ip-sysctl.rst)."""

    # what a new interface starts with is the host's to say (conf/default)
    enabled: Optional[bool] = option(host_chosen=True)
    accept_ra: Optional[str] = option(choices=ACCEPT_RA, host_chosen=True)
    autoconf: Optional[bool] = option(host_chosen=True)
    addr_gen_mode: Optional[str] = option(choices=ADDR_GEN_MODES, host_chosen=True)


@dataclass(frozen=True)
class Interface:
    """What every interface has."""

    name: Optional[str] = option(required=True, norm=values.ifname)
    mac: Optional[str] = option(norm=values.mac, host_chosen=True, removal=None)
    mtu: Optional[int] = option(minimum=68, maximum=65535, host_chosen=True, removal=None)
    up: Optional[bool] = option()
    addresses: Optional[tuple[str, ...]] = option(norm=values.interface_cidr, unordered=True)
    routes: Optional[tuple[InterfaceRoute, ...]] = option(unordered=True)
    ipv6: Optional[Ipv6] = option()


@dataclass(frozen=True)
class BridgeVlans:
    """The VLANs of a port, or of the bridge itself; a list's items are ids and ranges of them, ``100-199``.

    The ``pvid`` leaves untagged unless it is among the ``tagged``; it need not be repeated among the ``untagged``.
    """

    pvid: Optional[int] = option(minimum=0, maximum=4094, absent=0, removal=None)
    tagged: Optional[tuple[str, ...]] = option(norm=values.vlan_range)
    untagged: Optional[tuple[str, ...]] = option(norm=values.vlan_range)


@dataclass(frozen=True)
class Port(BridgeVlans):
    """A port of a bridge and what the bridge does with it."""

    name: Optional[str] = option(required=True, norm=values.ifname)
    cost: Optional[int] = option(minimum=1, maximum=65535, host_chosen=True, removal=None)
    priority: Optional[int] = option(minimum=0, maximum=63, absent=32, removal=None)
    hairpin: Optional[bool] = option(absent=False)
    isolated: Optional[bool] = option(absent=False)
    learning: Optional[bool] = option(absent=True)
    flood: Optional[bool] = option(absent=True)
    guard: Optional[bool] = option(absent=False)


@dataclass(frozen=True)
class LinuxBridge(BridgeVlans, Interface):
    """A bridge; ``ports`` are those that it manages, which the taps of guests are not."""

    ports: Optional[tuple[Port, ...]] = option(unordered=True)
    stp: Optional[bool] = option(absent=False)
    priority: Optional[int] = option(minimum=0, maximum=65535, absent=32768, removal=None)
    forward_delay: Optional[int] = option(minimum=0, maximum=30, absent=15, removal=None)
    hello_time: Optional[int] = option(minimum=1, maximum=10, absent=2, removal=None)
    max_age: Optional[int] = option(minimum=6, maximum=40, absent=20, removal=None)
    ageing_time: Optional[int] = option(minimum=0, maximum=1000000, absent=300, removal=None)
    vlan_filtering: Optional[bool] = option(absent=False)
    vlan_default_pvid: Optional[int] = option(minimum=0, maximum=4094, absent=1, removal=None)
    vlan_protocol: Optional[str] = option(choices=VLAN_PROTOCOLS, absent="802.1q")
    mcast_snooping: Optional[bool] = option(absent=True)
    mcast_querier: Optional[bool] = option(absent=False)
    group_fwd_mask: Optional[int] = option(minimum=0, maximum=65535, absent=0, removal=None)


@dataclass(frozen=True)
class QosMap:
    """One entry of a VLAN's map between the priority of a packet and that of its tag (PCP)."""

    pcp: Optional[int] = option(required=True, minimum=0, maximum=7, removal=None)
    priority: Optional[int] = option(required=True, minimum=0, maximum=4294967295, removal=None)


@dataclass(frozen=True)
class VlanIface(Interface):
    """A VLAN's interface on a parent; another parent, id or protocol makes another interface."""

    parent: Optional[str] = option(norm=values.ifname)
    id: Optional[int] = option(minimum=1, maximum=4094, removal=None)
    protocol: Optional[str] = option(choices=VLAN_PROTOCOLS, absent="802.1q")
    reorder: Optional[bool] = option(absent=True)
    gvrp: Optional[bool] = option(absent=False)
    mvrp: Optional[bool] = option(absent=False)
    loose_binding: Optional[bool] = option(absent=False)
    ingress_qos: Optional[tuple[QosMap, ...]] = option(unordered=True)
    egress_qos: Optional[tuple[QosMap, ...]] = option(unordered=True)


@dataclass(frozen=True)
class Tuntap(Interface):
    """A persistent TUN or TAP device; another mode or number of queues makes another device."""

    mode: Optional[str] = option(choices=("tap", "tun"))
    owner: Optional[str] = option()
    group: Optional[str] = option()
    packet_info: Optional[bool] = option(absent=False)
    vnet_hdr: Optional[bool] = option(absent=False)
    multi_queue: Optional[bool] = option(absent=False)
    bridge: Optional[str] = option(norm=values.ifname)


# -- what a host has -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """An address as the kernel has it (linux/if_addr.h). Only ``cidr`` can be asked for; the rest is kept when it moves."""

    cidr: str
    peer: Optional[str] = None
    broadcast: Optional[str] = None
    scope: int = 0
    flags: int = 0  # IFA_F_*, without what the kernel alone sets (tentative, permanent, ...)
    metric: Optional[int] = None
    label: Optional[str] = None
    valid_seconds: Optional[int] = None  # None: for ever; else what a DHCP client or an advertisement has said
    preferred_seconds: Optional[int] = None


@dataclass(frozen=True)
class Route:
    """A route as the kernel has it (linux/rtnetlink.h), without those that come and go with addresses and advertisements."""

    option: InterfaceRoute
    protocol: int = 4  # RTPROT_STATIC
    scope: int = 0
    onlink: bool = False


@dataclass(frozen=True)
class InterfaceState:
    """An interface as a host has it.

    ``definition`` is a `LinuxBridge`, `VlanIface` or `Tuntap` where it is one of these and an `Interface` else, with every
    field filled that the kernel tells, but for its ``addresses``, ``routes``, ``ports`` and a tap's ``bridge``: these follow
    from the rest of the states and are left ``None`` here. An owner and a group are told by their names, or as numbers
    where they have none. Link-local addresses and those of advertisements are not in ``addresses``.
    ``kind`` is the kernel's (IFLA_INFO_KIND: bridge, vlan, tun, veth, ...), empty for a device that has none.
    ``port`` are its own settings as a port of ``master``, if it has one that is a bridge.
    ``lower`` is the interface in the same namespace that it sits on and goes with (IFLA_LINK of a VLAN, macvtap, ...; not
    the peer of a veth).
    """

    kind: str
    index: int
    definition: Interface
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    master: Optional[str] = None
    port: Optional[Port] = None
    lower: Optional[str] = None
    permanent_mac: Optional[str] = None
    loopback: bool = False
    carrier: bool = False
    # of a TUN or TAP device
    persistent: bool = False
    attached: bool = False

    @property
    def name(self) -> str:
        return self.definition.name or ""
