# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's table of connections (conntrack), by netlink (linux/netfilter/nfnetlink_conntrack.h)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence

from ...errors import HostError
from ...model.firewall.steps import Flows

_DOING = "forget connections of the kernel"
_NUMBERS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}


def forget(flows: Sequence[Flows], own: Iterable[str]) -> None:
    """Removes the connections whose first packet went to one of these ports. Raises `HostError`.

    ``own`` are the addresses of the host, which count where the flows have no address.
    """
    from pyroute2 import Conntrack
    from pyroute2.netlink.exceptions import NetlinkError

    local = {str(ipaddress.ip_address(address)) for address in own}
    try:
        with Conntrack() as table:
            for entry in list(table.dump_entries()):
                first = entry.tuple_orig
                if any(_belongs(first, each, local) for each in flows):
                    table.entry("del", tuple_orig=first)
    except (NetlinkError, OSError) as error:
        raise HostError(_DOING, error) from error


def _belongs(first: object, flows: Flows, local: set[str]) -> bool:
    """Returns whether a connection belongs to flows; ``first`` is the tuple of its first packet (NFCTAttrTuple)."""
    if getattr(first, "proto", None) != _NUMBERS.get(flows.protocol):
        return False
    port, address = getattr(first, "dport", None), ipaddress.ip_address(str(getattr(first, "daddr", "")))
    if port is None or not flows.first <= port <= flows.last or address.version != flows.version:
        return False
    return str(address) == flows.address if flows.address else str(address) in local
