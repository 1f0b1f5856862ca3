# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Measures who reaches whom on a lab host, by ping, TCP and UDP. Runs on the host, with the places as JSON in its input.

Each place is {name: {"netns": a namespace, "addresses": [address, ...]}}. The output is a list of
[from, to, version, protocol, answer]: the answer is "no", "yes", or "other" if the one that was asked saw another address.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PORT = 7007
SECONDS = 2.0
_CLONE_NEWNET = 0x40000000


def _enter(netns: str) -> None:
    with open(f"/run/netns/{netns}", encoding="ascii") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"can't enter {netns}")


def _in_child(netns: str, work: Callable[[], object]) -> int:
    pid = os.fork()
    if not pid:
        try:
            _enter(netns)
            work()
        finally:
            os._exit(0)
    return pid


def _serve(ready: int) -> None:
    """Answers at TCP and UDP with the address of the client; writes a byte when it begins to."""
    tcp, udp = (socket.socket(socket.AF_INET6, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
    for each in (tcp, udp):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind(("::", PORT))
    tcp.listen(64)

    def answer_udp() -> None:
        while True:
            _data, peer = udp.recvfrom(64)
            udp.sendto(_bare(peer[0]).encode(), peer)

    threading.Thread(target=answer_udp, daemon=True).start()
    os.write(ready, b"1")
    while True:
        client, peer = tcp.accept()
        with client:
            client.sendall(_bare(peer[0]).encode())


def _bare(address: str) -> str:
    return address.removeprefix("::ffff:")


def _ask_tcp(address: str) -> str:
    with socket.create_connection((address, PORT), timeout=SECONDS) as client:
        return client.recv(64).decode()


def _ask_udp(address: str) -> str:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(SECONDS / 2)
        for _try in range(2):
            client.sendto(b"?", (address, PORT))
            try:
                return client.recv(64).decode()
            except socket.timeout:
                continue
    return ""


def _ask_icmp(address: str) -> str:
    done = subprocess.run(["ping", "-n", "-c", "1", "-W", str(int(SECONDS)), address], check=False, capture_output=True)
    return "pong" if done.returncode == 0 else ""


_PROTOCOLS = {"icmp": _ask_icmp, "tcp": _ask_tcp, "udp": _ask_udp}


def _probe(own: list[str], there: str, protocol: str) -> str:
    try:
        said = _PROTOCOLS[protocol](there)
    except OSError:
        return "no"
    if not said:
        return "no"
    return "yes" if said == "pong" or said in own else "other"


def _measure(name: str, places: dict[str, Any], output: int) -> None:
    """Writes what a place reaches of all others, a line each."""
    asked = [
        (other, address, protocol)
        for other, place in places.items()
        if other != name
        for address in place["addresses"]
        for protocol in _PROTOCOLS
    ]
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = pool.map(lambda each: _probe(places[name]["addresses"], each[1], each[2]), asked)
        for (other, address, protocol), answer in zip(asked, answers):
            line = json.dumps([name, other, 6 if ":" in address else 4, protocol, answer])
            os.write(output, f"{line}\n".encode())


def main() -> None:
    places = json.load(sys.stdin)
    reading, writing = os.pipe()
    servers = [_in_child(place["netns"], lambda: _serve(writing)) for place in places.values()]
    for _server in servers:
        os.read(reading, 1)
    answers, output = os.pipe()
    try:
        for name, place in places.items():
            _in_child(place["netns"], lambda name=name: _measure(name, places, output))  # type: ignore[misc]
        os.close(output)
        with os.fdopen(answers, encoding="ascii") as lines:
            print(json.dumps([json.loads(line) for line in lines]))
    finally:
        for pid in servers:
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
