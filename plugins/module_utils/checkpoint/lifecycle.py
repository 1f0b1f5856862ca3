# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opens, commits and rolls back a checkpoint of the host's network, for the module."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Optional

from ..errors import OptionError, VirtnetError
from ..model.codec import Json
from . import boot, finish, payload, timer
from .host import NetworkHost
from .snapshot import take
from .store import UNIT, Ended, Opened, Store, describe_end, local_time

LEAST_SECONDS, MOST_SECONDS = 5, 86400

# How long the module waits for a restore that it has started.
RESTORE_SECONDS = 300

# How long it waits for another run that is changing the host.
LOCK_SECONDS = 120

Result = dict[str, Json]


class Checkpoint:
    """The one checkpoint of a host. Its methods return what the module returns; with ``check`` they change nothing.

    They raise `VirtnetError`.
    """

    def __init__(self, store: Optional[Store] = None) -> None:
        self._store = store or Store()

    # -- created ---------------------------------------------------------------------------------------------------------

    def create(self, name: str, timeout: int, *, check: bool) -> Result:
        """Opens a checkpoint. Only one can be open at a time."""
        if not LEAST_SECONDS <= timeout <= MOST_SECONDS:
            size = "small" if timeout < LEAST_SECONDS else "large"
            raise OptionError("timeout", timeout, f"is too {size}; use {LEAST_SECONDS} to {MOST_SECONDS} seconds")
        timer.need_systemd()
        actions = [f"open checkpoint {name}, which restores the host in {timeout} s unless it is committed"]
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
            f"the checkpoint {opened.name} has been open since {local_time(opened.opened)}, and {soon}; only one can be open at"
            f" a time. Commit it with state: committed and name: {opened.name}, or roll it back with state: rolled_back"
        )

    def _open(self, name: str, timeout: int) -> Opened:
        """Takes the snapshot, rehearses the restore, starts the timer, and only then records that it is open."""
        store = self._store
        timer.stop()
        store.clear()
        host = NetworkHost()
        with host.run_lock.hold(LOCK_SECONDS):
            snapshot = take(store, host)
        launcher = payload.copy_code(store.directory)
        payload.rehearse(launcher)
        identity = uuid.uuid4().hex
        timer.start(timeout, self._restore_command(identity))
        opened = Opened(identity, name, timeout, time.time(), time.monotonic() + timeout)
        try:
            store.begin(opened)
            at_boot = payload.pack_code(boot.DIRECTORY)
            boot.arm(opened, snapshot, payload.command(at_boot, "boot"))
        except BaseException:
            store.cancel()
            timer.stop()
            boot.disarm()
            raise
        return opened

    def _restore_command(self, identity: str) -> list[str]:
        return payload.command(self._store.path(payload.LAUNCHER), "restore", identity)

    def _shown(self, opened: Opened) -> Result:
        by_hand = " ".join(payload.command(self._store.path(payload.LAUNCHER)))
        return {
            "name": opened.name,
            "timeout": opened.timeout,
            "opened": local_time(opened.opened),
            "restores": local_time(opened.opened + opened.timeout),
            "commit_by_hand": f"{by_hand} commit",
            "roll_back_by_hand": f"{by_hand} rollback",
        }

    # -- committed -------------------------------------------------------------------------------------------------------

    def commit(self, name: str, *, check: bool) -> Result:
        """Keeps the change. It succeeds only if the change is kept, never after the host was restored."""
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
                f"{describe_end(last)}. The changes since {local_time(last.opened)} are gone and can't be committed"
            )
        if last.name != name:
            raise VirtnetError(f"there is no checkpoint {name} to commit: {describe_end(last)}")
        return {**_nothing(describe_end(last)), "checkpoint": _end(last)}

    # -- rolled back -----------------------------------------------------------------------------------------------------

    def roll_back(self, name: str, *, check: bool) -> Result:
        """Restores the host now, by the timer's own service, which goes on if this connection breaks."""
        opened = self._open_one(name)
        if opened is None:
            return self._rolled_back_before(name, check)
        if check:
            return {"changed": True, "actions": finish.predict(self._store)}
        timer.restore_now(self._restore_command(opened.id))
        last = self._wait(opened)
        if last.committed:
            raise VirtnetError(f"{describe_end(last)} by another run, so it can't be rolled back")
        if last.left:
            raise VirtnetError(describe_end(last))
        return {"changed": True, "actions": list(last.actions), "checkpoint": _end(last)}

    def _wait(self, opened: Opened) -> Ended:
        deadline = time.monotonic() + RESTORE_SECONDS
        while time.monotonic() < deadline:
            last = self._store.last()
            if last is not None and last.id == opened.id:
                return last
            time.sleep(0.1)
        raise VirtnetError(
            f"the host isn't restored after {RESTORE_SECONDS} s; for the reason see: journalctl -u {UNIT}"
        )

    def _rolled_back_before(self, name: str, check: bool) -> Result:
        last = self._store.last()
        if last is None:
            return _nothing("no checkpoint was made since this host started")
        if last.committed and not check:
            raise VirtnetError(f"there is no checkpoint {name} to roll back: {describe_end(last)}")
        if last.left and not check:
            raise VirtnetError(describe_end(last))
        return {**_nothing(describe_end(last)), "checkpoint": _end(last)}

    def _open_one(self, name: str) -> Optional[Opened]:
        """Returns the open checkpoint. Raises `OptionError` if it has another name."""
        opened = self._store.opened()
        if opened is not None and opened.name != name:
            raise OptionError(
                "name",
                name,
                f"is not the open checkpoint; give {opened.name}, which has been open since {local_time(opened.opened)}",
            )
        return opened


def _nothing(why: str) -> Result:
    return {"changed": False, "actions": [], "note": why}


def _end(last: Ended) -> Mapping[str, Json]:
    return {
        "name": last.name,
        "opened": local_time(last.opened),
        "ended": local_time(last.ended),
        "outcome": "committed" if last.committed else "rolled_back",
        "by": last.by or None,
    }
