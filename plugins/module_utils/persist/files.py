# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of boot tools: what their writers get and return, and how files are owned, edited and set back. Pure.

A file of ours is for one interface, and says so in its first line (`header`). A user's file is edited a whole line at a
time: a line that must not count any more gets our mark in front (`comment_out`). So what was done for one interface can be
taken back, whatever else the user or another interface has changed in the file since. As long as a mark of ours is in it,
a copy of what the user had is beside it (`saved_path`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable, Optional, Protocol

from ..model.interface.options import Interface, InterfaceState, Uplink
from .declared.paths import path_of
from .plan import FileChanges

if TYPE_CHECKING:
    from .declared.declaration import Declaration, Replaced

OWNER = "virtnet.kvm"
_HEADER = f"# Made by {OWNER} for "
_MARK = f"#{OWNER} "
_SAVED = ".virtnet-kvm-saved"

# How the paths of our sysctl files begin, one for each interface that needs one.
SYSCTL_FILES = "/etc/sysctl.d/90-virtnet-kvm-"


def no_accounts(_kind: str, _name: str) -> Optional[int]:
    return None


def not_wireless(_name: str) -> bool:
    return False


def no_claims(_name: str) -> Mapping[str, str]:
    return {}


def no_namespaces(_name: str) -> bool:
    return False


def no_notes(_index: int) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class ToolFacts:
    """The boot tools that a host has (``installed``), and those that manage its interfaces (``in_charge``): netplan where
    it has a file, the others where their service runs or is enabled.

    ``systemd`` is the version of systemd, 0 where there is no networkd. ``resolvers`` has what can take name servers from
    a tool and works: "systemd-resolved", and "ifupdown" where its scripts read `dns-nameservers`. ``account_number``
    returns the number of an ``owner`` or a ``group`` by its name, for tools that take no names. ``networkd_notes`` returns
    what networkd notes of an interface with this index (``NETWORK_FILE``, ``DHCP6_CLIENT_IAID``) and of its lease
    (``CLIENTID``), by key. ``dhcp_client`` says whether ifupdown finds a DHCP client. ``wireless`` returns whether an interface of this host is a wireless one.
    ``claims`` returns the files that configure an interface, a user's or ours, by those tools in charge that have one.
    ``keeps_namespace`` returns whether our unit creates a network namespace at boot.
    """

    installed: frozenset[str] = frozenset()
    in_charge: frozenset[str] = frozenset()
    systemd: int = 0
    resolvers: frozenset[str] = frozenset()
    account_number: Callable[[str, str], Optional[int]] = field(default=no_accounts, compare=False)
    networkd_notes: Callable[[int], Mapping[str, str]] = field(default=no_notes, compare=False)
    dhcp_client: bool = False
    wireless: Callable[[str], bool] = field(default=not_wireless, compare=False)
    claims: Callable[[str], Mapping[str, str]] = field(default=no_claims, compare=False)
    keeps_namespace: Callable[[str], bool] = field(default=no_namespaces, compare=False)


@dataclass(frozen=True)
class Request:
    """What is to be stored for the interface ``name``.

    ``desired`` is the whole interface as it should be after a reboot; ``None`` where there should be none. What the host
    chooses (a MAC address, an MTU) is in it only where it is to be stored. A bridge's ``ports`` are those to be stored; the
    one that it adopted, ``adopt``, is among them. ``files`` are the tool's, by path. ``interfaces`` are the host's as they
    are once all is done; they have the details of addresses and routes. ``given`` has the options of the task alone.
    ``new`` says that the interface isn't there yet.

    ``declaration`` is what is to be remembered: without ``complete`` its options are all that is stored, beside the user's
    files. ``earlier`` says that another version, which remembered nothing, has written the files; they stay as they are
    until something changes.
    """

    name: str
    desired: Optional[Interface]
    files: Mapping[str, str]
    interfaces: Mapping[str, InterfaceState]
    adopt: Optional[str] = None
    facts: ToolFacts = ToolFacts()
    given: Optional[Interface] = None
    declaration: Optional[Declaration] = None
    earlier: bool = False
    new: bool = False


class Tool(Protocol):
    """The writer of a boot tool's files; `choose.TOOLS` has them by the names that users give.

    What touches the host is ``reload(names: tuple[str, ...]) -> None`` in ``backend/boot_tools/TOOL.py``, which raises
    `HostError`.
    """

    def patterns(self, files: Mapping[str, str], /) -> tuple[str, ...]:
        """Returns glob patterns of the files that matter, first without any files.

        It is called again with the files that were read as long as it returns new patterns, for tools whose files include
        others. The copies beside users' files are read without a pattern.
        """

    def write(self, draft: Draft, desired: Interface) -> None:
        """Writes all that is to be stored for ``draft.request``.

        The draft starts without anything that an earlier run has written for this interface: its files are gone, its marks
        in other files are taken out.
        """

    def own_path(self, name: str) -> str:
        """Returns the path of the file of ours that makes an interface."""

    def made_by(self, request: Request) -> Optional[str]:
        """Returns the path of the user's file that makes ``request``'s interface; ``None`` where none does."""

    def configures(self, files: Mapping[str, str], state: InterfaceState) -> Optional[str]:
        """Returns the path of the file, ours or a user's, that is for an interface; ``None`` for none, or one for any."""

    def write_beside(self, draft: Draft, declared: Interface) -> None:
        """Writes only what is ``declared``, beside the user's files that make the interface (`made_by`).

        What removes something is in it, too: an empty list.
        """

    def tidy(self, draft: Draft) -> None:
        """Sets right what several interfaces share. It is called last, also where the interface goes."""

    def uplink(self, files: Mapping[str, str], name: str) -> Uplink:
        """Returns what the files of ours say of DHCP, name servers and domains for the interface ``name``."""

    def kept(self, desired: Interface) -> Interface:
        """Returns ``desired`` as the kernel shows it while the tool manages it.

        This is what is compared with the host: tools that process router advertisements themselves set the kernel's own
        ``accept_ra`` to 0.
        """


def header(name: str) -> str:
    """Returns the first line of a file of ours for an interface."""
    return f"{_HEADER}{name}; changes here are overwritten"


def made_for(text: str) -> Optional[str]:
    """Returns the interface that a file of ours is for; ``None`` for a user's file."""
    first = text.split("\n", 1)[0]
    return first[len(_HEADER) :].split(";", 1)[0] if first.startswith(_HEADER) else None


def without_accept_ra(desired: Interface) -> Interface:
    """Returns the interface as the kernel shows it where a tool processes router advertisements."""
    if desired.ipv6 is None or desired.ipv6.accept_ra is None:
        return desired
    return replace(desired, ipv6=replace(desired.ipv6, accept_ra="never"))


def saved_path(path: str) -> str:
    """Returns the path of the copy of a user's file: beside it, under a hidden name that no tool reads."""
    directory, name = posixpath.split(path)
    return posixpath.join(directory, f".{name}{_SAVED}")


def copied_path(path: str) -> Optional[str]:
    """Returns the path of the file whose copy ``path`` is; ``None`` if it is none."""
    directory, name = posixpath.split(path)
    if name.startswith(".") and name.endswith(_SAVED):
        return posixpath.join(directory, name[1 : -len(_SAVED)])
    return None


def comment_out(line: str, name: str) -> str:
    """Returns a line of a user's file as a comment, made for an interface. ``#`` begins one in the files of all tools."""
    return f"{_MARK}{name}# {line}"


def added_line(line: str, name: str) -> str:
    """Returns a line that is added to a user's file for an interface, after the mark by which it is found again."""
    return f"{_MARK}{name}: the next line is ours\n{line}"


def without_marks(text: str, name: str) -> str:
    """Returns a user's file without what `comment_out` and `added_line` have done for an interface."""
    text = re.sub(rf"(?m)^{re.escape(added_line('', name))}.*(?:\n|\Z)", "", text)
    return re.sub(rf"(?m)^((?:{_MARK}\S+# )*?){re.escape(comment_out('', name))}", r"\1", text)


def has_marks(text: str) -> bool:
    """Returns whether a user's file has marks of ours, for any interface."""
    return bool(re.search(rf"(?m)^{re.escape(_MARK)}", text))


def overlay(files: Mapping[str, str], changes: Mapping[str, Optional[str]]) -> dict[str, str]:
    """Returns the files, by path, with the changes made; a change to ``None`` removes a file."""
    return {path: text for path, text in {**files, **changes}.items() if text is not None}


def is_netdev(path: str) -> bool:
    """Returns whether networkd makes a device by this file: a .netdev file, or a drop-in beside one."""
    return path.endswith(".netdev") or posixpath.dirname(path).endswith(".netdev.d")


def users_of(files: Mapping[str, str]) -> dict[str, str]:
    """Returns the users' files among these."""
    return {path: text for path, text in files.items() if made_for(text) is None and copied_path(path) is None}


class Draft:
    """A tool's files as they are to be, which its writer changes; `result` returns what differs from those that there are.

    It collects the warnings, too. ``renews_leases`` is whether the tool renews there what a DHCP server has leased to the
    interface that is adopted.
    """

    def __init__(self, tool: str, request: Request) -> None:
        self.tool = tool
        self.request = request
        self.files = {path: self._without_ours(text) for path, text in request.files.items()}
        for path, text in request.files.items():
            if made_for(text) == request.name:
                del self.files[path]
        self.renews_leases = False
        #: What stood in users' files where ours is now, to be remembered, see `declared.declaration.Declaration`.
        self.former: dict[str, Replaced] = {}
        self._warnings: list[str] = []

    def _without_ours(self, text: str) -> str:
        return without_marks(text, self.request.name) if has_marks(text) else text

    def users(self) -> dict[str, str]:
        """Returns the users' files, as they are so far."""
        return users_of(self.files)

    def write(self, path: str, *lines: str) -> None:
        """Writes a file of ours; its first line comes by itself."""
        self.files[path] = "\n".join((header(self.request.name), *lines)).rstrip("\n") + "\n"

    def edit(self, path: str, text: str) -> None:
        """Replaces a user's file by one with lines from `comment_out` and `added_line`."""
        self.files[path] = text

    def cannot(self, what: str, reason: str = "") -> None:
        """Warns of something that the tool can't store."""
        why = f", because {reason}" if reason else ""
        self.warn(f"{self.tool} can't store {what}{why}; run this task again after each reboot")

    def warn(self, sentence: str) -> None:
        """Adds a warning about the interface."""
        self._warnings.append(f"{self.request.name}: {sentence}")

    def result(self) -> FileChanges:
        """Returns what differs from the files that there are, the copies of users' files first."""
        self._keep_copies()
        before = self.request.files
        changes: dict[str, Optional[str]] = {}
        for path in sorted({*before, *self.files}, key=self._turn):
            if before.get(path) != self.files.get(path):
                changes[path] = self.files.get(path)
        return FileChanges(changes, tuple(dict.fromkeys(self._warnings)), self.renews_leases)

    def _turn(self, path: str) -> tuple[bool, bool, bool, bool, str]:
        """Returns when a file is written: what goes comes last, and devices come before the files that refer to them.

        What is remembered is there before our files are, and goes after them: so a run after a killed one knows it.
        """
        goes, memory = path not in self.files, path == path_of(self.request.name)
        return (goes, memory is goes, copied_path(path) is None, not is_netdev(path), path)

    def _keep_copies(self) -> None:
        for path, text in self.users().items():
            copy = saved_path(path)
            if not has_marks(text) and path not in self.former:
                kept = self.files.pop(copy, text)
                if kept.rstrip("\n") == text.rstrip("\n"):
                    self.files[path] = kept
            elif copy not in self.files:
                self.files[copy] = self.request.files.get(path, "")
