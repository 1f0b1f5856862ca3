# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Guests that run while a network changes below them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from lab.guest import Guest

from .host import Host


@contextlib.contextmanager
def guest_on(host: Host, network: str, name: str = "g1", **options: Any) -> Iterator[Guest]:
    """A guest on a network, with its address; gone at the end. One that libvirt needn't know of may be of the kind station."""
    guest = Guest.start(host.machine, name, network, **options)
    try:
        yield guest
    finally:
        guest.stop()


class Ping:
    """The host pings a guest ten times a second while something else goes on."""

    _LOG = "/run/virtnet-test.ping"

    def __init__(self, host: Host, address: str) -> None:
        self._host = host
        self._address = address.partition("/")[0]
        self.log = ""

    def __enter__(self) -> Ping:
        reaches(self._host, self._address, seconds=10)
        command = f"ping -n -i 0.1 {self._address} >{self._LOG} 2>&1 & echo $!"
        self._pid = self._host.shell(command).strip()
        return self

    def __exit__(self, *_: object) -> None:
        # SIGINT has it print what it counted
        self._host.shell(f"kill -INT {self._pid}")
        self._host.until(f"! kill -0 {self._pid}")
        self.log = self._host.shell(f"cat {self._LOG}")

    @property
    def lost(self) -> int:
        sent, received = re.search(r"(\d+) packets transmitted, (\d+) received", self.log).groups()  # type: ignore[union-attr]
        # the last one may still have been on its way
        return max(0, int(sent) - int(received) - 1)


def reaches(host: Host, address: str, seconds: int = 30) -> None:
    """The host's ping is answered, at once or after a while."""
    host.until(f"ping -n -c 1 -W 1 {address.partition('/')[0]}", seconds)


def plugged(host: Host, network: str, guest: Guest) -> None:
    """The guest is on the network's bridge, and in libvirt's own books."""
    found = host.look()[network]
    device = guest.ifname()
    assert host.shell(f"readlink /sys/class/net/{device}/master").strip().endswith(f"/{found['bridge']}")
    assert "connections='1'" in found["running"], found["running"]
    ports = [line for line in host.shell(f"virsh net-port-list {network}").splitlines()[2:] if line.strip()]
    assert len(ports) == 1, ports
