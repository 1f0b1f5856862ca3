# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every tool's module is given and gives back, and how files are owned, edited and set back. Pure.

A file is ours, for one interface, where its first line says so (`header`). A user's file is edited a whole line at a time:
a line that must not count any more gets our mark in front (`hide`), so that what was done for an interface can be taken
back later, whatever else the user or another interface has changed in the file since; and as long as a mark of ours is in
it, a copy of what the user had lies beside it (`saved_path`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Callable, Optional, Protocol

from ..model.interface.options import Interface, InterfaceState
from .plan import FileChanges

OWNER = "virtnet.kvm"
_HEADER = f"# Made by {OWNER} for "
_HIDDEN = f"#{OWNER} "
_SAVED = ".virtnet-kvm-saved"


def no_accounts(_option: str, _name: str) -> Optional[int]:
    return None


@dataclass(frozen=True)
class ToolFacts:
    """The tools that a host has, and those in charge of interfaces there: netplan where it has a definition, the others
    where their services run or start with the host. ``systemd`` is its version, 0 where there is none.
    ``account_number`` returns the number of an ``owner`` or a ``group`` by its name, for tools that take no names."""

    installed: frozenset[str] = frozenset()
    in_charge: frozenset[str] = frozenset()
    systemd: int = 0
    account_number: Callable[[str, str], Optional[int]] = field(default=no_accounts, compare=False)


@dataclass(frozen=True)
class Request:
    """What is to be stored for the interface ``name``.

    ``desired`` is the whole of it, as it should be after a reboot; ``None`` where it goes. It holds what the host has
    chosen by itself (a MAC, an MTU) only where that is to be stored. A bridge's ``ports`` are those that are to be stored;
    the one it adopted, ``adopt``, is among them. ``files`` are the tool's, by path; ``interfaces`` are the host's as they
    will be when all is done, in which the details of addresses and routes are found.
    """

    name: str
    desired: Optional[Interface]
    files: Mapping[str, str]
    interfaces: Mapping[str, InterfaceState]
    adopt: Optional[str] = None
    facts: ToolFacts = ToolFacts()


class Tool(Protocol):
    """What a tool's module (``persist/networkd.py``, ...) offers; `plan.TOOLS` has them by the names that users give.

    Its reload, which touches the host, is a function ``reload(names: tuple[str, ...]) -> None`` in
    ``backend/_reload_TOOL.py`` that raises `HostError`.
    """

    def patterns(self, files: Mapping[str, str], /) -> tuple[str, ...]:
        """Glob patterns of the files that matter, first with no files; it is asked again with what was read as long as it
        names new ones, for tools whose files include others. Copies beside users' files are read without being named."""

    def write(self, draft: Draft, desired: Interface) -> None:
        """Write all that is to be stored for ``draft.request``. The draft starts without anything that an earlier run has
        written for this interface: its files are gone, its marks in others are taken out. So say only what should be."""

    def tidy(self, draft: Draft) -> None:
        """Called last, also where the interface goes: set right what several interfaces share."""

    def kept(self, desired: Interface) -> Interface:
        """``desired`` as the kernel shows it while the tool manages it: tools that take in router advertisements by
        themselves set the kernel's own ``accept_ra`` to 0. What is compared with the host is this."""


def header(name: str) -> str:
    """The first line of a file that we made for an interface."""
    return f"{_HEADER}{name}; changes here are overwritten"


def made_for(text: str) -> Optional[str]:
    """The interface that a file of ours was made for; ``None`` for a user's."""
    first = text.split("\n", 1)[0]
    return first[len(_HEADER) :].split(";", 1)[0] if first.startswith(_HEADER) else None


def without_accept_ra(desired: Interface) -> Interface:
    """The interface where a tool takes in advertisements in the kernel's place."""
    if desired.ipv6 is None or desired.ipv6.accept_ra is None:
        return desired
    return replace(desired, ipv6=replace(desired.ipv6, accept_ra="never"))


def saved_path(path: str) -> str:
    """Where the copy of a user's file lies: beside it, under a hidden name that no tool reads."""
    directory, name = posixpath.split(path)
    return posixpath.join(directory, f".{name}{_SAVED}")


def copied_path(path: str) -> Optional[str]:
    """The file of which this path is the copy, if it is one."""
    directory, name = posixpath.split(path)
    if name.startswith(".") and name.endswith(_SAVED):
        return posixpath.join(directory, name[1 : -len(_SAVED)])
    return None


def hide(line: str, name: str) -> str:
    """A line of a user's file, made a comment for an interface's sake. All tools' formats take ``#`` at a line's start."""
    return f"{_HIDDEN}{name}# {line}"


def insert(line: str, name: str) -> str:
    """A line of ours for an interface in a user's file, together with the mark before it by which it is found again."""
    return f"{_HIDDEN}{name}: the next line is ours\n{line}"


def reveal(text: str, name: str) -> str:
    """A user's file without what `hide` and `insert` have done for an interface."""
    text = re.sub(rf"(?m)^{re.escape(insert('', name))}.*(?:\n|\Z)", "", text)
    return re.sub(rf"(?m)^((?:{_HIDDEN}\S+# )*?){re.escape(hide('', name))}", r"\1", text)


def marked(text: str) -> bool:
    """Whether a user's file has marks of ours, for any interface."""
    return bool(re.search(rf"(?m)^{re.escape(_HIDDEN)}", text))


class Draft:
    """The files as they will be."""

    def __init__(self, tool: str, request: Request) -> None:
        self.tool = tool
        self.request = request
        self.files = {path: self._without_ours(text) for path, text in request.files.items()}
        for path, text in request.files.items():
            if made_for(text) == request.name:
                del self.files[path]
        self._notes: list[str] = []

    def _without_ours(self, text: str) -> str:
        return reveal(text, self.request.name) if marked(text) else text

    def users(self) -> dict[str, str]:
        """The users' files, as they are so far."""
        files = self.files.items()
        return {path: text for path, text in files if made_for(text) is None and copied_path(path) is None}

    def write(self, path: str, *lines: str) -> None:
        """A file of ours, without its first line."""
        self.files[path] = "\n".join((header(self.request.name), *lines)).rstrip("\n") + "\n"

    def edit(self, path: str, text: str) -> None:
        """A user's file with lines that were passed through `hide` and `insert`."""
        self.files[path] = text

    def cannot(self, what: str) -> None:
        """Something of the interface that the tool has no word for."""
        self._notes.append(f"{self.tool} can't express {what} of {self.request.name}; it holds until the next reboot")

    def note(self, sentence: str) -> None:
        self._notes.append(sentence)

    def result(self) -> FileChanges:
        """What differs from the files that there are, the copies of users' files first."""
        self._keep_copies()
        before = self.request.files
        changes: dict[str, Optional[str]] = {}
        for path in sorted({*before, *self.files}, key=self._turn):
            if before.get(path) != self.files.get(path):
                changes[path] = self.files.get(path)
        return FileChanges(changes, tuple(dict.fromkeys(self._notes)))

    def _turn(self, path: str) -> tuple[bool, bool, bool, str]:
        """What goes comes last; devices are there before others refer to them."""
        return (path not in self.files, copied_path(path) is None, not path.endswith(".netdev"), path)

    def _keep_copies(self) -> None:
        for path, text in self.users().items():
            copy = saved_path(path)
            if not marked(text):
                kept = self.files.pop(copy, text)
                if kept.rstrip("\n") == text.rstrip("\n"):
                    self.files[path] = kept
            elif copy not in self.files:
                self.files[copy] = self.request.files.get(path, "")
