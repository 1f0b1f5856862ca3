#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_portforward_info
short_description: Read port forwards of the host
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns the sets of port forwards that M(virtnet.kvm.nat_portforward) has created.
options:
  name:
    description:
      - Names of the sets to read. A name that no set has is ignored.
      - If left out, all are read. An empty list reads none.
    type: list
    elements: str
    aliases: [names]
extends_documentation_fragment:
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.nat_portforward
"""

EXAMPLES = r"""
- name: Read all sets of port forwards
  virtnet.kvm.nat_portforward_info:
  register: found

- name: Show where they lead
  ansible.builtin.debug:
    msg: "{{ found.portforwards | map(attribute='forwards') | flatten | map(attribute='target') }}"
"""

RETURN = r"""
portforwards:
  description: The sets, in the order of O(name), or sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the set.
      type: str
      returned: always
      sample: default
    forwards:
      description:
        - The forwards, in the structure of the options of M(virtnet.kvm.nat_portforward), with the addresses of guests. Each also has
          C(packets) and C(bytes), what has passed since it was loaded, in both directions. Connections of the host itself are not counted.
        - C(target) is where it leads. Its C(address), how that was known at the last run (C(known_by)), and the kernel's entry for it in the
          neighbour table (C(neighbour)) with its C(state), such as V(reachable), V(stale) or V(failed), or V(none), and its C(mac) if the kernel
          has one.
        - For a guest, C(target) also has C(running), and the C(mac) of the guest's interface if a network knows it by this address. If another
          interface has the address, the kernel's C(mac) is another one.
      type: list
      elements: dict
      returned: always
      sample:
        - listen:
            port: "8080"
          to:
            guest: web1
            address: 192.168.150.10
            port: 80
          packets: 12
          bytes: 1824
          target:
            address: 192.168.150.10
            known_by: reservation
            running: true
            mac: "52:54:00:00:00:10"
            neighbour:
              state: reachable
              mac: "52:54:00:00:00:10"
    loaded:
      description: Whether the kernel has the rules of the set.
      type: bool
      returned: always
      sample: true
others:
  description:
    - What others have on the host that decides about the same packets. A connection must pass the base chains of all of them.
  returned: success
  type: dict
  contains:
    programs:
      description: Programs with rules, of C(docker), C(firewalld), C(libvirt) and C(ufw).
      type: list
      elements: str
      returned: always
      sample: [firewalld, libvirt]
    chains:
      description: Base chains of nftables of type C(filter), without those of this collection.
      type: list
      elements: dict
      returned: always
      sample:
        - family: inet
          table: firewalld
          name: filter_FORWARD
          hook: forward
          priority: 10
          policy: accept
    firewalld:
      description:
        - The default zone of firewalld, the interfaces by zone, and whether C(StrictForwardPorts) is C(yes), so that it refuses port
          forwards of others. V(null) if firewalld doesn't run.
      type: dict
      returned: always
      sample:
        default_zone: public
        zones:
          libvirt: [virbr-lan]
        strict_forward_ports: false
    iptables_legacy:
      description: Tables with rules of C(iptables-legacy), which neither nft nor iptables shows.
      type: list
      elements: str
      returned: always
      sample: []
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import PORTFORWARD
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(PORTFORWARD)


if __name__ == "__main__":
    main()
