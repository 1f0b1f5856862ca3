# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a guest NIC that are about its speed: the virtio driver, its queues and offloads, and the devices behind it."""

from __future__ import annotations

_OFFLOADS = (
    ("csum", "Checksum offload"),
    ("tso4", "TCP segmentation offload for IPv4"),
    ("tso6", "TCP segmentation offload for IPv6"),
    ("ecn", "TCP segmentation offload with ECN"),
    ("ufo", "UDP fragmentation offload"),
)
_OF_HOST = (
    ("gso", "Generic segmentation offload"),
    ("mrg_rxbuf", "Mergeable receive buffers"),
)


def _switches(found: tuple[tuple[str, str], ...]) -> str:
    return "".join(
        f"        {name}:\n          description: {what}. libvirt's default is V(true).\n          type: bool\n"
        for name, what in found
    )


DRIVER = rf"""
driver:
  description:
    - Settings of the virtio driver (C(<driver>)), which need a O(model) that begins with C(virtio). All of them are changed by a replug.
    - The defaults are right for most guests. The page C(docs/guests.md) of the collection says which settings help and which harm.
  type: dict
  suboptions:
    name:
      description: Backend that moves the packets. V(vhost) is in the kernel, and is libvirt's default for a tap. V(qemu) is in QEMU.
      type: str
      choices: [qemu, vhost]
    queues:
      description:
        - Number of queue pairs, from V(1) to V(256). More than the virtual CPUs of the guest don't help. V(0) removes the setting, and so does V(1).
      type: int
    rx_queue_size:
      description: Size of the receive ring, V(256), V(512) or V(1024). V(0) removes the setting, and QEMU uses V(256).
      type: int
    tx_queue_size:
      description: Size of the transmit ring. QEMU has only V(256) for a tap. V(0) removes the setting.
      type: int
    txmode:
      description: How QEMU sends packets if it is the backend. The kernel's backend ignores it.
      type: str
      choices: [iothread, timer]
    ioeventfd:
      description: Whether the guest notifies the backend by an event file descriptor. QEMU's default is V(true).
      type: bool
    event_idx:
      description: Whether both sides suppress notifications that aren't needed. QEMU's default is V(true).
      type: bool
    packed:
      description: Whether the rings are packed virtqueues. QEMU's default is V(false).
      type: bool
    iommu:
      description: Whether the device uses an emulated IOMMU.
      type: bool
    ats:
      description: Whether the device supports address translation services, for an emulated IOMMU.
      type: bool
    page_per_vq:
      description: Whether each queue has a notification page of its own.
      type: bool
    rss:
      description: Receive side scaling in the device. Needs libvirt 8.3.0.
      type: bool
    rss_hash_report:
      description: Whether the device reports the hash of received packets to the guest. Needs libvirt 8.3.0 and O(driver.rss).
      type: bool
    host:
      description: Offloads that the guest may use for packets that it sends.
      type: dict
      suboptions:
{_switches(_OFFLOADS + _OF_HOST).rstrip()}
    guest:
      description: Offloads of packets that the guest receives.
      type: dict
      suboptions:
{_switches(_OFFLOADS).rstrip()}
coalesce:
  description: Coalescing of received packets at the tap.
  type: dict
  suboptions:
    rx_frames_max:
      description: Number of packets after which the tap passes them on. V(0) removes the setting.
      type: int
tune:
  description: Settings of the tap.
  type: dict
  suboptions:
    sndbuf:
      description: Send buffer of the tap in bytes, which limits what the guest may have on its way. V(0) removes the setting.
      type: int
backend:
  description: Devices of the host that QEMU opens. With libvirt before 11.0, stop the guest before changing them.
  type: dict
  suboptions:
    tap:
      description: Path of the TUN/TAP device. libvirt's default is V(/dev/net/tun).
      type: str
    vhost:
      description: Path of the vhost device. libvirt's default is V(/dev/vhost-net).
      type: str
rom:
  description: Boot ROM of the NIC.
  type: dict
  suboptions:
    enabled:
      description: Whether the NIC has a boot ROM, with which the guest can boot from the network.
      type: bool
    bar:
      description: Whether the ROM is visible in the memory of the guest.
      type: bool
    file:
      description: Path of the image of the ROM.
      type: str
acpi_index:
  description: Index of the NIC in ACPI, after which systemd in the guest names it, such as C(eno2) for V(2). V(0) removes the setting.
  type: int
"""
