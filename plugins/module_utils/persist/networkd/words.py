# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""networkd's words (systemd.netdev(5), systemd.network(5))."""

from __future__ import annotations

from ..words import NO_YES, NUMBER, SECONDS, TEXT, YES_NO, Codec, Special, Word, Words, qos_map

_NONE_FOR_0 = Codec(lambda vid: vid or "none", "`none` for 0")

WORDS = Words(
    form="[{where}] {key}",
    interface=(
        Special("name", "[NetDev] Name", "and `[Match] Name`"),
        Special("mac", "[NetDev] MACAddress", "of a TUN or TAP device `[Link] MACAddress`"),
        Special("mtu", "[NetDev] MTUBytes", "of a TUN or TAP device `[Link] MTUBytes`"),
        Special("up", "[Link] ActivationPolicy", "`down` for false"),
        Special("addresses", "[Address]"),
        Special("routes", "[Route]"),
    ),
    uplink=(
        Special("dhcp4", "[Network] DHCP", "`ipv4`, or `yes` with `dhcp6`"),
        Special("dhcp6", "[Network] DHCP", "`ipv6`, or `yes` with `dhcp4`; and `[DHCPv6] WithoutRA`"),
        Special("nameservers", "[Network] DNS", "needs systemd-resolved"),
        Special("search", "[Network] Domains", "needs systemd-resolved"),
        Special("gateway", "[Route] Gateway"),
        Special("gateway6", "[Route] Gateway"),
    ),
    ipv6=(
        Special("enabled", "[Network] LinkLocalAddressing, IPv6AcceptRA", "and sysctl.d `disable_ipv6`"),
        Special("accept_ra", "[Network] IPv6AcceptRA"),
        Special("autoconf", "[IPv6AcceptRA] UseAutonomousPrefix", "and sysctl.d `autoconf`"),
        Special("addr_gen_mode", "[Network] IPv6LinkLocalAddressGenerationMode"),
    ),
    bridge=(
        Word("stp", "Bridge", "STP", YES_NO),
        Word("priority", "Bridge", "Priority", NUMBER),
        Word("forward_delay", "Bridge", "ForwardDelaySec", SECONDS),
        Word("hello_time", "Bridge", "HelloTimeSec", SECONDS),
        Word("max_age", "Bridge", "MaxAgeSec", SECONDS),
        Word("ageing_time", "Bridge", "AgeingTimeSec", SECONDS),
        Word("vlan_filtering", "Bridge", "VLANFiltering", YES_NO),
        Word("vlan_protocol", "Bridge", "VLANProtocol"),
        Word("vlan_default_pvid", "Bridge", "DefaultPVID", _NONE_FOR_0),
        Word("mcast_snooping", "Bridge", "MulticastSnooping", YES_NO),
        Word("mcast_querier", "Bridge", "MulticastQuerier", YES_NO),
        Word("group_fwd_mask", "Bridge", "GroupForwardMask", NUMBER),
    ),
    bridge_vlans=(
        Special("pvid", "[BridgeVLAN] PVID", "before systemd 256 only besides the default VLAN"),
        Special("tagged", "[BridgeVLAN] VLAN"),
        Special("untagged", "[BridgeVLAN] EgressUntagged"),
    ),
    port=(
        Special("name", "[Network] Bridge", "in the port's own files"),
        Word("cost", "Bridge", "Cost", NUMBER),
        Word("priority", "Bridge", "Priority", NUMBER),
        Word("hairpin", "Bridge", "HairPin", YES_NO),
        Word("isolated", "Bridge", "Isolated", YES_NO),
        Word("learning", "Bridge", "Learning", YES_NO),
        Word("flood", "Bridge", "UnicastFlood", YES_NO),
        # what it calls so is the kernel's guard, the other way round
        Word("guard", "Bridge", "UseBPDU", NO_YES),
    ),
    vlan=(
        Special("parent", "[Network] VLAN", "in the parent's files"),
        Word("id", "VLAN", "Id", NUMBER),
        Word("protocol", "VLAN", "Protocol"),
        Word("reorder", "VLAN", "ReorderHeader", YES_NO),
        Word("gvrp", "VLAN", "GVRP", YES_NO),
        Word("mvrp", "VLAN", "MVRP", YES_NO),
        Word("loose_binding", "VLAN", "LooseBinding", YES_NO),
        Word("ingress_qos", "VLAN", "IngressQOSMaps", qos_map("{pcp}-{priority}", " ")),
        Word("egress_qos", "VLAN", "EgressQOSMaps", qos_map("{priority}-{pcp}", " ")),
    ),
    macvlan=(
        Special("parent", "[Network] MACVLAN", "in the parent's files"),
        Word("mode", "MACVLAN", "Mode"),
    ),
    # in a section [Tun] for a TUN device
    tuntap=(
        Special("mode", "[NetDev] Kind"),
        Word("multi_queue", "Tap", "MultiQueue", YES_NO),
        Word("packet_info", "Tap", "PacketInfo", YES_NO),
        Word("vnet_hdr", "Tap", "VNetHeader", YES_NO),
        Word("owner", "Tap", "User", TEXT),
        Word("group", "Tap", "Group", TEXT),
        Special("bridge", "[Network] Bridge"),
    ),
)
