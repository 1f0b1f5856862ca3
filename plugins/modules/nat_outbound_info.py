#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_outbound_info
short_description: Read outbound rules of the host
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns the sets of outbound rules that M(virtnet.kvm.nat_outbound) has created.
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
  - module: virtnet.kvm.nat_outbound
"""

EXAMPLES = r"""
- name: Read all sets of outbound rules
  virtnet.kvm.nat_outbound_info:
  register: found

- name: Show whose connections they translate
  ansible.builtin.debug:
    msg: "{{ found.outbound | map(attribute='rules') | flatten | map(attribute='source') }}"
"""

RETURN = r"""
outbound:
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
    rules:
      description:
        - The rules, in the structure of the options of M(virtnet.kvm.nat_outbound), with the subnets of networks, bridges and guests. Each
          also has C(packets) and C(bytes), what has passed since it was loaded, in both directions.
      type: list
      elements: dict
      returned: always
      sample:
        - source:
            guest: mail
            cidr: 192.168.150.10/32
          to: 198.51.100.7
          packets: 12
          bytes: 1824
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

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import OUTBOUND
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(OUTBOUND)


if __name__ == "__main__":
    main()
