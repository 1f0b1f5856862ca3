# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zones of firewalld, which rejects what comes from an interface whose zone doesn't allow it."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from ..contract import Driver, Facts

# libvirt brings both. LIBVIRT is for networks with NAT, and lets guests out; ROUTED lets connections to guests in as well.
LIBVIRT, ROUTED = "libvirt", "libvirt-routed"
_ALLOWS_ALL = "trusted"


@dataclass(frozen=True)
class Zones:
    """The interfaces of each zone by its name, and the zone of the interfaces that are in none of them."""

    interfaces: Mapping[str, tuple[str, ...]]
    default: str

    def zone(self, interface: str) -> Optional[str]:
        """Returns the zone of an interface; ``None`` if it is in none, so that the default zone counts."""
        return next((zone for zone, found in self.interfaces.items() if interface in found), None)

    def rejects(self, interface: str) -> bool:
        """Returns whether guests on a bridge are rejected because it is in no zone.

        Whether the rules of a zone suit the guests is the user's decision.
        """
        return self.zone(interface) is None and self.default != _ALLOWS_ALL


class ZoneDriver(Driver, ABC):
    """Reads the zones of firewalld. Raises `HostError`."""

    @abstractmethod
    def zones(self) -> Optional[Zones]:
        """Returns the zones; ``None`` where firewalld doesn't run, or can't be seen from here."""


class ZoneFacts(Facts):
    """The zones of the host."""

    @functools.cached_property
    def zones(self) -> Optional[Zones]:
        return self.host.driver(ZoneDriver).zones()


def command(interface: str, zone: str) -> str:
    """Returns the command that puts an interface into a zone, also after firewalld's next reload."""
    return f"firewall-cmd --permanent --zone={zone} --add-interface={interface} && firewall-cmd --reload"
