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
  - Returns libvirt networks of a host, with their DHCP leases and connected guests.
  - The definition has the structure of the options of M(virtnet.kvm.virt_net). Passing it back to that module changes nothing, unless
    the running network differs from its stored definition.
extends_documentation_fragment:
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
options:
  name:
    description:
      - Names of the networks to read. A name that no network has is ignored.
      - If left out, all are read. An empty list reads none.
    type: list
    elements: str
    aliases: [names]
seealso:
  - module: virtnet.kvm.virt_net
  - module: virtnet.kvm.fabric
  - name: libvirt's network format
    description: The reference of all elements of a network's definition.
    link: https://libvirt.org/formatnetwork.html
"""

EXAMPLES = r"""
- name: Read all networks
  virtnet.kvm.virt_net_info:
  register: found

- name: Show their names
  ansible.builtin.debug:
    msg: "{{ found.networks | map(attribute='name') }}"

- name: Read one network
  virtnet.kvm.virt_net_info:
    name: [lan]
  register: lan

- name: Show the addresses that its guests have leased
  ansible.builtin.debug:
    msg: "{{ item.hostname }} has {{ item.ip }} until {{ item.expiry }}"
  loop: "{{ lan.networks[0].leases }}"

- name: Copy the networks of one host to another
  virtnet.kvm.fabric:
    networks: "{{ found.networks | map(attribute='definition') }}"
  delegate_to: kvm2.example.com
"""

RETURN = r"""
networks:
  description: The networks, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the network.
      type: str
      returned: always
      sample: lan
    uuid:
      description: UUID of the network.
      type: str
      returned: always
      sample: 5a1f9b0c-62b5-4c55-9d8b-0f6f4b3f2f5e
    definition:
      description:
        - The stored definition, in the structure of the options of M(virtnet.kvm.virt_net). For a transient network, the running
          definition.
        - Settings that the network doesn't have are left out.
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
      returned: when it differs from the stored definition
    state:
      description: State of the network, V(active) or V(inactive).
      type: str
      returned: always
      sample: active
    active:
      description: Whether the network is active.
      type: bool
      returned: always
      sample: true
    autostart:
      description: Whether libvirt starts the network when the host boots.
      type: bool
      returned: always
      sample: true
    persistent:
      description: Whether the definition is stored. The definition of a transient network is lost when the network stops.
      type: bool
      returned: always
      sample: true
    bridge:
      description: Bridge that the guests are connected to. V(none) if the network has no bridge.
      type: str
      returned: always
      sample: virbr-lan
    problems:
      description:
        - What an active network lacks, because another program has removed it. Empty if there is nothing, or if the network is inactive.
        - M(virtnet.kvm.virt_net) repairs it, except for C(lease file not writable) and what would remove an interface or end a process that
          isn't the network's.
        - It is observed where libvirt runs on the same host. Only root sees problems of dnsmasq, the lease file and the firewall rules.
      type: list
      elements: str
      returned: always
      sample:
        - "bridge missing: virbr-lan"
    leases:
      description: Valid DHCP leases. Empty if the network is inactive.
      type: list
      elements: dict
      returned: always
      contains:
        ip:
          description: Leased address.
          type: str
          returned: always
          sample: 192.168.150.104
        prefix:
          description: Prefix length of the subnet.
          type: int
          returned: always
          sample: 24
        mac:
          description: MAC address of the guest NIC.
          type: str
          returned: always
          sample: "52:54:00:00:00:10"
        hostname:
          description: Host name that the guest has sent. V(none) if it has sent none.
          type: str
          returned: always
          sample: web
        client_id:
          description: DHCP client identifier or DUID that the guest has sent. V(none) if it has sent none.
          type: str
          returned: always
          sample: "01:52:54:00:00:00:10"
        expiry:
          description: Time when the lease expires, as ISO 8601 in UTC. V(none) if it never expires.
          type: str
          returned: always
          sample: "2026-03-01T12:00:00+00:00"
        iface:
          description: Interface of the DHCP server that has given the lease.
          type: str
          returned: always
          sample: virbr-lan
    guests:
      description: Running guests with a NIC on the network.
      type: list
      elements: dict
      returned: always
      contains:
        domain:
          description: Name of the guest.
          type: str
          returned: always
          sample: web
        mac:
          description: MAC address of the guest NIC.
          type: str
          returned: always
          sample: "52:54:00:00:00:10"
        device:
          description: Tap of the guest NIC on the host.
          type: str
          returned: always
          sample: vnet0
        connected:
          description:
            - Whether the tap is connected to the network. It isn't if the network was restarted by other means after the guest was
              started.
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
