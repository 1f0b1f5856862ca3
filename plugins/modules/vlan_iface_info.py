#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vlan_iface_info
short_description: Read VLANs' interfaces
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns some or all of the VLANs' interfaces of a host, with their counters.
  - The definition is in the structure of the options of M(virtnet.kvm.vlan_iface), and changes nothing when it is given back to it.
extends_documentation_fragment:
  - virtnet.kvm.interface_info
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.vlan_iface
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: All VLANs' interfaces
  virtnet.kvm.vlan_iface_info:
  register: found

- name: The numbers of the VLANs on a NIC
  ansible.builtin.debug:
    msg: "{{ found.vlans | map(attribute='definition') | selectattr('parent', 'eq', 'ens32') | map(attribute='id') }}"

- name: One of them
  virtnet.kvm.vlan_iface_info:
    name: [ens32.11]
"""

RETURN = r"""
vlans:
  description: The VLANs' interfaces, in the order of O(name), or by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The interface's name.
      type: str
      returned: always
      sample: ens32.11
    kind:
      description: What the kernel calls it. Always V(vlan).
      type: str
      returned: always
      sample: vlan
    index:
      description: The interface's number in the kernel. One that is made again gets another.
      type: int
      returned: always
      sample: 7
    definition:
      description:
        - The interface as it runs, in the structure of the options of M(virtnet.kvm.vlan_iface).
        - What is not there is left out.
      type: dict
      returned: always
      sample:
        name: ens32.11
        up: true
        parent: ens32
        id: 11
        protocol: 802.1q
        reorder: true
        addresses:
          - 192.168.11.231/24
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
      sample: br11
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
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import VLAN
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(VLAN)


if __name__ == "__main__":
    main()
