# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes files whole or not at all, even if the power fails."""

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
