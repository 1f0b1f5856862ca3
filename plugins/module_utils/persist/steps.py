# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that change the files by which interfaces survive a reboot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Optional

if TYPE_CHECKING:
    from ..model.interface.requests import Host


@dataclass(frozen=True)
class WriteFile:
    """Make a tool's file so; ``None`` is no file."""

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


# They make again at once what is taken away from them.
MEDDLING = ("networkmanager", "netplan")


@dataclass(frozen=True)
class HoldTool:
    """Keep a tool from having a hand in what is changed; `ReloadTool` lets go of it, also where all is taken back."""

    composite: ClassVar[bool] = True

    tool: str
    name: str

    @property
    def words(self) -> str:
        return f"hold {self.tool} still while {self.name} changes"

    def do(self, host: Host) -> None:
        host.files.hold(self.tool)

    def undo(self, host: Host) -> None:
        """Left to `ReloadTool`."""


@dataclass(frozen=True)
class ReloadTool:
    """Have a tool read its files again; once for all that a run has written, and once more when that is taken back."""

    tool: str
    names: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"have {self.tool} read its files again"

    def joined(self, other: Any) -> Optional[ReloadTool]:
        """This and another one as one, where they are for one tool."""
        if not isinstance(other, ReloadTool) or other.tool != self.tool:
            return None
        return ReloadTool(self.tool, tuple(dict.fromkeys((*self.names, *other.names))))

    def follows(self, done: Iterable[Any]) -> bool:
        """Whether any of these steps needs it."""
        return any(isinstance(step, (WriteFile, HoldTool)) and step.tool == self.tool for step in done)

    def do(self, host: Host) -> None:
        host.files.reload(self.tool, self.names)

    def undo(self, host: Host) -> None:
        host.files.reload(self.tool, self.names)
