# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options for the traffic of guest NICs, of a network and of each of its port groups."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_RATE = r"""
      average:
        description:
          - Average rate, in kilobytes (1000 bytes) per second. V(0) removes the setting.
        type: int
      peak:
        description:
          - Peak rate during a burst, in kilobytes (1000 bytes) per second. V(0) removes the setting. Linux ignores it for outbound traffic.
        type: int
      burst:
        description:
          - Burst size, the amount that may be sent at the peak rate, in kibibytes (1024 bytes). V(0) removes the setting.
        type: int
"""

_BANDWIDTH = rf"""
bandwidth:
  description:
    - Bandwidth limits. In a network they apply to all of its guests together, in a port group to each guest NIC.
    - Networks of the modes V(private), V(passthrough) and V(hostdev) can't have them.
  type: dict
  suboptions:
    inbound:
      description:
        - Limits of the traffic that guests receive.
      type: dict
      suboptions:{_RATE.rstrip().replace(chr(10), chr(10) + "  ")}
    outbound:
      description:
        - Limits of the traffic that guests send.
      type: dict
      suboptions:{_RATE.rstrip().replace(chr(10), chr(10) + "  ")}
"""

# What a network, a port group and a guest NIC have in common.
VLAN_AND_VIRTUALPORT = r"""
vlan:
  description:
    - VLAN tags of the guests' traffic outside of the guests. The guests themselves see no tag.
    - Needs an Open vSwitch bridge, SR-IOV functions, or, since libvirt 11.0.0, a Linux bridge with VLAN filtering.
  type: dict
  suboptions:
    trunk:
      description:
        - Trunk mode for a single tag. Several tags are always a trunk.
      type: bool
    tags:
      description:
        - Complete list of tags.
      type: list
      elements: dict
      suboptions:
        id:
          description:
            - VLAN id, from V(0) to V(4095).
          type: int
          required: true
        native_mode:
          description:
            - Native mode (C(nativeMode)), which makes this the native VLAN of a trunk, and says whether its frames are tagged.
          type: str
          choices: [tagged, untagged]
virtualport:
  description:
    - Virtual port, which registers guest NICs at a switch that needs this.
  type: dict
  suboptions:
    type:
      description:
        - Type of the switch. An Open vSwitch bridge needs V(openvswitch).
      type: str
      choices: [802.1Qbg, 802.1Qbh, midonet, openvswitch]
    parameters:
      description:
        - Parameters for the switch. The type of the switch decides which of them it accepts.
      type: dict
      suboptions:
        managerid:
          description:
            - VSI manager id, from V(0) to V(255), for V(802.1Qbg).
          type: int
        typeid:
          description:
            - VSI type id, from V(0) to V(16777215), for V(802.1Qbg).
          type: int
        typeidversion:
          description:
            - Version of the VSI type id, from V(0) to V(255), for V(802.1Qbg).
          type: int
        instanceid:
          description:
            - VSI instance id, a UUID, for V(802.1Qbg).
          type: str
        profileid:
          description:
            - Name of the port profile, for V(802.1Qbh) and V(openvswitch).
          type: str
        interfaceid:
          description:
            - Interface id, a UUID, for V(openvswitch) and V(midonet).
          type: str
"""

# What a network and a port group have in common.
SHARED = _BANDWIDTH + VLAN_AND_VIRTUALPORT.lstrip()

PORTS = (
    r"""
trust_guest_rx_filters:
  description:
    - Trust of the guests' receive filters (C(trustGuestRxFilters)). Guests may change the MAC address and the multicast filters of their
      macvtap interfaces. The default is V(false).
  type: bool
isolated:
  description:
    - Port isolation. Guests can't reach each other. They still reach the host, and other networks through it.
    - The default is V(false). Needs a Linux bridge and libvirt 6.1.0.
    - libvirt has this setting for a network and for a guest NIC, but not for a port group.
  type: bool
"""
    + SHARED
    + r"""
portgroups:
  description:
    - Complete list of port groups. A guest NIC names the group that it belongs to, and gets the settings of the group.
    - Groups are added, changed and removed without a restart. Guest NICs that are already connected keep their settings until they are
      connected again.
  type: list
  elements: dict
  suboptions:
    name:
      description:
        - Name of the group. Guests refer to it by this name.
      type: str
      required: true
    default:
      description:
        - Whether this is the group of guest NICs that name no group. At most one group of a network can be the default. The default
          is V(false).
      type: bool
    trust_guest_rx_filters:
      description:
        - O(trust_guest_rx_filters) of the network, for this group.
      type: bool
"""
    + below(SHARED, "portgroups[]", depth=2)
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(PORTS)
