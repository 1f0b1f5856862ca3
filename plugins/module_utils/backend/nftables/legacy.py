# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of iptables-legacy, which are the kernel's own and not of nftables, on a host whose iptables is that of nftables."""

from __future__ import annotations

import contextlib

from ...errors import HostError
from ...model.firewall.others import legacy_tables
from ..os import commands

# The tables that iptables-legacy has created in this namespace; without such a table the file is empty, or isn't there.
_NAMES = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names"}
_TOOLS = {"ip": "iptables-legacy-save", "ip6": "ip6tables-legacy-save"}


def used(family: str) -> bool:
    """Returns whether iptables-legacy has tables of a family, ``ip`` or ``ip6``."""
    try:
        with open(_NAMES[family], encoding="ascii") as handle:
            return bool(handle.read().strip())
    except OSError:
        return False


def tables() -> tuple[str, ...]:
    """Returns the tables in which iptables-legacy has rules; none where iptables itself is that one, and so shows them."""
    found: set[str] = set()
    for family, tool in _TOOLS.items():
        with contextlib.suppress(HostError):
            if used(family):
                found |= legacy_tables(commands.run("list the rules of iptables-legacy", tool))
    if not found or "legacy" in _version():
        return ()
    return tuple(sorted(found))


def _version() -> str:
    """Returns what iptables says of itself: ``iptables v1.8.11 (nf_tables)``."""
    try:
        return commands.run("ask iptables for its version", "iptables", "-V")
    except HostError:
        return ""
