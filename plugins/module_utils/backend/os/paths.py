# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the host keeps what several parts of the collection look for."""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from typing import Optional

SYSTEM_URI = "qemu:///system"

# Where iproute2 keeps the named network namespaces (ip-netns(8)).
_NAMESPACES = "/run/netns"


def namespace_path(netns: str) -> str:
    """Returns the file of a network namespace that is given by its name or by its path."""
    return netns if "/" in netns else os.path.join(_NAMESPACES, netns)


def run_directory(uri: str) -> Optional[str]:
    """Returns the directory for what a run keeps while it works on a connection; ``None`` where the user may not write one.

    It is below /run, so that a reboot, after which no run is under way, empties it.
    """
    base = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
    if not base or not os.access(base, os.W_OK):
        return None
    return os.path.join(base, "virtnet.kvm", hashlib.sha256(uri.encode()).hexdigest()[:12])


def is_local(uri: str) -> bool:
    """Returns whether the daemon behind a libvirt URI runs on this host, whose interfaces can be looked at."""
    parts = urllib.parse.urlsplit(uri)
    return not parts.netloc and parts.path.startswith("/system")
