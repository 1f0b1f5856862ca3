# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps and handlers that change what a host reads when it starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Optional

if TYPE_CHECKING:
    from ..model.interface.requests import Host


@dataclass(frozen=True)
class WriteFile:
    """Writes a file of a provider (``tool``), or removes it where ``text`` is ``None``; ``was`` is the old text."""

    composite: ClassVar[bool] = False

    tool: str
    path: str
    text: Optional[str]
    was: Optional[str]

    @property
    def words(self) -> str:
        if self.text is None:
            return f"remove {self.path}"
        return f"{'write' if self.was is None else 'change'} {self.path}"

    def do(self, host: Host) -> None:
        host.files.write(self.path, self.text)

    def undo(self, host: Host) -> None:
        host.files.write(self.path, self.was)


# Tools that at once make again what is removed under them.
MEDDLING = ("networkmanager", "netplan")


@dataclass(frozen=True)
class HoldTool:
    """Stops a tool from changing what a run changes, until `ReloadTool`, also where all is undone."""

    composite: ClassVar[bool] = True

    tool: str
    name: str

    @property
    def words(self) -> str:
        return f"pause {self.tool} while {self.name} changes"

    def do(self, host: Host) -> None:
        host.files.hold(self.tool)

    def undo(self, host: Host) -> None:
        """Does nothing, as `ReloadTool` comes after it."""


@dataclass(frozen=True)
class ReloadTool:
    """Makes a tool read its files again: once for all that a run has written, and once more when that is undone."""

    tool: str
    names: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"have {self.tool} read its files again"

    def joined(self, other: object) -> Optional[ReloadTool]:
        """Returns this and another one as one; ``None`` unless they are for the same tool."""
        if not isinstance(other, ReloadTool) or other.tool != self.tool:
            return None
        return ReloadTool(self.tool, tuple(dict.fromkeys((*self.names, *other.names))))

    def follows(self, done: Iterable[object]) -> bool:
        """Returns whether any of these steps needs it."""
        return any(isinstance(step, (WriteFile, HoldTool)) and step.tool == self.tool for step in done)

    def do(self, host: Host) -> None:
        host.files.reload(self.tool, self.names)

    def undo(self, host: Host) -> None:
        host.files.reload(self.tool, self.names)
