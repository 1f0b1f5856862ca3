#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: macvlan_iface_info
short_description: Read macvlan interfaces
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns macvlan interfaces of a host, with their counters.
  - The definition has the structure of the options of M(virtnet.kvm.macvlan_iface). Passing it back to that module changes nothing.
extends_documentation_fragment:
  - virtnet.kvm.interface_info
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.macvlan_iface
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Read all macvlan interfaces
  virtnet.kvm.macvlan_iface_info:
  register: found

- name: Show those on a NIC
  ansible.builtin.debug:
    msg: "{{ found.macvlans | map(attribute='definition') | selectattr('parent', 'eq', 'ens32') | map(attribute='name') }}"

- name: Read one macvlan interface
  virtnet.kvm.macvlan_iface_info:
    name: [mac0]
"""

RETURN = r"""
macvlans:
  description: The macvlan interfaces, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the interface.
      type: str
      returned: always
      sample: mac0
    kind:
      description: Kind of the interface in the kernel. Always V(macvlan).
      type: str
      returned: always
      sample: macvlan
    index:
      description: Index of the interface in the kernel. It changes when the interface is created again.
      type: int
      returned: always
      sample: 7
    definition:
      description:
        - The running interface, in the structure of the options of M(virtnet.kvm.macvlan_iface).
        - Settings that the interface doesn't have are left out.
        - V(dhcp4), V(dhcp6), V(nameservers) and V(search) are those that the collection's files have. The user's own files are not read.
          V(gateway) and V(gateway6) are those of the default routes.
      type: dict
      returned: always
      sample:
        name: mac0
        up: true
        parent: ens32
        mode: bridge
        addresses:
          - 192.168.11.231/24
    state:
      description: State of the interface, V(up) or V(down).
      type: str
      returned: always
      sample: up
    carrier:
      description: Whether the interface has a carrier, which is a connection to something that is up.
      type: bool
      returned: always
      sample: true
    mac:
      description: MAC address.
      type: str
      returned: always
      sample: "52:54:00:9d:3c:11"
    mtu:
      description: MTU in bytes.
      type: int
      returned: always
      sample: 1500
    master:
      description: Bridge or other interface that it is a port of. V(none) if there is none.
      type: str
      returned: always
      sample: br11
    addresses:
      description: All addresses of the interface, including those that aren't in C(definition).
      type: list
      elements: dict
      returned: always
      contains:
        address:
          description: Address with its prefix length.
          type: str
          returned: always
          sample: "192.168.20.2/24"
        origin:
          description:
            - Who has added it. V(static) is an address of a user or of a boot tool's file, and only these are in C(definition).
              V(dhcp) is a lease of any DHCP client, and V(ra) an address from router advertisements (SLAAC), including the
              temporary ones of privacy extensions.
            - V(kernel) is a link-local IPv6 address, and V(other) an address of a program that marks it as its own (C(proto) in
              iproute2).
            - A lease without an end is only recognised by the routes of its client. Otherwise it is V(static).
          type: str
          returned: always
          sample: static
        valid_seconds:
          description: Seconds until the address is removed. V(none) if it has no end.
          type: int
          returned: always
          sample: null
        preferred_seconds:
          description: Seconds until the address is not used for new connections. V(none) if that has no end.
          type: int
          returned: always
          sample: null
    routes:
      description:
        - All routes through the interface, including those that aren't in C(definition).
        - Of a route with several next hops, each one through the interface is an item.
      type: list
      elements: dict
      returned: always
      contains:
        to:
          description: Destination, a network in CIDR form or V(default).
          type: str
          returned: always
          sample: default
        via:
          description: Gateway.
          type: str
          returned: if the route has one
          sample: "192.168.20.1"
        metric:
          description: Metric.
          type: int
          returned: if it isn't the kernel's default
          sample: 100
        table:
          description: Number of the routing table.
          type: int
          returned: if it isn't the main table
          sample: 100
        source:
          description: Preferred source address.
          type: str
          returned: if the route has one
          sample: "192.168.20.2"
        origin:
          description:
            - Who has added it. V(static) is a route of a user or of a boot tool's file, and only these are in C(definition).
              V(dhcp) is a route of a DHCP client, V(ra) one from router advertisements, and V(kernel) one that the kernel adds for
              an address.
            - V(other) is a route of a routing daemon, or a route with several next hops.
          type: str
          returned: always
          sample: static
    counters:
      description:
        - Traffic counters since the interface was created. The names are those of the kernel, and newer kernels have more.
      type: dict
      returned: always
      sample:
        rx_packets: 1204
        tx_packets: 977
        rx_bytes: 231874
        tx_bytes: 88123
        rx_errors: 0
        tx_errors: 0
        rx_dropped: 0
        tx_dropped: 0
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import MACVLAN
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(MACVLAN)


if __name__ == "__main__":
    main()
