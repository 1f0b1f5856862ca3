# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a VLAN interface, for vlan_iface and for the items of the option ``vlans`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import RECREATE, REQUIREMENTS, UPLINK, interface
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_MAP = r"""
  type: list
  elements: dict
  suboptions:
    pcp:
      description:
        - Priority in the VLAN tag (PCP), from V(0) to V(7).
      type: int
      required: true
    priority:
      description:
        - Priority of the packet in the host (C(skb->priority)), from V(0).
      type: int
      required: true
"""

_OWN = rf"""
parent:
  description:
    - Parent interface (C(link) in iproute2), which carries the tagged frames of the VLAN. Required for a new interface.
    - If the parent is down, it is set up together with the VLAN interface, unless O(loose_binding=true).
    - To change it, the interface must be created again, see O(recreate).
  type: str
id:
  description:
    - VLAN id, from V(1) to V(4094). Required for a new interface.
    - To change it, the interface must be created again, see O(recreate).
  type: int
protocol:
  description:
    - VLAN protocol, the type of tag. V(802.1ad) is the service provider tag, the outer one of two tags. The default of a new interface is
      V(802.1q).
    - To change it, the interface must be created again, see O(recreate).
  type: str
  choices: [802.1q, 802.1ad]
reorder:
  description:
    - Header reordering (C(reorder_hdr) in iproute2). Programs that capture on the interface see the frames without the tag.
      The default is V(true).
  type: bool
gvrp:
  description:
    - GVRP, the protocol that registers the VLAN at the switch. The default is V(false).
  type: bool
mvrp:
  description:
    - MVRP, the protocol that registers the VLAN at the switch, the successor of GVRP. The default is V(false).
  type: bool
loose_binding:
  description:
    - Loose binding. The interface doesn't go up and down with its parent. The default is V(false).
  type: bool
ingress_qos:
  description:
    - Complete map from the priority in the tag of an incoming frame to its priority in the host (C(ingress-qos-map) in iproute2).
      An empty list removes all entries.
    - A priority that isn't listed becomes V(0).{_MAP.rstrip()}
egress_qos:
  description:
    - Complete map from the priority of an outgoing packet in the host to the priority in its tag (C(egress-qos-map) in iproute2).
      An empty list removes all entries.
    - A priority that isn't listed becomes V(0).{_MAP.rstrip()}
"""

VLAN = interface(_OWN, RECREATE, uplink=UPLINK)


class ModuleDocFragment:
    DOCUMENTATION: str = options(VLAN) + REQUIREMENTS

    FABRIC: str = options(
        r"""
vlans:
  description:
    - VLAN interfaces. Each item has the options of M(virtnet.kvm.vlan_iface), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(VLAN, "vlans[]", depth=2)
    )
