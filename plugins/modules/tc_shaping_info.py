#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tc_shaping_info
short_description: Read the shaping of interfaces
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns the shapings that M(virtnet.kvm.tc_shaping) has created, with counters, and how they differ from what was declared.
options:
  name:
    description:
      - Names of the interfaces to read. An interface that isn't there is ignored.
      - If left out, all that a shaping was declared for are read. An empty list reads none.
    type: list
    elements: str
    aliases: [names]
extends_documentation_fragment:
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.tc_shaping
"""

EXAMPLES = r"""
- name: Read the shaping of a tap
  virtnet.kvm.tc_shaping_info:
    name: [web0]
  register: found

- name: Show what was dropped
  ansible.builtin.debug:
    msg: "{{ item.class }}: {{ item.drops }} of {{ item.packets }}"
  loop: "{{ found.shaping[0].counters.egress }}"
"""

RETURN = r"""
shaping:
  description: The shapings, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the interface.
      type: str
      returned: always
      sample: web0
    definition:
      description:
        - What the kernel has, in the structure of the options of M(virtnet.kvm.tc_shaping), to which it can be given without a change.
        - A direction without a shaping of the module is left out.
      type: dict
      returned: always
      sample:
        device: web0
        ingress:
          rate: 20mbit
          ceil: 20mbit
    persist:
      description: Whether the shaping is applied whenever the interface is created.
      type: bool
      returned: always
      sample: true
    counters:
      description:
        - What has passed each class since it was created, by direction (C(egress), C(ingress)).
        - Each item has C(class), which is empty for the top class and for a root without classes, C(classid) as C(tc) shows it, C(bytes),
          C(packets), C(drops), C(overlimits), C(requeues), C(backlog_bytes) and C(backlog_packets).
      type: dict
      returned: always
      sample:
        ingress:
          - class: ""
            classid: "1:f"
            bytes: 81234
            packets: 61
            drops: 0
            overlimits: 12
            requeues: 0
            backlog_bytes: 0
            backlog_packets: 0
    problems:
      description: How the interface differs from what was declared, for instance after C(virsh domiftune) has removed it. Empty if it doesn't.
      type: list
      elements: str
      returned: always
      sample: []
    others:
      description: Shaping of the interface that isn't of the module.
      type: list
      elements: str
      returned: always
      sample: []
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.shaping.kind import SHAPING
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(SHAPING)


if __name__ == "__main__":
    main()
