# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Each part of libvirt's <network>, read and written."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import (
    MissingLibraryError,
    OptionError,
    VirtnetError,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import (
    from_options,
    to_options,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.libvirt_parts import (
    Bandwidth,
    Extra,
    Rate,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    DhcpHost,
    DhcpRange,
    DnsHost,
    DnsSrv,
    DnsTxt,
    Lease,
    Network,
    PortGroup,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.xml import document
from ansible_collections.virtnet.kvm.plugins.module_utils.xml.network import (
    NotANetwork,
    parse_network,
    render_interface,
    render_network,
    render_part,
    with_canonical_metadata,
)
from unit.network_parts import DNSMASQ, PARTS


def _flat(text: str) -> str:
    """A document without its indentation."""
    return document.to_text(document.parse_document(text))


@pytest.mark.parametrize(("xml", "expected"), PARTS, ids=[next(iter(part[1])) for part in PARTS])
def test_a_part_is_read_and_written(xml: str, expected: dict[str, Any]) -> None:
    document = f"<network>{xml}</network>"
    network = parse_network(document)
    assert network.extra is None
    assert to_options(network) == expected
    assert network == from_options(Network, expected)
    assert _flat(render_network(network)) == document


@pytest.mark.parametrize("name", ["ipv6", "trustGuestRxFilters"])
def test_attributes_of_the_network(name: str) -> None:
    network = parse_network(f'<network {name}="yes"/>')
    assert to_options(network) == {{"trustGuestRxFilters": "trust_guest_rx_filters"}.get(name, name): True}
    assert _flat(render_network(network)) == f'<network {name}="yes"/>'


def test_every_field_has_a_part_here() -> None:
    shown = {key for _xml, expected in PARTS for key in expected}
    assert shown == set(Network.__dataclass_fields__) - {"extra", "ipv6", "trust_guest_rx_filters"}


def test_all_parts_together_stand_in_libvirts_order() -> None:
    once = {next(iter(expected)): xml for xml, expected in PARTS}
    root = document.parse_document(render_network(parse_network(f"<network>{''.join(once.values())}</network>")))
    assert [child.tag.rpartition("}")[2] for child in root] == [
        *("name", "uuid", "title", "description", "metadata", "forward", "bridge", "mtu", "mac", "domain", "dns"),
        *("vlan", "bandwidth", "port", "ip", "route", "route", "virtualport", "portgroup", "options"),
    ]


def test_a_document_is_written_for_people_to_read() -> None:
    network = Network(name="lan", portgroups=(PortGroup(name="a", bandwidth=Bandwidth(outbound=Rate(average=5))),))
    assert render_network(network) == (
        "<network>\n"
        "  <name>lan</name>\n"
        '  <portgroup name="a">\n'
        "    <bandwidth>\n"
        '      <outbound average="5"/>\n'
        "    </bandwidth>\n"
        "  </portgroup>\n"
        "</network>\n"
    )


@pytest.mark.parametrize(
    ("attributes", "address"),
    [
        ('address="192.168.5.1" netmask="255.255.255.0"', "192.168.5.1/24"),
        ('address="192.168.5.1" prefix="28" family="ipv4"', "192.168.5.1/28"),
        ('address="10.1.2.3"', "10.1.2.3/8"),
        ('address="172.16.0.1"', "172.16.0.1/16"),
        ('address="192.168.5.1" prefix="0"', "192.168.5.1/24"),
        ('address="FD00:0::1" family="ipv6"', "fd00::1/64"),
    ],
)
def test_the_spellings_of_an_address(attributes: str, address: str) -> None:
    network = parse_network(f"<network><ip {attributes}/></network>")
    assert to_options(network) == {"ips": [{"address": address}]}
    assert network.extra is None


@pytest.mark.parametrize(
    "attributes",
    [
        'address="192.168.5.1" netmask="0.0.0.255"',
        'address="192.168.5.1" netmask="255.255.255.0" prefix="24"',
        'address="192.168.5.1" family="ipv6"',
        'address="224.0.0.1"',
        'address="somewhere"',
        'address="192.168.5.1" prefix="many"',
    ],
)
def test_an_address_that_makes_no_sense_is_kept_as_it_is(attributes: str) -> None:
    network = parse_network(f"<network><ip {attributes}/></network>")
    assert network.ips is not None
    assert network.ips[0].address is None
    again = document.parse_document(render_network(network)).find("ip")
    assert again is not None
    assert dict(again.items()) == dict(document.parse_document(f"<ip {attributes}/>").items())


def test_the_default_route() -> None:
    network = parse_network('<network><route address="0.0.0.0" gateway="192.0.2.1"/></network>')
    assert to_options(network) == {"routes": [{"to": "0.0.0.0/0", "via": "192.0.2.1"}]}


def test_forward_without_a_mode_is_nat() -> None:
    assert to_options(parse_network("<network><forward/></network>")) == {"forward": {"mode": "nat"}}


@pytest.mark.parametrize("forward", [{}, {"mode": "none"}])
def test_the_isolated_network_has_no_forward(forward: dict[str, Any]) -> None:
    assert _flat(render_network(from_options(Network, {"forward": forward}))) == "<network/>"


def test_a_trunk_that_is_none_is_not_written() -> None:
    network = from_options(Network, {"vlan": {"trunk": False, "tags": [{"id": 3}]}})
    assert _flat(render_network(network)) == '<network><vlan><tag id="3"/></vlan></network>'


def test_what_only_says_how_it_runs_is_left_out() -> None:
    network = parse_network(
        "<network connections='3'><forward mode='hostdev'><interface dev='eth0' connections='1'/>"
        "<address type='pci' domain='0' bus='10' slot='0' function='1' connections='2'/></forward></network>"
    )
    assert network.extra is None
    assert "connections" not in render_network(network)
    assert to_options(network)["forward"]["addresses"] == ["0000:0a:00.1"]


def test_comments_and_declarations_are_no_content() -> None:
    text = "<?xml version='1.0' encoding='latin1'?><!-- who --><network><!-- what --><name>ä</name><?pi?>\n</network>"
    assert parse_network(text) == Network(name="ä")


EXTRAS = [
    ('<network future="1"/>', Extra("", "@future=1")),
    ("<network><future><deep/></future></network>", Extra("", "<future><deep></deep></future>")),
    ('<network><bridge stp="on" future="1"/></network>', Extra("bridge", "@future=1")),
    ('<network><mtu size="large"/></network>', Extra("", '<mtu size="large"></mtu>')),
    ('<network><mtu size="1400" x="y"/></network>', Extra("mtu", "@x=y")),
    ("<network><name>a</name><name>b</name></network>", Extra("", "<name>b</name>")),
    ('<network><bridge name="b" stp="maybe"/></network>', Extra("bridge", "@stp=maybe")),
    (
        '<network><portgroup name="a/b [c]" x="y"/><portgroup name="d"/></network>',
        Extra("portgroup[a%2Fb%20%5Bc%5D]", "@x=y"),
    ),
    (
        '<network><ip address="192.0.2.1" prefix="24"><dhcp><host mac="52:54:00:00:00:01" ip="192.0.2.5" x="y"/>'
        "</dhcp></ip></network>",
        Extra("ip[192.0.2.1%2F24]/dhcp/host[192.0.2.5]", "@x=y"),
    ),
    (
        f'<network><dnsmasq:options {DNSMASQ}><dnsmasq:option value="a"><x/></dnsmasq:option></dnsmasq:options></network>',
        Extra("options/option[a]", "<x></x>"),
    ),
]


@pytest.mark.parametrize(("document", "extra"), EXTRAS, ids=[f"{e.path}:{e.xml}" for _d, e in EXTRAS])
def test_what_no_option_says_is_kept_and_put_back(document: str, extra: Extra) -> None:
    network = parse_network(document)
    assert network.extra == (extra,)
    assert _flat(render_network(network)) == document


def test_what_stood_in_an_item_follows_the_item() -> None:
    extra = (Extra("portgroup[b]", "@x=y"), Extra("portgroup[gone]/vlan", "@x=z"), Extra("nowhere", "<a/>"))
    network = Network(portgroups=(PortGroup(name="a"), PortGroup(name="b")), extra=extra)
    assert _flat(render_network(network)) == '<network><portgroup name="a"/><portgroup name="b" x="y"/></network>'


def test_a_parent_that_means_nothing_by_itself_is_made() -> None:
    extra = (Extra("dns", "<future/>"), Extra("forward/nat", "@x=y"), Extra("domain", "@x=y"))
    assert _flat(render_network(Network(extra=extra))) == "<network><dns><future/></dns></network>"


def test_what_an_option_says_wins_over_what_was_kept() -> None:
    network = from_options(Network, {"bridge": {"stp": False}})
    kept = Network(bridge=network.bridge, extra=(Extra("bridge", "@stp=maybe"),))
    assert _flat(render_network(kept)) == '<network><bridge stp="off"/></network>'


@pytest.mark.parametrize(
    ("part", "xml"),
    [
        (
            DhcpRange("192.0.2.1", "192.0.2.9", Lease(2, "hours")),
            '<range start="192.0.2.1" end="192.0.2.9"><lease expiry="2" unit="hours"/></range>',
        ),
        (DhcpHost(mac="52:54:00:00:00:01", ip="192.0.2.5"), '<host mac="52:54:00:00:00:01" ip="192.0.2.5"/>'),
        (DnsHost("192.0.2.5", ("a", "b")), '<host ip="192.0.2.5"><hostname>a</hostname><hostname>b</hostname></host>'),
        (DnsSrv(service="sip", protocol="udp"), '<srv service="sip" protocol="udp"/>'),
        (DnsTxt("a", "b"), '<txt name="a" value="b"/>'),
        (PortGroup("a", default=False), '<portgroup name="a" default="no"/>'),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_part_for_an_update(part: Any, xml: str) -> None:
    assert render_part(part) == xml


def test_an_interface_for_an_update() -> None:
    assert render_interface("eth0") == '<interface dev="eth0"/>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not well-formed XML"),
        ("<network>", "not well-formed XML"),
        ("nonsense", "not well-formed XML"),
        ("<network>\ud800</network>", "not well-formed XML"),
        ("<domain/>", "expected a <network> document, found <domain>"),
        ('<network xmlns="urn:other"/>', "found <{urn:other}network>"),
    ],
)
def test_what_is_no_network_is_refused_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(NotANetwork, match=words) as caught:
        parse_network(text)
    assert "\n" not in str(caught.value)


def test_no_file_is_read_for_an_entity(tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text("leaked")
    text = f'<!DOCTYPE network [<!ENTITY e SYSTEM "file://{secret}">]><network><title>&e;</title></network>'
    assert "leaked" not in repr(parse_network(text))


def test_spellings_of_metadata_are_one() -> None:
    written = Network(metadata=("<a:b xmlns:a='urn:a'  >\n  <a:c/> <!-- why --></a:b>",))
    assert with_canonical_metadata(written).metadata == ('<a:b xmlns:a="urn:a"><a:c></a:c></a:b>',)
    assert with_canonical_metadata(Network()) == Network()


@pytest.mark.parametrize("text", ["<a>", "plain", "<a/>"])
def test_metadata_that_libvirt_would_drop_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"^metadata\[1\]: "):
        with_canonical_metadata(Network(metadata=('<a xmlns="urn:a"/>', text)))


def test_a_host_without_lxml_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_MISSING", "Traceback: no lxml")
    document._parser.cache_clear()
    try:
        for call in (lambda: parse_network("<network/>"), lambda: render_interface("eth0")):
            with pytest.raises(MissingLibraryError, match="lxml is missing") as caught:
                call()
            assert caught.value.trace == "Traceback: no lxml"
    finally:
        document._parser.cache_clear()
    assert issubclass(MissingLibraryError, VirtnetError)
