# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes the name servers of an interface from the programs that resolve names, where a boot tool leaves them there."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import socket

from ...errors import HostError
from ..os import commands

_RESOLVCONF = ("/run/resolvconf/interface/{}.*", "/run/resolvconf/interfaces/{}.*", "/run/resolvconf/keys/{}.*")
# of isc-dhcp-client's and ifupdown's hooks for systemd-resolved
_RESOLVED = ("isc-dhcp-v4-{}", "isc-dhcp-v6-{}", "ifupdown-inet-{}", "ifupdown-inet6-{}")
_RUN_NETWORK = "/run/network"
_LINK_STATE = "/run/systemd/resolve/netif"


def forget(name: str) -> None:
    """Removes the name servers that an interface had. Raises `HostError`."""
    records = {os.path.basename(path) for each in _RESOLVCONF for path in glob.glob(each.format(glob.escape(name)))}
    for record in sorted(records):
        commands.run(f"remove the name servers of {name}", "resolvconf", "-d", record)
    held = [path for path in (f"{_RUN_NETWORK}/{each.format(name)}" for each in _RESOLVED) if os.path.exists(path)]
    for path in held:
        os.unlink(path)
    if shutil.which("resolvectl") and (held or _has_link_state(name)) and os.path.exists(f"/sys/class/net/{name}"):
        with contextlib.suppress(HostError):  # it may not run
            commands.run(f"remove the name servers of {name}", "resolvectl", "revert", name)


def _has_link_state(name: str) -> bool:
    """Returns whether systemd-resolved remembers what a tool has told it of an interface."""
    try:
        return os.path.exists(f"{_LINK_STATE}/{socket.if_nametoindex(name)}")
    except OSError:
        return False
