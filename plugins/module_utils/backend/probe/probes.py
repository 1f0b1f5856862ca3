# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes in networks: child processes with a network namespace each, and a NIC in a bridge.

The namespace has no name. It ends with its process, which ends with this one, also if this one is killed. So nothing is left.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ...errors import HostError
from ...model.reach.options import DHCP, HOST, OUTSIDE, SERVICES
from ...model.reach.places import Place
from ...model.reach.table import Answer
from ..os import commands
from ..os.libc import die_with_parent, unshare_network
from .addressing import NIC, take_addresses
from .asking import Question, ask_all, serve

_SECONDS = 90
_FAMILIES = {4: "ipv4", 6: "ipv6"}


@dataclass(frozen=True)
class Asked:
    """What is asked besides the networks: addresses outside; by which protocols, and which services of the networks."""

    outside: Sequence[str]
    protocols: Sequence[str]
    services: Sequence[str]


class Probe:
    """A probe as its parent knows it."""

    def __init__(self, place: Place, pid: int, pipe: socket.socket) -> None:
        self.place = place
        self.pid = pid
        self._pipe = pipe
        self._lines = pipe.makefile("r", encoding="utf-8")
        self.addresses: dict[int, str] = {}
        self.port = ""
        self.mac = ""

    def send(self, message: object) -> None:
        self._pipe.sendall(f"{json.dumps(message)}\n".encode())

    def receive(self) -> Any:
        """Returns what the probe has said. Raises `HostError`."""
        try:
            line = self._lines.readline()
        except OSError as error:
            raise HostError(f"ask the probe in {self.place.name}", error) from error
        said = json.loads(line) if line else {"failed": "it has ended"}
        if isinstance(said, dict) and "failed" in said:
            raise HostError(f"ask the probe in {self.place.name}", said["failed"])
        return said

    def end(self) -> None:
        self._lines.close()
        self._pipe.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        # It goes with the namespace, which the kernel removes in its own time (cleanup_net).
        if self.port:
            with contextlib.suppress(HostError):
                commands.run(f"remove {self.port}", "ip", "link", "delete", self.port)


def measure(
    places: Sequence[Place], asked: Asked, ready: Callable[[Probe], None] = lambda _probe: None
) -> tuple[list[Answer], list[str]]:
    """Returns the answers of all probes, and the places that got no address. Raises `HostError`.

    ``ready`` is called for each probe that has its addresses, before it asks.
    """
    with _probes(places) as probes:
        for probe in probes:
            probe.send([[side.prefix_length, side.gateway, side.candidates] for side in probe.place.sides])
        for probe in probes:
            probe.addresses = {int(version): address for version, address in probe.receive().items()}
            ready(probe)
        answers: list[Answer] = []
        for probe in probes:
            probe.send([[each.name, each.address, each.protocol] for each in _questions(probe, probes, asked)])
        answers += _of_host(probes, asked)
        for probe in probes:
            questions = _questions(probe, probes, asked)
            answers += _answers(probe.place.name, probe.addresses, questions, probe.receive())
        return answers, [f"{probe.place.name}: no free address was found" for probe in probes if not probe.addresses]


def _questions(probe: Probe, probes: Sequence[Probe], asked: Asked) -> list[Question]:
    """Returns what a probe asks: the host and the outside by ping, the other probes by each protocol, and the services."""
    found = [
        Question(other.place.name, address, protocol)
        for other in probes
        if other is not probe
        for address in other.addresses.values()
        for protocol in asked.protocols
    ]
    if "icmp" in asked.protocols:
        found += [Question(HOST, side.gateway, "icmp") for side in probe.place.sides]
        found += [Question(OUTSIDE, address, "icmp") for address in asked.outside]
    gateways = [side.gateway for side in probe.place.sides]
    for service in asked.services:
        found += [Question(service, each, service) for each in gateways if service != DHCP or ":" not in each]
    return [each for each in found if each.version in probe.addresses]


def _of_host(probes: Sequence[Probe], asked: Asked) -> list[Answer]:
    questions = [
        Question(probe.place.name, address, protocol)
        for probe in probes
        for address in probe.addresses.values()
        for protocol in asked.protocols
    ]
    if "icmp" in asked.protocols:
        questions += [Question(OUTSIDE, address, "icmp") for address in asked.outside]
    return _answers(HOST, {}, questions, ask_all(questions))


def _answers(
    source: str, own: Mapping[int, str], questions: Sequence[Question], said: Sequence[str | None]
) -> list[Answer]:
    found = []
    for question, seen in zip(questions, said):
        # The host has an address in each network, so there is none that it should have been seen with.
        known = seen or None if own else None
        family = _FAMILIES[question.version]
        protocol = "udp" if question.protocol in SERVICES else question.protocol
        found.append(
            Answer(source, question.name, family, protocol, seen is not None, known, own.get(question.version))
        )
    return found


# -- the processes -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _probes(places: Sequence[Place]) -> Iterator[list[Probe]]:
    """Starts the probes, each with a NIC in its bridge, and ends them. Raises `HostError`."""
    started: list[Probe] = []
    try:
        for number, place in enumerate(places):
            probe = _start(place)
            started.append(probe)
            probe.receive()
            _plug(probe, number)
        yield started
    finally:
        for probe in started:
            probe.end()


def _start(place: Place) -> Probe:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            ours.close()
            _be_a_probe(theirs)
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    ours.settimeout(_SECONDS)
    return Probe(place, pid, ours)


def _plug(probe: Probe, number: int) -> None:
    """Gives the probe a NIC in the bridge: with the bridge's MTU, and with a port whose MAC address is none that a bridge takes
    for its own, as it is higher than all others."""
    bridge = probe.place.bridge
    try:
        with open(f"/sys/class/net/{bridge}/mtu", encoding="ascii") as file:
            mtu = file.read().strip()
    except OSError as error:
        raise HostError(f"read the MTU of {bridge}", error) from error
    tail = os.urandom(4).hex(":")
    port = f"probe{number}-{probe.pid}"[:15]
    doing = f"connect a probe to {bridge}"
    probe.port, probe.mac = port, f"52:54:{tail}"
    peer = ("peer", "name", NIC, "address", probe.mac, "mtu", mtu, "netns", str(probe.pid))
    commands.run(doing, "ip", "link", "add", port, "address", f"fe:54:{tail}", "mtu", mtu, "type", "veth", *peer)
    commands.run(doing, "ip", "link", "set", port, "master", bridge, "up")


def _be_a_probe(pipe: socket.socket) -> None:
    """Runs in the child: says that it is there, takes addresses, serves, tells them, asks, and waits for its end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(signal.SIGKILL)
    lines = pipe.makefile("r", encoding="utf-8")

    def say(message: object) -> None:
        pipe.sendall(f"{json.dumps(message)}\n".encode())

    try:
        unshare_network()
        say("there")
        addresses = take_addresses([_side(each) for each in json.loads(lines.readline())])
        serve()  # before anybody knows the addresses
        say(addresses)
        say(ask_all([Question(*each) for each in json.loads(lines.readline())]))
        lines.readline()
    except (OSError, HostError, ValueError) as error:
        with contextlib.suppress(OSError):
            say({"failed": str(error)})


def _side(message: list[Any]) -> Any:
    from ...model.reach.places import Side

    length, gateway, candidates = message
    return Side(length, gateway, tuple(candidates))
