# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VLANs that a tool has to be told of."""

from __future__ import annotations

from typing import Optional

from ..model.interface.kernel_effects import default_pvid
from ..model.interface.options import BridgeVlans, LinuxBridge
from ..model.interface.vlans import Vlans, vlans_of


def vlans_to_tell(bridge: LinuxBridge, value: BridgeVlans) -> Optional[Vlans]:
    """Those of the bridge or of a port of it; ``None`` where they are what the kernel gives by itself."""
    held = vlans_of(value)
    plain = held == vlans_of(BridgeVlans(pvid=default_pvid(bridge)))
    return None if plain or (not bridge.vlan_filtering and not held.all) else held
