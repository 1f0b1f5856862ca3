# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The ways into a lab host, the same for all kinds: commands, files, SSH, and what Ansible has to know."""

from __future__ import annotations

import os
import shlex
import subprocess
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import net
from .images import ssh_key
from .machine import LabError, Machine, known, run_dir
from .system import locked, sh

# Takes a tar from its input, and puts what is $3 in it into the directory $1 as $2.
_UNPACK = 'd=$(mktemp -d) && tar -x -C "$d" && mkdir -p "$1" && cp -rT "$d/$3" "$1/$2" && rm -r "$d"'


class ReachedMachine(Machine):
    """A host that is reached; a kind says where it is."""

    @abstractmethod
    def _here(self, words: Sequence[str]) -> list[str]:
        """The command that, run here, runs these words on it as root. Raises LabError if it isn't running."""

    @property
    @abstractmethod
    def address(self) -> str: ...

    @property
    def port(self) -> int:
        return 22

    def _way(self) -> list[str]:
        """What SSH needs to be told of the way to this kind of host."""
        return []

    @staticmethod
    def _from(namespace: Path) -> list[str]:
        """A way that begins in a namespace of the lab."""
        return ["-o", f"ProxyCommand=nsenter --net={shlex.quote(str(namespace))} busybox nc %h %p"]

    def claim_number(self, state: dict[str, Any]) -> None:
        """Start the machine's record with this, and a number that no other has: it makes its management address."""
        with locked(run_dir() / ".number.lock"):
            used = {machine.state.get("number") for machine in known()}
            number = next(n for n in range(2, 0xFFFE) if n & 255 not in (0, 255) and n not in used)
            self.state = {"number": number, **state}
            self.save()

    # -- commands and files --------------------------------------------------------------------------------------

    def run(
        self, cmd: str, check: bool = True, input: str | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        try:
            done = subprocess.run(
                self._here(["/bin/sh", "-c", cmd]),
                check=False,
                input=input or "",
                capture_output=True,
                text=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name}: `{cmd}` did not end within {timeout:.0f} s{self._condition()}") from None
        return self.checked(done, cmd, check)

    def _condition(self) -> str:
        """What a kind has to say about a host on which a command did not end."""
        return ""

    def put(self, local: str | Path, remote: str) -> None:
        source, target = Path(local), Path(remote)
        # tar keeps modes and takes a directory as well as a file.
        pack = subprocess.Popen(
            ["tar", "-C", source.parent, "-c", "--owner=0", "--group=0", source.name], stdout=subprocess.PIPE
        )
        unpack = self._here(["/bin/sh", "-c", _UNPACK, "put", str(target.parent), target.name, source.name])
        done = subprocess.run(unpack, check=False, stdin=pack.stdout, capture_output=True, text=True)
        if pack.wait() != 0:
            raise LabError(f"could not read {source}")
        self.checked(done, f"put {remote}", True)

    # -- SSH -----------------------------------------------------------------------------------------------------

    @staticmethod
    def _ssh_options(way: Sequence[str]) -> list[str]:
        return [
            *way,
            *("-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "StrictHostKeyChecking=no"),
            *("-o", "LogLevel=ERROR"),
            *("-o", "IdentitiesOnly=yes"),
        ]

    def ssh_args(self) -> list[str]:
        where = ["-p", str(self.port), f"root@{self.address}"]
        return ["ssh", "-F", "/dev/null", "-i", str(ssh_key()), *self._ssh_options(self._way()), *where]

    def _kept(self, via: str | None = None) -> list[str]:
        """Options that keep a connection for the next command."""
        path = self.dir / f"ssh@{via or ''}"
        # A socket's path may be 107 bytes long, and SSH appends 17 while it makes one; a cache may be anywhere.
        if len(os.fsencode(path)) > 90:
            return ["-o", "ControlPath=none"]
        return ["-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-o", f"ControlPath={path}"]

    def inventory_vars(self, via: str | None = None, address: str | None = None) -> dict[str, Any]:
        if via and (via not in self.opts["links"] or not address):
            raise LabError(
                f"{self.name} via {via} at {address}: expected an address of its own, and one of its LANs, "
                f"which are {', '.join(self.opts['links']) or 'none'}"
            )
        return {
            "ansible_host": address if via else self.address,
            "ansible_port": 22 if via else self.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(ssh_key()),
            "ansible_ssh_args": shlex.join(["-F", "/dev/null", *self._kept(via)]),
            "ansible_ssh_common_args": shlex.join(
                self._ssh_options(self._from(net.netns_path(net.station(via))) if via else self._way())
            ),
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def drop_connections(self) -> None:
        """A kept connection to a host that has gone would hang whoever uses it next."""
        for path in self.dir.glob("ssh@*"):
            sh(["ssh", "-F", "/dev/null", "-S", path, "-O", "exit", "lab"], check=False)
            path.unlink(missing_ok=True)
