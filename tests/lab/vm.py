# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A lab host in a virtual machine: a kernel of its own, and with it all that a container host's kernel may lack.

It is reached by a port on the loopback address, which QEMU forwards to its SSH; nothing else gets in
or out, but by the LANs that it is plugged in. Where the
CPU must be emulated, it is not booted but continued from a snapshot of a booted one (vm_snapshot.py).
"""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import images, net, vm_accel, vm_image, vm_qemu, vm_snapshot
from .booted import CONSOLE, LIBVIRT_ANSWERS, BootedMachine
from .machine import LabError, cache_dir
from .system import wait_until

HANG_SECONDS = 30

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


def _look(qmp: vm_qemu.Qmp) -> str:
    """The state of the CPUs and of their interrupt controllers, three times in three seconds."""
    seen = []
    for _time in range(3):
        for words in ("info registers -a", "info lapic 0", "info pic"):
            seen += [f"-- {words}", str(qmp("human-monitor-command", command_line=words))]
        time.sleep(1)
    return "\n".join(seen)


class VmMachine(BootedMachine):
    kind = "vm"
    boot_seconds = 300

    @property
    def _log(self) -> Path:
        return self.dir / "qemu.log"

    # -- start and stop ------------------------------------------------------------------------------------------

    def up(self, wait: bool = True) -> None:
        self.check_free()
        self.down()
        image = vm_image.image(self.distro)
        accelerator = vm_accel.choose(image.kernel, image.initramfs)
        # With KVM a boot is as quick as a restore.
        boots = accelerator is not vm_accel.TCG or bool(self.opts["kernel_options"])
        if boots or not self._continue(image, accelerator):
            self.boot(image, accelerator)
        if wait:
            self._wait()

    def boot(self, image: vm_image.Image, accelerator: vm_accel.Accelerator, ram: Path | None = None) -> None:
        """Start from the image's disk; `ram` is a file to have the memory in."""
        self.state = {"image": str(image.path), "port": vm_qemu.free_port()}
        self.save()
        vm_qemu.make_overlay(image.disk, "raw", self.dir / vm_qemu.DISK)
        words = self.opts["kernel_options"]
        self._start(vm_qemu.command(image, accelerator, self.state["port"], ram=ram, share=True, kernel_options=words))
        with vm_qemu.Qmp(self.dir) as qmp:
            self._plug(qmp)
            qmp("cont")

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
                self._plug(qmp)
                qmp("cont")
            self._wait_for("true", 60, "to go on from its snapshot")
        except LabError as error:
            images.say(f"{error}; booting {self.name} instead")
            self.down()
            return False
        return True

    def _start(self, command: list[str]) -> None:
        process = self._launch(command)
        wait_until(lambda: process.poll() is not None or self._controlled(), 30, f"QEMU of {self.name}", 0.05)
        if process.poll() is not None:
            raise LabError(f"{self.name} did not start: {self._said()}")

    def _plug(self, qmp: vm_qemu.Qmp) -> None:
        """Plug eth1 and the following in their LANs. They stay when the host reboots, and go with its QEMU."""
        for index, lan in enumerate(self.opts["links"], 1):
            tap = net.open_tap(lan, f"{self.name}_{index}")
            try:
                qmp.plug(index, tap, self._mac(index))
            finally:
                os.close(tap)

    def _controlled(self) -> bool:
        try:
            vm_qemu.Qmp(self.dir).__exit__(None, None, None)
        except OSError:
            return False
        return True

    def _wait(self) -> None:
        """SSH and libvirtd answer, and the machine is itself."""
        self._wait_for("true", self.boot_seconds, "to answer on SSH")
        backend = self.opts["firewall_backend"]
        personal = _PERSONALIZE.format(name=self.name, now=f"{time.time():.2f}", machine_id=secrets.token_hex(16))
        self.run(personal + (_SET_BACKEND.format(backend=backend) if backend else ""))
        self._wait_for(LIBVIRT_ANSWERS, self.boot_seconds, "to start libvirtd")
        for index, lan in enumerate(self.opts["links"], 1):
            seen = f"grep -qx {self._mac(index)} /sys/class/net/eth{index}/address"
            self._wait_for(seen, self.boot_seconds, f"to see eth{index}, its NIC in {lan}")

    def _condition(self) -> str:
        """Tell a slow command from a machine that hangs or has crashed, and keep what its CPUs were doing."""
        report = cache_dir() / "logs" / f"hang-{self.name}-{time.strftime('%Y%m%d-%H%M%S')}.txt"
        report.parent.mkdir(parents=True, exist_ok=True)
        if self._answers():
            console = (self.dir / CONSOLE).read_text(errors="replace")
            if "Kernel panic" not in console:
                return ""
            report.write_text(console)
            return f", and the VM's kernel has crashed since it was booted, as {report} tells"
        try:
            with vm_qemu.Qmp(self.dir) as qmp:
                report.write_text(_look(qmp))
        except OSError as error:
            report.write_text(f"QEMU does not answer either: {error}\n")
        self.state["hangs"] = str(report)
        self.save()
        return f", and the VM answers nothing else either: it hangs. What its CPUs did is in {report}"

    def _answers(self) -> bool:
        # By a connection of its own: the one that is kept may be what hangs.
        probe = [*super().ssh_args(), "true"]
        try:
            done = subprocess.run(
                probe, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_SECONDS
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    # -- ways in -------------------------------------------------------------------------------------------------

    def _here(self, words: Sequence[str]) -> list[str]:
        # Once it hung, nobody waits for it for long.
        if "hangs" in self.state:
            if not self._answers():
                raise LabError(
                    f"{self.name} hangs, see {self.state['hangs']}; `script/lab down {self.name}` removes it"
                )
            del self.state["hangs"]
            self.save()
        return super()._here(words)

    @property
    def address(self) -> str:
        return "127.0.0.1"

    @property
    def port(self) -> int:
        port: int = self.state["port"]
        return port

    def _way(self) -> list[str]:
        # An emulated machine takes its time to answer.
        return ["-o", "ConnectTimeout=15"]

    def inventory_vars(self, via: str | None = None, address: str | None = None) -> dict[str, Any]:
        # Modules take seconds where the CPU is emulated.
        return {**super().inventory_vars(via, address), "ansible_timeout": 60}
