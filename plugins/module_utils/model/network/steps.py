# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that change a libvirt network on a host, and what they ask of the host."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Optional, Protocol

from .options import Guest, Network
from .updates import Update


class NetworkDriver(Protocol):
    """What the steps ask of the host. Each call raises `HostError` with the system's own message."""

    def define(self, network: Network) -> None: ...
    def undefine(self, name: str) -> None: ...
    def start(self, name: str) -> None: ...
    def stop(self, name: str) -> None: ...
    def is_active(self, name: str) -> bool: ...
    def set_autostart(self, name: str, on: bool) -> None: ...
    def update(self, name: str, update: Update, *, live: bool, stored: bool) -> None: ...
    def reconnect(self, name: str, guest: Guest) -> None: ...


class Host(Protocol):
    """The part of the host that these steps need."""

    @property
    def networks(self) -> NetworkDriver: ...


class Step:
    """What the steps have in common. One call of libvirt is done or not done, so a step that failed is not undone."""

    composite: ClassVar[bool] = False

    @property
    def words(self) -> str:
        raise NotImplementedError

    def do(self, host: Host) -> None:
        raise NotImplementedError

    def undo(self, host: Host) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Define(Step):
    """Stores a definition in place of ``stored``. With ``transient`` the network runs, and nothing is stored yet."""

    definition: Network
    stored: Optional[Network] = None
    transient: bool = False

    @property
    def words(self) -> str:
        name = self.definition.name
        if self.transient:
            return f"make network {name} persistent"
        return f"create network {name}" if self.stored is None else f"update network {name}"

    def do(self, host: Host) -> None:
        host.networks.define(self.definition)

    def undo(self, host: Host) -> None:
        if self.stored is not None:
            host.networks.define(self.stored)
        else:
            host.networks.undefine(self.definition.name or "")


@dataclass(frozen=True)
class Undefine(Step):
    """Removes the stored definition."""

    stored: Network
    autostart: bool

    @property
    def words(self) -> str:
        return f"remove network {self.stored.name}"

    def do(self, host: Host) -> None:
        host.networks.undefine(self.stored.name or "")

    def undo(self, host: Host) -> None:
        host.networks.define(self.stored)
        host.networks.set_autostart(self.stored.name or "", self.autostart)


@dataclass(frozen=True)
class Start(Step):
    """Starts a network from its stored definition."""

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
    """Stops a network that runs as ``running``, while ``stored`` is stored (``None``: it is transient).

    libvirt starts what is stored, so to undo this ``running`` is stored for that moment.
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
    """Stops and starts a network, so that ``stored`` becomes what runs, and reconnects the guests.

    To undo it, the network is restarted as ``running``, which ran before, in the same way as in `Stop`.
    """

    composite: ClassVar[bool] = True

    name: str
    running: Network
    stored: Network
    guests: tuple[Guest, ...] = ()

    @property
    def words(self) -> str:
        reconnect = f" and reconnect {', '.join(str(guest) for guest in self.guests)}" if self.guests else ""
        return f"restart network {self.name}{reconnect}"

    def do(self, host: Host) -> None:
        if host.networks.is_active(self.name):
            host.networks.stop(self.name)
        host.networks.start(self.name)
        for guest in self.guests:
            host.networks.reconnect(self.name, guest)

    def undo(self, host: Host) -> None:
        host.networks.define(self.running)
        self.do(host)
        if self.stored != self.running:
            host.networks.define(self.stored)


@dataclass(frozen=True)
class Reconnect(Step):
    """Connects a running guest that the network lost."""

    name: str
    guest: Guest

    @property
    def words(self) -> str:
        return f"reconnect {self.guest} to network {self.name}"

    def do(self, host: Host) -> None:
        host.networks.reconnect(self.name, self.guest)

    def undo(self, host: Host) -> None:
        """Leaves the guest connected: disconnecting it again helps nobody."""


@dataclass(frozen=True)
class SetAutostart(Step):
    """Sets whether libvirt starts the network when it starts itself."""

    name: str
    on: bool

    @property
    def words(self) -> str:
        return f"set autostart={'true' if self.on else 'false'} on network {self.name}"

    def do(self, host: Host) -> None:
        host.networks.set_autostart(self.name, self.on)

    def undo(self, host: Host) -> None:
        host.networks.set_autostart(self.name, not self.on)


@dataclass(frozen=True)
class ApplyUpdate(Step):
    """Makes one change with virNetworkUpdate, to the running network, to the stored definition, or to both."""

    name: str
    update: Update
    live: bool
    stored: bool

    @property
    def words(self) -> str:
        where = "live and stored" if self.live and self.stored else "live" if self.live else "stored"
        return f"{self.update.words} {self.update.preposition} network {self.name} ({where})"

    def do(self, host: Host) -> None:
        host.networks.update(self.name, self.update, live=self.live, stored=self.stored)

    def undo(self, host: Host) -> None:
        host.networks.update(self.name, self.update.inverse(), live=self.live, stored=self.stored)


def connected(guests: tuple[Guest, ...]) -> tuple[Guest, ...]:
    """Returns the guests as they are when the network carries all of them."""
    return tuple(replace(guest, connected=True) for guest in guests)
