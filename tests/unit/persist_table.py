# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The table of the boot tools' words in docs/persistence.md; `script/test table` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import shapes
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    BridgeVlans,
    Interface,
    Ipv6,
    LinuxBridge,
    MacvlanIface,
    Port,
    Tuntap,
    Uplink,
    VlanIface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.ifupdown.words import WORDS as IFUPDOWN
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.netplan.words import WORDS as NETPLAN
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.networkd.words import WORDS as NETWORKD
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.networkmanager.words import WORDS as NETWORKMANAGER
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.words import (
    Bit,
    Cannot,
    Row,
    Special,
    Table,
    Word,
    Words,
)
from testing.hosts import with_table

TOOLS: Mapping[str, Words] = {
    "networkd": NETWORKD,
    "networkmanager": NETWORKMANAGER,
    "netplan": NETPLAN,
    "ifupdown": IFUPDOWN,
}
# Each table, the class whose own options it has, and what people call these.
TABLES: Mapping[str, tuple[type, str]] = {
    "interface": (Interface, "all interfaces"),
    "uplink": (Uplink, "DHCP, DNS and gateways of bridges, VLAN and macvlan interfaces"),
    "ipv6": (Ipv6, "`ipv6`"),
    "bridge": (LinuxBridge, "bridges"),
    "bridge_vlans": (BridgeVlans, "VLANs of bridges and ports"),
    "port": (Port, "`ports`"),
    "vlan": (VlanIface, "VLAN interfaces"),
    "macvlan": (MacvlanIface, "macvlan interfaces"),
    "tuntap": (Tuntap, "TUN and TAP devices"),
}
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "persistence.md"
BEGIN = "<!-- words: written by `script/test table` -->"
END = "<!-- end of words -->"


def own_options(cls: type) -> list[str]:
    """The options that a class declares itself, without those that are a class with a table of its own."""
    inherited = {shape.name for base in cls.__bases__ if base is not object for shape in shapes(base)}
    tables = {each for each, _title in TABLES.values()}
    return [shape.name for shape in shapes(cls) if shape.name not in inherited and shape.base not in tables]


def table(words: Words, name: str) -> Table:
    found: Table = getattr(words, name)
    return found


def _cell(words: Words, row: Row) -> str:
    if isinstance(row, Special):
        return f"`{row.words}`" + (f", {row.note}" if row.note else "")
    if isinstance(row, Cannot):
        return (
            "`networkmanager.passthrough`, not with networkd"
            if row.renderer
            else f"no{row.reason and ': '}{row.reason}"
        )
    notes = [f"`{words.form.format(where=row.where, key=row.key)}`"]
    if isinstance(row, Bit):
        notes.append(f"bit {row.bit:#x}")
    if isinstance(row, Word):
        notes += [note for note in (row.codec.unit, row.only_with and f"only with `{row.only_with}`") if note]
    return ", ".join(notes)


def lines() -> Iterator[str]:
    yield f"| option | {' | '.join(TOOLS)} |"
    yield f"|{' --- |' * (len(TOOLS) + 1)}"
    for name, (cls, title) in TABLES.items():
        yield f"| **{title}** |{' |' * len(TOOLS)}"
        rows = {tool: {row.option: row for row in table(words, name)} for tool, words in TOOLS.items()}
        for option in own_options(cls):
            cells = [_cell(words, rows[tool][option]) for tool, words in TOOLS.items()]
            yield f"| `{option}` | {' | '.join(cells)} |"


def with_words(document: str) -> str:
    return with_table(document, "\n".join(lines()), BEGIN, END)


def main() -> None:
    """Writes the table in the document anew."""
    DOCUMENT.write_text(with_words(DOCUMENT.read_text()))
