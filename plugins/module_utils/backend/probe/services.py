# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions of a probe to the services of its network: DNS and DHCP.

They are asked in the network namespace of the calling process, and return whether there was an answer.
"""

from __future__ import annotations

import os
import socket
import struct
import time

from .addressing import NIC

_TRIES, _TRY_SECONDS = 3, 0.5
# dnsmasq first looks for three seconds whether a machine has the address that it is about to offer (PING_WAIT).
_OFFER_SECONDS, _OFFER_TRY_SECONDS = 6.0, 2.0
_DNS_PORT, _DHCP_SERVER, _DHCP_CLIENT = 53, 67, 68
# RFC 1035, 4.1: one question of the class CH for the server's version, which each server answers or refuses by itself.
_DNS_QUESTION = b"\x07version\x04bind\x00" + struct.pack("!HH", 16, 3)
_RESPONSE = 0x8000
# RFC 2131: the fixed part, the cookie, and the option for the type of the message: DISCOVER, OFFER.
_BOOTP = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_COOKIE = b"\x63\x82\x53\x63"
_REQUEST, _REPLY, _ETHERNET, _BROADCAST_FLAG = 1, 2, 1, 0x8000
_DISCOVER, _OFFER = b"\x35\x01\x01", b"\x35\x01\x02"
_END = b"\xff"


def ask_dns(address: str) -> bool:
    """Returns whether a DNS server answers at an address, whatever it answers. Raises `OSError`."""
    number = int.from_bytes(os.urandom(2), "big")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(_TRY_SECONDS)
        client.connect((address, _DNS_PORT))
        for _try in range(_TRIES):
            try:
                client.send(struct.pack("!HHHHHH", number, 0, 1, 0, 0, 0) + _DNS_QUESTION)
                found, flags = struct.unpack_from("!HH", client.recv(512).ljust(4, b"\0"))
            except socket.timeout:
                continue
            except ConnectionRefusedError:
                time.sleep(_TRY_SECONDS)  # dnsmasq listens at an IPv6 address a moment after the network is started
                continue
            if found == number and flags & _RESPONSE:
                return True
    return False


def ask_dhcp() -> bool:
    """Returns whether a DHCP server offers an address. It isn't taken, so there is no lease. Raises `OSError`."""
    with open(f"/sys/class/net/{NIC}/address", encoding="ascii") as file:
        mac = bytes.fromhex(file.read().strip().replace(":", ""))
    number = int.from_bytes(os.urandom(4), "big")
    none = bytes(4)
    head = (_REQUEST, _ETHERNET, len(mac), 0, number, 0, _BROADCAST_FLAG, none, none, none, none, mac, b"", b"")
    message = _BOOTP.pack(*head) + _COOKIE + _DISCOVER + _END
    end = time.monotonic() + _OFFER_SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, NIC.encode())
        client.bind(("", _DHCP_CLIENT))
        while time.monotonic() < end:
            client.sendto(message, ("255.255.255.255", _DHCP_SERVER))
            if _is_offered(client, number, min(end, time.monotonic() + _OFFER_TRY_SECONDS)):
                return True
    return False


def _is_offered(client: socket.socket, number: int, end: float) -> bool:
    while (left := end - time.monotonic()) > 0:
        client.settimeout(left)
        try:
            data = client.recv(2048)
        except socket.timeout:
            return False
        if len(data) > _BOOTP.size and data[0] == _REPLY and data[4:8] == struct.pack("!I", number):
            return data.startswith(_COOKIE + _OFFER, _BOOTP.size)
    return False
