# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has netplan write the files of networkd and NetworkManager anew, and these take them over each in its own gentle way.

``netplan apply`` does more: it takes down and makes again.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Mapping
from typing import Optional

from ...errors import HostError
from ..os import commands
from . import networkd, networkmanager

_NETWORKD = "/run/systemd/network"
_ASIDE = ".virtnet-kvm-later"


def reload(names: tuple[str, ...]) -> None:
    """Have the tools behind it agree with the files."""
    generate()
    networkd.reload(names)
    if shutil.which("nmcli"):
        networkmanager.reload(names)


def generate() -> None:
    """Have it write the files of the tools behind it; networkd gets to know new interfaces, and hasn't read the rest."""
    before = _networkd_files()
    commands.run("have netplan write its tools' files", "netplan", "generate")
    if networkd.running():
        _introduce(before, _networkd_files())


def _networkd_files() -> dict[str, str]:
    return {path: _text(path) for path in glob.glob(f"{_NETWORKD}/*-netplan-*.net*") if not path.endswith(_ASIDE)}


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as handle:
        return handle.read()


def _introduce(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Have networkd hear of new interfaces before it reads what refers to them: see there."""
    fresh = [path for path, text in after.items() if path.endswith(".netdev") and before.get(path) != text]
    if not fresh:
        return
    later = [path for path, text in after.items() if path not in fresh and before.get(path) != text]
    try:
        for path in later:
            _put_aside(path, before.get(path))
        try:
            networkd.introduce(fresh)
        finally:
            for path in later:
                os.replace(path + _ASIDE, path)
    except OSError as error:
        raise HostError("hand networkd its files one after the other", error.strerror or error) from error


def _put_aside(path: str, old: Optional[str]) -> None:
    """Put back what was there for the while; networkd, which isn't root, has to be able to read it."""
    os.replace(path, path + _ASIDE)
    if old is not None:
        like = os.stat(path + _ASIDE)
        with open(path, "w", encoding="utf-8") as handle:
            os.fchown(handle.fileno(), like.st_uid, like.st_gid)
            os.fchmod(handle.fileno(), like.st_mode & 0o777)
            handle.write(old)
