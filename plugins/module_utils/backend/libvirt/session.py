# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to libvirt that all drivers of a host share."""

from __future__ import annotations

from typing import Optional

from ...contract import Driver, Host
from .connection import connect


class Session(Driver):
    """An open connection; raises `HostError` where there is none to be had."""

    def __init__(self, uri: str) -> None:
        self.connection = connect(uri)

    def close(self) -> None:
        self.connection.close()


def open_session(host: Host, _where: Optional[str]) -> Session:
    return Session(host.uri)
