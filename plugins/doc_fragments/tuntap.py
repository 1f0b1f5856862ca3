# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a TUN or TAP device, written once: for tuntap, and for the items of the option taps of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import RECREATE, REQUIREMENTS, interface
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_OWN = r"""
mode:
  description:
    - V(tap) carries Ethernet frames, as a guest's interface does. V(tun) carries IP packets, has no MAC address, and can't be
      a port of a bridge.
    - The default of a new device is V(tap). Another mode makes another device, see O(recreate).
  type: str
  choices: [tap, tun]
owner:
  description:
    - The user who may open the device, by name or number. An empty string removes it, for which the device is made again, see
      O(recreate).
    - Without owner and group, only who may manage the network can open it.
    - It can't be changed while a program has the device open, and neither can O(group), O(mode), O(multi_queue), O(packet_info)
      and O(vnet_hdr).
  type: str
group:
  description:
    - The group whose members may open the device, by name or number. An empty string removes it, for which the device is
      made again, see O(recreate).
  type: str
packet_info:
  description:
    - Puts four bytes with flags and protocol before each packet. The default is V(false).
    - Who opens the device says it anew. This is what it is until then.
  type: bool
vnet_hdr:
  description:
    - Puts virtio's header before each packet, by which a guest leaves checksums and segments to the host.
    - The default is V(false). Who opens the device says it anew. This is what it is until then.
  type: bool
multi_queue:
  description:
    - Lets the device be opened several times, a queue each. The default is V(false), and who opens it must agree.
    - Another value makes another device, see O(recreate).
  type: bool
bridge:
  description:
    - The bridge that the device is a port of. An empty string releases it from any.
    - Only for O(mode=tap). How the bridge treats the port is said in the bridge's own list of ports.
  type: str
"""

TUNTAP = interface(_OWN, RECREATE)


class ModuleDocFragment:
    DOCUMENTATION: str = options(TUNTAP) + REQUIREMENTS

    FABRIC: str = options(
        r"""
taps:
  description:
    - TUN and TAP devices, each with the options of M(virtnet.kvm.tuntap), which explains them.
  type: list
  elements: dict
  suboptions:
"""
        + below(TUNTAP, "taps[]", depth=2)
    )
