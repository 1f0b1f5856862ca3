#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: linux_bridge_info
short_description: Read Linux bridges
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns bridges of a host, with their counters, forwarding tables and VLANs. The bridges that libvirt has created are included.
  - The definition has the structure of the options of M(virtnet.kvm.linux_bridge). Passing it back to that module changes nothing.
extends_documentation_fragment:
  - virtnet.kvm.interface_info
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.linux_bridge
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Read all bridges
  virtnet.kvm.linux_bridge_info:
  register: found

- name: Show the port of each MAC address
  ansible.builtin.debug:
    msg: "{{ item.mac }} is behind {{ item.port }}"
  loop: "{{ found.bridges | selectattr('name', 'eq', 'br0') | map(attribute='fdb') | flatten }}"

- name: Read one bridge in a network namespace
  virtnet.kvm.linux_bridge_info:
    name: [br0]
    netns: lab
"""

RETURN = r"""
bridges:
  description: The bridges, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the interface.
      type: str
      returned: always
      sample: br0
    kind:
      description: Kind of the interface in the kernel. Always V(bridge).
      type: str
      returned: always
      sample: bridge
    index:
      description: Index of the interface in the kernel. It changes when the interface is created again.
      type: int
      returned: always
      sample: 7
    definition:
      description:
        - The running interface, in the structure of the options of M(virtnet.kvm.linux_bridge).
        - Settings that the interface doesn't have are left out.
        - V(dhcp4), V(dhcp6), V(nameservers) and V(search) are those that the collection's files have. The user's own files are not read.
          V(gateway) and V(gateway6) are those of the default routes.
      type: dict
      returned: always
      sample:
        name: br0
        up: true
        mac: "52:54:00:9d:3c:11"
        mtu: 1500
        addresses:
          - 192.168.20.2/24
        ports:
          - name: ens32
            cost: 2
        stp: false
        forward_delay: 15
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
      sample: null
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
    ports:
      description: Names of all its ports, including the taps of guests.
      type: list
      elements: str
      returned: always
      sample: [ens32, vnet0]
    fdb:
      description: Forwarding table (FDB) of the bridge.
      type: list
      elements: dict
      returned: always
      contains:
        mac:
          description: MAC address.
          type: str
          returned: always
          sample: "52:54:00:00:00:10"
        port:
          description: Port that the address is reached through, or the bridge itself.
          type: str
          returned: always
          sample: vnet0
        vlan:
          description: VLAN that the entry is for. V(none) if it is for all.
          type: int
          returned: always
          sample: 11
        state:
          description:
            - V(permanent) is an address of the host, V(static) an entry that was added by hand, and V(learned) the source address of a
              frame.
          type: str
          returned: always
          sample: learned
    vlans:
      description: VLANs of the bridge itself, which is the first item, and of its ports.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: Name of the bridge or of the port.
          type: str
          returned: always
          sample: ens32
        pvid:
          description: PVID, the VLAN of untagged frames. V(none) if there is none.
          type: int
          returned: always
          sample: 1
        tagged:
          description: VLANs whose frames leave tagged, as ids and ranges.
          type: list
          elements: str
          returned: always
          sample: ["11", "100-199"]
        untagged:
          description: VLANs whose frames leave untagged, in addition to C(pvid).
          type: list
          elements: str
          returned: always
          sample: []
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import BRIDGE
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(BRIDGE)


if __name__ == "__main__":
    main()
