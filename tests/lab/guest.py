# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Small guests, as libvirt domains on a lab host: they prove leases, names and who reaches whom."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from xml.sax.saxutils import quoteattr

from .guest_image import guest_files
from .machine import LabError, Machine
from .system import locked

# Where a host keeps what its guests are made of.
HOST_DIR = "/var/lib/virtnet-lab"
HOST_FILES = f"{HOST_DIR}/files"

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


def _nic(network: str, bridge: str | None, mac: str, portgroup: str | None) -> str:
    if bridge:
        source = f"<source bridge={quoteattr(bridge)}/>"
    else:
        group = f" portgroup={quoteattr(portgroup)}" if portgroup else ""
        source = f"<source network={quoteattr(network)}{group}/>"
    kind = "bridge" if bridge else "network"
    return (
        f"<interface type='{kind}'><mac address={quoteattr(mac)}/>{source}<model type='virtio'/>"
        "<rom enabled='no'/></interface>"
    )


def mac_of(machine: str, guest: str) -> str:
    """The same guest on the same host has the same MAC in every run."""
    digest = hashlib.sha256(f"{machine}/{guest}".encode()).hexdigest()
    return ":".join(("52:54:00", digest[0:2], digest[2:4], digest[4:6]))


class Guest:
    """A guest by its name; `start` makes one, the constructor takes one that is there."""

    def __init__(self, machine: Machine, name: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
            raise LabError(f"guest name {name!r}: expected a-z, 0-9 and '-', starting with a letter")
        self.machine = machine
        self.name = name

    @classmethod
    def start(
        cls,
        machine: Machine,
        name: str,
        network: str = "lan",
        mac: str | None = None,
        portgroup: str | None = None,
        wait_lease: bool = True,
        *,
        bridge: str | None = None,
        vlan: int | None = None,
        ip: str | None = None,
        memory: int = 96,
    ) -> Guest:
        """Define and boot a guest with one NIC on a network, or on a bridge that libvirt knows nothing about.

        `vlan` makes it tag its frames, `ip` (with a prefix length) gives it a fixed address instead of a lease.
        """
        guest = cls(machine, name)
        files = guest._install()
        options = f"{_KERNEL_OPTIONS} lab.name={name}"
        options += f" lab.vlan={vlan}" if vlan else ""
        options += f" lab.ip={ip}" if ip else ""
        xml = _DOMAIN.format(
            type=quoteattr(guest._domain_type()),
            name=name,
            memory=memory,
            files=files,
            options=options,
            nic=_nic(network, bridge, mac or mac_of(machine.name, name), portgroup),
            socket=guest._socket,
        )
        machine.run(f"virsh define /dev/stdin >/dev/null && virsh start {name} >/dev/null", input=xml)
        if wait_lease and not ip:
            guest.lease()
        return guest

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
        """Run a shell command in the guest: its status, and what it said on both outputs."""
        helper = f"python3 {HOST_DIR}/console.py {shlex.quote(self._socket)} {timeout}"
        done = self.machine.run(helper, check=False, input=cmd, timeout=2 * timeout + 30)
        if done.returncode != 0:
            raise LabError(f"guest {self.name} on {self.machine.name}: {(done.stderr or done.stdout).strip()}")
        answer = json.loads(done.stdout)
        return int(answer["rc"]), str(answer["output"])

    def lease(self, timeout: int = 120) -> str:
        """Its IPv4 address from DHCP; waits for it."""
        wait = "until [ -s /run/lease ]; do usleep 200000; done; cat /run/lease"
        code, output = self.run(wait, timeout)
        if code != 0:
            log = self.run("tail -n 3 /run/udhcpc.log")[1]
            raise LabError(f"guest {self.name} on {self.machine.name} got no lease within {timeout} s: {log.strip()}")
        return output.split()[0]

    def ifname(self) -> str:
        """Its tap device on the host."""
        listing = self.machine.run(f"virsh domiflist {self.name}").stdout
        rows = [line.split() for line in listing.splitlines()[2:] if line.strip()]
        if not rows or rows[0][0] == "-":
            raise LabError(f"guest {self.name} on {self.machine.name} has no interface")
        return rows[0][0]

    def is_running(self) -> bool:
        return self.machine.run(f"virsh domstate {self.name}", check=False).stdout.strip() == "running"

    def stop(self) -> None:
        """Switch it off and forget it; fine when it isn't there."""
        self.machine.run(
            f"virsh destroy {self.name} >/dev/null 2>&1; virsh undefine {self.name} >/dev/null 2>&1; "
            f"rm -f {self._socket} {self._socket}.lock; ! virsh domstate {self.name} >/dev/null 2>&1"
        )
