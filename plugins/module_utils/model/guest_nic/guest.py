# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest as far as its NICs are concerned, and how one of them is found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from ...errors import OptionError
from .options import Nic


@dataclass(frozen=True)
class Guest:
    """A guest of libvirt; its NICs in normal form, in the order of the document.

    ``stored`` is empty where the guest is transient, ``live`` where it doesn't run. ``free_ports`` is the number of PCI
    ports to which a device can be added while it runs; ``None`` where that isn't known. ``os_boot`` is whether <os> says
    from which devices it boots. ``devices`` are the devices on the host of the live NICs, in their order.
    """

    name: str
    uuid: str = ""
    persistent: bool = True
    running: bool = False
    paused: bool = False
    acpi: bool = True
    free_ports: Optional[int] = None
    os_boot: bool = False
    stored: tuple[Nic, ...] = ()
    live: tuple[Nic, ...] = ()
    devices: tuple[Optional[str], ...] = ()

    @property
    def nics(self) -> tuple[Nic, ...]:
        """The stored NICs, and those that only the running guest has."""
        return (*self.stored, *(nic for nic in self.live if _stored_of(self, nic) is None))

    def live_of(self, stored: Nic) -> Optional[Nic]:
        """Returns what the running guest has of a stored NIC: by its own alias, else by its MAC or PCI address."""
        for same in (_same_alias, _same_mac_and_address, _same_mac, _same_address):
            for nic in self.live:
                if same(stored, nic):
                    return nic
        return None


def _stored_of(guest: Guest, live: Nic) -> Optional[Nic]:
    return next((nic for nic in guest.stored if guest.live_of(nic) is live), None)


def _same_alias(one: Nic, other: Nic) -> bool:
    return one.alias is not None and one.alias == other.alias


def _same_mac_and_address(one: Nic, other: Nic) -> bool:
    return _same_mac(one, other) and _same_address(one, other)


def _same_mac(one: Nic, other: Nic) -> bool:
    return one.mac == other.mac


def _same_address(one: Nic, other: Nic) -> bool:
    return one.address is not None and one.address == other.address


@dataclass(frozen=True)
class Key:
    """What a NIC is found by; without any of them it is the only one of the guest."""

    mac: Optional[str] = None
    alias: Optional[str] = None
    index: Optional[int] = None

    def __str__(self) -> str:
        found = [self.alias, self.mac, None if self.index is None else str(self.index)]
        return next((name for name in found if name), "")


@dataclass(frozen=True)
class Observed:
    """A guest, and the NIC that was asked for, as it is stored and as it runs. ``None``: there is none.

    ``others`` are the NICs that the guest should not have, where the declared ones are all that it should have.
    """

    guest: Optional[Guest]
    stored: Optional[Nic] = None
    live: Optional[Nic] = None
    others: tuple[Nic, ...] = ()

    @property
    def exists(self) -> bool:
        return self.stored is not None or self.live is not None

    @property
    def mac(self) -> Optional[str]:
        nic = self.stored or self.live
        return nic.mac if nic else None


def find(guest: Guest, key: Key) -> Optional[Nic]:
    """Returns the NIC of a guest; ``None`` if there is no such one. Raises `OptionError` where several match."""
    if key.index is not None:
        if key.index >= len(guest.stored):
            has = f"{len(guest.stored)} stored NICs" if len(guest.stored) != 1 else "one stored NIC"
            raise OptionError(
                "index", key.index, f"is too large, as {guest.name} has {has}; the first one has the index 0"
            )
        return guest.stored[key.index]
    by_alias = [nic for nic in guest.nics if key.alias is not None and nic.alias == key.alias]
    by_mac = [nic for nic in guest.nics if key.mac is not None and nic.mac == key.mac]
    if len(by_mac) > 1 and not by_alias:
        addresses = " and ".join(nic.address or "without an address" for nic in by_mac)
        raise OptionError("mac", key.mac, f"is that of several NICs of {guest.name} ({addresses}); give index")
    if by_alias and by_mac and by_alias[0] is not by_mac[0]:
        raise OptionError(
            "mac",
            key.mac,
            f"is that of another NIC of {guest.name} than the one with the alias {key.alias}; leave out one",
        )
    if key.alias is not None or key.mac is not None:
        return next(iter([*by_alias, *by_mac]), None)
    if len(guest.nics) > 1:
        which = " and ".join(f"{nic} ({place_of(nic)})" for nic in guest.nics)
        raise OptionError(
            "mac", None, f"is missing, as {guest.name} has several NICs: {which}; give mac, alias or index"
        )
    return next(iter(guest.nics), None)


def place_of(nic: Nic) -> str:
    """Returns what a NIC is connected to, in words."""
    source = nic.source
    if source is None:
        return f"type {nic.type}"
    if source.network:
        return f"network {source.network}"
    return f"bridge {source.bridge}" if source.bridge else f"device {source.dev}"


def others_of(guest: Guest, keys: Iterable[Key]) -> tuple[Nic, ...]:
    """Returns the NICs of a guest that none of the keys finds. Raises `OptionError` where several match a key."""
    declared = [find(guest, key) for key in keys]
    return tuple(nic for nic in guest.nics if not any(nic is each for each in declared))


def observed(guest: Optional[Guest], key: Key) -> Observed:
    """Returns the NIC of a guest by its key; without the NIC where several match, which a plan refuses."""
    if guest is None:
        return Observed(None)
    try:
        nic = find(guest, key)
    except OptionError:
        nic = None
    if nic is None:
        return Observed(guest)
    if any(nic is live for live in guest.live) and not any(nic is stored for stored in guest.stored):
        return Observed(guest, None, nic)
    return Observed(guest, nic, guest.live_of(nic))
