#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tuntap_info
short_description: Read TUN and TAP devices
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Returns some or all of the TUN and TAP devices of a host, with their counters. Those of
    running guests are among them.
  - The definition is in the structure of the options of M(virtnet.kvm.tuntap), and changes nothing when it is given back to it.
extends_documentation_fragment:
  - virtnet.kvm.interface_info
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.reads
seealso:
  - module: virtnet.kvm.tuntap
  - module: virtnet.kvm.fabric
"""

EXAMPLES = r"""
- name: All TUN and TAP devices
  virtnet.kvm.tuntap_info:
  register: found

- name: Those that nobody uses
  ansible.builtin.debug:
    msg: "{{ found.taps | rejectattr('attached') | map(attribute='name') }}"

- name: One of them
  virtnet.kvm.tuntap_info:
    name: [tap0]
"""

RETURN = r"""
taps:
  description: The TUN and TAP devices, in the order of O(name), or by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The interface's name.
      type: str
      returned: always
      sample: tap0
    kind:
      description: What the kernel calls it. Always V(tun).
      type: str
      returned: always
      sample: tun
    index:
      description: The interface's number in the kernel. One that is made again gets another.
      type: int
      returned: always
      sample: 7
    definition:
      description:
        - The interface as it runs, in the structure of the options of M(virtnet.kvm.tuntap).
        - What is not there is left out.
      type: dict
      returned: always
      sample:
        name: tap0
        up: true
        mode: tap
        owner: emulator
        vnet_hdr: true
        bridge: br0
    state:
      description: Whether the interface is up, in a word. Either V(up) or V(down).
      type: str
      returned: always
      sample: up
    carrier:
      description: Whether it is up and connected to something.
      type: bool
      returned: always
      sample: true
    mac:
      description: The MAC address. V(none) if it is a TUN device, which has none.
      type: str
      returned: always
      sample: "52:54:00:9d:3c:11"
    mtu:
      description: The largest packet in bytes.
      type: int
      returned: always
      sample: 1500
    master:
      description: The bridge, or other interface, that it is a port of. V(none) if there is none.
      type: str
      returned: always
      sample: br0
    counters:
      description:
        - What has gone through it since it was made. The names are those of the kernel, and newer kernels have more.
      type: dict
      returned: always
      sample:
        rx_packets: 1204
        tx_packets: 977
        rx_bytes: 231874
        tx_bytes: 88123
        rx_errors: 0
        tx_errors: 0
        rx_dropped: 0
        tx_dropped: 0
    persistent:
      description: Whether the device stays when the program that has it open ends.
      type: bool
      returned: always
      sample: true
    attached:
      description: Whether a program, such as a guest, has the device open.
      type: bool
      returned: always
      sample: false
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import TUNTAP
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_info


def main() -> None:
    run_info(TUNTAP)


if __name__ == "__main__":
    main()
