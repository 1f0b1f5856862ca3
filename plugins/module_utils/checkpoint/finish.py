# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends a checkpoint: commits the change, or restores the host. For the module, and for the copy of the code that outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from contextlib import ExitStack
from typing import Optional

from ..backend.os.lock import Lock
from ..errors import VirtnetError
from . import boot, timer
from .host import NetworkHost
from .restore import Restore
from .snapshot import load
from .store import Ended, Opened, Store

# A step that fails now may succeed a moment later.
ATTEMPTS, ATTEMPT_SECONDS = 4, 2.0

# How long a module that still works is waited for: first without a signal; then after it was asked to end, when it undoes
# its steps; then after it was killed.
PATIENCE = ((None, 3.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 1.0))


def commit(store: Store, opened: Opened) -> Ended:
    """Keeps the change. The caller holds the store's lock, so that no restore comes in between. Raises `HostError`.

    The restore at boot is the first that is called off: a power failure in between must not undo a commit.
    """
    boot.disarm()
    ended = Ended(opened.id, opened.name, opened.opened, time.time(), True)
    store.end(ended)
    timer.stop()
    return ended


def restore(store: Store, identity: Optional[str] = None) -> Optional[Ended]:
    """Restores the host, unless the checkpoint with this id (or any) isn't open any more: then it returns ``None``.

    Raises `VirtnetError` if the snapshot can't be read.
    """
    with store.lock(), ExitStack() as stack:
        opened = store.opened()
        if opened is None or (identity is not None and opened.id != identity):
            if opened is None:
                boot.disarm()
            return None
        host = NetworkHost()
        work = Restore(host, load(store))
        _stop_others(stack, host.run_lock)
        by = "hand" if time.monotonic() < opened.due - 0.5 else "timer"
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(ATTEMPT_SECONDS)
            work.restore_disk()
            boot.disarm()
            work.restore_running()
            if not work.left:
                break
        actions = tuple(work.actions)
        ended = Ended(opened.id, opened.name, opened.opened, time.time(), False, by, actions, work.left)
        store.end(ended)
        timer.stop()
        return ended


def predict(store: Store) -> list[str]:
    """Returns what a restore would do now, in words, and changes nothing. Raises `VirtnetError`."""
    return Restore(NetworkHost(), load(store)).predicted()


def _stop_others(stack: ExitStack, run_lock: Lock) -> None:
    """Takes the lock of all runs, and ends a run that holds it: it would go on changing what is restored."""
    for number, seconds in PATIENCE:
        holder = run_lock.holder()
        if number is not None and holder is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(holder, number)
        try:
            stack.enter_context(run_lock.hold(seconds))
            return
        except VirtnetError:
            continue
