# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ifupdown's files (interfaces(5)).

ifupdown itself has no bridges, and what packages like bridge-utils add to it has not all settings. So an interface is a
stanza of the method ``manual`` whose commands make it; run on an interface that is there, they change nothing. A user's
stanza for a port is commented out, and one of the method ``manual`` takes its place. A bridge that takes over an interface
has the stanzas of that besides its own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Optional

from ...model.fields import canonical
from ...model.interface.options import Interface, InterfaceState, LinuxBridge, Tuntap, Uplink
from ..files import Draft, Request, added_line, comment_out, made_for, users_of, without_marks
from ..takeover import takeover, with_mac
from ..words import lost
from . import beside
from . import commands as ip
from . import uplink as uplink_of
from .adopted import Moved, kept_options, moved_stanzas
from .stanzas import MAIN, Stanza, begins_stanza, parse, reads, render, sources
from .words import WORDS

_DIRECTORY = "/etc/network/interfaces.d"
_OURS = "virtnet-kvm-"
_ALL = "all interfaces"  # no interface has such a name


class Ifupdown:
    """See `files.Tool`."""

    def patterns(self, files: Mapping[str, str], /) -> tuple[str, ...]:
        found = [MAIN, f"{_DIRECTORY}/{_OURS}*"]
        for path, text in files.items():
            found += [pattern for _keyword, pattern in sources(path, text)]
        return tuple(found)

    def write(self, draft: Draft, desired: Interface) -> None:
        name = draft.request.name
        path = own_path(name)
        commands = list(ip.addressing(desired, draft.request.interfaces.get(name)))
        taken = takeover(draft.request, path)
        moved = moved_stanzas(draft, taken, path, commands) if taken else None
        if moved:
            desired = with_mac(draft.request, desired)
        notes = [taken.note] if taken and moved else []
        users = parse(draft.users())
        draft.write(path, *notes, *_stanza(draft, desired, commands, moved))
        if isinstance(desired, Uplink):
            for words in lost(WORDS.uplink, canonical(desired)):
                draft.cannot(words)
        _manual(draft, name, [])
        for port in desired.ports or () if isinstance(desired, LinuxBridge) else ():
            mine = moved if taken and port.name == taken.interface else None
            _port(draft, port.name or "", users, mine)

    def own_path(self, name: str) -> str:
        return own_path(name)

    def made_by(self, request: Request) -> Optional[str]:
        found = beside.making(users_of(request.files), request.name)
        return found.path if found else None

    def configures(self, files: Mapping[str, str], state: InterfaceState) -> Optional[str]:
        ours = own_path(state.name)
        if ours in files:
            return ours
        found = [stanza.head.path for stanza in parse(users_of(files)) if stanza.interface == state.name]
        return found[0] if found else None

    def write_beside(self, draft: Draft, declared: Interface) -> None:
        """Adds ``post-up`` lines to the user's stanza, and takes the addresses of new ports from theirs."""
        theirs = beside.ports_in(beside.stanzas_of(draft.users(), draft.request.name))
        beside.write(draft, declared)
        users = parse(draft.users())
        for port in declared.ports or () if isinstance(declared, LinuxBridge) else ():
            if port.name not in theirs:
                _port(draft, port.name or "", users, None)

    def tidy(self, draft: Draft) -> None:
        """Adds the one line that includes the files of all interfaces, unless a user's line does so."""
        text = draft.files.get(MAIN, "")
        bare = without_marks(text, _ALL)
        found = [
            source for path, held in draft.users().items() for source in sources(path, bare if path == MAIN else held)
        ]
        ours = [
            path for path, held in draft.files.items() if made_for(held) is not None and path.startswith(_DIRECTORY)
        ]
        if all(any(reads(*source, path) for source in found) for path in ours):
            if bare != text:
                draft.edit(MAIN, bare)
        elif bare == text:
            end = "" if not text or text.endswith("\n") else "\n"
            draft.edit(MAIN, f"{text}{end}{added_line(f'source {_DIRECTORY}/{_OURS}*', _ALL)}\n")

    def uplink(self, files: Mapping[str, str], name: str) -> Uplink:
        return uplink_of.read(files, name)

    def kept(self, desired: Interface) -> Interface:
        return desired


def own_path(name: str) -> str:
    """Returns the path of an interface's file, whose name is one that ``source-directory`` reads, too."""
    plain = re.sub(r"[^A-Za-z0-9-]", lambda match: "".join(f"_{byte:02x}" for byte in match[0].encode()), name)
    return f"{_DIRECTORY}/{_OURS}{plain}"


def _port(draft: Draft, port: str, users: Iterable[Stanza], moved: Optional[Moved]) -> None:
    """Replaces the users' stanzas of a port by one that says only what the device is; ``moved`` are those of the bridge."""
    theirs = [stanza for stanza in users if stanza.interface == port]
    kept = moved.kept if moved else dict.fromkeys(option for each in theirs for option in kept_options(each))
    instead = [f"iface {port} inet manual", *(f"    {keyword} {value}" for keyword, value in kept)]
    _manual(draft, port, instead, keep_manual=moved is None)
    for alias in dict.fromkeys(stanza.interface for stanza in users if stanza.interface.startswith(f"{port}:")):
        if moved:
            _manual(draft, alias, [f"iface {alias} inet manual"], keep_manual=False)


def _manual(draft: Draft, interface: str, instead: Sequence[str], *, keep_manual: bool = True) -> None:
    """Comments out the users' stanzas of an interface, but not ``auto`` and the like, by which it is brought up."""
    for path, text in draft.users().items():
        lines = text.splitlines(keepends=True)
        edited = "".join(_edited(lines, interface, instead, draft.request.name, keep_manual))
        if edited != text:
            draft.edit(path, edited)
            instead = ()


def _edited(lines: list[str], interface: str, instead: Sequence[str], name: str, keep_manual: bool) -> Iterator[str]:
    within = continued = False
    for line in lines:
        words = line.split()
        if not continued and begins_stanza(words):
            within = words[:2] == ["iface", interface]
            already = within and words[3:] == ["manual"] and bool(instead) and keep_manual
            within = within and not already
            if within:
                yield from (added_line(added, name) + "\n" for added in instead)
                instead = ()
        mine = within and words and (continued or not words[0].startswith("#"))
        yield comment_out(line, name) if mine else line
        continued = line.rstrip("\n").endswith("\\")


def _stanza(draft: Draft, desired: Interface, commands: list[str], moved: Optional[Moved]) -> Iterator[str]:
    name = draft.request.name
    yield f"auto {name}"
    yield f"iface {name} inet manual"
    yield from uplink_of.lines(desired)
    if desired.parent:
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
    yield from _with_moved(desired, moved) if moved else ip.lines("up", commands)
    if moved is None or not any(stanza.method == "dhcp" and stanza.family == "inet" for stanza in moved.stanzas):
        yield from uplink_of.client(desired)
    yield from ip.lines("post-down", [f"ip link delete dev {shlex.quote(name)}"])


def _with_moved(desired: Interface, moved: Moved) -> Iterator[str]:
    """Yields what follows on the first stanza: ifup and ifdown take the stanzas of an interface in the order of the file,
    so routes come after all addresses, and the bridge goes last."""
    name = desired.name or ""
    yield from ip.lines("up", [command for command in moved.own if " route " not in command])
    for stanza in moved.stanzas:
        if stanza.interface != name:
            yield f"auto {stanza.interface}"
        yield from render(stanza, place=stanza.head.path)
    yield f"iface {name} inet manual"
    yield from ip.lines("up", ip.ipv6(desired))
    yield from ip.lines("up", [command for command in moved.own if " route " in command])


def _there(other: object) -> str:
    """Returns the command that brings up another interface, which is needed first; the files are read in any order."""
    return f"{ip.present(str(other))} || ifup {shlex.quote(str(other))}"
