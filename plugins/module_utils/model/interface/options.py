# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the host's own interfaces, named as in iproute2 and the kernel's headers, and their state on a host.

Bridges are those of linux/if_link.h (IFLA_BR_*, IFLA_BRPORT_*), VLANs those of linux/if_vlan.h, TUN and TAP devices those
of linux/if_tun.h. Times are in seconds, where the kernel counts in hundredths of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from .. import values
from ..fields import option

ACCEPT_RA = ("never", "unless_forwarding", "always")  # in the order of ip-sysctl.rst
ADDR_GEN_MODES = ("eui64", "none", "stable-privacy", "random")  # in the order of linux/if_link.h
MAIN_TABLE = 254  # RT_TABLE_MAIN of linux/rtnetlink.h
VLAN_PROTOCOLS = ("802.1q", "802.1ad")

# Whose an address or a route is, see `ip.origins`: a user's, a DHCP client's, of router advertisements, the kernel's, or of
# another program that says so (a routing daemon).
ORIGINS = STATIC, DHCP, RA, KERNEL, OTHER = ("static", "dhcp", "ra", "kernel", "other")


@dataclass(frozen=True)
class KindTraits:
    """What the code has to know of a kind of interface besides its options."""

    word: str  # what people call one
    kernel_kind: str = ""  # IFLA_INFO_KIND, and its name in `requests.InterfaceDriver.features`; empty: hardware
    kernel_words: str = ""  # what a kernel without it lacks
    identity: tuple[str, ...] = ()  # options that can't be changed in place: another value is another interface
    cannot_unset: tuple[str, ...] = ()  # options that can be changed in place, but not back to none
    follow_ports: tuple[str, ...] = ()  # settings that ports change, or that cut them off: they are set after the ports
    accounts: tuple[tuple[str, str], ...] = ()  # options that name an account of the host, and of which kind that is
    new: tuple[tuple[str, str], ...] = ()  # options that a new one has, unless they are given
    fixed_values: tuple[
        tuple[str, str], ...
    ] = ()  # values of options that can't be changed in place, nor others to them


@dataclass(frozen=True)
class InterfaceRoute:
    """A route that leaves by the interface; ``default`` is of the family of ``via``, see `normal.normal_route`."""

    to: Optional[str] = option(required=True, norm=values.route_target)
    via: Optional[str] = option(norm=values.ip)
    metric: Optional[int] = option(minimum=0, maximum=4294967295, removal=None)
    table: Optional[int] = option(minimum=1, maximum=4294967295, absent=MAIN_TABLE, removal=None)
    source: Optional[str] = option(norm=values.ip)


@dataclass(frozen=True)
class Ipv6:
    """The settings below /proc/sys/net/ipv6/conf/NAME (the kernel's ip-sysctl.rst)."""

    # the host decides what a new interface starts with (conf/default)
    enabled: Optional[bool] = option(host_chosen=True)
    accept_ra: Optional[str] = option(choices=ACCEPT_RA, host_chosen=True)
    autoconf: Optional[bool] = option(host_chosen=True)
    addr_gen_mode: Optional[str] = option(choices=ADDR_GEN_MODES, host_chosen=True)


@dataclass(frozen=True)
class Interface:
    """The options of every interface."""

    traits: ClassVar[KindTraits] = KindTraits("interface")

    name: Optional[str] = option(required=True, norm=values.ifname)
    mac: Optional[str] = option(norm=values.mac, host_chosen=True, removal=None)
    mtu: Optional[int] = option(minimum=68, maximum=65535, host_chosen=True, removal=None)
    up: Optional[bool] = option()
    addresses: Optional[tuple[str, ...]] = option(norm=values.interface_cidr, unordered=True)
    routes: Optional[tuple[InterfaceRoute, ...]] = option(unordered=True)
    ipv6: Optional[Ipv6] = option()

    # Options of single kinds, which the others don't have.

    @property
    def parent(self) -> Optional[str]:
        """The interface that this one is on."""
        return None

    @property
    def ports(self) -> Optional[tuple[Port, ...]]:
        return None

    @property
    def bridge(self) -> Optional[str]:
        """The bridge that a tap is a port of."""
        return None

    # What follows from the options.

    @property
    def word(self) -> str:
        """What people call it."""
        return self.traits.word

    @property
    def title(self) -> str:
        """What a step that creates it calls it."""
        return f"{self.word} {self.name}"

    @property
    def carries_ethernet(self) -> bool:
        """Whether it carries Ethernet frames, and so has a MAC address."""
        return True

    @property
    def follows_parent(self) -> bool:
        """Whether the kernel brings it up and down together with its parent (vlan_device_event)."""
        return False

    @property
    def needs_parent_up(self) -> bool:
        """Whether its parent is brought up with it."""
        return self.follows_parent


@dataclass(frozen=True)
class Uplink(Interface):
    """The options of an interface by which the host itself can be in a network.

    The boot tool does all but the gateways, which are default routes: no kernel knows of DHCP, name servers or domains.
    So these are in no `InterfaceState`, see `uplink`.
    """

    dhcp4: Optional[bool] = option(absent=False)
    dhcp6: Optional[bool] = option(absent=False)
    nameservers: Optional[tuple[str, ...]] = option(norm=values.ip)
    search: Optional[tuple[str, ...]] = option(norm=values.domain)
    gateway: Optional[str] = option(norm=values.ip)
    gateway6: Optional[str] = option(norm=values.ip)


@dataclass(frozen=True)
class BridgeVlans:
    """The VLANs of a port, or of the bridge itself; the items of a list are ids and ranges of them, ``100-199``.

    Frames of the ``pvid`` leave untagged unless it is in ``tagged``; it need not be repeated in ``untagged``.
    """

    pvid: Optional[int] = option(minimum=0, maximum=4094, absent=0, removal=None)
    tagged: Optional[tuple[str, ...]] = option(norm=values.vlan_range)
    untagged: Optional[tuple[str, ...]] = option(norm=values.vlan_range)


@dataclass(frozen=True)
class Port(BridgeVlans):
    """A port of a bridge, and how the bridge treats it."""

    name: Optional[str] = option(required=True, norm=values.ifname)
    cost: Optional[int] = option(minimum=1, maximum=65535, host_chosen=True, removal=None)
    priority: Optional[int] = option(minimum=0, maximum=63, absent=32, removal=None)
    hairpin: Optional[bool] = option(absent=False)
    isolated: Optional[bool] = option(absent=False)
    learning: Optional[bool] = option(absent=True)
    flood: Optional[bool] = option(absent=True)
    guard: Optional[bool] = option(absent=False)


@dataclass(frozen=True)
class LinuxBridge(BridgeVlans, Uplink):
    """A bridge; ``ports`` are those that the user manages, which the taps of guests are not."""

    traits: ClassVar[KindTraits] = KindTraits(
        "bridge",
        kernel_kind="bridge",
        kernel_words="bridges (module bridge)",
        follow_ports=("mac", "mtu", "vlan_filtering"),
    )

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
class VlanIface(Uplink):
    """The interface of a VLAN on its parent."""

    traits: ClassVar[KindTraits] = KindTraits(
        "VLAN interface",
        kernel_kind="vlan",
        kernel_words="802.1Q VLANs (module 8021q)",
        identity=("parent", "id", "protocol"),
    )

    parent: Optional[str] = option(norm=values.ifname)
    id: Optional[int] = option(minimum=1, maximum=4094, removal=None)
    protocol: Optional[str] = option(choices=VLAN_PROTOCOLS, absent="802.1q")
    reorder: Optional[bool] = option(absent=True)
    gvrp: Optional[bool] = option(absent=False)
    mvrp: Optional[bool] = option(absent=False)
    loose_binding: Optional[bool] = option(absent=False)
    ingress_qos: Optional[tuple[QosMap, ...]] = option(unordered=True)
    egress_qos: Optional[tuple[QosMap, ...]] = option(unordered=True)

    @property
    def title(self) -> str:
        return f"{self.word} {self.name} (id {self.id} on {self.parent})"

    @property
    def follows_parent(self) -> bool:
        return not self.loose_binding


@dataclass(frozen=True)
class MacvlanIface(Uplink):
    """An interface with a MAC address of its own on its parent, beside the parent (linux/if_link.h, IFLA_MACVLAN_*)."""

    traits: ClassVar[KindTraits] = KindTraits(
        "macvlan interface",
        kernel_kind="macvlan",
        kernel_words="macvlan interfaces (module macvlan)",
        identity=("parent",),
        new=(("mode", "bridge"),),  # the kernel's own is vepa, for which few switches are made
        fixed_values=(("mode", "passthru"),),  # macvlan_changelink
    )

    parent: Optional[str] = option(norm=values.ifname)
    mode: Optional[str] = option(choices=("bridge", "vepa", "private", "passthru"))

    @property
    def title(self) -> str:
        return f"{self.word} {self.name} (mode {self.mode} on {self.parent})"

    @property
    def needs_parent_up(self) -> bool:
        return True


@dataclass(frozen=True)
class Tuntap(Interface):
    """A persistent TUN or TAP device."""

    traits: ClassVar[KindTraits] = KindTraits(
        "tap",
        kernel_kind="tun",
        kernel_words="TUN and TAP devices (module tun)",
        identity=("mode", "multi_queue"),
        cannot_unset=("owner", "group"),  # TUNSETOWNER, TUNSETGROUP
        accounts=(("owner", "user"), ("group", "group")),
        new=(("mode", "tap"),),
    )

    mode: Optional[str] = option(choices=("tap", "tun"))
    owner: Optional[str] = option()
    group: Optional[str] = option()
    packet_info: Optional[bool] = option(absent=False)
    vnet_hdr: Optional[bool] = option(absent=False)
    multi_queue: Optional[bool] = option(absent=False)
    bridge: Optional[str] = option(norm=values.ifname)

    @property
    def word(self) -> str:
        return self.mode or self.traits.word

    @property
    def carries_ethernet(self) -> bool:
        return self.mode != "tun"


# -- what a host has -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """An address as the kernel has it (linux/if_addr.h).

    Only ``cidr`` is an option; the rest is kept when the address moves to another interface.
    """

    cidr: str
    peer: Optional[str] = None
    broadcast: Optional[str] = None
    scope: int = 0
    flags: int = 0  # IFA_F_*, without what the kernel alone sets (tentative, permanent, ...)
    metric: Optional[int] = None
    label: Optional[str] = None
    valid_seconds: Optional[int] = None  # None: without an end; else what a DHCP client or an advertisement has set
    preferred_seconds: Optional[int] = None
    origin: str = STATIC  # one of `ORIGINS`


@dataclass(frozen=True)
class Route:
    """A route as the kernel has it (linux/rtnetlink.h), without those that it adds for addresses."""

    option: InterfaceRoute
    protocol: int = 4  # RTPROT_STATIC
    scope: int = 0
    onlink: bool = False
    origin: str = STATIC  # one of `ORIGINS`
    seconds: Optional[int] = None  # None: without an end


@dataclass(frozen=True)
class InterfaceState:
    """An interface as a host has it.

    ``definition`` is a `LinuxBridge`, `VlanIface`, `MacvlanIface` or `Tuntap` where it is one of these and an `Interface` else, with every
    field that the kernel shows. ``addresses``, ``routes``, ``ports`` and a tap's ``bridge`` are ``None`` there, as they
    follow from the rest of the states. An owner and a group have their names, or numbers where they have no name.
    ``addresses`` has no link-local addresses of IPv6.
    ``kind`` is the kernel's (IFLA_INFO_KIND: bridge, vlan, tun, veth, ...), empty for a device that has none.
    ``port`` has its settings as a port of ``master``, where that is a bridge.
    ``lower`` is the interface in the same namespace that it is on and is removed with (IFLA_LINK of a VLAN, macvtap, ...;
    not the peer of a veth).
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
