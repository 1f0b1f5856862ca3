#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: net_namespace
short_description: Manage a network namespace
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Creates, updates or removes a named network namespace, as C(ip netns add) creates it. C(ip netns exec) runs commands in it.
  - The modules for interfaces put interfaces into it with their option O(ignore:netns), and M(virtnet.kvm.veth_pair) joins it with the host
    or with another namespace.
  - An option that is left out stays as it is on the host. An option that is given is applied exactly.
  - If a step fails, the steps before it are undone. If a run is killed, the next run completes its work.
extends_documentation_fragment:
  - virtnet.kvm.net_namespace
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.net_namespace_info
  - module: virtnet.kvm.veth_pair
  - module: virtnet.kvm.fabric
  - name: ip-netns(8)
    description: Network namespaces in iproute2.
    link: https://manpages.debian.org/ip-netns.8
"""

EXAMPLES = r"""
- name: Create a network namespace
  virtnet.kvm.net_namespace:
    name: red

- name: Create a network namespace that routes
  virtnet.kvm.net_namespace:
    name: router
    ipv4_forwarding: true
    ipv6_forwarding: true

- name: Remove a network namespace
  virtnet.kvm.net_namespace:
    name: red
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - create namespace red
    - bring up the loopback interface of namespace red
method:
  description:
    - How the change was made.
    - V(none) if nothing had to be changed.
    - V(created) if the namespace is new.
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
    - /etc/virtnet.kvm/links.d/10-namespace-red
namespace:
  description:
    - The namespace after the run, as M(virtnet.kvm.net_namespace_info) returns it.
    - V(none) if it doesn't exist. Also V(none) in check mode if it would be created.
  returned: success
  type: dict
before:
  description:
    - The namespace before the run, in the structure of the options, without values that the kernel has chosen.
    - C(files) has the contents of its file below C(/etc/virtnet.kvm/links.d).
  returned: success
  type: dict
  sample:
    name: red
    state: absent
after:
  description: The namespace after the run, in the same structure. In check mode, the predicted namespace.
  returned: success
  type: dict
  sample:
    name: red
    state: present
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.netns.namespace import NAMESPACE
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(NAMESPACE)


if __name__ == "__main__":
    main()
