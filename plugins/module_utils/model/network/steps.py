# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a libvirt network is like on a host, and the steps that change it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Optional

from ...contract import Driver, Host, Step
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


class NetworkDriver(Driver, ABC):
    """libvirt's networks; each call raises `HostError` in libvirt's own words."""

    @abstractmethod
    def libvirt_version(self) -> int:
        """Returns the daemon's version as a number, see `facts.NetworkFacts`."""

    @abstractmethod
    def names(self) -> list[str]:
        """Returns the names of all networks, sorted."""

    @abstractmethod
    def definitions(self) -> list[tuple[str, Network, bool]]:
        """Returns the name of each network, its definition in normal form (what runs, if it is active), and whether it is."""

    @abstractmethod
    def observe(self, name: str) -> Optional[NetworkState]:
        """Returns the state of a network in normal form; ``None`` if there is none of that name."""

    @abstractmethod
    def leases(self, name: str) -> list[dict[str, object]]:
        """Returns the DHCP leases that an active network has given out."""

    @abstractmethod
    def define(self, network: Network) -> None: ...

    @abstractmethod
    def undefine(self, name: str) -> None: ...

    @abstractmethod
    def start(self, name: str) -> None: ...

    @abstractmethod
    def stop(self, name: str) -> None: ...

    @abstractmethod
    def is_active(self, name: str) -> bool: ...

    @abstractmethod
    def set_autostart(self, name: str, on: bool) -> None: ...

    @abstractmethod
    def update(self, name: str, update: Update, *, live: bool, stored: bool) -> None: ...

    @abstractmethod
    def plug_in(self, name: str, guest: Guest) -> None: ...


def _networks(host: Host) -> NetworkDriver:
    return host.driver(NetworkDriver)


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
        _networks(host).define(self.after)

    def undo(self, host: Host) -> None:
        if self.before is not None:
            _networks(host).define(self.before)
        else:
            _networks(host).undefine(self.after.name or "")


@dataclass(frozen=True)
class Undefine(Step):
    before: Network
    autostart: bool

    @property
    def words(self) -> str:
        return f"undefine network {self.before.name}"

    def do(self, host: Host) -> None:
        _networks(host).undefine(self.before.name or "")

    def undo(self, host: Host) -> None:
        _networks(host).define(self.before)
        _networks(host).set_autostart(self.before.name or "", self.autostart)


@dataclass(frozen=True)
class Start(Step):
    name: str

    @property
    def words(self) -> str:
        return f"start network {self.name}"

    def do(self, host: Host) -> None:
        _networks(host).start(self.name)

    def undo(self, host: Host) -> None:
        if _networks(host).is_active(self.name):
            _networks(host).stop(self.name)


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
        _networks(host).stop(self.name)

    def undo(self, host: Host) -> None:
        if _networks(host).is_active(self.name):
            return
        _networks(host).define(self.running)
        _networks(host).start(self.name)
        if self.stored is None:
            _networks(host).undefine(self.name)
        elif self.stored != self.running:
            _networks(host).define(self.stored)


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
        if _networks(host).is_active(self.name):
            _networks(host).stop(self.name)
        _networks(host).start(self.name)
        for guest in self.guests:
            _networks(host).plug_in(self.name, guest)

    def undo(self, host: Host) -> None:
        _networks(host).define(self.running)
        self.do(host)
        if self.stored != self.running:
            _networks(host).define(self.stored)


@dataclass(frozen=True)
class PlugIn(Step):
    name: str
    guest: Guest

    @property
    def words(self) -> str:
        return f"plug {self.guest} in network {self.name} again"

    def do(self, host: Host) -> None:
        _networks(host).plug_in(self.name, self.guest)

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
        _networks(host).set_autostart(self.name, self.on)

    def undo(self, host: Host) -> None:
        _networks(host).set_autostart(self.name, not self.on)


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
        _networks(host).update(self.name, self.update, live=self.live, stored=self.stored)

    def undo(self, host: Host) -> None:
        _networks(host).update(self.name, self.update.inverse(), live=self.live, stored=self.stored)


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


def connected(guests: tuple[Guest, ...]) -> tuple[Guest, ...]:
    """The guests, all of them plugged in."""
    return tuple(replace(guest, connected=True) for guest in guests)
