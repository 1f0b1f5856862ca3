# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A rule for every attribute of every protocol of a network filter, by the collection's own table."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.protocols import (
    EBTABLES,
    NEEDS,
    NEGATED_AS_SOURCE,
    PROTOCOLS,
    WITHOUT_VARIABLES,
)

_BY_NAME = {
    "ipsetflags": "src,dst,src",
    "ipset": "web set-1",
    "comment": "it's <this> & that",
    "state": "ESTABLISHED,RELATED",
    "flags": "SYN,ACK/SYN",
    "type": "7",
}
# The first one that is an attribute's own normal form is its value.
_SAMPLES = (
    "arp",
    "Reply",
    "tcp",
    "1536",
    "60",
    "24",
    "7",
    "52:54:00:12:34:56",
    "ff:ff:ff:00:00:00",
    "10.0.2.1",
    "fd00::1",
)


def value_of(protocol: str, name: str) -> str:
    """A value that an attribute can have, as libvirt writes it."""
    norm = PROTOCOLS[protocol].attributes[name]
    for sample in ("true", *_SAMPLES) if name == "gratuitous" else (_BY_NAME.get(name, ""), *_SAMPLES):
        try:
            if sample and norm(sample) == sample:
                return sample
        except ValueError:
            continue
    raise AssertionError(f"no sample for {name} of {protocol}")


def _with_needed(protocol: str, name: str) -> dict[str, str]:
    """The attribute, and those without which it has no meaning."""
    found: dict[str, str] = {}
    each = name
    while each in PROTOCOLS[protocol].attributes and each not in found:
        found[each] = value_of(protocol, each)
        each = NEEDS.get(each, "")
    return found


def _rule(protocol: str, **match: Any) -> dict[str, Any]:
    return {"action": "accept", "direction": "in", "protocol": protocol, **match}


def _beside(protocol: str, name: str) -> dict[str, str]:
    """The IP protocol that `ip` and `ipv6` need."""
    if "protocol" not in PROTOCOLS[protocol].attributes or name == "protocol":
        return {}
    return {"protocol": "udp"} if "port" in name else {"protocol": "icmpv6"} if name[:4] in ("type", "code") else {}


def rules() -> list[dict[str, Any]]:
    """Each attribute as what a packet has, as what it hasn't, and as a variable."""
    found = []
    for protocol, known in PROTOCOLS.items():
        for name in known.attributes:
            match, beside = _with_needed(protocol, name), _beside(protocol, name)
            found.append(_rule(protocol, match={**match, **beside}))
            if name not in NEGATED_AS_SOURCE or known.tool == EBTABLES:
                found.append(_rule(protocol, match_not=match, **({"match": beside} if beside else {})))
            if name not in WITHOUT_VARIABLES:
                found.append(_rule(protocol, match={**match, **beside, name: "$SOME[@1]"}))
    return found
