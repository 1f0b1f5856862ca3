# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a bridge, written once: for linux_bridge, and for the items of the option bridges of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import REQUIREMENTS, interface
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

# Said of the bridge itself, and of each port.
_VLANS = r"""
pvid:
  description:
    - The VLAN that frames without a tag belong to when they come in by {this}. V(0) is none, so that they are dropped.
    - It leaves without a tag too, unless O(tagged) has it.
  type: int
tagged:
  description:
    - The whole list of the VLANs that leave by {this} with their tag, ids from V(1) to V(4094) and ranges of them, such as
      V(100-199). An empty list removes them.
  type: list
  elements: str
untagged:
  description:
    - The whole list of the VLANs whose tag is taken off when they leave by {this}, ids and ranges of them. An empty list
      removes them. O(pvid) need not be repeated.
  type: list
  elements: str
"""


def _vlans(this: str) -> str:
    return _VLANS.replace("{this}", this)


_PORTS = (
    r"""
ports:
  description:
    - The whole list of the bridge's ports, but for those of guests. An interface that isn't in it is released. An empty
      list releases all. Their order means nothing.
    - A TAP device that isn't in it stays, as a running guest hangs on it, unless O(purge_taps=true).
    - What an item leaves out stays as it is. A new port has the kernel's defaults, and is brought up if the bridge is up.
    - A port of another bridge is refused.
  type: list
  elements: dict
  suboptions:
    name:
      description:
        - The interface.
      type: str
      required: true
    cost:
      description:
        - What a way by this port costs to STP, from V(1) to V(65535). Left out, the kernel makes it up from the speed.
      type: int
    priority:
      description:
        - Which of several ports STP prefers. The lower number wins, V(0) to V(63). The default is V(32).
      type: int
    hairpin:
      description:
        - Sends frames back by the port that they came in by, where that is where they belong. The default is V(false).
      type: bool
    isolated:
      description:
        - Keeps the port from talking to other isolated ports. It reaches those that aren't, and the host.
        - The default is V(false).
      type: bool
    learning:
      description:
        - Learns from frames that come in by this port which MAC addresses are beyond it. The default is V(true).
      type: bool
    flood:
      description:
        - Sends frames for MAC addresses that nobody has learned to this port. The default is V(true).
      type: bool
    guard:
      description:
        - Disables the port when a bridge beyond it speaks STP. The default is V(false).
      type: bool
"""
    + below(_vlans("the port"), "ports[]", depth=2)
    + r"""purge_taps:
  description:
    - Releases TAP devices too that O(ports) doesn't have, which takes the network from the guests that hang on them.
    - With O(state=absent) the bridge is removed although guests hang on it, which is refused otherwise.
  type: bool
  default: false
adopt:
  description:
    - An interface whose place the bridge takes, such as the host's only NIC. It becomes a port, besides those in O(ports). Its
      MAC address (unless O(mac) says another), its addresses and its routes become the bridge's, as they are.
    - Where O(addresses) or O(routes) are given, they are the whole list, and what the interface had of these goes.
    - It is done in a moment and in an order that keeps connections, the one that Ansible came by among them.
    - With O(state=absent) the bridge's addresses and routes are given to this interface.
    - An address that turns up on it again, as from a DHCP client that still runs, is moved again.
    - A leased address keeps the rest of its time. What O(persist) stores has it for ever, and a warning says so.
  type: str
"""
)

_STP = r"""
stp:
  description:
    - Whether the bridge speaks the spanning tree protocol, which keeps frames from running in circles.
    - The default of a new bridge is V(false).
  type: bool
priority:
  description:
    - Which bridge becomes the root of the spanning tree. The lowest number does, V(0) to V(65535). The default is V(32768).
  type: int
forward_delay:
  description:
    - How long a new port listens, and how long it then learns, before it forwards, in seconds, V(0) to V(30).
    - The default is V(15). With O(stp=true) at least V(2). Without STP a port forwards at once.
  type: int
hello_time:
  description:
    - How often the root of the spanning tree says that it is there, in seconds, V(1) to V(10). The default is V(2).
  type: int
max_age:
  description:
    - How long a root that says nothing is taken to be there, in seconds, V(6) to V(40). The default is V(20).
  type: int
ageing_time:
  description:
    - How long the bridge remembers where a MAC address is, in seconds, V(0) to V(1000000). The default is V(300).
    - With V(0) it remembers nothing, and sends each frame to all ports.
  type: int
"""

_FILTERING = r"""
vlan_filtering:
  description:
    - Whether the bridge heeds VLAN tags, and each port carries only the VLANs that it has been given.
    - The default of a new bridge is V(false). Needs a kernel that has it.
  type: bool
vlan_default_pvid:
  description:
    - The VLAN that a new port, and the bridge itself, belongs to without tags. V(0) is none. The default is V(1).
  type: int
vlan_protocol:
  description:
    - The kind of tags that are heeded. V(802.1ad) is that of a provider, the outer of two tags.
    - The default of a new bridge is V(802.1q).
  type: str
  choices: [802.1q, 802.1ad]
"""

_MULTICAST = r"""
mcast_snooping:
  description:
    - Whether the bridge learns by which ports multicast is wanted, and sends it only there. The default is V(true).
  type: bool
mcast_querier:
  description:
    - Whether the bridge itself asks who wants multicast, where no router does. The default is V(false).
  type: bool
group_fwd_mask:
  description:
    - Which link-local protocols are forwarded that a bridge by itself keeps, as a number whose bit N stands for
      C(01:80:C2:00:00:0N), V(0) to V(65535). V(16384) is LLDP. The default is V(0).
    - The kernel refuses the bits 0, 1 and 2, which are STP, pause frames and LACP.
  type: int
"""

BRIDGE = interface(_PORTS + _STP + _FILTERING + _vlans("the host's own side of the bridge") + _MULTICAST)


class ModuleDocFragment:
    DOCUMENTATION: str = options(BRIDGE) + REQUIREMENTS

    FABRIC: str = options(
        r"""
bridges:
  description:
    - Bridges of the host, each with the options of M(virtnet.kvm.linux_bridge), which explains them.
  type: list
  elements: dict
  suboptions:
"""
        + below(BRIDGE, "bridges[]", depth=2)
    )
