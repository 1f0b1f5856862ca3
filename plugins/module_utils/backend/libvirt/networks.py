# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's networks: read, defined, updated, started and stopped.

https://libvirt.org/html/libvirt-libvirt-network.html
"""

from __future__ import annotations

import contextlib
import datetime
from dataclasses import replace
from typing import Optional

from ...errors import HostError
from ...model.libvirt_parts import Extra
from ...model.network.kept import not_kept
from ...model.network.options import Guest, Network, NetworkState, normalise
from ...model.network.steps import NetworkDriver
from ...model.network.updates import ADD, DELETE, MODIFY, Update
from ...xml.network import parse_network, render_interface, render_network, render_part
from .binding import LibvirtModule, VirConnect, VirNetwork
from .connection import libvirt_errors, libvirt_module
from .guests import Guests
from .health import Health


class Networks(NetworkDriver):
    """The networks of one connection."""

    def __init__(self, connection: VirConnect, guests: Guests, health: Health) -> None:
        self._connection = connection
        self._guests = guests
        self._health = health

    def libvirt_version(self) -> int:
        with libvirt_errors("ask libvirt for its version"):
            return self._connection.getLibVersion()

    def names(self) -> list[str]:
        """Returns the names of all networks, active and inactive, sorted."""
        with libvirt_errors("list the networks"):
            return sorted(network.name() for network in self._connection.listAllNetworks(0))

    def observe(self, name: str) -> Optional[NetworkState]:
        """Returns a network as it is now, in normal form; ``None`` where there is none of that name."""
        found = self._find(name)
        if found is None:
            return None
        libvirt = libvirt_module()
        with libvirt_errors(f"read network {name}"):
            active, persistent = bool(found.isActive()), bool(found.isPersistent())
            stored = found.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE) if persistent else None
            running = found.XMLDesc(0) if active else None
            autostart = bool(found.autostart()) if persistent else False
        state = NetworkState(
            normalise(parse_network(stored)) if stored else None,
            normalise(parse_network(running)) if running else None,
            autostart,
        )
        problems = self._health.problems(state.running) if state.running else ()
        return replace(state, guests=self._guests.of_network(name, _bridge(state)), problems=problems)

    def bridge(self, name: str) -> Optional[str]:
        """Returns the bridge that a network's guests are on, where it has one."""
        state = self.observe(name)
        return _bridge(state) if state else None

    def definitions(self) -> list[tuple[str, Network, bool]]:
        libvirt = libvirt_module()
        found = []
        with libvirt_errors("list the networks"):
            for network in self._connection.listAllNetworks(0):
                active = bool(network.isActive())
                text = network.XMLDesc(0 if active else libvirt.VIR_NETWORK_XML_INACTIVE)
                found.append((network.name(), normalise(parse_network(text)), active))
        return found

    def leases(self, name: str) -> list[dict[str, object]]:
        """Returns the DHCP leases that the network's dnsmasq has given out.

        ``expiry`` is UTC in ISO 8601, or ``None`` for a lease that doesn't end.
        """
        with libvirt_errors(f"read the leases of network {name}"):
            leases = self._get(name).DHCPLeases()
        return [
            {
                "ip": lease["ipaddr"],
                "prefix": lease["prefix"],
                "mac": lease["mac"],
                "hostname": lease["hostname"],
                "client_id": lease["clientid"],
                "iface": lease["iface"],
                "expiry": _utc(lease["expirytime"]),
            }
            for lease in leases
        ]

    def dropped(self, network: Network) -> tuple[Extra, ...]:
        """Asks libvirt's library, whose test driver has the same parser as a daemon of the same version."""
        libvirt = libvirt_module()
        if libvirt.getVersion() != self.libvirt_version():
            return ()
        text = render_network(replace(network, name="virtnet.kvm", uuid=None))
        try:
            # it is in this process, and keeps nothing
            with contextlib.closing(libvirt.open("test:///default")) as library:
                stored = library.networkDefineXML(text).XMLDesc(0)
        except libvirt.libvirtError:
            return ()  # the daemon says why
        kept = parse_network(stored).extra or ()
        return tuple(part for part in parse_network(text).extra or () if part not in kept)

    def define(self, network: Network) -> tuple[str, ...]:
        text = render_network(network)
        with libvirt_errors(f"define network {network.name}"):
            defined = self._connection.networkDefineXML(text)
            stored = defined.XMLDesc(libvirt_module().VIR_NETWORK_XML_INACTIVE)
        return not_kept(normalise(parse_network(text)), normalise(parse_network(stored)))

    def undefine(self, name: str) -> None:
        found = self._find(name)
        if found is not None:
            with libvirt_errors(f"undefine network {name}"):
                if found.isPersistent():
                    found.undefine()

    def start(self, name: str) -> None:
        """Starts a network; once more if it fails for what other programs have done to the host, and that is repaired."""
        try:
            self._start(name)
        except HostError:
            if not self._make_room(name):
                raise
            self._start(name)

    def stop(self, name: str) -> None:
        with libvirt_errors(f"stop network {name}"):
            self._get(name).destroy()
        self._health.end_leftovers(name)

    def is_active(self, name: str) -> bool:
        found = self._find(name)
        with libvirt_errors(f"read network {name}"):
            return found is not None and bool(found.isActive())

    def set_autostart(self, name: str, on: bool) -> None:
        with libvirt_errors(f"set autostart of network {name}"):
            self._get(name).setAutostart(on)

    def update(self, name: str, update: Update, *, live: bool, stored: bool) -> None:
        libvirt = libvirt_module()
        command, section = _commands(libvirt)[update.command], _sections(libvirt)[update.section]
        flags = (libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE if live else 0) | (
            libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG if stored else 0
        )
        text = render_interface(update.part) if isinstance(update.part, str) else render_part(update.part)
        with libvirt_errors(update.words):
            self._get(name).update(command, section, update.parent, text, flags)

    def reconnect(self, name: str, guest: Guest) -> None:
        self._guests.reconnect(name, guest, self.bridge(name))

    def obstacles(self, definition: Network) -> tuple[str, ...]:
        return self._health.obstacles(definition)

    def restore_firewall(self, name: str) -> None:
        state = self.observe(name)
        if state and state.running:
            self._health.restore_firewall(state.running)

    def correct_pid_file(self, name: str) -> None:
        self._health.correct_pid_file(name)

    def forget(self) -> None:
        """Forgets what was read of the guests and of the host, as something has been changed."""
        self._guests.forget()
        self._health.forget()

    def _make_room(self, name: str) -> bool:
        """Repairs what keeps libvirt from starting a network; returns whether there was something."""
        if not self._health.sees_all:
            return False
        try:
            state = self.observe(name)
        except HostError:
            return False
        if state is None or state.active:
            return False
        ended, restored = self._health.end_leftovers(name), self._health.restore_chains(state.definition)
        return ended or restored

    def _start(self, name: str) -> None:
        with libvirt_errors(f"start network {name}"):
            self._get(name).create()

    def _find(self, name: str) -> Optional[VirNetwork]:
        libvirt = libvirt_module()
        with libvirt_errors(f"find network {name}"):
            try:
                return self._connection.networkLookupByName(name)
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_NO_NETWORK:
                    return None
                raise

    def _get(self, name: str) -> VirNetwork:
        found = self._find(name)
        if found is None:
            raise HostError(f"find network {name}", "libvirt has no network of that name")
        return found


def _commands(libvirt: LibvirtModule) -> dict[str, int]:
    return {
        ADD: libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
        MODIFY: libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
        DELETE: libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
    }


def _sections(libvirt: LibvirtModule) -> dict[str, int]:
    return {
        "ip-dhcp-host": libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
        "ip-dhcp-range": libvirt.VIR_NETWORK_SECTION_IP_DHCP_RANGE,
        "forward-interface": libvirt.VIR_NETWORK_SECTION_FORWARD_INTERFACE,
        "portgroup": libvirt.VIR_NETWORK_SECTION_PORTGROUP,
        "dns-host": libvirt.VIR_NETWORK_SECTION_DNS_HOST,
        "dns-txt": libvirt.VIR_NETWORK_SECTION_DNS_TXT,
        "dns-srv": libvirt.VIR_NETWORK_SECTION_DNS_SRV,
    }


def _bridge(state: NetworkState) -> Optional[str]:
    definition = state.running or state.definition
    return definition.bridge.name if definition.bridge else None


def _utc(seconds: int) -> Optional[str]:
    """Returns seconds since the epoch in ISO 8601; dnsmasq has 0 for a lease that doesn't end."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat() if seconds else None
