# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ends a checkpoint: restoring the host, or not. For the module, and for the copy of the code that outlives it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from typing import Optional

from ..backend.os.lock import Lock
from ..errors import VirtnetError
from . import boot, timer
from .host import NetworkHost
from .parts.libvirt_bridges import foreign_bridges
from .restore import Restore
from .snapshot import load
from .store import Ended, Opened, Store

# What can't be put back now may be possible a moment later.
ATTEMPTS, ATTEMPT_SECONDS = 4, 2.0

# How long a module that still works is waited for: first as it is, then once it was asked to end, when it takes back what
# it has done; then once it was killed.
PATIENCE = ((None, 3.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 1.0))


def commit(store: Store, opened: Opened) -> Ended:
    """Keep the change. With the lock held, so that no restore comes in between; a boot is the first that is told."""
    boot.disarm()
    ended = Ended(opened.id, opened.name, opened.opened, time.time(), True)
    store.end(ended)
    timer.stop()
    return ended


def restore(store: Store, desired: Optional[str]) -> Optional[Ended]:
    """Restore the host, unless the checkpoint that is meant (or any) isn't open any more: then ``None``."""
    with store.lock(), ExitStack() as stack:
        opened = store.opened()
        if opened is None or (desired is not None and opened.id != desired):
            if opened is None:
                boot.disarm()
            return None
        host = NetworkHost()
        work = _prepared(store, host)
        _stop_others(stack, host.run_lock)
        by = "hand" if time.monotonic() < opened.due - 0.5 else "timer"
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(ATTEMPT_SECONDS)
            work.put_back_files()
            boot.disarm()
            work.run()
            if not work.left:
                break
        actions = tuple(work.actions)
        ended = Ended(opened.id, opened.name, opened.opened, time.time(), False, by, actions, work.left)
        store.end(ended)
        timer.stop()
        return ended


def _prepared(store: Store, host: NetworkHost) -> Restore:
    """A restore that knows what it would do, and has done nothing yet."""
    snapshot, files = load(store)
    return Restore(host, snapshot, files, foreign_bridges)


def planned(store: Store) -> list[str]:
    """What a restore would do now, in words."""
    return _prepared(store, NetworkHost()).planned()


def _stop_others(stack: ExitStack, run_lock: Lock) -> None:
    """Hold the lock of all runs, and end one that has it: it would go on changing what is restored."""
    for number, seconds in PATIENCE:
        holder = run_lock.holder()
        if number is not None and holder is not None:
            try:
                os.kill(holder, number)
            except ProcessLookupError:
                pass
        try:
            stack.enter_context(run_lock.hold(seconds))
            return
        except VirtnetError:
            continue
