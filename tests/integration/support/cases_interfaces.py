# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What each option of the host's own interfaces is changed to, and what iproute2 must then say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .cases_common import ADDRESSED, COMMON, InterfaceCase, Steps, gateways

# Interfaces to plug together: p0 … p2, whose other ends q0 … q2 are up, and so have them carry.
PORTS = "set -e; " + "; ".join(
    f"ip link add p{n} address 02:00:00:00:07:1{n} type veth peer name q{n}; ip link set p{n} up; ip link set q{n} up"
    for n in range(3)
)


def _table(settings: Mapping[str, tuple[str, tuple[tuple[Any, Any], ...]]], prefix: str = "settings.") -> Steps:
    """Steps from a table: option -> what the kernel calls it, and pairs of what is given and what is seen."""
    longest = max(len(pairs) for _seen, pairs in settings.values())
    steps = []
    for number in range(longest):
        given, seen = {}, {}
        for option, (name, pairs) in settings.items():
            given[option], seen[prefix + name] = pairs[number % len(pairs)]
        steps.append((given, seen))
    return tuple(steps)


_ON_OFF = ((True, 1), (False, 0))
_OFF_ON = ((False, 0), (True, 1))
_YES_NO = ((True, True), (False, False))
_NO_YES = ((False, False), (True, True))


BRIDGE = (
    InterfaceCase(
        "linux_bridge",
        "spanning tree",
        {},
        _table(
            {
                "stp": ("stp_state", _ON_OFF),
                "priority": ("priority", ((4096, 4096), (61440, 61440))),
                "forward_delay": ("forward_delay", ((4, 400), (0, 0))),
                "hello_time": ("hello_time", ((1, 100), (3, 300))),
                "max_age": ("max_age", ((10, 1000), (12, 1200))),
                "ageing_time": ("ageing_time", ((60, 6000), (0, 0))),
            }
        ),
    ),
    InterfaceCase(
        "linux_bridge",
        "multicast and groups",
        {},
        _table(
            {
                "mcast_snooping": ("mcast_snooping", _OFF_ON),
                "mcast_querier": ("mcast_querier", _ON_OFF),
                "group_fwd_mask": ("group_fwd_mask", ((16384, "0x4000"), (8, "0x8"), (0, "0"))),
            }
        ),
    ),
    InterfaceCase(
        "linux_bridge",
        "ports",
        {},
        (
            ({"ports": [{"name": "p0"}]}, {"p0/master": "br7", "p1/master": None}),
            ({"ports": [{"name": "p1"}, {"name": "p2"}]}, {"p0/master": None, "p1/master": "br7", "p2/master": "br7"}),
            ({"ports": [{"name": "p2"}]}, {"p1/master": None, "p2/master": "br7"}),
            ({"ports": []}, {"p2/master": None}),
        ),
    ),
    InterfaceCase(
        "linux_bridge",
        "how a port is treated",
        {"ports": [{"name": "p0"}, {"name": "p1", "cost": 9}]},
        tuple(
            ({"ports": [{"name": "p1", "cost": 9}, {"name": "p0", **given}]}, {**seen, "p1/port.cost": 9})
            for given, seen in _table(
                {
                    "cost": ("cost", ((100, 100), (65535, 65535))),
                    "priority": ("priority", ((8, 8), (63, 63))),
                    "hairpin": ("hairpin", _YES_NO),
                    "isolated": ("isolated", _YES_NO),
                    "learning": ("learning", _NO_YES),
                    "flood": ("flood", _NO_YES),
                    "guard": ("guard", _YES_NO),
                },
                "p0/port.",
            )
        ),
    ),
    InterfaceCase(
        "linux_bridge",
        "VLAN filtering",
        {"ports": [{"name": "p0"}]},
        _table(
            {
                "vlan_filtering": ("vlan_filtering", _ON_OFF),
                "vlan_default_pvid": ("vlan_default_pvid", ((7, 7), (0, 0))),
                "vlan_protocol": ("vlan_protocol", (("802.1ad", "802.1ad"), ("802.1q", "802.1Q"))),
            }
        ),
        kernel=True,
    ),
    InterfaceCase(
        "linux_bridge",
        "VLANs of its own",
        {"vlan_filtering": True, "vlan_default_pvid": 0},
        (
            (
                {"pvid": 11, "tagged": ["12", "20-29"], "untagged": ["13"]},
                {"vlans": ["11 pvid egress untagged", "12", "13 egress untagged", "20-29"]},
            ),
            (
                {"pvid": 12, "tagged": ["25-34", "11", "12"], "untagged": ["40"]},
                {"vlans": ["11", "12 pvid", "25-34", "40 egress untagged"]},
            ),
            ({"pvid": 0, "tagged": ["7"], "untagged": []}, {"vlans": ["7"]}),
            ({"tagged": []}, {"vlans": []}),
        ),
        kernel=True,
    ),
    InterfaceCase(
        "linux_bridge",
        "VLANs of its ports",
        {"vlan_filtering": True, "vlan_default_pvid": 0},
        (
            (
                {
                    "ports": [
                        {"name": "p0", "pvid": 12, "untagged": ["12"]},
                        {"name": "p1", "tagged": ["11", "12", "100-199"]},
                    ]
                },
                {"p0/vlans": ["12 pvid egress untagged"], "p1/vlans": ["11-12", "100-199"]},
            ),
            (
                {
                    "ports": [
                        {"name": "p0", "pvid": 11, "untagged": ["11", "13"]},
                        {"name": "p1", "tagged": ["12", "150-250"], "pvid": 9},
                    ]
                },
                {
                    "p0/vlans": ["11 pvid egress untagged", "13 egress untagged"],
                    "p1/vlans": ["9 pvid egress untagged", "12", "150-250"],
                },
            ),
            (
                {"ports": [{"name": "p0", "pvid": 0, "tagged": [], "untagged": []}, {"name": "p1", "tagged": ["12"]}]},
                {"p0/vlans": [], "p1/vlans": ["9 pvid egress untagged", "12"]},
            ),
        ),
        kernel=True,
    ),
)

VLAN = (
    InterfaceCase(
        "vlan_iface",
        "what makes it another one",
        {"parent": "p0", "id": 11},
        (
            ({"parent": "p1"}, {"parent": "p1", "settings.id": 11}),
            ({"id": 12}, {"parent": "p1", "settings.id": 12}),
            ({"protocol": "802.1ad"}, {"settings.protocol": "802.1ad", "settings.id": 12}),
            (
                {"parent": "p0", "id": 4094, "protocol": "802.1q"},
                {"parent": "p0", "settings.protocol": "802.1Q", "settings.id": 4094},
            ),
        ),
        kernel=True,
    ),
    InterfaceCase(
        "vlan_iface",
        "flags",
        {"parent": "p0", "id": 11},
        (
            (
                {"reorder": False, "gvrp": True, "mvrp": False, "loose_binding": True},
                {"settings.flags": ["GVRP", "LOOSE_BINDING"]},
            ),
            (
                {"reorder": True, "gvrp": False, "mvrp": True, "loose_binding": False},
                {"settings.flags": ["REORDER_HDR", "MVRP"]},
            ),
            ({"mvrp": False}, {"settings.flags": ["REORDER_HDR"]}),
        ),
        kernel=True,
    ),
    InterfaceCase(
        "vlan_iface",
        "priorities",
        {"parent": "p0", "id": 11},
        (
            (
                {
                    "ingress_qos": [{"pcp": 5, "priority": 6}, {"pcp": 1, "priority": 2}],
                    "egress_qos": [{"priority": 6, "pcp": 5}, {"priority": 2, "pcp": 1}],
                },
                {
                    "settings.ingress_qos": [{"from": 1, "to": 2}, {"from": 5, "to": 6}],
                    "settings.egress_qos": [{"from": 2, "to": 1}, {"from": 6, "to": 5}],
                },
            ),
            (
                {"ingress_qos": [{"pcp": 5, "priority": 7}], "egress_qos": [{"priority": 6, "pcp": 4}]},
                {"settings.ingress_qos": [{"from": 5, "to": 7}], "settings.egress_qos": [{"from": 6, "to": 4}]},
            ),
            (
                {"ingress_qos": [], "egress_qos": []},
                {"settings.ingress_qos": None, "settings.egress_qos": None},
            ),
        ),
        kernel=True,
    ),
)

TUNTAP = (
    InterfaceCase(
        "tuntap",
        "what makes it another one",
        {},
        (
            ({"mode": "tun"}, {"settings.type": "tun"}),
            ({"multi_queue": True}, {"settings.type": "tun", "settings.multi_queue": True}),
            ({"mode": "tap", "multi_queue": False}, {"settings.type": "tap", "settings.multi_queue": False}),
        ),
    ),
    InterfaceCase(
        "tuntap",
        "who may open it, and how",
        {},
        (
            (
                {"owner": "nobody", "group": "nogroup", "packet_info": True, "vnet_hdr": True},
                {
                    "settings.user": "nobody",
                    "settings.group": "nogroup",
                    "settings.pi": True,
                    "settings.vnet_hdr": True,
                    "settings.persist": True,
                },
            ),
            (
                {"owner": "1", "group": "daemon", "packet_info": False, "vnet_hdr": False},
                {
                    "settings.user": "daemon",
                    "settings.group": "daemon",
                    "settings.pi": False,
                    "settings.vnet_hdr": False,
                },
            ),
            ({"owner": "", "group": ""}, {"settings.user": None, "settings.group": None}),
        ),
    ),
    InterfaceCase(
        "tuntap",
        "on a bridge",
        {},
        (
            ({"bridge": "br8"}, {"master": "br8"}),
            ({"bridge": "br9"}, {"master": "br9"}),
            ({"bridge": ""}, {"master": None}),
        ),
    ),
)


MACVLAN = (
    InterfaceCase(
        "macvlan_iface",
        "modes and parents",
        {"parent": "p0"},
        (
            ({"parent": "p1", "mode": "private"}, {"parent": "p1", "settings.mode": "private"}),
            ({"mode": "vepa"}, {"parent": "p1", "settings.mode": "vepa"}),
            ({"mode": "passthru"}, {"mac": "02:00:00:00:07:11", "settings.mode": "passthru"}),
            ({"parent": "p0", "mode": "bridge"}, {"parent": "p0", "settings.mode": "bridge"}),
        ),
    ),
)

_BASES: Mapping[str, Mapping[str, Any]] = {
    "linux_bridge": {},
    "vlan_iface": {"parent": "p0", "id": 11},
    "macvlan_iface": {"parent": "p0"},
    "tuntap": {},
}
CASES = (
    *BRIDGE,
    *VLAN,
    *MACVLAN,
    *TUNTAP,
    *(
        InterfaceCase(module, name, {**base, **start}, steps, kernel=module == "vlan_iface")
        for module, base in _BASES.items()
        for name, (start, steps) in COMMON.items()
    ),
    InterfaceCase("linux_bridge", "gateways", ADDRESSED, gateways()),
    InterfaceCase("vlan_iface", "gateways", {**_BASES["vlan_iface"], **ADDRESSED}, gateways(), kernel=True),
    InterfaceCase("macvlan_iface", "gateways", {**_BASES["macvlan_iface"], **ADDRESSED}, gateways()),
)
