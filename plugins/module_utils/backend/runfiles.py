# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run keeps on the host while it is under way: a lock, and what is left to do should it be killed.

Both live below /run, so that a reboot, after which nothing is under way, forgets them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ..errors import VirtnetError

LOCK_SECONDS = 120


class RunFiles:
    """The directory of one connection's files. A user who may not write there runs without them."""

    def __init__(self, uri: str) -> None:
        base = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
        self._directory = os.path.join(base, "virtnet.kvm", hashlib.sha256(uri.encode()).hexdigest()[:12])
        self._usable = bool(base) and os.access(base, os.W_OK)

    @contextlib.contextmanager
    def lock(self, seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Wait until no other run works on this connection, so many seconds at most; raises `VirtnetError` then."""
        if not self._usable:
            yield
            return
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        with open(os.path.join(self._directory, "lock"), "w", encoding="ascii") as handle:
            deadline = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise VirtnetError(
                            f"another run has been changing this host for {seconds:.0f} seconds; try again when it is done"
                        ) from None
                    time.sleep(0.05)
            yield

    def holder(self) -> Optional[int]:
        """The process that holds the lock, if one does (proc_locks(5))."""
        try:
            inode = os.stat(os.path.join(self._directory, "lock")).st_ino
            with open("/proc/locks", encoding="ascii") as handle:
                found = [line.split() for line in handle]
        except OSError:
            return None
        for fields in found:
            # 1: FLOCK  ADVISORY  WRITE 4711 00:19:1234 0 EOF; one that waits has "->" in second place
            if fields[1] == "FLOCK" and fields[5].rsplit(":", 1)[1] == str(inode) and int(fields[4]) > 0:
                return int(fields[4])
        return None

    def recall(self, label: str) -> Mapping[str, Any]:
        """What was remembered for a resource; nothing where no run was killed."""
        try:
            with open(self._path(label), encoding="utf-8") as handle:
                found = json.load(handle)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, label: str, resume: Mapping[str, Any]) -> None:
        """Keep ``resume``, whole or not at all; an empty one removes what was kept."""
        path = self._path(label)
        if not resume:
            with contextlib.suppress(OSError):
                os.unlink(path)
            return
        if not self._usable:
            return
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        with open(f"{path}.new", "w", encoding="utf-8") as handle:
            json.dump(dict(resume), handle)
        os.replace(f"{path}.new", path)

    def _path(self, label: str) -> str:
        return os.path.join(self._directory, hashlib.sha256(label.encode()).hexdigest()[:32] + ".json")
