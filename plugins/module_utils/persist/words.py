# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tables of the boot tools' words are made of. Each tool has them in its ``words.py``, one for each kind.

A row says which option it is for, where in the tool's files its word stands, and how the value is written. The writers go
by the tables, and docs/persistence.md shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from ..model.interface.options import Interface, LinuxBridge, MacvlanIface, QosMap, Tuntap, VlanIface

Value = Union[str, int, bool]


def _nothing(_option: str, _value: object) -> str:
    return ""


@dataclass(frozen=True)
class Codec:
    """From an option's value to the tool's. ``unit`` describes the latter where it isn't what a reader expects.

    ``write`` returns ``None`` for a value that needs no word. ``lost`` returns what the tool has no word for, as text:
    the option with such a value, or a part of it.
    """

    write: Callable[[Any], Optional[Value]]
    unit: str = ""
    lost: Callable[[str, Any], str] = _nothing


def one_of(false: Value, true: Value, unit: str = "") -> Codec:
    """Returns the codec of a switch."""
    return Codec(lambda on: true if on else false, unit)


def position_in(choices: tuple[str, ...]) -> Codec:
    """Returns the codec of a choice that is written as a number, the first being 0."""
    return Codec(choices.index, ", ".join(f"{number}: `{choice}`" for number, choice in enumerate(choices)))


def qos_map(form: str, between: str) -> Codec:
    """Returns the codec of a VLAN interface's QoS map, of whose entries ``form`` is the text."""

    def write(entries: Iterable[QosMap]) -> str:
        return between.join(form.format(pcp=entry.pcp, priority=entry.priority) for entry in entries)

    return Codec(write, form.format(pcp="PCP", priority="PRIORITY"))


TEXT = Codec(str)
NUMBER = Codec(int)
SECONDS = Codec(int)
HUNDREDTHS = Codec(lambda seconds: int(seconds * 100), "hundredths of a second")
YES_NO = one_of("no", "yes")
NO_YES = one_of("yes", "no", "the other way round")
ON_OFF = one_of("off", "on")
TRUE_FALSE = one_of("false", "true")
DIGIT = one_of(0, 1)
INVERTED_DIGIT = one_of(1, 0, "the other way round")
FLAG = Codec(lambda on: "" if on else None, "the word alone")


@dataclass(frozen=True)
class Word:
    """An option for which the tool has a word, ``key``, in its section or command ``where``.

    ``unset`` is the value that is written where the option is left out, as the tool's own default isn't the kernel's.
    ``only_with`` is an option that has to be on, or the tool ignores this one.
    """

    option: str
    where: str
    key: str
    codec: Codec = TEXT
    unset: Optional[Value] = None
    only_with: str = ""


@dataclass(frozen=True)
class Bit:
    """An option that is a bit in a number, the sum of all bits with the same ``key``."""

    option: str
    where: str
    key: str
    bit: int
    unset: bool = False


@dataclass(frozen=True)
class Special:
    """An option that a function writes, as it depends on others, on the tool's version or on the order.

    ``words`` are the tool's words, ``note`` what else a user should know.
    """

    option: str
    words: str
    note: str = ""


@dataclass(frozen=True)
class Cannot:
    """An option for which the tool has no word. ``usual`` is the value that needs none. With a ``renderer`` of netplan
    it is so where that does the work; the other one's own words are passed through to it."""

    option: str
    reason: str = ""
    usual: Optional[Value] = None
    renderer: str = ""


Row = Union[Word, Bit, Special, Cannot]
Table = tuple[Row, ...]


@dataclass(frozen=True)
class Words:
    """All tables of a tool, by the option classes of `model.interface.options`: the options that a class has by itself.

    ``form`` is how people write a word.
    """

    form: str
    interface: Table
    uplink: Table
    ipv6: Table
    bridge: Table
    bridge_vlans: Table
    port: Table
    vlan: Table
    macvlan: Table
    tuntap: Table

    def of_kind(self, desired: Interface) -> Table:
        """Returns the table of what is special of an interface's kind."""
        tables = {
            LinuxBridge: self.bridge,
            VlanIface: self.vlan,
            MacvlanIface: self.macvlan,
            Tuntap: self.tuntap,
        }
        return tables.get(type(desired), ())


def settings(table: Table, options: object) -> Iterator[tuple[str, str, Value]]:
    """Yields the section, the key and the value of all that the tool has words for, in the table's order.

    ``options`` are in their canonical form (`fields.canonical`), in which what needs no word is ``None``.
    """
    done: set[str] = set()
    for row in table:
        if isinstance(row, Bit) and row.key not in done:
            done.add(row.key)
            yield row.where, row.key, sum(_bit(other, options) for other in table if isinstance(other, Bit))
        if isinstance(row, Word) and not _passed_over(row, options):
            value = getattr(options, row.option)
            value = row.unset if value is None else value
            written = None if value is None else row.codec.write(value)
            if written is not None:
                yield row.where, row.key, written


def _bit(row: Bit, options: object) -> int:
    value = getattr(options, row.option)
    return row.bit if (row.unset if value is None else value) else 0


def _passed_over(row: Word, options: object) -> bool:
    return bool(row.only_with) and not getattr(options, row.only_with)


def lost(table: Table, options: object, renderer: str = "") -> Iterator[str]:
    """Yields what is set in the options and the tool has no word for, as text; ``renderer`` is netplan's."""
    for row in table:
        value = getattr(options, row.option)
        if value is None:
            continue
        if isinstance(row, Word):
            text = f"{row.option} while {row.only_with} is off" if _passed_over(row, options) else ""
            text = text or row.codec.lost(row.option, value)
            if text:
                yield text
        if isinstance(row, Cannot) and row.renderer in ("", renderer) and value != row.usual:
            yield row.option


def by_section(found: Iterable[tuple[str, str, Value]]) -> dict[str, dict[str, str]]:
    """Returns what `settings` yields as sections of keys, all as text."""
    sections: dict[str, dict[str, str]] = {}
    for where, key, value in found:
        sections.setdefault(where, {})[key] = str(value)
    return sections
