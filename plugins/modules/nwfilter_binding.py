#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nwfilter_binding
short_description: Filter a tap that isn't a libvirt guest's
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Creates, updates or removes the binding of an interface of the host to a network filter of libvirt. It is for taps of programs other
    than libvirt, and for ends of veth pairs, such as those of containers and network namespaces.
  - The interface is down while its binding changes, because libvirt removes the old rules before it creates new ones. To change rules
    without that, change the filter with M(virtnet.kvm.nwfilter).
  - An option that is left out stays as it is on the host. An option that is given is applied exactly.
  - Values that can't work are refused before anything is changed, such as a filter that doesn't exist, a variable without a value, and a way
    to learn addresses with which libvirtd would crash.
  - If rules of the binding are missing in the kernel, such as after C(nft flush ruleset), they are created again.
  - libvirt keeps bindings below C(/run). They don't survive a reboot of the host, so run the task again after one.
extends_documentation_fragment:
  - virtnet.kvm.nwfilter.binding
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.nwfilter_binding_info
  - module: virtnet.kvm.nwfilter
  - module: virtnet.kvm.tuntap
  - module: virtnet.kvm.veth_pair
  - module: virtnet.kvm.guest_nic
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Apply a filter to a tap, against other MAC and IP addresses than its own
  virtnet.kvm.nwfilter_binding:
    name: tap0
    mac: "52:54:00:12:34:56"
    filter: clean-traffic
    parameters:
      - name: IP
        value: 10.0.2.15

- name: Remove the filter from it
  virtnet.kvm.nwfilter_binding:
    name: tap0
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - bind tap0 to filter clean-traffic
filter_binding:
  description:
    - The binding after the run, as M(virtnet.kvm.nwfilter_binding_info) returns it.
    - V(none) if it doesn't exist. Also V(none) in check mode if it would be created.
  returned: success
  type: dict
before:
  description:
    - The binding before the run, in the structure of the options.
    - C(problems) says whether the kernel lacks rules for it.
  returned: success
  type: dict
  sample:
    name: tap0
    state: absent
after:
  description: The binding after the run, in the same structure. In check mode, the predicted binding.
  returned: success
  type: dict
  sample:
    state: present
    name: tap0
    mac: "52:54:00:12:34:56"
    filter: clean-traffic
    parameters:
      - name: IP
        value: 10.0.2.15
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nwfilter.bindings import BINDING
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(BINDING)


if __name__ == "__main__":
    main()
