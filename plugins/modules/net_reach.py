#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: net_reach
short_description: Measure who reaches whom between networks
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Puts a probe in each network, and measures which of them reach each other, the host and the outside, by ping, TCP and UDP, over IPv4 and
    IPv6, and whether DNS and DHCP answer in each network.
  - A probe is a network namespace with a NIC in the bridge, like a small guest. It has an address that no machine and no reservation has,
    outside of the ranges of DHCP if possible, and the host as its router. It ends with the module, also if the module is killed, so nothing is
    left behind.
  - The probes take the MTU of the bridge. They disturb no guest.
  - With O(expect), the module fails if something is reached that should not be reached, or the other way round.
  - Firewall rules about single guests, such as filters, apply to guests and not to the probes, which have the filter O(filterref).
extends_documentation_fragment:
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
options:
  networks:
    description:
      - Names of libvirt networks. If this and O(bridges) are left out, all active networks with a bridge of their own.
    type: list
    elements: str
  bridges:
    description:
      - Names of bridges of the host on which the host has an address.
    type: list
    elements: str
  outside:
    description:
      - Addresses outside of the host. They are only asked by ping.
    type: list
    elements: str
  protocols:
    description:
      - Protocols to measure. If left out, all. V(icmp) is the ping of IPv4 and IPv6.
    type: list
    elements: str
    choices: [icmp, tcp, udp]
  services:
    description:
      - Services of each network to measure. The default is V(dns).
      - V(dns) asks the host's addresses in the network, over IPv4 and IPv6. Any answer counts.
      - V(dhcp) asks for the offer of an IPv4 address, which takes three seconds more. The offer isn't taken, so there is no lease.
    type: list
    elements: str
    choices: [dns, dhcp]
  filterref:
    description:
      - Network filter (nwfilter) that each probe has, after it has taken its address. The default is none.
    type: dict
    suboptions:
      filter:
        description: Name of the filter.
        type: str
        required: true
      parameters:
        description: Values of the variables of the filter. C(IP) is the IPv4 address of the probe, if it isn't given.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name of the variable.
            type: str
            required: true
          value:
            description: Value of the variable. A variable with several values has several items.
            type: str
            required: true
  expect:
    description:
      - What is expected. What no item is about is not checked. If several items fit, the last one counts.
      - An item that fits nothing that was measured is an error.
    type: list
    elements: dict
    suboptions:
      source:
        description: Name of the network or bridge that asks, or V(host). If left out, all.
        type: str
        aliases: [from]
      to:
        description: Name of the network or bridge that is asked, V(host), V(outside), or a service, V(dns) or V(dhcp). If left out, all.
        type: str
      protocol:
        description: Protocol. If left out, all.
        type: str
        choices: [icmp, tcp, udp]
      family:
        description: Version of IP. If left out, both.
        type: str
        choices: [ipv4, ipv6]
      reached:
        description: Whether there is an answer.
        type: bool
        required: true
seealso:
  - module: virtnet.kvm.net_policy
  - module: virtnet.kvm.nwfilter
"""

EXAMPLES = r"""
- name: Measure who reaches whom between all networks
  virtnet.kvm.net_reach:
  register: found

- name: Show the table
  ansible.builtin.debug:
    msg: "{{ found.table }}"

- name: Check that guests with a filter can ping and can't be reached
  virtnet.kvm.net_reach:
    networks: [lan]
    filterref:
      filter: web-server
    expect:
      - {source: host, to: lan, reached: false}
      - {source: lan, to: dns, reached: true}

- name: Check that nothing reaches the isolated network, except by one port
  virtnet.kvm.net_reach:
    networks: [lan, cluster]
    outside: [192.0.2.1]
    expect:
      - {to: cluster, reached: false}
      - {source: host, to: cluster, reached: true}
      - {source: lan, to: outside, reached: true}
      - {source: cluster, to: outside, reached: false}
"""

RETURN = r"""
reach:
  description: The answers.
  returned: success, and if something is not as expected
  type: list
  elements: dict
  contains:
    from:
      description: Name of the network or bridge that has asked, or V(host).
      type: str
      returned: always
      sample: lan
    to:
      description: Name of the network or bridge that was asked, V(host), V(outside), V(dns) or V(dhcp).
      type: str
      returned: always
      sample: cluster
    family:
      description: Version of IP, V(ipv4) or V(ipv6).
      type: str
      returned: always
      sample: ipv4
    protocol:
      description: Protocol, V(icmp), V(tcp) or V(udp). That of V(dns) and V(dhcp) is V(udp).
      type: str
      returned: always
      sample: tcp
    reached:
      description: Whether there was an answer.
      type: bool
      returned: always
      sample: false
    masqueraded:
      description: Whether the other side has seen another address than that of the probe. A ping doesn't show it.
      type: bool
      returned: always
      sample: false
table:
  description: The answers as a table in Markdown, a line each.
  returned: success, and if something is not as expected
  type: list
  elements: str
  sample:
    - "| from \\ to | lan | cluster | host | dns |"
    - "| --------- | --- | ------- | ---- | --- |"
    - "| lan       |     | no      | yes  | yes |"
    - "| cluster   | no  |         | yes  | yes |"
    - "| host      | yes | yes     |      |     |"
unmeasured:
  description: Networks and bridges without a probe, with the reason.
  returned: success, and if something is not as expected
  type: list
  elements: str
  sample:
    - "br0: the host has no address on br0"
differences:
  description: What is not as expected, a sentence each.
  returned: if something is not as expected
  type: list
  elements: str
  sample:
    - "lan to cluster by tcp over IPv4: answered, which is not expected"
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.reach_runner import run_reach


def main() -> None:
    run_reach()


if __name__ == "__main__":
    main()
