#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fabric
short_description: Declare the virtual networks of a host as one transaction
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Makes everything that it is given what the options say, over one connection to libvirt.
  - All of it is planned before anything is touched, so that a mistake in one item leaves the host as it is. What is absent
    goes first, to make room. When a step fails, the steps before it are undone, those for other items among them.
  - What it isn't given is left alone. A network that isn't in O(networks) stays.
  - A list in one task is many times faster than the module of that kind in a loop.
extends_documentation_fragment:
  - virtnet.kvm.network.fabric
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.virt_net
  - module: virtnet.kvm.virt_net_info
  - name: libvirt's network format
    description: What each part of a network's definition means to libvirt.
    link: https://libvirt.org/formatnetwork.html
"""

EXAMPLES = r"""
- name: Two networks, and a third one gone
  virtnet.kvm.fabric:
    networks:
      - name: lan
        forward:
          mode: nat
        ips:
          - address: 192.168.150.1/24
            dhcp:
              ranges:
                - start: 192.168.150.100
                  end: 192.168.150.199
      - name: cluster
        ips:
          - address: 10.0.2.1/24
      - name: lab
        state: absent

- name: What the inventory says of the host
  virtnet.kvm.fabric:
    networks: "{{ kvm_networks }}"
  vars:
    kvm_networks:
      - name: blue
        forward: {mode: nat}
        ips: [{address: 10.7.1.1/24}]
      - name: green
        forward: {mode: nat}
        ips: [{address: 10.7.2.1/24}]
"""

RETURN = r"""
actions:
  description: The steps that were done, or in check mode would be done, in words and in order.
  returned: success
  type: list
  elements: str
  sample:
    - define network lan
    - set autostart of network lan
    - start network lan
networks:
  description: What became of each network, in the order of O(networks).
  returned: when O(networks) has any
  type: list
  elements: dict
  contains:
    name:
      description: The network's name.
      type: str
      returned: always
      sample: lan
    changed:
      description: Whether this network was changed.
      type: bool
      returned: always
      sample: true
    actions:
      description: The steps for this network.
      type: list
      elements: str
      returned: always
    method:
      description: The way that was taken, as M(virtnet.kvm.virt_net) returns it.
      type: str
      returned: always
      sample: created
    guests:
      description: The guests that were touched, as M(virtnet.kvm.virt_net) returns them.
      type: list
      elements: dict
      returned: always
    network:
      description:
        - The network as it was found after the run, as M(virtnet.kvm.virt_net_info) returns it.
        - V(none) if there is none, and in check mode if there would be a change, which RV(networks[].after) shows.
      type: dict
      returned: always
    before:
      description: The network before the run, as M(virtnet.kvm.virt_net) returns it.
      type: dict
      returned: always
    after:
      description: The network after the run, or in check mode as it would be, as M(virtnet.kvm.virt_net) returns it.
      type: dict
      returned: always
diff:
  description: For each that was changed, what it was before and after, for a person to read.
  returned: success, in diff mode
  type: list
  elements: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_fabric


def main() -> None:
    run_fabric()


if __name__ == "__main__":
    main()
