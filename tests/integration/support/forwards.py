# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host that forwards between guests and a machine outside: what tests of forwards, outbound rules and policies start from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .host import Host
from .networks import isolated
from .wires import OUTER

HOST = "192.168.30.2"
OUTSIDE = "ip netns exec outer"
INNER = "ip netns exec inner"
# The host's own addresses towards the machine outside.
ROUTED = (
    f"{OUTER}; ip address add {HOST}/24 dev ens7; ip address add fd00:30::2/64 dev ens7 nodad;"
    " sysctl -qw net.ipv4.ip_forward=1"
)
NET: dict[str, Any] = {**isolated("lan", 150), "forward": {"mode": "nat"}}
WEB: dict[str, Any] = {"listen": {"port": "8080"}, "to": {"address": "192.168.150.10", "port": 80}}
# Guests on a bridge that isn't libvirt's.
PLAIN = """set -e
ip link add br9 type bridge
ip address add 10.9.0.1/24 dev br9
ip address add fd00:9::1/64 dev br9 nodad
ip link set br9 up
ip netns add inner
ip link add tap9 type veth peer name eth0 netns inner
ip link set tap9 master br9 up
ip -n inner address add 10.9.0.10/24 dev eth0
ip -n inner address add fd00:9::10/64 dev eth0 nodad
ip -n inner link set eth0 up
ip -n inner route add default via 10.9.0.1
ip -n inner -6 route add default via fd00:9::1
"""
ASK = "timeout 5 bash -c 'exec 3<>/dev/tcp/{}/{}; cat <&3'"
RULES = "nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//'"
# It answers with the address and the port that it sees.
_SERVER = """
import socket
server = socket.create_server(("::", 7000), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    connection, peer = server.accept()
    connection.sendall(("%s %d" % (peer[0].replace("::ffff:", ""), peer[1])).encode())
    connection.close()
"""


def asked(host: Host, port: int, *, where: str = "", address: str = HOST) -> str:
    """What a connection to a port is answered; empty if it isn't."""
    return host.shell(f"{where} {ASK.format(address, port)}", check=False).strip()


@contextmanager
def server_outside(host: Host) -> Iterator[None]:
    """A server on the machine outside, at port 7000, that answers with the address and the port that it sees."""
    host.shell("cat >/run/outside.py", input=_SERVER)
    pid = host.shell(f"{OUTSIDE} python3 /run/outside.py >/dev/null 2>&1 & echo $!").strip()
    host.until(f"{OUTSIDE} ss -Hltn sport = 7000 | grep LISTEN")
    try:
        yield
    finally:
        host.shell(f"kill {pid}; rm /run/outside.py")
