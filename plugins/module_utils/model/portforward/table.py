# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of a set of port forwards.

A new connection is translated before the kernel routes it (``prerouting``, and ``output`` for the host's own). Its packets get a
mark in ``forward``, by which the rule that `base` puts in front of libvirt's rules lets them pass. The mark depends on the
original destination, so it holds in both directions, and the sets by which it is found count for each forward.
A guest that reaches a guest of its own subnet by the host's address is masqueraded, as the answer would not come back this way.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..fields import to_options
from ..firewall.base import MASK
from ..firewall.nft import Chain, Element, NftSet, Span, Table, hook, network, word
from ..firewall.rule_sets import SetKind
from ..firewall.steps import Flows
from .options import Forward, Listen, Target, ports_of, protocol_of, where

# A range to a range of other numbers takes an element for each port, as nft has no offsets.
MOST_SHIFTED = 1024

_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_WORD = {4: "ip", 6: "ip6"}
_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
_PROTOCOLS = "meta l4proto { tcp, udp, sctp }"
# Written as numbers: an old nft doesn't take dstnat - 5 for the hook output. libvirt's and firewalld's are -100 and 100.
_DNAT, _FILTER, _SNAT = -105, -6, 95


@dataclass(frozen=True)
class Resolved:
    """A forward whose guest has an ``address``, which is known by ``source``."""

    forward: Forward
    address: str
    source: str = "address"

    @property
    def listen(self) -> Listen:
        return self.forward.listen or Listen()

    @property
    def version(self) -> int:
        return ipaddress.ip_address(self.address).version

    @property
    def keeps_numbers(self) -> bool:
        """Whether it is a range whose ports have the same numbers on the guest."""
        ports = ports_of(self.listen)
        return len(ports) > 1 and self.first_port == ports[0]

    @property
    def first_port(self) -> int:
        to = self.forward.to or Target()
        return to.port or ports_of(self.listen)[0]

    @property
    def label(self) -> str:
        return where(self.listen)

    @property
    def effect(self) -> str:
        to = f"[{self.address}]" if self.version == 6 else self.address
        sources = f" from {', '.join(self.forward.sources)}" if self.forward.sources else ""
        return f"to {to}:{self.first_port}{sources}"

    @property
    def sources(self) -> tuple[str, ...]:
        return self.forward.sources or (_EVERYWHERE[self.version],)

    def shown(self) -> dict[str, object]:
        """Returns the forward in the structure of the options, with the address that its guest has."""
        shown = to_options(self.forward)
        shown["to"] = {**shown["to"], "address": self.address}
        return shown


FORWARDS = SetKind("virtnet_fwd_", "forwards", "port forwards", Resolved)


def forwards_table(name: str, forwards: Sequence[Resolved], subnets: Iterable[str], closed: Iterable[str]) -> Table:
    """Returns the table of a set.

    ``subnets`` are those of the host's bridges, in CIDR form; ``closed`` are bridges whose guests don't reach a forward.
    """
    sets = [
        NftSet(
            "closed",
            ("ifname",),
            interval=False,
            elements=tuple(Element((word(each),)) for each in sorted(set(closed))),
        )
    ]
    # A kernel may have no NAT for IPv6, or no IPv6 at all.
    versions = sorted({each.version for each in forwards})
    for version in versions:
        mine = [each for each in forwards if each.version == version]
        sets += _maps(version, mine)
        sets.append(_seen(version, mine))
        sets.append(_hairpins(version, mine, subnets))
    anywhere = [each for each in forwards if each.listen.address is None]
    seen = {(word(protocol_of(each.listen)), _ports(each)): each.label for each in anywhere}
    elements = tuple(Element(key, comment=label) for key, label in seen.items())
    sets.append(NftSet("seen", ("inet_proto", "inet_service"), counter=True, elements=elements))
    return Table(FORWARDS.table_name(name), tuple(sets), tuple(_chains(versions)))


def changed_flows(former: Sequence[Resolved], desired: Sequence[Resolved]) -> tuple[Flows, ...]:
    """Returns the connections of UDP that go elsewhere with the desired forwards than with the former ones."""
    changed = {each for each in (*former, *desired) if each not in former or each not in desired}
    found = {
        Flows(each.version, "udp", ports_of(each.listen)[0], ports_of(each.listen)[-1], each.listen.address)
        for each in changed
        if protocol_of(each.listen) == "udp"
    }
    return tuple(sorted(found, key=lambda flows: (flows.first, flows.last, flows.version, flows.address or "")))


def _maps(version: int, forwards: Sequence[Resolved]) -> Iterator[NftSet]:
    address, key = _TYPE[version], (_TYPE[version], _TYPE[version], "inet_proto", "inet_service")
    here = [each for each in forwards if each.listen.address]
    anywhere = [each for each in forwards if not each.listen.address]
    for place, mine, types in (("to", here, key), ("any", anywhere, key[1:])):
        moved = tuple(element for each in mine if not each.keeps_numbers for element in _moved(each))
        kept = tuple(element for each in mine if each.keeps_numbers for element in _kept(each))
        yield NftSet(f"{place}{version}", types, (address, "inet_service"), counter=True, elements=moved)
        yield NftSet(f"{place}_same{version}", types, (address,), counter=True, elements=kept)


def _keys(each: Resolved, ports: Span) -> Iterator[tuple[Span, ...]]:
    address = (word(each.listen.address),) if each.listen.address else ()
    for source in each.sources:
        yield (network(source), *address, word(protocol_of(each.listen)), ports)


def _moved(each: Resolved) -> Iterator[Element]:
    for offset, port in enumerate(ports_of(each.listen)):
        for key in _keys(each, word(port)):
            yield Element(key, (each.address, str(each.first_port + offset)), each.label)


def _kept(each: Resolved) -> Iterator[Element]:
    for key in _keys(each, _ports(each)):
        yield Element(key, (each.address,), each.label)


def _ports(each: Resolved) -> Span:
    ports = ports_of(each.listen)
    return str(ports[0]), str(ports[-1])


def _seen(version: int, forwards: Sequence[Resolved]) -> NftSet:
    keys = {
        (word(each.listen.address), word(protocol_of(each.listen)), _ports(each)): each.label
        for each in forwards
        if each.listen.address
    }
    elements = tuple(Element(key, comment=label) for key, label in keys.items())
    return NftSet(f"seen{version}", (_TYPE[version], "inet_proto", "inet_service"), counter=True, elements=elements)


def _hairpins(version: int, forwards: Sequence[Resolved], subnets: Iterable[str]) -> NftSet:
    targets = {ipaddress.ip_address(each.address) for each in forwards}
    found = {
        subnet for subnet in subnets if any(target in ipaddress.ip_network(subnet, strict=False) for target in targets)
    }
    elements = tuple(Element((network(subnet), network(subnet))) for subnet in sorted(found))
    return NftSet(f"neighbours{version}", (_TYPE[version], _TYPE[version]), elements=elements)


def _chains(versions: Sequence[int]) -> Iterator[Chain]:
    closed = "iifname @closed return"
    yield Chain("to_guests", tuple(_translations(versions)))
    yield Chain("prerouting", (closed, "jump to_guests"), hook("nat", "prerouting", _DNAT))
    yield Chain(
        "output",
        ("ip daddr 127.0.0.0/8 return", "ip6 daddr ::1 return", "jump to_guests"),
        hook("nat", "output", _DNAT),
    )
    yield Chain("marking", (closed, *_marks(versions)))
    yield Chain("forward", ("ct status dnat jump marking",), hook("filter", "forward", _FILTER))
    masquerade = (
        f"ct status dnat {_WORD[version]} saddr . {_WORD[version]} daddr @neighbours{version} masquerade"
        for version in versions
    )
    yield Chain("postrouting", tuple(masquerade), hook("nat", "postrouting", _SNAT))


def _translations(versions: Sequence[int]) -> Iterator[str]:
    for version in versions:
        ip = _WORD[version]
        key = f"{ip} saddr . {ip} daddr . meta l4proto . th dport"
        anywhere = f"{ip} saddr . meta l4proto . th dport"
        for place, words, match in (("to", key, ""), ("any", anywhere, "fib daddr type local ")):
            for kind in ("", "_same"):
                yield f"{match}{_PROTOCOLS} dnat {ip} to {words} map @{place}{kind}{version}"


def _marks(versions: Sequence[int]) -> Iterator[str]:
    mark = f"meta mark set meta mark | {MASK}"
    for version in versions:
        ip = _WORD[version]
        yield f"{_PROTOCOLS} ct original {ip} daddr . meta l4proto . ct original proto-dst @seen{version} {mark}"
    yield f"meta mark & {MASK} != {MASK} {_PROTOCOLS} meta l4proto . ct original proto-dst @seen {mark}"
