#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: net_checkpoint
short_description: Create, commit or roll back a checkpoint of a host's network
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - A checkpoint is a snapshot of the host's network, and a timer on the host that rolls the host back to it. Create one before
    you change the network that carries your connection. If the host can still be reached after the change, commit the checkpoint, and the
    change stays. If the host can't be reached, nothing commits, and the host rolls back by itself.
  - The timer is a transient unit of systemd. It needs neither Ansible nor a session. The rollback uses a copy of this collection's
    own code, and the module tests this copy when it creates the checkpoint.
  - The snapshot has all interfaces of the host's own namespace with their settings, MAC addresses, MTU, addresses and routes, the bridge
    ports with their settings and VLANs, and the files of all boot tools (below C(/etc/systemd/network), C(/etc/netplan),
    C(/etc/NetworkManager/system-connections) and C(/etc/network), and the files C(/etc/sysctl.d/90-virtnet-kvm-*) that this
    collection writes). It also has the sets of port forwards, outbound rules and policies, without rules of others.
  - A rollback removes bridges, VLAN and macvlan interfaces and persistent TUN and TAP devices that were created after the snapshot,
    and creates those again that were removed. It doesn't change the taps of guests and the bridges of libvirt, except that a tap returns
    to the bridge that it was on. If a module of this collection is still running, it is stopped first.
  - If the host loses power or reboots while a checkpoint is open, the files are restored at boot, before the network starts.
extends_documentation_fragment:
  - virtnet.kvm.attributes
attributes:
  check_mode:
    details:
      - In check mode no checkpoint is created. Committing it or rolling it back later in the same play in check mode is not an error.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - O(state=created) always creates a checkpoint. O(state=committed) and O(state=rolled_back) change nothing the second time.
options:
  state:
    description:
      - Desired state of the checkpoint.
      - V(created) takes the snapshot and starts the timer. It fails if another checkpoint is open.
      - V(committed) stops the timer and keeps the changes. It fails if the host has already rolled back.
      - V(rolled_back) rolls the host back now. It fails if the checkpoint was committed before.
    type: str
    required: true
    choices: [created, committed, rolled_back]
  name:
    description:
      - Name of the checkpoint. Use the same name to commit it or to roll it back. With different names, two playbooks that change the same
        host can't end each other's checkpoint.
    type: str
    default: ansible
  timeout:
    description:
      - Time until the host rolls back by itself, in seconds after the checkpoint was created, from V(5) to V(86400).
      - Leave enough time for the change itself, and for Ansible to connect again.
    type: int
    default: 60
requirements:
  - systemd
  - Python library pyroute2 on the host
notes:
  - Needs to run as root.
  - On the host, C(python3 /run/virtnet.kvm/checkpoint/checkpoint.py) shows the open checkpoint. With the argument C(commit) or C(rollback)
    it commits it or rolls it back.
seealso:
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Create a checkpoint
  virtnet.kvm.net_checkpoint:
    state: created
    name: bridge
    timeout: 90

- name: Change the network that carries this connection
  ansible.builtin.command: /usr/local/sbin/move-to-the-new-network

- name: Reset the connection, so that the next task makes a new one
  ansible.builtin.meta: reset_connection

- name: Commit the checkpoint, because the host can still be reached
  virtnet.kvm.net_checkpoint:
    state: committed
    name: bridge

- name: Change the network, and roll back at once if this fails
  block:
    - name: Create a checkpoint
      virtnet.kvm.net_checkpoint:
        state: created
    - name: Change the network
      ansible.builtin.command: /usr/local/sbin/change
    - name: Commit the checkpoint
      virtnet.kvm.net_checkpoint:
        state: committed
  rescue:
    - name: Roll back to the checkpoint
      virtnet.kvm.net_checkpoint:
        state: rolled_back
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied. After a rollback, the steps of the rollback.
  returned: success
  type: list
  elements: str
  sample:
    - restore /etc/systemd/network/10-eth0.network
    - remove bridge br0
    - add address 192.0.2.10/24 to eth0
checkpoint:
  description: The checkpoint that was created, committed or rolled back.
  returned: success, if there is a checkpoint
  type: dict
  contains:
    name:
      description: Name of the checkpoint.
      type: str
      returned: always
      sample: bridge
    opened:
      description: Time when it was created, in the host's time zone.
      type: str
      returned: unless in check mode
      sample: "2026-11-21 09:00:00"
    timeout:
      description: Time until the host rolls back by itself, in seconds.
      type: int
      returned: O(state=created)
      sample: 60
    restores:
      description: Time when the host rolls back by itself, in the host's time zone.
      type: str
      returned: O(state=created), unless in check mode
      sample: "2026-11-21 09:01:00"
    commit_by_hand:
      description: Command that commits it on the host.
      type: str
      returned: O(state=created), unless in check mode
      sample: /usr/bin/python3 /run/virtnet.kvm/checkpoint/checkpoint.py commit
    roll_back_by_hand:
      description: Command that rolls it back on the host.
      type: str
      returned: O(state=created), unless in check mode
      sample: /usr/bin/python3 /run/virtnet.kvm/checkpoint/checkpoint.py rollback
    ended:
      description: Time when it was committed or rolled back, in the host's time zone.
      type: str
      returned: O(state=committed), O(state=rolled_back)
      sample: "2026-11-21 09:00:30"
    outcome:
      description: Outcome, V(committed) or V(rolled_back).
      type: str
      returned: O(state=committed), O(state=rolled_back)
      sample: committed
    by:
      description: Cause of the rollback. V(timer) is the timeout, V(hand) a task or a command, V(boot) a boot of the host.
      type: str
      returned: O(state=rolled_back)
      sample: hand
note:
  description: Reason why nothing was changed.
  returned: when nothing was changed
  type: str
  sample: the checkpoint bridge was committed at 2026-11-21 09:00:30
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint_runner import run_checkpoint


def main() -> None:
    run_checkpoint()


if __name__ == "__main__":
    main()
