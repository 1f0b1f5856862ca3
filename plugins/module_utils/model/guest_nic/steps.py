# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that change a guest NIC, and what they ask of the host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Optional

from ...contract import Driver, Host, Step
from ...errors import HostError
from .guest import Guest
from .live import differing, live_phases
from .options import Nic


class GuestNicDriver(Driver, ABC):
    """The NICs of libvirt's guests. Each call raises `HostError` with libvirt's own message."""

    @abstractmethod
    def names(self) -> list[str]:
        """Returns the names of all guests, sorted."""

    @abstractmethod
    def guest(self, name: str) -> Optional[Guest]:
        """Returns a guest with its NICs in normal form; ``None`` if there is none of that name."""

    @abstractmethod
    def macs(self) -> Sequence[tuple[str, str]]:
        """Returns the MAC addresses of all guests, each with the guest's name, stored and live."""

    @abstractmethod
    def vlan_filtering(self, bridge: str) -> Optional[bool]:
        """Returns whether a bridge filters VLANs; ``None`` where the host has no bridge of that name, or can't be seen from here."""

    @abstractmethod
    def has_interface(self, name: str) -> bool:
        """Returns whether the host has an interface of that name; true where the host can't be seen from here."""

    @abstractmethod
    def update(self, guest: str, nic: Nic) -> None:
        """Makes a live NIC, which is found by its MAC address, like this."""

    @abstractmethod
    def reconnect(self, guest: str, nic: Nic) -> None:
        """Connects a live NIC to the bridge of its source if its tap is on another one, as after an update that failed."""

    @abstractmethod
    def attach(self, guest: str, nic: Nic) -> None:
        """Adds a NIC to a running guest."""

    @abstractmethod
    def detach(self, guest: str, nic: Nic, seconds: int) -> None:
        """Removes a NIC from a running guest, and waits until the guest has released it."""

    @abstractmethod
    def store(self, guest: str, old: Optional[Nic], new: Optional[Nic], place: Optional[int] = None) -> None:
        """Stores ``new`` in place of ``old``, at that place or at the end where there is no ``old``, or removes ``old``."""

    @abstractmethod
    def details(self, guest: str, mac: str, device: Optional[str]) -> dict[str, object]:
        """Returns what only a running guest has of a NIC: its addresses by source, and its counters."""


def _driver(host: Host) -> GuestNicDriver:
    return host.driver(GuestNicDriver)


def _live(host: Host, guest: str, *macs: Optional[str]) -> Optional[Nic]:
    driver = _driver(host)
    driver.forget()
    found = driver.guest(guest)
    return next((nic for nic in (found.live if found else ()) if nic.mac in macs), None)


def _send(host: Host, guest: str, nic: Nic) -> None:
    """Updates a live NIC, and reads it back: libvirt accepts some changes and does nothing."""
    _driver(host).update(guest, nic)
    found = _live(host, guest, nic.mac)
    lost = differing(found, nic) if found else ["mac"]
    if lost:
        raise HostError(
            f"update NIC {nic} of guest {guest}",
            f"libvirt reported success, but the running guest has another value of {', '.join(lost)}",
        )


@dataclass(frozen=True)
class UpdateLive(Step):
    """Updates a NIC of a running guest, in one call after the other; ``path`` is what it is like after each of them."""

    composite: ClassVar[bool] = True

    guest: str
    what: str
    before: Nic
    path: tuple[Nic, ...]

    @property
    def words(self) -> str:
        return f"{self.what} of NIC {self.before.mac} of running guest {self.guest}"

    @property
    def sets_bandwidth(self) -> bool:
        return any(nic.bandwidth != self.before.bandwidth for nic in self.path)

    def do(self, host: Host) -> None:
        for nic in self.path:
            _send(host, self.guest, nic)

    def undo(self, host: Host) -> None:
        """Goes back the same way. A failed update is not undone by libvirt, so the tap may be on the new bridge (qemuDomainChangeNet)."""
        now = _live(host, self.guest, self.before.mac)
        if now is None:
            return
        _driver(host).reconnect(self.guest, now)
        for _what, path in live_phases(now, self.before, flap=True):
            for nic in path:
                _send(host, self.guest, nic)


@dataclass(frozen=True)
class Attach(Step):
    """Adds a NIC to a running guest."""

    guest: str
    nic: Nic
    seconds: int

    @property
    def words(self) -> str:
        return f"attach NIC {self.nic.mac} to running guest {self.guest}"

    def do(self, host: Host) -> None:
        _driver(host).attach(self.guest, self.nic)

    def undo(self, host: Host) -> None:
        _driver(host).detach(self.guest, self.nic, self.seconds)


@dataclass(frozen=True)
class Detach(Step):
    """Removes a NIC from a running guest."""

    guest: str
    nic: Nic
    seconds: int

    @property
    def words(self) -> str:
        return f"detach NIC {self.nic.mac} from running guest {self.guest}"

    def do(self, host: Host) -> None:
        _driver(host).detach(self.guest, self.nic, self.seconds)

    def undo(self, host: Host) -> None:
        _driver(host).attach(self.guest, self.nic)


@dataclass(frozen=True)
class Replug(Step):
    """Removes a NIC from a running guest and adds it with other settings."""

    composite: ClassVar[bool] = True

    guest: str
    old: Nic
    new: Nic
    options: tuple[str, ...]
    seconds: int

    @property
    def words(self) -> str:
        return f"detach NIC {self.old.mac} from running guest {self.guest} and attach it with another {', '.join(self.options)}"

    def do(self, host: Host) -> None:
        _driver(host).detach(self.guest, self.old, self.seconds)
        _driver(host).attach(self.guest, self.new)

    def undo(self, host: Host) -> None:
        """Attaches the NIC as it was, unless the guest has not released it."""
        now = _live(host, self.guest, self.old.mac, self.new.mac)
        if now is not None and not differing(now, self.old):
            return
        if now is not None:
            _driver(host).detach(self.guest, now, self.seconds)
        _driver(host).attach(self.guest, self.old)


@dataclass(frozen=True)
class Store(Step):
    """Stores a NIC in the definition of the guest. Without ``old`` it is new; without ``new`` it is removed from there."""

    guest: str
    old: Optional[Nic]
    new: Optional[Nic]
    place: Optional[int] = None

    @property
    def words(self) -> str:
        nic = self.old or self.new or Nic()
        if self.old is None:
            return f"add NIC {nic.mac} to the definition of guest {self.guest}"
        verb = "remove" if self.new is None else "update"
        joint = "from" if self.new is None else "in"
        return f"{verb} NIC {nic.mac} {joint} the definition of guest {self.guest}"

    def do(self, host: Host) -> None:
        _driver(host).store(self.guest, self.old, self.new, self.place)

    def undo(self, host: Host) -> None:
        _driver(host).store(self.guest, self.new, self.old, self.place)
