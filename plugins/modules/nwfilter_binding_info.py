#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nwfilter_binding_info
short_description: Read which interfaces have a network filter of libvirt
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns the bindings of interfaces of the host to network filters, also those of running guests.
  - The definition has the structure of the options of M(virtnet.kvm.nwfilter_binding). Passing it back to that module doesn't change the
    binding, unless it is a guest's, which that module refuses.
options:
  name:
    description:
      - Names of the interfaces. If left out, all bindings are returned. An interface without a binding is left out of the result.
    type: list
    elements: str
    aliases: [names]
extends_documentation_fragment:
  - virtnet.kvm.nwfilter.info
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.nwfilter_binding
  - module: virtnet.kvm.nwfilter_info
"""

EXAMPLES = r"""
- name: Read all bindings
  virtnet.kvm.nwfilter_binding_info:
  register: found

- name: Show which interfaces lack rules in the kernel
  ansible.builtin.debug:
    msg: "{{ found.filter_bindings | selectattr('problems') | map(attribute='name') }}"
"""

RETURN = r"""
filter_bindings:
  description: The bindings, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the interface.
      type: str
      returned: always
      sample: vnet0
    definition:
      description: The binding, in the structure of the options of M(virtnet.kvm.nwfilter_binding).
      type: dict
      returned: always
      sample:
        name: vnet0
        mac: "52:54:00:12:34:56"
        filter: clean-traffic
        parameters: []
    owner:
      description: C(name) and C(uuid) of what the binding belongs to. For a guest they are the guest's.
      type: dict
      returned: always
    guest:
      description: Name of the guest whose tap the interface is. V(none) if it isn't a guest's.
      type: str
      returned: always
      sample: web1
    problems:
      description: Whether the kernel lacks rules for it. Empty if that can't be seen.
      type: list
      elements: str
      returned: always
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nwfilter.bindings import BINDING
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(BINDING)


if __name__ == "__main__":
    main()
