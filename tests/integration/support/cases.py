# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What each option of a network is changed to, and where libvirt's document must then say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """A network made of ``base``, then changed by each of ``steps`` in turn.

    A step is the options that are given, and what they must have come to in the stored document, by XPath; the last
    one removes. ``runs`` is false for what no host of the lab can start, ``probe`` a command that says whether this one
    can. ``since`` is the libvirt that knows it: an older one must be found out before anything is touched. ``hardware``
    is what libvirt says where the hardware is missing: then nothing may be left behind.
    """

    name: str
    base: Mapping[str, Any]
    steps: tuple[tuple[Mapping[str, Any], Mapping[str, str]], ...]
    runs: bool = True
    probe: str = "true"
    hardware: str = ""
    since: tuple[int, ...] = (0,)
    namespaces: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


# What libvirt sets up for a network's bandwidth; not every kernel has it.
SHAPES = """
ip link add name probe0 type bridge && tc qdisc add dev probe0 root handle 1: htb default 2 &&
tc class add dev probe0 parent 1: classid 1:1 htb rate 8000kbit && tc qdisc add dev probe0 parent 1:1 handle 2: sfq perturb 10
can=$?; ip link del probe0; exit $can
"""
NAT = {"forward": {"mode": "nat"}, "ips": [{"address": "192.168.150.1/24"}]}
ISOLATED: dict[str, Any] = {"bridge": {"name": "virbr-opt"}}
OVS = {"forward": {"mode": "bridge"}, "bridge": {"name": "ovsbr0"}, "virtualport": {"type": "openvswitch"}}
DNSMASQ = {"dnsmasq": "http://libvirt.org/schemas/network/dnsmasq/1.0"}
VNET = {"a": "urn:example:a", "b": "urn:example:b"}


GENERAL = (
    Case(
        "title and description",
        ISOLATED,
        (
            ({"title": "A", "description": "a\nb"}, {"title": "A", "description": "a\nb"}),
            ({"title": "B & <C>", "description": "c"}, {"title": "B & <C>", "description": "c"}),
            ({"title": "", "description": ""}, {"count(title|description)": "0"}),
        ),
        since=(9, 7, 0),
    ),
    Case(
        "metadata",
        ISOLATED,
        (
            ({"metadata": ['<a:x xmlns:a="urn:example:a">1</a:x>']}, {"metadata/a:x": "1"}),
            (
                {"metadata": ['<b:y xmlns:b="urn:example:b" k="v"/>', '<a:x xmlns:a="urn:example:a">2</a:x>']},
                {"metadata/a:x": "2", "metadata/b:y/@k": "v"},
            ),
            ({"metadata": []}, {"count(metadata)": "0"}),
        ),
        namespaces=VNET,
    ),
    Case(
        "ipv6",
        ISOLATED,
        (({"ipv6": True}, {"@ipv6": "yes"}), ({"ipv6": False}, {"count(@ipv6)": "0"})),
    ),
    Case(
        "trust_guest_rx_filters",
        OVS,
        (
            ({"trust_guest_rx_filters": True}, {"@trustGuestRxFilters": "yes"}),
            ({"trust_guest_rx_filters": False}, {"count(@trustGuestRxFilters[.='yes'])": "0"}),
        ),
    ),
    Case(
        "mac and mtu",
        ISOLATED,
        (
            ({"mac": "52:54:00:aa:bb:01", "mtu": 1400}, {"mac/@address": "52:54:00:aa:bb:01", "mtu/@size": "1400"}),
            ({"mac": "52-54-00-AA-BB-02", "mtu": 9000}, {"mac/@address": "52:54:00:aa:bb:02", "mtu/@size": "9000"}),
            ({"mtu": 0}, {"count(mtu)": "0", "mac/@address": "52:54:00:aa:bb:02"}),
        ),
    ),
    Case(
        "isolated",
        ISOLATED,
        (({"isolated": True}, {"port/@isolated": "yes"}), ({"isolated": False}, {"count(port[@isolated='yes'])": "0"})),
    ),
    Case(
        "bridge",
        {},
        (
            (
                {"bridge": {"name": "virbr-one", "stp": False, "delay": 2}},
                {"bridge/@name": "virbr-one", "bridge/@stp": "off", "bridge/@delay": "2"},
            ),
            (
                {"bridge": {"name": "virbr-two", "stp": True, "delay": 0}},
                {"bridge/@name": "virbr-two", "bridge/@stp": "on", "bridge/@delay": "0"},
            ),
        ),
    ),
    Case(
        "bridge.zone",
        ISOLATED,
        (
            ({"bridge": {"zone": "public"}}, {"bridge/@zone": "public"}),
            ({"bridge": {"zone": "home"}}, {"bridge/@zone": "home"}),
            ({"bridge": {"zone": ""}}, {"count(bridge/@zone)": "0"}),
        ),
        runs=False,
    ),
    Case(
        "bridge.mac_table_manager",
        ISOLATED,
        (
            ({"bridge": {"mac_table_manager": "libvirt"}}, {"bridge/@macTableManager": "libvirt"}),
            ({"bridge": {"mac_table_manager": "kernel"}}, {"count(bridge/@macTableManager[.='libvirt'])": "0"}),
        ),
        runs=False,
    ),
    Case(
        "bandwidth",
        ISOLATED,
        (
            (
                {
                    "bandwidth": {
                        "inbound": {"average": 1000, "peak": 2000, "burst": 1024},
                        "outbound": {"average": 500, "peak": 900, "burst": 128},
                    }
                },
                {"bandwidth/inbound/@peak": "2000", "bandwidth/outbound/@burst": "128"},
            ),
            (
                {
                    "bandwidth": {
                        "inbound": {"average": 1500, "peak": 3000, "burst": 2048},
                        "outbound": {"average": 600, "peak": 1200, "burst": 256},
                    }
                },
                {"bandwidth/inbound/@average": "1500", "bandwidth/outbound/@average": "600"},
            ),
            (
                {"bandwidth": {"inbound": {"peak": 0, "burst": 0}, "outbound": {}}},
                {"bandwidth/inbound/@average": "1500", "count(bandwidth/*)": "1", "count(bandwidth/inbound/@*)": "1"},
            ),
            ({"bandwidth": {}}, {"count(bandwidth)": "0"}),
        ),
        probe=SHAPES,
    ),
    Case(
        "dnsmasq_options",
        NAT,
        (
            ({"dnsmasq_options": ["dns-loop-detect"]}, {"dnsmasq:options/dnsmasq:option/@value": "dns-loop-detect"}),
            (
                {"dnsmasq_options": ["address=/a.example/192.168.150.9", "cache-size=7"]},
                {"dnsmasq:options/dnsmasq:option[2]/@value": "cache-size=7"},
            ),
            ({"dnsmasq_options": []}, {"count(dnsmasq:options)": "0"}),
        ),
        namespaces=DNSMASQ,
    ),
    Case(
        "domain",
        NAT,
        (
            (
                {"domain": {"name": "a.example", "local_only": True}},
                {"domain/@name": "a.example", "domain/@localOnly": "yes"},
            ),
            (
                {"domain": {"name": "b.example", "local_only": False}},
                {"domain/@name": "b.example", "count(domain/@localOnly[.='yes'])": "0"},
            ),
            ({"domain": {}}, {"count(domain)": "0"}),
        ),
    ),
    Case(
        "domain.register",
        {**NAT, "domain": {"name": "a.example", "local_only": True}},
        (
            ({"domain": {"register": True}}, {"domain/@register": "yes"}),
            ({"domain": {"register": False}}, {"count(domain/@register[.='yes'])": "0"}),
        ),
        runs=False,
        since=(10, 1, 0),
    ),
)


def leaves(value: Any, path: str = "", place: str = "") -> Iterator[tuple[str, str, Any]]:
    """The options that a value gives: the path in the argument spec, the very place, and what is given."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}".lstrip("."), f"{place}.{name}".lstrip("."))
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for number, inner in enumerate(value):
            yield from leaves(inner, path, f"{place}.{number}")
    else:
        yield path, place, value


def spec_leaves(spec: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The options that an argument spec takes, without those that only hold others."""
    for name, option in spec.items():
        where = f"{path}.{name}".lstrip(".")
        if option.get("options"):
            yield from spec_leaves(option["options"], where)
        else:
            yield where


def replaced(value: Any, place: str, new: Any) -> Any:
    """``value`` with another value at one place."""
    head, _dot, rest = place.partition(".")
    inner = replaced(value[int(head) if isinstance(value, list) else head], rest, new) if rest else new
    if isinstance(value, list):
        return [inner if number == int(head) else item for number, item in enumerate(value)]
    return {**value, head: inner}
