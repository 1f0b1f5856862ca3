# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the NIC of a guest has to know of the rest of the host."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Optional

from ...contract import Facts
from ..links import LinkFacts
from ..network.facts import NetworkFacts
from ..network.options import OWN_BRIDGE_MODES, Network, mode_of
from ..network.steps import NetworkDriver
from .options import Source
from .steps import GuestNicDriver


class GuestNicFacts(Facts):
    """The host as it will be when what is planned so far is done."""

    @property
    def _driver(self) -> GuestNicDriver:
        return self.host.driver(GuestNicDriver)

    @property
    def libvirt(self) -> int:
        """The version of the daemon, see `NetworkFacts`."""
        return self.world.facts(NetworkFacts).libvirt

    @functools.cached_property
    def _macs(self) -> list[tuple[str, str]]:
        return list(self._driver.macs())

    def guest_with_mac(self, mac: str, other_than: str) -> Optional[str]:
        """Returns another guest that has this MAC address."""
        return next((guest for found, guest in self._macs if found == mac and guest != other_than), None)

    def expect_mac(self, mac: Optional[str], guest: str) -> None:
        """Takes a plan into account: the guest will have this MAC address."""
        if mac is not None:
            self._macs.append((mac, guest))

    @functools.cached_property
    def _missing(self) -> set[str]:
        return set()

    def is_first_missing(self, guest: str) -> bool:
        """Returns whether nothing was said yet of a guest that the host doesn't have."""
        if guest in self._missing:
            return False
        self._missing.add(guest)
        return True

    @functools.cached_property
    def _definitions(self) -> Mapping[str, Network]:
        found = self.host.driver(NetworkDriver).definitions()
        return {name: definition for name, definition, _active in found}

    def network(self, name: str) -> Optional[Network]:
        """Returns the definition of a network that the host has already."""
        return self._definitions.get(name)

    def network_state(self, name: str) -> Optional[bool]:
        """Returns whether a network will be active; ``None`` if there will be none of that name."""
        found = self.world.facts(NetworkFacts).networks.get(name)
        return found.active if found else None

    def bridge_exists(self, name: str) -> bool:
        """Returns whether the host will have a bridge of that name."""
        if self._driver.vlan_filtering(name) is not None:
            return True
        return any(link.name == name for link in self.world.facts(LinkFacts).links) and not self._driver.has_interface(
            name
        )

    def interface_exists(self, name: str) -> bool:
        """Returns whether the host will have an interface of that name."""
        return self._driver.has_interface(name) or any(link.name == name for link in self.world.facts(LinkFacts).links)

    def bridge_of(self, source: Source) -> Optional[str]:
        """Returns the bridge of the host that a NIC with this source is on, if the source names it or a network has it for its guests."""
        if source.network is None:
            return source.bridge
        network = self.network(source.network)
        return network.bridge.name if network and network.bridge else None

    def on_bridge(self, source: Source) -> bool:
        """Returns whether a NIC with this source is a tap on a bridge, and not a macvtap or a device of the host."""
        if source.network is None:
            return source.bridge is not None
        network = self.network(source.network)
        return network is None or mode_of(network) in OWN_BRIDGE_MODES or bool(network.bridge and network.bridge.name)

    def filters_vlans(self, bridge: str) -> Optional[bool]:
        """Returns whether a bridge filters VLANs; ``None`` where that isn't known, as with one that the run creates."""
        return self._driver.vlan_filtering(bridge)

    def is_local(self) -> bool:
        """Returns whether the interfaces of the host can be seen from here."""
        return not self._driver.has_interface("")
