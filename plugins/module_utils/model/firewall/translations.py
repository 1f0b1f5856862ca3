# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of others that send connections to ports of this host elsewhere: by iptables, by firewalld, or written by hand.

They are read as nft writes them (nft(8)), which is the same for rules that were made by iptables. A rule that is for some packets
only, such as those of one interface, isn't found.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Optional

_CHAIN = re.compile(r"^\tchain (\S+) \{$")
_ENTRY = "type nat hook prerouting "
# What an anonymous set has is between braces. A rule with a named set, a negation or a range of addresses isn't read.
_PORT_VALUES = r"(\d[\d-]*|\{ \d[\d, -]* \})"
_ADDRESS_VALUES = r"([\da-f.:/]+|\{ [\da-f.:/, ]+ \})"
_PROTOCOL_VALUES = r"(tcp|udp|sctp|\{ [a-z, ]+ \})"
_PORTS = re.compile(rf"\b(tcp|udp|sctp|th) dport {_PORT_VALUES}(?: |$)")
_MAP = re.compile(r"\bdnat (?:ip6? )?to (tcp|udp|sctp) dport map \{ (\d[^}]*) \}(?: |$)")
_ADDRESSES = re.compile(rf"\bip6? daddr {_ADDRESS_VALUES}(?: |$)")
_PROTOCOLS = re.compile(rf"\b(?:meta l4proto|ip protocol|ip6 nexthdr) {_PROTOCOL_VALUES}(?: |$)")
_VERSION = re.compile(r"\bmeta nfproto ipv([46])(?: |$)")
_TARGET = re.compile(r"\b(?:dnat (?:ip6? )?|redirect )to (\S*\d\S*)(?: |$)")
_JUMP = re.compile(r"\b(?:jump|goto) (\S+)(?: |$)")
# What says nothing, or nothing that leaves out a packet to this host.
_FLAG = "(?:persistent|random|fully-random)"
_ALL = re.compile(
    r'\b(?:counter packets \d+ bytes \d+|fib daddr type local|iif(?:name)? != \S+|ct state new|comment "[^"]*"|log(?: prefix "[^"]*")?'
    rf"|{_FLAG}(?:,{_FLAG})*)(?: |$)"
)
_VERSIONS = {"ip": 4, "ip6": 6}
_ANY_PROTOCOL = ("tcp", "udp", "sctp")


@dataclass(frozen=True)
class Translation:
    """A rule of others: connections to these ``ports`` go to the ``target``, an address or a port or both, as nft writes them.

    ``chain`` is its family, table and name. ``version`` is that of IP; ``None`` for both. ``addresses`` are those of this host
    that it is for, in CIDR form; none where it is for all.
    """

    chain: str
    version: Optional[int]
    protocols: tuple[str, ...]
    ports: tuple[range, ...]
    addresses: tuple[str, ...]
    target: str

    def takes(self, protocol: str, ports: range, version: int, addresses: Iterable[str]) -> Optional[int]:
        """Returns the first of these ports whose connections it is for, at one of these addresses of this host; ``None`` if none is."""
        if protocol not in self.protocols or self.version not in (None, version):
            return None
        both = [range(max(span[0], ports[0]), min(span[-1], ports[-1]) + 1) for span in self.ports]
        found = min((span[0] for span in both if span), default=None)
        if found is None or not self.addresses:
            return found
        networks = [ipaddress.ip_network(each, strict=False) for each in self.addresses]
        own = [ipaddress.ip_address(each) for each in addresses]
        return found if any(address in network for address in own for network in networks) else None

    def leads_to(self, address: str, port: int, listened: int) -> bool:
        """Returns whether a connection to the port ``listened`` goes to an address and a port."""
        return self.target == endpoint(address, str(port)) or (self.target == address and port == listened)


def endpoint(address: str, port: str = "") -> str:
    """Returns an address and a port, if there is one, as nft writes them: `[fd00::1]:80`."""
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def translations(family: str, table: str, listed: str) -> Iterator[Translation]:
    """Yields those of a table that nft has listed, which all new connections to this host come past."""
    chains = _chains(listed.splitlines())
    ways = [name for name, rules in chains.items() if rules and rules[0].startswith(_ENTRY)]
    for name in ways:  # which grows
        for rule in chains.get(name, ()):
            jump = _JUMP.search(rule)
            if jump and jump[1] not in ways and not _rest(rule, _JUMP):
                ways.append(jump[1])
            yield from _read(f"{family} {table} {name}", _VERSIONS.get(family), rule)


def _chains(lines: Iterable[str]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    rules: list[str] = []
    for line in lines:
        begin = _CHAIN.match(line)
        if begin:
            rules = found.setdefault(begin[1], [])
        elif line.startswith("\t\t"):
            rules.append(line.strip())
        else:
            rules = []
    return found


def _read(chain: str, version: Optional[int], rule: str) -> Iterator[Translation]:
    addresses, only, mapped = _ADDRESSES.search(rule), _VERSION.search(rule), _MAP.search(rule)
    found = partial(
        Translation,
        chain=chain,
        version=int(only[1]) if only else version,
        addresses=_values(addresses[1]) if addresses else (),
    )
    target, ports = _TARGET.search(rule), _PORTS.search(rule)
    if mapped and not _rest(rule, _MAP):
        for key, _colon, value in (each.partition(" : ") for each in _values(mapped[2])):
            yield found(protocols=(mapped[1],), ports=(_span(key),), target=endpoint(*value.split(" . ")))
    elif target and ports and not _rest(rule, _TARGET, _PORTS):
        spans = tuple(_span(each) for each in _values(ports[2]))
        yield found(protocols=_protocols(ports[1], rule), ports=spans, target=target[1])


def _protocols(word: str, rule: str) -> tuple[str, ...]:
    """Returns the protocols whose port it is: ``th`` is that of any."""
    if word != "th":
        return (word,)
    named = _PROTOCOLS.search(rule)
    return _values(named[1]) if named else _ANY_PROTOCOL


def _rest(rule: str, *understood: re.Pattern[str]) -> str:
    """Returns what a rule says besides."""
    for pattern in (*understood, _ALL, _ADDRESSES, _PROTOCOLS, _VERSION):
        rule = pattern.sub("", rule)
    return rule.strip()


def _values(written: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in written.strip("{} ").split(","))


def _span(written: str) -> range:
    first, _dash, last = written.partition("-")
    return range(int(first), int(last or first) + 1)
