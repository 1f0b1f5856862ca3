#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: net_checkpoint
short_description: Have a host restore its network by itself, unless a change is confirmed in time
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Keeps a snapshot of the host's interfaces, and starts a timer on the host that restores it. Whoever changes the network that
    carries the connection commits the checkpoint when the host can still be reached. If it can't, nobody commits, and the
    host goes back to what it was.
  - The timer is a transient unit of systemd's. It needs neither Ansible nor a session, and restores the host with a copy of this
    collection's own code. Whether that copy works is tried when the checkpoint is made.
  - The snapshot has all interfaces of the host's own namespace with their settings, MAC and MTU, addresses and routes, the ports
    of bridges with their settings and VLANs, and the files of all tools that keep interfaces over a reboot (below
    C(/etc/systemd/network), C(/etc/netplan), C(/etc/NetworkManager/system-connections) and C(/etc/network), and the files
    C(/etc/sysctl.d/90-virtnet-kvm-*) that this collection writes).
  - A restore removes bridges, VLAN interfaces and persistent TUN and TAP devices that were made since, and makes again those
    that are gone. Guests' taps and libvirt's own bridges are left as they are, except that a tap is put back on the bridge that
    it was on. A module of this collection that is still at work is ended first.
  - If the host loses its power or is rebooted while a checkpoint is open, the files are put back when it starts, before its
    network does.
extends_documentation_fragment:
  - virtnet.kvm.attributes
attributes:
  check_mode:
    details:
      - In check mode no checkpoint is made, so none can be committed or rolled back later in the same play. That isn't an error
        then.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - O(state=created) always makes one. O(state=committed) and O(state=rolled_back) change nothing the second time.
options:
  state:
    description:
      - V(created) takes the snapshot and starts the timer. Only one checkpoint is open at a time; while one is, this fails.
      - V(committed) keeps what was changed since, and fails if the host has been restored in the meantime.
      - V(rolled_back) restores the host now, and fails if the checkpoint was committed before.
    type: str
    required: true
    choices: [created, committed, rolled_back]
  name:
    description:
      - What the checkpoint is called. Who commits it or rolls it back has to know its name, so that two who change the same host don't
        take the other's for their own.
    type: str
    default: ansible
  timeout:
    description:
      - How many seconds after it was made the host restores itself, if nobody has committed or rolled back before; from 5 to 86400.
      - Leave time for the change itself, and for Ansible to connect again.
    type: int
    default: 60
requirements:
  - systemd
  - Python library pyroute2 on the host
notes:
  - Needs to run as root.
  - On the host, C(python3 /run/virtnet.kvm/checkpoint/checkpoint.py) says what is open, and commits or rolls back with the word
    C(commit) or C(rollback) behind it.
seealso:
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: Keep the network as it is now
  virtnet.kvm.net_checkpoint:
    state: created
    name: bridge
    timeout: 90

- name: Change what carries this very connection
  ansible.builtin.command: /usr/local/sbin/move-to-the-new-network

- name: Connect anew
  ansible.builtin.meta: reset_connection

- name: Keep the change, as the host can still be reached
  virtnet.kvm.net_checkpoint:
    state: committed
    name: bridge

- name: Try something, and go back at once if it fails
  block:
    - name: Keep the network as it is now
      virtnet.kvm.net_checkpoint:
        state: created
    - name: Change it
      ansible.builtin.command: /usr/local/sbin/change
    - name: Keep the change
      virtnet.kvm.net_checkpoint:
        state: committed
  rescue:
    - name: Go back
      virtnet.kvm.net_checkpoint:
        state: rolled_back
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, in words and in order. After a rollback, all that it took.
  returned: success
  type: list
  elements: str
  sample:
    - restore /etc/systemd/network/10-eth0.network
    - remove bridge br0
    - add address 192.0.2.10/24 to eth0
checkpoint:
  description: The checkpoint that was made or has ended.
  returned: success, unless there is none
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: bridge
    opened:
      description: When it was made, in the host's time.
      type: str
      returned: unless in check mode
      sample: "2026-11-21 09:00:00"
    timeout:
      description: The seconds until the host restores itself.
      type: int
      returned: O(state=created)
      sample: 60
    restores:
      description: When it does that, in the host's time.
      type: str
      returned: O(state=created), unless in check mode
      sample: "2026-11-21 09:01:00"
    commit_by_hand:
      description: The command that commits it on the host.
      type: str
      returned: O(state=created), unless in check mode
      sample: /usr/bin/python3 /run/virtnet.kvm/checkpoint/checkpoint.py commit
    roll_back_by_hand:
      description: The command that rolls it back on the host.
      type: str
      returned: O(state=created), unless in check mode
      sample: /usr/bin/python3 /run/virtnet.kvm/checkpoint/checkpoint.py rollback
    ended:
      description: When it was committed or rolled back, in the host's time.
      type: str
      returned: O(state=committed), O(state=rolled_back)
      sample: "2026-11-21 09:00:30"
    outcome:
      description: How it ended, V(committed) or V(rolled_back).
      type: str
      returned: O(state=committed), O(state=rolled_back)
      sample: committed
    by:
      description: What rolled it back, V(timer), V(hand) or V(boot).
      type: str
      returned: O(state=rolled_back)
      sample: hand
note:
  description: Why nothing was changed.
  returned: when nothing was changed
  type: str
  sample: the checkpoint bridge was committed at 2026-11-21 09:00:30
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint_runner import run_checkpoint


def main() -> None:
    run_checkpoint()


if __name__ == "__main__":
    main()
