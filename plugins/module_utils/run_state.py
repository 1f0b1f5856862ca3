# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run keeps on the host while it is under way: its lock, its notes, and the checkpoint that it depends on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from .backend.os.atomic import write_file
from .backend.os.lock import run_lock
from .backend.os.paths import SYSTEM_URI, run_directory

LOCK_SECONDS = 120


class RunState:
    """The state of the runs on the host behind the libvirt ``uri``.

    ``checkpoint`` is the name of a checkpoint that must be open as long as the run holds the lock. A user who may not write
    below /run works without lock and notes.
    """

    def __init__(self, uri: str = SYSTEM_URI, checkpoint: Optional[str] = None) -> None:
        self._directory = run_directory(uri)
        self._lock = run_lock(uri)
        self._checkpoint = checkpoint

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the lock, so that two runs on a host don't cross. Raises `VirtnetError` if another run doesn't end, or if
        the checkpoint isn't open."""
        with self._lock.hold(LOCK_SECONDS):
            if self._checkpoint is not None:
                from .checkpoint.store import Store, need_open

                need_open(self._checkpoint, Store())
            yield

    def recall(self, label: str) -> Mapping[str, Any]:
        """Returns the notes of a killed run about a resource; empty if there are none."""
        path = self._path(label)
        if path is None:
            return {}
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, label: str, notes: Mapping[str, Any]) -> None:
        """Keeps notes about a resource for a later run, in case this one is killed; empty notes remove the former ones."""
        path = self._path(label)
        if path is None:
            return
        if not notes:
            with contextlib.suppress(OSError):
                os.unlink(path)
            return
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_file(path, json.dumps(dict(notes)).encode())

    def _path(self, label: str) -> Optional[str]:
        if self._directory is None:
            return None
        return os.path.join(self._directory, hashlib.sha256(label.encode()).hexdigest()[:32] + ".json")
