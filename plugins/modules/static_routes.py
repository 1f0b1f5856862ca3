#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: static_routes
short_description: Add static routes to interfaces that other files set up
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Applies a set of static routes, such as those that a router needs to the routed networks of a KVM host. The role
    P(virtnet.kvm.return_routes#role) uses it.
  - The routes are added to the main table of the kernel at once, and are stored with the tool that sets up their interface. The files of the
    user are not edited. For systemd-networkd, also as the renderer of netplan, there is a drop-in beside the C(.network) file of the
    interface. For NetworkManager there is a script in C(/etc/NetworkManager/dispatcher.d), and for ifupdown one in C(/etc/network/if-up.d).
  - Other routes of the host are not changed. A second route to the same network is refused.
  - Adding routes doesn't interrupt an interface. If networkd has read the drop-in of a set that changes or is removed, it reads its files
    again, and sets up that interface again.
  - Needs C(ip) of iproute2, and no library.
  - If a step fails, the steps before it are undone.
extends_documentation_fragment:
  - virtnet.kvm.static_routes
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.static_routes_info
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Apply the routes to the guests of a KVM host
  virtnet.kvm.static_routes:
    name: kvm1
    routes:
      - to: 10.9.0.0/24
        via: 192.168.1.10
      - to: fd5c:9a1e:7b30:150::/64
        via: fd5c:9a1e:7b30:1::10

- name: Remove the routes
  virtnet.kvm.static_routes:
    name: kvm1
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - write /var/lib/virtnet.kvm/static_routes/kvm1
    - add route 10.9.0.0/24 via 192.168.1.10 dev eth0
    - write /etc/systemd/network/20-lan.network.d/50-virtnet-kvm-routes-kvm1.conf
before:
  description: The set before the run, in the structure of the options, with the interface of each route, and the files with their text.
  returned: success
  type: dict
  sample:
    name: kvm1
    state: absent
after:
  description: The set after the run, in the same structure. In check mode, the predicted set.
  returned: success
  type: dict
  sample:
    name: kvm1
    state: present
    routes:
      - to: 10.9.0.0/24
        via: 192.168.1.10
        interface: eth0
    files: {}
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.static_routes.kind import STATIC_ROUTES
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(STATIC_ROUTES)


if __name__ == "__main__":
    main()
