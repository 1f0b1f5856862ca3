# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The collection's table of attributes against that of libvirt, and against the documentation."""

from __future__ import annotations

import re

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nwfilter.filters import RULE
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.protocols import (
    IP6TABLES,
    NEEDS,
    PROTOCOLS,
    RANGES,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.validate import given_filter
from conftest import CHECKOUT
from integration.support.filter_rules import rules

# The tables of conf/nwfilter_conf.c in libvirt 9.0 and 11.3, in the order in which they are there: macAttributes and so on.
_MACS = "srcmacaddr srcmacmask dstmacaddr dstmacmask"
_IP = (
    "srcmacaddr srcipaddr dstipaddr srcipmask dstipmask srcipfrom srcipto dstipfrom dstipto dscp connlimit-above comment state"
    " ipset ipsetflags"
)
_PORTS = "srcportstart srcportend dstportstart dstportend"
_ARP = (
    f"{_MACS} hwtype protocoltype opcode arpsrcmacaddr arpdstmacaddr arpsrcipaddr arpsrcipmask arpdstipaddr arpdstipmask gratuitous"
    " comment"
)
_LIBVIRT = {
    "mac": f"{_MACS} protocolid comment",
    "vlan": f"{_MACS} vlanid encap-protocol comment",
    "stp": "srcmacaddr srcmacmask type flags root-priority root-priority-hi root-address root-address-mask root-cost root-cost-hi"
    " sender-priority sender-priority-hi sender-address sender-address-mask port port-hi age age-hi max-age max-age-hi hello-time"
    " hello-time-hi forward-delay forward-delay-hi comment",
    "arp": _ARP,
    "rarp": _ARP,
    "ip": f"{_MACS} srcipaddr dstipaddr srcipmask dstipmask protocol {_PORTS} dscp comment",
    "ipv6": f"{_MACS} srcipaddr dstipaddr srcipmask dstipmask protocol {_PORTS} type typeend code codeend comment",
    **dict.fromkeys(("udp", "udp-ipv6", "sctp", "sctp-ipv6"), f"{_IP} {_PORTS}"),
    "tcp": f"{_IP} {_PORTS} option flags",
    "tcp-ipv6": f"{_IP} {_PORTS} option",
    **dict.fromkeys(("icmp", "icmpv6"), f"{_IP} type code"),
    **dict.fromkeys(("udplite", "esp", "ah", "all", "igmp"), _IP),
    **{f"{name}-ipv6": _IP for name in ("udplite", "esp", "ah", "all")},
}


def test_it_has_the_protocols_of_libvirt() -> None:
    assert set(PROTOCOLS) == set(_LIBVIRT) == set(RULE["protocol"]["choices"])  # type: ignore[call-overload]


@pytest.mark.parametrize("protocol", _LIBVIRT)
def test_a_protocol_has_the_attributes_of_libvirt(protocol: str) -> None:
    """All but those that libvirt drops, or takes no value for."""
    unusable = set() if protocol in ("all", "all-ipv6") else {"ipset", "ipsetflags"}
    if PROTOCOLS[protocol].tool == IP6TABLES:
        unusable |= {"dstipfrom", "dstipto"}
    assert set(PROTOCOLS[protocol].attributes) == set(_LIBVIRT[protocol].split()) - unusable


def test_what_is_needed_exists() -> None:
    names = {name for known in PROTOCOLS.values() for name in known.attributes}
    assert {*NEEDS, *NEEDS.values()} <= names and set(RANGES) <= set(NEEDS)


def test_every_attribute_is_accepted_and_in_normal_form() -> None:
    """The rules whose return from a real libvirt the integration tests compare."""
    declared = rules()
    found = given_filter({"name": "all", "rules": declared}).rules
    assert found is not None and len(found) == len(declared)
    used = {(rule["protocol"], name) for rule in declared for name in rule.get("match", {})}
    assert used == {(protocol, name) for protocol, known in PROTOCOLS.items() for name in known.attributes}
    for sent, kept in zip(declared, found, strict=True):
        for side in ("match", "match_not"):
            assert dict(getattr(kept, side)) == sent.get(side, {})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_attribute_of_others_is_refused(protocol: str) -> None:
    """libvirt would drop it."""
    others = {name for known in PROTOCOLS.values() for name in known.attributes} - set(PROTOCOLS[protocol].attributes)
    for name in others:
        rule = {"action": "drop", "direction": "in", "protocol": protocol, "match": {name: "1"}}
        with pytest.raises(
            OptionError, match=rf"^rules\[0\].match.{name}: (is no attribute|is dropped|can't be given)"
        ):
            given_filter({"name": "x", "rules": [rule]})


SPELLINGS = [
    ("mac", "protocolid", "0x800", "ipv4"),
    ("mac", "protocolid", "0x835", "2101"),
    ("mac", "srcmacaddr", "52-54-00-AB-CD-EF", "52:54:00:ab:cd:ef"),
    ("arp", "opcode", "1", "Request"),
    ("arp", "opcode", "request", "Request"),
    ("arp", "gratuitous", True, "true"),
    ("ip", "protocol", 17, "udp"),
    ("ip", "dscp", "0x3", "3"),
    ("ipv6", "srcipaddr", "FE80:0::1", "fe80::1"),
    ("ipv6", "srcipaddr", "::ffff:10.0.0.1", "::ffff:10.0.0.1"),
    ("tcp", "dstportstart", 22, "22"),
    ("tcp", "state", ["related", "NEW"], "NEW,RELATED"),
    ("tcp", "flags", "syn,ack,fin,rst,psh,urg/SYN", "ALL/SYN"),
    ("tcp", "dstportstart", "$PORTS[@1]", "$PORTS[@1]"),
]


@pytest.mark.parametrize(("protocol", "name", "given", "kept"), SPELLINGS)
def test_spellings(protocol: str, name: str, given: object, kept: str) -> None:
    """libvirt 9.0 and 11.3 write values as they were given, except that numbers are decimal."""
    rule = {"action": "drop", "direction": "in", "protocol": protocol, "match": {name: given}}
    (found,) = given_filter({"name": "x", "rules": [rule]}).rules or ()
    assert dict(found.match) == {name: kept}  # type: ignore[union-attr]


def test_masks_are_prefix_lengths() -> None:
    match = {"srcipaddr": "10.0.0.0", "srcipmask": "255.255.255.0"}
    rule = {"action": "drop", "direction": "in", "protocol": "all", "match": match}
    (found,) = given_filter({"name": "x", "rules": [rule]}).rules or ()
    assert dict(found.match)["srcipmask"] == "24"  # type: ignore[union-attr]


def test_the_documentation_has_every_attribute() -> None:
    text = (CHECKOUT / "docs" / "filters.md").read_text()
    rows = [re.findall(r"`([^`]+)`", line) for line in text.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in row}
    assert {name for known in PROTOCOLS.values() for name in known.attributes} | set(PROTOCOLS) <= told
