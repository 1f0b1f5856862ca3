# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nftables table of a set of outbound rules (masquerade, SNAT).

The first translation of a connection counts, and our chain comes before libvirt's. So a guest of a NAT network can have an
address of its own. Packets in both directions are marked, so that they pass chains that reject what they don't know.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..fields import to_options
from ..firewall.base import MASK
from ..firewall.nft import Chain, Table, hook
from ..firewall.rule_sets import SetKind
from .options import Outbound

_WORD = {4: "ip", 6: "ip6"}
_SEVERAL = {4: "224.0.0.0/4", 6: "ff00::/8"}  # what goes to several hosts at once isn't translated
_SNAT, _FILTER = 95, -6


@dataclass(frozen=True)
class ResolvedOutbound:
    """A rule for a subnet ``cidr``, which is known by ``known_by``."""

    rule: Outbound
    cidr: str
    known_by: str = "cidr"

    @property
    def version(self) -> int:
        return ipaddress.ip_network(self.cidr).version

    @property
    def label(self) -> str:
        by = f" by {self.rule.interface}" if self.rule.interface else ""
        return f"{_short(self.cidr)}{by}"

    @property
    def effect(self) -> str:
        ports = f" with ports {self.rule.ports}" if self.rule.ports else ""
        return f"{f'with the address {self.rule.to}' if self.rule.to else 'masqueraded'}{ports}"

    def shown(self) -> dict[str, object]:
        """Returns the rule in the structure of the options, with the subnet of its network, bridge or guest."""
        shown = to_options(self.rule)
        shown["source"] = {**shown["source"], "cidr": self.cidr}
        return shown


OUTBOUND = SetKind("virtnet_out_", "outbound", "outbound rules", ResolvedOutbound)


def _short(cidr: str) -> str:
    """Returns an address without the prefix length that only says that it is one."""
    found = ipaddress.ip_network(cidr)
    return str(found[0]) if found.num_addresses == 1 else cidr


def outbound_table(name: str, rules: Sequence[ResolvedOutbound]) -> Table:
    """Returns the table of a set, its rules in the order of the set."""
    return Table(
        OUTBOUND.table_name(name),
        chains=(
            Chain(
                "forward",
                tuple(rule for each in rules for rule in _marks(each)),
                hook("filter", "forward", _FILTER),
            ),
            Chain(
                "postrouting",
                tuple(rule for each in rules for rule in _translations(each)),
                hook("nat", "postrouting", _SNAT),
            ),
        ),
    )


def _match(each: ResolvedOutbound) -> str:
    """Returns what fits a packet to the outside: what stays in its own subnet isn't translated."""
    ip = _WORD[each.version]
    match = f"{ip} saddr {each.cidr} {ip} daddr != {{ {each.cidr}, {_SEVERAL[each.version]} }}"
    return f'{match} oifname "{each.rule.interface}"' if each.rule.interface else match


def _translations(each: ResolvedOutbound) -> Iterator[str]:
    """Yields the rules of one. Protocols without ports are translated, too."""
    if each.rule.ports:
        yield f"{_match(each)} meta l4proto {{ tcp, udp, sctp }} {_to(each)}:{each.rule.ports}"
    yield f"{_match(each)} {_to(each)}"


def _to(each: ResolvedOutbound) -> str:
    if not each.rule.to:
        return "masquerade to " if each.rule.ports else "masquerade"
    first, dash, last = each.rule.to.partition("-")
    if each.version == 6 and each.rule.ports:
        return f"snat ip6 to [{first}]{dash}{f'[{last}]' if last else ''}"
    return f"snat {_WORD[each.version]} to {each.rule.to}"


def _marks(each: ResolvedOutbound) -> Iterator[str]:
    """Yields the rules that let both directions pass; they count, too."""
    ip, count = _WORD[each.version], f"meta mark set meta mark | {MASK} counter"
    yield f'{_match(each)} {count} comment "{each.label}"'
    answers = f"ct state established,related ct direction reply ct original {ip} saddr {each.cidr}"
    inbound = f' iifname "{each.rule.interface}"' if each.rule.interface else ""
    yield f'{answers}{inbound} {count} comment "{each.label}"'
