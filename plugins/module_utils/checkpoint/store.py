# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of a checkpoint, below /run: the snapshot, what is open, and what became of the last one.

`open.json` is the only truth about whether a checkpoint is open, and is read and written with the lock held. So of a
commit and a timer that come at the same moment one finds it gone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Optional

from ..backend.os.atomic import write_file
from ..backend.os.lock import Lock
from ..errors import HostError, VirtnetError

DIRECTORY = "/run/virtnet.kvm/checkpoint"

# A restore that has begun is waited for. It ends sooner, or hangs.
LOCK_SECONDS = 180

# The transient units: the timer, and the service that it starts.
UNIT = "virtnet-kvm-checkpoint"


@dataclass(frozen=True)
class Opened:
    """A checkpoint that is open. ``opened`` is in seconds since 1970, ``due`` of the clock that timers go by."""

    id: str
    name: str
    timeout: int
    opened: float
    due: float

    @property
    def seconds_left(self) -> int:
        return max(0, round(self.due - time.monotonic()))


@dataclass(frozen=True)
class Ended:
    """What became of the last checkpoint.

    ``by`` is ``timer``, ``hand`` or ``boot`` for one that was rolled back. ``actions`` is what that took, ``left`` what it
    couldn't put back, each with the reason.
    """

    id: str
    name: str
    opened: float
    ended: float
    committed: bool
    by: str = ""
    actions: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Store:
    """The files of the checkpoint, in a directory that only root can look into."""

    def __init__(self, directory: str = DIRECTORY) -> None:
        self.directory = directory

    def path(self, *names: str) -> str:
        return os.path.join(self.directory, *names)

    def lock(self, seconds: float = LOCK_SECONDS) -> AbstractContextManager[None]:
        """Held by whoever opens, commits or rolls back."""
        busy = f"another checkpoint has been worked on for {{seconds}} seconds; look with: journalctl -u {UNIT}"
        return Lock(self.path("lock"), busy).hold(seconds)

    def opened(self) -> Optional[Opened]:
        """The checkpoint that is open. One whose end is on record isn't, even if `end` was killed half-way."""
        held = self.read("open.json")
        last = self.last()
        return Opened(**held) if held and not (last and last.id == held["id"]) else None

    def last(self) -> Optional[Ended]:
        held = self.read("last.json")
        if not held:
            return None
        return Ended(**{**held, "actions": tuple(held["actions"]), "left": tuple(held["left"])})

    def begin(self, opened: Opened) -> None:
        """From here on it is open."""
        self.write("open.json", dataclasses.asdict(opened))

    def end(self, ended: Ended) -> None:
        """From here on it isn't: the record of how it ended says so."""
        self.write("last.json", dataclasses.asdict(ended))
        self.cancel()

    def clear(self) -> None:
        """Remove the snapshot and the code of an earlier checkpoint; how that ended stays known."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("snapshot.json"))
        shutil.rmtree(self.path("code"), ignore_errors=True)

    def cancel(self) -> None:
        """As if it had never been opened."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("open.json"))

    def read(self, name: str) -> dict[str, Any]:
        return read_json(self.path(name))

    def write(self, name: str, held: dict[str, Any]) -> None:
        write_json(self.path(name), held)


def need_open(name: str, store: Store) -> None:
    """Refuse to change a host that would not be restored any more. With the lock of all runs held, which a restore waits
    for, so that it can't come in between."""
    opened = store.opened()
    if opened is not None and opened.name == name:
        return
    last = store.last()
    why = (
        f"the open one is {opened.name}" if opened else told(last) if last else "none was made since this host started"
    )
    raise VirtnetError(f"nothing was changed, as no checkpoint {name} is open that would restore the host: {why}")


def read_json(path: str) -> dict[str, Any]:
    """What was written; empty if nothing was."""
    try:
        with open(path, encoding="utf-8") as handle:
            found = json.load(handle)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HostError(f"read {path}", error) from error
    return found if isinstance(found, dict) else {}


def write_json(path: str, held: dict[str, Any]) -> None:
    """Write a file that only root can read, whole or not at all, even if the power fails."""
    try:
        write_file(path, json.dumps(held).encode())
    except OSError as error:
        raise HostError(f"write {path}", error.strerror or error) from error


def moment(seconds: float) -> str:
    """A time as people on the host read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def told(last: Ended) -> str:
    """How a checkpoint ended, as a sentence without its end."""
    if last.committed:
        return f"the checkpoint {last.name} was committed at {moment(last.ended)}"
    why = {
        "timer": "as it was not confirmed in time",
        "hand": "as that was asked for",
        "boot": "by a boot, as it was not confirmed before",
    }[last.by]
    rest = f"; these could not be put back: {'; '.join(last.left)}" if last.left else ""
    return f"the checkpoint {last.name} was rolled back at {moment(last.ended)}, {why}{rest}"
