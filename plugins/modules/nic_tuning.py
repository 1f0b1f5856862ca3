#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nic_tuning
short_description: Set ring buffers, channels, offloads and CPUs of a network device
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Applies what C(ethtool) calls ring parameters, channels and features of a network device, by netlink. C(ethtool) needn't be installed.
  - What isn't declared stays as it is. The values before the first change are remembered, and given back with O(state=absent).
  - With O(persist=true) the settings are applied again whenever the device is created.
  - The role P(virtnet.kvm.tuning#role) uses this module. Its documentation describes when a setting helps, and when it harms.
  - Many drivers reset the link when rings or channels change, which interrupts the traffic for a moment.
  - If a step fails, or if a driver takes other values than these, all steps are undone.
  - Needs Linux 5.8 or newer, and no library.
extends_documentation_fragment:
  - virtnet.kvm.nic_tuning
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.nic_tuning_info
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Set the size of the receive ring, also after a reboot
  virtnet.kvm.nic_tuning:
    device: enp3s0
    rings:
      rx: 2048
    persist: true

- name: Apply two queues, and disable an offload to find a fault
  virtnet.kvm.nic_tuning:
    device: enp3s0
    channels:
      combined: 2
    offloads:
      rx-gro: false

- name: Apply CPUs to the interrupts of two queues
  virtnet.kvm.nic_tuning:
    device: enp3s0
    irq_affinity:
      - queue: 0
        cpus: 0-3
      - queue: 1
        cpus: 4-7
    persist: true

- name: Restore all former values
  virtnet.kvm.nic_tuning:
    device: enp3s0
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - write /var/lib/virtnet.kvm/ethtool/enp3s0.json, which is applied whenever the device is created
    - set rings rx=2048 on enp3s0
pending:
  description:
    - Settings that aren't applied yet, because the device is missing or down. With O(persist=true) they are applied later.
  returned: success
  type: list
  elements: str
  sample: []
before:
  description: The declared settings before the run, in the structure of the options.
  returned: success
  type: dict
  sample:
    device: enp3s0
    state: absent
    rings:
      rx: 512
after:
  description: The declared settings after the run, in the same structure. In check mode, the predicted settings.
  returned: success
  type: dict
  sample:
    device: enp3s0
    state: present
    rings:
      rx: 2048
    persist: true
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nic_tuning.kind import NIC_TUNING
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(NIC_TUNING)


if __name__ == "__main__":
    main()
