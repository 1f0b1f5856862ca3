# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of iproute2 (ip-link(8), ip-tuntap(8), bridge(8)), which ifupdown's files hold as commands."""

from __future__ import annotations

import shlex

from ...model.interface.options import ACCEPT_RA, ADDR_GEN_MODES
from ..words import (
    DIGIT,
    FLAG,
    HUNDREDTHS,
    INVERTED_DIGIT,
    NUMBER,
    ON_OFF,
    TEXT,
    Cannot,
    Codec,
    Special,
    Word,
    Words,
    position_in,
    qos_map,
)

_QUOTED = Codec(shlex.quote)
_LINK = "ip link set "
_BRIDGE = "ip link set type bridge "
_PORT = "ip link set type bridge_slave "
_VLAN = "ip link add type vlan "
_MACVLAN = "ip link add type macvlan "
_TUNTAP = "ip tuntap add "
_SYSCTL = "/proc/sys/net/ipv6/conf/NAME/"

WORDS = Words(
    form="{where}{key}",
    interface=(
        Special("name", "iface NAME inet manual"),
        Word("mac", _LINK, "address"),
        Word("mtu", _LINK, "mtu", NUMBER),
        Special("up", "ip link set up"),
        Special("addresses", "ip address replace"),
        Special("routes", "ip route replace"),
    ),
    uplink=(
        Special("dhcp4", "iface NAME inet dhcp", "needs a DHCP client"),
        Cannot("dhcp6", "it is refused"),
        Special("nameservers", "dns-nameservers", "needs resolvconf, openresolv, or systemd-resolved from Debian 13"),
        Special("search", "dns-search", "needs resolvconf, openresolv, or systemd-resolved from Debian 13"),
        Special("gateway", "ip route replace"),
        Special("gateway6", "ip route replace"),
    ),
    ipv6=(
        Word("enabled", _SYSCTL, "disable_ipv6", INVERTED_DIGIT),
        Word("accept_ra", _SYSCTL, "accept_ra", position_in(ACCEPT_RA)),
        Word("autoconf", _SYSCTL, "autoconf", DIGIT),
        Word("addr_gen_mode", _SYSCTL, "addr_gen_mode", position_in(ADDR_GEN_MODES)),
    ),
    bridge=(
        Word("stp", _BRIDGE, "stp_state", DIGIT),
        Word("priority", _BRIDGE, "priority", NUMBER),
        Word("forward_delay", _BRIDGE, "forward_delay", HUNDREDTHS),
        Word("hello_time", _BRIDGE, "hello_time", HUNDREDTHS),
        Word("max_age", _BRIDGE, "max_age", HUNDREDTHS),
        Word("ageing_time", _BRIDGE, "ageing_time", HUNDREDTHS),
        Word("vlan_protocol", _BRIDGE, "vlan_protocol"),
        Word("vlan_default_pvid", _BRIDGE, "vlan_default_pvid", NUMBER),
        Word("mcast_snooping", _BRIDGE, "mcast_snooping", DIGIT),
        Word("mcast_querier", _BRIDGE, "mcast_querier", DIGIT),
        Word("group_fwd_mask", _BRIDGE, "group_fwd_mask", NUMBER),
        # by itself: the default pvid can't be set any more when it is on
        Special("vlan_filtering", f"{_BRIDGE}vlan_filtering"),
    ),
    bridge_vlans=(
        Special("pvid", "bridge vlan add pvid"),
        Special("tagged", "bridge vlan add"),
        Special("untagged", "bridge vlan add untagged"),
    ),
    port=(
        Special("name", "ip link set master"),
        Word("cost", _PORT, "cost", NUMBER),
        Word("priority", _PORT, "priority", NUMBER),
        Word("hairpin", _PORT, "hairpin", ON_OFF),
        Word("isolated", _PORT, "isolated", ON_OFF),
        Word("learning", _PORT, "learning", ON_OFF),
        Word("flood", _PORT, "flood", ON_OFF),
        Word("guard", _PORT, "guard", ON_OFF),
    ),
    vlan=(
        Special("parent", "ip link add link"),
        Word("protocol", _VLAN, "proto"),
        Word("id", _VLAN, "id", NUMBER),
        Word("reorder", _VLAN, "reorder_hdr", ON_OFF),
        Word("gvrp", _VLAN, "gvrp", ON_OFF),
        Word("mvrp", _VLAN, "mvrp", ON_OFF),
        Word("loose_binding", _VLAN, "loose_binding", ON_OFF),
        Word("ingress_qos", _VLAN, "ingress-qos-map", qos_map("{pcp}:{priority}", " ")),
        Word("egress_qos", _VLAN, "egress-qos-map", qos_map("{priority}:{pcp}", " ")),
    ),
    macvlan=(
        Special("parent", "ip link add link"),
        Word("mode", _MACVLAN, "mode"),
    ),
    tuntap=(
        Word("mode", _TUNTAP, "mode", TEXT, unset="tap"),
        Word("owner", _TUNTAP, "user", _QUOTED),
        Word("group", _TUNTAP, "group", _QUOTED),
        Word("packet_info", _TUNTAP, "pi", FLAG),
        Word("vnet_hdr", _TUNTAP, "vnet_hdr", FLAG),
        Word("multi_queue", _TUNTAP, "multi_queue", FLAG),
        Special("bridge", "ip link set master"),
    ),
)
