# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps and handlers that change what a host reads when it starts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Optional

from ..contract import Driver, Handler, Host, Step

if TYPE_CHECKING:
    from .files import ToolFacts


class FileDriver(Driver, ABC):
    """The files by which providers make what a host has when it starts. Each call raises `HostError`."""

    @abstractmethod
    def facts(self) -> ToolFacts:
        """Returns which boot tools the host has."""

    @abstractmethod
    def read(self, tool: str) -> Mapping[str, str]:
        """Returns the files of a tool by path, with the copies that lie beside users' files."""

    @abstractmethod
    def write(self, path: str, text: Optional[str]) -> None:
        """Replaces a file, whole or not at all; ``None`` removes it."""

    @abstractmethod
    def hold(self, tool: str, name: str) -> None:
        """Stops a tool from changing by itself what a run changes for the interface ``name``, until `reload`."""

    @abstractmethod
    def stop_dhcp(self, name: str) -> None:
        """Ends the DHCP client of an interface, which leaves its addresses and name servers as they are."""

    @abstractmethod
    def reload(self, tool: str, names: tuple[str, ...]) -> None:
        """Makes the tool (``networkd``, ...) read its files again, and take over these interfaces as they are."""


def _files(host: Host) -> FileDriver:
    return host.driver(FileDriver)


@dataclass(frozen=True)
class WriteFile(Step):
    """Writes a file of a provider (``tool``), or removes it where ``text`` is ``None``; ``was`` is the old text."""

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


@dataclass(frozen=True)
class HoldTool(Step):
    """Stops a tool from changing what a run changes, until `ReloadTool`, also where all is undone."""

    composite: ClassVar[bool] = True

    tool: str
    name: str

    @property
    def words(self) -> str:
        return f"pause {self.tool} while {self.name} changes"

    def do(self, host: Host) -> None:
        _files(host).hold(self.tool, self.name)

    def undo(self, host: Host) -> None:
        """Leaves it to `ReloadTool`, which comes after it."""


@dataclass(frozen=True)
class StopDhcp(Step):
    """Ends the DHCP client of an interface whose address moves to another one, until `ReloadTool`."""

    composite: ClassVar[bool] = True

    tool: str
    name: str

    @property
    def words(self) -> str:
        return f"stop the DHCP client of {self.name}, without releasing its lease"

    def do(self, host: Host) -> None:
        _files(host).stop_dhcp(self.name)

    def undo(self, host: Host) -> None:
        """Leaves it to `ReloadTool`, which comes after it."""


@dataclass(frozen=True)
class ReloadTool(Handler):
    """Makes a tool read its files again: once for all that a run has written, and once more when that is undone."""

    tool: str
    names: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"have {self.tool} read its files again"

    def merge(self, other: Handler) -> Optional[ReloadTool]:
        """Returns this and another one as one; ``None`` unless they are for the same tool."""
        if not isinstance(other, ReloadTool) or other.tool != self.tool:
            return None
        return ReloadTool(self.tool, tuple(dict.fromkeys((*self.names, *other.names))))

    def triggered_by(self, steps: Sequence[Step]) -> bool:
        """Returns whether any of these steps needs it."""
        return any(isinstance(step, (WriteFile, HoldTool, StopDhcp)) and step.tool == self.tool for step in steps)

    def do(self, host: Host) -> None:
        _files(host).reload(self.tool, self.names)

    def undo(self, host: Host) -> None:
        _files(host).reload(self.tool, self.names)
