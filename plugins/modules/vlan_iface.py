#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vlan_iface
short_description: Declare a VLAN's interface of the host's own
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Makes an 802.1Q or 802.1ad interface on a parent what the options say, while it runs and for the next boot, or removes it.
    The kernel is asked directly, by netlink.
  - An option that is left out is left alone. An option that is given is made exactly so. A list is the whole list, and an
    empty list removes.
  - What the kernel can change is changed in place. Another parent, id or protocol makes another interface. It is removed and
    made again, which RV(method) says and O(recreate=false) forbids.
  - What can't work is refused before anything is touched, such as a parent that isn't there, an id that is none, an id that
    another interface on the parent has, or a kernel without 802.1Q.
  - When a step fails, the steps before it are undone. A run that was killed is completed by the next one.
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
    description: What each setting means to the kernel, under C(vlan).
    link: https://manpages.debian.org/ip-link.8
"""

EXAMPLES = r"""
- name: VLAN 11 of a NIC, with an address
  virtnet.kvm.vlan_iface:
    name: ens32.11
    parent: ens32
    id: 11
    addresses:
      - 192.168.11.231/24

- name: A tag within a tag of the provider
  virtnet.kvm.fabric:
    vlans:
      - name: provider
        parent: ens32
        id: 100
        protocol: 802.1ad
      - name: customer
        parent: provider
        id: 11

- name: Priorities in the host and in the tag
  virtnet.kvm.vlan_iface:
    name: ens32.11
    ingress_qos:
      - pcp: 5
        priority: 6
    egress_qos:
      - priority: 6
        pcp: 5

- name: Another VLAN by the same name, for which the interface is removed and made again
  virtnet.kvm.vlan_iface:
    name: ens32.11
    id: 12

- name: Another MTU, and nothing that would take the interface away for a moment
  virtnet.kvm.vlan_iface:
    name: ens32.11
    mtu: 1400
    recreate: false

- name: No such interface
  virtnet.kvm.vlan_iface:
    name: ens32.11
    state: absent
"""

RETURN = r"""
actions:
  description: The steps that were done, or in check mode would be done, in words and in order.
  returned: success
  type: list
  elements: str
  sample:
    - create VLAN interface ens32.11 (id 11 on ens32)
    - bring up ens32.11
method:
  description:
    - The way that was taken.
    - V(none) if nothing was to be done.
    - V(created) if the interface is new.
    - V(changed) if it was changed in place, in what runs or in what is stored.
    - V(recreated) if it was removed and made again, as the kernel can't make that change in place.
    - V(removed) if it was removed.
  returned: success
  type: str
  sample: created
persist:
  description: The tool that the interface is stored with, where O(persist=auto) has chosen. V(none) if it isn't stored.
  returned: success
  type: str
  sample: networkd
files:
  description: The files that were written or removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/systemd/network/05-virtnet-kvm-ens32.11.netdev
    - /etc/systemd/network/05-virtnet-kvm-ens32.11.network
interface:
  description:
    - The interface as it was found after the run, as M(virtnet.kvm.vlan_iface_info) returns it.
    - V(none) if there is none, and in check mode if there would be a change, which RV(after) shows.
  returned: success
  type: dict
before:
  description:
    - The interface before the run, in the structure of the options, without what the kernel has made up.
    - C(files) has the text of the files that make it at boot.
  returned: success
  type: dict
  sample:
    name: ens32.11
    state: absent
after:
  description: The interface after the run, in the same form. In check mode, as it would be.
  returned: success
  type: dict
  sample:
    name: ens32.11
    state: present
    up: true
    parent: ens32
    id: 11
diff:
  description: RV(before) and RV(after), for a person to read.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import VLAN
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(VLAN)


if __name__ == "__main__":
    main()
