# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netplan's words (netplan(5)), some of which depend on what does the work for it, its renderer.

What only networkd lacks is passed through to NetworkManager, in that one's own words (``networkmanager.passthrough``).
"""

from __future__ import annotations

from collections.abc import Mapping

from ...model.interface.options import Interface, MacvlanIface, Tuntap
from ..words import Cannot, Codec, Special, Word, Words

NETWORKD, NETWORKMANAGER = "networkd", "NetworkManager"  # as `renderer` in its files has them


def _not_0(option: str, value: int) -> str:
    return "" if value else f"{option} {value}"


_AS_IT_IS = Codec(lambda value: value)
_POSITIVE = Codec(lambda number: number or None, "not 0", _not_0)
_NO_DEVICE = "netplan has no TUN and TAP devices"
_NO_MACVLAN = "netplan has no macvlan interfaces"
#: The kinds of interfaces that netplan can't make, in words.
NOT_MADE: Mapping[type[Interface], str] = {Tuntap: "a TUN or TAP device", MacvlanIface: "a macvlan interface"}

WORDS = Words(
    form="{where}{key}",
    interface=(
        Special("name", "bridges.NAME, vlans.NAME"),
        Word("mac", "", "macaddress", _AS_IT_IS),
        Word("mtu", "", "mtu", _AS_IT_IS),
        Special("up", "activation-mode", "`off` for false; not with NetworkManager"),
        Special("addresses", "addresses"),
        Special("routes", "routes"),
    ),
    uplink=(
        Word("dhcp4", "", "dhcp4", _AS_IT_IS),
        Word("dhcp6", "", "dhcp6", _AS_IT_IS),
        Special("nameservers", "nameservers.addresses", "with networkd it needs systemd-resolved"),
        Special("search", "nameservers.search", "with networkd it needs systemd-resolved"),
        Special("gateway", "routes"),
        Special("gateway6", "routes"),
    ),
    ipv6=(
        Special("enabled", "link-local, accept-ra", "with networkd no more than that"),
        Special("accept_ra", "accept-ra"),
        Cannot("autoconf", "false is lost where advertisements are accepted", usual=True),
        Special("addr_gen_mode", "ipv6-address-generation", "not `random`; with networkd not `stable-privacy`"),
    ),
    bridge=(
        Word("stp", "parameters.", "stp", _AS_IT_IS, unset=False),
        Word("priority", "parameters.", "priority", _POSITIVE),
        Word("forward_delay", "parameters.", "forward-delay", _POSITIVE),
        Word("hello_time", "parameters.", "hello-time", _POSITIVE),
        Word("max_age", "parameters.", "max-age", _POSITIVE),
        Word("ageing_time", "parameters.", "ageing-time", _AS_IT_IS),
        Cannot("vlan_filtering", renderer=NETWORKD),
        Cannot("vlan_default_pvid", renderer=NETWORKD),
        Cannot("vlan_protocol", renderer=NETWORKD),
        Cannot("mcast_snooping", renderer=NETWORKD),
        Cannot("mcast_querier", renderer=NETWORKD),
        Cannot("group_fwd_mask", renderer=NETWORKD),
    ),
    bridge_vlans=(
        Cannot("pvid", renderer=NETWORKD),
        Cannot("tagged", renderer=NETWORKD),
        Cannot("untagged", renderer=NETWORKD),
    ),
    port=(
        Special("name", "interfaces"),
        Word("cost", "parameters.", "path-cost", _AS_IT_IS),
        Word("priority", "parameters.", "port-priority", _AS_IT_IS),
        Cannot("hairpin", renderer=NETWORKD),
        Cannot("isolated"),
        Cannot("learning"),
        Cannot("flood"),
        Cannot("guard"),
    ),
    vlan=(
        Word("id", "", "id", _AS_IT_IS),
        Special("parent", "link"),
        Cannot("protocol", renderer=NETWORKD),
        Cannot("reorder", renderer=NETWORKD),
        Cannot("gvrp", renderer=NETWORKD),
        Cannot("mvrp", renderer=NETWORKD),
        Cannot("loose_binding", renderer=NETWORKD),
        Cannot("ingress_qos", renderer=NETWORKD),
        Cannot("egress_qos", renderer=NETWORKD),
    ),
    macvlan=(
        Cannot("parent", _NO_MACVLAN),
        Cannot("mode", _NO_MACVLAN),
    ),
    tuntap=(
        Cannot("mode", _NO_DEVICE),
        Cannot("owner", _NO_DEVICE),
        Cannot("group", _NO_DEVICE),
        Cannot("packet_info", _NO_DEVICE),
        Cannot("vnet_hdr", _NO_DEVICE),
        Cannot("multi_queue", _NO_DEVICE),
        Cannot("bridge", _NO_DEVICE),
    ),
)
