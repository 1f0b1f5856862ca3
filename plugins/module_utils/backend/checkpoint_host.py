# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host, as a restore needs it: its interfaces and files, and none of libvirt."""

from __future__ import annotations

from typing import Optional

from .files import Files
from .netlink import Interfaces
from .runfiles import RunFiles

SYSTEM = "qemu:///system"  # whose lock all runs take that change the host's own interfaces


class NetworkHost:
    """The host's own namespace."""

    def __init__(self) -> None:
        self.files = Files()
        self.run_files = RunFiles(SYSTEM)
        self._interfaces: Optional[Interfaces] = None

    def interfaces(self, _netns: Optional[str]) -> Interfaces:
        if self._interfaces is None:
            self._interfaces = Interfaces(None)
        return self._interfaces

    def forget(self) -> None:
        """Others change them as well."""
        if self._interfaces is not None:
            self._interfaces.forget()
