#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veth_pair_info
short_description: Read veth pairs
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns the veth pairs that have an end in a network namespace, with both ends and their counters.
  - A pair with both ends in this namespace is returned for each of them.
  - The definition has the structure of the options of M(virtnet.kvm.veth_pair). Passing it back to that module doesn't change the ends.
extends_documentation_fragment:
  - virtnet.kvm.interface_info
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.veth_pair
  - module: virtnet.kvm.net_namespace_info
"""

EXAMPLES = r"""
- name: Read all veth pairs that have an end in the host's own namespace
  virtnet.kvm.veth_pair_info:
  register: found

- name: Show which namespaces they lead to
  ansible.builtin.debug:
    msg: "{{ found.veth_pairs | map(attribute='peer') | map(attribute='netns') | unique }}"

- name: Read one pair by its end in a namespace
  virtnet.kvm.veth_pair_info:
    name: [eth0]
    netns: red
"""

RETURN = r"""
veth_pairs:
  description: The pairs, in the order of O(name), or sorted by the name of the end.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the end in this namespace.
      type: str
      returned: always
      sample: red0
    netns:
      description: Namespace of this end. V(none) is the host's own.
      type: str
      returned: always
      sample: null
    definition:
      description: Both ends, in the structure of the options of M(virtnet.kvm.veth_pair).
      type: dict
      returned: always
      sample:
        name: red0
        up: true
        addresses:
          - 10.1.0.1/24
        peer:
          name: eth0
          netns: red
          up: true
    end:
      description: The end in this namespace.
      type: dict
      returned: always
      contains: &end
        name:
          description: Name of the interface.
          type: str
          returned: always
          sample: red0
        kind:
          description: Kind of the interface in the kernel. Always V(veth).
          type: str
          returned: always
          sample: veth
        index:
          description: Index of the interface in the kernel. It changes when the pair is created again.
          type: int
          returned: always
          sample: 7
        state:
          description: State of the interface, V(up) or V(down).
          type: str
          returned: always
          sample: up
        carrier:
          description: Whether both ends are up.
          type: bool
          returned: always
          sample: true
        mac:
          description: MAC address.
          type: str
          returned: always
          sample: "46:19:a0:ab:e5:a8"
        mtu:
          description: MTU in bytes.
          type: int
          returned: always
          sample: 1500
        master:
          description: Bridge or other interface that it is a port of. V(none) if there is none.
          type: str
          returned: always
          sample: null
        addresses:
          description: All addresses of the interface, as M(virtnet.kvm.vlan_iface_info) returns them.
          type: list
          elements: dict
          returned: always
        routes:
          description: All routes through the interface, as M(virtnet.kvm.vlan_iface_info) returns them.
          type: list
          elements: dict
          returned: always
        counters:
          description: Traffic counters since the pair was created, by the kernel's names.
          type: dict
          returned: always
          sample:
            rx_packets: 2
            tx_packets: 2
    peer:
      description:
        - The other end, as RV(veth_pairs[].end), and its C(netns).
        - V(none) if it is in a namespace without a name, such as that of a container.
      type: dict
      returned: always
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.netns.veth import VETH
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(VETH)


if __name__ == "__main__":
    main()
