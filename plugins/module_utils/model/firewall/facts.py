# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sets of firewall rules have to know of the host: other sets, chains that reject, and the addresses of guests."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Optional

from ...contract import Driver, Facts
from .nft import FAMILY, OURS, Loaded
from .others import Others, obstacles
from .service import service_files
from .steps import FirewallDriver, Passage, ServiceState
from .translations import Translation


@dataclass(frozen=True)
class GuestAddress:
    """An address of a guest on a network or bridge, and by what it is known: ``reservation``, ``lease`` or ``agent``.

    ``mac`` is the MAC address of the guest's interface.
    """

    address: str
    network: str
    source: str
    mac: str = ""


class GuestDriver(Driver, ABC):
    """Finds the addresses of libvirt's guests. Raises `HostError`."""

    @abstractmethod
    def addresses(self, guest: str) -> Optional[tuple[GuestAddress, ...]]:
        """Returns the addresses of a guest that networks know, reservations first; ``None`` where there is no such guest."""

    @abstractmethod
    def by_agent(self, guest: str) -> tuple[GuestAddress, ...]:
        """Returns the addresses that the agent in a guest reports; none where it has none, or none that answers in time."""

    @abstractmethod
    def running(self, guest: str) -> bool:
        """Returns whether a guest runs."""


class FirewallFacts(Facts):
    """The rules of the host as they will be when what is planned so far is done."""

    @functools.cached_property
    def stored(self) -> dict[str, str]:
        """The files of ours by path; plans change it."""
        return dict(self.host.driver(FirewallDriver).stored())

    @functools.cached_property
    def passages(self) -> dict[Passage, bool]:
        """The chains that need the rule for marked packets, and whether they have it; plans change it."""
        return dict(self.host.driver(FirewallDriver).passages())

    @functools.cached_property
    def obstacles(self) -> tuple[str, ...]:
        """What of others may drop packets that our rules accept; in words, with a remedy."""
        opened = {(passage.family, passage.place.rpartition(" ")[2]) for passage in self.passages}
        return tuple(obstacles(self.others, opened))

    @functools.cached_property
    def others(self) -> Others:
        """What others have on the host that decides about the same packets."""
        return self.host.driver(FirewallDriver).others()

    @functools.cached_property
    def service(self) -> ServiceState:
        """The service that keeps rules in place; plans change it."""
        return self.host.driver(FirewallDriver).service(service_files())

    @functools.cached_property
    def addresses(self) -> frozenset[str]:
        """The addresses of the host."""
        return self.host.driver(FirewallDriver).addresses()

    @functools.cached_property
    def ports_of_connection(self) -> frozenset[int]:
        """The TCP ports that the connection of this run uses."""
        return self.host.driver(FirewallDriver).ports_of_connection()

    @functools.cached_property
    def peers_of_connection(self) -> frozenset[str]:
        """The addresses from which the connection of this run comes."""
        return self.host.driver(FirewallDriver).peers_of_connection()

    def listener(self, protocol: str, ports: range, address: Optional[str]) -> Optional[tuple[int, str]]:
        """Returns a port at which a program listens, see `FirewallDriver.listener`."""
        return self.host.driver(FirewallDriver).listener(protocol, ports, address)

    @functools.cached_property
    def translations(self) -> tuple[Translation, ...]:
        """The rules of others that send connections to ports of this host elsewhere."""
        return tuple(self.host.driver(FirewallDriver).translations())

    def forwarding(self, version: int) -> bool:
        """Returns whether the host forwards packets of this version of IP."""
        return self.host.driver(FirewallDriver).forwarding(version)

    @functools.cached_property
    def _accepted(self) -> dict[str, bool]:
        return {}

    def accepts(self, part: str) -> bool:
        """Returns whether the kernel of the host takes a part of a table, such as an object or a chain."""
        if part not in self._accepted:
            script = f"table {FAMILY} {OURS}try {{\n  {part}\n}}\n"
            self._accepted[part] = self.host.driver(FirewallDriver).accepts(script)
        return self._accepted[part]

    @functools.cached_property
    def _tables(self) -> dict[str, Optional[Loaded]]:
        return {}

    def loaded(self, table: str) -> Optional[Loaded]:
        """Returns what the kernel has of a table; ``None`` where it isn't there."""
        if table not in self._tables:
            self._tables[table] = self.host.driver(FirewallDriver).loaded(table)
        return self._tables[table]

    def expect(self, table: str, loaded: Optional[Loaded]) -> None:
        """Takes a plan into account: the kernel will have this of the table."""
        self._tables[table] = loaded

    @functools.cached_property
    def _guests(self) -> dict[str, Optional[tuple[GuestAddress, ...]]]:
        return {}

    def guest(self, name: str) -> Optional[tuple[GuestAddress, ...]]:
        """Returns the addresses of a guest that networks know; ``None`` where there is no such guest."""
        if name not in self._guests:
            self._guests[name] = self.host.driver(GuestDriver).addresses(name)
        return self._guests[name]

    @functools.cached_property
    def _agents(self) -> dict[str, tuple[GuestAddress, ...]]:
        return {}

    def guest_by_agent(self, name: str) -> tuple[GuestAddress, ...]:
        """Returns the addresses that the agent in a guest reports. It may take some seconds, so ask for what no network knows."""
        if name not in self._agents:
            self._agents[name] = self.host.driver(GuestDriver).by_agent(name)
        return self._agents[name]
