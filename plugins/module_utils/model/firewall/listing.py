# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one listing of nft has: tables of ours, and the rules of others' chains (libnftables-json(5))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from .base import DEFAULT_MASK, MASK
from .nft import FAMILY, LIVE, OURS
from .steps import Passage

LIBVIRT_TABLE = "libvirt_network"  # libvirt's with the backend nftables (nftablesPrivateChains)
_LIBVIRT_CHAINS = "LIBVIRT_"  # what the names of its chains with the backend iptables begin with
FORWARD = ("filter", "FORWARD")  # the chain of iptables
IPTABLES = {"iptables": "ip", "ip6tables": "ip6"}

Entry = Mapping[str, object]


@dataclass(frozen=True)
class Listing:
    """The entries of a listing, each with its kind (``chain``, ``rule``, ...) and what nft says of it."""

    entries: tuple[tuple[str, Entry], ...]

    @property
    def mapping(self) -> Mapping[str, object]:
        """The listing as nft has printed it."""
        return {"nftables": [{kind: held} for kind, held in self.entries]}

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables that are ours."""
        names = [str(held["name"]) for kind, held in self.entries if kind == "table" and held["family"] == FAMILY]
        return tuple(name for name in names if name.startswith(OURS))

    def table(self, name: str) -> Listing:
        """Returns the part that is about a table of ours."""
        return Listing(
            tuple(
                (kind, held)
                for kind, held in self.entries
                if held.get("family") == FAMILY and held.get("name" if kind == "table" else "table") == name
            )
        )

    @property
    def has_elements(self) -> bool:
        """Whether there are sets or maps, whose elements a terse listing leaves out."""
        return any(kind in ("set", "map") and held["name"] not in LIVE for kind, held in self.entries)

    @property
    def translating(self) -> tuple[tuple[str, str], ...]:
        """The family and name of others' tables with rules that send connections elsewhere."""
        found = [held for kind, held in self.entries if kind == "rule" and _translates(held)]
        tables = dict.fromkeys((str(held["family"]), str(held["table"])) for held in found)
        return tuple(each for each in tables if each[0] != FAMILY or not each[1].startswith(OURS))

    def chain(self, family: str, table: str, name: str) -> Optional[Entry]:
        """Returns what is said of a chain; ``None`` where it isn't there."""
        wanted = (family, table, name)
        found = (held for kind, held in self.entries if kind == "chain")
        return next((held for held in found if (held["family"], held["table"], held["name"]) == wanted), None)

    def rules(self, family: str, table: str, name: str) -> Sequence[Entry]:
        """Returns the rules of a chain, in order."""
        wanted = (family, table, name)
        found = (held for kind, held in self.entries if kind == "rule")
        return [held for held in found if (held["family"], held["table"], held["chain"]) == wanted]


def parsed(printed: object) -> Listing:
    """Returns a listing that nft has printed."""
    entries = printed.get("nftables") if isinstance(printed, Mapping) else ()
    found = [each for each in entries if isinstance(each, Mapping)] if isinstance(entries, list) else []
    return Listing(tuple((kind, held) for each in found for kind, held in each.items() if isinstance(held, Mapping)))


def accepts_mark(rule: Entry, mask: str = MASK) -> bool:
    """Returns whether a rule is about packets with a mark of ours: ``meta mark & MASK == MASK``."""
    value = int(mask, 16)
    wanted = {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, value]}, "right": value}
    return any(match == wanted for match in _statements(rule, "match"))


def readable(rules: Sequence[Entry]) -> bool:
    """Returns whether nft shows the marks of these rules. An iptables of another version may write them in a way of its own."""
    extensions = (extension for rule in rules for extension in _statements(rule, "xt"))
    return not any(isinstance(each, Mapping) and each.get("name") == "mark" for each in extensions)


def libvirt_passages(listing: Listing) -> Mapping[Passage, bool]:
    """Returns the chains of libvirt's backend nftables, and whether they have our rule."""
    found = {}
    for family in IPTABLES.values():
        if listing.chain(family, LIBVIRT_TABLE, "forward") is not None:
            rules = listing.rules(family, LIBVIRT_TABLE, "forward")
            found[Passage("nft", family, f"{LIBVIRT_TABLE} forward")] = bool(rules) and accepts_mark(rules[0])
    return found


def forward_passages(tool: str, listing: Listing) -> Mapping[Passage, bool]:
    """Returns the chain FORWARD of iptables, if it rejects: by libvirt's chains, or by its policy."""
    family = IPTABLES[tool]
    chain, rules = listing.chain(family, *FORWARD), listing.rules(family, *FORWARD)
    drops = chain is not None and chain.get("policy") == "drop"
    jumps = [jump for rule in rules for jump in _statements(rule, "jump") if isinstance(jump, Mapping)]
    rejects = drops or any(str(jump.get("target")).startswith(_LIBVIRT_CHAINS) for jump in jumps)
    found = {Passage(tool, family, FORWARD[1]): bool(rules) and accepts_mark(rules[0])} if rejects else {}
    if drops:
        found[Passage(tool, family, FORWARD[1], last=True)] = any(accepts_mark(rule, DEFAULT_MASK) for rule in rules)
    return found


def _translates(rule: Entry) -> bool:
    targets = [each.get("name") for each in _statements(rule, "xt") if isinstance(each, Mapping)]
    return bool(
        _statements(rule, "dnat") or _statements(rule, "redirect") or {"DNAT", "REDIRECT"}.intersection(targets)
    )


def _statements(rule: Entry, kind: str) -> list[object]:
    expressions = rule.get("expr")
    found = [each for each in expressions if isinstance(each, Mapping)] if isinstance(expressions, list) else []
    return [each[kind] for each in found if kind in each]
