# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have ifupdown know the interfaces that run: ``ifup`` runs the commands of their stanzas, which change nothing, and notes
that they are up; so ``ifquery --state`` has them, and what would fail at a start of the host fails now."""

from __future__ import annotations

import contextlib
import fcntl
import os

from ..os import commands

RUN = "/run/network"


def reload(names: tuple[str, ...]) -> None:
    os.makedirs(RUN, exist_ok=True)
    known = set(commands.run("ask ifupdown for its interfaces", "ifquery", "--list", "--all").split())
    for name in names:
        if name in known:
            commands.run(f"have ifupdown bring up {name}", "ifup", "--force", name)
        else:
            _forget(name)


def _forget(name: str) -> None:
    """``ifdown`` doesn't know an interface without a stanza; its note stays until somebody takes it out."""
    path = f"{RUN}/ifstate"
    with contextlib.suppress(FileNotFoundError), open(f"{RUN}/.ifstate.lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(path, encoding="utf-8") as handle:
            lines = handle.readlines()
        left = [line for line in lines if line.split("=", 1)[0].strip() != name]
        if left != lines:
            with open(f"{path}.virtnet-kvm-new", "w", encoding="utf-8") as handle:
                handle.writelines(left)
            os.replace(f"{path}.virtnet-kvm-new", path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{RUN}/ifstate.{name}")
