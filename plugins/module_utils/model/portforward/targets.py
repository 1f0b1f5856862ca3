# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is where forwards lead: the guest, and what the kernel knows of its address."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from ...contract import Driver, Host
from ..firewall.facts import GuestDriver
from .resolved import Resolved


@dataclass(frozen=True)
class Neighbour:
    """An entry of the kernel's neighbour table (ip-neighbour(8)): its state, and the MAC address, empty if it isn't known."""

    state: str
    mac: str = ""


_NONE = Neighbour("none")


class NeighbourDriver(Driver, ABC):
    """Reads the neighbour tables of the host. Raises `HostError`."""

    @abstractmethod
    def neighbours(self) -> Mapping[str, Neighbour]:
        """Returns the neighbours by their address."""


class Targets:
    """The targets of forwards on a host, each of which is read once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._guests: dict[str, tuple[bool, Mapping[str, str]]] = {}

    @functools.cached_property
    def _neighbours(self) -> Mapping[str, Neighbour]:
        return self._host.driver(NeighbourDriver).neighbours()

    def shown(self, forward: Resolved) -> dict[str, object]:
        """Returns what is known of a forward's target, as the ``_info`` module returns it."""
        found: dict[str, object] = {"address": forward.address, "known_by": forward.source}
        if forward.guest:
            running, macs = self._guest(forward.guest)
            found["running"] = running
            if forward.address in macs:
                found["mac"] = macs[forward.address]
        neighbour = self._neighbours.get(forward.address, _NONE)
        found["neighbour"] = {"state": neighbour.state, **({"mac": neighbour.mac} if neighbour.mac else {})}
        return found

    def _guest(self, name: str) -> tuple[bool, Mapping[str, str]]:
        """Returns whether a guest runs, and the MAC addresses of its interfaces by the addresses that networks know."""
        if name not in self._guests:
            driver = self._host.driver(GuestDriver)
            addresses = driver.addresses(name) or ()
            self._guests[name] = driver.running(name), {each.address: each.mac for each in addresses}
        return self._guests[name]
