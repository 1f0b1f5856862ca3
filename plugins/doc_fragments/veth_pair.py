# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a veth pair, for veth_pair and for the items of the option ``veth_pairs`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import REQUIREMENTS, SETTINGS
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options
from ansible_collections.virtnet.kvm.plugins.doc_fragments.net_namespace import PERSIST

_IDENTITY = r"""
name:
  description:
    - Name of one end of the pair, at most 15 characters. The name and the namespace identify the pair, so they can't be changed.
    - It is an error if another interface has this name, or if it is an end of another pair.
  type: str
  required: true
state:
  description:
    - Desired state. V(present) creates or updates the pair.
    - V(absent) removes it, with both ends. O(peer) can be left out then.
  type: str
  choices: [present, absent]
  default: present
"""

_NETNS = r"""
netns:
  description:
    - Network namespace of this end, as a name below C(/run/netns) or as a path. It must exist, or be an item of C(namespaces) in the
      same run of M(virtnet.kvm.fabric). If left out, the end is in the host's own namespace.
  type: str
"""

_BRIDGE = r"""
bridge:
  description:
    - Bridge (C(master) in iproute2) that this end is a port of. It must be in the same namespace. An empty string detaches it.
    - If the bridge is declared with C(ports), list the end there too, because that is the complete list.
  type: str
"""

_END = _NETNS + _BRIDGE + SETTINGS

_PEER = r"""
peer:
  description:
    - The other end of the pair. Required for a new pair. If left out, the other end of an existing pair stays as it is.
    - To give it another name or namespace, remove the pair first.
  type: dict
  suboptions:
    name:
      description:
        - Name of the other end, at most 15 characters.
      type: str
      required: true
""" + below(_END, "peer", depth=2)

_OPTIONS = _IDENTITY + _END + _PEER + PERSIST


class ModuleDocFragment:
    DOCUMENTATION: str = options(_OPTIONS) + REQUIREMENTS

    FABRIC: str = options(
        r"""
veth_pairs:
  description:
    - Veth pairs. Each item has the options of M(virtnet.kvm.veth_pair), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(_OPTIONS, "veth_pairs[]", depth=2)
    )
