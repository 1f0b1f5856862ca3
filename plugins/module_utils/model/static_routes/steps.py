# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has of static routes, and the steps that change it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ...contract import Driver, Handler, Host, Step


@dataclass(frozen=True)
class Placed:
    """A route with its interface. Without ``via`` it is one to a subnet of the host, or one that has no single next router."""

    to: str
    via: str = ""
    interface: str = ""

    @property
    def words(self) -> str:
        via = f" via {self.via}" if self.via else ""
        return f"{self.to}{via}{f' dev {self.interface}' if self.interface else ''}"


@dataclass(frozen=True)
class Owner:
    """What sets up an interface: ``networkd`` by the file ``file``, ``networkmanager`` or ``ifupdown``."""

    tool: str
    file: str = ""


class RouteDriver(Driver, ABC):
    """The routes of the main table, and the files that add them again. Each call raises `HostError`."""

    @abstractmethod
    def routes(self) -> Sequence[Placed]:
        """Returns all routes of both families, except for default routes."""

    @abstractmethod
    def interface_towards(self, address: str) -> Optional[str]:
        """Returns the interface in whose subnet an address is; ``None`` for an address behind a router, or of this host."""

    @abstractmethod
    def owner(self, interface: str) -> Optional[Owner]:
        """Returns what sets up an interface; ``None`` where no tool does that is known."""

    @abstractmethod
    def remembered(self) -> Mapping[str, str]:
        """Returns the files that remember sets, by path."""

    @abstractmethod
    def files(self, patterns: Sequence[str]) -> Mapping[str, str]:
        """Returns the files that are named by these glob patterns, by path."""

    @abstractmethod
    def read_by(self, path: str) -> Sequence[str]:
        """Returns the interfaces for which networkd has read a drop-in."""

    @abstractmethod
    def add(self, route: Placed) -> None:
        """Adds a route to the kernel's main table."""

    @abstractmethod
    def remove(self, route: Placed) -> None:
        """Removes a route from the kernel's main table, if it is there."""

    @abstractmethod
    def write(self, path: str, text: Optional[str]) -> None:
        """Replaces a file; ``None`` removes it, and the directory of drop-ins with the last of them."""

    @abstractmethod
    def reload(self, interfaces: tuple[str, ...]) -> None:
        """Makes networkd read its files again and set up these interfaces."""


@dataclass(frozen=True)
class AddRoute(Step):
    """Adds a route to the kernel's main table."""

    route: Placed

    @property
    def words(self) -> str:
        return f"add route {self.route.words}"

    def do(self, host: Host) -> None:
        host.driver(RouteDriver).add(self.route)

    def undo(self, host: Host) -> None:
        host.driver(RouteDriver).remove(self.route)


@dataclass(frozen=True)
class RemoveRoute(Step):
    """Removes a route from the kernel's main table."""

    route: Placed

    @property
    def words(self) -> str:
        return f"remove route {self.route.words}"

    def do(self, host: Host) -> None:
        host.driver(RouteDriver).remove(self.route)

    def undo(self, host: Host) -> None:
        host.driver(RouteDriver).add(self.route)


@dataclass(frozen=True)
class StoreRoutes(Step):
    """Writes a file of a set of routes, or removes it where ``text`` is ``None``; ``was`` is the old text."""

    path: str
    text: Optional[str]
    was: Optional[str]

    @property
    def words(self) -> str:
        if self.text is None:
            return f"remove {self.path}"
        return f"{'write' if self.was is None else 'change'} {self.path}"

    def do(self, host: Host) -> None:
        host.driver(RouteDriver).write(self.path, self.text)

    def undo(self, host: Host) -> None:
        host.driver(RouteDriver).write(self.path, self.was)


@dataclass(frozen=True)
class ReloadNetworkd(Handler):
    """Makes networkd read its files again, where it has read a file that has changed since."""

    interfaces: tuple[str, ...]

    @property
    def words(self) -> str:
        return "have networkd read its files again"

    def merge(self, other: Handler) -> Optional[ReloadNetworkd]:
        if not isinstance(other, ReloadNetworkd):
            return None
        return ReloadNetworkd(tuple(dict.fromkeys((*self.interfaces, *other.interfaces))))

    def triggered_by(self, steps: Sequence[Step]) -> bool:
        return any(isinstance(step, StoreRoutes) for step in steps)

    def do(self, host: Host) -> None:
        host.driver(RouteDriver).reload(self.interfaces)

    def undo(self, host: Host) -> None:
        host.driver(RouteDriver).reload(self.interfaces)
