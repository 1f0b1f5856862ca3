# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of a checkpoint's parts: each keeps one kind of thing that a host has, and says how it is restored.

A new part is a file in `parts`, and a line in `parts.registry`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar

from .. import contract
from ..backend.netlink.channel import Channel

K = TypeVar("K")


class Host(contract.Host, Protocol):
    """What the parts use of a host."""

    @property
    def root(self) -> str:
        """Returns the directory that holds the host's files: /."""

    @property
    def channel(self) -> Channel:
        """Returns a netlink socket."""

    def has_tool(self, tool: str) -> bool:
        """Returns whether the host has a boot tool (``networkd``, ...) that can read its files again."""

    def reload(self, tool: str, names: tuple[str, ...], changed: Sequence[str]) -> None:
        """Makes a boot tool read its files again, of which these were ``changed``, and take over these interfaces."""


class Step(Protocol):
    """One thing that a restore does, in words and in deed; `do` raises an exception where it fails."""

    @property
    def words(self) -> str: ...
    def do(self, host: Host) -> None: ...


class Part(ABC, Generic[K]):
    """One part of a checkpoint. ``kept`` is the dataclass that it takes; `model.codec` makes JSON of it.

    ``on_disk``: it is files that something reads when the host starts. They are restored before anything else, and by the
    next boot if the host loses its power.
    ``brought_by`` names the parts that bring most of this one back along with their own. What is left to do is only known
    when these have nothing to do any more.
    """

    name: ClassVar[str]
    on_disk: ClassVar[bool] = False
    brought_by: ClassVar[tuple[str, ...]] = ()
    kept: type[K]

    @abstractmethod
    def take(self, host: Host) -> K:
        """Returns what the host has now."""

    @abstractmethod
    def steps(self, snapshot: Snapshot, host: Host) -> Sequence[Step]:
        """Returns the steps from what the host has to what the snapshot holds; none if nothing differs."""

    def lost(self, _snapshot: Snapshot, _host: Host) -> Sequence[str]:
        """Returns what no step can restore, each as a sentence."""
        return ()

    def handlers(self, _done: Sequence[Step], _snapshot: Snapshot, _host: Host) -> Sequence[Step]:
        """Returns what to do once, after the steps of all parts, given this part's steps that were done."""
        return ()

    def boot_handlers(self, _done: Sequence[Step], _host: Host) -> Sequence[Step]:
        """Returns what to do once at boot, after the files are restored and before anything reads them."""
        return ()


class Snapshot:
    """What was kept of a host, by part."""

    def __init__(self, kept: Mapping[str, object]) -> None:
        self._kept = kept

    def of(self, part: Part[K]) -> K:
        """Returns what the part has taken."""
        kept = self._kept[part.name]
        if not isinstance(kept, part.kept):
            raise TypeError(f"the part {part.name} has kept a {type(kept).__name__}")
        return kept
