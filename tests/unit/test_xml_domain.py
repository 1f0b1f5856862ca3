# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The interfaces in a domain's document, read, and moved to another network or bridge."""

from __future__ import annotations

import pytest
from lxml import etree

from ansible_collections.virtnet.kvm.plugins.module_utils.model.libvirt_parts import (
    Bandwidth,
    Extra,
    Rate,
    VirtualPort,
    VirtualPortParameters,
    Vlan,
    VlanTag,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.xml.document import NotXmlError
from ansible_collections.virtnet.kvm.plugins.module_utils.xml.domain import (
    Interface,
    InterfaceElement,
    InterfaceSource,
    interface_on,
    networks_by_mac,
    parse_interfaces,
    read_interfaces,
    render_interface,
)
from unit.xml_content import content

# As libvirt 11.3 writes a running domain: a NAT network, a bridge, a portgroup of Open vSwitch, a macvtap, a NIC of the
# host, a user network.
LIVE = """<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>g1</name>
  <devices>
    <interface type='network'>
      <mac address='52:54:00:00:00:01'/>
      <source network='lan' portid='6a4e4d0e-8b41-4e3c-9a32-0d5c6f3a6d3a' bridge='virbr7'/>
      <bandwidth>
        <inbound average='1000' peak='5000' floor='200' burst='1024'/>
        <outbound average='128'/>
      </bandwidth>
      <target dev='vnet0'/>
      <model type='virtio'/>
      <driver name='vhost' queues='4'><host csum='off'/></driver>
      <link state='up'/>
      <mtu size='1500'/>
      <boot order='1'/>
      <alias name='net0'/>
      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
    </interface>
    <interface type='bridge' trustGuestRxFilters='yes'>
      <mac address='52:54:00:00:00:02'/>
      <source bridge='br0'/>
      <target dev='vnet1' managed='no'/>
      <filterref filter='clean-traffic'><parameter name='IP' value='192.0.2.7'/></filterref>
      <alias name='net1'/>
    </interface>
    <interface type='network'>
      <mac address='52:54:00:00:00:03'/>
      <source network='ovs' portgroup='web' portid='4ad8f7e2-20cf-4d39-9f9d-2f1b8d0cf7c9' bridge='ovsbr0'/>
      <vlan trunk='yes'><tag id='7' nativeMode='untagged'/><tag id='8'/></vlan>
      <virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>
      <target dev='vnet2'/>
      <model type='virtio'/>
    </interface>
    <interface type='direct'>
      <mac address='52:54:00:00:00:04'/>
      <source network='pool' dev='eth0' mode='vepa'/>
      <target dev='macvtap0'/>
    </interface>
    <interface type='hostdev' managed='yes'>
      <mac address='52:54:00:00:00:05'/>
      <source><address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x0'/></source>
    </interface>
    <interface type='user'>
      <mac address='52:54:00:00:00:06'/>
      <model type='e1000'/>
    </interface>
  </devices>
</domain>"""


def _domain(*interfaces: str) -> str:
    return f"<domain><devices>{''.join(interfaces)}</devices></domain>"


def test_the_interfaces_that_have_a_device_on_the_host() -> None:
    assert parse_interfaces(LIVE) == (
        Interface("52:54:00:00:00:01", "vnet0", "lan", "virbr7"),
        Interface("52:54:00:00:00:02", "vnet1", None, "br0"),
        Interface("52:54:00:00:00:03", "vnet2", "ovs", "ovsbr0"),
        Interface("52:54:00:00:00:04", "macvtap0", "pool", None),
    )


@pytest.mark.parametrize(
    "interface",
    [
        "<interface type='network'><source network='lan'/><target dev='vnet0'/></interface>",
        "<interface type='network'><mac address='52:54:00:00:00:01'/><source network='lan'/></interface>",
        "<interface type='network'><mac address='52:54:00:00:00:01'/><target/></interface>",
        "<interface/>",
    ],
)
def test_an_interface_without_mac_or_device_is_left_out(interface: str) -> None:
    assert parse_interfaces(_domain(interface)) == ()


def test_an_interface_of_a_user_network_with_a_device_has_no_network() -> None:
    interface = "<interface type='user'><mac address='52:54:00:00:00:01'/><target dev='tap0'/></interface>"
    assert parse_interfaces(_domain(interface)) == (Interface("52:54:00:00:00:01", "tap0", None, None),)


@pytest.mark.parametrize("text", ["<domain/>", "<domain><devices/></domain>", "<network><interface/></network>"])
def test_a_document_without_interfaces(text: str) -> None:
    assert read_interfaces(text) == ()
    assert interface_on(text, "52:54:00:00:00:01", bridge="br1") is None


def test_what_is_no_document_is_refused() -> None:
    with pytest.raises(NotXmlError, match="not well-formed XML"):
        parse_interfaces("<domain>")


def test_the_network_of_each_interface_that_is_on_one() -> None:
    assert networks_by_mac(LIVE) == {"52:54:00:00:00:01": "lan", "52:54:00:00:00:03": "ovs"}


def test_all_that_an_interface_says_is_read() -> None:
    first, _second, third, fourth, fifth, sixth = read_interfaces(LIVE)
    assert first == InterfaceElement(
        type="network",
        mac="52:54:00:00:00:01",
        source=InterfaceSource(network="lan", bridge="virbr7"),
        bandwidth=Bandwidth(Rate(1000, 5000, 1024), Rate(128)),
        target="vnet0",
        model="virtio",
        link="up",
        extra=(
            Extra("", '<driver name="vhost" queues="4"><host csum="off"></host></driver>'),
            Extra("", '<mtu size="1500"></mtu>'),
            Extra("", '<boot order="1"></boot>'),
            Extra("", '<alias name="net0"></alias>'),
            Extra("", '<address bus="0x01" domain="0x0000" function="0x0" slot="0x00" type="pci"></address>'),
            Extra("bandwidth/inbound", "@floor=200"),
            Extra("source", "@portid=6a4e4d0e-8b41-4e3c-9a32-0d5c6f3a6d3a"),
        ),
    )
    assert third.source == InterfaceSource(network="ovs", portgroup="web", bridge="ovsbr0")
    assert third.vlan == Vlan(trunk=True, tags=(VlanTag(7, "untagged"), VlanTag(8)))
    parameters = VirtualPortParameters(interfaceid="09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f")
    assert third.virtualport == VirtualPort("openvswitch", parameters)
    assert fourth.source == InterfaceSource(network="pool", dev="eth0", mode="vepa")
    assert fifth.source == InterfaceSource()
    assert sixth.source is None


def test_an_interface_is_written_as_it_was_read() -> None:
    elements = etree.fromstring(LIVE).iterfind("devices/interface")
    for element, found in zip(elements, read_interfaces(LIVE)):
        assert content(render_interface(found)) == content(etree.tostring(element, with_tail=False).decode())


# The whole interface, and what differs when it has been moved.
MOVES = [
    ("01", {"bridge": "park"}, "<source bridge='park'/>", "bridge"),
    ("01", {"network": "other"}, "<source network='other'/>", "network"),
    ("02", {"network": "lan"}, "<source network='lan'/>", "network"),
    ("03", {"bridge": "park"}, "<source bridge='park'/>", "bridge"),
    ("03", {"network": "ovs"}, "<source network='ovs' portgroup='web'/>", "network"),
    ("04", {"bridge": "park"}, "<source bridge='park'/>", "bridge"),
    (
        "05",
        {"bridge": "park"},
        "<source bridge='park'><address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x0'/></source>",
        "bridge",
    ),
]


@pytest.mark.parametrize(("last", "to", "source", "kind"), MOVES)
def test_an_interface_is_moved_and_all_else_stays(last: str, to: dict[str, str], source: str, kind: str) -> None:
    mac = f"52:54:00:00:00:{last}"
    expected = next(e for e in etree.fromstring(LIVE).iter("interface") if e.find("mac").get("address") == mac)
    expected.set("type", kind)
    expected.replace(expected.find("source"), etree.fromstring(source))
    moved = interface_on(LIVE, mac, **to)
    assert moved is not None
    assert content(moved) == content(etree.tostring(expected, with_tail=False).decode())


def test_an_interface_that_is_moved_away_and_back_has_lost_only_its_port() -> None:
    mac = "52:54:00:00:00:01"
    parked = interface_on(LIVE, mac, bridge="park")
    assert parked is not None
    back = interface_on(_domain(parked), mac, network="lan")
    assert back is not None
    assert back == interface_on(LIVE, mac, network="lan")
    assert "portid" not in back
    assert "virbr7" not in back


@pytest.mark.parametrize("mac", ["52:54:00:00:00:06", "52:54:00:00:00:99", ""])
def test_an_interface_that_is_connected_to_nothing_or_is_gone_is_not_moved(mac: str) -> None:
    assert interface_on(LIVE, mac, bridge="park") is None


def test_a_second_source_is_none_of_libvirts_and_stays_second() -> None:
    text = _domain("<interface><mac address='52:54:00:00:00:01'/><source bridge='a'/><source dev='b'/></interface>")
    moved = interface_on(text, "52:54:00:00:00:01", bridge="c")
    assert moved == (
        '<interface type="bridge"><mac address="52:54:00:00:00:01"/><source bridge="c"/><source dev="b"/></interface>'
    )
