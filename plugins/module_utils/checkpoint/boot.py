# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of an open checkpoint, put back by the next boot: after a power failure no timer is left to do it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Sequence
from typing import Any

from ..backend.os import commands
from ..errors import HostError, VirtnetError
from .parts.files import Files, decode_files, encode_files, restore_files, tools_of
from .store import Ended, Opened, Store, read_json, write_json

DIRECTORY = "/var/lib/virtnet.kvm/checkpoint"
UNIT = "virtnet-kvm-checkpoint-boot.service"
UNITS = "/etc/systemd/system"
ROOT = "/"

_TEXT = """\
# Made by virtnet.kvm.net_checkpoint; it removes this when the checkpoint is committed or rolled back.
[Unit]
Description=Put back the files of the network, as their change was not confirmed (virtnet.kvm)
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
    """The unit, and the link by which a boot starts it."""
    return os.path.join(UNITS, UNIT), os.path.join(UNITS, "multi-user.target.wants", UNIT)


def arm(opened: Opened, files: Files, command: Sequence[str]) -> None:
    """From here on, a boot puts these files back, by a command that ends in `put_back_at_boot`."""
    try:
        os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
        write_json(
            os.path.join(DIRECTORY, "files.json"), {"opened": dataclasses.asdict(opened), "files": encode_files(files)}
        )
        unit, link = _paths()
        with open(unit, "w", encoding="utf-8") as handle:
            handle.write(_TEXT.format(directory=DIRECTORY, command=" ".join(map(_quoted, command))))
        os.makedirs(os.path.dirname(link), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(link)
        os.symlink(f"../{UNIT}", link)
        for parent, _directories, names in os.walk(DIRECTORY):
            _settle(*(os.path.join(parent, name) for name in names), parent)
        _settle(unit, os.path.dirname(link), UNITS)
    except OSError as error:
        raise HostError("prepare that a boot puts the files back", error) from error


def _quoted(word: str) -> str:
    """As systemd.service(5) takes the words of a command."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def disarm() -> None:
    """From here on it doesn't; that is on the disk when this returns."""
    for path in reversed(_paths()):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise HostError(f"remove {path}", error.strerror or error) from error
        _settle(os.path.dirname(path))
    shutil.rmtree(DIRECTORY, ignore_errors=True)


def _settle(*paths: str) -> None:
    """Have files and directories on the disk; a sync of everything could take minutes on a busy host."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def put_back_at_boot(store: Store) -> None:
    """What the unit does, before anything reads the files."""
    held: dict[str, Any] = read_json(os.path.join(DIRECTORY, "files.json"))
    if not held:
        disarm()
        return
    opened = Opened(**held["opened"])
    changed, errors = restore_files(decode_files(held["files"]), ROOT)
    if "netplan" in tools_of(changed, ROOT):
        # its generator has run before, on the files that were there then
        try:
            commands.run("have netplan read its files again", "netplan", "generate")
        except VirtnetError as error:
            errors["netplan"] = str(error)
    with store.lock():
        actions = tuple(f"put back {path}" for path in changed)
        left = tuple(errors.values())
        store.end(Ended(opened.id, opened.name, opened.opened, time.time(), False, "boot", actions, left))
    disarm()
