#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: static_routes_info
short_description: Read static routes that were added to the host
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns the sets of static routes that M(virtnet.kvm.static_routes) has created.
options:
  name:
    description:
      - Names of the sets to read. A name that no set has is ignored.
      - If left out, all are read. An empty list reads none.
    type: list
    elements: str
    aliases: [names]
extends_documentation_fragment:
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.static_routes
"""

EXAMPLES = r"""
- name: Read all sets of static routes
  virtnet.kvm.static_routes_info:
  register: found

- name: Show the networks that they lead to
  ansible.builtin.debug:
    msg: "{{ found.static_routes | map(attribute='routes') | flatten | map(attribute='to') }}"
"""

RETURN = r"""
static_routes:
  description: The sets, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the set.
      type: str
      returned: always
      sample: kvm1
    routes:
      description:
        - The routes, in the structure of the options of M(virtnet.kvm.static_routes). Each also has C(interface), and C(active), which says
          whether the kernel has the route.
      type: list
      elements: dict
      returned: always
      sample:
        - to: 10.9.0.0/24
          via: 192.168.1.10
          interface: eth0
          active: true
    files:
      description: Files by which the boot tools of the host add the routes. Empty if the routes don't survive a reboot.
      type: list
      elements: str
      returned: always
      sample: [/etc/systemd/network/20-lan.network.d/50-virtnet-kvm-routes-kvm1.conf]
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.static_routes.kind import STATIC_ROUTES
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(STATIC_ROUTES)


if __name__ == "__main__":
    main()
