# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sockets of this host, as the kernel lists them in /proc/net (proc(5))."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Optional, Union

IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

_LISTENING = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN; for UDP TCP_CLOSE: bound, without a peer
_ESTABLISHED = "01"
_PARENT = re.compile(r"^PPid:\s*(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Socket:
    """A socket: its local address and port, its state in the kernel's number, its inode, and the address of its peer."""

    address: IPAddress
    port: int
    state: str
    inode: int
    peer: IPAddress


def listening(protocol: str) -> tuple[Socket, ...]:
    """Returns the sockets at which programs listen."""
    return tuple(each for each in _sockets(protocol) if each.state == _LISTENING.get(protocol))


def listener(sockets: Sequence[Socket], ports: range, address: Optional[str] = None) -> Optional[tuple[int, str]]:
    """Returns the first of these ports at which a program listens, and the program's name; ``None`` if none does.

    ``sockets`` are those of `listening`. The name is empty if it isn't known. Without an ``address`` the program may listen at
    any but a loopback address.
    """
    found = [each for each in sockets if each.port in ports and _takes(each.address, address)]
    if not found:
        return None
    port = min(each.port for each in found)
    inodes = {each.inode for each in found if each.port == port}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if inodes & set(_inodes(pid)):
            return port, _name(pid)
    return port, ""


def ports_of_connection() -> frozenset[int]:
    """Returns the local TCP ports of the connection that this process is run over, such as that of sshd."""
    return frozenset(each.port for each in _of_this_run())


def peers_of_connection() -> frozenset[str]:
    """Returns the addresses at the other end of that connection."""
    return frozenset(str(each.peer) for each in _of_this_run())


def _of_this_run() -> Iterator[Socket]:
    inodes: set[int] = set()
    pid = str(os.getpid())
    while pid not in ("0", ""):
        inodes |= set(_inodes(pid))
        pid = _parent(pid)
    return (each for each in _sockets("tcp") if each.state == _ESTABLISHED and each.inode in inodes)


def _takes(bound: IPAddress, address: Optional[str]) -> bool:
    """Returns whether a socket that is bound to an address gets what arrives at another one, or at any (``None``)."""
    if bound.is_unspecified:
        return True
    return not bound.is_loopback if address is None else bound == ipaddress.ip_address(address)


def _address(text: str) -> IPAddress:
    """Returns an address of /proc/net/tcp: 32-bit words in hexadecimal, each in the byte order of this machine."""
    packed = b"".join(struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8))
    found = ipaddress.ip_address(packed)
    return getattr(found, "ipv4_mapped", None) or found


def _sockets(protocol: str) -> Iterator[Socket]:
    for path in (f"/proc/net/{protocol}", f"/proc/net/{protocol}6"):
        with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as lines:
            next(lines, None)
            for line in lines:
                words = line.split()
                address, _colon, port = words[1].partition(":")
                peer = _address(words[2].partition(":")[0])
                yield Socket(_address(address), int(port, 16), words[3], int(words[9]), peer)


def _inodes(pid: str) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                link = os.readlink(f"/proc/{pid}/fd/{descriptor}")
                if link.startswith("socket:["):
                    yield int(link[8:-1])


def _parent(pid: str) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as handle:
        found = _PARENT.search(handle.read())
        return found[1] if found else ""
    return ""


def _name(pid: str) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as handle:
        return handle.read().strip()
    return ""
