# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What every lab host is, whatever it is made of: a Debian with libvirt that answers on SSH.

Each running machine has a directory of its own, CACHE/run/NAME/, whose `state.json` says what it is and how to find it
again. What a machine makes outside that directory bears its name and the lab's (namespaces, a control group with all its
processes), so that a crash of the lab, even one that loses the state, leaves nothing that `down` can't find.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

DISTROS = ("bookworm", "trixie")
KINDS = ("container", "uml", "vm")
FIREWALL_BACKENDS = ("iptables", "nftables")

# Short, so that interface and namespace names made from it fit in the 15 characters that the kernel allows.
NAME_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,10}[a-z0-9]|[a-z]")
# It is a bridge's name.
LAN_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,14}")


class LabError(Exception):
    """Something that the person at the keyboard should read; no traceback needed."""


def cache_dir() -> Path:
    """Where everything slow or big is kept, outside the repository."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(os.environ.get("VIRTNET_CACHE") or os.path.join(base, "virtnet-kvm"))


def images_dir() -> Path:
    return cache_dir() / "images"


def run_dir(name: str | None = None) -> Path:
    return cache_dir() / "run" / name if name else cache_dir() / "run"


def check_name(name: str) -> str:
    if not NAME_PATTERN.fullmatch(name):
        raise LabError(f"machine name {name!r}: expected 1 to 12 of a-z, 0-9 and '-', starting with a letter")
    return name


def check_lan(name: str) -> str:
    if not LAN_PATTERN.fullmatch(name):
        raise LabError(f"LAN {name!r}: expected 1 to 15 of a-z, 0-9 and '-', starting with a letter")
    return name


class Machine(ABC):
    """One lab host. Subclasses say how it is started, stopped and reached."""

    kind: str

    def __init__(self, name: str, distro: str, **opts: Any) -> None:
        check_name(name)
        if distro not in DISTROS:
            raise LabError(f"distro {distro!r}: expected one of {', '.join(DISTROS)}")
        backend = opts.get("firewall_backend")
        if backend is not None and backend not in FIREWALL_BACKENDS:
            raise LabError(f"firewall_backend {backend!r}: expected one of {', '.join(FIREWALL_BACKENDS)}")
        if backend == "nftables" and distro == "bookworm":
            raise LabError("firewall_backend 'nftables': the libvirt of bookworm has only iptables")
        for lan in opts.get("links", ()):
            check_lan(lan)
        self.name = name
        self.distro = distro
        defaults: dict[str, Any] = {"firewall_backend": None, "links": [], "persistent": False, "kernel_options": []}
        self.opts: dict[str, Any] = {**defaults, **opts}
        # What the subclass needs to find the machine again: addresses, ports, process ids. Saved as it is.
        self.state: dict[str, Any] = {}
        # On behalf of what it is started: see owner.py, which builds on this file.
        from . import owner

        self.owner = owner.current()

    # -- what a subclass writes ----------------------------------------------------------------------------------

    @abstractmethod
    def up(self, wait: bool = True) -> None:
        """Start it; with `wait`, return when SSH and libvirtd answer. Stale state of the same name is removed first."""

    @abstractmethod
    def down(self) -> None:
        """Stop it and remove all that it made, also after a crash. Fine when there is nothing."""

    @abstractmethod
    def reboot(self) -> None:
        """A real reboot: the kernel's network state is lost, the disk is kept. Returns when SSH and libvirtd answer."""

    @abstractmethod
    def is_running(self) -> bool: ...

    @abstractmethod
    def run(
        self, cmd: str, check: bool = True, input: str | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root on it. With `check`, a failure raises LabError with the command's own words."""

    @abstractmethod
    def put(self, local: str | Path, remote: str) -> None:
        """Copy a file or a directory to it; `remote` is the whole target path."""

    @abstractmethod
    def ssh_args(self) -> list[str]:
        """`ssh` and all its arguments up to and including the host; a command may follow."""

    @abstractmethod
    def inventory_vars(self, via: str | None = None, address: str | None = None) -> dict[str, Any]:
        """Host variables for Ansible, run from the root namespace as it is.

        With `via`, the connection is one from that LAN's station to this address of the host, rather than by eth0.
        """

    # -- the same for all ----------------------------------------------------------------------------------------

    @property
    def dir(self) -> Path:
        return run_dir(self.name)

    def check_free(self) -> None:
        """Refuse to start where one of this name runs; what a crash has left is no obstacle."""
        if (self.dir / "state.json").exists() and get(self.name).is_running():
            raise LabError(f"{self.name} is running already; `script/lab down {self.name}` stops it")

    def save(self) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        data: dict[str, Any] = {"name": self.name, "distro": self.distro, "kind": self.kind, "owner": self.owner}
        data |= {"opts": self.opts, "state": self.state}
        temporary = self.dir / "state.json.new"
        temporary.write_text(json.dumps(data, indent=1) + "\n")
        temporary.replace(self.dir / "state.json")

    def forget(self) -> None:
        """The last step of `down`."""
        shutil.rmtree(self.dir, ignore_errors=True)

    def checked(
        self, done: subprocess.CompletedProcess[str], cmd: str, check: bool
    ) -> subprocess.CompletedProcess[str]:
        if check and done.returncode != 0:
            words = (done.stderr or done.stdout or "").strip()
            raise LabError(f"{self.name}: `{cmd}` ended with {done.returncode}: {words}")
        return done

    def __enter__(self) -> Machine:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} ({self.distro})>"


def _class_of(kind: str) -> type[Machine]:
    # Imported late: both build on this file.
    if kind == "container":
        from .container import ContainerMachine

        return ContainerMachine
    if kind == "uml":
        from .uml import UmlMachine

        return UmlMachine
    if kind == "vm":
        from .vm import VmMachine

        return VmMachine
    raise LabError(f"kind {kind!r}: expected one of {', '.join(KINDS)}")


def create(name: str, distro: str = "trixie", kind: str = "container", **opts: Any) -> Machine:
    """A machine that is not started yet. opts: firewall_backend, links (names of LANs), persistent,
    kernel_options (words for the kernel of a host that has its own).

    Where UML can't be had, a VM takes the place of a UML host.
    """
    if kind == "uml":
        from . import images, uml_kernel

        if refusal := uml_kernel.why_not():
            images.say(f"{refusal}; {name} becomes a VM")
            kind = "vm"
    return _class_of(kind)(name, distro, **opts)


def get(name: str) -> Machine:
    """A machine that was started before, perhaps by another process."""
    check_name(name)
    try:
        data = json.loads((run_dir(name) / "state.json").read_text())
    except FileNotFoundError:
        raise LabError(f"no machine {name!r}; `script/lab list` shows what runs") from None
    machine = _class_of(data["kind"])(data["name"], data["distro"], **data["opts"])
    machine.state = data["state"]
    machine.owner = data.get("owner")
    return machine


def known() -> Iterator[Machine]:
    """All machines that have state, running or crashed."""
    for path in sorted(run_dir().glob("*/state.json")):
        try:
            yield get(path.parent.name)
        except LabError:
            continue  # removed while we looked


def inventory(
    machines: Sequence[Machine], via: str | None = None, addresses: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """An Ansible inventory: group `lab`, and one group for each distro and kind.

    The hosts that have one of `addresses` are reached at it by the LAN `via`.
    """
    there = addresses or {}
    hosts = {m.name: m.inventory_vars(via, there[m.name]) if m.name in there else m.inventory_vars() for m in machines}
    groups: dict[str, Any] = {"lab": {"hosts": hosts}}
    for machine in machines:
        for group in (machine.distro, machine.kind):
            groups.setdefault(group, {"hosts": {}})["hosts"][machine.name] = {}
    return groups
