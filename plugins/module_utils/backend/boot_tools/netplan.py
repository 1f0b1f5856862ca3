# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes netplan write the files of networkd and NetworkManager, and these read them, each in its own gentle way.

``netplan apply`` does more: it takes interfaces down and makes them again.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Mapping
from typing import Optional

from ...errors import HostError
from ..os import commands
from ..os.atomic import write_file
from . import networkd, networkmanager

_NETWORKD = "/run/systemd/network"
_ASIDE = ".virtnet-kvm-later"


def reload(names: tuple[str, ...]) -> None:
    """Brings interfaces in line with netplan's files. Raises `HostError`."""
    generate()
    networkd.reload(names)
    if shutil.which("nmcli"):
        networkmanager.reload(names)


def generate() -> None:
    """Makes netplan write the files of its renderers. networkd reads those of new interfaces, and not yet the others."""
    before = _networkd_files()
    commands.run("have netplan write the files of its renderers", "netplan", "generate")
    if networkd.running():
        _introduce(before, _networkd_files())


def _networkd_files() -> dict[str, str]:
    return {path: _text(path) for path in glob.glob(f"{_NETWORKD}/*-netplan-*.net*") if not path.endswith(_ASIDE)}


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as handle:
        return handle.read()


def _introduce(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Makes networkd read new .netdev files before files that refer to them (see `networkd`)."""
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
        raise HostError("give networkd its files one after the other", error.strerror or error) from error


def _put_aside(path: str, old: Optional[str]) -> None:
    """Renames a file, and puts the ``old`` text in its place, readable for networkd, which isn't root."""
    os.replace(path, path + _ASIDE)
    if old is not None:
        like = os.stat(path + _ASIDE)
        write_file(path, old.encode(), mode=like.st_mode & 0o777, uid=like.st_uid, gid=like.st_gid)
