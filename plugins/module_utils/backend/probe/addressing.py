# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives a probe an address that no machine of its network has, in the namespace of the calling process."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import time
from collections.abc import Sequence
from typing import Optional

from ...errors import HostError
from ...model.reach.places import Side
from ..os import commands

NIC = "eth0"
_FORWARDING_SECONDS = 35  # a bridge with STP learns for twice its forward delay, 15 s by default
_PROBES, _PROBE_SECONDS = 3, 0.15  # RFC 5227 waits longer, but a bridge has no slow links
_TENTATIVE, _FAILED = 0x40, 0x08  # IFA_F_TENTATIVE, IFA_F_DADFAILED (linux/if_addr.h)
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ETHERTYPE_ARP = 0x0806
_BROADCAST = b"\xff" * 6


def take_addresses(sides: Sequence[Side]) -> dict[int, str]:
    """Sets up the NIC, and returns the address of each version of IP that it has then. Raises `HostError`."""
    with contextlib.suppress(OSError), open(f"/proc/sys/net/ipv6/conf/{NIC}/accept_ra", "w", encoding="ascii") as file:
        file.write("0")
    _ip("link set lo up", f"link set {NIC} up")
    found: dict[int, str] = {}
    for side in sides:
        version = ipaddress.ip_address(side.gateway).version
        address = _take_ipv4(side) if version == 4 else _take_ipv6(side)
        if address:
            found[version] = address
            _ip(f"-{version} route add default via {side.gateway} dev {NIC}")
    return found


def _ip(*lines: str) -> None:
    for line in lines:
        commands.run("set up a probe", "ip", *line.split())


def _take_ipv4(side: Side) -> Optional[str]:
    with _arp_socket() as client:
        if not _wait_for(client, side.gateway):
            return None
        address = next((each for each in side.candidates if not _asked(client, each)), None)
    if address:
        _ip(f"address add {address}/{side.prefix_length} dev {NIC}")
    return address


def _arp_socket() -> socket.socket:
    client = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE_ARP))
    client.bind((NIC, _ETHERTYPE_ARP))
    return client


def _wait_for(client: socket.socket, address: str) -> bool:
    """Waits until the bridge forwards, which the host's answer shows."""
    end = time.monotonic() + _FORWARDING_SECONDS
    while time.monotonic() < end:
        if _asked(client, address):
            return True
    return False


def _asked(client: socket.socket, address: str) -> bool:
    """Returns whether a machine has this address: whether it answers ARP requests without a source (RFC 5227, 2.1.1)."""
    own, target = client.getsockname()[4], socket.inet_aton(address)
    packet = _BROADCAST + own + struct.pack("!H", _ETHERTYPE_ARP)
    packet += _ARP.pack(1, 0x0800, 6, 4, 1, own, bytes(4), bytes(6), target)
    for _probe in range(_PROBES):
        with contextlib.suppress(OSError):  # not up yet
            client.send(packet)
        end = time.monotonic() + _PROBE_SECONDS
        while (left := end - time.monotonic()) > 0:
            client.settimeout(left)
            try:
                data = client.recv(128)
            except OSError:
                break
            if len(data) >= 14 + _ARP.size and _ARP.unpack_from(data, 14)[6] == target:
                return True
    return False


def _take_ipv6(side: Side) -> Optional[str]:
    for address in side.candidates[:2]:
        _ip(f"-6 address add {address}/{side.prefix_length} dev {NIC}")
        if _settled(address):
            return address
        _ip(f"-6 address del {address}/{side.prefix_length} dev {NIC}")
    return None


def _settled(address: str) -> bool:
    """Waits until the kernel has looked for the address in the network; returns whether no machine has it."""
    digits = ipaddress.ip_address(address).packed.hex()
    end = time.monotonic() + _FORWARDING_SECONDS
    while time.monotonic() < end:
        try:
            with open("/proc/net/if_inet6", encoding="ascii") as file:
                flags = next((int(line.split()[4], 16) for line in file if line.startswith(digits)), _FAILED)
        except OSError as error:
            raise HostError("read the addresses of a probe", error) from error
        if flags & _FAILED:
            return False
        if not flags & _TENTATIVE:
            return True
        time.sleep(0.05)
    return False
