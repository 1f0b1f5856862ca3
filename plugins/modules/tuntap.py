#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tuntap
short_description: Declare a persistent TUN or TAP device
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Makes a TUN or TAP device what the options say, while it runs and for the next boot, or removes it. It is there whether or
    not a program has it open. The kernel is asked directly, by netlink and C(/dev/net/tun).
  - An option that is left out is left alone. An option that is given is made exactly so. A list is the whole list, and an
    empty list removes.
  - What the kernel can change is changed in place. Another mode, one queue instead of several, or no owner any more,
    makes another device. It is removed and made again, which RV(method) says and O(recreate=false) forbids.
  - A device that a program has made for itself, and that goes with it, is refused. So are a removal, and most changes, of one that
    a program has open.
  - What can't work is refused before anything is touched, such as a user that doesn't exist, or a TUN device on a bridge.
  - When a step fails, the steps before it are undone. A run that was killed is completed by the next one.
extends_documentation_fragment:
  - virtnet.kvm.tuntap
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.tuntap_info
  - module: virtnet.kvm.linux_bridge
  - module: virtnet.kvm.fabric
  - name: ip-tuntap(8)
    description: What each setting means to the kernel.
    link: https://manpages.debian.org/ip-tuntap.8
"""

EXAMPLES = r"""
- name: A TAP device on a bridge, for a program that runs without privileges
  virtnet.kvm.tuntap:
    name: tap0
    owner: emulator
    vnet_hdr: true
    bridge: br0

- name: A TUN device with an address, for a VPN
  virtnet.kvm.tuntap:
    name: tun0
    mode: tun
    group: vpn
    addresses:
      - 10.8.0.1/24

- name: Off the bridge, all else as it is
  virtnet.kvm.tuntap:
    name: tap0
    bridge: ""

- name: No such device
  virtnet.kvm.tuntap:
    name: tun0
    state: absent
"""

RETURN = r"""
actions:
  description: The steps that were done, or in check mode would be done, in words and in order.
  returned: success
  type: list
  elements: str
  sample:
    - create tap tap0
    - bring up tap0
    - attach tap0 to br0
method:
  description:
    - The way that was taken.
    - V(none) if nothing was to be done.
    - V(created) if the device is new.
    - V(changed) if it was changed in place, in what runs or in what is stored.
    - V(recreated) if it was removed and made again, as the kernel can't make that change in place.
    - V(removed) if it was removed.
  returned: success
  type: str
  sample: created
persist:
  description: The tool that the device is stored with, where O(persist=auto) has chosen. V(none) if it isn't stored.
  returned: success
  type: str
  sample: networkd
files:
  description: The files that were written or removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/systemd/network/05-virtnet-kvm-tap0.netdev
    - /etc/systemd/network/05-virtnet-kvm-tap0.network
interface:
  description:
    - The device as it was found after the run, as M(virtnet.kvm.tuntap_info) returns it.
    - V(none) if there is none, and in check mode if there would be a change, which RV(after) shows.
  returned: success
  type: dict
before:
  description:
    - The device before the run, in the structure of the options, without what the kernel has made up.
    - C(files) has the text of the files that make it at boot.
  returned: success
  type: dict
  sample:
    name: tap0
    state: absent
after:
  description: The device after the run, in the same form. In check mode, as it would be.
  returned: success
  type: dict
  sample:
    name: tap0
    state: present
    up: true
    mode: tap
    bridge: br0
diff:
  description: RV(before) and RV(after), for a person to read.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import TUNTAP
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(TUNTAP)


if __name__ == "__main__":
    main()
