#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: net_namespace_info
short_description: Read network namespaces
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns the named network namespaces of a host, with the interfaces and processes that are in them.
options:
  name:
    description:
      - Names of the namespaces to read. A name that no namespace has is ignored.
      - If left out, all are read. An empty list reads none.
    type: list
    elements: str
    aliases: [names]
extends_documentation_fragment:
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
requirements:
  - Python 3.9 or newer
  - pyroute2 0.7 or newer (Debian's C(python3-pyroute2))
seealso:
  - module: virtnet.kvm.net_namespace
"""

EXAMPLES = r"""
- name: Read all network namespaces
  virtnet.kvm.net_namespace_info:
  register: found

- name: Show those that have no interfaces
  ansible.builtin.debug:
    msg: "{{ found.namespaces | rejectattr('interfaces') | map(attribute='name') }}"
"""

RETURN = r"""
namespaces:
  description: The namespaces, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the namespace.
      type: str
      returned: always
      sample: router
    definition:
      description: The namespace, in the structure of the options of M(virtnet.kvm.net_namespace).
      type: dict
      returned: always
      sample:
        name: router
        loopback: true
        ipv4_forwarding: true
        ipv6_forwarding: false
    interfaces:
      description: Names of the interfaces in it, without those that the kernel puts into each namespace.
      type: list
      elements: str
      returned: always
      sample:
        - blue0
        - red0
    processes:
      description: Processes in it.
      type: list
      elements: dict
      returned: always
      contains:
        pid:
          description: Process id.
          type: int
          returned: always
          sample: 1204
        command:
          description: Name of the program.
          type: str
          returned: always
          sample: dnsmasq
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.netns.namespace import NAMESPACE
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(NAMESPACE)


if __name__ == "__main__":
    main()
