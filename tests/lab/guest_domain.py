# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Guests as libvirt domains: a kernel and a busybox in memory, asked by their serial port."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from xml.sax.saxutils import quoteattr

from .guest import HOST_DIR, STATIONS, Guest, Nic, with_mac
from .guest_image import guest_files
from .machine import LabError, Machine
from .system import locked

HOST_FILES = f"{HOST_DIR}/files"
_MEMORY = 96

_KERNEL_OPTIONS = (
    "console=ttyS0 quiet panic=-1 mitigations=off audit=0 nokaslr no_timer_check tsc=reliable random.trust_cpu=on"
)

_DOMAIN = """\
<domain type={type}>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64'>hvm</type>
    <kernel>{files}/vmlinux</kernel>
    <initrd>{files}/initramfs</initrd>
    <cmdline>{options}</cmdline>
  </os>
  <features><acpi/></features>
  <on_crash>destroy</on_crash>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    {nic}
    <serial type='unix'><source mode='bind' path='{socket}'/></serial>
  </devices>
  <seclabel type='none'/>
</domain>
"""


def _nic(nic: Nic) -> str:
    if nic.bridge:
        source = f"<source bridge={quoteattr(nic.bridge)}/>"
    else:
        group = f" portgroup={quoteattr(nic.portgroup)}" if nic.portgroup else ""
        source = f"<source network={quoteattr(nic.network)}{group}/>"
    kind = "bridge" if nic.bridge else "network"
    return (
        f"<interface type='{kind}'><mac address={quoteattr(nic.mac or '')}/>{source}<model type='virtio'/>"
        "<rom enabled='no'/></interface>"
    )


class Domain(Guest):
    @classmethod
    def boot(cls, machine: Machine, names: Sequence[str], nic: Nic) -> None:
        guests = [cls(machine, name) for name in names]
        files = guests[0]._install()
        with ThreadPoolExecutor(len(guests)) as pool:
            list(pool.map(lambda guest: guest._boot(files, with_mac(nic, machine, guest.name)), guests))

    def _boot(self, files: str, nic: Nic) -> None:
        options = f"{_KERNEL_OPTIONS} lab.name={self.name}"
        options += f" lab.vlan={nic.vlan}" if nic.vlan else ""
        options += f" lab.ip={nic.ip}" if nic.ip else ""
        xml = _DOMAIN.format(
            type=quoteattr(self._domain_type()),
            name=self.name,
            memory=_MEMORY,
            files=files,
            options=options,
            nic=_nic(nic),
            socket=self._socket,
        )
        done = self.machine.run(
            f"if test -e {STATIONS}/{self.name}; then echo it is there already, as a station >&2; exit 1; fi; "
            f"virsh define /dev/stdin >/dev/null && virsh start {self.name} >/dev/null",
            check=False,
            input=xml,
        )
        if done.returncode != 0:
            raise LabError(f"{self}: {done.stderr.strip()}")

    def _domain_type(self) -> str:
        """`kvm` where the host can; in a container, /dev/kvm would be the machine's, if it were there at all."""
        probe = "test -e /dev/kvm && virsh domcapabilities --virttype kvm >/dev/null 2>&1"
        return "kvm" if self.machine.run(probe, check=False).returncode == 0 else "qemu"

    def _install(self) -> str:
        """Put the guest's files on the host, unless they are there."""
        files = guest_files()
        target = f"{HOST_FILES}/{files.name}"
        # Guests are started side by side; on an emulated host the copy takes long enough for them to meet.
        with locked(self.machine.dir / ".guest-files.lock"):
            if self.machine.run(f"test -e {target}", check=False).returncode != 0:
                self.machine.run(f"mkdir -p {HOST_FILES}")
                self.machine.put(files, f"{target}.new")
                self.machine.run(f"mv -T {target}.new {target}")
        self.machine.run(f"chmod 1777 {HOST_DIR} && ln -sfn {target}/console.py {HOST_DIR}/console.py")
        return target

    @property
    def _socket(self) -> str:
        return f"{HOST_DIR}/{self.name}.sock"

    def run(self, cmd: str, timeout: int = 60) -> tuple[int, str]:
        helper = f"python3 {HOST_DIR}/console.py {shlex.quote(self._socket)} {timeout}"
        done = self.machine.run(helper, check=False, input=cmd, timeout=2 * timeout + 60)
        if done.returncode != 0:
            raise LabError(f"{self}: {(done.stderr or done.stdout).strip()}")
        answer = json.loads(done.stdout)
        return int(answer["rc"]), str(answer["output"])

    def ifname(self) -> str:
        listing = self.machine.run(f"virsh domiflist {self.name}").stdout
        rows = [line.split() for line in listing.splitlines()[2:] if line.strip()]
        if not rows or rows[0][0] == "-":
            raise LabError(f"{self} has no interface")
        return rows[0][0]

    def is_running(self) -> bool:
        return self.machine.run(f"virsh domstate {self.name}", check=False).stdout.strip() == "running"

    def stop(self) -> None:
        self.machine.run(
            f"virsh destroy {self.name} >/dev/null 2>&1; virsh undefine {self.name} >/dev/null 2>&1; "
            f"rm -f {self._socket} {self._socket}.lock; ! virsh domstate {self.name} >/dev/null 2>&1"
        )

    def _move(self, nic: Nic) -> None:
        (mac,) = re.findall(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", self.machine.run(f"virsh domiflist {self.name}").stdout)
        xml = _nic(replace(nic, mac=mac))
        self.machine.run(f"virsh update-device {self.name} /dev/stdin --live >/dev/null", input=xml)

    def _serve(self, port: int, protocol: str, text: str) -> str:
        if protocol != "tcp":
            raise LabError(f"{self}: a domain has no server for {protocol}; a station has")
        return f"nc -ll -p {port} -e echo {text}"
