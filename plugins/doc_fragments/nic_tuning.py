# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the settings of a network device, for nic_tuning and for the items of the option ``nic_tuning`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_OPTIONS = r"""
device:
  description:
    - Name of the network device.
  type: str
  required: true
  aliases: [name]
state:
  description:
    - V(present) applies the settings.
    - V(absent) gives back the values that the settings had before their first change by this module, and forgets them.
  type: str
  choices: [present, absent]
  default: present
channels:
  description:
    - Numbers of channels (C(ethtool -L)), which are interrupts with the queues that they serve.
    - A number that is left out stays as it is. An empty dictionary gives back the former numbers.
  type: dict
  suboptions:
    rx:
      description: Number of channels with only receive queues. At most what the device has.
      type: int
    tx:
      description: Number of channels with only transmit queues. At most what the device has.
      type: int
    other:
      description: Number of channels for other things, such as link changes. At most what the device has.
      type: int
    combined:
      description: Number of channels with receive and transmit queues. At most what the device has.
      type: int
rings:
  description:
    - Sizes of the ring buffers (C(ethtool -G)), in packets.
    - A size that is left out stays as it is. An empty dictionary gives back the former sizes.
    - A driver may round a size, for example to a power of two. That is an error, which names the size that the driver has chosen.
  type: dict
  suboptions:
    rx:
      description: Size of the receive ring. At most what the device has.
      type: int
    rx_mini:
      description: Size of the receive ring for small frames. At most what the device has.
      type: int
    rx_jumbo:
      description: Size of the receive ring for jumbo frames. At most what the device has.
      type: int
    tx:
      description: Size of the transmit ring. At most what the device has.
      type: int
offloads:
  description:
    - Features of the device (C(ethtool -K)), and for each whether it is on. Other features stay as they are.
      An empty dictionary gives back the former values.
    - The names are those of the kernel, as C(ethtool -k) shows them, such as C(tx-udp-segmentation). The short names C(gso), C(gro), C(lro),
      C(rx), C(rxvlan), C(txvlan), C(rxhash) and C(ntuple) are accepted, too. C(tso), C(tx) and C(sg) stand for several features, of
      which those are set that the driver can change.
    - A feature that the driver has fixed to another value is refused.
  type: dict
irq_affinity:
  description:
    - Complete list of the queues whose interrupts are handled by certain CPUs. An empty list gives back the former CPUs of all queues. If left
      out, they stay as they are.
    - The interrupts are found by the device and the queue, because their numbers are others after a reboot. If a queue has several
      interrupts, for example one for each direction, all of them are set.
    - Many drivers request interrupts only when the device is up. Until then the CPUs are RV(virtnet.kvm.nic_tuning#module:pending), and
      are set by the service of O(persist) when it is up.
    - It is refused beside irqbalance, which would change the CPUs again.
  type: list
  elements: dict
  suboptions:
    queue:
      description: Number of the queue, from 0.
      type: int
      required: true
    cpus:
      description: CPUs, such as V(0-3,8). They must be online.
      type: str
      required: true
persist:
  description:
    - Whether the settings are applied again each time that the device is created, also when the host boots. The tap of a guest is created
      at each start of the guest.
    - For that the settings are stored in C(/var/lib/virtnet.kvm/ethtool), with a copy of the code of this collection. A rule of udev starts
      C(virtnet-kvm-device@.service) for the device, which applies them.
    - With V(true), the device may be missing. Then the settings are checked when it is created.
    - With V(false), the settings are lost when the device is removed or the host is rebooted.
    - If left out, it stays as it is. For new settings it is V(false).
    - It is refused for names that libvirt counts up, such as C(vnet0), because the next device of that name can be that of another guest.
      Give the guest NIC a fixed name, such as C(<target dev='web0'/>).
  type: bool
"""


class ModuleDocFragment:
    DOCUMENTATION: str = options(_OPTIONS)

    FABRIC: str = options(
        r"""
nic_tuning:
  description:
    - Settings of network devices. Each item has the options of M(virtnet.kvm.nic_tuning), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(_OPTIONS, "nic_tuning[]", depth=2)
    )
