# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The tables and the reading of the kernel's messages; that a kernel takes what is written is shown on real hosts."""

from __future__ import annotations

import errno
import socket
import struct
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.netlink import (
    channel,
    interfaces,
    layer3,
    link_kinds,
    links,
    read,
    tables,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import accounts, proc_net, udev
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import shapes
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    BridgeVlans,
    Interface,
    InterfaceRoute,
    Ipv6,
    LinuxBridge,
    MacvlanIface,
    Port,
    Route,
    Tuntap,
    Uplink,
    VlanIface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.ipv6_settings import (
    IPV6_SETTINGS,
    sysctl_path,
    sysctl_values,
)

attribute = channel.attribute
NAMES = {7: "br0", 8: "ens3"}


def _own(cls: type, *parts: type) -> set[str]:
    shared = {shape.name for part in parts for shape in shapes(part)}
    return {shape.name for shape in shapes(cls)} - shared - {"name"}


def _fields(table: Any) -> set[str]:
    return {setting.field for setting in table}


def test_every_option_stands_in_a_table() -> None:
    assert _fields(tables.BRIDGE) == _own(LinuxBridge, Uplink, BridgeVlans) - {"ports"}
    assert _fields(tables.PORT) == _own(Port, BridgeVlans)
    qos = {"ingress_qos", "egress_qos"}
    assert _fields(tables.VLAN) | set(tables.VLAN_FLAGS) | qos | {"parent"} == _own(VlanIface, Uplink)
    assert _fields(tables.MACVLAN) | {"parent"} == _own(MacvlanIface, Uplink)
    assert _fields(tables.TUN) | {"mode", "owner", "group", "bridge"} == _own(Tuntap, Interface)
    assert _fields(IPV6_SETTINGS) == {shape.name for shape in shapes(Ipv6)}


@pytest.mark.parametrize("table", [tables.BRIDGE, tables.PORT, tables.VLAN, tables.TUN])
def test_an_attribute_is_in_a_table_once(table: Any) -> None:
    for part in ("field", "attribute", "number"):
        assert len({getattr(setting, part) for setting in table}) == len(table)


def test_units() -> None:
    asked = LinuxBridge(forward_delay=4, stp=True, vlan_protocol="802.1ad", priority=100)
    assert dict(tables.attributes_for(tables.BRIDGE, asked)) == {
        "IFLA_BR_FORWARD_DELAY": 400,
        "IFLA_BR_STP_STATE": 1,
        "IFLA_BR_PRIORITY": 100,
        "IFLA_BR_VLAN_PROTOCOL": 0x88A8,
    }
    held = {1: struct.pack("=I", 400), 2: struct.pack("=I", 150), 5: b"\1", 8: struct.pack("!H", 0x88A8)}
    # one and a half seconds are neither one nor two
    shown = {"forward_delay": 4, "hello_time": 1.5, "stp": True, "vlan_protocol": "802.1ad"}
    assert tables.options_from(tables.BRIDGE, held) == shown


def test_attributes_are_read_as_they_are_written() -> None:
    data = attribute(3, b"br0\0") + attribute(0x8000 | 18, attribute(1, b"x")) + attribute(3, b"abcde")
    assert channel.attributes(data) == {3: b"abcde", 18: attribute(1, b"x")[:8]}
    assert [number for number, _payload in channel.each_attribute(data)] == [3, 18, 3]


def _vlan(flags: int, vid: int) -> bytes:
    return attribute(2, struct.pack("=HH", flags, vid))


def test_vlans_come_as_ranges() -> None:
    # 1 pvid untagged, 2-3 untagged, 10-20 tagged, 21 tagged
    held = _vlan(0x6, 1) + _vlan(0xC, 2) + _vlan(0x14, 3) + _vlan(0x8, 10) + _vlan(0x10, 20) + _vlan(0, 21)
    shown = {"pvid": 1, "tagged": ("10-21",), "untagged": ("1-3",)}
    assert read._vlan_options(attribute(0, b"\0\0") + held) == shown
    assert read._vlan_options(None) == {}


class Answers:
    """What stands in for a socket: the messages that a dump brings."""

    def __init__(self, kind: int, *messages: bytes) -> None:
        self.messages = [(kind, message) for message in messages]

    def dump(self, _doing: str, _kind: int, _body: bytes) -> list[tuple[int, bytes]]:
        return self.messages


def _address(family: int, prefix: int, *held: bytes, flags: int = 0x80, scope: int = 0) -> bytes:
    return struct.pack("=BBBBI", family, prefix, flags, scope, 7) + b"".join(held)


def _ip(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


FOR_EVER = attribute(6, struct.pack("=IIII", 0xFFFFFFFF, 0xFFFFFFFF, 0, 0))


@pytest.mark.parametrize(
    "message, expected",
    [
        (
            _address(
                2, 24, attribute(1, _ip("10.0.0.1")), attribute(2, _ip("10.0.0.1")), attribute(3, b"br0\0"), FOR_EVER
            ),
            Address("10.0.0.1/24"),
        ),
        (
            _address(
                2,
                24,
                attribute(1, _ip("10.0.0.1")),
                attribute(2, _ip("10.0.0.1")),
                attribute(3, b"br0:1\0"),
                attribute(4, _ip("10.0.0.255")),
                attribute(6, struct.pack("=IIII", 50, 60, 0, 0)),
                attribute(8, struct.pack("=I", 0x200)),
                attribute(9, struct.pack("=I", 77)),
            ),
            Address(
                "10.0.0.1/24",
                broadcast="10.0.0.255",
                flags=0x200,
                metric=77,
                label="br0:1",
                valid_seconds=60,
                preferred_seconds=50,
                origin="dhcp",
            ),
        ),
        (
            _address(2, 30, attribute(1, _ip("10.0.0.2")), attribute(2, _ip("10.0.0.1")), FOR_EVER),
            Address("10.0.0.1/30", peer="10.0.0.2/30"),
        ),
        # a link's own address, one of an advertisement, and one of the same on a kernel that doesn't say so
        (_address(10, 64, attribute(1, _ip("fe80::1")), FOR_EVER, scope=253), None),
        (
            _address(10, 64, attribute(1, _ip("fd00::1")), attribute(11, b"\2"), FOR_EVER),
            Address("fd00::1/64", origin="ra"),
        ),
        (
            _address(10, 64, attribute(1, _ip("fd00::1")), attribute(8, struct.pack("=I", 0x100))),
            Address("fd00::1/64", flags=0x100, origin="ra"),
        ),
        # a DHCPv6 client's, which has an end, too
        (
            _address(10, 128, attribute(1, _ip("fd00::1")), attribute(6, struct.pack("=IIII", 5, 6, 0, 0)), flags=0),
            Address("fd00::1/128", valid_seconds=6, preferred_seconds=5, origin="dhcp"),
        ),
    ],
)
def test_addresses(message: bytes, expected: Any) -> None:
    found: Any = layer3.read_addresses(Answers(20, message), NAMES)  # type: ignore[arg-type]
    assert found.get(7, []) == ([expected] if expected else [])


def _route(family: int, prefix: int, *held: bytes, protocol: int = 4, table: int = 254, of_type: int = 1) -> bytes:
    return struct.pack("=BBBBBBBBI", family, prefix, 0, 0, table, protocol, 0, of_type, 0) + b"".join(held)


def _number(value: int) -> bytes:
    return struct.pack("=I", value)


def _hop(index: int, gateway: str) -> bytes:
    held = attribute(5, _ip(gateway))
    return struct.pack("=HBBi", 8 + len(held), 0, 0, index) + held


@pytest.mark.parametrize(
    "message, expected",
    [
        (
            _route(2, 0, attribute(5, _ip("10.0.0.254")), attribute(4, _number(7)), protocol=3),
            {7: [Route(InterfaceRoute(to="0.0.0.0/0", via="10.0.0.254"), protocol=3)]},
        ),
        (
            _route(
                10,
                64,
                attribute(1, _ip("fd01::")),
                attribute(4, _number(7)),
                attribute(6, _number(1024)),
                attribute(15, _number(1000)),
                attribute(7, _ip("fd00::1")),
                table=252,
            ),
            {7: [Route(InterfaceRoute(to="fd01::/64", table=1000, source="fd00::1"))]},
        ),
        # IPv6 shows routes of the same destination as one with several next hops
        (
            _route(10, 0, attribute(6, _number(100)), attribute(9, _hop(7, "fd00::1") + _hop(8, "fd00::2"))),
            {
                7: [Route(InterfaceRoute(to="::/0", via="fd00::1", metric=100))],
                8: [Route(InterfaceRoute(to="::/0", via="fd00::2", metric=100))],
            },
        ),
        # of one advertised, and of a routing daemon
        (
            _route(
                10,
                0,
                attribute(5, _ip("fe80::1")),
                attribute(4, _number(7)),
                attribute(6, _number(1024)),
                attribute(12, struct.pack("=IIiIIII", 0, 0, 178000, 0, 0, 0, 0)),
                protocol=9,
            ),
            {7: [Route(InterfaceRoute(to="::/0", via="fe80::1"), protocol=9, origin="ra", seconds=1780)]},
        ),
        (
            _route(2, 8, attribute(1, _ip("10.0.0.0")), attribute(4, _number(7)), protocol=12),
            {7: [Route(InterfaceRoute(to="10.0.0.0/8"), protocol=12, origin="other")]},
        ),
        # an IPv4 route of several, the kernel's, a local one, and one that leads nowhere
        (_route(2, 0, attribute(9, _hop(7, "10.0.0.1") + _hop(8, "10.0.0.2"))), {}),
        (_route(2, 24, attribute(1, _ip("10.0.0.0")), attribute(4, _number(7)), protocol=2), {}),
        (_route(2, 32, attribute(1, _ip("10.0.0.1")), attribute(4, _number(7)), table=255), {}),
        (_route(2, 24, attribute(1, _ip("10.1.0.0")), attribute(4, _number(7)), of_type=6), {}),
    ],
)
def test_routes(message: bytes, expected: Any) -> None:
    found: Any = layer3.read_routes(Answers(24, message), NAMES)  # type: ignore[arg-type]
    assert found == expected


def test_an_error_is_told_in_the_kernels_words() -> None:
    words = attribute(1, b"Unknown device type\0")
    payload = struct.pack("=i", -95) + struct.pack("=IHHII", 16, 16, 0, 1, 0) + words
    with pytest.raises(channel.KernelError, match=r"create x: .*\(Unknown device type\)") as caught:
        channel._raise("create x", 2, 0x300, payload)
    assert caught.value.code == 95
    channel._raise("create x", 2, 0, struct.pack("=i", 0))


class Network:
    """A channel to a kernel; another program removes an address right after it was added, once."""

    def __init__(self) -> None:
        self.requests: list[int] = []

    def get(self, *_request: Any) -> bytes:
        return read.LINK.pack(0, 0, 7, 0, 0)

    def request(self, doing: str, kind: int, _body: bytes, _flags: int = 0) -> None:
        self.requests.append(kind)
        if kind == layer3.RTM_NEWROUTE and self.requests.count(layer3.RTM_NEWADDR) < 2:
            raise channel.KernelError(doing, errno.ENETUNREACH, "Nexthop has invalid gateway")


def test_an_address_that_networkd_removes_is_added_again_for_its_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network()
    monkeypatch.setattr(interfaces, "Channel", lambda _netns: network)
    driver = interfaces.Interfaces(None)
    route = Route(InterfaceRoute(to="default", via="192.168.1.1"))
    with pytest.raises(channel.KernelError, match="invalid gateway"):
        driver.add_route("ens3", route)
    driver.add_address("ens3", Address("192.168.1.2/24"))
    driver.add_route("ens3", route)
    assert network.requests[1:] == [layer3.RTM_NEWADDR, layer3.RTM_NEWROUTE] * 2


@pytest.mark.parametrize(("netns", "waits"), [(None, ["udev"]), ("red", [])])
def test_a_mac_address_is_set_after_udev_has_set_its_own(
    netns: Optional[str], waits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """udev knows nothing of the interfaces in a namespace."""
    network, order = Network(), list[Any]()
    monkeypatch.setattr(interfaces, "Channel", lambda _netns: network)
    monkeypatch.setattr(udev, "settle", lambda: order.append("udev"))
    monkeypatch.setattr(network, "request", lambda *request: order.append(request[1]))
    driver = interfaces.Interfaces(netns)
    driver.set("tap0", Interface(mtu=1400))
    assert order == [read.RTM_NEWLINK]
    driver.set("tap0", Interface(mac="52:54:00:00:00:01"))
    driver.add(LinuxBridge(name="br0", mac="52:54:00:00:00:02"))
    assert order[1:] == [*waits, read.RTM_NEWLINK, read.RTM_NEWLINK]


def test_ipv6_settings_are_written_as_the_kernel_numbers_them() -> None:
    every = Ipv6(enabled=False, accept_ra="always", autoconf=False, addr_gen_mode="stable-privacy")
    assert sysctl_values(every) == {"disable_ipv6": 1, "accept_ra": 2, "autoconf": 0, "addr_gen_mode": 2}
    assert sysctl_values(Ipv6()) == {}
    assert sysctl_path("eth0.7", "autoconf") == "/proc/sys/net/ipv6/conf/eth0.7/autoconf"


def test_ipv6_settings_are_read_from_the_array_of_a_dump() -> None:
    array = [0] * 60
    for place, value in ((26, 1), (3, 2), (5, 0), (47, 3)):
        array[place] = value
    families = attribute(10, attribute(2, struct.pack(f"={len(array)}i", *array)))
    assert read._ipv6(families) == Ipv6(False, "always", False, "random")
    assert read._ipv6(attribute(10, attribute(2, struct.pack("=4i", 0, 0, 0, 9)))) == Ipv6(accept_ra=None)
    assert read._ipv6(b"") is None


def test_the_tables_below_proc_are_read(tmp_path: Path) -> None:
    tables_of = tmp_path / "proc/net"
    tables_of.mkdir(parents=True)
    (tables_of / "if_inet6").write_text(
        "fe80000000000000501800fffe000005 02 40 20 80     eth0\n"
        "fd980018000000000000000000000005 02 40 00 82     eth0\n"
        "00000000000000000000000000000001 01 80 10 80       lo\n"
    )
    (tables_of / "route").write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        f"eth0\t00000000\t{_word('10.0.0.1')}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        f"eth0\t{_word('10.0.0.0')}\t00000000\t0001\t0\t0\t0\t{_word('255.255.255.0')}\t0\t0\t0\n"
    )
    found = list(proc_net.read_ipv6_addresses(str(tmp_path)))
    assert [(address.interface, address.cidr) for address in found if address.scope == proc_net.LINK_LOCAL] == [
        ("eth0", "fe80::5018:ff:fe00:5/64")
    ]
    assert len(found) == 3
    assert list(proc_net.read_ipv4_subnets(str(tmp_path))) == [("eth0", "10.0.0.0/24")]
    assert list(proc_net.read_ipv6_addresses(str(tmp_path / "none"))) == []


def _word(address: str) -> str:
    return f"{struct.unpack('=I', socket.inet_aton(address))[0]:08X}"


def test_a_kind_is_made_on_what_is_below_it_and_by_its_own_means() -> None:
    vlan, tap = link_kinds.kind_of(VlanIface(parent="eth0")), link_kinds.kind_of(Tuntap())
    assert (vlan.name, vlan.lower(VlanIface(parent="eth0")), vlan.device) == ("vlan", "eth0", None)
    assert tap.device is not None and set(tap.device.fields) <= {shape.name for shape in shapes(Tuntap)}
    assert link_kinds.kind_of(Interface()) is link_kinds.OTHER


# ---- accounts


def test_an_account_has_one_name_however_it_is_given() -> None:
    assert accounts.known("user", "root") == accounts.known("user", "0") == "root"
    assert accounts.known("group", "0") == accounts.name_of("group", 0)
    assert accounts.known("user", "no such user") is None
    assert accounts.known("user", "4294967290") == "4294967290", "the kernel takes a number without an account"
    assert (accounts.number_of("user", "root"), accounts.number_of("group", "17")) == (0, 17)


def test_what_is_on_a_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ports, and the interfaces on top of it: all lose it when it is removed."""
    monkeypatch.setattr(links, "SYS_NET", str(tmp_path))
    for path in ("virbr0/brif/vnet0", "virbr0/brif/tap7", "virbr0/upper_virbr0.5", "virbr1/brif"):
        (tmp_path / path).mkdir(parents=True)
    assert links.HostLinks().on_bridge("virbr0") == {"vnet0", "tap7", "virbr0.5"}
    assert links.HostLinks().on_bridge("virbr1") == links.HostLinks().on_bridge("gone") == frozenset()
