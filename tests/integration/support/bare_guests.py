# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Guests without an operating system: they run in their firmware, which is enough for all that libvirt does by itself."""

from __future__ import annotations

from lxml import etree

from .host import Host

_DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <vcpu>{vcpus}</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type>{boot}</os>
  {features}
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    {nics}
  </devices>
  <seclabel type='none'/>
</domain>
"""


def nic(mac: str, network: str = "lan", inner: str = "") -> str:
    """Returns an <interface> on a network; without a boot ROM, which would try to boot from there."""
    return (
        f"<interface type='network'><mac address='{mac}'/><source network='{network}'/><model type='virtio'/>"
        f"{inner}<rom enabled='no'/></interface>"
    )


def define(
    host: Host,
    name: str,
    *nics: str,
    start: bool = True,
    machine: str = "pc",
    boot: str = "",
    acpi: bool = True,
    vcpus: int = 1,
) -> None:
    """Define a guest, and start it. With ``boot`` its <os> names a device."""
    features = "<features><acpi/></features>" if acpi else ""
    text = _DOMAIN.format(name=name, machine=machine, boot=boot, features=features, nics="".join(nics), vcpus=vcpus)
    host.shell("virsh define /dev/stdin", input=text)
    if not boot:  # libvirt adds one by itself where no device has an order
        host.shell(f"virsh dumpxml --inactive {name} | sed '/<boot dev=/d' | virsh define /dev/stdin")
    if start:
        host.shell(f"virsh start {name}")


def remove(host: Host, *names: str) -> None:
    """Remove guests, whether they run or not."""
    for name in names:
        host.shell(f"virsh destroy {name} 2>/dev/null; virsh undefine {name} 2>/dev/null; true")


def interfaces(host: Host, name: str, *, live: bool = False) -> list[etree._Element]:
    """Returns the <interface> elements of a guest."""
    text = host.shell(f"virsh dumpxml {'' if live else '--inactive'} {name}")
    return list(etree.fromstring(text).findall("devices/interface"))


def parts(host: Host, name: str, path: str, *, live: bool = False) -> list[str]:
    """Returns an attribute of the interfaces of a guest, such as ``source/@network``; empty where one hasn't it."""
    return [str(each.xpath(f"string({path})")) for each in interfaces(host, name, live=live)]
