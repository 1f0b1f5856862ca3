# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Two stations on a bridge, as namespaces: `guest`, whose end on the host can be bound to a filter, and `peer`, which can't."""

from __future__ import annotations

import json
from typing import Any

from .host import Host

TAP = "vguest"
GUEST, PEER = "10.44.0.2", "10.44.0.3"
MAC, PEER_MAC = "52:54:00:44:00:02", "52:54:00:44:00:03"

CREATE = f"""set -e
ip link add br44 address 02:00:00:44:00:01 type bridge
ip link set br44 up
for each in guest:{GUEST}:{MAC} peer:{PEER}:{PEER_MAC}; do
    name=${{each%%:*}} rest=${{each#*:}}; address=${{rest%%:*}} mac=${{rest#*:}}
    ip netns add $name
    ip link add v$name type veth peer name eth0 address $mac netns $name
    ip link set v$name master br44 up
    ip -n $name address add $address/24 dev eth0
    ip -n $name link set eth0 up
    ip -n $name link set lo up
done"""
REMOVE = "ip netns delete guest; ip netns delete peer; ip link delete br44; ip link delete vguest; true"

# Listens on TCP and UDP ports, and answers each with a byte.
_SERVE = """
import socket, sys, threading
address = sys.argv[1]
def tcp(port):
    listening = socket.create_server((address, port), backlog=50)
    while True:
        peer, _ = listening.accept()
        peer.sendall(b"x")
        peer.close()
def udp(port):
    served = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    served.bind((address, port))
    while True:
        served.sendto(b"x", served.recvfrom(100)[1])
for port in (22, 53, 80, 81):
    threading.Thread(target=tcp, args=(port,)).start()
for port in (53, 54):
    threading.Thread(target=udp, args=(port,)).start()
print("ready", flush=True)
"""

# Which of the other station's ports answer.
_ASK = """
import concurrent.futures, json, socket, subprocess, sys
address = sys.argv[1]
def tcp(port):
    with socket.create_connection((address, port), timeout=1.5) as peer:
        return peer.recv(1) == b"x"
def udp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(1.5)
        asking.sendto(b"?", (address, port))
        return asking.recv(1) == b"x"
def ping(_port):
    return subprocess.run(["ping", "-n", "-c", "1", "-W", "1", address], stdout=subprocess.DEVNULL).returncode == 0
def answers(what):
    try:
        return what[0](what[1])
    except OSError:
        return False
asked = {"ping": (ping, 0), **{f"tcp {p}": (tcp, p) for p in (22, 53, 80, 81)}, **{f"udp {p}": (udp, p) for p in (53, 54)}}
with concurrent.futures.ThreadPoolExecutor(10) as pool:
    print(json.dumps(dict(zip(asked, pool.map(answers, asked.values())))))
"""

# Sends frames, each with a word in it, and the other one listens for the words.
_SEND = """
import json, socket, struct, sys
me, peer, mine, other, theirs = sys.argv[1:]
def mac(text): return bytes.fromhex(text.replace(":", ""))
def ip(source, word, port=4000):
    payload = struct.pack("!HHHH", port, 4001, 8 + len(word), 0) + word
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(peer))
    total = sum(struct.unpack("!10H", head))
    while total >> 16: total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + payload
def frame(source, kind, body): return mac(theirs) + mac(source) + struct.pack("!H", kind) + body
def arp(hardware, address, word):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 2, mac(hardware), socket.inet_aton(address), mac(theirs), socket.inet_aton(peer)) + word
away = ".".join(me.split(".")[:3]) + ".99"
ipv6 = bytes.fromhex("6000000000183aff" + "fe80" + "00" * 14 + "ff02" + "00" * 13 + "01")
frames = [
    frame(mine, 0x800, ip(me, b"own-frame")),
    frame(other, 0x800, ip(me, b"other-mac")),
    frame(mine, 0x800, ip(away, b"other-ip")),
    frame(mine, 0x806, arp(mine, away, b"other-arp-ip")),
    frame(mine, 0x806, arp(other, me, b"other-arp-mac")),
    frame(mine, 0x806, arp(mine, me, b"own-arp")),
    frame(mine, 0x88B5, b"other-protocol"),
    frame(mine, 0x800, ip(me, b"server-of-dhcp", 67)),
    frame(mine, 0x86DD, ipv6 + bytes((134, 0, 0, 0)) + b"router-that-tells-it"),
]
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sending:
    sending.bind(("eth0", 0))
    for each in frames: sending.send(each.ljust(60, b"\\0"))
"""
_LISTEN = """
import re, socket, sys, time
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as listening:
    listening.bind(("eth0", 3))
    listening.settimeout(0.2)
    print("ready", flush=True)
    found, end = set(), time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        try:
            found.update(re.findall(rb"(?:own|other|server|router)-[a-z-]+", listening.recv(2000)))
        except TimeoutError:
            pass
print(*sorted(each.decode() for each in found))
"""


def create(host: Host) -> None:
    host.shell(REMOVE, check=False)
    host.shell(CREATE)
    for name, script in (("serve", _SERVE), ("ask", _ASK), ("send", _SEND), ("listen", _LISTEN)):
        host.shell(f"cat >/run/virtnet-test.{name}.py", input=script)
    for name, address in (("guest", GUEST), ("peer", PEER)):
        host.shell(
            f"ip netns exec {name} python3 /run/virtnet-test.serve.py {address} >/run/virtnet-test.{name} 2>&1 & echo $!"
            f" >/run/virtnet-test.{name}.pid"
        )
        host.until(f"grep ready /run/virtnet-test.{name}")


def remove(host: Host) -> None:
    host.shell(
        "kill -9 $(cat /run/virtnet-test.guest.pid /run/virtnet-test.peer.pid); rm -f /run/virtnet-test.*", check=False
    )
    host.shell(REMOVE)


def open_to(host: Host, asking: str) -> set[str]:
    """What the other station answers."""
    address = PEER if asking == "guest" else GUEST
    found: dict[str, Any] = json.loads(host.shell(f"ip netns exec {asking} python3 /run/virtnet-test.ask.py {address}"))
    return {name for name, answered in found.items() if answered}


def spoofed(host: Host) -> set[str]:
    """The frames that the guest sent and that arrived: its own, and with other addresses."""
    host.shell("ip netns exec peer python3 /run/virtnet-test.listen.py 2 >/run/virtnet-test.heard 2>&1 &")
    host.until("grep ready /run/virtnet-test.heard")
    host.shell(
        f"ip netns exec guest python3 /run/virtnet-test.send.py {GUEST} {PEER} {MAC} 52:54:00:44:00:99 {PEER_MAC}"
    )
    found = host.until("sed -n 2p /run/virtnet-test.heard | grep .", 10).split()
    host.shell("ip -n peer neighbour flush dev eth0")  # it may believe what it heard
    return set(found)


def flooded(host: Host, doing: Any, address: str = GUEST, prefix: str = "ip netns exec peer ") -> int:
    """How many of the peer's pings the guest answers while something is done, 500 a second."""
    log = "/run/virtnet-test.flood"
    pid = host.shell(f"{prefix}ping -n -i 0.002 {address} >{log} 2>&1 & echo $!").strip()
    try:
        doing()
    finally:
        host.shell(f"kill -INT {pid}")
        host.until(f"! kill -0 {pid}")
    return int(host.shell(f"grep -o '[0-9]* received' {log}").split()[0])
