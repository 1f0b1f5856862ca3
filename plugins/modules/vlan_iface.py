#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vlan_iface
short_description: Manage a VLAN interface
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Creates, updates or removes an 802.1Q or 802.1ad VLAN interface on a parent interface, in the running kernel (by netlink) and for the
    next boot.
  - An option that is left out stays as it is on the host. An option that is given is applied exactly. A list is the complete list, and
    an empty list removes all items.
  - Changes are made in place where the kernel can do this. To change the parent, the id or the protocol, the interface is removed and
    created again. RV(method) then is V(recreated), and O(recreate=false) refuses such a change.
  - Values that can't work are refused before anything is changed, such as a parent that doesn't exist, an invalid id, an id that another
    interface on the parent has, or a kernel without 802.1Q.
  - If a step fails, the steps before it are undone. If a run is killed, the next run completes its work.
extends_documentation_fragment:
  - virtnet.kvm.vlan_iface
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.vlan_iface_info
  - module: virtnet.kvm.linux_bridge
  - module: virtnet.kvm.fabric
  - module: virtnet.kvm.net_checkpoint
  - name: ip-link(8)
    description: The kernel's settings of VLAN interfaces, under C(vlan).
    link: https://manpages.debian.org/ip-link.8
"""

EXAMPLES = r"""
- name: Create an interface for VLAN 11 of a NIC, with an address
  virtnet.kvm.vlan_iface:
    name: ens32.11
    parent: ens32
    id: 11
    addresses:
      - 192.168.11.231/24

- name: Create an interface for VLAN 12 that gets its address from a DHCP server
  virtnet.kvm.vlan_iface:
    name: ens32.12
    parent: ens32
    id: 12
    dhcp4: true

- name: Create an interface with two tags, the outer one for the service provider
  virtnet.kvm.fabric:
    vlans:
      - name: provider
        parent: ens32
        id: 100
        protocol: 802.1ad
      - name: customer
        parent: provider
        id: 11

- name: Set the maps between priorities in the host and in the tag
  virtnet.kvm.vlan_iface:
    name: ens32.11
    ingress_qos:
      - pcp: 5
        priority: 6
    egress_qos:
      - priority: 6
        pcp: 5

- name: Change the VLAN id, for which the interface is created again
  virtnet.kvm.vlan_iface:
    name: ens32.11
    id: 12

- name: Set the MTU, and refuse any change that needs the interface to be created again
  virtnet.kvm.vlan_iface:
    name: ens32.11
    mtu: 1400
    recreate: false

- name: Remove a VLAN interface
  virtnet.kvm.vlan_iface:
    name: ens32.11
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - create VLAN interface ens32.11 (id 11 on ens32)
    - bring up ens32.11
method:
  description:
    - How the change was made.
    - V(none) if nothing had to be changed.
    - V(created) if the interface is new.
    - V(changed) if it was changed in place, in the kernel or in the stored files.
    - V(recreated) if it was removed and created again, because the kernel can't make the change in place.
    - V(removed) if it was removed.
  returned: success
  type: str
  sample: created
persist:
  description: Boot tool that stores the interface, as chosen by O(persist). V(none) if it isn't stored.
  returned: success
  type: str
  sample: networkd
files:
  description: Files that were written or removed. In check mode, files that would be.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/systemd/network/05-virtnet-kvm-ens32.11.netdev
    - /etc/systemd/network/05-virtnet-kvm-ens32.11.network
interface:
  description:
    - The interface after the run, as M(virtnet.kvm.vlan_iface_info) returns it.
    - V(none) if it doesn't exist. Also V(none) in check mode if there would be a change, see RV(after).
  returned: success
  type: dict
before:
  description:
    - The interface before the run, in the structure of the options, without values that the kernel has chosen.
    - C(files) has the contents of its files of the boot tool.
  returned: success
  type: dict
  sample:
    name: ens32.11
    state: absent
after:
  description: The interface after the run, in the same structure. In check mode, the predicted interface.
  returned: success
  type: dict
  sample:
    name: ens32.11
    state: present
    up: true
    parent: ens32
    id: 11
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import VLAN
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(VLAN)


if __name__ == "__main__":
    main()
