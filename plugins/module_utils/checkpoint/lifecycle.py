# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A checkpoint of the host's network, as the module asks for it: opened, committed, rolled back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any, Optional

from ..errors import OptionError, VirtnetError
from . import boot, finish, payload, timer
from .host import NetworkHost
from .snapshot import take
from .store import UNIT, Ended, Opened, Store, moment, told

LEAST_SECONDS, MOST_SECONDS = 5, 86400

# How long whoever asks for a restore waits for it.
RESTORE_SECONDS = 300

# How long a run that is changing the host is waited for.
LOCK_SECONDS = 120


Result = dict[str, Any]


class Checkpoint:
    """The one checkpoint of a host. Each call returns what the module returns; with ``check`` it changes nothing."""

    def __init__(self, store: Optional[Store] = None) -> None:
        self._store = store or Store()

    # -- created ---------------------------------------------------------------------------------------------------------

    def create(self, name: str, timeout: int, *, check: bool) -> Result:
        """Open one; only one is open at a time."""
        if not LEAST_SECONDS <= timeout <= MOST_SECONDS:
            size = "small" if timeout < LEAST_SECONDS else "large"
            raise OptionError("timeout", timeout, f"is too {size}; use {LEAST_SECONDS} to {MOST_SECONDS} seconds")
        timer.need_systemd()
        actions = [f"open checkpoint {name}, which restores the host in {timeout} s"]
        if check:
            self._refuse_second(self._store.opened())
            return {"changed": True, "actions": actions, "checkpoint": {"name": name, "timeout": timeout}}
        with self._store.lock():
            self._refuse_second(self._store.opened())
            opened = self._open(name, timeout)
        return {"changed": True, "actions": actions, "checkpoint": self._shown(opened)}

    @staticmethod
    def _refuse_second(opened: Optional[Opened]) -> None:
        if opened is None:
            return
        soon = f"restores the host in {opened.seconds_left} s" if timer.armed() else "its timer has been stopped"
        raise VirtnetError(
            f"the checkpoint {opened.name} is open since {moment(opened.opened)}, and {soon}; only one can be open. Confirm"
            f" that one with state: committed and name: {opened.name}, or go back to it with state: rolled_back"
        )

    def _open(self, name: str, timeout: int) -> Opened:
        """The snapshot, a trial of what restores it, the timer; and then it counts."""
        store = self._store
        timer.stop()
        store.clear()
        host = NetworkHost()
        with host.run_lock.hold(LOCK_SECONDS):
            files = take(store, host)
        launcher = payload.copy_code(store.directory)
        payload.rehearse(launcher)
        identity = uuid.uuid4().hex
        timer.start(timeout, self._restoring(identity))
        opened = Opened(identity, name, timeout, time.time(), time.monotonic() + timeout)
        try:
            store.begin(opened)
            at_boot = payload.pack_code(boot.DIRECTORY)
            boot.arm(opened, files, payload.command(at_boot, "boot"))
        except BaseException:
            store.cancel()
            timer.stop()
            boot.disarm()
            raise
        return opened

    def _restoring(self, identity: str) -> list[str]:
        return payload.command(self._store.path(payload.LAUNCHER), "restore", identity)

    def _shown(self, opened: Opened) -> Result:
        by_hand = " ".join(payload.command(self._store.path(payload.LAUNCHER)))
        return {
            "name": opened.name,
            "timeout": opened.timeout,
            "opened": moment(opened.opened),
            "restores": moment(opened.opened + opened.timeout),
            "commit_by_hand": f"{by_hand} commit",
            "roll_back_by_hand": f"{by_hand} rollback",
        }

    # -- committed -------------------------------------------------------------------------------------------------------

    def commit(self, name: str, *, check: bool) -> Result:
        """Keep the change. This says so only if it is kept, and never after the host has been restored."""
        actions = [f"commit checkpoint {name}"]
        if check:
            if self._open_one(name) is None:
                return _nothing("no checkpoint is open")
            return {"changed": True, "actions": actions}
        with self._store.lock():
            opened = self._open_one(name)
            if opened is None:
                return self._committed_before(name)
            ended = finish.commit(self._store, opened)
        return {"changed": True, "actions": actions, "checkpoint": _end(ended)}

    def _committed_before(self, name: str) -> Result:
        last = self._store.last()
        if last is None:
            raise VirtnetError(f"there is no checkpoint {name} to commit: none was made since this host started")
        if not last.committed:
            raise VirtnetError(
                f"{told(last)}. What was changed since {moment(last.opened)} is gone: it can't be committed"
            )
        if last.name != name:
            raise VirtnetError(f"there is no checkpoint {name} to commit: {told(last)}")
        return {**_nothing(told(last)), "checkpoint": _end(last)}

    # -- rolled back -----------------------------------------------------------------------------------------------------

    def roll_back(self, name: str, *, check: bool) -> Result:
        """Restore the host now, by the timer's own service, which goes on if this connection breaks."""
        opened = self._open_one(name)
        if opened is None:
            return self._rolled_back_before(name, check)
        if check:
            return {"changed": True, "actions": finish.planned(self._store)}
        timer.restore_now(self._restoring(opened.id))
        last = self._wait(opened)
        if last.committed:
            raise VirtnetError(f"{told(last)}, by another run, and can't be rolled back any more")
        if last.left:
            raise VirtnetError(told(last))
        return {"changed": True, "actions": list(last.actions), "checkpoint": _end(last)}

    def _wait(self, opened: Opened) -> Ended:
        deadline = time.monotonic() + RESTORE_SECONDS
        while time.monotonic() < deadline:
            last = self._store.last()
            if last is not None and last.id == opened.id:
                return last
            time.sleep(0.1)
        raise VirtnetError(f"the host isn't restored after {RESTORE_SECONDS} s; what keeps it: journalctl -u {UNIT}")

    def _rolled_back_before(self, name: str, check: bool) -> Result:
        last = self._store.last()
        if last is None:
            return _nothing("no checkpoint was made since this host started")
        if last.committed and not check:
            raise VirtnetError(f"there is no checkpoint {name} to go back to: {told(last)}")
        if last.left and not check:
            raise VirtnetError(told(last))
        return {**_nothing(told(last)), "checkpoint": _end(last)}

    def _open_one(self, name: str) -> Optional[Opened]:
        """The checkpoint that is open; refused if another one than this is."""
        opened = self._store.opened()
        if opened is not None and opened.name != name:
            raise OptionError(
                "name",
                name,
                f"is not the open checkpoint; give {opened.name}, which is open since {moment(opened.opened)}",
            )
        return opened


def _nothing(why: str) -> Result:
    return {"changed": False, "actions": [], "note": why}


def _end(last: Ended) -> Mapping[str, Any]:
    return {
        "name": last.name,
        "opened": moment(last.opened),
        "ended": moment(last.ended),
        "outcome": "committed" if last.committed else "rolled_back",
        "by": last.by or None,
    }
