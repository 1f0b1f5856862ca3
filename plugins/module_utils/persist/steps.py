# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that change the files by which interfaces survive a reboot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Optional

from ..contract import Driver, Handler, Host, Step
from .files import ToolFacts


class FileDriver(Driver, ABC):
    """The files by which the boot tools make interfaces when the host starts; each call raises `HostError`."""

    @abstractmethod
    def facts(self) -> ToolFacts:
        """Returns which tools the host has."""

    @abstractmethod
    def read(self, tool: str) -> Mapping[str, str]:
        """Returns the files of a tool by path, with the copies that lie beside users' files."""

    @abstractmethod
    def write(self, path: str, text: Optional[str]) -> None:
        """Replaces a file, whole or not at all; ``None`` removes it."""

    @abstractmethod
    def hold(self, tool: str) -> None:
        """Keeps a tool that interferes from acting, until `reload`."""

    @abstractmethod
    def reload(self, tool: str, names: tuple[str, ...]) -> None:
        """Has the tool (``networkd``, ...) read its files again, and take over these interfaces as they are."""


def _files(host: Host) -> FileDriver:
    return host.driver(FileDriver)


@dataclass(frozen=True)
class WriteFile(Step):
    """Make a tool's file so; ``None`` is no file."""

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
        _files(host).write(self.path, self.text)

    def undo(self, host: Host) -> None:
        _files(host).write(self.path, self.was)


# These tools create again at once what is removed.
INTERFERING = ("networkmanager", "netplan")


@dataclass(frozen=True)
class HoldTool(Step):
    """Keep a tool from having a hand in what is changed; `ReloadTool` lets go of it, also where all is taken back."""

    composite: ClassVar[bool] = True

    tool: str
    name: str

    @property
    def words(self) -> str:
        return f"hold {self.tool} still while {self.name} changes"

    def do(self, host: Host) -> None:
        _files(host).hold(self.tool)

    def undo(self, host: Host) -> None:
        """Left to `ReloadTool`."""


@dataclass(frozen=True)
class ReloadTool(Handler):
    """Have a tool read its files again; once for all that a run has written, and once more when that is taken back."""

    tool: str
    names: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"have {self.tool} read its files again"

    def merge(self, other: Handler) -> Optional[ReloadTool]:
        """This and another one as one, where they are for one tool."""
        if not isinstance(other, ReloadTool) or other.tool != self.tool:
            return None
        return ReloadTool(self.tool, tuple(dict.fromkeys((*self.names, *other.names))))

    def triggered_by(self, steps: Sequence[Step]) -> bool:
        """Whether any of these steps needs it."""
        return any(isinstance(step, (WriteFile, HoldTool)) and step.tool == self.tool for step in steps)

    def do(self, host: Host) -> None:
        _files(host).reload(self.tool, self.names)

    def undo(self, host: Host) -> None:
        _files(host).reload(self.tool, self.names)
