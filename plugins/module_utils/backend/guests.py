# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests of a host, as far as networks are concerned: which are plugged in, and plugging in again."""

from __future__ import annotations

from typing import Any, Optional

from ..errors import HostError
from ..model.network_steps import Guest
from ..xml.domain import Interface, parse_interfaces
from . import links
from ._libvirt import asking, require


class Guests:
    """The running domains' interfaces; read once, until `forget`."""

    def __init__(self, connection: Any, *, local: bool) -> None:
        self._connection = connection
        self._local = local
        self._found: Optional[dict[str, list[tuple[str, Interface]]]] = None

    def forget(self) -> None:
        self._found = None

    def of_network(self, name: str) -> tuple[Guest, ...]:
        """Who is plugged in, or was before the network was restarted by other hands."""
        return tuple(
            Guest(domain, interface.mac, interface.device, self._is_connected(interface))
            for domain, interface in self._read().get(name, [])
        )

    def plug_in(self, network: str, guest: Guest, bridge: Optional[str]) -> None:
        """Connect a running guest's interface to its network again."""
        if not bridge or not self._local:
            return
        if not links.exists(guest.device):
            return  # the guest has gone meanwhile
        if links.master_of(guest.device) != bridge:
            links.enslave(guest.device, bridge)

    def _is_connected(self, interface: Interface) -> bool:
        if not self._local or not interface.bridge:
            return True  # another host's /sys isn't ours to read; a macvtap hangs on its device, not on the network
        return links.master_of(interface.device) == interface.bridge

    def _read(self) -> dict[str, list[tuple[str, Interface]]]:
        if self._found is not None:
            return self._found
        binding = require()
        found: dict[str, list[tuple[str, Interface]]] = {}
        with asking("list the running guests"):
            domains = self._connection.listAllDomains(binding.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        for domain in domains:
            try:
                with asking("read a guest's definition"):
                    text, name = domain.XMLDesc(0), domain.name()
            except HostError:
                continue  # it has just ended
            for interface in parse_interfaces(text):
                if interface.network:
                    found.setdefault(interface.network, []).append((name, interface))
        self._found = found
        return found
