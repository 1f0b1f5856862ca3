# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tools have to write of the VLANs of bridges and ports."""

from __future__ import annotations

from typing import Optional

from ..model.interface.kernel_effects import default_pvid
from ..model.interface.options import BridgeVlans, LinuxBridge
from ..model.interface.vlans import Vlans, vlans_of
from .files import Draft


def vlans_to_write(bridge: LinuxBridge, value: BridgeVlans) -> Optional[Vlans]:
    """Returns the VLANs of the bridge or of a port of it; ``None`` where they are what the kernel gives by itself."""
    held = vlans_of(value)
    plain = held == vlans_of(BridgeVlans(pvid=default_pvid(bridge)))
    return None if plain or (not bridge.vlan_filtering and not held.all) else held


def warn_of_default_vlan(draft: Draft, tool: str, default: int, whose: str) -> None:
    """Warns that a tool can't take the bridge's default VLAN from a port or from the bridge itself."""
    draft.warn(
        f"{tool} can't remove VLAN {default}, the default, from {whose}, so it is back after the next reboot;"
        " with vlan_default_pvid 0 there is no default VLAN"
    )
