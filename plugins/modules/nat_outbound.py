#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_outbound
short_description: Translate the addresses of guests that connect to the outside
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Applies a set of outbound rules (masquerade or SNAT), by nftables. Guests on a plain bridge reach other networks by the host's address,
    and a guest can have an address of its own outside, also on a NAT network of libvirt.
  - A set is a table of its own, which is loaded in one transaction. Rules of others are not changed, except for one rule at the head of
    libvirt's chain C(forward), and of the chain C(FORWARD) of iptables if it rejects. This rule accepts what a set translates.
  - A connection that is running keeps its translation.
  - Values that can't work are refused before anything is changed, such as an address that the host doesn't have.
  - If a step fails, the steps before it are undone.
extends_documentation_fragment:
  - virtnet.kvm.outbound
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.nat_outbound_info
  - module: virtnet.kvm.nat_portforward
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Apply masquerading to the guests of a plain bridge
  virtnet.kvm.nat_outbound:
    rules:
      - source:
          cidr: 10.9.0.0/24

- name: Set an address of its own for one guest of a NAT network
  virtnet.kvm.nat_outbound:
    name: mail
    rules:
      - source:
          guest: mail
        to: 198.51.100.7

- name: Remove a set
  virtnet.kvm.nat_outbound:
    name: mail
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - "outbound rules of set default: add 10.9.0.0/24 masqueraded"
sources:
  description: The subnet that each rule is for. A network with several subnets has a rule for each.
  returned: success
  type: list
  elements: dict
  contains:
    rule:
      description: Source of the rule.
      type: str
      returned: always
      sample: 192.168.150.10
    cidr:
      description: Subnet of the source.
      type: str
      returned: always
      sample: 192.168.150.10/32
    known_by:
      description: How the subnet is known. V(cidr), V(network) or V(bridge), or for a guest V(reservation), V(lease) or V(agent).
      type: str
      returned: always
      sample: reservation
before:
  description: The set before the run, in the structure of the options, with the subnet of each source.
  returned: success
  type: dict
  sample:
    name: default
    state: absent
after:
  description: The set after the run, in the same structure. In check mode, the predicted set.
  returned: success
  type: dict
  sample:
    name: default
    state: present
    rules:
      - source:
          cidr: 10.9.0.0/24
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import OUTBOUND
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(OUTBOUND)


if __name__ == "__main__":
    main()
