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
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import cgroup, images, net, vm_accel, vm_image, vm_qemu, vm_snapshot
from .access import ReachedMachine
from .guest import mac_of
from .machine import LabError, cache_dir
from .system import identity, is_alive, wait_until

BOOT_SECONDS = 240
REBOOT_SECONDS = 300
HANG_SECONDS = 30
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


def _look(qmp: vm_qemu.Qmp) -> str:
    """The state of the CPUs and of their interrupt controllers, three times in three seconds."""
    seen = []
    for _time in range(3):
        for words in ("info registers -a", "info lapic 0", "info pic"):
            seen += [f"-- {words}", str(qmp("human-monitor-command", command_line=words))]
        time.sleep(1)
    return "\n".join(seen)


class VmMachine(ReachedMachine):
    kind = "vm"

    # -- start and stop ------------------------------------------------------------------------------------------

    def up(self, wait: bool = True) -> None:
        self.check_free()
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

    def _plug(self, qmp: vm_qemu.Qmp) -> None:
        """Plug eth1 and the following in their LANs. They stay when the host reboots, and go with its QEMU."""
        for index, lan in enumerate(self.opts["links"], 1):
            tap = net.open_tap(lan, f"{self.name}_{index}")
            try:
                qmp.plug(index, tap, self._mac(index))
            finally:
                os.close(tap)

    def _mac(self, index: int) -> str:
        return mac_of(self.name, f"link {index}")

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
        for index, lan in enumerate(self.opts["links"], 1):
            seen = f"grep -qx {self._mac(index)} /sys/class/net/eth{index}/address"
            self._wait_for(seen, BOOT_SECONDS, f"to see eth{index}, its NIC in {lan}")

    def _wait_for(self, cmd: str, seconds: float, what: str) -> None:
        def answers() -> bool:
            if not self.is_running():
                raise LabError(f"{self.name}: its QEMU ended: {(self.dir / 'qemu.log').read_text().strip()}")
            try:
                return self.run(cmd, check=False, timeout=60).returncode == 0
            except LabError as error:
                images.say(f"{error}; trying on")
                return False

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

    def _condition(self) -> str:
        """Tell a slow command from a machine that hangs or has crashed, and keep what its CPUs were doing."""
        report = cache_dir() / "logs" / f"hang-{self.name}-{time.strftime('%Y%m%d-%H%M%S')}.txt"
        report.parent.mkdir(parents=True, exist_ok=True)
        if self._answers():
            console = (self.dir / vm_qemu.CONSOLE).read_text(errors="replace")
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
        if not self.is_running():
            raise LabError(f"{self.name} is not running; `script/lab up {self.name} --kind vm` starts it anew")
        # Once it hung, nobody waits for it for long.
        if "hangs" in self.state:
            if not self._answers():
                raise LabError(
                    f"{self.name} hangs, see {self.state['hangs']}; `script/lab down {self.name}` removes it"
                )
            del self.state["hangs"]
            self.save()
        return [*self.ssh_args(), shlex.join(words)]

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

    def ssh_args(self) -> list[str]:
        # A new connection costs an emulated machine a second, one that is kept a tenth of it.
        return ["ssh", *self._kept(), *super().ssh_args()[1:]]

    def inventory_vars(self, via: str | None = None, address: str | None = None) -> dict[str, Any]:
        # Modules take seconds where the CPU is emulated.
        return {**super().inventory_vars(via, address), "ansible_timeout": 60}
