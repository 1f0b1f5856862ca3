# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of nftables as values (nft(8)): the script that loads one, what is then listed of it, and the script from one to another.

What changes often are the elements of sets and maps. They are compared one by one, in a form that all versions of nft agree on.
The rest of a table, its skeleton, is compared by a digest in the name of an empty chain, and by the number of its rules.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

FAMILY = "inet"
DIGEST = "v_"
OURS = "virtnet_"  # what the names of our tables begin with
# Sets of the bridges of libvirt's active networks: of all of them, and of isolated ones. Their elements come and go with the networks,
# see `service`, so they are neither stored nor compared.
NETWORKS, ISOLATED = "networks", "isolated"
LIVE = (NETWORKS, ISOLATED)

# The first and the last value of a part of a key, equal for a single one: addresses, ports, or a word.
Span = tuple[str, str]


@dataclass(frozen=True, order=True)
class Element:
    """An element of a set, or with a ``value`` of a map. ``comment`` says what it is for."""

    key: tuple[Span, ...]
    value: tuple[str, ...] = ()
    comment: str = ""

    @property
    def key_text(self) -> str:
        return " . ".join(_span_text(span) for span in self.key)

    @property
    def text(self) -> str:
        comment = f' comment "{self.comment}"' if self.comment else ""
        value = f" : {' . '.join(self.value)}" if self.value else ""
        return f"{self.key_text}{comment}{value}"


@dataclass(frozen=True)
class NftSet:
    """A set, or with types of a ``value`` a map. ``counter``: each element counts what it matches."""

    name: str
    key: tuple[str, ...]
    value: tuple[str, ...] = ()
    interval: bool = True
    counter: bool = False
    elements: tuple[Element, ...] = ()

    @property
    def keyword(self) -> str:
        return "map" if self.value else "set"

    @property
    def live(self) -> bool:
        """Whether its elements come and go with libvirt's networks."""
        return self.name in LIVE

    @property
    def type_text(self) -> str:
        value = f" : {' . '.join(self.value)}" if self.value else ""
        parts = [f"type {' . '.join(self.key)}{value};"]
        parts += ["flags interval;"] if self.interval else []
        parts += ["counter;"] if self.counter else []
        return " ".join(parts)


@dataclass(frozen=True)
class Chain:
    """A chain; a base chain has a ``hook``, such as ``type nat hook prerouting priority -105; policy accept;``."""

    name: str
    rules: tuple[str, ...] = ()
    hook: str = ""


def hook(kind: str, name: str, priority: int) -> str:
    """Returns the hook of a base chain, which accepts what no rule of it decides."""
    return f"type {kind} hook {name} priority {priority}; policy accept;"


@dataclass(frozen=True)
class Table:
    """A table of the family inet. ``objects`` are those that rules refer to, such as helpers."""

    name: str
    sets: tuple[NftSet, ...] = ()
    chains: tuple[Chain, ...] = ()
    objects: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The name of the empty chain by which the skeleton is known."""
        skeleton = "\n".join(_skeleton(self))
        return f"{DIGEST}{hashlib.sha256(skeleton.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class BaseChain:
    """A chain that the kernel calls at a ``hook``, and that isn't ours; ``admits``: it has a rule for marked packets."""

    family: str
    table: str
    name: str
    hook: str
    priority: int
    policy: str
    admits: bool = False

    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.name}"


@dataclass(frozen=True)
class Loaded:
    """What the kernel has of a table: its digest, the number of rules by chain, the elements by set."""

    digest: str
    rules: Mapping[str, int]
    elements: Mapping[str, frozenset[Element]]


def expected(table: Table) -> Loaded:
    """Returns what is listed of a table after it was loaded."""
    rules = {chain.name: len(chain.rules) for chain in table.chains if chain.rules}
    return Loaded(table.digest, rules, {each.name: frozenset(each.elements) for each in table.sets if not each.live})


def _skeleton(table: Table) -> Iterator[str]:
    yield from (f"  {each}" for each in table.objects)
    for each in table.sets:
        yield f"  {each.keyword} {each.name} {{ {each.type_text} }}"
    for chain in table.chains:
        yield f"  chain {chain.name} {{"
        yield from (f"    {line}" for line in ([chain.hook] if chain.hook else []))
        yield from (f"    {rule}" for rule in chain.rules)
        yield "  }"


def live_set(name: str, bridges: Iterable[str]) -> NftSet:
    """Returns one of the sets `LIVE`, with these bridges."""
    return NftSet(
        name, ("ifname",), interval=False, elements=tuple(Element((word(each),)) for each in sorted({*bridges}))
    )


def script(table: Table, *, live: bool = True) -> str:
    """Returns the script that replaces a table in one transaction, or creates it; it can be loaded again and again.

    Without ``live`` the sets of bridges of networks are empty in it.
    """
    lines = [f"table {FAMILY} {table.name}", f"delete table {FAMILY} {table.name}", f"table {FAMILY} {table.name} {{"]
    lines += [f"  chain {table.digest} {{ }}", *_skeleton(table), "}"]
    for each in table.sets:
        if live or not each.live:
            lines += _elements("add", table.name, each.name, sorted(each.elements))
    return "\n".join([*lines, ""])


def table_of(script: str) -> str:
    """Returns the name of the table that a script of `script` replaces; empty for another text."""
    return next((line.split()[2] for line in script.splitlines() if line.startswith(f"table {FAMILY} ")), "")


def removal(name: str) -> str:
    """Returns the script that removes a table, whether it is there or not."""
    return f"table {FAMILY} {name}\ndelete table {FAMILY} {name}\n"


def change(table: Table, current: Loaded) -> str:
    """Returns the script from what is loaded to a table: elements alone where the skeleton is the same, so that the others
    keep their counters."""
    wanted = expected(table)
    if (current.digest, dict(current.rules)) != (wanted.digest, dict(wanted.rules)):
        return script(table)
    lines: list[str] = []
    for name, elements in wanted.elements.items():
        there = current.elements.get(name, frozenset())
        lines += _elements("delete", table.name, name, sorted(there - elements))
        lines += _elements("add", table.name, name, sorted(elements - there))
    return "".join(f"{line}\n" for line in lines)


def _elements(verb: str, table: str, name: str, elements: Iterable[Element]) -> Iterator[str]:
    texts = [each.key_text if verb == "delete" else each.text for each in elements]
    if texts:
        yield f"{verb} element {FAMILY} {table} {name} {{ {', '.join(texts)} }}"


# -- spans ---------------------------------------------------------------------------------------------------------------


def word(value: object) -> Span:
    """Returns the span of a single value."""
    return str(value), str(value)


@functools.lru_cache(maxsize=4096)
def network(cidr: str) -> Span:
    """Returns the span of a network, or of an address."""
    found = ipaddress.ip_network(cidr, strict=False)
    return str(found[0]), str(found[-1])


@functools.lru_cache(maxsize=4096)
def _span_text(span: Span) -> str:
    first, last = span
    if first == last:
        return first
    try:
        ends = ipaddress.ip_address(first), ipaddress.ip_address(last)
    except ValueError:
        return f"{first}-{last}"
    found = list(ipaddress.summarize_address_range(*ends))
    return str(found[0]) if len(found) == 1 else f"{first}-{last}"


# -- listings ------------------------------------------------------------------------------------------------------------


def listed(listing: Mapping[str, object]) -> Loaded:
    """Returns what ``nft -j list table`` has printed; nothing of it but what is in all versions alike (libnftables-json(5))."""
    entries = [entry for entry in _list(listing.get("nftables")) if isinstance(entry, Mapping)]
    digest, rules, elements = "", dict[str, int](), dict[str, frozenset[Element]]()
    for entry in entries:
        for kind, held in entry.items():
            if not isinstance(held, Mapping):
                continue
            if kind == "chain" and str(held.get("name", "")).startswith(DIGEST):
                digest = str(held["name"])
            elif kind == "rule":
                rules[str(held["chain"])] = rules.get(str(held["chain"]), 0) + 1
            elif kind in ("set", "map") and held["name"] not in LIVE:
                elements[str(held["name"])] = frozenset(_element(each, kind) for each in _list(held.get("elem")))
    return Loaded(digest, rules, elements)


def base_chains(listing: Mapping[str, object]) -> list[BaseChain]:
    """Returns the chains of a listing that filter packets at a hook, without ours, sorted by hook and priority."""
    entries = [
        entry["chain"] for entry in _list(listing.get("nftables")) if isinstance(entry, Mapping) and "chain" in entry
    ]
    found = [
        BaseChain(
            str(chain["family"]),
            str(chain["table"]),
            str(chain["name"]),
            str(chain["hook"]),
            int(chain.get("prio", 0)),
            str(chain.get("policy", "accept")),
        )
        for chain in entries
        if chain.get("type") == "filter" and not str(chain["table"]).startswith(OURS)
    ]
    return sorted(found, key=lambda chain: (chain.hook, chain.priority, str(chain)))


def counted(listing: Mapping[str, object]) -> Mapping[str, tuple[int, int]]:
    """Returns the packets and bytes that a listing shows, by comment: those of the elements of sets, and of rules."""
    found: dict[str, tuple[int, int]] = {}
    for entry in _list(listing.get("nftables")):
        held = entry.get("set", entry.get("rule")) if isinstance(entry, Mapping) else None
        if not isinstance(held, Mapping):
            continue
        elements = [each["elem"] for each in _list(held.get("elem")) if isinstance(each, Mapping) and "elem" in each]
        counters = [(each.get("comment"), each.get("counter")) for each in elements]
        counters += [
            (held.get("comment"), each["counter"])
            for each in _list(held.get("expr"))
            if isinstance(each, Mapping) and "counter" in each
        ]
        for comment, counter in counters:
            if comment and isinstance(counter, Mapping):
                packets, octets = found.get(str(comment), (0, 0))
                found[str(comment)] = (packets + int(counter["packets"]), octets + int(counter["bytes"]))
    return found


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _element(item: object, kind: str) -> Element:
    key, value = item if kind == "map" and isinstance(item, list) else (item, None)
    comment = ""
    if isinstance(key, Mapping) and isinstance(key.get("elem"), Mapping):
        comment = str(key["elem"].get("comment", ""))
        key = key["elem"]["val"]
    return Element(_parts(key), tuple(first for first, _last in _parts(value)) if value is not None else (), comment)


def _parts(value: object) -> tuple[Span, ...]:
    if isinstance(value, Mapping) and "concat" in value:
        return tuple(_span(part) for part in _list(value["concat"]))
    return (_span(value),)


def _span(value: object) -> Span:
    if isinstance(value, Mapping) and isinstance(value.get("range"), list):
        first, last = value["range"]
        return str(first), str(last)
    if isinstance(value, Mapping) and isinstance(value.get("prefix"), Mapping):
        return network(f"{value['prefix']['addr']}/{value['prefix']['len']}")
    return word(value)
