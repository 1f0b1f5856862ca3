# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Places on a lab host, one in each network, and who of them reaches whom."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .host import CHECKOUT, HOME, Host

_PROBE = Path(__file__).with_name("reach_probe.py")

# Who reaches whom, by the kinds of their networks: "yes", "no" or "other" (with another address).
Table = Mapping[tuple[str, str], str]
_WORDS = {"yes": "yes", "no": "no", "masqueraded": "other"}


@dataclass(frozen=True)
class Place:
    """A namespace with a NIC in a bridge; without a bridge, its NIC leads to the host. The host has the first addresses."""

    name: str
    kind: str
    bridge: str
    subnets: tuple[str, ...]

    @property
    def netns(self) -> str:
        return f"at-{self.name}"

    def addresses(self, number: int) -> list[str]:
        return [str(ipaddress.ip_network(subnet)[number]) for subnet in self.subnets]

    def _setup(self) -> Iterable[str]:
        port = f"p-{self.name}"
        yield f"ip netns add {self.netns}"
        yield f"ip link add {port} type veth peer name eth0 netns {self.netns}"
        yield f"ip -n {self.netns} link set lo up"
        yield f"ip link set {port} {f'master {self.bridge}' if self.bridge else ''} up"
        yield f"ip -n {self.netns} link set eth0 up"
        for subnet, own, gateway in zip(self.subnets, self.addresses(9), self.addresses(1), strict=True):
            length = subnet.partition("/")[2]
            nodad = "nodad" if ":" in subnet else ""
            if not self.bridge:
                yield f"ip address add {gateway}/{length} dev {port} {nodad}"
            yield f"ip -n {self.netns} address add {own}/{length} dev eth0 {nodad}"
            yield f"ip -n {self.netns} route add default via {gateway}"

    def create(self, host: Host) -> None:
        """Create it, and wait until the host reaches it."""
        host.shell("set -e\n" + "\n".join(self._setup()))


def measured(host: Host, places: Iterable[Place]) -> list[tuple[str, str, int, str, str]]:
    """Returns what each place has reached of the others: from, to, version of IP, protocol, answer."""
    listed = list(places)
    for place in listed:
        for address in place.addresses(9):
            host.until(f"ping -n -c 1 -W 1 {address}")
    given = {place.name: {"netns": place.netns, "addresses": place.addresses(9)} for place in listed}
    host.shell(f"mkdir -p {HOME} && cat >{HOME}/reach_probe.py", input=_PROBE.read_text())
    said = host.shell(f"python3 {HOME}/reach_probe.py", input=json.dumps(given))
    return [tuple(line) for line in json.loads(said)]


def documented() -> Table:
    """Returns the table of docs/policies.md."""
    lines = re.findall(r"(?m)^\|(.*)\|$", (CHECKOUT / "docs" / "policies.md").read_text())
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    head = next(place for place, row in enumerate(rows) if row[0] == r"from \ to")
    kinds = rows[head][1:]
    found = {}
    for row in rows[head + 2 :]:
        found.update({(row[0], kind): _WORDS[cell] for kind, cell in zip(kinds, row[1:], strict=True) if cell})
    return found


def different(found: Iterable[tuple[str, str, int, str, str]], kinds: Mapping[str, str], expected: Table) -> list[str]:
    """Returns what isn't as expected, a line each. A ping doesn't show the address that was seen."""
    wrong = []
    for source, target, version, protocol, answer in found:
        should = expected.get((kinds[source], kinds[target]))
        if should is None or answer == should or (protocol == "icmp" and {answer, should} == {"yes", "other"}):
            continue
        wrong.append(f"{source} to {target}, IPv{version}, {protocol}: {answer}, not {should}")
    return wrong
