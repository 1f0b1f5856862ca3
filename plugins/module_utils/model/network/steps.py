# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a libvirt network is like on a host, and the steps that change it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Optional, Protocol

from .options import Network
from .updates import Update


@dataclass(frozen=True)
class Guest:
    """A running guest's interface on a network: the domain's name, the MAC address and the tap device on the host.

    ``connected`` is false where the network no longer carries it, as after a restart of the network by other hands.
    """

    domain: str
    mac: str
    device: str
    connected: bool = True

    def __str__(self) -> str:
        return f"{self.domain} ({self.mac})"


@dataclass(frozen=True)
class NetworkState:
    """A network as a host has it; ``stored`` is missing where it is transient, ``running`` where it is inactive."""

    stored: Optional[Network]
    running: Optional[Network]
    autostart: bool = False
    guests: tuple[Guest, ...] = ()

    @property
    def active(self) -> bool:
        return self.running is not None

    @property
    def definition(self) -> Network:
        return self.stored or self.running or Network()


class NetworkDriver(Protocol):
    """What the steps ask of the host; each raises `HostError` in the system's words."""

    def define(self, network: Network) -> None: ...
    def undefine(self, name: str) -> None: ...
    def start(self, name: str) -> None: ...
    def stop(self, name: str) -> None: ...
    def is_active(self, name: str) -> bool: ...
    def set_autostart(self, name: str, on: bool) -> None: ...
    def update(self, name: str, update: Update, *, live: bool, stored: bool) -> None: ...
    def plug_in(self, name: str, guest: Guest) -> None: ...


class Host(Protocol):
    """The host, as far as these steps need it."""

    @property
    def networks(self) -> NetworkDriver: ...


class Step:
    """What the steps share: one call of libvirt is done or not done at all, so a step that failed needs no undoing."""

    composite: ClassVar[bool] = False


@dataclass(frozen=True)
class Define(Step):
    """Store a definition; ``before`` is the one that was stored, if there was one."""

    after: Network
    before: Optional[Network] = None
    what: str = ""

    @property
    def words(self) -> str:
        if self.before is None:
            return f"define network {self.after.name}"
        return f"redefine network {self.after.name}{self.what}"

    def do(self, host: Host) -> None:
        host.networks.define(self.after)

    def undo(self, host: Host) -> None:
        if self.before is not None:
            host.networks.define(self.before)
        else:
            host.networks.undefine(self.after.name or "")


@dataclass(frozen=True)
class Undefine(Step):
    before: Network
    autostart: bool

    @property
    def words(self) -> str:
        return f"undefine network {self.before.name}"

    def do(self, host: Host) -> None:
        host.networks.undefine(self.before.name or "")

    def undo(self, host: Host) -> None:
        host.networks.define(self.before)
        host.networks.set_autostart(self.before.name or "", self.autostart)


@dataclass(frozen=True)
class Start(Step):
    name: str

    @property
    def words(self) -> str:
        return f"start network {self.name}"

    def do(self, host: Host) -> None:
        host.networks.start(self.name)

    def undo(self, host: Host) -> None:
        if host.networks.is_active(self.name):
            host.networks.stop(self.name)


@dataclass(frozen=True)
class Stop(Step):
    """Stop a network that runs as ``running``, while ``stored`` is stored (``None``: it is transient).

    libvirt starts what is stored, so to take this back ``running`` is stored for that moment.
    """

    name: str
    running: Network
    stored: Optional[Network]

    @property
    def words(self) -> str:
        return f"stop network {self.name}"

    def do(self, host: Host) -> None:
        host.networks.stop(self.name)

    def undo(self, host: Host) -> None:
        if host.networks.is_active(self.name):
            return
        host.networks.define(self.running)
        host.networks.start(self.name)
        if self.stored is None:
            host.networks.undefine(self.name)
        elif self.stored != self.running:
            host.networks.define(self.stored)


@dataclass(frozen=True)
class Restart(Step):
    """Stop and start, so that ``stored`` becomes what runs, and plug the guests in again.

    Undone, it restarts into ``running``, what ran, in the same way as `Stop`.
    """

    composite: ClassVar[bool] = True

    name: str
    running: Network
    stored: Network
    guests: tuple[Guest, ...] = ()

    @property
    def words(self) -> str:
        again = f" and plug in again {', '.join(str(guest) for guest in self.guests)}" if self.guests else ""
        return f"restart network {self.name}{again}"

    def do(self, host: Host) -> None:
        if host.networks.is_active(self.name):
            host.networks.stop(self.name)
        host.networks.start(self.name)
        for guest in self.guests:
            host.networks.plug_in(self.name, guest)

    def undo(self, host: Host) -> None:
        host.networks.define(self.running)
        self.do(host)
        if self.stored != self.running:
            host.networks.define(self.stored)


@dataclass(frozen=True)
class PlugIn(Step):
    name: str
    guest: Guest

    @property
    def words(self) -> str:
        return f"plug {self.guest} in network {self.name} again"

    def do(self, host: Host) -> None:
        host.networks.plug_in(self.name, self.guest)

    def undo(self, host: Host) -> None:
        """A guest that was plugged in again stays so: nobody is better off without."""


@dataclass(frozen=True)
class SetAutostart(Step):
    name: str
    on: bool

    @property
    def words(self) -> str:
        return f"{'set' if self.on else 'clear'} autostart of network {self.name}"

    def do(self, host: Host) -> None:
        host.networks.set_autostart(self.name, self.on)

    def undo(self, host: Host) -> None:
        host.networks.set_autostart(self.name, not self.on)


@dataclass(frozen=True)
class ApplyUpdate(Step):
    name: str
    update: Update
    live: bool
    stored: bool

    @property
    def words(self) -> str:
        where = "live and stored" if self.live and self.stored else "live" if self.live else "stored"
        return f"{self.update.words} in network {self.name} ({where})"

    def do(self, host: Host) -> None:
        host.networks.update(self.name, self.update, live=self.live, stored=self.stored)

    def undo(self, host: Host) -> None:
        host.networks.update(self.name, self.update.inverse(), live=self.live, stored=self.stored)


@dataclass(frozen=True)
class DesiredNetwork:
    """What a user asked of a network.

    ``given`` holds the options as they were given, left-out ones as ``None``; where ``whole`` is true (raw XML) it is
    the whole definition. ``active`` and ``autostart`` are ``None`` where they were left out.
    """

    given: Network
    whole: bool = False
    present: bool = True
    active: Optional[bool] = None
    autostart: Optional[bool] = None
    restart: str = "if_needed"

    @property
    def name(self) -> str:
        return self.given.name or ""


@dataclass(frozen=True)
class NetworkPlan:
    """The steps, and the state that they lead to (``None``: the network is gone).

    ``method`` is the way taken, ``guests`` those that are touched, ``resume`` what a later run has to know should this
    one be killed on its way.
    """

    steps: tuple[Any, ...]
    after: Optional[NetworkState]
    method: str = "none"
    guests: tuple[Guest, ...] = ()
    warnings: tuple[str, ...] = ()
    resume: dict[str, bool] = field(default_factory=dict)
    last: tuple[Any, ...] = ()


def connected(guests: tuple[Guest, ...]) -> tuple[Guest, ...]:
    """The guests, all of them plugged in."""
    return tuple(replace(guest, connected=True) for guest in guests)
