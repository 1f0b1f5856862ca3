# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores the files of an open checkpoint at the next boot: after a power failure no timer is left to do it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence

from ..backend.os.atomic import sync, write_file, write_link
from ..errors import HostError
from ..model.codec import from_json, to_json
from .host import NetworkHost
from .part import Snapshot
from .parts.registry import PARTS
from .restore import Restore
from .snapshot import decode, encode
from .store import Ended, Opened, Store, read_json, write_json

DIRECTORY = "/var/lib/virtnet.kvm/checkpoint"
UNIT = "virtnet-kvm-checkpoint-boot.service"
UNITS = "/etc/systemd/system"

_ON_DISK = tuple(part for part in PARTS if part.on_disk)

_TEXT = """\
# Made by virtnet.kvm.net_checkpoint, which removes it when the checkpoint is committed or rolled back.
[Unit]
Description=Restore the network's files, as their change was not confirmed (virtnet.kvm)
DefaultDependencies=no
RequiresMountsFor={directory}
After=local-fs.target
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart={command}
TimeoutStartSec=60
"""


def _paths() -> tuple[str, str]:
    """Returns the unit, and the link by which a boot starts it."""
    return os.path.join(UNITS, UNIT), os.path.join(UNITS, "multi-user.target.wants", UNIT)


def _kept() -> str:
    return os.path.join(DIRECTORY, "snapshot.json")


def arm(opened: Opened, snapshot: Snapshot, command: Sequence[str]) -> None:
    """Makes the next boot run ``command``, which ends in `restore_at_boot`. On return it would, even without power.

    Raises `HostError`.
    """
    unit, link = _paths()
    text = _TEXT.format(directory=DIRECTORY, command=" ".join(map(_quoted, command)))
    try:
        os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
        write_json(_kept(), {"opened": to_json(opened), "parts": encode(snapshot, _ON_DISK)})
        for parent, _directories, names in os.walk(DIRECTORY):
            sync(*(os.path.join(parent, name) for name in names), parent)
        write_file(unit, text.encode(), mode=0o644)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        write_link(link, f"../{UNIT}")
        sync(os.path.dirname(link), UNITS)
    except OSError as error:
        raise HostError("prepare the restore at the next boot", error) from error


def _quoted(word: str) -> str:
    """Returns the word of a command as systemd.service(5) takes it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def disarm() -> None:
    """Makes the next boot restore nothing. That is on the disk on return. Raises `HostError`."""
    for path in reversed(_paths()):
        try:
            os.unlink(path)
            sync(os.path.dirname(path))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise HostError(f"remove {path}", error.strerror or error) from error
    shutil.rmtree(DIRECTORY, ignore_errors=True)


def restore_at_boot(store: Store) -> None:
    """Restores the files before anything reads them, and records that in the store. This is what the unit runs."""
    kept = read_json(_kept())
    if kept:
        opened = from_json(Opened, kept.get("opened"))
        work = Restore(NetworkHost(), decode(kept.get("parts"), _ON_DISK), _ON_DISK)
        work.restore_at_boot()
        with store.lock():
            actions = tuple(work.actions)
            store.end(Ended(opened.id, opened.name, opened.opened, time.time(), False, "boot", actions, work.left))
    disarm()
