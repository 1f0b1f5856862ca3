# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A server that answers whatever comes with a line: a text, and the address that it was asked from. Runs on the lab host.

guest_listen.py tcp|udp PORT TEXT
"""

from __future__ import annotations

import contextlib
import socket
import sys


def main() -> None:
    protocol, port, text = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    server = socket.socket(socket.AF_INET6, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", port))
    if protocol == "tcp":
        server.listen(64)
    while True:
        if protocol == "tcp":
            peer, place = server.accept()
            with peer, contextlib.suppress(OSError):
                peer.settimeout(1)
                peer.sendall(_line(text, place[0]))
                peer.shutdown(socket.SHUT_WR)
                # What is left unread when it closes would have the kernel reset the connection.
                while peer.recv(65536):
                    pass
        else:
            _data, place = server.recvfrom(65536)
            server.sendto(_line(text, place[0]), place)


def _line(text: str, address: str) -> bytes:
    return f"{text} {address.removeprefix('::ffff:')}\n".encode()


if __name__ == "__main__":
    main()
