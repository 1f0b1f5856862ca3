# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units of systemd that are ours.

A reload of systemd runs its generators (systemd.generator(7)), and that of netplan writes the files of networkd. In the middle of a
run these would be the files of interfaces that networkd is to get later, and one after the other. So systemd is reloaded only if it
has to be, and then networkd's files stay as they were.
"""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from collections.abc import Iterator

from ...errors import HostError
from . import commands

_NETWORKD = "/run/systemd/network"
_OF_NETPLAN = f"{_NETWORKD}/*-netplan-*"
_CTL = "systemctl"
# A unit that systemd hasn't loaded needs no reload: its file is read when it is started. The link that enables it is for the boot.
_NO_RELOAD = "--no-reload"


def start(unit: str, doing: str) -> None:
    """Enables a service, and starts it with its present file. Raises `HostError`."""
    if commands.run(doing, _CTL, "show", "--property=NeedDaemonReload", unit).strip() == "NeedDaemonReload=yes":
        reload(doing)
    enable(unit, doing)
    commands.run(doing, _CTL, "restart", unit)


def enable(unit: str, doing: str) -> None:
    """Enables a service for the next boot. Raises `HostError`."""
    commands.run(doing, _CTL, _NO_RELOAD, "--quiet", "enable", unit)


def reload(doing: str) -> None:
    """Reloads systemd, which then reads the files of units again. Raises `HostError`."""
    with _networkd_files_kept(doing):
        commands.run(doing, _CTL, "daemon-reload")


def end(unit: str, doing: str) -> None:
    """Ends a service, and disables it. Raises `HostError`."""
    stop(unit, doing)
    commands.run(doing, _CTL, _NO_RELOAD, "--quiet", "disable", unit)


def stop(unit: str, doing: str) -> None:
    """Ends a service, whose file may be gone already. Raises `HostError`."""
    commands.run(doing, _CTL, "stop", unit)


def runs(unit: str) -> bool:
    """Returns whether a service runs, and is enabled."""
    return _has(unit, "ActiveState=active", "UnitFileState=enabled")


def is_active(unit: str) -> bool:
    """Returns whether a service runs."""
    return _has(unit, "ActiveState=active")


def _has(unit: str, *properties: str) -> bool:
    names = ",".join(each.partition("=")[0] for each in properties)
    try:
        said = commands.run(f"ask systemd about {unit}", _CTL, "show", f"--property={names}", unit)
    except HostError:
        return False
    return set(properties) <= set(said.splitlines())


@contextlib.contextmanager
def _networkd_files_kept(doing: str) -> Iterator[None]:
    """Keeps the files that netplan has written for networkd: the same files, for which networkd looks at their inodes."""
    try:
        with tempfile.TemporaryDirectory(prefix=".virtnet-kvm-", dir=os.path.dirname(_NETWORKD)) as aside:
            kept = {path: os.path.join(aside, os.path.basename(path)) for path in glob.glob(_OF_NETPLAN)}
            for path, link in kept.items():
                os.link(path, link)
            try:
                yield
            finally:
                for path in set(glob.glob(_OF_NETPLAN)) - set(kept):
                    os.unlink(path)
                for path, link in kept.items():
                    os.replace(link, path)
    except OSError as error:
        raise HostError(doing, error.strerror or error) from error
