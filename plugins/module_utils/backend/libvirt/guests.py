# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The running guests of a host: which networks their interfaces are on, and how they are reconnected."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ...errors import HostError
from ...model.network.options import Guest
from ...xml.domain import Interface, interface_on, networks_by_mac, parse_interfaces
from ..netlink import links
from .binding import VirConnect, VirDomain
from .connection import libvirt_errors, libvirt_module

# The bridge on which an interface is while it moves. A run that is killed then leaves it there; the next run moves it on.
PARKING = "vnkvm-parking"

# The master that the kernel shows for every port of Open vSwitch, on any of its bridges.
OPENVSWITCH = "ovs-system"


class Guests:
    """The interfaces of the running guests; read once, and again after `forget`."""

    def __init__(self, connection: VirConnect, *, local: bool) -> None:
        self._connection = connection
        self._local = local
        self._found: Optional[dict[str, list[tuple[str, Interface]]]] = None

    def forget(self) -> None:
        """Forgets what was read, as something has been changed."""
        self._found = None

    def of_network(self, name: str, bridge: Optional[str]) -> tuple[Guest, ...]:
        """Returns the guests' interfaces on a network; one is connected if its device is on this bridge.

        Restarting a network by other tools leaves its guests disconnected.
        """
        return tuple(
            Guest(domain, interface.mac, interface.device, self._is_connected(interface, bridge))
            for domain, interface in self._read().get(name, [])
        )

    def reconnect(self, network: str, guest: Guest, bridge: Optional[str]) -> None:
        """Connects a running guest's interface to its network again, as libvirt does it: with its port and bandwidth.

        libvirt only does so when an interface moves to another bridge, so it is moved to an empty one and back. Where
        libvirt refuses that, only the tap is put on its bridge.
        """
        if not bridge or not self._local or not links.is_tap(guest.device):
            return  # the guest has ended meanwhile, or its interface is on no bridge
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
        libvirt = libvirt_module()
        with libvirt_errors(f"move an interface of guest {guest.domain}"):
            domain = self._connection.lookupByName(guest.domain)
            text = interface_on(domain.XMLDesc(0), guest.mac, network=network, bridge=bridge)
            if text:
                domain.updateDeviceFlags(text, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def _is_connected(self, interface: Interface, bridge: Optional[str]) -> bool:
        # another host's /sys can't be read; a macvtap is on its device, not on a bridge
        if not self._local or not interface.bridge:
            return True
        return interface.bridge != PARKING and links.master_of(interface.device) in (bridge, OPENVSWITCH)

    def _read(self) -> dict[str, list[tuple[str, Interface]]]:
        if self._found is not None:
            return self._found
        libvirt = libvirt_module()
        found: dict[str, list[tuple[str, Interface]]] = {}
        with libvirt_errors("list the running guests"):
            domains = self._connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        for domain in domains:
            try:
                with libvirt_errors("read a guest's definition"):
                    name, interfaces = domain.name(), self._interfaces(domain)
            except HostError:
                continue  # it has just ended
            for interface in interfaces:
                if interface.network:
                    found.setdefault(interface.network, []).append((name, interface))
        self._found = found
        return found

    def _interfaces(self, domain: VirDomain) -> list[Interface]:
        interfaces = parse_interfaces(domain.XMLDesc(0))
        if not any(interface.bridge == PARKING for interface in interfaces):
            return list(interfaces)
        homes = networks_by_mac(domain.XMLDesc(libvirt_module().VIR_DOMAIN_XML_INACTIVE))
        return [
            replace(found, network=homes.get(found.mac)) if found.bridge == PARKING else found for found in interfaces
        ]
