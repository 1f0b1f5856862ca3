# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host, as the engine and the steps see it: one connection to libvirt, opened when it is first needed."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Optional

from ..model.world import World
from . import _libvirt, links
from .guests import Guests
from .networks import Networks
from .runfiles import RunFiles


class Host:
    """The host behind a libvirt ``uri``."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._connection: Any = None
        self._networks: Optional[Networks] = None
        self._files = RunFiles(uri)

    @property
    def local(self) -> bool:
        """Whether the daemon's host is this one, whose interfaces can be looked at."""
        parts = urllib.parse.urlsplit(self.uri)
        return not parts.netloc and parts.path.startswith("/system")

    @property
    def connection(self) -> Any:
        if self._connection is None:
            self._connection = _libvirt.connect(self.uri)
        return self._connection

    @property
    def networks(self) -> Networks:
        if self._networks is None:
            self._networks = Networks(self.connection, Guests(self.connection, local=self.local))
        return self._networks

    def world(self) -> World:
        with _libvirt.asking("ask libvirt for its version"):
            version = int(self.connection.getLibVersion())
        return World(version, self.networks.neighbours, links.read_links if self.local else tuple)

    def lock(self) -> AbstractContextManager[None]:
        return self._files.lock()

    def recall(self, label: str) -> Mapping[str, Any]:
        return self._files.recall(label)

    def remember(self, label: str, resume: Mapping[str, Any]) -> None:
        self._files.remember(label, resume)

    def forget(self) -> None:
        if self._networks is not None:
            self._networks.forget()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
