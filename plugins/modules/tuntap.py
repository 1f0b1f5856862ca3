#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tuntap
short_description: Manage a persistent TUN or TAP device
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Creates, updates or removes a TUN or TAP device, in the running kernel (by netlink and C(/dev/net/tun)) and for the next boot.
  - The device is persistent. It exists whether or not a program has it open.
  - An option that is left out stays as it is on the host. An option that is given is applied exactly. A list is the complete list, and
    an empty list removes all items.
  - Changes are made in place where the kernel can do this. To change the mode or the number of queues, or to remove the owner or group,
    the device is removed and created again. RV(method) then is V(recreated), and O(recreate=false) refuses such a change.
  - A device that isn't persistent, which a program has created for itself, is refused. While a program has a device open, its removal and
    most changes are refused.
  - Values that can't work are refused before anything is changed, such as a user that doesn't exist, or a TUN device on a bridge.
  - If a step fails, the steps before it are undone. If a run is killed, the next run completes its work.
extends_documentation_fragment:
  - virtnet.kvm.tuntap
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.tuntap_info
  - module: virtnet.kvm.linux_bridge
  - module: virtnet.kvm.fabric
  - name: ip-tuntap(8)
    description: The kernel's settings of TUN and TAP devices.
    link: https://manpages.debian.org/ip-tuntap.8
"""

EXAMPLES = r"""
- name: Create a tap on a bridge, for a program that runs without privileges
  virtnet.kvm.tuntap:
    name: tap0
    owner: emulator
    vnet_hdr: true
    bridge: br0

- name: Create a TUN device with an address, for a VPN
  virtnet.kvm.tuntap:
    name: tun0
    mode: tun
    group: vpn
    addresses:
      - 10.8.0.1/24

- name: Remove a tap from its bridge
  virtnet.kvm.tuntap:
    name: tap0
    bridge: ""

- name: Remove a TUN device
  virtnet.kvm.tuntap:
    name: tun0
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - create tap tap0
    - bring up tap0
    - attach tap0 to br0
method:
  description:
    - How the change was made.
    - V(none) if nothing had to be changed.
    - V(created) if the device is new.
    - V(changed) if it was changed in place, in the kernel or in the stored files.
    - V(recreated) if it was removed and created again, because the kernel can't make the change in place.
    - V(removed) if it was removed.
  returned: success
  type: str
  sample: created
persist:
  description: Boot tool that stores the device, as chosen by O(persist). V(none) if it isn't stored.
  returned: success
  type: str
  sample: networkd
files:
  description: Files that were written or removed. In check mode, files that would be.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/systemd/network/05-virtnet-kvm-tap0.netdev
    - /etc/systemd/network/05-virtnet-kvm-tap0.network
interface:
  description:
    - The device after the run, as M(virtnet.kvm.tuntap_info) returns it.
    - V(none) if it doesn't exist. Also V(none) in check mode if there would be a change, see RV(after).
  returned: success
  type: dict
before:
  description:
    - The device before the run, in the structure of the options, without values that the kernel has chosen.
    - C(files) has the contents of its files of the boot tool.
  returned: success
  type: dict
  sample:
    name: tap0
    state: absent
after:
  description: The device after the run, in the same structure. In check mode, the predicted device.
  returned: success
  type: dict
  sample:
    name: tap0
    state: present
    up: true
    mode: tap
    bridge: br0
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import TUNTAP
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(TUNTAP)


if __name__ == "__main__":
    main()
