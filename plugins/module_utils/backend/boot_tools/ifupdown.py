# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes ifupdown take over interfaces that are there already.

``ifup`` runs the commands of their stanzas, which change nothing, and notes that they are up. So ``ifquery --state`` lists
them, and a command that would fail at boot fails now.
"""

from __future__ import annotations

import contextlib
import fcntl
import os

from ...errors import HostError
from ..os import commands
from ..os.atomic import write_file

RUN = "/run/network"


def reload(names: tuple[str, ...]) -> None:
    """Brings up the interfaces that have a stanza, and forgets the others. Raises `HostError`."""
    try:
        os.makedirs(RUN, exist_ok=True)
    except OSError as error:
        raise HostError(f"create {RUN}", error.strerror or error) from error
    known = set(commands.run("ask ifupdown for its interfaces", "ifquery", "--list", "--all").split())
    for name in names:
        if name in known:
            commands.run(f"bring up {name} by ifupdown", "ifup", "--force", name)
        else:
            try:
                _forget(name)
            except OSError as error:
                raise HostError(f"have ifupdown forget {name}", error.strerror or error) from error


def _forget(name: str) -> None:
    """Removes ifupdown's note that an interface is up; ``ifdown`` doesn't, where there is no stanza any more."""
    path = f"{RUN}/ifstate"
    with contextlib.suppress(FileNotFoundError), open(f"{RUN}/.ifstate.lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(path, encoding="utf-8") as handle:
            lines = handle.readlines()
        left = [line for line in lines if line.split("=", 1)[0].strip() != name]
        if left != lines:
            write_file(path, "".join(left).encode(), mode=0o644)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{RUN}/ifstate.{name}")
