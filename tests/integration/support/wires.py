# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What is at the other end of an interface: a machine outside, a session that it has open, a program on a tap."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from .host import Host

# A machine outside, as a namespace, at the other end of the host's NIC `ens7`.
OUTER = """set -e
ip netns add outer
ip link add ens7 address 02:00:00:00:07:07 type veth peer name eth0 netns outer
ip -n outer address add 192.168.30.1/24 dev eth0
ip -n outer address add fd00:30::1/64 dev eth0 nodad
ip -n outer link set eth0 up
ip link set ens7 up"""
# The host's NIC as a host has it: two families, a secondary address, a metric, another table, routes of several origins.
NIC = f"""{OUTER}
ip address add 192.168.30.2/24 broadcast 192.168.30.255 dev ens7
ip address add 192.168.30.3/24 dev ens7 noprefixroute
ip address add 10.30.0.2/32 dev ens7
ip address add fd00:30::2/64 dev ens7 nodad
ip route add 10.31.0.0/16 via 192.168.30.1 dev ens7 metric 50 proto static
ip route add 10.32.0.0/16 via 192.168.30.1 dev ens7 proto dhcp src 192.168.30.3
ip route add default via 192.168.30.1 dev ens7 table 100 onlink
ip route add 10.33.0.0/16 dev ens7 scope link
ip -6 route add fd00:31::/64 via fd00:30::1 dev ens7 metric 77"""

# The longest that a byte may take through a session while its interface changes, in seconds, on a machine that has other work:
# TCP sends again after 0.2 s, and then after twice the time each, so that what 3.3 s cut off comes after 6.6 s.
MOMENT = 10.0

_SESSION = """
import json, signal, socket, sys, time
role, address = sys.argv[1:]
if role == "host":
    listening = socket.create_server((address, 7777), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    print("ready", flush=True)
    peer = listening.accept()[0]
    while data := peer.recv(100):
        peer.sendall(data)
    sys.exit()
peer = socket.create_connection((address, 7777), timeout=20)
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
found = {"echoed": 0, "longest": 0.0, "broken": None}
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
print("ready", flush=True)
try:
    while not ended:
        begun = time.monotonic()
        peer.sendall(b"x")
        if not peer.recv(1):
            raise OSError("closed")
        found["echoed"] += 1
        found["longest"] = max(found["longest"], time.monotonic() - begun)
        time.sleep(0.01)
except OSError as error:
    found["broken"] = str(error)
print(json.dumps(found), flush=True)
"""
_TAP = """
import fcntl, struct, sys, time
device = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))  # TUNSETIFF: IFF_TAP, IFF_NO_PI
print("ready", flush=True)
time.sleep(600)
"""


@contextlib.contextmanager
def running(host: Host, name: str, command: str) -> Iterator[dict[str, str]]:
    """A program that goes on until the end, or until it is told to; its last line is in ``said`` then."""
    log = f"/run/virtnet-test.{name}"
    pid = host.shell(f"{command} >{log} 2>&1 & echo $!").strip()
    host.until(f"grep ready {log} || {{ cat {log}; false; }}")
    found = {"pid": pid, "said": ""}
    try:
        yield found
    finally:
        host.shell(
            f"kill {pid}; for i in $(seq 50); do kill -0 {pid} || exit 0; sleep 0.1; done; kill -9 {pid}",
            check=False,
        )
        found["said"] = host.shell(f"tail -n 1 {log}")


@contextlib.contextmanager
def session(host: Host, address: str = "192.168.30.2") -> Iterator[dict[str, Any]]:
    """A TCP session that the machine outside has open to the host, a byte forth and back a hundred times a second.

    At the end, what became of it: how many bytes were ``echoed``, the ``longest`` that one took, and why it is ``broken``.
    """
    host.shell("cat >/run/virtnet-test.py", input=_SESSION)
    script = "/run/virtnet-test.py"
    found: dict[str, Any] = {}
    with (
        running(host, f"listening-{address}", f"python3 {script} host {address}"),
        running(host, f"session-{address}", f"ip netns exec outer python3 {script} outer {address}") as client,
    ):
        yield found
        # it goes on for a moment, so that what was broken at the very end is seen
        host.shell("sleep 0.3")
    found.update(json.loads(client["said"]))


@contextlib.contextmanager
def tap(host: Host, name: str) -> Iterator[None]:
    """A TAP device that a program has open, as QEMU has a guest's."""
    host.shell("cat >/run/virtnet-test.tap.py", input=_TAP)
    with running(host, name, f"python3 /run/virtnet-test.tap.py {name}"):
        yield
