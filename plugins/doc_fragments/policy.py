# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a policy, for net_policy and for the items of the option ``policies`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options
from ansible_collections.virtnet.kvm.plugins.doc_fragments._rule_set import rule_set

_PARTY = r"""
name:
  description: Name of a libvirt network with a bridge of its own, or else of a bridge.
  type: str
cidr:
  description: Network, such as V(10.9.0.0/24), or one address.
  type: str
network:
  description:
    - Name of a libvirt network with a bridge of its own.
    - With C(guest), the network on which the guest's address is looked up.
  type: str
bridge:
  description: Name of a bridge, or of another interface of the host.
  type: str
guest:
  description:
    - Name of a libvirt guest. Its addresses are those of its reservations, or else of its present leases, or else those that the agent in the
      guest (C(qemu-guest-agent)) reports.
    - They are looked up in each run.
  type: str
zone:
  description: V(outside) is everything that no bridge of a libvirt network and no bridge of this set leads to. V(host) is the host itself.
  type: str
  choices: [outside, host]
"""

_SIDE = below(_PARTY, "", depth=4)

_OPTIONS = rule_set(
    r"""
rules:
  description:
    - Complete list of the rules of the set, in order. The first rule that fits a connection counts. An empty list removes all. If left out,
      they stay as they are.
    - Connections that fit no rule are handled as without a policy. Connections that are running go on.
  type: list
  elements: dict
  suboptions:
    source:
      description: Who begins the connection. If left out, every network. The host is only meant if it is named.
      type: dict
      aliases: [from]
      suboptions:
"""
    + _SIDE
    + r"""    to:
      description: To whom it is. If left out, every other network. The host is only meant if it is named.
      type: dict
      suboptions:
"""
    + _SIDE
    + r"""    action:
      description:
        - V(allow) lets the connection pass, also to a NAT network of libvirt, which then sees the address of the source.
        - V(deny) drops its packets. V(reject) drops them and says so to the sender.
      type: str
      required: true
      choices: [allow, deny, reject]
    services:
      description: Protocols and ports that are meant. If left out, all.
      type: list
      elements: dict
      suboptions:
        protocol:
          description: Protocol. V(icmp) is ICMP and ICMPv6.
          type: str
          required: true
          choices: [tcp, udp, sctp, icmp]
        port:
          description: Port, or a range of ports such as V(6000-6010). If left out, all.
          type: str
    family:
      description: Version of IP that is meant. If left out, both.
      type: str
      choices: [ipv4, ipv6]
    default:
      description:
        - Makes the rule a default, V(false) if left out. It comes after the rules of all sets, and applies to connections that none of them
          allows. So another set can allow an exception. Of default rules, those that deny or reject come before those that allow.
        - What a default rule allows passes where a chain of iptables drops by its policy, as with Docker and ufw. What libvirt or
          others reject by a rule stays rejected.
        - Isn't possible for rules from the host or to it.
      type: bool
""",
    more=" What one set denies, no other set allows, unless it is\n      denied by default (see C(default) below).",
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(_OPTIONS)

    FABRIC: str = options(
        r"""
policies:
  description:
    - Policies. Each item has the options of M(virtnet.kvm.net_policy), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(_OPTIONS, "policies[]", depth=2)
    )
