# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of a checkpoint, below /run: the snapshot, the open checkpoint, and how the last one ended.

Only `open.json` says whether a checkpoint is open; it is read and written with the lock held. So if a commit and the timer
come at the same moment, the second finds it gone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Optional

from ..backend.os.atomic import write_file
from ..backend.os.lock import Lock
from ..errors import HostError, VirtnetError
from ..model.codec import Json, from_json

DIRECTORY = "/run/virtnet.kvm/checkpoint"

# How long a restore that runs is waited for. It ends sooner, or hangs.
LOCK_SECONDS = 180

# The transient units: the timer, and the service that it starts.
UNIT = "virtnet-kvm-checkpoint"


@dataclass(frozen=True)
class Opened:
    """A checkpoint that is open. ``opened`` is in seconds since 1970, ``due`` in those of the clock that timers go by."""

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
    """How the last checkpoint ended.

    ``by`` is what rolled it back: ``timer``, ``hand`` or ``boot``. ``actions`` is what was done for that, ``left`` what
    couldn't be restored, each with the reason.
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
    """The files of the checkpoint, in a directory that only root can read. Its methods raise `HostError`."""

    def __init__(self, directory: str = DIRECTORY) -> None:
        self.directory = directory

    def path(self, *names: str) -> str:
        return os.path.join(self.directory, *names)

    def lock(self, seconds: float = LOCK_SECONDS) -> AbstractContextManager[None]:
        """Holds the lock under which a checkpoint is opened, committed or rolled back."""
        busy = f"another process has been working on the checkpoint for {{seconds}} seconds; see: journalctl -u {UNIT}"
        return Lock(self.path("lock"), busy).hold(seconds)

    def opened(self) -> Optional[Opened]:
        """Returns the open checkpoint. One whose end is on record isn't open, even if `end` was killed halfway."""
        held = self.read("open.json")
        last = self.last()
        return from_json(Opened, held) if held and not (last and last.id == held["id"]) else None

    def last(self) -> Optional[Ended]:
        """Returns how the last checkpoint ended; ``None`` if there was none since the host started."""
        held = self.read("last.json")
        return from_json(Ended, held) if held else None

    def begin(self, opened: Opened) -> None:
        """Records that the checkpoint is open."""
        self.write("open.json", dataclasses.asdict(opened))

    def end(self, ended: Ended) -> None:
        """Records how the checkpoint ended; it is not open any more."""
        self.write("last.json", dataclasses.asdict(ended))
        self.cancel()

    def clear(self) -> None:
        """Removes the snapshot and the code of an earlier checkpoint, but not the record of its end."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("snapshot.json"))
        shutil.rmtree(self.path("code"), ignore_errors=True)

    def cancel(self) -> None:
        """Removes the record of the open checkpoint."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("open.json"))

    def read(self, name: str) -> dict[str, Json]:
        return read_json(self.path(name))

    def write(self, name: str, held: Mapping[str, Json]) -> None:
        write_json(self.path(name), held)


def need_open(name: str, store: Store) -> None:
    """Raises `VirtnetError` if this checkpoint isn't open, as the host would not be restored any more.

    The caller holds the lock of all runs. A restore waits for that lock, so it can't come in between.
    """
    opened = store.opened()
    if opened is not None and opened.name == name:
        return
    last = store.last()
    if opened is not None:
        why = f"the open one is {opened.name}"
    else:
        why = describe_end(last) if last else "none was made since this host started"
    raise VirtnetError(f"nothing was changed, as no checkpoint {name} is open that would restore the host: {why}")


def read_json(path: str) -> dict[str, Json]:
    """Returns the object in the file; empty if there is no such file. Raises `HostError`."""
    try:
        with open(path, encoding="utf-8") as handle:
            found = json.load(handle)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HostError(f"read {path}", error) from error
    return found if isinstance(found, dict) else {}


def write_json(path: str, held: Mapping[str, Json]) -> None:
    """Writes a file that only root can read, whole or not at all, even if the power fails. Raises `HostError`."""
    try:
        write_file(path, json.dumps(held).encode())
    except OSError as error:
        raise HostError(f"write {path}", error.strerror or error) from error


def local_time(seconds: float) -> str:
    """Returns a time in the host's time zone, for people to read."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def describe_end(last: Ended) -> str:
    """Returns how a checkpoint ended, as a sentence without its full stop."""
    if last.committed:
        return f"the checkpoint {last.name} was committed at {local_time(last.ended)}"
    why = {
        "timer": "as it was not confirmed in time",
        "hand": "on request",
        "boot": "when the host started, as it was not confirmed before",
    }[last.by]
    rest = f"; these could not be restored: {'; '.join(last.left)}" if last.left else ""
    return f"the checkpoint {last.name} was rolled back at {local_time(last.ended)}, {why}{rest}"
