# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A forward whose guest has an address, and how nft knows it."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from ..fields import to_options
from ..firewall.nft import Span, network, word
from ..firewall.translations import endpoint
from .options import Forward, Listen, Target, log_prefix_of, ports_of, protocol_of, where

# nft's words, by the version of IP.
IP = {4: "ip", 6: "ip6"}
ADDRESS_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
# The protocol in a key. nft 1.0.6 would change the byte order of `meta l4proto` in a key with ranges, in a way that newer kernels
# refuse (nft_byteorder_init).
PROTOCOL = {4: "ip protocol", 6: "ip6 nexthdr"}
# An old nft needs it before a port of any protocol.
PROTOCOLS = "meta l4proto { tcp, udp, sctp }"
_PORTS = ("inet_proto", "inet_service")
_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


@dataclass(frozen=True)
class Resolved:
    """A forward whose guest has an ``address``, which is known by ``source``."""

    forward: Forward
    address: str
    source: str = "address"

    @property
    def guest(self) -> str:
        """The name of the guest; empty where only the address is known."""
        return (self.forward.to or Target()).guest or ""

    @property
    def listen(self) -> Listen:
        return self.forward.listen or Listen()

    @functools.cached_property
    def version(self) -> int:
        return _version(self.address)

    @functools.cached_property
    def keeps_numbers(self) -> bool:
        """Whether it is a range whose ports have the same numbers on the guest."""
        ports = ports_of(self.listen)
        return len(ports) > 1 and self.first_port == ports[0]

    @functools.cached_property
    def first_port(self) -> int:
        to = self.forward.to or Target()
        return to.port or ports_of(self.listen)[0]

    @functools.cached_property
    def label(self) -> str:
        return where(self.listen)

    @property
    def effect(self) -> str:
        to = endpoint(self.address, str(self.first_port))
        sources = f" from {', '.join(self.forward.sources)}" if self.forward.sources else ""
        helper = f" with the helper {self.forward.helper}" if self.forward.helper else ""
        logged = f' logged as "{log_prefix_of(self.forward)}"' if self.forward.log else ""
        return f"to {to}{sources}{helper}{logged}"

    @functools.cached_property
    def sources(self) -> tuple[str, ...]:
        return self.forward.sources or (_EVERYWHERE[self.version],)

    def shown(self) -> dict[str, object]:
        """Returns the forward in the structure of the options, with the address that its guest has."""
        shown = to_options(self.forward)
        shown["to"] = {**shown["to"], "address": self.address}
        return shown


@functools.lru_cache(maxsize=4096)
def _version(address: str) -> int:
    return ipaddress.ip_address(address).version


def matched(version: int, *, here: bool) -> tuple[str, str]:
    """Returns the match and the key by which a rule finds forwards, for listeners with an address (``here``) or without one."""
    ip, ports = IP[version], f"{PROTOCOL[version]} . th dport"
    if here:
        return PROTOCOLS, f"{ip} saddr . {ip} daddr . {ports}"
    return f"fib daddr type local {PROTOCOLS}", f"{ip} saddr . {ports}"


def key_type(version: int, *, here: bool) -> tuple[str, ...]:
    """Returns the type of that key."""
    address = ADDRESS_TYPE[version]
    return (address, address, *_PORTS) if here else (address, *_PORTS)


def keys(each: Resolved, ports: Span) -> Iterator[tuple[Span, ...]]:
    """Yields the keys of a forward in the maps and sets of its table, one for each of its sources."""
    address = (word(each.listen.address),) if each.listen.address else ()
    for source in each.sources:
        yield (network(source), *address, word(protocol_of(each.listen)), ports)


def port_span(each: Resolved) -> Span:
    """Returns the ports of its listener as a part of a key."""
    ports = ports_of(each.listen)
    return str(ports[0]), str(ports[-1])
