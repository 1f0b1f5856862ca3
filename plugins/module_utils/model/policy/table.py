# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nftables table of a policy.

A denied connection is final, whatever other tables say. An allowed one gets the mark by which it passes libvirt's rules, and
between NAT networks it keeps the address of its guest. The connection itself has the mark, too, for its answers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

from ..fields import to_options
from ..firewall.base import DEFAULT_MASK, MARKED, MASK
from ..firewall.nft import NETWORKS, Chain, Table, hook, live_set
from ..firewall.rule_sets import SetKind
from .options import ALLOW, FAMILIES, HOST, OUTSIDE, REJECT, PolicyRule, Service

_FILTER, _CLOSED, _OPENED, _SNAT = -5, -4, -3, 95
_MARK, _DEFAULT_MARK = (
    f"meta mark set meta mark | {mask} ct mark set ct mark | {mask}" for mask in (MASK, DEFAULT_MASK)
)
_FORWARDED = "ct status dnat accept"  # a port forward is an exception
_RUNNING = "ct state established,related accept"
_ALLOWED_BEFORE, _ALLOWED_BY_DEFAULT_BEFORE = (
    f"ct state established,related ct mark & {mask} == {mask} meta mark set meta mark | {mask}"
    for mask in (MASK, DEFAULT_MASK)
)
_VERSIONS = {"ip": 4, "ip6": 6}
_EFFECTS = {"allow": "allowed", "deny": "denied", "reject": "rejected"}
_FAMILY_WORDS = {"ipv4": "IPv4", "ipv6": "IPv6"}
_MOST_LABEL = 120  # characters of a comment in nft (NFTNL_UDATA_COMMENT_MAXLEN is 128)


@dataclass(frozen=True)
class ResolvedParty:
    """A party whose place is known: a ``zone``, a ``link``, or ``addresses`` in CIDR form; none of them is every party.

    With both a ``link`` and ``addresses``, packets must have one of these addresses at this link.
    """

    words: str
    zone: Optional[str] = None
    link: Optional[str] = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResolvedRule:
    """A rule of a policy whose parties are known."""

    rule: PolicyRule
    source: ResolvedParty
    to: ResolvedParty

    @property
    def label(self) -> str:
        limits = [_service_words(each) for each in self.rule.services or ()]
        limits += [_FAMILY_WORDS[self.rule.family]] if self.rule.family else []
        limits += ["default"] if self.rule.default else []
        limited = f" ({', '.join(limits)})" if limits else ""
        return f"{self.source.words} to {self.to.words}{limited}"[:_MOST_LABEL]

    @property
    def effect(self) -> str:
        return _EFFECTS[self.rule.action or ALLOW]

    def shown(self) -> dict[str, object]:
        """Returns the rule in the structure of the options."""
        return to_options(self.rule)


POLICY = SetKind("virtnet_pol_", "policy", "policy rules", ResolvedRule)


def _service_words(service: Service) -> str:
    return f"{service.protocol} {service.port}" if service.port else str(service.protocol)


def policy_table(name: str, rules: Sequence[ResolvedRule], networks: Iterable[str]) -> Table:
    """Returns the table of a set; ``networks`` are the bridges of libvirt's networks, which don't lead outside."""
    outside = any(OUTSIDE in (each.source.zone, each.to.zone) for each in rules)
    links = {party.link for each in rules for party in (each.source, each.to) if party.link}
    inside = tuple(f'"{each}"' for each in sorted({"lo", *links}))
    routed = [each for each in rules if HOST not in (each.source.zone, each.to.zone)]
    forward = [each for each in routed if not each.rule.default]
    closed = [each for each in routed if each.rule.default and each.rule.action != ALLOW]
    opened = [each for each in routed if each.rule.default and each.rule.action == ALLOW]
    to_host, from_host = ([each for each in rules if getattr(each, side).zone == HOST] for side in ("to", "source"))
    kept = tuple(dict.fromkeys(line for each in forward if each.rule.action == ALLOW for line in _kept(each.to)))

    def chain(name: str, at: str, priority: int, first: tuple[str, ...], found: Sequence[ResolvedRule]) -> Chain:
        lines = (line for each in found for line in _lines(each, inside))
        return Chain(name, (*first, *lines), hook("filter", at, priority))

    before = (_FORWARDED, _ALLOWED_BEFORE, _ALLOWED_BY_DEFAULT_BEFORE, _RUNNING)
    chains = (
        chain("forward", "forward", _FILTER, before, forward),
        # After the rules of all sets, which mark what they allow.
        *([chain("closed", "forward", _CLOSED, (_FORWARDED, MARKED, _RUNNING), closed)] if closed else []),
        *([chain("opened", "forward", _OPENED, (_FORWARDED, MARKED, _RUNNING), opened)] if opened else []),
        chain("input", "input", _FILTER, (_RUNNING,), to_host),
        chain("output", "output", _FILTER, (_RUNNING,), from_host),
        Chain("postrouting", kept, hook("nat", "postrouting", _SNAT)),
    )
    return Table(POLICY.table_name(name), (live_set(NETWORKS, networks),) if outside else (), chains)


def _lines(each: ResolvedRule, inside: Sequence[str]) -> Iterator[str]:
    """Yields the rules of one: for each pair of addresses of one family, and each protocol."""
    for source in _matches(each.source, each.to, "iifname", "saddr", inside):
        for to in _matches(each.to, each.source, "oifname", "daddr", inside):
            versions = {_VERSIONS[word] for word in (source.split(" ")[0], to.split(" ")[0]) if word in _VERSIONS}
            family = each.rule.family
            if len(versions | ({FAMILIES[family]} if family else set())) > 1:
                continue
            only = f"meta nfproto {family}" if family and not versions else ""
            for service in _services(each.rule.services or ()):
                parts = (only, source, to, service, _verdict(each), f'comment "{each.label}"')
                yield " ".join(part for part in parts if part)


def _kept(to: ResolvedParty) -> Iterator[str]:
    """Yields the rules by which what is allowed to a party keeps its source, which a NAT network would replace."""
    ours = f"ct mark & {MASK} == {MASK}"
    if to.link:
        yield f'{ours} oifname "{to.link}" snat ip to ip saddr'
        yield f'{ours} oifname "{to.link}" snat ip6 to ip6 saddr'
    for cidr in to.addresses:
        ip = "ip6" if ":" in cidr else "ip"
        yield f"{ours} {ip} daddr {cidr} snat {ip} to {ip} saddr"


def _matches(
    party: ResolvedParty, other: ResolvedParty, interface: str, address: str, inside: Sequence[str]
) -> Iterator[str]:
    """Yields what fits a packet of a party; ``inside`` are the interfaces besides those of networks that don't lead outside."""
    if party.addresses:
        for cidr in party.addresses:
            at = f' {interface} "{party.link}"' if party.link else ""
            yield f"{'ip6' if ipaddress.ip_network(cidr).version == 6 else 'ip'} {address} {cidr}{at}"
    elif party.link:
        yield f'{interface} "{party.link}"'
    elif party.zone == OUTSIDE:
        yield f"{interface} != @{NETWORKS} {interface} != {{ {', '.join(inside)} }}"
    elif party.zone is None and other.link:  # what stays on a bridge is not meant
        yield f'{interface} != "{other.link}"'
    else:
        yield ""


def _services(services: Sequence[Service]) -> Iterator[str]:
    if not services:
        yield ""
    for protocol in dict.fromkeys(each.protocol for each in services):
        ports = [each.port for each in services if each.protocol == protocol]
        if protocol == "icmp":
            yield "meta l4proto { icmp, ipv6-icmp }"
        elif None in ports:
            yield f"meta l4proto {protocol}"
        else:
            yield f"meta l4proto {protocol} th dport {{ {', '.join(port for port in ports if port)} }}"


def _verdict(each: ResolvedRule) -> str:
    if each.rule.action == ALLOW:
        if HOST in (each.source.zone, each.to.zone):
            return "counter accept"
        return f"{_DEFAULT_MARK if each.rule.default else _MARK} counter accept"
    return "counter reject with icmpx type admin-prohibited" if each.rule.action == REJECT else "counter drop"
