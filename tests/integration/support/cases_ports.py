# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The cases of `cases.py` for how a network forwards, and for the ports that guests are plugged in."""

from __future__ import annotations

from typing import Any

from .cases import GENERAL, ISOLATED, NAT, OVS, Case
from .cases_services import SERVICES

_QBG = {
    "managerid": 11,
    "typeid": 1193047,
    "typeidversion": 2,
    "instanceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f",
}
_QBG2 = {
    "managerid": 12,
    "typeid": 1193048,
    "typeidversion": 3,
    "instanceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa50",
}
_OVS = {"interfaceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa51", "profileid": "one"}
_OVS2 = {"interfaceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa52", "profileid": "two"}
VEPA = {"forward": {"mode": "vepa", "interfaces": ["eth7"]}}


def _group(**more: Any) -> dict[str, Any]:
    return {"portgroups": [{"name": "web", **more}, {"name": "other"}]}


def _rate(average: int) -> dict[str, int]:
    return {"average": average, "peak": 2 * average, "burst": average + 24}


def _nat(low: int, high: int, ports: tuple[int, int]) -> dict[str, Any]:
    addresses = {"start": f"198.18.9.{low}", "end": f"198.18.9.{high}"}
    return {"forward": {"nat": {"addresses": addresses, "ports": {"start": ports[0], "end": ports[1]}}}}


FORWARDING = (
    Case(
        "forward.mode",
        NAT,
        (
            ({"forward": {"mode": "route"}}, {"forward/@mode": "route"}),
            ({"forward": {"mode": "open"}}, {"forward/@mode": "open"}),
            ({"forward": {"mode": "nat"}}, {"forward/@mode": "nat"}),
            ({"forward": {"mode": "none"}}, {"count(forward)": "0"}),
            ({"forward": {"mode": "nat"}}, {"forward/@mode": "nat"}),
            ({"forward": {}}, {"count(forward)": "0"}),
        ),
    ),
    Case(
        "forward.mode to a bridge",
        NAT,
        (
            (
                {"forward": {"mode": "bridge"}, "bridge": {"name": "br0"}},
                {"forward/@mode": "bridge", "bridge/@name": "br0", "count(ip|mac)": "0"},
            ),
            (
                {"forward": {"mode": "private", "interfaces": ["eth7"]}},
                {"forward/@mode": "private", "count(bridge|ip)": "0"},
            ),
            ({"forward": {"mode": "none"}, "bridge": {"name": "virbr-opt"}}, {"count(forward)": "0"}),
            (
                {"forward": {"mode": "bridge", "interfaces": ["eth7"]}},
                {"forward/@mode": "bridge", "forward/interface/@dev": "eth7", "count(bridge|mac)": "0"},
            ),
        ),
    ),
    Case(
        "forward.dev",
        NAT,
        (
            ({"forward": {"dev": "eth7"}}, {"forward/interface/@dev": "eth7"}),
            ({"forward": {"dev": "eth8"}}, {"forward/interface/@dev": "eth8", "forward/@dev": "eth8"}),
            ({"forward": {"dev": ""}}, {"count(forward/interface|forward/@dev)": "0"}),
        ),
    ),
    Case(
        "forward.interfaces",
        VEPA,
        (
            ({"forward": {"interfaces": ["eth7", "eth8"]}}, {"forward/interface[2]/@dev": "eth8"}),
            ({"forward": {"interfaces": ["eth7", "eth9"]}}, {"forward/interface[2]/@dev": "eth9"}),
            (
                {"forward": {"interfaces": ["eth6"]}},
                {"forward/interface/@dev": "eth6", "count(forward/interface)": "1"},
            ),
        ),
    ),
    Case(
        "forward.pf",
        {"forward": {"mode": "passthrough", "interfaces": ["eth7"]}},
        (
            ({"forward": {"pf": "eth5"}}, {"forward/pf/@dev": "eth5"}),
            ({"forward": {"pf": "eth6"}}, {"forward/pf/@dev": "eth6"}),
            (
                {"forward": {"pf": "", "interfaces": ["eth7"]}},
                {"count(forward/pf)": "0", "forward/interface/@dev": "eth7"},
            ),
        ),
        runs=False,
    ),
    Case(
        "forward.addresses",
        {"forward": {"mode": "hostdev", "addresses": ["0000:03:10.0"]}},
        (
            (
                {"forward": {"addresses": ["0000:03:10.1"], "driver": "vfio", "managed": True}},
                {"forward/address/@function": "0x1", "forward/driver/@name": "vfio", "forward/@managed": "yes"},
            ),
            (
                {"forward": {"addresses": ["03:10.2", "03:10.3"], "driver": "vfio", "managed": False}},
                {"forward/address[2]/@function": "0x3", "count(forward/@managed[.='yes'])": "0"},
            ),
            ({"forward": {"driver": ""}}, {"count(forward/driver)": "0", "count(forward/address)": "2"}),
        ),
        runs=False,
        hardware="is not an SR-IOV Virtual Function",
    ),
    Case(
        "forward.nat",
        NAT,
        (
            (
                _nat(10, 20, (2000, 3000)),
                {"forward/nat/address/@start": "198.18.9.10", "forward/nat/port/@end": "3000"},
            ),
            (
                _nat(9, 21, (1999, 3001)),
                {"forward/nat/address/@end": "198.18.9.21", "forward/nat/port/@start": "1999"},
            ),
            ({"forward": {"nat": {}}}, {"count(forward/nat/address)": "0"}),
        ),
    ),
    Case(
        "forward.nat.ipv6",
        {"forward": {"mode": "nat"}, "ips": [{"address": "fd00:150::1/64"}]},
        (
            ({"forward": {"nat": {"ipv6": True}}}, {"forward/nat/@ipv6": "yes"}),
            ({"forward": {"nat": {"ipv6": False}}}, {"count(forward/nat/@ipv6[.='yes'])": "0"}),
        ),
    ),
)

PORTS = (
    Case(
        "portgroups",
        ISOLATED,
        (
            (_group(default=True), {"portgroup[@name='web']/@default": "yes"}),
            (_group(default=False), {"count(portgroup/@default[.='yes'])": "0", "count(portgroup)": "2"}),
            (
                {"portgroups": [{"name": "app", "default": True}]},
                {"portgroup/@name": "app", "count(portgroup)": "1"},
            ),
            ({"portgroups": []}, {"count(portgroup)": "0"}),
        ),
    ),
    Case(
        "portgroups.trust_guest_rx_filters",
        OVS,
        (
            (_group(trust_guest_rx_filters=True), {"portgroup[@name='web']/@trustGuestRxFilters": "yes"}),
            (_group(trust_guest_rx_filters=False), {"count(portgroup/@trustGuestRxFilters[.='yes'])": "0"}),
        ),
    ),
    Case(
        "portgroups.bandwidth",
        ISOLATED,
        (
            (
                _group(bandwidth={"inbound": _rate(1000), "outbound": _rate(500)}),
                {"portgroup[@name='web']/bandwidth/inbound/@peak": "2000"},
            ),
            (
                _group(bandwidth={"inbound": _rate(1100), "outbound": _rate(600)}),
                {"portgroup[@name='web']/bandwidth/outbound/@average": "600"},
            ),
            (_group(bandwidth={}), {"count(portgroup/bandwidth)": "0", "count(portgroup)": "2"}),
        ),
    ),
    Case(
        "portgroups.vlan",
        OVS,
        (
            (
                _group(vlan={"trunk": True, "tags": [{"id": 10, "native_mode": "untagged"}, {"id": 20}]}),
                {"portgroup[@name='web']/vlan/@trunk": "yes", "portgroup/vlan/tag[@id=10]/@nativeMode": "untagged"},
            ),
            (
                _group(vlan={"tags": [{"id": 11, "native_mode": "tagged"}, {"id": 20}]}),
                {"portgroup/vlan/tag[@id=11]/@nativeMode": "tagged"},
            ),
            (
                _group(vlan={"trunk": True, "tags": [{"id": 12}]}),
                {"portgroup/vlan/@trunk": "yes", "portgroup/vlan/tag/@id": "12"},
            ),
            (
                _group(vlan={"trunk": False, "tags": [{"id": 12}]}),
                {"count(portgroup/vlan/@trunk)": "0", "portgroup/vlan/tag/@id": "12"},
            ),
            (_group(), {"count(portgroup/vlan)": "0"}),
        ),
    ),
    Case(
        "portgroups.virtualport",
        VEPA,
        (
            (
                _group(virtualport={"type": "802.1Qbg", "parameters": _QBG}),
                {"portgroup/virtualport/parameters/@typeid": "1193047"},
            ),
            (
                _group(virtualport={"type": "802.1Qbg", "parameters": _QBG2}),
                {"portgroup/virtualport/parameters/@managerid": "12"},
            ),
            (
                _group(virtualport={"type": "openvswitch", "parameters": _OVS}),
                {"portgroup/virtualport/@type": "openvswitch", "portgroup/virtualport/parameters/@profileid": "one"},
            ),
            (
                _group(virtualport={"type": "openvswitch", "parameters": _OVS2}),
                {"portgroup/virtualport/parameters/@profileid": "two"},
            ),
            (_group(), {"count(portgroup/virtualport)": "0"}),
        ),
    ),
    Case(
        "vlan",
        OVS,
        (
            (
                {"vlan": {"trunk": True, "tags": [{"id": 10, "native_mode": "untagged"}, {"id": 20}]}},
                {"vlan/@trunk": "yes", "vlan/tag[@id=10]/@nativeMode": "untagged"},
            ),
            (
                {"vlan": {"trunk": True, "tags": [{"id": 11, "native_mode": "tagged"}, {"id": 20}]}},
                {"vlan/tag[@id=11]/@nativeMode": "tagged"},
            ),
            ({"vlan": {"trunk": True, "tags": [{"id": 12}]}}, {"vlan/@trunk": "yes", "vlan/tag/@id": "12"}),
            ({"vlan": {"trunk": False, "tags": [{"id": 12}]}}, {"count(vlan/@trunk)": "0", "vlan/tag/@id": "12"}),
            ({"vlan": {"tags": []}}, {"count(vlan)": "0"}),
        ),
    ),
    Case(
        "virtualport 802.1Qbg",
        VEPA,
        (
            ({"virtualport": {"type": "802.1Qbg", "parameters": _QBG}}, {"virtualport/parameters/@managerid": "11"}),
            (
                {"virtualport": {"type": "802.1Qbg", "parameters": _QBG2}},
                {"virtualport/parameters/@typeidversion": "3"},
            ),
            ({"virtualport": {}}, {"count(virtualport)": "0"}),
        ),
    ),
    Case(
        "virtualport openvswitch",
        {"forward": {"mode": "bridge"}, "bridge": {"name": "ovsbr0"}},
        (
            (
                {"virtualport": {"type": "openvswitch", "parameters": _OVS}},
                {"virtualport/@type": "openvswitch", "virtualport/parameters/@interfaceid": _OVS["interfaceid"]},
            ),
            (
                {"virtualport": {"type": "openvswitch", "parameters": _OVS2}},
                {"virtualport/parameters/@profileid": "two"},
            ),
            (
                {"virtualport": {"type": "midonet", "parameters": {**_OVS, "profileid": ""}}},
                {"virtualport/@type": "midonet", "count(virtualport/parameters/@profileid)": "0"},
            ),
            ({"virtualport": {}}, {"count(virtualport)": "0"}),
        ),
    ),
)

CASES = (*GENERAL, *SERVICES, *FORWARDING, *PORTS)
