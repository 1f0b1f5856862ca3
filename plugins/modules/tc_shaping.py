#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tc_shaping
short_description: Shape the traffic of an interface
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Shapes what an interface sends and what comes in by it, by a tree of named classes (HTB), queues, impairments (netem) and filters.
  - B(Egress is what the host sends.) For the tap of a guest, O(egress) is towards the guest, and O(ingress) is what the guest sends.
  - A change is applied in place where the kernel can do that, without a lost packet and with the counters going on. Where it can't, the new
    class or queue is created before the old one is removed, and a warning says which packets that wait are dropped, also in check mode.
  - Values are compared in the units of the kernel after its own rounding, and read back after a change.
  - Interfaces with a shaping of another program are refused, such as that of libvirt's C(<bandwidth>). On the bridge of a libvirt network
    with the nftables backend, the classes are inside the root of libvirt, so that its filter for DHCP and its restarts work as before.
  - Works with traffic control of the kernel directly. It needs no library, and no C(tc).
  - The shaping is lost with the interface, and so at a reboot and at the end of the guest of a tap. With O(persist) it is applied again
    whenever the interface is created.
  - If a step fails, the steps before it are undone.
extends_documentation_fragment:
  - virtnet.kvm.shaping
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.tc_shaping_info
  - module: virtnet.kvm.fabric
  - name: tc(8)
    description: The units, and all kinds of queueing disciplines.
    link: https://man7.org/linux/man-pages/man8/tc.8.html
"""

EXAMPLES = r"""
- name: Set a rate for storage, and delay the rest
  virtnet.kvm.tc_shaping:
    device: web0
    egress:
      rate: 100mbit
      default: rest
      classes:
        - name: storage
          rate: 40mbit
          ceil: 100mbit
          priority: 1
          queue:
            kind: fq_codel
            limit: 1000
        - name: rest
          rate: 20mbit
          ceil: 100mbit
          impair:
            delay: 50ms
            jitter: 5ms
            loss: 0.1%
      filters:
        - class: storage
          protocol: tcp
          destination_port: 3260-3262
        - class: storage
          source: 2001:db8::/32
          dscp: ef
          vlan: 7

- name: Limit what the guest sends, also after its next start
  virtnet.kvm.tc_shaping:
    device: web0
    ingress:
      rate: 20mbit
    persist: true

- name: Remove the limit of what the guest sends
  virtnet.kvm.tc_shaping:
    device: web0
    ingress: {}

- name: Remove all of it
  virtnet.kvm.tc_shaping:
    device: web0
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - write /var/lib/virtnet.kvm/shaping/web0.json
    - create htb as the root of egress of web0
    - create the top class of egress of web0 with rate=100mbit
before:
  description: The shaping before the run, in the structure of the options.
  returned: success
  type: dict
  sample:
    device: web0
    state: absent
after:
  description:
    - The shaping after the run, in the same structure. In check mode, the predicted one.
    - It has all values that the kernel has, also those that are defaults.
  returned: success
  type: dict
  sample:
    device: web0
    ingress:
      rate: 20mbit
      ceil: 20mbit
      burst: 10000b
      cburst: 10000b
    persist: false
    state: present
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.shaping.kind import SHAPING
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(SHAPING)


if __name__ == "__main__":
    main()
