# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's networks: seen, defined, updated, started and stopped.

https://libvirt.org/html/libvirt-libvirt-network.html
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any, Optional

from ...errors import HostError
from ...model.network.options import Network, normalise
from ...model.network.steps import Guest, NetworkDriver, NetworkState
from ...model.network.updates import ADD, DELETE, MODIFY, Update
from ...xml.network import parse_network, render_interface, render_network, render_part
from .connection import asking, require
from .guests import Guests


class Networks(NetworkDriver):
    """The networks of one connection."""

    def __init__(self, connection: Any, guests: Guests) -> None:
        self._connection = connection
        self._guests = guests

    def libvirt_version(self) -> int:
        with asking("ask libvirt for its version"):
            return int(self._connection.getLibVersion())

    def names(self) -> list[str]:
        """All networks, active and inactive, sorted."""
        with asking("list the networks"):
            return sorted(network.name() for network in self._connection.listAllNetworks(0))

    def observe(self, name: str) -> Optional[NetworkState]:
        """A network as it is now, in normal form; ``None`` where there is none of that name."""
        found = self._find(name)
        if found is None:
            return None
        binding = require()
        with asking(f"read network {name}"):
            active, persistent = bool(found.isActive()), bool(found.isPersistent())
            stored = found.XMLDesc(binding.VIR_NETWORK_XML_INACTIVE) if persistent else None
            running = found.XMLDesc(0) if active else None
            autostart = bool(found.autostart()) if persistent else False
        state = NetworkState(
            normalise(parse_network(stored)) if stored else None,
            normalise(parse_network(running)) if running else None,
            autostart,
        )
        return replace(state, guests=self._guests.of_network(name, _bridge(state)))

    def bridge(self, name: str) -> Optional[str]:
        """The device that a network's guests are plugged in, where it has one."""
        state = self.observe(name)
        return _bridge(state) if state else None

    def definitions(self) -> list[tuple[str, Network, bool]]:
        binding = require()
        found = []
        with asking("list the networks"):
            for network in self._connection.listAllNetworks(0):
                active = bool(network.isActive())
                text = network.XMLDesc(0 if active else binding.VIR_NETWORK_XML_INACTIVE)
                found.append((network.name(), normalise(parse_network(text)), active))
        return found

    def leases(self, name: str) -> list[dict[str, object]]:
        """The DHCP leases that the network's dnsmasq has given out; ``expiry`` is UTC in ISO 8601, or ``None`` for never."""
        with asking(f"read the leases of network {name}"):
            leases = self._get(name).DHCPLeases()
        return [
            {
                "ip": lease["ipaddr"],
                "prefix": lease["prefix"],
                "mac": lease["mac"],
                "hostname": lease["hostname"],
                "client_id": lease["clientid"],
                "iface": lease["iface"],
                "expiry": _moment(lease["expirytime"]),
            }
            for lease in leases
        ]

    def define(self, network: Network) -> None:
        with asking(f"define network {network.name}"):
            self._connection.networkDefineXML(render_network(network))

    def undefine(self, name: str) -> None:
        found = self._find(name)
        if found is not None:
            with asking(f"undefine network {name}"):
                if found.isPersistent():
                    found.undefine()

    def start(self, name: str) -> None:
        with asking(f"start network {name}"):
            self._get(name).create()

    def stop(self, name: str) -> None:
        with asking(f"stop network {name}"):
            self._get(name).destroy()

    def is_active(self, name: str) -> bool:
        found = self._find(name)
        with asking(f"read network {name}"):
            return found is not None and bool(found.isActive())

    def set_autostart(self, name: str, on: bool) -> None:
        with asking(f"set autostart of network {name}"):
            self._get(name).setAutostart(on)

    def update(self, name: str, update: Update, *, live: bool, stored: bool) -> None:
        binding = require()
        command = {
            ADD: binding.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
            MODIFY: binding.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
            DELETE: binding.VIR_NETWORK_UPDATE_COMMAND_DELETE,
        }[update.command]
        section = {
            "ip-dhcp-host": binding.VIR_NETWORK_SECTION_IP_DHCP_HOST,
            "ip-dhcp-range": binding.VIR_NETWORK_SECTION_IP_DHCP_RANGE,
            "forward-interface": binding.VIR_NETWORK_SECTION_FORWARD_INTERFACE,
            "portgroup": binding.VIR_NETWORK_SECTION_PORTGROUP,
            "dns-host": binding.VIR_NETWORK_SECTION_DNS_HOST,
            "dns-txt": binding.VIR_NETWORK_SECTION_DNS_TXT,
            "dns-srv": binding.VIR_NETWORK_SECTION_DNS_SRV,
        }[update.section]
        flags = (binding.VIR_NETWORK_UPDATE_AFFECT_LIVE if live else 0) | (
            binding.VIR_NETWORK_UPDATE_AFFECT_CONFIG if stored else 0
        )
        text = render_interface(update.part) if isinstance(update.part, str) else render_part(update.part)
        with asking(update.words):
            self._get(name).update(command, section, update.parent, text, flags)

    def plug_in(self, name: str, guest: Guest) -> None:
        self._guests.plug_in(name, guest, self.bridge(name))

    def forget(self) -> None:
        """Forget what was read of the guests: something has been changed."""
        self._guests.forget()

    def _find(self, name: str) -> Any:
        binding = require()
        try:
            return self._connection.networkLookupByName(name)
        except binding.libvirtError as error:
            if error.get_error_code() == binding.VIR_ERR_NO_NETWORK:
                return None
            raise HostError(f"look for network {name}", error.get_error_message()) from error

    def _get(self, name: str) -> Any:
        found = self._find(name)
        if found is None:
            raise HostError(f"look for network {name}", "there is none of that name")
        return found


def _bridge(state: NetworkState) -> Optional[str]:
    definition = state.running or state.definition
    return definition.bridge.name if definition.bridge else None


def _moment(seconds: int) -> Optional[str]:
    """Seconds since the epoch as people write it; dnsmasq has 0 for a lease that doesn't end."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat() if seconds else None
