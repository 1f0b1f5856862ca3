# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stanzas of ifupdown's files (interfaces(5)), in the order in which ifupdown reads them."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Optional

MAIN = "/etc/network/interfaces"
COMMANDS = ("pre-up", "up", "post-up", "down", "pre-down", "post-down")
# Words that begin a stanza and so end the one before.
_STANZAS = (
    "iface",
    "auto",
    "mapping",
    "source",
    "source-directory",
    "no-auto-down",
    "no-scripts",
    "rename",
    "template",
)
_MOVED = "# From "

Option = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """A line, with those that it is continued on; ``number`` is its place in the file, from 1."""

    path: str
    number: int
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()

    @property
    def place(self) -> str:
        """The file and the line, for a person."""
        return f"{self.path}, line {self.number}"


@dataclass(frozen=True)
class Stanza:
    """An ``iface`` stanza, with what it inherits. ``moved`` is one that was moved here from a user's file."""

    head: Line
    interface: str
    family: str
    method: str
    options: tuple[Option, ...] = ()
    moved: bool = False

    def get(self, keyword: str) -> Optional[str]:
        """Returns the value of an option."""
        return dict(self.options).get(keyword)


def begins_stanza(words: list[str]) -> bool:
    return bool(words) and (words[0] in _STANZAS or words[0].startswith("allow-"))


def sources(path: str, text: str) -> Iterator[tuple[str, str]]:
    """Yields what a file includes, as keywords with patterns of paths."""
    for line in text.splitlines():
        yield from _sources_of(path, line)


def _sources_of(path: str, line: str) -> Iterator[tuple[str, str]]:
    keyword, *rest = line.split() or [""]
    for word in rest if keyword in ("source", "source-directory") else ():
        where = posixpath.join(posixpath.dirname(path), word)
        yield keyword, where if keyword == "source" else f"{where.rstrip('/')}/*"


def reads(keyword: str, pattern: str, path: str) -> bool:
    """Returns whether a line reads the file at ``path``."""
    if keyword == "source-directory" and not re.fullmatch(r"[A-Za-z0-9_-]+", posixpath.basename(path)):
        return False
    return posixpath.dirname(pattern) == posixpath.dirname(path) and fnmatch.fnmatchcase(path, pattern)


def lines(files: Mapping[str, str], path: str = MAIN, within: tuple[str, ...] = ()) -> Iterator[Line]:
    """Yields all lines that ifupdown reads, with comments and without the files that it doesn't read."""
    if path in within:
        return
    pending, first = "", 0
    for number, text in enumerate(files.get(path, "").splitlines(), 1):
        first = first or number
        if text.endswith("\\") and not text.lstrip().startswith("#"):
            pending += text[:-1]
            continue
        line = Line(path, first, pending + text)
        pending, first = "", 0
        yield line
        for keyword, pattern in _sources_of(path, line.text):
            for other in sorted(files):
                if reads(keyword, pattern, other) and not posixpath.basename(other).startswith("."):
                    yield from lines(files, other, (*within, path))


def parse(files: Mapping[str, str]) -> list[Stanza]:
    """Returns all ``iface`` stanzas."""
    found: list[Stanza] = []
    current: Optional[Stanza] = None
    for line in lines(files):
        words = line.words
        if begins_stanza(words):
            found += [current] if current else []
            current = _begun(line, found) if words[0] == "iface" and len(words) > 1 else None
        elif current and line.text.strip().startswith(_MOVED):
            current = replace(current, moved=True)
        elif current and words and not words[0].startswith("#"):
            value = line.text.strip()[len(words[0]) :].strip()
            current = replace(current, options=_with(current.options, (words[0], value)))
    return [*found, current] if current else found


def _begun(head: Line, before: list[Stanza]) -> Stanza:
    _iface, interface, *words = head.words
    inherited: Optional[Stanza] = None
    if "inherits" in words:
        place = words.index("inherits")
        words, templates = words[:place], words[place + 1 :]
        inherited = next((each for each in before if each.interface in templates[:1]), None)
    family = words[0] if words else inherited.family if inherited else "inet"
    method = words[1] if len(words) > 1 else inherited.method if inherited else "manual"
    return Stanza(head, interface, family, method, inherited.options if inherited else ())


def _with(options: tuple[Option, ...], option: Option) -> tuple[Option, ...]:
    """Returns the options with one more; only commands may come several times."""
    if option[0] not in COMMANDS:
        options = tuple(other for other in options if other[0] != option[0])
    return (*options, option)


def render(stanza: Stanza, *, place: Optional[str] = None) -> list[str]:
    """Returns the lines of a stanza; ``place`` is the file that it was moved from."""
    return [
        f"iface {stanza.interface} {stanza.family} {stanza.method}",
        *([f"    {_MOVED}{place}"] if place else []),
        *(f"    {keyword} {value}".rstrip() for keyword, value in stanza.options),
    ]


def renews_leases(text: str) -> bool:
    """Returns whether a file has an interface that gets its address by DHCP."""
    return bool(re.search(r"(?m)^\s*iface \S+ inet6? dhcp$", text))
