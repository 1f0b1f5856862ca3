# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's words (nm-settings-keyfile(5))."""

from __future__ import annotations

from collections.abc import Mapping

from ...model.interface.options import Interface, LinuxBridge, MacvlanIface, Tuntap, VlanIface
from ..words import NUMBER, SECONDS, TEXT, TRUE_FALSE, Bit, Cannot, Codec, Special, Word, Words, qos_map

_LINK_LOCAL_BITS = 0x7  # STP, pause frames and LACP, which NetworkManager refuses (nm-setting-bridge.c)


def _lost_bits(option: str, mask: int) -> str:
    return f"bits 0 to 2 of {option} ({mask})" if mask & _LINK_LOCAL_BITS else ""


_GROUP_FORWARD = Codec(lambda mask: mask & ~_LINK_LOCAL_BITS, "without bits 0 to 2", _lost_bits)
_MODE = Codec({"tun": "1", "tap": "2"}.__getitem__, "1: `tun`, 2: `tap`")  # NMSettingTunMode
_MACVLAN_MODE = Codec(  # NMSettingMacvlanMode
    {"vepa": 1, "bridge": 2, "private": 3, "passthru": 4}.__getitem__,
    "1: `vepa`, 2: `bridge`, 3: `private`, 4: `passthru`",
)
_ACCOUNT = Codec(int, "a number")

#: The types of profiles.
TYPES: Mapping[type[Interface], str] = {
    LinuxBridge: "bridge",
    VlanIface: "vlan",
    MacvlanIface: "macvlan",
    Tuntap: "tun",
}

WORDS = Words(
    form="{where}.{key}",
    interface=(
        Special("name", "connection.interface-name"),
        Word("mac", "ethernet", "cloned-mac-address"),
        Word("mtu", "ethernet", "mtu", NUMBER),
        Special("up", "connection.autoconnect", "what is down isn't even created at boot"),
        Special("addresses", "ipv4.addressN, ipv6.addressN", "not of a port"),
        Special("routes", "ipv4.routeN, ipv6.routeN", "those of IPv4 need an IPv4 address"),
    ),
    uplink=(
        Special("dhcp4", "ipv4.method", "`auto`; and `ipv4.dhcp-timeout`"),
        Special("dhcp6", "ipv6.method", "`auto`, with `accept_ra: never` `dhcp`; and `ipv6.dhcp-timeout`"),
        Special("nameservers", "ipv4.dns, ipv6.dns", "of a family that the interface has"),
        Special("search", "ipv4.dns-search", "or `ipv6.dns-search`, where it has no IPv4"),
        Special("gateway", "ipv4.routeN"),
        Special("gateway6", "ipv6.routeN"),
    ),
    ipv6=(
        Special("enabled", "ipv6.method", "`disabled` for false"),
        Special("accept_ra", "ipv6.method", "`auto` for `always`, `link-local` for `never`"),
        Cannot("autoconf", "false is lost where advertisements are accepted", usual=True),
        Special("addr_gen_mode", "ipv6.addr-gen-mode", "not `random`"),
    ),
    bridge=(
        # NetworkManager's own default is on
        Word("stp", "bridge", "stp", TRUE_FALSE, unset=False),
        # only_with_stp in nm-device-bridge.c
        Word("priority", "bridge", "priority", NUMBER, only_with="stp"),
        Word("forward_delay", "bridge", "forward-delay", SECONDS, only_with="stp"),
        Word("hello_time", "bridge", "hello-time", SECONDS, only_with="stp"),
        Word("max_age", "bridge", "max-age", SECONDS, only_with="stp"),
        Word("ageing_time", "bridge", "ageing-time", SECONDS),
        Word("group_fwd_mask", "bridge", "group-forward-mask", _GROUP_FORWARD),
        Word("mcast_snooping", "bridge", "multicast-snooping", TRUE_FALSE),
        Word("mcast_querier", "bridge", "multicast-querier", TRUE_FALSE),
        Word("vlan_protocol", "bridge", "vlan-protocol"),
        Word("vlan_filtering", "bridge", "vlan-filtering", TRUE_FALSE),
        Special("vlan_default_pvid", "bridge.vlan-default-pvid", "only with `vlan_filtering`"),
    ),
    bridge_vlans=(
        Special("pvid", "bridge.vlans, bridge-port.vlans", "only besides the default VLAN"),
        Special("tagged", "bridge.vlans, bridge-port.vlans"),
        Special("untagged", "bridge.vlans, bridge-port.vlans"),
    ),
    port=(
        Special("name", "connection.master", "in the port's own profile"),
        Word("cost", "bridge-port", "path-cost", NUMBER),
        Word("priority", "bridge-port", "priority", NUMBER),
        Word("hairpin", "bridge-port", "hairpin-mode", TRUE_FALSE),
        Cannot("isolated"),
        Cannot("learning"),
        Cannot("flood"),
        Cannot("guard"),
    ),
    vlan=(
        Word("id", "vlan", "id", NUMBER),
        Word("parent", "vlan", "parent", TEXT, unset=""),
        # NMVlanFlags
        Bit("reorder", "vlan", "flags", 0x1, unset=True),
        Bit("gvrp", "vlan", "flags", 0x2),
        Bit("loose_binding", "vlan", "flags", 0x4),
        Bit("mvrp", "vlan", "flags", 0x8),
        Word("protocol", "vlan", "protocol"),
        Word("ingress_qos", "vlan", "ingress-priority-map", qos_map("{pcp}:{priority}", ",")),
        Word("egress_qos", "vlan", "egress-priority-map", qos_map("{priority}:{pcp}", ",")),
    ),
    macvlan=(
        Word("parent", "macvlan", "parent", TEXT, unset=""),
        Word("mode", "macvlan", "mode", _MACVLAN_MODE),
    ),
    tuntap=(
        Word("mode", "tun", "mode", _MODE, unset="tap"),
        Word("owner", "tun", "owner", _ACCOUNT),
        Word("group", "tun", "group", _ACCOUNT),
        Word("packet_info", "tun", "pi", TRUE_FALSE),
        Word("vnet_hdr", "tun", "vnet-hdr", TRUE_FALSE),
        Word("multi_queue", "tun", "multi-queue", TRUE_FALSE),
        Special("bridge", "connection.master"),
    ),
)
