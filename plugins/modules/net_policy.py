#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: net_policy
short_description: Set who may connect to whom between networks
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Applies a policy by nftables, which says who may begin connections to whom, between networks of libvirt, bridges, guests, the host and
    the outside.
  - A policy is for packets that the host routes. Guests of one bridge reach each other without the host.
  - A port forward is an exception from a policy.
  - A set is a table of its own, which is loaded in one transaction. Rules of others are not changed, except for one rule at the head of
    libvirt's chain C(forward), and of the chain C(FORWARD) of iptables if it rejects. This rule accepts what a set allows.
  - A rule that would cut off the connection of Ansible is refused.
  - If a step fails, the steps before it are undone.
extends_documentation_fragment:
  - virtnet.kvm.policy
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.net_policy_info
  - module: virtnet.kvm.nat_portforward
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Apply a policy between two NAT networks and two bridges
  virtnet.kvm.net_policy:
    rules:
      - source:
          network: lan
        to:
          network: cluster
        action: allow
        services:
          - protocol: tcp
            port: "5432"
      - source:
          bridge: vlan100
        to:
          bridge: vlan200
        action: deny

- name: Apply a policy that closes a network to all others
  virtnet.kvm.net_policy:
    name: closed
    rules:
      - source:
          network: cluster
        action: deny

- name: Remove a set
  virtnet.kvm.net_policy:
    name: closed
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - "policy rules of set default: add lan to cluster (tcp 5432) allowed, add vlan100 to vlan200 denied"
before:
  description: The set before the run, in the structure of the options.
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
          bridge: vlan100
        to:
          bridge: vlan200
        action: deny
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import POLICY
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(POLICY)


if __name__ == "__main__":
    main()
