#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: linux_bridge
short_description: Manage a Linux bridge
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Creates, updates or removes a Linux bridge, in the running kernel (by netlink) and for the next boot.
  - An option that is left out stays as it is on the host. An option that is given is applied exactly. A list is the complete list, and
    an empty list removes all items.
  - All changes are made in place. Other settings of the bridge, its ports and the guests on them stay as they are.
  - Taps of guests stay ports of the bridge although they aren't listed, unless O(purge_taps=true).
  - With O(adopt) the bridge takes over a NIC, even the host's only NIC, over the connection that this NIC carries. Open connections
    stay open. M(virtnet.kvm.net_checkpoint) restores a host that can't be reached afterwards.
  - All times are in seconds. iproute2 uses hundredths of a second.
  - Values that can't work are refused before anything is changed, such as a port that doesn't exist or belongs to another bridge, an
    address that is the network address of its subnet, a gateway that is in no subnet of the addresses, the name of a bridge that libvirt
    creates for a network, or VLAN filtering without support in the kernel.
  - If a step fails, the steps before it are undone. If a run is killed, the next run completes its work.
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
    description: The kernel's settings of bridges and bridge ports, under C(bridge) and C(bridge_slave).
    link: https://manpages.debian.org/ip-link.8
"""

EXAMPLES = r"""
- name: Create a bridge that takes over the MAC address, addresses and routes of the host's only NIC
  virtnet.kvm.linux_bridge:
    name: br0
    adopt: ens32

- name: Remove this bridge and move the addresses and routes back to the NIC
  virtnet.kvm.linux_bridge:
    name: br0
    adopt: ens32
    state: absent

- name: Create a bridge with two ports, addresses and routes
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

- name: Create a bridge that gets its address from a DHCP server, with a DNS server and a search domain of its own
  virtnet.kvm.linux_bridge:
    name: br3
    ports:
      - name: ens36
    dhcp4: true
    nameservers:
      - 192.168.40.53
    search:
      - lab.example.com

- name: Create a bridge with a default gateway
  virtnet.kvm.linux_bridge:
    name: br4
    ports:
      - name: ens37
    addresses:
      - 192.168.50.2/24
    gateway: 192.168.50.1

- name: Create a bridge with VLAN filtering, a trunk port, an access port, and the host in VLAN 11
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

- name: Create a bridge without ports, for guests only, on which the host has no IPv6
  virtnet.kvm.linux_bridge:
    name: br-guests
    mtu: 1450
    ipv6:
      enabled: false

- name: Set another port, and remove all addresses and routes
  virtnet.kvm.linux_bridge:
    name: br1
    ports:
      - name: ens35
    addresses: []
    routes: []

- name: Create a bridge that ifupdown creates at boot
  virtnet.kvm.linux_bridge:
    name: br2
    addresses:
      - 192.168.30.1/24
    persist: ifupdown

- name: Create a bridge in a network namespace, which isn't stored for the next boot
  virtnet.kvm.linux_bridge:
    name: br0
    netns: lab
    persist: none

- name: Remove a bridge
  virtnet.kvm.linux_bridge:
    name: br1
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - create bridge br0
    - bring up br0
    - attach ens33 to br0
method:
  description:
    - How the change was made.
    - V(none) if nothing had to be changed.
    - V(created) if the bridge is new.
    - V(changed) if it was changed in place, in the kernel or in the stored files.
    - V(removed) if it was removed.
  returned: success
  type: str
  sample: created
persist:
  description: Boot tool that stores the bridge, as chosen by O(persist). V(none) if it isn't stored.
  returned: success
  type: str
  sample: networkd
files:
  description: Files that were written or removed. In check mode, files that would be.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/systemd/network/05-virtnet-kvm-br0.netdev
    - /etc/systemd/network/05-virtnet-kvm-br0.network
interface:
  description:
    - The bridge after the run, as M(virtnet.kvm.linux_bridge_info) returns it.
    - V(none) if it doesn't exist. Also V(none) in check mode if there would be a change, see RV(after).
  returned: success
  type: dict
before:
  description:
    - The bridge before the run, in the structure of the options, without values that the kernel has chosen.
    - C(files) has the contents of its files of the boot tool.
  returned: success
  type: dict
  sample:
    name: br0
    state: absent
after:
  description: The bridge after the run, in the same structure. In check mode, the predicted bridge.
  returned: success
  type: dict
  sample:
    name: br0
    state: present
    up: true
    ports:
      - name: ens33
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import BRIDGE
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(BRIDGE)


if __name__ == "__main__":
    main()
