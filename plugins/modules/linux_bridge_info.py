#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: linux_bridge_info
short_description: Read the host's own bridges
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns some or all of the bridges of a host, with their counters, forwarding tables and VLANs. libvirt's own
    bridges are among them.
  - The definition is in the structure of the options of M(virtnet.kvm.linux_bridge), and changes nothing when it is given back to it.
extends_documentation_fragment:
  - virtnet.kvm.interface_info
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.linux_bridge
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: All bridges
  virtnet.kvm.linux_bridge_info:
  register: found

- name: Where a guest is
  ansible.builtin.debug:
    msg: "{{ item.mac }} is behind {{ item.port }}"
  loop: "{{ found.bridges | selectattr('name', 'eq', 'br0') | map(attribute='fdb') | flatten }}"

- name: One bridge in a network namespace
  virtnet.kvm.linux_bridge_info:
    name: [br0]
    netns: lab
"""

RETURN = r"""
bridges:
  description: The bridges, in the order of O(name), or by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The interface's name.
      type: str
      returned: always
      sample: br0
    kind:
      description: What the kernel calls it. Always V(bridge).
      type: str
      returned: always
      sample: bridge
    index:
      description: The interface's number in the kernel. One that is made again gets another.
      type: int
      returned: always
      sample: 7
    definition:
      description:
        - The interface as it runs, in the structure of the options of M(virtnet.kvm.linux_bridge).
        - What is not there is left out.
      type: dict
      returned: always
      sample:
        name: br0
        up: true
        mac: "52:54:00:9d:3c:11"
        mtu: 1500
        addresses:
          - 192.168.20.2/24
        ports:
          - name: ens32
            cost: 2
        stp: false
        forward_delay: 15
    state:
      description: Whether the interface is up, in a word. Either V(up) or V(down).
      type: str
      returned: always
      sample: up
    carrier:
      description: Whether it is up and connected to something.
      type: bool
      returned: always
      sample: true
    mac:
      description: The MAC address.
      type: str
      returned: always
      sample: "52:54:00:9d:3c:11"
    mtu:
      description: The largest packet in bytes.
      type: int
      returned: always
      sample: 1500
    master:
      description: The bridge, or other interface, that it is a port of. V(none) if there is none.
      type: str
      returned: always
      sample: null
    counters:
      description:
        - What has gone through it since it was made. The names are those of the kernel, and newer kernels have more.
      type: dict
      returned: always
      sample:
        rx_packets: 1204
        tx_packets: 977
        rx_bytes: 231874
        tx_bytes: 88123
        rx_errors: 0
        tx_errors: 0
        rx_dropped: 0
        tx_dropped: 0
    ports:
      description: The names of all its ports, guests' taps among them.
      type: list
      elements: str
      returned: always
      sample: [ens32, vnet0]
    fdb:
      description: The bridge's forwarding table.
      type: list
      elements: dict
      returned: always
      contains:
        mac:
          description: The MAC address.
          type: str
          returned: always
          sample: "52:54:00:00:00:10"
        port:
          description: The port that it is behind, or the bridge itself.
          type: str
          returned: always
          sample: vnet0
        vlan:
          description: The VLAN that this holds in. V(none) if it holds in any.
          type: int
          returned: always
          sample: 11
        state:
          description:
            - V(permanent) is an address of the host's own, V(static) one that somebody has set, and V(learned) one that a
              frame has come from.
          type: str
          returned: always
          sample: learned
    vlans:
      description: The VLANs of the bridge itself, which is the first, and of its ports.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The bridge, or the port.
          type: str
          returned: always
          sample: ens32
        pvid:
          description: The VLAN of frames without a tag. V(none) if there is none.
          type: int
          returned: always
          sample: 1
        tagged:
          description: The VLANs that leave with their tag, as ids and ranges.
          type: list
          elements: str
          returned: always
          sample: ["11", "100-199"]
        untagged:
          description: The VLANs that leave without a tag, besides C(pvid).
          type: list
          elements: str
          returned: always
          sample: []
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import BRIDGE
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(BRIDGE)


if __name__ == "__main__":
    main()
