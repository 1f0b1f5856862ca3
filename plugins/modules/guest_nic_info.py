#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_nic_info
short_description: Read the network interfaces of libvirt guests
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns the NICs of guests, with their definition, the tap on the host, addresses, counters, and what differs between the running guest
    and its stored definition.
  - The definition has the structure of the options of M(virtnet.kvm.guest_nic). Passing it back to that module changes nothing, unless the
    running guest differs.
options:
  name:
    description:
      - Names of guests. Those that don't exist are left out of the result. If left out, all guests.
    type: list
    elements: str
    aliases: [names]
extends_documentation_fragment:
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.guest_nic
"""

EXAMPLES = r"""
- name: Read the NICs of a guest
  virtnet.kvm.guest_nic_info:
    name: [web1]
  register: found

- name: Show its addresses and where they are known from
  ansible.builtin.debug:
    msg: "{{ found.guest_nics | map(attribute='addresses') | flatten }}"

- name: Show which NICs wait for a start of their guest
  ansible.builtin.debug:
    msg: "{{ found.guest_nics | selectattr('running', 'defined') }}"
"""

RETURN = r"""
guest_nics:
  description: The NICs, sorted by guest, and then in the order of the stored definition.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
      returned: always
      sample: web1
    mac:
      description: MAC address.
      type: str
      returned: always
      sample: "52:54:00:12:34:56"
    alias:
      description: Alias that the user has given. V(none) if there is none.
      type: str
      returned: always
      sample: ua-storage
    index:
      description: Place in the stored list. V(none) if only the running guest has the NIC.
      type: int
      returned: always
      sample: 0
    address:
      description: PCI address in the guest.
      type: str
      returned: always
      sample: "0000:01:00.0"
    guest_running:
      description: Whether the guest runs.
      type: bool
      returned: always
      sample: true
    device:
      description: Tap of the NIC on the host. V(none) if the guest doesn't run.
      type: str
      returned: always
      sample: vnet0
    definition:
      description: The stored NIC, in the structure of the options of M(virtnet.kvm.guest_nic).
      type: dict
      returned: always
      sample:
        name: web1
        mac: "52:54:00:12:34:56"
        source:
          network: lan
        model: virtio
    running:
      description: Options that have other values in the running guest. V(none) if the running guest doesn't have the NIC.
      type: dict
      returned: if the running guest differs from its definition
      sample:
        mtu: null
    stored:
      description: Whether the definition of the guest has the NIC.
      type: bool
      returned: always
      sample: true
    live:
      description: Whether the running guest has the NIC.
      type: bool
      returned: always
      sample: true
    addresses:
      description: Addresses of a running guest.
      type: list
      elements: dict
      returned: always
      contains:
        address:
          description: IPv4 or IPv6 address.
          type: str
          returned: always
          sample: 192.168.150.10
        source:
          description:
            - Where it is known from. V(lease) is the DHCP server of a libvirt network, V(arp) the neighbour table of the host, V(agent) the
              agent in the guest.
          type: str
          returned: always
          sample: lease
    counters:
      description: Traffic counters of a running guest, as seen by the guest.
      type: dict
      returned: always
      sample:
        rx_bytes: 3128
        rx_packets: 37
        rx_errors: 0
        rx_dropped: 0
        tx_bytes: 1310
        tx_packets: 8
        tx_errors: 0
        tx_dropped: 0
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.guest_nic.kind import GUEST_NIC
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(GUEST_NIC)


if __name__ == "__main__":
    main()
