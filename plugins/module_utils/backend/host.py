# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host, as the engine and the steps see it: libvirt, interfaces and files, each opened when it is first needed."""

from __future__ import annotations

import functools
import os
import urllib.parse
from typing import TYPE_CHECKING, Any, Optional

from ..errors import OptionError
from ..model.world import Neighbour, World
from .libvirt import connection
from .libvirt.guests import Guests
from .libvirt.networks import Networks
from .netlink import links
from .os import accounts
from .os.paths import SYSTEM_URI, namespace_path

if TYPE_CHECKING:
    from ..model.interface.requests import InterfaceDriver
    from .boot_tools.files import Files


class Host:
    """The host behind a libvirt ``uri``."""

    def __init__(self, uri: str = SYSTEM_URI) -> None:
        self.uri = uri
        self._connection: Any = None
        self._networks: Optional[Networks] = None
        self._interfaces: dict[Optional[str], InterfaceDriver] = {}

    @property
    def local(self) -> bool:
        """Whether the daemon's host is this one, whose interfaces can be looked at."""
        parts = urllib.parse.urlsplit(self.uri)
        return not parts.netloc and parts.path.startswith("/system")

    @property
    def connection(self) -> Any:
        if self._connection is None:
            self._connection = connection.connect(self.uri)
        return self._connection

    @property
    def networks(self) -> Networks:
        if self._networks is None:
            self._networks = Networks(self.connection, Guests(self.connection, local=self.local))
        return self._networks

    @functools.cached_property
    def files(self) -> Files:
        """The files that make interfaces survive a reboot."""
        from .boot_tools.files import Files

        return Files()

    def interfaces(self, netns: Optional[str] = None) -> InterfaceDriver:
        """The interfaces of a network namespace, given by its name or path; ``None`` is the one that this runs in."""
        if netns not in self._interfaces:
            from .netlink.interfaces import Interfaces

            if netns is None:
                self._interfaces[netns] = Interfaces(None)
                return self._interfaces[netns]
            path = namespace_path(netns)
            if not os.path.exists(path):
                raise OptionError(
                    "netns", netns, f"is no network namespace of this host, as {path} is missing; create it first"
                )
            self._interfaces[netns] = Interfaces(path)
        return self._interfaces[netns]

    def _libvirt_version(self) -> int:
        with connection.asking("ask libvirt for its version"):
            return int(self.connection.getLibVersion())

    def _neighbours(self) -> tuple[Neighbour, ...]:
        return self.networks.neighbours()

    def world(self) -> World:
        return World(
            self._libvirt_version,
            self._neighbours,
            links.read_links if self.local else tuple,
            self.interfaces,
            accounts.known,
            lambda: self.files,
        )

    def forget(self) -> None:
        """Forget what was read of the host, as it has been changed; the interfaces' drivers do so by themselves."""
        if self._networks is not None:
            self._networks.forget()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
