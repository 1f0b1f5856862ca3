# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ifupdown's files (interfaces(5)).

ifupdown itself has no bridges, and what packages like bridge-utils add to it has not all settings. So an interface is a
stanza of the method ``manual`` whose commands make it; run on an interface that is there, they change nothing. A user's
stanza for a port is commented out, and one of the method ``manual`` takes its place.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping

from ...model.interface.options import Interface, LinuxBridge, Tuntap, VlanIface
from ..files import Draft, added_line, comment_out, made_for, without_marks
from . import commands as ip

MAIN = "/etc/network/interfaces"
_DIRECTORY = "/etc/network/interfaces.d"
_OURS = "virtnet-kvm-"
_ALL = "all interfaces"  # no interface has such a name
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


class Ifupdown:
    """See `files.Tool`."""

    def patterns(self, files: Mapping[str, str], /) -> tuple[str, ...]:
        found = [MAIN, f"{_DIRECTORY}/{_OURS}*"]
        for path, text in files.items():
            found += [pattern for _keyword, pattern in _sources(path, text)]
        return tuple(found)

    def write(self, draft: Draft, desired: Interface) -> None:
        name = draft.request.name
        draft.write(own_path(name), *_stanza(draft, desired))
        _manual(draft, name, "")
        for port in desired.ports or () if isinstance(desired, LinuxBridge) else ():
            _manual(draft, port.name or "", f"iface {port.name} inet manual")

    def tidy(self, draft: Draft) -> None:
        """Adds the one line that includes the files of all interfaces, unless a user's line does so."""
        text = draft.files.get(MAIN, "")
        bare = without_marks(text, _ALL)
        sources = [
            source for path, held in draft.users().items() for source in _sources(path, bare if path == MAIN else held)
        ]
        ours = [path for path, held in draft.files.items() if made_for(held) is not None]
        if all(any(_reads(*source, path) for source in sources) for path in ours):
            if bare != text:
                draft.edit(MAIN, bare)
        elif bare == text:
            end = "" if not text or text.endswith("\n") else "\n"
            draft.edit(MAIN, f"{text}{end}{added_line(f'source {_DIRECTORY}/{_OURS}*', _ALL)}\n")

    def kept(self, desired: Interface) -> Interface:
        return desired


def own_path(name: str) -> str:
    """Returns the path of an interface's file, whose name is one that ``source-directory`` reads, too."""
    plain = re.sub(r"[^A-Za-z0-9-]", lambda match: "".join(f"_{byte:02x}" for byte in match[0].encode()), name)
    return f"{_DIRECTORY}/{_OURS}{plain}"


def _sources(path: str, text: str) -> Iterator[tuple[str, str]]:
    """Yields what a file includes, as keywords with patterns of paths."""
    for line in text.splitlines():
        keyword, _space, rest = line.strip().partition(" ")
        for word in rest.split() if keyword in ("source", "source-directory") else ():
            where = posixpath.join(posixpath.dirname(path), word)
            yield keyword, where if keyword == "source" else f"{where.rstrip('/')}/*"


def _reads(keyword: str, pattern: str, path: str) -> bool:
    if keyword == "source-directory" and not re.fullmatch(r"[A-Za-z0-9_-]+", posixpath.basename(path)):
        return False
    return posixpath.dirname(pattern) == posixpath.dirname(path) and fnmatch.fnmatchcase(path, pattern)


def _manual(draft: Draft, interface: str, instead: str) -> None:
    """Comments out the users' stanzas of an interface, but not ``auto`` and the like, by which it is brought up."""
    for path, text in draft.users().items():
        edited = "".join(_edited(text.splitlines(keepends=True), interface, instead, draft.request.name))
        if edited != text:
            draft.edit(path, edited)


def _edited(lines: list[str], interface: str, instead: str, name: str) -> Iterator[str]:
    within = continued = False
    for line in lines:
        words = line.split()
        if words and not continued and (words[0] in _STANZAS or words[0].startswith("allow-")):
            within = words[:2] == ["iface", interface]
            already = within and words[3:] == ["manual"] and bool(instead)
            within = within and not already
            if within and instead:
                yield added_line(instead, name) + "\n"
                instead = ""
        mine = within and words and (continued or not words[0].startswith("#"))
        yield comment_out(line, name) if mine else line
        continued = line.rstrip("\n").endswith("\\")


def _stanza(draft: Draft, desired: Interface) -> Iterator[str]:
    name = draft.request.name
    yield f"auto {name}"
    yield f"iface {name} inet manual"
    if isinstance(desired, VlanIface):
        yield from ip.lines("pre-up", [_there(desired.parent)])
    yield from ip.lines("pre-up", ip.making(desired))
    if isinstance(desired, Tuntap) and desired.bridge:
        master = f"ip link set dev {shlex.quote(name)} master {shlex.quote(desired.bridge)}"
        yield from ip.lines("pre-up", [_there(desired.bridge), master])
    if isinstance(desired, LinuxBridge):
        for port in desired.ports or ():
            yield from ip.lines("pre-up", [_there(port.name), *ip.enslaving(desired, port)])
        yield from ip.lines("pre-up", ip.vlans(desired, desired, shlex.quote(name), " self"))
    if desired.up is not False:
        yield from ip.lines("up", [f"ip link set dev {shlex.quote(name)} up"])
    yield from ip.lines("up", ip.addressing(desired, draft.request.interfaces.get(name)))
    yield from ip.lines("post-down", [f"ip link delete dev {shlex.quote(name)}"])


def _there(other: object) -> str:
    """Returns the command that brings up another interface, which is needed first; the files are read in any order."""
    return f"{ip.present(str(other))} || ifup {shlex.quote(str(other))}"
