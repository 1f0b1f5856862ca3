# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a set of port forwards, for nat_portforward and for the items of the option ``portforwards`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options
from ansible_collections.virtnet.kvm.plugins.doc_fragments._rule_set import rule_set

_OPTIONS = rule_set(
    r"""
forwards:
  description:
    - Complete list of the forwards of the set. An empty list removes all. If left out, they stay as they are.
  type: list
  elements: dict
  suboptions:
    listen:
      description: Where connections arrive on the host.
      type: dict
      required: true
      suboptions:
        address:
          description:
            - Address of the host. If left out, the port is forwarded at every address of the host, except for loopback addresses.
          type: str
        port:
          description: Port, or a range of ports such as V(6000-6010).
          type: str
          required: true
        protocol:
          description: Protocol of the connections. The default is V(tcp).
          type: str
          choices: [tcp, udp, sctp]
    to:
      description: Where the connections go. Either O(forwards[].to.guest) or O(forwards[].to.address) is required.
      type: dict
      required: true
      suboptions:
        guest:
          description:
            - Name of a libvirt guest. Its address is that of a reservation in its network, or else of its present lease, or else one that the
              agent in the guest (C(qemu-guest-agent)) reports.
            - The address is looked up in each run. If a lease changes, the forward follows with the next run. An address without a
              reservation is a warning, as it may belong to another guest later.
          type: str
        network:
          description: Network on which the guest's address is looked up, if it is on several. Also a bridge, for an address of the agent.
          type: str
        address:
          description: Address of a guest.
          type: str
        port:
          description:
            - Port of the guest. For a range, its first port. If left out, the ports have the same numbers as on the host.
          type: int
    sources:
      description: Complete list of networks and addresses from which connections are forwarded. If left out, those from everywhere are.
      type: list
      elements: str
    log:
      description:
        - Whether the first packet of each connection is logged by the kernel (C(log) of nftables, level C(info)). The default is V(false).
        - Forwards with the same O(forwards[].log_prefix) share a limit of ten lines per second.
      type: bool
    log_prefix:
      description:
        - What the lines of the log begin with (C(log prefix)). The default is V(virtnet.kvm forward:). A blank follows it.
        - 1 to 60 letters, digits, blanks and C(_.:,;/+=#[]-). It requires O(forwards[].log).
      type: str
    helper:
      description:
        - Helper of the kernel for a protocol that opens further connections (C(ct helper) of nftables). They are forwarded, too.
        - V(ftp), V(irc) and V(pptp) are for TCP, V(amanda) and V(tftp) for UDP, and V(sip) for both. V(irc) and V(pptp) are for IPv4 only.
      type: str
      choices: [amanda, ftp, irc, pptp, sip, tftp]
"""
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(_OPTIONS)

    FABRIC: str = options(
        r"""
portforwards:
  description:
    - Sets of port forwards. Each item has the options of M(virtnet.kvm.nat_portforward), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(_OPTIONS, "portforwards[]", depth=2)
    )
