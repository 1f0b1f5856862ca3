# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes files and links whole or not at all, even if the power fails."""

from __future__ import annotations

import contextlib
import os


def draft_path(path: str) -> str:
    """Returns the hidden name, beside ``path``, under which a new version of the file is written. No boot tool reads it."""
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.virtnet-kvm-new")


def write_file(path: str, content: bytes, *, mode: int = 0o600, uid: int = -1, gid: int = -1) -> None:
    """Replaces the file at ``path``: a draft is written and synced to the disk, then renamed (rename(2)).

    A ``uid`` or ``gid`` of -1 is that of the process. Raises `OSError`; the old file is then still there.
    """
    draft = draft_path(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fchown(file.fileno(), uid, gid)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def write_link(path: str, target: str, *, uid: int = -1, gid: int = -1) -> None:
    """Replaces the file or link at ``path`` by a symbolic link to ``target``. Raises `OSError`."""
    draft = draft_path(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    os.symlink(target, draft)
    os.lchown(draft, uid, gid)
    os.replace(draft, path)


def sync(*paths: str) -> None:
    """Waits until files are on the disk, or, for a directory, the names in it (fsync(2)).

    A sync of everything could take minutes on a busy host. Raises `OSError`.
    """
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
