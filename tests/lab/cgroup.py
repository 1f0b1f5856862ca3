# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""One control group for each container, so that all its processes are found, and ended, together.

The machine may have cgroup version 2 alone or, beside the version 1 controllers, in `unified`. In both, a container
gets a group of its own: systemd in it takes its group for the root, and two of them in one would fight over it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import owner
from .machine import LabError
from .system import lab_id, wait_until

_SCRIPT = 'for group in $LAB_CGROUPS; do echo $$ > "$group/cgroup.procs" || exit 1; done; unset LAB_CGROUPS; exec "$@"'


def _roots() -> list[Path]:
    """The hierarchies that systemd uses: the version 2 one first, then version 1's `name=systemd` if there is one."""
    found: list[tuple[int, Path]] = []
    for line in Path("/proc/mounts").read_text().splitlines():
        where, kind, options = line.split()[1:4]
        if not where.startswith("/sys/fs/cgroup"):
            continue
        if kind == "cgroup2":
            found.append((0, Path(where)))
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            found.append((1, Path(where)))
    if not any(version == 0 for version, path in found):
        raise LabError("this machine has no cgroup version 2 hierarchy, which a container host needs")
    return [path for version, path in sorted(found)]


def hierarchy() -> Path:
    """The version 2 hierarchy, which counts the processor time of each group."""
    return _roots()[0]


def used_seconds(group: Path) -> float:
    """The processor time of all processes that are or were in a group of the version 2 hierarchy, or below it."""
    try:
        lines = (group / "cpu.stat").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e6 for line in lines if line.startswith("usage_usec ")), 0.0)


def _groups(name: str) -> list[Path]:
    return [root / f"virtnet-lab-{lab_id()}" / name for root in _roots()]


def enter(name: str, command: Sequence[str]) -> list[str]:
    """A command that runs in the (new) group of a machine."""
    groups = _groups(name)
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    listed = " ".join(str(group) for group in groups)
    return ["env", f"LAB_CGROUPS={listed}", "sh", "-c", _SCRIPT, "cgroup", *command]


def _below(group: Path) -> Iterator[Path]:
    """A group and those in it, innermost first."""
    for where, *_rest in os.walk(group, topdown=False):
        yield Path(where)


def _processes(group: Path) -> list[int]:
    found: list[int] = []
    for path in _below(group):
        try:
            found += [int(pid) for pid in (path / "cgroup.procs").read_text().split()]
        except OSError:
            continue  # it went while we looked
    return found


def kill(name: str) -> None:
    """End all processes of a machine and remove its groups; what they have used goes to the ledger of its owner."""
    groups = _groups(name)
    end(groups, name)
    if groups[0].exists():
        owner.note(name, used_seconds(groups[0]))
    remove(groups, name)


def end(groups: Sequence[Path], name: str) -> None:
    """End all processes in some groups."""
    wait_until(lambda: not any(_signalled(group) for group in groups), 15, f"the processes of {name} to end")


def remove(groups: Sequence[Path], name: str) -> None:
    """Remove groups, and end what still enters them: the child of a command that was killed may be on its way in."""
    for group in groups:
        wait_until(lambda group=group: _removed(group), 30, f"{group} of {name} to be empty")  # type: ignore[misc]
        try:
            group.parent.rmdir()  # succeeds for the last machine
        except OSError:
            pass


def _signalled(group: Path) -> list[int]:
    """Sends SIGKILL to all processes in a group, and returns them."""
    processes = _processes(group)
    for pid in processes:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return processes


def _removed(group: Path) -> bool:
    if not group.exists():
        return True
    _signalled(group)
    for path in _below(group):
        try:
            path.rmdir()
        except OSError:
            return False
    return True


def names() -> list[str]:
    """The machines that have a group, with or without a state of theirs."""
    return sorted({path.name for group in _groups("x") for path in group.parent.glob("*") if path.is_dir()})


def leader(supervisor: int) -> int | None:
    """The container's process 1, among the descendants of systemd-nspawn."""
    try:
        tasks = Path(f"/proc/{supervisor}/task").iterdir()
        children = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    except OSError:
        return None
    for child in children:
        try:
            status = Path(f"/proc/{child}/status").read_text()
            command = Path(f"/proc/{child}/comm").read_text().strip()
        except OSError:
            continue
        ids = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
        if len(ids) > 1 and ids[-1] == "1" and command == "systemd":
            return child
        if found := leader(child):
            return found
    return None
