#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_portforward
short_description: Forward ports of the host to guests
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Applies a set of port forwards (DNAT), by nftables, so that other machines, the host itself and other guests reach a guest by an address
    of the host. The guest sees the address of the client.
  - A set is a table of its own, which is loaded in one transaction. Rules of others are not changed, except for one rule at the head of
    libvirt's chain C(forward), and of the chain C(FORWARD) of iptables if it rejects. This rule accepts what a set forwards.
  - Values that can't work are refused before anything is changed, such as two forwards of the same port, or a guest without an address.
  - If a step fails, the steps before it are undone.
extends_documentation_fragment:
  - virtnet.kvm.portforward
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.nat_portforward_info
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Apply a forward to a port of a guest
  virtnet.kvm.nat_portforward:
    forwards:
      - listen:
          port: "8080"
        to:
          guest: web1
          port: 80

- name: Apply a forward of SSH at one address of the host, for one network only
  virtnet.kvm.nat_portforward:
    name: ssh
    forwards:
      - listen:
          address: 198.51.100.7
          port: "2222"
        to:
          address: 192.168.150.10
          port: 22
        sources:
          - 203.0.113.0/24

- name: Apply a forward of FTP, and log its connections
  virtnet.kvm.nat_portforward:
    name: ftp
    forwards:
      - listen:
          port: "21"
        to:
          guest: files
        helper: ftp
        log: true
        log_prefix: "ftp:"

- name: Remove a set
  virtnet.kvm.nat_portforward:
    name: ssh
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - "port forwards of set default: add port 8080/tcp to 192.168.150.10:80"
targets:
  description: The address to which each forward leads.
  returned: success
  type: list
  elements: dict
  contains:
    forward:
      description: Listener of the forward.
      type: str
      returned: always
      sample: port 8080/tcp
    address:
      description: Address of the guest.
      type: str
      returned: always
      sample: 192.168.150.10
    known_by:
      description: How the address is known. V(address) if it was given, V(reservation), V(lease) or V(agent) otherwise.
      type: str
      returned: always
      sample: reservation
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
    forwards:
      - listen:
          port: "8080"
        to:
          guest: web1
          address: 192.168.150.10
          port: 80
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import PORTFORWARD
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(PORTFORWARD)


if __name__ == "__main__":
    main()
