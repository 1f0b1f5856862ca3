# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of the host's interfaces in one dump, for what has to know only which are there."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct

from .channel import Channel, attributes

# linux/rtnetlink.h, linux/if_addr.h
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_MESSAGE = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefixlen, flags, scope, index
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_LENGTHS = {socket.AF_INET: 4, socket.AF_INET6: 16}


def addresses_by_interface() -> dict[str, set[str]]:
    """Returns the addresses in CIDR form, of all scopes, by the interface's name. Raises `HostError` or `OSError`."""
    names = dict(socket.if_nameindex())
    found: dict[str, set[str]] = {name: set() for name in names.values()}
    with contextlib.closing(Channel(None)) as channel:
        messages = channel.dump("read the addresses", _RTM_GETADDR, _MESSAGE.pack(0, 0, 0, 0, 0))
    for kind, message in messages:
        family, prefix, _flags, _scope, index = _MESSAGE.unpack_from(message)
        held = attributes(message, _MESSAGE.size)
        # the peer of a point-to-point link is in IFA_ADDRESS, and IPv6 has no IFA_LOCAL without one
        local = held.get(_IFA_LOCAL, held.get(_IFA_ADDRESS, b""))
        if kind == _RTM_NEWADDR and len(local) == _LENGTHS.get(family) and index in names:
            found[names[index]].add(f"{ipaddress.ip_address(local)}/{prefix}")
    return found
