# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host, as a restore needs it: its interfaces and files, and none of libvirt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Optional

from ..backend.boot_tools import networkd
from ..backend.boot_tools.files import RELOADS, Files
from ..backend.netlink.channel import Channel
from ..backend.netlink.interfaces import Interfaces
from ..backend.os.lock import run_lock
from ..backend.os.paths import SYSTEM_URI
from ..contract import DriverType
from .parts.link_local import read_link_local
from .parts.routes import RawRoute, read_routes


class NetworkHost:
    """The host's own namespace."""

    root = "/"

    def __init__(self) -> None:
        self.files = Files()
        self.run_lock = run_lock(SYSTEM_URI)
        self._interfaces: Optional[Interfaces] = None
        self._channel: Optional[Channel] = None

    @property
    def uri(self) -> str:
        return SYSTEM_URI

    def driver(self, kind: type[DriverType], where: Optional[str] = None) -> DriverType:
        del where  # the restore is about the host's own namespace
        if self._interfaces is None:
            self._interfaces = Interfaces(None)
        if not isinstance(self._interfaces, kind):
            raise TypeError(f"a restore has no {kind.__name__}")
        return self._interfaces

    @property
    def channel(self) -> Channel:
        if self._channel is None:
            self._channel = Channel(None)
        return self._channel

    def routes(self) -> set[RawRoute]:
        names = {state.index: name for name, state in self.driver(Interfaces).all().items()}
        return read_routes(self.channel, names)

    def link_local(self) -> Mapping[str, tuple[str, ...]]:
        return read_link_local()

    def reload(self, tool: str, names: tuple[str, ...], changed: Sequence[str]) -> bool:
        """Have a tool read its files again, those that were ``changed`` among them; ``False`` if the host hasn't the tool."""
        if tool not in self.files.facts().installed or tool not in RELOADS:
            return False
        netdevs = [path for path in changed if path.endswith(".netdev") and os.path.exists(path)]
        if netdevs and networkd.running():
            networkd.introduce(netdevs)
        self.files.reload(tool, names)
        return True

    def forget(self) -> None:
        """Others change them as well."""
        if self._interfaces is not None:
            self._interfaces.forget()
