#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fabric
short_description: Declare networks, bridges, VLANs and taps of a host as one transaction
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Makes everything that it is given what the options say, over one connection to libvirt, and with one look at the host's own
    interfaces. Each kind is what its module makes of the same options.
  - All of it is planned before anything is touched, so that a mistake in one item leaves the host as it is. What is absent
    goes first, to make room. When a step fails, the steps before it are undone, those for other items among them.
  - The order of the lists and in them means nothing. What needs another item comes after it, a VLAN after its parent, a bridge
    after its ports, a tap after its bridge, and a network after the bridge that it uses. What goes, goes the other way round.
  - What it isn't given is left alone. A network that isn't in O(networks) stays, as does a bridge that isn't in O(bridges).
  - A list in one task is many times faster than the module of that kind in a loop.
  - libvirt is only needed for O(networks).
options:
  checkpoint:
    description:
      - The name of the checkpoint that has to be open when the changes begin, see M(virtnet.kvm.net_checkpoint). If the host has
        restored itself in the meantime, as its time was too short for a slow host, nothing is changed and this fails.
      - Left out, it doesn't matter whether one is open. In check mode none is needed.
    type: str
extends_documentation_fragment:
  - virtnet.kvm.network.fabric
  - virtnet.kvm.linux_bridge.fabric
  - virtnet.kvm.vlan_iface.fabric
  - virtnet.kvm.tuntap.fabric
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.virt_net
  - module: virtnet.kvm.virt_net_info
  - module: virtnet.kvm.linux_bridge
  - module: virtnet.kvm.vlan_iface
  - module: virtnet.kvm.tuntap
  - module: virtnet.kvm.net_checkpoint
  - name: libvirt's network format
    description: What each part of a network's definition means to libvirt.
    link: https://libvirt.org/formatnetwork.html
"""

EXAMPLES = r"""
- name: Two networks, and a third one gone
  virtnet.kvm.fabric:
    networks:
      - name: lan
        forward:
          mode: nat
        ips:
          - address: 192.168.150.1/24
            dhcp:
              ranges:
                - start: 192.168.150.100
                  end: 192.168.150.199
      - name: cluster
        ips:
          - address: 10.0.2.1/24
      - name: lab
        state: absent

- name: A VLAN of the NIC, a bridge on it, and a network by which guests reach it
  virtnet.kvm.fabric:
    vlans:
      - name: ens32.11
        parent: ens32
        id: 11
    bridges:
      - name: br11
        ports:
          - name: ens32.11
        addresses:
          - 192.168.11.231/24
    taps:
      - name: tap11
        bridge: br11
        owner: emulator
    networks:
      - name: vlan11
        forward:
          mode: bridge
        bridge:
          name: br11

- name: What the inventory says of the host
  virtnet.kvm.fabric:
    networks: "{{ kvm_networks }}"
  vars:
    kvm_networks:
      - name: blue
        forward: {mode: nat}
        ips: [{address: 10.7.1.1/24}]
      - name: green
        forward: {mode: nat}
        ips: [{address: 10.7.2.1/24}]
"""

RETURN = r"""
actions:
  description: The steps that were done, or in check mode would be done, in words and in order.
  returned: success
  type: list
  elements: str
  sample:
    - define network lan
    - set autostart of network lan
    - start network lan
restorable:
  description:
    - Whether something changes that a checkpoint restores, see M(virtnet.kvm.net_checkpoint). The networks of libvirt are not
      among it.
  returned: success
  type: bool
  sample: false
networks:
  description: What became of each network, in the order of O(networks).
  returned: when O(networks) has any
  type: list
  elements: dict
  contains:
    name:
      description: The network's name.
      type: str
      returned: always
      sample: lan
    changed:
      description: Whether this network was changed.
      type: bool
      returned: always
      sample: true
    actions:
      description: The steps for this network.
      type: list
      elements: str
      returned: always
    method:
      description: The way that was taken, as M(virtnet.kvm.virt_net) returns it.
      type: str
      returned: always
      sample: created
    guests:
      description: The guests that were touched, as M(virtnet.kvm.virt_net) returns them.
      type: list
      elements: dict
      returned: always
    network:
      description:
        - The network as it was found after the run, as M(virtnet.kvm.virt_net_info) returns it.
        - V(none) if there is none, and in check mode if there would be a change, which RV(networks[].after) shows.
      type: dict
      returned: always
    before:
      description: The network before the run, as M(virtnet.kvm.virt_net) returns it.
      type: dict
      returned: always
    after:
      description: The network after the run, or in check mode as it would be, as M(virtnet.kvm.virt_net) returns it.
      type: dict
      returned: always
bridges:
  description: What became of each bridge, in the order of O(bridges).
  returned: when O(bridges) has any
  type: list
  elements: dict
  contains: &interface
    name:
      description: The interface's name.
      type: str
      returned: always
      sample: br11
    changed:
      description: Whether this interface was changed.
      type: bool
      returned: always
      sample: true
    actions:
      description: The steps for this interface.
      type: list
      elements: str
      returned: always
    method:
      description: The way that was taken, as the module of its kind returns it.
      type: str
      returned: always
      sample: created
    persist:
      description: The tool that the interface is stored with, as the module of its kind returns it.
      type: str
      returned: always
      sample: networkd
    files:
      description: The files that were written or removed, as the module of its kind returns them.
      type: list
      elements: str
      returned: always
    interface:
      description:
        - The interface as it was found after the run, as the info module of its kind returns it.
        - V(none) if there is none, and in check mode if there would be a change, which C(after) shows.
      type: dict
      returned: always
    before:
      description: The interface before the run, as the module of its kind returns it.
      type: dict
      returned: always
    after:
      description: The interface after the run, or in check mode as it would be, as the module of its kind returns it.
      type: dict
      returned: always
vlans:
  description: What became of each VLAN's interface, in the order of O(vlans).
  returned: when O(vlans) has any
  type: list
  elements: dict
  contains: *interface
taps:
  description: What became of each TUN or TAP device, in the order of O(taps).
  returned: when O(taps) has any
  type: list
  elements: dict
  contains: *interface
diff:
  description: For each that was changed, what it was before and after, for a person to read.
  returned: success, in diff mode
  type: list
  elements: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_fabric


def main() -> None:
    run_fabric(KINDS)


if __name__ == "__main__":
    main()
