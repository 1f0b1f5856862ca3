# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies the code that restores, as Ansible removes what it has sent when the module ends."""

from __future__ import annotations

import os
import sys
import zipfile

from ..backend.os import commands, own_code
from ..backend.os.atomic import write_file
from ..errors import HostError, VirtnetError
from . import cli

LAUNCHER = "checkpoint.py"

_SCRIPT = """\
# A checkpoint of virtnet.kvm.net_checkpoint. By hand: python3 {path} [status | commit | rollback]
import sys

sys.path.insert(0, {code!r})

from {main} import main

sys.exit(main(sys.argv[1:]))
"""


def copy_code(directory: str) -> str:
    """Copies the collection's code to ``directory``, with a script that starts it, and returns the script's path.

    Raises `HostError`.
    """
    code = os.path.join(directory, "code")
    try:
        own_code.copy(code)
        return _launcher(directory, code)
    except (OSError, zipfile.BadZipFile) as error:
        raise HostError("copy the code that restores the host", error) from error


def pack_code(directory: str) -> str:
    """Copies the same as one archive: a few files are on the disk faster than many. Raises `HostError`."""
    code = os.path.join(directory, "code.zip")
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        with open(code, "wb") as handle:
            handle.write(own_code.archive())
        return _launcher(directory, code)
    except (OSError, zipfile.BadZipFile) as error:
        raise HostError("copy the code that restores the host at boot", error) from error


def _launcher(directory: str, code: str) -> str:
    path = os.path.join(directory, LAUNCHER)
    write_file(path, _SCRIPT.format(path=path, code=code, main=cli.__name__).encode())
    return path


def command(launcher: str, *arguments: str) -> list[str]:
    """Returns the command that runs the copy, by the Python that this module runs on: that one has the libraries."""
    return [sys.executable, launcher, *arguments]


def rehearse(launcher: str) -> None:
    """Makes the copy do all of a restore except the changes, without this process's environment. Raises `VirtnetError`."""
    try:
        commands.run("rehearse the restore of the host", *command(launcher, "rehearse"), env={"PATH": os.defpath})
    except HostError as error:
        raise VirtnetError(f"no checkpoint was made: {error}") from None
