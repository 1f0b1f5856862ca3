# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that change a libvirt network on a host, and what they ask of the host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, Optional

from ...contract import Driver, Host, Step
from ...errors import HostError
from ..libvirt_parts import Extra
from ..links import LinkDriver, PutBack
from .options import Guest, Network, NetworkState, dotted, own_bridge
from .updates import Update


class NetworkDriver(Driver, ABC):
    """libvirt's networks. Each call raises `HostError` with libvirt's own message."""

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
    def dropped(self, network: Network) -> tuple[Extra, ...]:
        """Returns parts without an option that libvirt would not keep, as far as that can be known before it is defined."""

    @abstractmethod
    def define(self, network: Network) -> tuple[str, ...]:
        """Stores a definition. Returns what libvirt has not kept of it, in words."""

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
    def reconnect(self, name: str, guest: Guest) -> None: ...

    @abstractmethod
    def obstacles(self, definition: Network) -> tuple[str, ...]:
        """Returns why libvirt couldn't start a network with this definition, each with its remedy; empty if it can."""

    @abstractmethod
    def restore_firewall(self, name: str) -> None:
        """Makes libvirt create the firewall rules of an active network that have been removed, and waits for them."""

    @abstractmethod
    def correct_pid_file(self, name: str) -> None:
        """Writes the process id of the network's dnsmasq to the file in which libvirt looks for it."""


def _networks(host: Host) -> NetworkDriver:
    return host.driver(NetworkDriver)


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
        """Raises `HostError` also where libvirt has ignored a part: each later run would find a difference."""
        lost = _networks(host).define(self.definition)
        if lost:
            self.undo(host)
            version = dotted(_networks(host).libvirt_version())
            raise HostError(
                self.words,
                f"libvirt {version} doesn't keep {'; '.join(lost)}; leave that out, or use a libvirt that has it",
            )

    def undo(self, host: Host) -> None:
        if self.stored is not None:
            _networks(host).define(self.stored)
        else:
            _networks(host).undefine(self.definition.name or "")


@dataclass(frozen=True)
class Undefine(Step):
    """Removes the stored definition."""

    stored: Network
    autostart: bool

    @property
    def words(self) -> str:
        return f"remove network {self.stored.name}"

    def do(self, host: Host) -> None:
        _networks(host).undefine(self.stored.name or "")

    def undo(self, host: Host) -> None:
        _networks(host).define(self.stored)
        _networks(host).set_autostart(self.stored.name or "", self.autostart)


@dataclass(frozen=True)
class Start(Step):
    """Starts a network from its stored definition."""

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
    """Stops and starts a network, so that ``stored`` becomes what runs, and reconnects the guests.

    What others have on its bridge is restored, too; ``others`` are the interfaces among that. To undo it, the network is
    restarted as ``running``, which ran before, in the same way as in `Stop`.
    """

    composite: ClassVar[bool] = True

    name: str
    running: Network
    stored: Network
    guests: tuple[Guest, ...] = ()
    others: tuple[str, ...] = ()
    kept: list[PutBack] = field(default_factory=list, compare=False)

    @property
    def words(self) -> str:
        names = ", ".join((*map(str, self.guests), *self.others))
        return f"restart network {self.name}" + (f" and reconnect {names}" if names else "")

    def do(self, host: Host) -> None:
        if _networks(host).is_active(self.name):
            self._keep(host)
            _networks(host).stop(self.name)
        _networks(host).start(self.name)
        for guest in self.guests:
            _networks(host).reconnect(self.name, guest)
        for put_back in self.kept:
            put_back(_belonging_to(self.running) | _belonging_to(self.stored))

    def _keep(self, host: Host) -> None:
        """Notes what others have on the bridge. An undo of a half-done restart finds nothing there, so that the first notes are used."""
        bridge = own_bridge(self.stored)
        if bridge and bridge == own_bridge(self.running) and not self.kept:
            taps = frozenset(guest.device for guest in self.guests if guest.device)
            self.kept.append(host.driver(LinkDriver).keep(bridge, taps))

    def undo(self, host: Host) -> None:
        _networks(host).define(self.running)
        self.do(host)
        if self.stored != self.running:
            _networks(host).define(self.stored)


def _belonging_to(network: Network) -> set[str]:
    """Returns the addresses of a network's bridge, and the destinations of its routes."""
    return {
        *(ip.address for ip in network.ips or () if ip.address),
        *(route.to for route in network.routes or () if route.to),
    }


@dataclass(frozen=True)
class Reconnect(Step):
    """Connects a running guest that the network lost."""

    name: str
    guest: Guest

    @property
    def words(self) -> str:
        return f"reconnect {self.guest} to network {self.name}"

    def do(self, host: Host) -> None:
        _networks(host).reconnect(self.name, self.guest)

    def undo(self, host: Host) -> None:
        """Leaves the guest connected: disconnecting it again is of no use."""


@dataclass(frozen=True)
class RestoreFirewall(Step):
    """Makes libvirt create its firewall rules again, without a restart."""

    name: str

    @property
    def words(self) -> str:
        return f"restore the firewall rules of network {self.name}"

    def do(self, host: Host) -> None:
        _networks(host).restore_firewall(self.name)

    def undo(self, host: Host) -> None:
        """Leaves the rules: libvirt has them wherever the network works."""


@dataclass(frozen=True)
class CorrectPidFile(Step):
    """Corrects the pid file of dnsmasq, so that libvirt finds the process after a restart of its daemon."""

    name: str

    @property
    def words(self) -> str:
        return f"correct the pid file of dnsmasq of network {self.name}"

    def do(self, host: Host) -> None:
        _networks(host).correct_pid_file(self.name)

    def undo(self, host: Host) -> None:
        """Leaves the file: the former one was wrong."""


@dataclass(frozen=True)
class SetAutostart(Step):
    """Sets whether libvirt starts the network when it starts itself."""

    name: str
    on: bool

    @property
    def words(self) -> str:
        return f"set autostart={'true' if self.on else 'false'} on network {self.name}"

    def do(self, host: Host) -> None:
        _networks(host).set_autostart(self.name, self.on)

    def undo(self, host: Host) -> None:
        _networks(host).set_autostart(self.name, not self.on)


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
        _networks(host).update(self.name, self.update, live=self.live, stored=self.stored)

    def undo(self, host: Host) -> None:
        _networks(host).update(self.name, self.update.inverse(), live=self.live, stored=self.stored)


def connected(guests: tuple[Guest, ...]) -> tuple[Guest, ...]:
    """Returns the guests as they are when the network carries all of them."""
    return tuple(replace(guest, connected=True) for guest in guests)


@dataclass(frozen=True)
class NetworkPlan:
    """The steps, and the state that they lead to (``None``: the network is removed).

    ``method`` is how the network is changed, ``guests`` are those whose connection is interrupted. ``resume`` is what a
    later run has to know if this one is killed.
    """

    steps: tuple[Step, ...]
    after: Optional[NetworkState]
    method: str = "none"
    guests: tuple[Guest, ...] = ()
    warnings: tuple[str, ...] = ()
    resume: dict[str, bool] = field(default_factory=dict)
