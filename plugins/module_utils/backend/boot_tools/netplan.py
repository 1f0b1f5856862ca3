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
import tempfile
from collections.abc import Iterable, Mapping

from ...errors import HostError
from ..os import commands
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
    doing = "give networkd its files one after the other"
    before = _networkd_files()
    try:
        with tempfile.TemporaryDirectory(prefix=".virtnet-kvm-", dir=os.path.dirname(_NETWORKD)) as aside:
            held = _links(before, aside)
            commands.run("have netplan write the files of its renderers", "netplan", "generate")
            after = _networkd_files()
            for path, text in after.items():
                if path in held and before[path] == text:
                    os.replace(held.pop(path), path)
            if networkd.running():
                _introduce(before, after, held)
    except OSError as error:
        raise HostError(doing, error.strerror or error) from error


def _networkd_files() -> dict[str, str]:
    return {path: _text(path) for path in glob.glob(f"{_NETWORKD}/*-netplan-*.net*") if not path.endswith(_ASIDE)}


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as handle:
        return handle.read()


def _links(paths: Iterable[str], aside: str) -> dict[str, str]:
    """Returns another name of each file, by path.

    netplan writes all files again. For networkd a file has changed if its inode has (stats_by_path_equal in
    src/basic/stat-util.c of systemd), and it sets up all interfaces again whose files have changed: a DHCP lease is lost then.
    """
    held = {path: os.path.join(aside, os.path.basename(path)) for path in paths}
    for path, link in held.items():
        os.link(path, link)
    return held


def _introduce(before: Mapping[str, str], after: Mapping[str, str], held: Mapping[str, str]) -> None:
    """Makes networkd read new .netdev files before files that refer to them (see `networkd`).

    Meanwhile it finds the former files, with their other names in ``held``, in place of changed ones.
    """
    fresh = [path for path, text in after.items() if path.endswith(".netdev") and before.get(path) != text]
    if not fresh:
        return
    later = [path for path, text in after.items() if path not in fresh and before.get(path) != text]
    try:
        for path in later:
            os.replace(path, path + _ASIDE)
            if path in held:
                os.replace(held[path], path)
        networkd.introduce(fresh)
    finally:
        for path in later:
            if os.path.exists(path + _ASIDE):
                os.replace(path + _ASIDE, path)
