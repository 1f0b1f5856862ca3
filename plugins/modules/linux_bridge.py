#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: linux_bridge
short_description: Declare a bridge of the host's own
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Makes a Linux bridge what the options say, while it runs and for the next boot, or removes it. The kernel is asked directly,
    by netlink.
  - An option that is left out is left alone. An option that is given is made exactly so. A list is the whole list, and an
    empty list removes.
  - Everything is changed in place. The bridge, its ports and the guests on them stay as they are, but for what is said.
  - Ports that guests hang on stay, although nobody lists them, unless O(purge_taps=true).
  - With O(adopt) the bridge takes the place of the host's only NIC over the very connection that the NIC carries. It is done
    in a moment, and what is open stays open. M(virtnet.kvm.net_checkpoint) brings a host back that can't be reached
    afterwards.
  - All times are in seconds, where the kernel counts in hundredths of one.
  - What can't work is refused before anything is touched, such as a port that isn't there or is another bridge's, an address
    that is its network's own, a gateway that no address reaches, or a kernel that can't filter VLANs.
  - When a step fails, the steps before it are undone. A run that was killed is completed by the next one.
extends_documentation_fragment:
  - virtnet.kvm.linux_bridge
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.linux_bridge_info
  - module: virtnet.kvm.vlan_iface
  - module: virtnet.kvm.tuntap
  - module: virtnet.kvm.virt_net
  - module: virtnet.kvm.fabric
  - module: virtnet.kvm.net_checkpoint
  - name: ip-link(8)
    description: What each setting means to the kernel, under C(bridge) and C(bridge_slave).
    link: https://manpages.debian.org/ip-link.8
"""

EXAMPLES = r"""
- name: The host's only NIC becomes a port of a bridge, which takes its MAC address, addresses and routes
  virtnet.kvm.linux_bridge:
    name: br0
    adopt: ens32

- name: The NIC has them back, and the bridge is gone
  virtnet.kvm.linux_bridge:
    name: br0
    adopt: ens32
    state: absent

- name: A bridge with two ports, an address, and a default route
  virtnet.kvm.linux_bridge:
    name: br1
    ports:
      - name: ens33
      - name: ens34
        cost: 100
    stp: true
    forward_delay: 4
    addresses:
      - 192.168.20.2/24
      - fd00:20::2/64
    routes:
      - to: default
        via: 192.168.20.1
        metric: 100
      - to: 10.0.0.0/8
        via: 192.168.20.254
        table: 100

- name: A bridge that filters VLANs, with an access port, a trunk, and the host in VLAN 11
  virtnet.kvm.linux_bridge:
    name: trunk0
    vlan_filtering: true
    vlan_default_pvid: 0
    pvid: 11
    untagged: ["11"]
    ports:
      - name: ens33
        tagged: ["11", "12", "100-199"]
      - name: ens34
        pvid: 12
        untagged: ["12"]
    addresses:
      - 192.168.11.2/24

- name: A bridge without ports, for guests only, on which the host has no IPv6
  virtnet.kvm.linux_bridge:
    name: br-guests
    mtu: 1450
    ipv6:
      enabled: false

- name: Another port and no address any more, all else as it is
  virtnet.kvm.linux_bridge:
    name: br1
    ports:
      - name: ens35
    addresses: []
    routes: []

- name: A bridge that ifupdown makes at boot, whatever else the host has
  virtnet.kvm.linux_bridge:
    name: br2
    addresses:
      - 192.168.30.1/24
    persist: ifupdown

- name: A bridge in a network namespace, which nothing makes again at boot
  virtnet.kvm.linux_bridge:
    name: br0
    netns: lab
    persist: none

- name: No such bridge
  virtnet.kvm.linux_bridge:
    name: br1
    state: absent
"""

RETURN = r"""
actions:
  description: The steps that were done, or in check mode would be done, in words and in order.
  returned: success
  type: list
  elements: str
  sample:
    - create bridge br0
    - bring up br0
    - attach ens33 to br0
method:
  description:
    - The way that was taken.
    - V(none) if nothing was to be done.
    - V(created) if the bridge is new.
    - V(changed) if it was changed in place, in what runs or in what is stored.
    - V(removed) if it was removed.
  returned: success
  type: str
  sample: created
persist:
  description: The tool that the bridge is stored with, where O(persist=auto) has chosen. V(none) if it isn't stored.
  returned: success
  type: str
  sample: networkd
files:
  description: The files that were written or removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/systemd/network/05-virtnet-kvm-br0.netdev
    - /etc/systemd/network/05-virtnet-kvm-br0.network
interface:
  description:
    - The bridge as it was found after the run, as M(virtnet.kvm.linux_bridge_info) returns it.
    - V(none) if there is none, and in check mode if there would be a change, which RV(after) shows.
  returned: success
  type: dict
before:
  description:
    - The bridge before the run, in the structure of the options, without what the kernel has made up.
    - C(files) has the text of the files that make it at boot.
  returned: success
  type: dict
  sample:
    name: br0
    state: absent
after:
  description: The bridge after the run, in the same form. In check mode, as it would be.
  returned: success
  type: dict
  sample:
    name: br0
    state: present
    up: true
    ports:
      - name: ens33
diff:
  description: RV(before) and RV(after), for a person to read.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import BRIDGE
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(BRIDGE)


if __name__ == "__main__":
    main()
