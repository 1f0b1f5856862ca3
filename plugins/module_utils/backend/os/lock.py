# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock between processes: a file that is locked with flock(2), so that it ends with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from typing import Optional

from ...errors import HostError, VirtnetError
from .paths import run_directory

_POLL_SECONDS = 0.05


class Lock:
    """The lock on the file ``path``, whose directory only its user can read.

    ``busy`` is the error message of a wait that took too long; ``{seconds}`` in it is replaced by the time.
    """

    def __init__(self, path: str, busy: str) -> None:
        self._path = path
        self._busy = busy

    @contextlib.contextmanager
    def hold(self, seconds: float) -> Iterator[None]:
        """Waits for the lock for so many seconds, and holds it. Raises `VirtnetError` if others hold it longer."""
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            file = open(self._path, "w", encoding="ascii")  # noqa: SIM115  (closed below)
        except OSError as error:
            raise HostError(f"write {self._path}", error.strerror or error) from error
        with file:
            deadline = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise VirtnetError(self._busy.format(seconds=f"{seconds:.0f}")) from None
                    time.sleep(_POLL_SECONDS)
            yield

    def holder(self) -> Optional[int]:
        """Returns the process id of the holder; ``None`` if no process holds the lock (proc_locks(5))."""
        try:
            inode = os.stat(self._path).st_ino
            with open("/proc/locks", encoding="ascii") as table:
                found = [line.split() for line in table]
        except OSError:
            return None
        for fields in found:
            # 1: FLOCK  ADVISORY  WRITE 4711 00:19:1234 0 EOF; a process that waits has "->" as its second field
            if fields[1] == "FLOCK" and fields[5].rsplit(":", 1)[1] == str(inode) and int(fields[4]) > 0:
                return int(fields[4])
        return None


class NoLock(Lock):
    """For a user who may not write below /run: there is nothing to lock."""

    def __init__(self) -> None:
        super().__init__("", "")

    @contextlib.contextmanager
    def hold(self, _seconds: float) -> Iterator[None]:
        yield

    def holder(self) -> Optional[int]:
        return None


def run_lock(uri: str) -> Lock:
    """Returns the lock that every run holds while it changes the host behind the libvirt ``uri``."""
    directory = run_directory(uri)
    if directory is None:
        return NoLock()
    busy = "another run has been changing this host for {seconds} seconds; try again when it is done"
    return Lock(os.path.join(directory, "lock"), busy)
