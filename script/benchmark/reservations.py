# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""How long it takes to change N reservations of a running network, with nobody on it and with a guest.

libvirt changes them one by one, and creates its firewall rules again for each; a restart of the network changes them all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from lab.guest import Guest
from lab.machine import Machine

from .race import Play, Script, play

NETWORK = "bench"
CLEAN = Script("sh", f"virsh net-destroy {NETWORK}; virsh net-undefine {NETWORK}; true\n")

# By what differs: the addresses before and after, by the number of the guest; None where there is no reservation.
CASES: dict[str, tuple[Callable[[int, int], int | None], Callable[[int, int], int | None]]] = {
    "new": (lambda _n, _count: None, lambda n, _count: n),
    "changed": (lambda n, _count: n, lambda n, count: n + count),
    "rotated": (lambda n, _count: n, lambda n, count: (n + 1) % count),
}
# By who is on the network: whether a guest is, and what `restart` is.
WITH: dict[str, tuple[bool, str]] = {
    "nothing connected": (False, "if_needed"),
    "a guest": (True, "if_needed"),
    "a guest, `restart: if_faster`": (True, "if_faster"),
}


def network(count: int, address_of: Callable[[int, int], int | None], restart: str = "if_needed") -> Play:
    """A network with these reservations."""
    hosts = []
    for n in range(count):
        place = address_of(n, count)
        if place is not None:
            hosts.append(
                {"mac": f"52:54:00:77:{n // 256:02x}:{n % 256:02x}", "ip": _address(place), "name": f"guest{n}"}
            )
    dhcp: dict[str, Any] = {"ranges": [{"start": "10.78.200.1", "end": "10.78.200.99"}], "hosts": hosts}
    options = {
        "name": NETWORK,
        "forward": {"mode": "nat"},
        "bridge": {"name": "virbr-bench", "stp": False},
        "ips": [{"address": "10.78.0.1/16", "dhcp": dhcp}],
        "restart": restart,
    }
    return play({"virtnet.kvm.virt_net": options})


def _address(place: int) -> str:
    return f"10.78.{1 + place // 250}.{1 + place % 250}"


@contextlib.contextmanager
def guest_on(machine: Machine, wanted: bool) -> Iterator[None]:
    """A guest on the network while it is changed, if one is wanted."""
    if not wanted:
        yield
        return
    guest = Guest.start(machine, "bench1", NETWORK)
    try:
        yield
    finally:
        guest.stop()


def table(count: int, found: dict[tuple[str, str], float]) -> str:
    lines = [f"| {count} reservations | {' | '.join(CASES)} |", "| --- |" + " ---: |" * len(CASES)]
    for on_it in WITH:
        lines.append(f"| {on_it} | {' | '.join(f'{found[on_it, case]:.1f} s' for case in CASES)} |")
    return "\n".join(lines)
