# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network does to the traffic of the guests' ports: options of a network, and of each of its port groups."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_RATE = r"""
      average:
        description:
          - The rate that is kept to on average, in kilobytes (1000 bytes) a second. V(0) removes it.
        type: int
      peak:
        description:
          - The highest rate in a burst, in kilobytes a second. V(0) removes it. Linux ignores it for what guests send.
        type: int
      burst:
        description:
          - How much may be sent in one burst at the rate of the peak, in kibibytes. V(0) removes it.
        type: int
"""

# The three that a network and a port group have in common.
SHARED = rf"""
bandwidth:
  description:
    - Limits on the traffic. In a network they hold for all of its guests together, in a port group for each port.
    - Networks of the modes V(private), V(passthrough) and V(hostdev) can't have it.
  type: dict
  suboptions:
    inbound:
      description:
        - What guests receive.
      type: dict
      suboptions:{_RATE.rstrip().replace(chr(10), chr(10) + "  ")}
    outbound:
      description:
        - What guests send.
      type: dict
      suboptions:{_RATE.rstrip().replace(chr(10), chr(10) + "  ")}
vlan:
  description:
    - The VLAN tags that the guests' traffic carries beyond the port. The guests themselves see no tag.
    - Needs an Open vSwitch bridge, SR-IOV functions, or, since libvirt 11.0.0, a Linux bridge that filters VLANs.
  type: dict
  suboptions:
    trunk:
      description:
        - Says that a single tag is a trunk. Several tags always are.
      type: bool
    tags:
      description:
        - The whole list of tags.
      type: list
      elements: dict
      suboptions:
        id:
          description:
            - The VLAN's number, from V(0) to V(4095).
          type: int
          required: true
        native_mode:
          description:
            - Makes this the native VLAN of a trunk, and says whether its frames are tagged.
          type: str
          choices: [tagged, untagged]
virtualport:
  description:
    - How ports are made known to a switch that wants to be told.
  type: dict
  suboptions:
    type:
      description:
        - The kind of switch. An Open vSwitch bridge needs V(openvswitch).
      type: str
      choices: [802.1Qbg, 802.1Qbh, midonet, openvswitch]
    parameters:
      description:
        - What the switch is told. Which of these it takes is a matter of its kind.
      type: dict
      suboptions:
        managerid:
          description:
            - The VSI manager, V(0) to V(255), for V(802.1Qbg).
          type: int
        typeid:
          description:
            - The VSI type, V(0) to V(16777215), for V(802.1Qbg).
          type: int
        typeidversion:
          description:
            - The version of the VSI type, V(0) to V(255), for V(802.1Qbg).
          type: int
        instanceid:
          description:
            - The UUID of the VSI instance, for V(802.1Qbg).
          type: str
        profileid:
          description:
            - The name of the port profile, for V(802.1Qbh) and V(openvswitch).
          type: str
        interfaceid:
          description:
            - The UUID of the port, for V(openvswitch) and V(midonet).
          type: str
"""

PORTS = (
    r"""
trust_guest_rx_filters:
  description:
    - Lets guests change the MAC address and the multicast filters of their macvtap ports. The default is V(false).
  type: bool
isolated:
  description:
    - Keeps the guests from reaching one another. The host, and what is beyond it, they reach as before.
    - The default is V(false). Needs a Linux bridge and libvirt 6.1.0.
    - libvirt has this for a network or for one interface of a guest, not for a port group.
  type: bool
"""
    + SHARED
    + r"""
portgroups:
  description:
    - The whole list of port groups. A guest's interface names the group that it belongs to, and takes on its settings.
    - Groups are added, changed and removed without a restart. Ports that are already plugged in keep what they have
      until they are plugged in again.
  type: list
  elements: dict
  suboptions:
    name:
      description:
        - The group's name, by which guests refer to it.
      type: str
      required: true
    default:
      description:
        - Makes this the group of guests that name none. At most one group of a network can be. The default is V(false).
      type: bool
    trust_guest_rx_filters:
      description:
        - The network's O(trust_guest_rx_filters), for this group.
      type: bool
"""
    + below(SHARED, "portgroups[]", depth=2)
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(PORTS)
