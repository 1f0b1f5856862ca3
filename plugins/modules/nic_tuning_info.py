#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nic_tuning_info
short_description: Read ring buffers, channels, offloads and CPUs of network devices
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns the settings of network devices that C(ethtool) shows, their maxima, and what M(virtnet.kvm.nic_tuning) has declared.
options:
  name:
    description:
      - Names of the devices to read. A name that no device has is ignored, unless settings are stored for it.
      - If left out, all devices are read except for C(lo). An empty list reads none.
    type: list
    elements: str
    aliases: [names]
extends_documentation_fragment:
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.nic_tuning
"""

EXAMPLES = r"""
- name: Read the settings of a device
  virtnet.kvm.nic_tuning_info:
    name: [enp3s0]
  register: found

- name: Show how large its rings are, and can be
  ansible.builtin.debug:
    msg: "{{ found.nic_tuning[0].rings }} of {{ found.nic_tuning[0].maximum.rings }}"
"""

RETURN = r"""
nic_tuning:
  description: The devices, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    device:
      description: Name of the device.
      type: str
      returned: always
      sample: enp3s0
    exists:
      description: Whether there is such a device now.
      type: bool
      returned: always
      sample: true
    channels:
      description: Numbers of channels. Empty if the driver has no such setting.
      type: dict
      returned: always
      sample:
        combined: 4
    rings:
      description: Sizes of the ring buffers, in packets. Empty if the driver has no such setting.
      type: dict
      returned: always
      sample:
        rx: 512
        tx: 512
    offloads:
      description: Whether each feature is on, by the kernel's names.
      type: dict
      returned: always
      sample:
        rx-gro: true
        tx-tcp-segmentation: true
    irq_affinity:
      description: CPUs that handle the interrupts of each queue. Empty if the device has no interrupts now.
      type: list
      elements: dict
      returned: always
      sample:
        - queue: 0
          cpus: 0-3
    maximum:
      description: Maxima of C(channels) and C(rings), in the same structure.
      type: dict
      returned: always
      sample:
        rings:
          rx: 4096
          tx: 4096
    fixed:
      description: Features that the driver doesn't change.
      type: list
      elements: str
      returned: always
      sample: [highdma]
    declared:
      description: What tasks have declared, in the structure of the options of M(virtnet.kvm.nic_tuning).
      type: dict
      returned: always
      sample:
        rings:
          rx: 512
    prior:
      description: Values that O(virtnet.kvm.nic_tuning#module:state=absent) gives back, in the same structure.
      type: dict
      returned: always
      sample:
        rings:
          rx: 256
    persist:
      description: Whether the declared settings are applied whenever the device is created.
      type: bool
      returned: always
      sample: true
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nic_tuning.kind import NIC_TUNING
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(NIC_TUNING)


if __name__ == "__main__":
    main()
