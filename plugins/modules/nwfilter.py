#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nwfilter
short_description: Manage a network filter of libvirt
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Creates, updates or removes a network filter (nwfilter) of libvirt. It has the rules for what the guests may send and get whose NICs
    refer to it.
  - A filter that is in use is changed in place. The old rules hold until the new ones do, so that no packet passes in between.
  - An option that is left out stays as it is on the host. An option that is given is applied exactly.
  - What libvirt would drop or change without an error is refused before anything is changed. That is an attribute of another protocol, a
    value out of range, a range that ends before it starts, a filter that doesn't exist or refers back to this one, and a variable that a
    running guest doesn't give.
  - If rules of the filter are missing in the kernel, such as after C(nft flush ruleset), libvirt is made to create them again.
  - The first filter with rules of iptables has the kernel pass the packets of all bridges of the host through iptables. The module warns
    before that.
  - If a step fails, the steps before it are undone. If a run is killed, the next run completes its work.
  - A checkpoint of M(virtnet.kvm.net_checkpoint) doesn't restore filters.
extends_documentation_fragment:
  - virtnet.kvm.nwfilter
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.nwfilter_info
  - module: virtnet.kvm.nwfilter_binding
  - module: virtnet.kvm.guest_nic
  - module: virtnet.kvm.fabric
  - name: libvirt's network filters
    description: Protocols, attributes, variables and chains.
    link: https://libvirt.org/formatnwfilter.html
"""

EXAMPLES = r"""
- name: Create a filter for guests that are reached by SSH and HTTP only
  virtnet.kvm.nwfilter:
    name: web
    rules:
      - filterref:
          filter: clean-traffic
      - action: accept
        direction: in
        protocol: tcp
        match:
          dstportstart: 22
      - action: accept
        direction: in
        protocol: tcp
        match:
          dstportstart: 80
      - action: accept
        direction: out
        protocol: icmp
      - action: accept
        direction: out
        protocol: udp
        match:
          dstportstart: 53
      - action: drop
        direction: inout
        protocol: all

- name: Create a filter for guests that reach one network only
  virtnet.kvm.nwfilter:
    name: backup-only
    rules:
      - action: drop
        direction: out
        protocol: all
        match_not:
          dstipaddr: 10.0.9.0
          dstipmask: 24

- name: Create a filter that drops the answers of DHCP servers among the guests, before other rules for IPv4
  virtnet.kvm.nwfilter:
    name: no-dhcp-server
    chain: ipv4-dhcp
    priority: -720
    rules:
      - action: drop
        direction: out
        protocol: ip
        match:
          protocol: udp
          srcportstart: 67

- name: Apply a document of libvirt
  virtnet.kvm.nwfilter:
    xml: "{{ lookup('ansible.builtin.file', 'web.xml') }}"

- name: Remove the filter
  virtnet.kvm.nwfilter:
    name: web
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - change filter web
filter:
  description:
    - The filter after the run, as M(virtnet.kvm.nwfilter_info) returns it.
    - V(none) if it doesn't exist. Also V(none) in check mode if it would be created.
  returned: success
  type: dict
before:
  description:
    - The filter before the run, in the structure of the options.
    - C(problems) says for which devices the kernel lacks rules.
  returned: success
  type: dict
  sample:
    name: web
    state: absent
after:
  description: The filter after the run, in the same structure. In check mode, the predicted filter.
  returned: success
  type: dict
  sample:
    state: present
    name: web
    chain: root
    priority: 0
    rules:
      - action: accept
        direction: in
        protocol: tcp
        match:
          dstportstart: "22"
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nwfilter.filters import FILTER
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(FILTER)


if __name__ == "__main__":
    main()
