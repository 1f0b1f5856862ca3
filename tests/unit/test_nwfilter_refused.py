# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What is no network filter or binding, each refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.options import (
    Binding,
    Filter,
    Owner,
    Reference,
)
from unit.fake_filters import ADDRESS, MAC, Host, parameters, planned

TCP = {"action": "drop", "direction": "in", "protocol": "tcp"}


def match(of: str, **given: Any) -> dict[str, Any]:
    return {"rules": [{**TCP, "protocol": of, "match": {name.replace("_", "-"): each for name, each in given.items()}}]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "ports on ICMP": (
        match("icmp", dstportstart=22),
        r"rules\[0\].match.dstportstart: is no attribute of icmp, but of ip, ipv6, tcp",
    ),
    "an attribute of another protocol": (
        match("tcp", arpsrcipaddr="10.0.0.1"),
        r"rules\[0\].match.arpsrcipaddr: is no attribute of tcp, but of arp, rarp;",
    ),
    "a typing error": (
        match("tcp", dstports=1),
        r"rules\[0\].match.dstports: is no attribute of a protocol of libvirt; use dstportstart",
    ),
    "flags of IPv6": (match("tcp-ipv6", flags="SYN/SYN"), "flags: is no attribute of tcp-ipv6, but of stp, tcp"),
    "a destination range of IPv6": (match("all-ipv6", dstipfrom="fd00::1"), "dstipfrom: can't be given for IPv6"),
    "an IP set that libvirt drops": (
        match("tcp", ipset="web", ipsetflags="src"),
        "ipset: is dropped by libvirt in rules for tcp",
    ),
    "an IP set without flags": (match("all", ipset="web"), "ipset: 'web' has no ipsetflags beside it"),
    "an end without a start": (match("tcp", dstportend=9), "dstportend: '9' has no dstportstart beside it"),
    "a mask without an address": (match("ip", srcipmask=24), "srcipmask: '24' has no srcipaddr beside it"),
    "an end before the start": (
        match("tcp", dstportstart=80, dstportend="0x16"),
        "dstportend: '22' is before dstportstart, '80'",
    ),
    "addresses in the wrong order": (match("udp", srcipfrom="10.0.0.9", srcipto="10.0.0.10"), ""),
    "a last address before the first": (
        match("udp", srcipfrom="10.0.0.10", srcipto="10.0.0.9"),
        "srcipto: '10.0.0.9' is before srcipfrom",
    ),
    "ports without a protocol": (
        match("ip", dstportstart=22),
        "dstportstart: '22' can't be matched without a protocol",
    ),
    "ports of a protocol without": (
        match("ip", protocol="icmp", dstportstart=22),
        "dstportstart: '22' can't be matched beside the protocol icmp",
    ),
    "a type without ICMPv6": (match("ipv6", type=134), "type: '134' can't be matched without ICMPv6"),
    "a number out of range": (
        match("tcp", dstportstart=70000),
        "dstportstart: '70000' is out of range; use 0 to 65535",
    ),
    "dscp out of range": (match("all", dscp=64), "dscp: '64' is out of range; use 0 to 63"),
    "an address with a prefix": (
        match("ip", srcipaddr="10.0.0.1/24"),
        "srcipaddr: '10.0.0.1/24' is not an IPv4 address; .* in the attribute for the mask",
    ),
    "an IPv6 address": (match("tcp", srcipaddr="fd00::1"), "srcipaddr: 'fd00::1' is not an IPv4 address"),
    "a mask with holes": (
        match("ip", srcipaddr="10.0.0.1", srcipmask="255.0.255.0"),
        "srcipmask: '255.0.255.0' is not a mask",
    ),
    "a MAC mask with holes": (
        match("mac", srcmacaddr=MAC, srcmacmask="ff:00:ff:00:00:00"),
        "srcmacmask: .* is not a mask",
    ),
    "a MAC address that YAML made a number": (match("mac", srcmacaddr=40848123456), "srcmacaddr: .* in quotes"),
    "a state": (match("tcp", state="NEWEST"), "state: 'NEWEST' is no list of states"),
    "flags": (match("tcp", flags="SYN"), "flags: 'SYN' is no MASK/FLAGS"),
    "an unknown name": (match("mac", protocolid="ipx"), "protocolid: 'ipx' is no number and no known name"),
    "a protocol number below Ethernet's": (match("mac", protocolid=5), "protocolid: '5' is out of range"),
    "no boolean": (match("arp", gratuitous="maybe"), "gratuitous: 'maybe' is no boolean"),
    "a long comment": (match("tcp", comment="x" * 257), "comment: .* is too long"),
    "a variable for a state": (match("tcp", state="$X"), r"state: '\$X' can't be a variable"),
    "a variable that isn't one": (match("tcp", dstportstart="$X[a]"), r"dstportstart: '\$X\[a\]' is not a variable"),
    "a list": (match("tcp", dstportstart=[1, 2]), r"dstportstart: \[1, 2\] is not a text or a number"),
    "nothing": (match("tcp", dstportstart=None), "dstportstart: has no value"),
    "match without a protocol": (
        {"rules": [{**TCP, "protocol": None, "match": {"a": 1}}]},
        r"rules\[0\].match: is given without a protocol",
    ),
    "no action": ({"rules": [{"direction": "in"}]}, r"rules\[0\].action: is missing; use one of accept"),
    "no direction": ({"rules": [{"action": "drop"}]}, r"rules\[0\].direction: is missing"),
    "a rule that is a reference": (
        {"rules": [{**TCP, "filterref": {"filter": "base"}}]},
        r"rules\[0\].action: can't be given beside filterref",
    ),
    "a priority of a rule": (
        {"rules": [{**TCP, "priority": 1001}]},
        r"rules\[0\].priority: 1001 is out of range; use -1000 to 1000",
    ),
    "a priority of a chain": ({"priority": -1001}, "priority: -1001 is out of range"),
    "a priority that isn't kept": ({"chain": "ipv4", "priority": 0}, "priority: 0 is not kept for the chain ipv4"),
    "a chain": ({"chain": "tcp"}, "chain: 'tcp' is no chain; use root"),
    "a long chain": ({"chain": "ipv4-and-more"}, "chain: 'ipv4-and-more' can't be a chain; use at most 12"),
    "a name with a slash": ({"name": "a/b"}, "name: 'a/b' can't be a name in libvirt"),
    "a name that breaks documents": ({"name": "a&b"}, "name: 'a&b' can't be the name of a filter"),
    "a missing filter": (
        {"rules": [{"filterref": {"filter": "no"}}]},
        r"rules\[0\].filterref.filter: 'no' is not a filter of this host",
    ),
    "itself": (
        {"name": "base", "rules": [{"filterref": {"filter": "base"}}]},
        r"rules\[0\].filterref.filter: 'base' is the filter itself",
    ),
    "a loop": (
        {"name": "base", "rules": [{"filterref": {"filter": "outer"}}]},
        r"rules\[0\].filterref.filter: 'outer' .*\(base -> outer -> base\)",
    ),
    "a variable's value": (
        {"rules": [{"filterref": {"filter": "base", "parameters": parameters(IP="10.0.0.1/24")}}]},
        r"rules\[0\].filterref.parameters\[0\].value: '10.0.0.1/24' can't be the value of a variable",
    ),
    "a variable's name": (
        {"rules": [{"filterref": {"filter": "base", "parameters": [{"name": "$IP", "value": "a"}]}}]},
        r"rules\[0\].filterref.parameters\[0\].name: '\$IP' can't be a variable",
    ),
    "a negated port of the destination": (
        {"rules": [{**TCP, "match_not": {"dstportstart": 22}}]},
        r"rules\[0\].match_not.dstportstart: '22' can't be negated by libvirt without srcportstart",
    ),
    "a port that would be negated": (
        {"rules": [{**TCP, "match": {"dstportstart": 22}, "match_not": {"srcportstart": 22}}]},
        r"rules\[0\].match.dstportstart: '22' is negated by libvirt, too",
    ),
    "an attribute on both sides": (
        {"rules": [{**TCP, "match": {"dscp": 2}, "match_not": {"dscp": 3}}]},
        r"rules\[0\].match_not.dscp: '3' is also in match",
    ),
    "a variable that a binding doesn't give": (
        {"name": "base", **match("tcp", dstportstart="$PORT")},
        "rules: has the variable PORT, which the binding of tap1 doesn't give; add it to its parameters first",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str) -> None:
    options, message = REFUSED[what]
    host = Host()
    host.libvirt.held["outer"] = Filter("outer", rules=(Reference("base"),))
    host.libvirt.bound["tap1"] = Binding("tap1", MAC, "outer", ADDRESS, Owner("x", "1"))
    host.libvirt.build()
    if not message:
        assert planned(host, **{"name": "mine", **options}).changed
        return
    with pytest.raises(OptionError, match=message):
        planned(host, **{"name": "mine", **options})


RULE = "<rule action='drop' direction='in'>{}</rule>"
BAD_DOCUMENTS = {
    "<filter": "not well-formed",
    "<network/>": "its root element is <network>",
    "<filter name='x' colour='red'/>": "no attribute colour in a <filter>",
    "<filter name='x'><rules/></filter>": "no <rules> in a <filter>",
    "<filter name='x'><uuid>1</uuid></filter>": "its <uuid>, '1', is none",
    "<filter/>": "has no name",
    f"<filter name='x'>{RULE.format('<tcp/><udp/>')}</filter>": "a <rule> has <tcp> and <udp>",
    f"<filter name='x'>{RULE.format('<tcp dscp=%s1%s/><tcp dscp=%s2%s/>' % ((chr(34),) * 4))}</filter>": "several <tcp>",
    f"<filter name='x'>{RULE.format('<tcp match=%smaybe%s/>' % ((chr(34),) * 2))}</filter>": "match of a <tcp> is 'maybe'",
    "<filter name='x'><rule action='drop' direction='in' statematch='maybe'/></filter>": "statematch of a <rule>",
    "<filter name='x'><rule action='drop' direction='in' priority='first'/></filter>": "priority: 'first' is not a number",
    "<filter name='x'><rule action='drop' direction='up'/></filter>": r"direction: 'up' is unknown",
    f"<filter name='x'>{RULE.format('<gre/>')}</filter>": "protocol: 'gre' is unknown",
    f"<filter name='x'>{RULE.format('<icmp dstportstart=%s1%s/>' % ((chr(34),) * 2))}</filter>": "dstportstart: is no attribute of icmp",
    "<filter name='x'><filterref/></filter>": "filterref.filter: is missing",
}


@pytest.mark.parametrize("document", BAD_DOCUMENTS)
def test_refused_documents(document: str) -> None:
    with pytest.raises(OptionError, match=f"^xml.*{BAD_DOCUMENTS[document]}"):
        planned(Host(), xml=document)


BINDINGS: dict[str, tuple[dict[str, Any], str]] = {
    "no MAC": ({"filter": "base", "mac": None}, "mac: is missing; tap0 has no binding yet"),
    "no filter": ({"filter": None}, "filter: is missing"),
    "no device": ({"name": "none0"}, "name: 'none0' is not an interface of this host"),
    "no such filter": ({"filter": "no"}, "filter: 'no' is not a filter of this host"),
    "a multicast MAC": ({"mac": "01:00:00:00:00:00"}, "mac: .* multicast"),
    "no variable": ({"filter": "port"}, "parameters: is without the variable PORT, which filter port needs; add it"),
    "no address": (
        {"parameters": parameters(CTRL_IP_LEARNING="none")},
        "the variable IP, which filter base needs; add it",
    ),
    "no way to learn": (
        {"parameters": parameters(CTRL_IP_LEARNING="arp")},
        r"parameters\[0\].value: 'arp' is unknown; use one of any, dhcp, none",
    ),
    "a crash": (
        {"parameters": parameters(CTRL_IP_LEARNING="dhcp")},
        r"parameters\[0\].value: 'dhcp' can't be used for .* crash",
    ),
}


@pytest.mark.parametrize("what", BINDINGS)
def test_refused_bindings(what: str) -> None:
    options, message = BINDINGS[what]
    host = Host()
    host.libvirt.addresses = 2
    with pytest.raises(OptionError, match=message):
        planned(host, "filter_bindings", **{"name": "tap0", "mac": MAC, "filter": "base", **options})
