# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leases of interfaces as the kernel shows them: addresses that a DHCP client has added, and renews."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import socket
import struct
import time
from collections.abc import Sequence
from typing import Callable

from ...errors import HostError
from ...persist.uplink.requests import HeldAddress, LeaseDriver
from .channel import Channel, attribute, attributes

# linux/rtnetlink.h, linux/if_addr.h
_RTM_NEWADDR, _RTM_DELADDR, _RTM_GETADDR = 20, 21, 22
_MESSAGE = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefixlen, flags, scope, index
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS, _IFA_PROTO = 1, 2, 8, 11
_IFA_F_PERMANENT, _IFA_F_TEMPORARY, _IFA_F_MANAGETEMPADDR = 0x80, 0x01, 0x100
_IFAPROT_KERNEL = (1, 2, 3)
_PAUSE = 0.2
_LENGTHS = {socket.AF_INET: 4, socket.AF_INET6: 16}


class Leases(LeaseDriver):
    """The leases of this host."""

    def carrier(self, name: str) -> bool:
        try:
            with open(f"/sys/class/net/{name}/carrier", encoding="ascii") as handle:
                return handle.read().strip() == "1"
        except OSError:  # it is down, or it isn't there
            return False

    def addresses(self, name: str) -> Sequence[HeldAddress]:
        try:
            index = socket.if_nametoindex(name)
        except OSError:
            return ()
        with contextlib.closing(Channel(None)) as channel:
            messages = channel.dump("read the addresses", _RTM_GETADDR, _MESSAGE.pack(0, 0, 0, 0, 0))
        found = []
        for kind, message in messages:
            family, prefix, _flags, scope, where = _MESSAGE.unpack_from(message)
            held = attributes(message, _MESSAGE.size)
            local = held.get(_IFA_LOCAL, held.get(_IFA_ADDRESS, b""))
            if kind != _RTM_NEWADDR or where != index or len(local) != _LENGTHS.get(family) or scope != 0:
                continue
            flags = struct.unpack("=I", held[_IFA_FLAGS])[0] if _IFA_FLAGS in held else _flags
            advertised = flags & (_IFA_F_TEMPORARY | _IFA_F_MANAGETEMPADDR) if family == socket.AF_INET6 else 0
            if not advertised and held.get(_IFA_PROTO, b"\0")[0] not in _IFAPROT_KERNEL:
                cidr = f"{ipaddress.ip_address(local)}/{prefix}"
                found.append(HeldAddress(cidr, lasting=bool(flags & _IFA_F_PERMANENT)))
        return found

    def until(self, done: Callable[[], bool], seconds: int) -> bool:
        begun = time.monotonic()
        while not done():
            if signal.sigpending() & {signal.SIGTERM, signal.SIGHUP}:
                return True
            if time.monotonic() - begun > seconds:
                return False
            time.sleep(_PAUSE)
        return True

    def remove(self, name: str, cidr: str) -> None:
        doing = f"remove address {cidr} from {name}"
        address = ipaddress.ip_interface(cidr)
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        try:
            index = socket.if_nametoindex(name)
        except OSError as error:
            raise HostError(doing, error.strerror or error) from None
        body = _MESSAGE.pack(family, address.network.prefixlen, 0, 0, index)
        with contextlib.closing(Channel(None)) as channel:
            channel.request(doing, _RTM_DELADDR, body + attribute(_IFA_LOCAL, address.ip.packed))
