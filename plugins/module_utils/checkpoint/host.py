# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host as a restore needs it: its own namespace's interfaces and its boot tools, and nothing of libvirt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ..backend.boot_tools import networkd
from ..backend.boot_tools.files import RELOADS, Files
from ..backend.host import Host
from ..backend.netlink.channel import Channel
from ..backend.netlink.interfaces import Interfaces
from ..backend.os.lock import run_lock
from ..backend.os.paths import SYSTEM_URI
from ..model.interface.requests import InterfaceDriver
from ..persist.files import is_netdev
from ..persist.steps import FileDriver


class NetworkHost(Host):
    """Implements `part.Host`; ``run_lock`` is the lock of all runs."""

    root = "/"

    def __init__(self) -> None:
        openers = {InterfaceDriver: lambda _host, _where: Interfaces(), FileDriver: lambda _host, _where: Files()}
        super().__init__(SYSTEM_URI, openers)
        self.run_lock = run_lock(SYSTEM_URI)
        self._channel: Optional[Channel] = None

    @property
    def channel(self) -> Channel:
        if self._channel is None:
            self._channel = Channel(None)
        return self._channel

    def has_tool(self, tool: str) -> bool:
        return tool in RELOADS and tool in self.driver(FileDriver).facts().installed

    def reload(self, tool: str, names: tuple[str, ...], changed: Sequence[str]) -> None:
        netdevs = [path for path in changed if is_netdev(path)]
        if netdevs and networkd.running():
            networkd.introduce(netdevs)
        self.driver(FileDriver).reload(tool, names)
