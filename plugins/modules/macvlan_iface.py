#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: macvlan_iface
short_description: Manage a macvlan interface
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Creates, updates or removes a macvlan interface, which has a MAC address of its own on a parent interface, in the running kernel (by
    netlink) and for the next boot.
  - An option that is left out stays as it is on the host. An option that is given is applied exactly. A list is the complete list, and
    an empty list removes all items.
  - Changes are made in place where the kernel can do this. To change the parent, or the mode to or from V(passthru), the interface is
    removed and created again. RV(method) then is V(recreated), and O(recreate=false) refuses such a change.
  - Values that can't work are refused before anything is changed, such as a parent that doesn't exist or is a port of a bridge, a MAC
    address that another interface on the parent has, or a second interface beside one in mode V(passthru).
  - netplan has no macvlan interfaces. On a host where it is in use, a systemd unit of the collection creates the interface at boot, and
    O(persist=netplan) is refused.
  - If a step fails, the steps before it are undone. If a run is killed, the next run completes its work.
extends_documentation_fragment:
  - virtnet.kvm.macvlan_iface
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.macvlan_iface_info
  - module: virtnet.kvm.vlan_iface
  - module: virtnet.kvm.fabric
  - module: virtnet.kvm.net_checkpoint
  - name: ip-link(8)
    description: The kernel's settings of macvlan interfaces, under C(macvlan).
    link: https://manpages.debian.org/ip-link.8
"""

EXAMPLES = r"""
- name: Create an interface with an address of its own in the LAN
  virtnet.kvm.macvlan_iface:
    name: mac0
    parent: ens32
    addresses:
      - 192.168.20.7/24

- name: Create an interface that gets its address from a DHCP server, by a MAC address that the server knows
  virtnet.kvm.macvlan_iface:
    name: mac1
    parent: ens32
    mac: "52:54:00:00:20:01"
    dhcp4: true

- name: Set a mode that passes no frames between the interfaces of the parent
  virtnet.kvm.macvlan_iface:
    name: mac0
    mode: private

- name: Remove a macvlan interface
  virtnet.kvm.macvlan_iface:
    name: mac0
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - create macvlan interface mac0 (mode bridge on ens32)
    - bring up mac0
method:
  description:
    - How the change was made.
    - V(none) if nothing had to be changed.
    - V(created) if the interface is new.
    - V(changed) if it was changed in place, in the kernel or in the stored files.
    - V(recreated) if it was removed and created again, because the kernel can't make the change in place.
    - V(removed) if it was removed.
  returned: success
  type: str
  sample: created
persist:
  description:
    - Boot tool that stores the interface, as chosen by O(persist). V(systemd) if a unit of the collection does.
    - V(none) if it isn't stored.
  returned: success
  type: str
  sample: networkd
files:
  description: Files that were written or removed. In check mode, files that would be.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/systemd/network/05-virtnet-kvm-mac0.netdev
    - /etc/systemd/network/05-virtnet-kvm-mac0.network
interface:
  description:
    - The interface after the run, as M(virtnet.kvm.macvlan_iface_info) returns it.
    - V(none) if it doesn't exist. Also V(none) in check mode if there would be a change, see RV(after).
  returned: success
  type: dict
before:
  description:
    - The interface before the run, in the structure of the options, without values that the kernel has chosen.
    - C(files) has the contents of its files of the boot tool.
  returned: success
  type: dict
  sample:
    name: mac0
    state: absent
after:
  description: The interface after the run, in the same structure. In check mode, the predicted interface.
  returned: success
  type: dict
  sample:
    name: mac0
    state: present
    up: true
    parent: ens32
    mode: bridge
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import MACVLAN
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(MACVLAN)


if __name__ == "__main__":
    main()
