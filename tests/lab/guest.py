# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Small guests on a lab host: they prove leases, names and who reaches whom.

There are two kinds, with one interface. A domain (guest_domain.py) is a real guest of libvirt. A station (guest_station.py)
is a network namespace with a NIC on the same bridge: there in a fraction of a second, but libvirt doesn't know of it.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from .machine import LabError, Machine

KINDS = ("domain", "station")

# Where a host keeps what its guests are made of.
HOST_DIR = "/var/lib/virtnet-lab"
# Where it has a directory for each station that runs. Domains and stations have their names from one space.
STATIONS = "/run/virtnet-lab"

_PAUSE = "usleep 200000"
# Asked for anew from the start; a client that has no lease yet would take a release and a request in any order.
_RELEASE = (
    "! test -e /run/lease || { kill -USR2 $(cat /run/udhcpc.pid) && while test -e /run/lease; do "
    + _PAUSE
    + "; done; }"
)
_REQUEST = "kill -USR1 $(cat /run/udhcpc.pid)"


@dataclass(frozen=True)
class Nic:
    """A guest's NIC: what it is plugged in, and what it makes of it."""

    network: str = "lan"
    bridge: str | None = None
    """One that libvirt knows nothing about, in place of the network."""
    portgroup: str | None = None
    mac: str | None = None
    vlan: int | None = None
    """A tag that the guest puts on its frames itself."""
    ip: str | None = None
    """A fixed address with its prefix length, in place of a lease."""


def mac_of(machine: str, guest: str) -> str:
    """The same guest on the same host has the same MAC in every run."""
    digest = hashlib.sha256(f"{machine}/{guest}".encode()).hexdigest()
    return ":".join(("52:54:00", digest[0:2], digest[2:4], digest[4:6]))


class Guest(ABC):
    """A guest by its name. `start` makes one, `find` returns one that is there."""

    def __init__(self, machine: Machine, name: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
            raise LabError(f"guest name {name!r}: expected a-z, 0-9 and '-', starting with a letter")
        self.machine = machine
        self.name = name

    @staticmethod
    def start(
        machine: Machine,
        name: str,
        network: str = "lan",
        mac: str | None = None,
        portgroup: str | None = None,
        wait_lease: bool = True,
        *,
        bridge: str | None = None,
        vlan: int | None = None,
        ip: str | None = None,
        kind: str = "domain",
    ) -> Guest:
        """Start a guest with one NIC, see `Nic`, and wait for its lease."""
        nic = Nic(network, bridge, portgroup, mac, vlan, ip)
        return start_guests(machine, [name], nic, kind, wait_lease=wait_lease)[0]

    @staticmethod
    def find(machine: Machine, name: str) -> Guest:
        """The station of this name, if there is one, else the domain."""
        return _class_of("station" if name in stations(machine) else "domain")(machine, name)

    def __str__(self) -> str:
        return f"guest {self.name} on {self.machine.name}"

    # -- what a kind writes --------------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def boot(cls, machine: Machine, names: Sequence[str], nic: Nic) -> None:
        """Start guests side by side, each with such a NIC."""

    @abstractmethod
    def run(self, cmd: str, timeout: int = 60) -> tuple[int, str]:
        """Run a shell command in the guest: its status, and what it said on both outputs."""

    @abstractmethod
    def ifname(self) -> str:
        """Its tap or veth on the host."""

    @abstractmethod
    def is_running(self) -> bool: ...

    @abstractmethod
    def stop(self) -> None:
        """Switch it off and forget it; fine when it isn't there."""

    @abstractmethod
    def _move(self, nic: Nic) -> None:
        """Plug the running guest in what the NIC says; the MAC stays."""

    @abstractmethod
    def _serve(self, port: int, protocol: str, text: str) -> str:
        """A command for the guest that answers there until it is killed."""

    # -- the same for both ---------------------------------------------------------------------------------------

    def check(self, cmd: str, timeout: int = 60) -> str:
        """Run a command that must succeed."""
        code, output = self.run(cmd, timeout)
        if code != 0:
            raise LabError(f"{self}: `{cmd}` ended with {code}: {output.strip()}")
        return output

    def until(self, cmd: str, within: int = 30) -> str:
        """Wait until a command succeeds in the guest; what it said then. What it said last is the failure, after that time."""
        words = f"until ({cmd}) >/run/until 2>&1; do {_PAUSE}; done; cat /run/until"
        code, output = self.run(words, within)
        if code != 0:
            raise LabError(
                f"{self}: `{cmd}` does not succeed within {within} s: {self.run('cat /run/until')[1].strip()}"
            )
        return output

    def lease(self, timeout: int = 120) -> str:
        """Its IPv4 address from DHCP; waits for it."""
        code, output = self.run(f"until test -s /run/lease; do {_PAUSE}; done; cat /run/lease", timeout)
        if code != 0:
            log = self.run("tail -n 3 /run/udhcpc.log")[1]
            raise LabError(f"{self} got no lease within {timeout} s: {log.strip()}")
        return output.split()[0]

    def address(self, version: int = 4, timeout: int = 60) -> str:
        """Its first address of this version of IP beyond link-local ones, from wherever; waits until it can be used."""
        look = f"ip -o -{version} address show scope global | grep -v tentative | sed -n 's,.* inet6* \\([^/ ]*\\).*,\\1,p'"
        code, output = self.run(f"until {look} | grep .; do {_PAUSE}; done", timeout)
        if code != 0:
            raise LabError(f"{self} has no IPv{version} address after {timeout} s:\n{self.run('ip address')[1]}")
        return output.split()[0]

    def ping(self, address: str, within: int = 10) -> bool:
        """Whether a ping is answered, at once or within some seconds."""
        command = "ping6" if ":" in address else "ping"
        return self.run(f"until {command} -c 1 -W 1 {shlex.quote(address)}; do {_PAUSE}; done", within)[0] == 0

    def renew(self) -> None:
        """Give the lease back and ask for one anew; `lease` waits for it."""
        self.check(f"{_RELEASE}; {_REQUEST}")

    def plug(self, network: str = "lan", *, bridge: str | None = None, portgroup: str | None = None) -> None:
        """Plug it in another network or bridge, where it asks for addresses anew; `lease` and `address` wait for them."""
        self.check(f"! test -e /run/udhcpc.pid || {{ {_RELEASE}; }}")
        self._move(Nic(network, bridge, portgroup))
        # The kernel gives IPv6 addresses up, and asks for others, only when the device comes up.
        self.check(f"ip link set eth0 down; ip link set eth0 up; ! test -e /run/udhcpc.pid || {_REQUEST}")

    def listen(self, port: int, protocol: str = "tcp", text: str | None = None) -> None:
        """Answer at a port with a line, the guest's name or this text, until the guest is stopped."""
        serve = self._serve(port, protocol, shlex.quote(text or self.name))
        state = {"tcp": "0A", "udp": "07"}[protocol]
        seen = (
            f"cat /proc/net/{protocol} /proc/net/{protocol}6 2>/dev/null | grep -q ':{port:04X} [0-9A-F]*:0000 {state}'"
        )
        log = f"/run/listen-{protocol}-{port}.log"
        code, output = self.run(
            f"! {seen} || {{ echo the port is taken; exit 1; }}; {serve} </dev/null >{log} 2>&1 & "
            f"until {seen}; do kill -0 $! || {{ cat {log}; exit 1; }}; {_PAUSE}; done",
            30,
        )
        if code != 0:
            raise LabError(f"{self} can't listen at {protocol} port {port}: {output.strip()}")


def _class_of(kind: str) -> type[Guest]:
    # Imported late: both build on this file.
    if kind == "domain":
        from .guest_domain import Domain

        return Domain
    if kind == "station":
        from .guest_station import Station

        return Station
    raise LabError(f"guest kind {kind!r}: expected one of {', '.join(KINDS)}")


def stations(machine: Machine) -> list[str]:
    """The names of a host's stations."""
    return machine.run(f"ls {STATIONS} 2>/dev/null", check=False).stdout.split()


def start_guests(
    machine: Machine, names: Sequence[str], nic: Nic, kind: str = "domain", *, wait_lease: bool = True
) -> list[Guest]:
    """Start guests of one kind side by side, and wait for their leases."""
    if nic.mac and len(names) > 1:
        raise LabError(f"MAC {nic.mac}: expected one guest for it, not {', '.join(names)}")
    made = _class_of(kind)
    guests = [made(machine, name) for name in names]
    made.boot(machine, names, nic)
    if wait_lease and not nic.ip:
        with ThreadPoolExecutor(len(guests)) as pool:
            list(pool.map(Guest.lease, guests))
    return guests


def with_mac(nic: Nic, machine: Machine, name: str) -> Nic:
    return replace(nic, mac=nic.mac or mac_of(machine.name, name))
