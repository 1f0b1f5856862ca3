# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to libvirt that all drivers of a host share."""

from __future__ import annotations

import os
import shutil
from typing import Optional

from ...contract import Driver, Host
from ...errors import NoLibvirtError
from ..os.paths import SYSTEM_URI
from .connection import connect


class Session(Driver):
    """An open connection; raises `HostError` where there is none to be had."""

    def __init__(self, uri: str) -> None:
        self.connection = connect(uri)

    def close(self) -> None:
        self.connection.close()


def open_session(host: Host, _where: Optional[str]) -> Session:
    """Opens the host's connection. Raises `NoLibvirtError` where the host has no libvirt, and else as `connect`."""
    if host.uri == SYSTEM_URI and not _installed():
        raise NoLibvirtError
    return Session(host.uri)


def _installed() -> bool:
    """Returns whether the host has a daemon of libvirt, the single one or that of networks or guests."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
    return any(shutil.which(name, path=path) for name in ("libvirtd", "virtnetworkd", "virtqemud"))
