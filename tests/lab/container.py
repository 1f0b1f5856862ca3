# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A lab host in a container: systemd-nspawn with a network namespace of its own. Boots in seconds, at native speed.

Its disk is an overlay over the image, in the machine's own directory. The overlay is mounted in a mount namespace that
ends with the container, and all its processes are in one control group: after a crash there is nothing to unmount, and
nothing that can't be found.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import cgroup, images, net
from .access import ReachedMachine
from .guest_image import files_dir
from .machine import LabError
from .system import identity, is_alive, wait_until

_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LANG": "C.UTF-8",
}

# In a mount namespace of its own: the overlay, then the container in the place of this shell. The TUN device is a node of
# its own too, for the container sets its mode.
_BOOT = """
set -eu
mount -t overlay lab -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t tmpfs -o mode=755,nosuid lab "$2/dev"
mknod "$2/dev/tun" c 10 200
shift 2
exec "$@"
"""


class ContainerMachine(ReachedMachine):
    kind = "container"

    @property
    def _disk(self) -> Path:
        return self.dir / "disk"

    # -- start and stop ------------------------------------------------------------------------------------------

    def up(self, wait: bool = True) -> None:
        self.check_free()
        if self.opts["kernel_options"]:
            raise LabError("a container has the kernel of this machine; a UML or VM host takes options for its own")
        self.down()
        image = images.container_root(self.distro)
        self.claim_number({"image": str(image)})
        self._make_disk()
        self._boot()
        if wait:
            self._wait()

    def down(self) -> None:
        self.drop_connections()
        cgroup.kill(self.name)
        net.unplug(self.name)
        if self.dir.exists():
            # Files of the disk first: while the state is there, an interrupted removal can be repeated.
            shutil.rmtree(self._disk, ignore_errors=True)
            self.forget()

    def reboot(self) -> None:
        leader = self._leader()
        # Its services stop as they do on a real host. Whoever doesn't is killed.
        self.run("systemctl poweroff", check=False)
        try:
            wait_until(lambda: not is_alive(leader), 30, f"{self.name} to shut down")
        except LabError as error:
            images.say(f"{error}; killing it")
        self.drop_connections()
        cgroup.kill(self.name)
        # The namespace holds the network's state: one that survives would prove nothing.
        net.unplug(self.name)
        self._boot()
        self._wait()

    def is_running(self) -> bool:
        return is_alive(self.state.get("leader"))

    def _make_disk(self) -> None:
        for name in ("upper", "work", "root", "dev"):
            (self._disk / name).mkdir(parents=True)
        self._disk.chmod(0o700)
        upper = self._disk / "upper"
        upper.chmod(0o755)
        self._write(upper / "etc/hostname", f"{self.name}\n")
        self._write(upper / "etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n::1 localhost\n")
        # Its own: two hosts with the same would make bridges with the same MAC.
        self._write(upper / "etc/machine-id", f"{secrets.token_hex(16)}\n")
        self._write(upper / "root/.ssh/authorized_keys", images.public_key())
        (upper / "root").chmod(0o700)
        if backend := self.opts["firewall_backend"]:
            self._write(upper / "etc/libvirt/network.conf", f'firewall_backend = "{backend}"\n')

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _boot(self) -> None:
        net.plug(self.name, self.state["number"], self.opts["links"])
        nspawn = [
            "systemd-nspawn",
            "--quiet",
            "--boot",
            "--register=no",
            "--keep-unit",
            f"--machine={self.name}",
            f"--directory={self._disk}/root",
            f"--network-namespace-path={net.netns_path(self.name)}",
            f"--bind={self._disk}/dev/tun:/dev/net/tun",
            f"--bind-ro={files_dir()}:/var/lib/virtnet-lab/files",
            "--capability=CAP_NET_ADMIN,CAP_SYS_ADMIN",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            "--console=read-only",
        ]
        command = ["unshare", "--mount", "--propagation=slave", "sh", "-c", _BOOT, "boot"]
        command += [self.state["image"], str(self._disk), *nspawn]
        env = {
            **os.environ,
            "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
        }
        with (self.dir / "console.log").open("ab") as log:
            process = subprocess.Popen(
                cgroup.enter(self.name, command),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(
            lambda: process.poll() is not None or bool(cgroup.leader(process.pid)), 15, f"{self.name} to start", 0.05
        )
        pid = cgroup.leader(process.pid)
        if not pid:
            raise LabError(f"{self.name} did not start: {self._console()}")
        self.state["leader"] = identity(pid)
        self.save()

    def _wait(self) -> None:
        """Both ways in answer, and libvirtd."""

        def answers() -> bool:
            if not self.is_running():
                raise LabError(f"{self.name} went down while it booted: {self._console()}")
            return self.run("exec 2>/dev/null; ss -Hltn sport = 22 | grep -q . && virsh version", False).returncode == 0

        wait_until(answers, 60, f"{self.name} to answer", 0.3)
        probe = subprocess.run(
            [*self.ssh_args(), "true"], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        self.checked(probe, "ssh", True)

    def _console(self) -> str:
        lines = (self.dir / "console.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-8:]) or "its console says nothing"

    # -- ways in -------------------------------------------------------------------------------------------------

    def _leader(self) -> list[int]:
        leader: list[int] = self.state.get("leader") or []
        if not is_alive(leader):
            raise LabError(f"{self.name} is not running; `script/lab up {self.name}` starts it anew")
        return leader

    def _here(self, words: Sequence[str]) -> list[str]:
        env = [f"{name}={value}" for name, value in _ENV.items()]
        return ["nsenter", f"--target={self._leader()[0]}", "--all", "--wdns=/root", "env", "-i", *env, *words]

    @property
    def address(self) -> str:
        return net.address(self.state["number"])

    def _way(self) -> list[str]:
        return self._from(net.controller())
