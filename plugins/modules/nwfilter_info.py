#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nwfilter_info
short_description: Read network filters of libvirt
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns network filters (nwfilter) of libvirt, also those that come with libvirt, and what uses them.
  - The definition has the structure of the options of M(virtnet.kvm.nwfilter). Passing it back to that module doesn't change the filter.
options:
  name:
    description:
      - Names of the filters. If left out, all filters are returned. A filter that doesn't exist is left out of the result.
    type: list
    elements: str
    aliases: [names]
extends_documentation_fragment:
  - virtnet.kvm.nwfilter.info
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.nwfilter
  - module: virtnet.kvm.nwfilter_binding_info
"""

EXAMPLES = r"""
- name: Read all filters
  virtnet.kvm.nwfilter_info:
  register: found

- name: Show which guests have a filter
  ansible.builtin.debug:
    msg: "{{ found.filters | map(attribute='guests') | flatten | map(attribute='domain') | unique }}"
"""

RETURN = r"""
filters:
  description: The filters, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the filter.
      type: str
      returned: always
      sample: clean-traffic
    uuid:
      description: UUID of the filter.
      type: str
      returned: always
    definition:
      description: The filter, in the structure of the options of M(virtnet.kvm.nwfilter).
      type: dict
      returned: always
    variables:
      description: Variables of the filter and of those that it refers to, without C(MAC). A NIC must give those other than C(IP).
      type: list
      elements: str
      returned: always
      sample: [IP]
    guests:
      description: Guest NICs that refer to the filter, running or stored, as their C(domain) and C(mac).
      type: list
      elements: dict
      returned: always
    filters:
      description: Filters that refer to the filter.
      type: list
      elements: str
      returned: always
    bindings:
      description: Interfaces of the host that are bound to the filter and aren't a guest's.
      type: list
      elements: str
      returned: always
    problems:
      description: For which devices the kernel lacks rules of the filter. Empty if that can't be seen.
      type: list
      elements: str
      returned: always
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nwfilter.filters import FILTER
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(FILTER)


if __name__ == "__main__":
    main()
