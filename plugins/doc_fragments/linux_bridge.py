# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a bridge, for linux_bridge and for the items of the option ``bridges`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import REQUIREMENTS, UPLINK, interface
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

# Of the bridge itself, and of each port.
_VLANS = r"""
pvid:
  description:
    - PVID, the VLAN of untagged frames that come in through {this}, from V(0) to V(4094). V(0) is no PVID, and untagged frames are dropped.
    - Frames of this VLAN leave untagged, unless O(tagged) has the VLAN.
  type: int
tagged:
  description:
    - Complete list of the VLANs whose frames leave tagged through {this}, as ids from V(1) to V(4094) and ranges such as V(100-199).
      An empty list removes all.
  type: list
  elements: str
untagged:
  description:
    - Complete list of the VLANs whose frames leave untagged through {this}, as ids and ranges. An empty list removes all.
    - The VLAN of O(pvid) need not be repeated here.
  type: list
  elements: str
"""


def _vlans(this: str) -> str:
    return _VLANS.replace("{this}", this)


_PORTS = (
    r"""
ports:
  description:
    - Complete list of the bridge ports, without those of guests. An interface that isn't in the list is removed from the bridge.
      An empty list removes all. The order has no meaning.
    - TAP devices that aren't in the list stay, because running guests use them, unless O(purge_taps=true).
    - What an item leaves out stays as it is. A new port has the kernel's defaults, and is set up if the bridge is up.
    - It is an error to list a port of another bridge.
  type: list
  elements: dict
  suboptions:
    name:
      description:
        - Name of the interface that is the port.
      type: str
      required: true
    cost:
      description:
        - STP path cost of the port, from V(1) to V(65535). The default depends on the speed of the port, and is chosen by the kernel.
      type: int
    priority:
      description:
        - STP priority of the port, from V(0) to V(63). The default is V(32). STP prefers the port with the lower number.
      type: int
    hairpin:
      description:
        - Hairpin mode, in which the port may send a frame back through the port that it came in through. The default is V(false).
      type: bool
    isolated:
      description:
        - Port isolation. An isolated port can't reach other isolated ports. It reaches the other ports and the host.
        - The default is V(false).
      type: bool
    learning:
      description:
        - MAC address learning, from the frames that come in through the port. The default is V(true).
      type: bool
    flood:
      description:
        - Unicast flooding. The port gets the frames for MAC addresses that the bridge hasn't learned. The default is V(true).
      type: bool
    guard:
      description:
        - BPDU guard, which disables the port when it receives a BPDU, a frame of STP. The default is V(false).
      type: bool
"""
    + below(_vlans("the port"), "ports[]", depth=2)
    + r"""purge_taps:
  description:
    - Whether TAP devices that aren't in O(ports) are removed from the bridge too. The guests that use them lose the network.
    - With O(state=absent) it allows the bridge to be removed while guests are connected to it, which is refused otherwise.
  type: bool
  default: false
adopt:
  description:
    - Interface that the bridge takes over, such as the host's only NIC. The interface becomes a port, in addition to those in O(ports).
      Its MAC address (unless O(mac) is given), its addresses and its routes move to the bridge.
    - If O(addresses) or O(routes) are given, they are the complete lists, and the static ones of the interface are removed.
    - Leases, addresses from router advertisements and their routes move too, so that connections stay open. They keep the rest of
      their lifetimes.
    - The move is so fast and so ordered that connections stay open, including the connection of Ansible itself.
    - With O(state=absent) the addresses and routes of the bridge move back to this interface.
    - If the interface gets an address again, as from a DHCP client that is still running, the next run moves that address too.
    - What the user's files for this interface say moves to the bridge too, such as DHCP, DNS servers, search domains, policy rules and MTU,
      in the files of the boot tool in O(persist). The lease is kept and renewed there.
    - A lease of another DHCP client is no longer renewed. The address keeps the rest of its lifetime on the bridge and is stored without
      a lifetime, and a warning says so.
    - A bridge can take over the files of one interface only. A second one is refused. List it in O(ports).
  type: str
"""
)

_STP = r"""
stp:
  description:
    - Spanning tree protocol (C(stp_state) in iproute2), which prevents loops.
    - The default of a new bridge is V(false).
  type: bool
priority:
  description:
    - STP bridge priority, from V(0) to V(65535). The default is V(32768). The bridge with the lowest number becomes the root bridge.
  type: int
forward_delay:
  description:
    - STP forward delay, in seconds, from V(0) to V(30). A new port listens for this time, and then learns for this time, before it
      forwards.
    - The default is V(15). With O(stp=true) it must be V(2) or more. Without STP a port forwards at once.
  type: int
hello_time:
  description:
    - STP hello time, in seconds, from V(1) to V(10). The default is V(2). The root bridge sends a BPDU this often.
    - A bridge that isn't the root bridge uses the O(hello_time), O(max_age) and O(forward_delay) of the root bridge. C(ip -d link show)
      prints these; the modules compare and return what the bridge itself is set to.
  type: int
max_age:
  description:
    - STP maximum message age, in seconds, from V(6) to V(40). The default is V(20). A root bridge that is silent for longer is
      considered gone.
  type: int
ageing_time:
  description:
    - MAC address ageing time, in seconds, from V(0) to V(1000000). The default is V(300). The bridge forgets a learned address after it.
    - With V(0) the bridge learns nothing, and sends each frame to all ports.
  type: int
"""

_FILTERING = r"""
vlan_filtering:
  description:
    - VLAN filtering. The bridge obeys VLAN tags, and each port carries only its own VLANs.
    - The default of a new bridge is V(false). The kernel must support it.
  type: bool
vlan_default_pvid:
  description:
    - Default PVID, the VLAN of untagged frames for new ports and for the bridge itself, from V(0) to V(4094). V(0) is none.
      The default is V(1).
  type: int
vlan_protocol:
  description:
    - VLAN protocol, the type of tag that the bridge filters by. V(802.1ad) is the service provider tag, the outer one of two tags.
    - The default of a new bridge is V(802.1q).
  type: str
  choices: [802.1q, 802.1ad]
"""

_MULTICAST = r"""
mcast_snooping:
  description:
    - Multicast snooping. The bridge learns which ports have receivers of a multicast group, and sends the group only there.
      The default is V(true).
  type: bool
mcast_querier:
  description:
    - Multicast querier. The bridge asks for receivers of multicast groups itself, if no router does. The default is V(false).
  type: bool
group_fwd_mask:
  description:
    - Group forward mask, a number from V(0) to V(65535). The default is V(0). If bit N is set, the bridge forwards frames of the
      link-local protocol with the address C(01:80:C2:00:00:0N), which it doesn't forward otherwise. V(16384) forwards LLDP.
    - The kernel refuses the bits 0, 1 and 2, which are STP, pause frames and LACP.
  type: int
"""

BRIDGE = interface(
    _PORTS + _STP + _FILTERING + _vlans("the bridge's own port, which is the host's") + _MULTICAST, uplink=UPLINK
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(BRIDGE) + REQUIREMENTS

    FABRIC: str = options(
        r"""
bridges:
  description:
    - Linux bridges of the host. Each item has the options of M(virtnet.kvm.linux_bridge), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(BRIDGE, "bridges[]", depth=2)
    )
