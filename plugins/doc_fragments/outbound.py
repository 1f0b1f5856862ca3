# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a set of outbound rules, for nat_outbound and for the items of the option ``outbound`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options
from ansible_collections.virtnet.kvm.plugins.doc_fragments._rule_set import rule_set

_OPTIONS = rule_set(
    r"""
rules:
  description:
    - Complete list of the rules of the set, in order. The first rule that fits a connection counts. An empty list removes all. If left out,
      they stay as they are.
    - A connection that stays in the subnet of its source is not translated.
  type: list
  elements: dict
  suboptions:
    source:
      description:
        - Whose connections are translated. One of O(rules[].source.cidr), O(rules[].source.network), O(rules[].source.bridge) and
          O(rules[].source.guest) is required.
      type: dict
      required: true
      aliases: [from]
      suboptions:
        cidr:
          description: Network, such as V(10.9.0.0/24), or one address.
          type: str
        network:
          description:
            - Name of a libvirt network, all of whose subnets are meant.
            - With O(rules[].source.guest), the network on which the guest's address is looked up.
          type: str
        bridge:
          description: Name of a bridge, or of another interface of the host, all of whose subnets are meant.
          type: str
        guest:
          description:
            - Name of a libvirt guest. Its address is that of a reservation in its network, or else of its present lease, or else one that the
              agent in the guest (C(qemu-guest-agent)) reports.
            - The address is looked up in each run. If a lease changes, the rule follows with the next run.
          type: str
    to:
      description:
        - Address that the connections have outside (SNAT), or a range such as V(198.51.100.7-198.51.100.9). The host must have it.
        - If left out, they have the host's address on the interface by which they leave (masquerade).
      type: str
    ports:
      description:
        - Range of ports from which connections of TCP, UDP and SCTP come, such as V(20000-20999). If all are in use, further connections fail.
        - If left out, the kernel chooses the ports.
      type: str
    interface:
      description: Interface by which the connections leave the host. If left out, any.
      type: str
"""
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(_OPTIONS)

    FABRIC: str = options(
        r"""
outbound:
  description:
    - Sets of outbound rules. Each item has the options of M(virtnet.kvm.nat_outbound), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(_OPTIONS, "outbound[]", depth=2)
    )
