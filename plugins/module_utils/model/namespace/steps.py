# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of network namespaces, and the steps that use it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ...contract import Driver, Host, Step
from ..fields import to_options
from ..interface.requests import InterfaceDriver
from .options import NetNamespace


@dataclass(frozen=True)
class Process:
    """A process in a namespace."""

    pid: int
    command: str


class NamespaceDriver(Driver, ABC):
    """The named network namespaces of a host. Each call that changes something raises `HostError`."""

    @abstractmethod
    def names(self) -> Sequence[str]:
        """Returns the names of all namespaces, sorted."""

    @abstractmethod
    def exists(self, netns: str) -> bool:
        """Returns whether there is a network namespace of this name, or at this path."""

    @abstractmethod
    def read(self, name: str) -> Optional[NetNamespace]:
        """Returns the settings of a namespace; ``None`` if it isn't there."""

    @abstractmethod
    def processes(self, name: str) -> Sequence[Process]:
        """Returns the processes that are in a namespace."""

    @abstractmethod
    def create(self, name: str) -> None:
        """Creates a namespace as ``ip netns add`` does."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Removes the name of a namespace; the namespace itself goes when the driver is closed."""

    @abstractmethod
    def bring_back(self, name: str) -> None:
        """Undoes `remove`: the namespace gets its name again, with all that is in it."""

    @abstractmethod
    def set(self, name: str, changes: NetNamespace) -> None:
        """Sets the options that aren't ``None``."""


@dataclass(frozen=True)
class CreateNamespace(Step):
    """Creates a namespace, whose loopback interface is down."""

    name: str

    @property
    def words(self) -> str:
        return f"create namespace {self.name}"

    def do(self, host: Host) -> None:
        host.driver(NamespaceDriver).create(self.name)

    def undo(self, host: Host) -> None:
        _close_interfaces(host, self.name)
        host.driver(NamespaceDriver).remove(self.name)


@dataclass(frozen=True)
class SetNamespace(Step):
    """Sets options of a namespace; ``former`` are those that it had."""

    name: str
    changes: NetNamespace
    former: NetNamespace

    @property
    def words(self) -> str:
        if self.changes == NetNamespace(loopback=self.changes.loopback):
            verb = "bring up" if self.changes.loopback else "take down"
            return f"{verb} the loopback interface of namespace {self.name}"
        said = ", ".join(f"{name}={str(value).lower()}" for name, value in to_options(self.changes).items())
        return f"set {said} in namespace {self.name}"

    def do(self, host: Host) -> None:
        host.driver(NamespaceDriver).set(self.name, self.changes)

    def undo(self, host: Host) -> None:
        host.driver(NamespaceDriver).set(self.name, self.former)


@dataclass(frozen=True)
class RemoveNamespace(Step):
    """Removes a namespace."""

    name: str

    @property
    def words(self) -> str:
        return f"remove namespace {self.name}"

    def do(self, host: Host) -> None:
        _close_interfaces(host, self.name)
        host.driver(NamespaceDriver).remove(self.name)

    def undo(self, host: Host) -> None:
        host.driver(NamespaceDriver).bring_back(self.name)


def _close_interfaces(host: Host, name: str) -> None:
    """Closes the socket in the namespace, without which the kernel would keep it."""
    host.driver(InterfaceDriver, name).close()
