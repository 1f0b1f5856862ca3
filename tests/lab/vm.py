# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A lab host in a virtual machine: a kernel of its own, and with it all that a container host's kernel may lack.

It is reached by a port on the loopback address, which QEMU forwards to its SSH; nothing else gets in or out. Where the
CPU must be emulated, it is not booted but continued from a snapshot of a booted one (vm_snapshot.py).
"""

from __future__ import annotations

import secrets
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

from . import cgroup, images, vm_accel, vm_image, vm_qemu, vm_snapshot
from .machine import LabError, Machine
from .system import identity, is_alive, wait_until

BOOT_SECONDS = 240
REBOOT_SECONDS = 300
_LIBVIRT_ANSWERS = "virsh version --daemon"

# Run on a machine that has just come up, be it booted or continued: who it is, and what time it is.
_PERSONALIZE = r"""
set -eu
date --set "@{now}" >/dev/null
echo {name} > /etc/hostname
hostname {name}
printf '127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n' > /etc/hosts
# Two hosts with the same id would make bridges with the same MAC. udev reads it anew for each.
echo {machine_id} > /etc/machine-id
"""

_SET_BACKEND = r"""
echo 'firewall_backend = "{backend}"' > /etc/libvirt/network.conf
systemctl restart libvirtd.service
"""


class VmMachine(Machine):
    kind = "vm"

    # -- start and stop ------------------------------------------------------------------------------------------

    def up(self, wait: bool = True) -> None:
        if self.is_running():
            raise LabError(f"{self.name} is running already")
        if self.opts["firewall_backend"] == "nftables" and self.distro == "bookworm":
            raise LabError("firewall_backend 'nftables': the libvirt of bookworm has only iptables")
        self.down()
        image = vm_image.image(self.distro)
        accelerator = vm_accel.choose(image.kernel, image.initramfs)
        # With KVM a boot is as quick as a restore.
        if accelerator is not vm_accel.TCG or not self._continue(image, accelerator):
            self.boot(image, accelerator)
        if wait:
            self._wait()

    def boot(self, image: vm_image.Image, accelerator: vm_accel.Accelerator, ram: Path | None = None) -> None:
        """Start from the image's disk; `ram` is a file to have the memory in."""
        self.state = {"image": str(image.path), "port": vm_qemu.free_port()}
        self.save()
        vm_qemu.make_overlay(image.disk, "raw", self.dir / vm_qemu.DISK)
        self._start(vm_qemu.command(image, accelerator, self.state["port"], ram=ram, share=True))

    def _continue(self, image: vm_image.Image, accelerator: vm_accel.Accelerator) -> bool:
        """Start from the snapshot. It is only a short cut: what goes wrong with it is said, and a boot will do."""
        try:
            snapshot = vm_snapshot.ready(image, accelerator)
            self.state = {"image": str(image.path), "snapshot": str(snapshot.path), "port": vm_qemu.free_port()}
            self.save()
            vm_qemu.make_overlay(snapshot.disk, "qcow2", self.dir / vm_qemu.DISK)
            self._start(vm_qemu.command(image, accelerator, self.state["port"], ram=snapshot.ram, incoming=True))
            with vm_qemu.Qmp(self.dir) as qmp:
                qmp.load_devices(snapshot.devices)
            self._wait_for("true", 60, "to go on from its snapshot")
        except LabError as error:
            images.say(f"{error}; booting {self.name} instead")
            self.down()
            return False
        return True

    def _start(self, command: list[str]) -> None:
        with (self.dir / "qemu.log").open("ab") as log:
            process = subprocess.Popen(
                cgroup.enter(self.name, command),
                cwd=self.dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.state["qemu"] = identity(process.pid)
        self.save()
        wait_until(lambda: process.poll() is not None or self._controlled(), 30, f"QEMU of {self.name}", 0.05)
        if process.poll() is not None:
            raise LabError(f"{self.name} did not start: {(self.dir / 'qemu.log').read_text().strip()}")

    def _controlled(self) -> bool:
        try:
            vm_qemu.Qmp(self.dir).__exit__(None, None, None)
        except OSError:
            return False
        return True

    def wait_for_boot(self) -> None:
        self._wait_for("true", BOOT_SECONDS, "to answer on SSH")
        self._wait_for(_LIBVIRT_ANSWERS, BOOT_SECONDS, "to start libvirtd")

    def _wait(self) -> None:
        """SSH and libvirtd answer, and the machine is itself."""
        self._wait_for("true", BOOT_SECONDS, "to answer on SSH")
        backend = self.opts["firewall_backend"]
        personal = _PERSONALIZE.format(name=self.name, now=f"{time.time():.2f}", machine_id=secrets.token_hex(16))
        self.run(personal + (_SET_BACKEND.format(backend=backend) if backend else ""))
        self._wait_for(_LIBVIRT_ANSWERS, BOOT_SECONDS, "to start libvirtd")

    def _wait_for(self, cmd: str, seconds: float, what: str) -> None:
        def answers() -> bool:
            if not self.is_running():
                raise LabError(f"{self.name}: its QEMU ended: {(self.dir / 'qemu.log').read_text().strip()}")
            return self._ssh(cmd, timeout=60).returncode == 0

        wait_until(answers, seconds, f"{self.name} {what}; its console is {self.dir / vm_qemu.CONSOLE}", 0.3)

    def down(self) -> None:
        self.drop_connections()
        cgroup.kill(self.name)
        self.forget()

    def reboot(self) -> None:
        read_id = "cat /proc/sys/kernel/random/boot_id"
        before = self.run(read_id).stdout.strip()
        self.run("systemctl reboot", check=False)
        self.drop_connections()
        self._wait_for(f"test $({read_id}) != {before}", REBOOT_SECONDS, "to come back")
        self._wait_for(_LIBVIRT_ANSWERS, REBOOT_SECONDS, "to start libvirtd")

    def is_running(self) -> bool:
        return is_alive(self.state.get("qemu"))

    # -- ways in -------------------------------------------------------------------------------------------------

    def _ssh(self, cmd: str, input: str | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        if not self.is_running():
            raise LabError(f"{self.name} is not running; `script/lab up {self.name} --kind vm` starts it anew")
        try:
            return subprocess.run(
                [*self.ssh_args(), cmd], check=False, input=input or "", capture_output=True, text=True, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name}: `{cmd}` did not end within {timeout:.0f} s") from None

    def run(
        self, cmd: str, check: bool = True, input: str | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        return self.checked(self._ssh(cmd, input, timeout), cmd, check)

    def put(self, local: str | Path, remote: str) -> None:
        source, target = Path(local), Path(remote)
        # tar keeps modes and takes a directory as well as a file.
        pack = subprocess.Popen(
            ["tar", "-C", source.parent, "-c", "--owner=0", "--group=0", source.name], stdout=subprocess.PIPE
        )
        script = 'd=$(mktemp -d) && tar -x -C "$d" && mkdir -p "$1" && cp -rT "$d/$3" "$1/$2" && rm -r "$d"'
        unpack = shlex.join(["/bin/sh", "-c", script, "put", str(target.parent), target.name, source.name])
        done = subprocess.run(
            [*self.ssh_args(), unpack], check=False, stdin=pack.stdout, capture_output=True, text=True
        )
        if pack.wait() != 0:
            raise LabError(f"could not read {source}")
        self.checked(done, f"put {remote}", True)

    def _ssh_options(self) -> list[str]:
        return [
            *("-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "StrictHostKeyChecking=no"),
            *("-o", "LogLevel=ERROR"),
            *("-o", "IdentitiesOnly=yes"),
            # An emulated machine takes its time to answer.
            *("-o", "ConnectTimeout=15"),
        ]

    @property
    def _control_path(self) -> Path:
        return self.dir / "ssh"

    def ssh_args(self) -> list[str]:
        # A new connection costs an emulated machine a second, one that is kept a tenth of it.
        kept = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-o", f"ControlPath={self._control_path}"]
        return [
            *("ssh", "-F", "/dev/null", "-i", str(images.ssh_key())),
            *self._ssh_options(),
            *kept,
            *("-p", str(self.state["port"]), "root@127.0.0.1"),
        ]

    def inventory_vars(self) -> dict[str, Any]:
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.state["port"],
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(images.ssh_key()),
            "ansible_ssh_args": "-F /dev/null -o ControlMaster=auto -o ControlPersist=60s",
            "ansible_control_path": str(self._control_path),
            "ansible_ssh_common_args": shlex.join(self._ssh_options()),
            "ansible_python_interpreter": "/usr/bin/python3",
            # Modules take seconds where the CPU is emulated.
            "ansible_timeout": 60,
        }

    def drop_connections(self) -> None:
        """A kept connection to a host that has gone would hang whoever uses it next."""
        if self._control_path.exists():
            words = ["ssh", "-F", "/dev/null", "-o", f"ControlPath={self._control_path}", "-O", "exit", "127.0.0.1"]
            subprocess.run(words, check=False, capture_output=True, timeout=10)
            self._control_path.unlink(missing_ok=True)
