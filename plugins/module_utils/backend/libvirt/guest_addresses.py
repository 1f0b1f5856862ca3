# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of guests: reservations and leases, as the networks know them, and those that the guests' agents report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from ...model.firewall.facts import GuestAddress, GuestDriver
from ...model.network.options import Network
from ...model.network.steps import NetworkDriver
from ...xml.domain import networks_by_mac
from .binding import VirConnect, VirDomain
from .connection import libvirt_errors, libvirt_module
from .guest_agent import addresses_by_agent


class LibvirtGuestAddresses(GuestDriver):
    """Reads the definition of a guest, whether it runs or not, and asks the networks of its interfaces."""

    def __init__(self, connection: VirConnect, networks: NetworkDriver) -> None:
        self._connection = connection
        self._networks = networks

    def addresses(self, guest: str) -> Optional[tuple[GuestAddress, ...]]:
        libvirt = libvirt_module()
        try:
            with libvirt_errors(f"read the guest {guest}"):
                domains = {domain.name(): domain for domain in self._connection.listAllDomains(0)}
                if guest not in domains:
                    return None
                macs = networks_by_mac(domains[guest].XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        except libvirt.libvirtError:
            return None
        found = [address for mac, network in macs.items() for address in self._of(guest, mac, network)]
        return tuple(sorted(dict.fromkeys(found), key=lambda each: each.source != "reservation"))

    def by_agent(self, guest: str) -> tuple[GuestAddress, ...]:
        domain = self._domain(guest)
        found = addresses_by_agent(domain) if domain is not None else ()
        return tuple(GuestAddress(address, network, "agent", mac) for address, network, mac in found)

    def running(self, guest: str) -> bool:
        domain = self._domain(guest)
        try:
            return domain is not None and bool(domain.isActive())
        except libvirt_module().libvirtError:
            return False

    def _domain(self, guest: str) -> Optional[VirDomain]:
        try:
            return self._connection.lookupByName(guest)
        except libvirt_module().libvirtError:
            return None

    def _of(self, guest: str, mac: str, name: str) -> Iterator[GuestAddress]:
        state = self._networks.observe(name)
        if state is None:
            return
        for address in reservations(state.definition, guest, mac):
            yield GuestAddress(address, name, "reservation", mac)
        for lease in self._networks.leases(name) if state.active else ():
            if str(lease["mac"]).lower() == mac:
                yield GuestAddress(str(lease["ip"]), name, "lease", mac)


def reservations(network: Network, guest: str, mac: str) -> Iterator[str]:
    """Yields the addresses that a network reserves for a guest: by its MAC address, or without one by its name."""
    for ip in network.ips or ():
        for host in (ip.dhcp.hosts or ()) if ip.dhcp else ():
            if host.ip and (host.mac == mac or (host.mac is None and host.name == guest)):
                yield host.ip
