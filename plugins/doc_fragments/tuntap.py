# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a TUN or TAP device, for tuntap and for the items of the option ``taps`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import RECREATE, REQUIREMENTS, interface
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_OWN = r"""
mode:
  description:
    - Device mode. V(tap) carries Ethernet frames, as a guest NIC does. V(tun) carries IP packets, has no MAC address, and can't be
      a bridge port.
    - The default of a new device is V(tap). To change it, the device must be created again, see O(recreate).
  type: str
  choices: [tap, tun]
owner:
  description:
    - User who may open the device (C(user) in iproute2), as a name or a number. An empty string removes the owner. For that the device
      must be created again, see O(recreate).
    - With O(owner) and O(group), a user must match both. With neither, any user who can open C(/dev/net/tun) may open the device.
      A process with C(CAP_NET_ADMIN) always may.
    - While a program has the device open, O(owner), O(group), O(mode), O(multi_queue), O(packet_info) and O(vnet_hdr) can't be changed.
  type: str
group:
  description:
    - Group whose members may open the device, as a name or a number. An empty string removes the group. For that the device
      must be created again, see O(recreate).
  type: str
packet_info:
  description:
    - Packet information (C(pi) in iproute2), four bytes with flags and protocol before each packet. The default is V(false).
    - A program that opens the device sets this again. The option is the value until then.
  type: bool
vnet_hdr:
  description:
    - Virtio header before each packet, with which a guest leaves checksums and segmentation to the host.
    - The default is V(false). A program that opens the device sets this again. The option is the value until then.
  type: bool
multi_queue:
  description:
    - Multiple queues. The device can be opened several times, once for each queue. The default is V(false). A program that opens the device
      must use the same value.
    - To change it, the device must be created again, see O(recreate).
  type: bool
bridge:
  description:
    - Bridge that the device is a port of (C(master) in iproute2). An empty string removes the device from its bridge.
    - In a run of M(virtnet.kvm.fabric) that lists the device in the C(ports) of a bridge, it can only be the name of that bridge.
    - Only for O(mode=tap). The settings of the port are in the C(ports) of the bridge.
  type: str
"""

TUNTAP = interface(_OWN, RECREATE)


class ModuleDocFragment:
    DOCUMENTATION: str = options(TUNTAP) + REQUIREMENTS

    FABRIC: str = options(
        r"""
taps:
  description:
    - TUN and TAP devices. Each item has the options of M(virtnet.kvm.tuntap), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(TUNTAP, "taps[]", depth=2)
    )
