# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A lab host that boots a kernel of its own, in one process here: how it is started, waited for and rebooted."""

from __future__ import annotations

import shlex
import subprocess
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import cgroup, images
from .access import ReachedMachine
from .guest import mac_of
from .machine import LabError
from .system import identity, is_alive, wait_until

LIBVIRT_ANSWERS = "virsh version --daemon"
CONSOLE = "console.log"
_READ_BOOT = "cat /proc/sys/kernel/random/boot_id"


class BootedMachine(ReachedMachine):
    """`state["process"]` is the process that is the machine; it writes to `_log`."""

    boot_seconds: float
    """How long a boot or a reboot may take."""

    @property
    @abstractmethod
    def _log(self) -> Path:
        """What the process itself says."""

    def _launch(
        self,
        command: Sequence[str],
        descriptors: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start the process in the machine's control group, as a session of its own."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                cgroup.enter(self.name, command),
                cwd=self.dir,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,
            )
        self.state["process"] = identity(process.pid)
        self.save()
        return process

    def _said(self) -> str:
        """The last lines of the process."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return "\n".join(lines[-8:]) or "it said nothing"

    def _mac(self, index: int) -> str:
        """Of the NIC eth1 and the following."""
        return mac_of(self.name, f"link {index}")

    def is_running(self) -> bool:
        return is_alive(self.state.get("process"))

    def _wait_for(self, cmd: str, seconds: float, what: str) -> None:
        def answers() -> bool:
            if not self.is_running():
                raise LabError(f"{self.name}: its process ended: {self._said()}")
            try:
                return self.run(cmd, check=False, timeout=60).returncode == 0
            except LabError as error:
                images.say(f"{error}; trying on")
                return False

        wait_until(answers, seconds, f"{self.name} {what}; its console is {self.dir / CONSOLE}", 0.3)

    def wait_for_boot(self) -> None:
        self._wait_for("true", self.boot_seconds, "to answer on SSH")
        self._wait_for(LIBVIRT_ANSWERS, self.boot_seconds, "to start libvirtd")

    def reboot(self) -> None:
        before = self.run(_READ_BOOT).stdout.strip()
        self.run("systemctl reboot", check=False)
        self.drop_connections()
        self._wait_for(f"test $({_READ_BOOT}) != {before}", self.boot_seconds, "to come back")
        self._wait_for(LIBVIRT_ANSWERS, self.boot_seconds, "to start libvirtd")

    def down(self) -> None:
        self.drop_connections()
        cgroup.kill(self.name)
        self.forget()

    def _here(self, words: Sequence[str]) -> list[str]:
        if not self.is_running():
            raise LabError(f"{self.name} is not running; `script/lab up {self.name} --kind {self.kind}` starts it anew")
        return [*self.ssh_args(), shlex.join(words)]

    def ssh_args(self) -> list[str]:
        # A new connection costs a second on an emulated machine, one that is kept a tenth of it.
        return ["ssh", *self._kept(), *super().ssh_args()[1:]]
