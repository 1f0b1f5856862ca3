# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of shaping, and the steps that change it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from ...contract import Driver, Host, Step
from .numbers.tree import Entry, HtbClass, Qdisc, Thing


@dataclass(frozen=True)
class Link:
    """An interface as far as its shaping goes by it."""

    name: str
    mtu: int = 1500
    alias: str = ""


@dataclass(frozen=True)
class Counters:
    """What has passed a class or queue, and what waits in it."""

    bytes: int = 0
    packets: int = 0
    drops: int = 0
    overlimits: int = 0
    requeues: int = 0
    backlog_bytes: int = 0
    backlog_packets: int = 0


@dataclass(frozen=True)
class RawTree:
    """All that an interface has. ``default`` is that of a root of the kind htb; ``hook`` the kind for what comes in.

    ``queues`` are those below the root; ``entering`` are the filters for what comes in. ``counters`` are by the handle of a
    queueing discipline or of a class.
    """

    root: Optional[Qdisc] = None
    default: int = 0
    queues: tuple[Qdisc, ...] = ()
    classes: tuple[HtbClass, ...] = ()
    filters: tuple[Entry, ...] = ()
    hook: str = ""
    entering: tuple[Entry, ...] = ()
    counters: Mapping[int, Counters] = field(default_factory=dict)


@dataclass(frozen=True)
class Bandwidth:
    """What libvirt shapes of an interface by its own settings: whose they are, and in which directions."""

    owner: str
    egress: bool = False
    ingress: bool = False


class ShapingDriver(Driver, ABC):
    """The queueing disciplines, classes and filters of the kernel. Each call raises `HostError`."""

    @abstractmethod
    def link(self, name: str) -> Optional[Link]:
        """Returns an interface; ``None`` if there is none of this name."""

    @abstractmethod
    def tree(self, name: str) -> RawTree:
        """Returns what an interface has."""

    @abstractmethod
    def bandwidth(self, name: str) -> Optional[Bandwidth]:
        """Returns what libvirt's definitions, running or stored, say of an interface."""

    @abstractmethod
    def lacking(self, kinds: Sequence[str]) -> Sequence[str]:
        """Returns those kinds of queueing disciplines, classifiers (``cls_flower``) and actions that the kernel doesn't have."""

    @abstractmethod
    def distribution(self, name: str) -> bool:
        """Returns whether the host has the table of a distribution of netem."""

    @abstractmethod
    def put(self, device: str, thing: Thing, former: Optional[Thing]) -> None:
        """Creates something, or changes what it was before."""

    @abstractmethod
    def remove(self, device: str, thing: Thing) -> None:
        """Removes something."""

    @abstractmethod
    def add_ifb(self, name: str, device: str) -> None:
        """Creates the interface through which what comes in by another one is sent, and sets it up."""

    @abstractmethod
    def remove_ifb(self, name: str) -> None:
        """Removes such an interface with all that is on it."""


@dataclass(frozen=True)
class Put(Step):
    """Creates something, or changes what it was before."""

    device: str
    thing: Thing
    former: Optional[Thing]
    said: str

    @property
    def words(self) -> str:
        return self.said

    def do(self, host: Host) -> None:
        host.driver(ShapingDriver).put(self.device, self.thing, self.former)

    def undo(self, host: Host) -> None:
        driver = host.driver(ShapingDriver)
        if self.former is None:
            driver.remove(self.device, self.thing)
        else:
            driver.put(self.device, self.former, self.thing)


@dataclass(frozen=True)
class Remove(Step):
    """Removes something, and with it what is ``below``. ``instead`` takes the place of a root."""

    device: str
    thing: Thing
    below: tuple[Thing, ...]
    said: str
    instead: Optional[Qdisc] = None

    @property
    def words(self) -> str:
        return self.said

    def do(self, host: Host) -> None:
        driver = host.driver(ShapingDriver)
        if self.instead is not None:
            driver.put(self.device, self.instead, None)
        else:
            driver.remove(self.device, self.thing)

    def undo(self, host: Host) -> None:
        for thing in (self.thing, *self.below):
            host.driver(ShapingDriver).put(self.device, thing, None)


@dataclass(frozen=True)
class AddIfb(Step):
    """Creates the interface through which packets are sent that come in by another one."""

    name: str
    device: str

    @property
    def words(self) -> str:
        return f"create {self.name} for what comes in by {self.device}"

    def do(self, host: Host) -> None:
        host.driver(ShapingDriver).add_ifb(self.name, self.device)

    def undo(self, host: Host) -> None:
        host.driver(ShapingDriver).remove_ifb(self.name)


@dataclass(frozen=True)
class RemoveIfb(Step):
    """Removes such an interface; ``things`` are what is on it."""

    name: str
    device: str
    things: tuple[Thing, ...]

    @property
    def words(self) -> str:
        return f"remove {self.name}"

    def do(self, host: Host) -> None:
        host.driver(ShapingDriver).remove_ifb(self.name)

    def undo(self, host: Host) -> None:
        driver = host.driver(ShapingDriver)
        driver.add_ifb(self.name, self.device)
        for thing in self.things:
            driver.put(self.name, thing, None)
