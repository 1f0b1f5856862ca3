# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a network namespace, for net_namespace and for the items of the option ``namespaces`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import REQUIREMENTS
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

PERSIST = r"""
persist:
  description:
    - Whether this is created again when the host boots. No boot tool can do that, therefore a systemd unit of the collection does it,
      C(virtnet-kvm-links.service). It runs commands of iproute2, which are stored below C(/etc/virtnet.kvm/links.d).
    - V(auto) stores what tasks have declared. An option that is left out stays stored.
    - V(none) stores nothing, and leaves what an earlier run has stored.
  type: str
  choices: [auto, none]
  default: auto
"""

_OPTIONS = (
    r"""
name:
  description:
    - Name of the network namespace, as C(ip netns) shows it. At most 128 characters, without C(/) and white space.
  type: str
  required: true
state:
  description:
    - Desired state. V(present) creates or updates the namespace.
    - V(absent) removes it. It is an error if processes or interfaces are in it, except for those interfaces that the same run of
      M(virtnet.kvm.fabric) removes.
  type: str
  choices: [present, absent]
  default: present
loopback:
  description:
    - Whether the loopback interface is up. If left out, an existing namespace keeps its state, and in a new one it is set up.
  type: bool
ipv4_forwarding:
  description:
    - Whether the namespace forwards IPv4 packets (C(net.ipv4.ip_forward)), as a router does.
    - If left out, an existing namespace keeps its state, and the kernel chooses it for a new one.
  type: bool
ipv6_forwarding:
  description:
    - Whether the namespace forwards IPv6 packets (C(net.ipv6.conf.all.forwarding)). The rest is as for O(ipv4_forwarding).
  type: bool
"""
    + PERSIST
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(_OPTIONS) + REQUIREMENTS

    FABRIC: str = options(
        r"""
namespaces:
  description:
    - Network namespaces. Each item has the options of M(virtnet.kvm.net_namespace), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(_OPTIONS, "namespaces[]", depth=2)
    )
