# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a live NIC has from its network, without having it in its definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

from ..network.options import Network, PortGroup
from .options import Nic

# What networkAllocatePort takes from the network or the group of ports where the interface hasn't its own.
_INHERITED = ("vlan", "virtualport", "isolated", "trust_guest_rx_filters", "bandwidth")
# The bandwidth of a network is that of its bridge, not of each port.
_OF_PORT_GROUPS = ("bandwidth",)


def without_inherited(live: Nic, stored: Optional[Nic], networks: Mapping[str, Network]) -> Nic:
    """Returns a live NIC without what it has only from its network (virDomainActualNetDefContentsFormat)."""
    network = networks.get(live.source.network or "") if live.source else None
    if network is None or live.source is None:
        return live
    group = _group(network, live.source.portgroup)
    changes: dict[str, Any] = {}
    for name in _INHERITED:
        own = getattr(stored, name) if stored is not None else None
        theirs = getattr(group, name, None) or (None if name in _OF_PORT_GROUPS else getattr(network, name, None))
        if own is None and theirs is not None and getattr(live, name) is not None:
            changes[name] = None
    return replace(live, **changes) if changes else live


def _group(network: Network, name: Optional[str]) -> Optional[PortGroup]:
    """Returns a group of ports by its name, without one the default group."""
    groups = network.portgroups or ()
    return next((group for group in groups if (group.name == name if name else group.default)), None)
