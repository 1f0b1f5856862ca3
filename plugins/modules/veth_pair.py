#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veth_pair
short_description: Manage a veth pair
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Creates, updates or removes a veth pair, which is two interfaces that are joined like the ends of a cable. Each end is in the host's
    own network namespace or in another one, and has addresses, routes and a bridge of its own.
  - An option that is left out stays as it is on the host. An option that is given is applied exactly. A list is the complete list, and
    an empty list removes all items.
  - Values that can't work are refused before anything is changed, such as a namespace that doesn't exist, an end that is an interface of
    another kind or an end of another pair, or a gateway that the end can't reach.
  - If a step fails, the steps before it are undone. If a run is killed, the next run completes its work.
  - A checkpoint of M(virtnet.kvm.net_checkpoint) doesn't create or remove veth pairs.
extends_documentation_fragment:
  - virtnet.kvm.veth_pair
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.veth_pair_info
  - module: virtnet.kvm.net_namespace
  - module: virtnet.kvm.linux_bridge
  - module: virtnet.kvm.fabric
  - name: veth(4)
    description: Veth pairs in the kernel.
    link: https://manpages.debian.org/veth.4
"""

EXAMPLES = r"""
- name: Connect a namespace to the host
  virtnet.kvm.veth_pair:
    name: red0
    addresses:
      - 10.1.0.1/24
    peer:
      name: eth0
      netns: red
      addresses:
        - 10.1.0.2/24
      routes:
        - to: default
          via: 10.1.0.1

- name: Connect a namespace to a bridge
  virtnet.kvm.veth_pair:
    name: blue0
    bridge: br0
    peer:
      name: eth0
      netns: blue
      addresses:
        - 192.168.150.7/24

- name: Connect two namespaces by a third one that routes
  virtnet.kvm.fabric:
    namespaces:
      - name: red
      - name: blue
      - name: router
        ipv4_forwarding: true
    veth_pairs:
      - name: eth0
        netns: red
        addresses: [10.1.0.2/24]
        routes: [{to: default, via: 10.1.0.1}]
        peer:
          name: red0
          netns: router
          addresses: [10.1.0.1/24]
      - name: eth0
        netns: blue
        addresses: [10.2.0.2/24]
        routes: [{to: default, via: 10.2.0.1}]
        peer:
          name: blue0
          netns: router
          addresses: [10.2.0.1/24]

- name: Remove a pair
  virtnet.kvm.veth_pair:
    name: red0
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - create veth pair eth0 in namespace red and red0 in namespace router
    - bring up eth0 in namespace red
method:
  description:
    - How the change was made.
    - V(none) if nothing had to be changed.
    - V(created) if the pair is new.
    - V(changed) if it was changed in place, in the kernel or in the stored files.
    - V(removed) if it was removed.
  returned: success
  type: str
  sample: created
persist:
  description: V(systemd) if O(persist) is V(auto), V(none) otherwise.
  returned: success
  type: str
  sample: systemd
files:
  description: Files that were written or removed. In check mode, files that would be.
  returned: success
  type: list
  elements: str
  sample:
    - /usr/local/lib/virtnet.kvm/links
    - /etc/systemd/system/virtnet-kvm-links.service
    - /etc/virtnet.kvm/links.d/20-veth-red+eth0
veth_pair:
  description:
    - The pair after the run, as M(virtnet.kvm.veth_pair_info) returns it.
    - V(none) if it doesn't exist. Also V(none) in check mode if it would be created.
  returned: success
  type: dict
before:
  description:
    - The pair before the run, in the structure of the options, without values that the kernel has chosen.
    - C(files) has the contents of its file below C(/etc/virtnet.kvm/links.d).
  returned: success
  type: dict
  sample:
    name: eth0
    state: absent
after:
  description: The pair after the run, in the same structure. In check mode, the predicted pair.
  returned: success
  type: dict
  sample:
    name: eth0
    state: present
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.netns.veth import VETH
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(VETH)


if __name__ == "__main__":
    main()
