#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_nic
short_description: Manage a network interface of a libvirt guest
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Adds, changes or removes one network interface of a guest, in the running guest and in its stored definition.
  - An option that is left out stays as it is on the host. An option that is given is applied exactly. A list is the complete list, and
    an empty list or dict removes the setting.
  - Changes are made in the gentlest way that libvirt has. Most are updates of the running NIC. What libvirt can't update is made by detaching and
    attaching the NIC again (a replug), see O(replug). What is read only at a start waits for it, see RV(pending).
  - Each change of the running guest is read back, because libvirt accepts some changes and ignores them.
  - Values that can't work are refused before anything is changed. libvirt stores most of them, and the guest then doesn't start.
  - If a step fails, the steps before it are undone, and a NIC that was detached is attached as it was. If a run is killed, the next
    run completes its work.
extends_documentation_fragment:
  - virtnet.kvm.guest_nic
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.guest_nic_info
  - module: virtnet.kvm.virt_net
  - module: virtnet.kvm.fabric
  - name: libvirt's interface format
    description: The reference of all elements of an interface.
    link: https://libvirt.org/formatdomain.html#network-interfaces
"""

EXAMPLES = r"""
- name: Move the only NIC of a guest to another network
  virtnet.kvm.guest_nic:
    name: web1
    source:
      network: cluster

- name: Add a second NIC, which later tasks find by its alias
  virtnet.kvm.guest_nic:
    name: web1
    alias: ua-storage
    source:
      bridge: br11
    mtu: 9000

- name: Limit the rate of a NIC, and let it use only its own address
  virtnet.kvm.guest_nic:
    name: web1
    mac: "52:54:00:12:34:56"
    filterref:
      filter: clean-traffic
      parameters:
        - name: IP
          value: 192.168.150.10
    bandwidth:
      inbound:
        average: 12500
      outbound:
        average: 12500

- name: Set four queues for a NIC, from the next start of the guest
  virtnet.kvm.guest_nic:
    name: web1
    index: 0
    driver:
      queues: 4
    replug: false

- name: Set the link of a NIC down, as if it had no cable
  virtnet.kvm.guest_nic:
    name: web1
    alias: ua-storage
    link: down

- name: Remove a NIC
  virtnet.kvm.guest_nic:
    name: web1
    alias: ua-storage
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - move to network cluster, with the link down meanwhile, of NIC 52:54:00:12:34:56 of running guest web1
    - update NIC 52:54:00:12:34:56 in the definition of guest web1
method:
  description:
    - How the change was made.
    - V(none) if nothing had to be changed.
    - V(created) if the NIC is new in the running guest, or in the definition of a guest that doesn't run.
    - V(updated) if the running NIC was updated.
    - V(replugged) if the running NIC was detached and attached again.
    - V(stored) if only the stored definition was changed.
    - V(removed) if the NIC was removed.
  returned: success
  type: str
  sample: updated
pending:
  description: Options that wait for the next start of the guest. A reboot from within the guest isn't a start.
  returned: success
  type: list
  elements: str
  sample: []
nic:
  description:
    - The NIC after the run, as M(virtnet.kvm.guest_nic_info) returns it.
    - V(none) if it doesn't exist. In check mode it is the NIC before the run.
  returned: success
  type: dict
before:
  description:
    - The stored NIC before the run, in the structure of the options, without values that the host has chosen.
    - If the running guest has other values, C(running) has them. It is V(none) if the running guest doesn't have the NIC.
  returned: success
  type: dict
  sample:
    name: web1
    state: absent
after:
  description: The NIC after the run, in the same structure. In check mode, the predicted NIC.
  returned: success
  type: dict
  sample:
    name: web1
    state: present
    mac: "52:54:00:12:34:56"
    source:
      network: cluster
    model: virtio
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.guest_nic.kind import GUEST_NIC
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(GUEST_NIC)


if __name__ == "__main__":
    main()
