# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The few things that the lab asks of the machine it runs on: commands, locks, processes."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .machine import LabError, cache_dir


def lab_id() -> str:
    """Tells this lab from one with another cache directory: part of every name that is global to the machine."""
    return hashlib.sha256(str(cache_dir().resolve()).encode()).hexdigest()[:4]


def sh(command: Sequence[str | Path], check: bool = True, input: str | None = None) -> str:
    """Run a command here and return what it printed."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, input=input, capture_output=True, text=True, pass_fds=held_locks())
    if check and done.returncode != 0:
        raise LabError(f"`{' '.join(words)}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


_held = threading.local()


def held_locks() -> tuple[int, ...]:
    """The descriptors of the locks that this thread holds. Commands that change what a lock guards inherit them:
    when this process is killed, the lock lasts until its last command has ended."""
    return tuple(getattr(_held, "locks", ()))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, whatever happens to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _held.locks = (*held_locks(), handle.fileno())
        try:
            yield
        finally:
            _held.locks = tuple(fd for fd in held_locks() if fd != handle.fileno())


def wait_until(
    ready: Callable[[], bool],
    timeout: float,
    what: str,
    interval: float = 0.1,
    found: Callable[[], str] = lambda: "",
) -> None:
    """Wait for a thing itself, for so many seconds at most. `found` says what is there instead of it, at the end."""
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            instead = found()
            raise LabError(f"waited {timeout:.0f} s for {what}, in vain" + (f"; found: {instead}" if instead else ""))
        time.sleep(interval)


def start_time(pid: int) -> int | None:
    """When the kernel started a process, in ticks since boot; with the id it names one process for good."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def identity(pid: int) -> list[int]:
    """A process as it is kept in a state file."""
    return [pid, start_time(pid) or 0]


def is_alive(process: Sequence[int] | None) -> bool:
    """Is this the very process that was recorded, and not another that got its id?"""
    return bool(process) and process is not None and start_time(process[0]) == process[1]
