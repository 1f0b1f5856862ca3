# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests of a host, as far as networks are concerned: which are plugged in, and plugging in again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from ...errors import HostError
from ...model.network.steps import Guest
from ...xml.domain import Interface, interface_on, networks_by_mac, parse_interfaces
from ..netlink import links
from .connection import asking, require

# Where an interface is for the moment in which it moves; a run that is killed then leaves it there for the next one.
PARKING = "vnkvm-parking"

# The master that the kernel shows of every port of Open vSwitch, whatever its bridge is called.
OPENVSWITCH = "ovs-system"


class Guests:
    """The running domains' interfaces; read once, until `forget`."""

    def __init__(self, connection: Any, *, local: bool) -> None:
        self._connection = connection
        self._local = local
        self._found: Optional[dict[str, list[tuple[str, Interface]]]] = None

    def forget(self) -> None:
        self._found = None

    def of_network(self, name: str, bridge: Optional[str]) -> tuple[Guest, ...]:
        """Who is plugged in the network, whose bridge this is, or was before it was restarted by other hands."""
        return tuple(
            Guest(domain, interface.mac, interface.device, self._is_connected(interface, bridge))
            for domain, interface in self._read().get(name, [])
        )

    def plug_in(self, network: str, guest: Guest, bridge: Optional[str]) -> None:
        """Connect a running guest's interface to its network again, libvirt's own books (port, bandwidth) included.

        libvirt connects an interface anew only when it moves to another bridge, so it is moved to an empty one and
        back. Where libvirt refuses that, the tap at least is put on its bridge.
        """
        if not bridge or not self._local or not links.is_tap(guest.device):
            return  # the guest has gone meanwhile, or it hangs on no bridge
        if links.master_of(guest.device) == bridge:
            return
        try:
            links.add_bridge(PARKING)
            self._move(guest, bridge=PARKING)
            self._move(guest, network=network)
        except HostError:
            links.attach(guest.device, bridge)
        finally:
            links.remove_empty_bridge(PARKING)

    def _move(self, guest: Guest, *, network: Optional[str] = None, bridge: Optional[str] = None) -> None:
        binding = require()
        with asking(f"plug in guest {guest.domain}"):
            domain = self._connection.lookupByName(guest.domain)
            text = interface_on(domain.XMLDesc(0), guest.mac, network=network, bridge=bridge)
            if text:
                domain.updateDeviceFlags(text, binding.VIR_DOMAIN_AFFECT_LIVE)

    def _is_connected(self, interface: Interface, bridge: Optional[str]) -> bool:
        if not self._local or not interface.bridge:
            return True  # another host's /sys isn't ours to read; a macvtap hangs on its device, not on the network
        return interface.bridge != PARKING and links.master_of(interface.device) in (bridge, OPENVSWITCH)

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
                    name, interfaces = domain.name(), self._interfaces(domain)
            except HostError:
                continue  # it has just ended
            for interface in interfaces:
                if interface.network:
                    found.setdefault(interface.network, []).append((name, interface))
        self._found = found
        return found

    def _interfaces(self, domain: Any) -> list[Interface]:
        interfaces = parse_interfaces(domain.XMLDesc(0))
        if not any(interface.bridge == PARKING for interface in interfaces):
            return list(interfaces)
        homes = networks_by_mac(domain.XMLDesc(require().VIR_DOMAIN_XML_INACTIVE))
        return [
            replace(found, network=homes.get(found.mac)) if found.bridge == PARKING else found for found in interfaces
        ]
