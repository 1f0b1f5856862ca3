# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a macvlan interface, for macvlan_iface and for the items of the option ``macvlans`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import RECREATE, REQUIREMENTS, UPLINK, interface
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_OWN = r"""
parent:
  description:
    - Parent interface (C(link) in iproute2), which carries the frames. Required for a new interface.
    - It must carry Ethernet frames, and can't be a port of a bridge. Give the bridge in its place.
    - If the parent is down, it is set up together with the macvlan interface.
    - To change it, the interface must be created again, see O(recreate).
  type: str
mode:
  description:
    - Mode of the macvlan interface. The default of a new interface is V(bridge).
    - The host itself doesn't reach a macvlan interface through the parent, in any mode.
    - V(bridge) passes frames between the macvlan interfaces of the parent.
    - V(private) passes none between them.
    - V(vepa) sends them to the switch, which must send them back.
    - V(passthru) takes the parent alone, with its MAC address. There can be no other macvlan interface on the parent.
    - To change it to V(passthru) or from it, the interface must be created again, see O(recreate).
  type: str
  choices: [bridge, vepa, private, passthru]
"""

MACVLAN = interface(_OWN, RECREATE, uplink=UPLINK)


class ModuleDocFragment:
    DOCUMENTATION: str = options(MACVLAN) + REQUIREMENTS

    FABRIC: str = options(
        r"""
macvlans:
  description:
    - Macvlan interfaces. Each item has the options of M(virtnet.kvm.macvlan_iface), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(MACVLAN, "macvlans[]", depth=2)
    )
