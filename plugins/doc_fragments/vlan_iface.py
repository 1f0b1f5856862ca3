# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a VLAN's interface, written once: for vlan_iface, and for the items of the option vlans of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import RECREATE, REQUIREMENTS, interface
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_MAP = r"""
  type: list
  elements: dict
  suboptions:
    pcp:
      description:
        - The priority in the tag (PCP), V(0) to V(7).
      type: int
      required: true
    priority:
      description:
        - The priority that the packet has in the host, from V(0).
      type: int
      required: true
"""

_OWN = rf"""
parent:
  description:
    - The interface that carries the VLAN's frames with their tags. Required for an interface that isn't there yet.
    - If it is down, it is brought up with the VLAN's, unless O(loose_binding=true).
    - Another parent makes another interface, see O(recreate).
  type: str
id:
  description:
    - The VLAN's number, V(1) to V(4094). Required for an interface that isn't there yet.
    - Another number makes another interface, see O(recreate).
  type: int
protocol:
  description:
    - The kind of tag. V(802.1ad) is that of a provider, the outer of two tags. The default of a new interface is V(802.1q).
    - Another protocol makes another interface, see O(recreate).
  type: str
  choices: [802.1q, 802.1ad]
reorder:
  description:
    - Whether frames lose their tag before those who listen on the interface see them. The default is V(true).
  type: bool
gvrp:
  description:
    - Tells the switch by GVRP that the VLAN is wanted here. The default is V(false).
  type: bool
mvrp:
  description:
    - Tells the switch by MVRP that the VLAN is wanted here. The default is V(false).
  type: bool
loose_binding:
  description:
    - Keeps the interface from following its parent up and down. The default is V(false).
  type: bool
ingress_qos:
  description:
    - The whole list of what the priority in a tag becomes in the host, when a frame comes in. An empty list removes all.
    - What isn't listed becomes V(0).{_MAP.rstrip()}
egress_qos:
  description:
    - The whole list of what a packet's priority in the host becomes in the tag, when it goes out. An empty list removes all.
    - What isn't listed becomes V(0).{_MAP.rstrip()}
"""

VLAN = interface(_OWN, RECREATE)


class ModuleDocFragment:
    DOCUMENTATION: str = options(VLAN) + REQUIREMENTS

    FABRIC: str = options(
        r"""
vlans:
  description:
    - VLANs' interfaces, each with the options of M(virtnet.kvm.vlan_iface), which explains them.
  type: list
  elements: dict
  suboptions:
"""
        + below(VLAN, "vlans[]", depth=2)
    )
