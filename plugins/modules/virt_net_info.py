#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virt_net_info
short_description: Read libvirt networks
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns some or all of the libvirt networks of a host, with their DHCP leases and the guests that are plugged in.
  - The definition is in the structure of the options of M(virtnet.kvm.virt_net), and changes nothing when it is given
    back to it, unless the running network differs from what is stored.
extends_documentation_fragment:
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
options:
  name:
    description:
      - The names of the networks to read. Names that no network has are passed over.
      - Left out, all networks are read. An empty list reads none.
    type: list
    elements: str
    aliases: [names]
seealso:
  - module: virtnet.kvm.virt_net
  - module: virtnet.kvm.fabric
  - name: libvirt's network format
    description: What each part of a network's definition means to libvirt.
    link: https://libvirt.org/formatnetwork.html
"""

EXAMPLES = r"""
- name: All networks
  virtnet.kvm.virt_net_info:
  register: found

- name: Their names
  ansible.builtin.debug:
    msg: "{{ found.networks | map(attribute='name') }}"

- name: One network
  virtnet.kvm.virt_net_info:
    name: [lan]
  register: lan

- name: The addresses that its guests have leased
  ansible.builtin.debug:
    msg: "{{ item.hostname }} has {{ item.ip }} until {{ item.expiry }}"
  loop: "{{ lan.networks[0].leases }}"

- name: The networks of one host, copied to another
  virtnet.kvm.fabric:
    networks: "{{ found.networks | map(attribute='definition') }}"
  delegate_to: kvm2.example.com
"""

RETURN = r"""
networks:
  description: The networks, in the order of O(name), or by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The network's name.
      type: str
      returned: always
      sample: lan
    uuid:
      description: The network's UUID.
      type: str
      returned: always
      sample: 5a1f9b0c-62b5-4c55-9d8b-0f6f4b3f2f5e
    definition:
      description:
        - The stored definition, in the structure of the options of M(virtnet.kvm.virt_net). That of a transient network
          is the running one.
        - What is not there is left out.
      type: dict
      returned: always
      sample:
        name: lan
        uuid: 5a1f9b0c-62b5-4c55-9d8b-0f6f4b3f2f5e
        forward:
          mode: nat
        bridge:
          name: virbr-lan
        mac: "52:54:00:9d:3c:11"
        ips:
          - address: 192.168.150.1/24
            dhcp:
              ranges:
                - start: 192.168.150.100
                  end: 192.168.150.199
    running:
      description: The running definition, in the same structure.
      type: dict
      returned: when it differs from the stored one
    state:
      description: Whether the network runs, in a word. Either V(active) or V(inactive).
      type: str
      returned: always
      sample: active
    active:
      description: Whether the network runs.
      type: bool
      returned: always
      sample: true
    autostart:
      description: Whether libvirt starts the network by itself when the host boots.
      type: bool
      returned: always
      sample: true
    persistent:
      description: Whether the definition is stored. That of a transient network is lost when it stops.
      type: bool
      returned: always
      sample: true
    bridge:
      description: The bridge that the guests are plugged in. V(none) if the network has no bridge.
      type: str
      returned: always
      sample: virbr-lan
    leases:
      description: The DHCP leases that are valid. Empty if the network doesn't run.
      type: list
      elements: dict
      returned: always
      contains:
        ip:
          description: The leased address.
          type: str
          returned: always
          sample: 192.168.150.104
        prefix:
          description: The length of the subnet's prefix.
          type: int
          returned: always
          sample: 24
        mac:
          description: The MAC address of the guest's interface.
          type: str
          returned: always
          sample: "52:54:00:00:00:10"
        hostname:
          description: The name that the guest goes by. V(none) if it gave none.
          type: str
          returned: always
          sample: web
        client_id:
          description: The client identifier that the guest sent, or its DUID. V(none) if it sent none.
          type: str
          returned: always
          sample: "01:52:54:00:00:00:10"
        expiry:
          description: When the lease ends, as ISO 8601 in UTC; none where it doesn't.
          type: str
          returned: always
          sample: "2026-03-01T12:00:00+00:00"
        iface:
          description: The device that the lease was given out on.
          type: str
          returned: always
          sample: virbr-lan
    guests:
      description: The running guests that have an interface on the network.
      type: list
      elements: dict
      returned: always
      contains:
        domain:
          description: The guest's name.
          type: str
          returned: always
          sample: web
        mac:
          description: The MAC address of the guest's interface.
          type: str
          returned: always
          sample: "52:54:00:00:00:10"
        device:
          description: The host's end of the guest's interface.
          type: str
          returned: always
          sample: vnet0
        connected:
          description:
            - Whether the network carries the port. It doesn't when the network was restarted by other means after
              the guest was started.
          type: bool
          returned: always
          sample: true
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.network import NETWORK
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(NETWORK)


if __name__ == "__main__":
    main()
