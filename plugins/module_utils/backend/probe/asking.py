# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions of a probe to an address: by ping, TCP and UDP; and the server that answers them.

They are asked in the network namespace of the calling process. Each returns the address that the other side has seen, an empty
text where it isn't known, and ``None`` without an answer.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Optional

from ...model.reach.options import DHCP, DNS
from ..os.proc_net import has_ipv6
from .services import ask_dhcp, ask_dns

PORT = 7007  # of the servers, TCP and UDP
SECONDS = 3.0  # for an answer; a busy host needs more than one
_TRIES = 3
# RFC 792, RFC 4443: type of the request and of the reply
_ECHO = {4: (8, 0), 6: (128, 129)}
_MOST_THREADS = 64


@dataclass(frozen=True)
class Question:
    """What a probe asks: an address, by a protocol or as a service; ``name`` is the name of the place or service."""

    name: str
    address: str
    protocol: str

    @property
    def version(self) -> int:
        return 6 if ":" in self.address else 4


def ask_all(questions: Sequence[Question]) -> list[Optional[str]]:
    """Asks side by side, and returns the answers in the same order."""
    if not questions:
        return []
    with ThreadPoolExecutor(min(_MOST_THREADS, len(questions))) as pool:
        return list(pool.map(_ask, questions))


def _ask(question: Question) -> Optional[str]:
    try:
        return _BY_PROTOCOL[question.protocol](question)
    except OSError:
        return None


def _ask_tcp(question: Question) -> Optional[str]:
    with socket.create_connection((question.address, PORT), timeout=SECONDS) as client:
        return client.recv(64).decode() or None


def _ask_udp(question: Question) -> Optional[str]:
    with socket.socket(_family(question.version), socket.SOCK_DGRAM) as client:
        client.settimeout(SECONDS / _TRIES)
        client.connect((question.address, PORT))
        for _try in range(_TRIES):
            client.send(b"?")
            with contextlib.suppress(socket.timeout):
                return client.recv(64).decode()
    return None


def _ask_icmp(question: Question) -> Optional[str]:
    request, reply = _ECHO[question.version]
    protocol = socket.IPPROTO_ICMP if question.version == 4 else socket.IPPROTO_ICMPV6
    number = int.from_bytes(os.urandom(2), "big")
    with socket.socket(_family(question.version), socket.SOCK_RAW, protocol) as client:
        client.connect((question.address, 0))
        for sequence in range(_TRIES):
            client.send(_echo(request, number, sequence))
            end = time.monotonic() + SECONDS / _TRIES
            while (left := end - time.monotonic()) > 0:
                client.settimeout(left)
                try:
                    data = client.recv(1024)
                except socket.timeout:
                    break
                if question.version == 4:
                    data = data[(data[0] & 15) * 4 :]  # after the header of IPv4, which a raw socket delivers
                if len(data) >= 8 and data[0] == reply and struct.unpack_from("!H", data, 4)[0] == number:
                    return ""
    return None


def _ask_dns(question: Question) -> Optional[str]:
    return "" if ask_dns(question.address) else None


def _ask_dhcp(_question: Question) -> Optional[str]:
    return "" if ask_dhcp() else None


_BY_PROTOCOL = {"icmp": _ask_icmp, "tcp": _ask_tcp, "udp": _ask_udp, DNS: _ask_dns, DHCP: _ask_dhcp}


def _echo(kind: int, number: int, sequence: int) -> bytes:
    """Returns an echo request. The kernel sums up those of IPv6 itself."""
    header = struct.pack("!BBHHH", kind, 0, 0, number, sequence)
    if kind == _ECHO[6][0]:
        return header
    total = sum(struct.unpack("!4H", header))
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!BBHHH", kind, 0, ~total & 0xFFFF, number, sequence)


def _family(version: int) -> socket.AddressFamily:
    return socket.AF_INET if version == 4 else socket.AF_INET6


def serve() -> None:
    """Answers at TCP and UDP with the address of the client, in threads of its own. Raises `OSError`."""
    tcp, udp = (_bound(kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
    tcp.listen(128)
    threading.Thread(target=_answer_tcp, args=(tcp,), daemon=True).start()
    threading.Thread(target=_answer_udp, args=(udp,), daemon=True).start()


def _bound(kind: socket.SocketKind) -> socket.socket:
    """Returns a socket for both versions of IP, or for IPv4 alone where the kernel has no IPv6."""
    if not has_ipv6():
        found = socket.socket(socket.AF_INET, kind)
        found.bind(("", PORT))
        return found
    found = socket.socket(socket.AF_INET6, kind)
    found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    found.bind(("::", PORT))
    return found


def _answer_tcp(server: socket.socket) -> None:
    while True:
        client, peer = server.accept()
        with client, contextlib.suppress(OSError):
            client.sendall(_bare(peer[0]).encode())


def _answer_udp(server: socket.socket) -> None:
    while True:
        _data, peer = server.recvfrom(64)
        with contextlib.suppress(OSError):
            server.sendto(_bare(peer[0]).encode(), peer)


def _bare(address: str) -> str:
    """Returns an IPv4 address in its own form, also where it came in that of IPv6."""
    prefix = "::ffff:"
    return address[len(prefix) :] if address.startswith(prefix) else address
