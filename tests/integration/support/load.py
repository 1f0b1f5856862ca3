# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Traffic through an interface, and how much of it has passed each class by the kernel's own counters."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from .host import Host

# A machine at the other end, which drops what it gets of UDP before anything answers it, in and out of VLAN 7.
FAR = """set -e
ip netns add far
ip link add web0 type veth peer name eth0 netns far
ip link add link web0 name web0.7 type vlan id 7
ip address add 192.168.30.2/24 dev web0; ip address add fd00:30::2/64 dev web0 nodad
ip address add 192.168.37.2/24 dev web0.7
ip -n far link add link eth0 name eth0.7 type vlan id 7
ip -n far address add 192.168.30.1/24 dev eth0; ip -n far address add fd00:30::1/64 dev eth0 nodad
ip -n far address add 192.168.37.1/24 dev eth0.7
ip link set web0 up; ip link set web0.7 up; ip -n far link set eth0 up; ip -n far link set eth0.7 up
tc -n far qdisc add dev eth0 clsact
tc -n far filter add dev eth0 ingress protocol ip flower ip_proto udp action drop"""
# A container's kernel may have no VLANs, and no flower.
PLAIN_FAR = "\n".join(line for line in FAR.splitlines() if ".7" not in line and not line.startswith("tc"))
PLAIN_FAR += "\nip link set web0 up; ip -n far link set eth0 up"

# Sends to some ports at the same time, and reads the counters of the classes before and after so many seconds.
_LOAD = r"""
import json, re, socket, subprocess, sys, threading, time
seconds, (device, address, *ports) = float(sys.argv[1]), sys.argv[2:]
ended = threading.Event()
def send(port):
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while not ended.is_set():
        try:
            out.sendto(bytes(1400), (address, int(port)))
        except OSError:
            time.sleep(0.001)
def counters():
    said = subprocess.run(["tc", "-s", "class", "show", "dev", device], capture_output=True, text=True).stdout
    now = time.monotonic()
    found = re.findall(r"class htb (\S+) .*?Sent (\d+) bytes (\d+) pkt \(dropped (\d+)", said, re.S)
    return now, {each[0]: [int(number) for number in each[1:]] for each in found}
threads = [threading.Thread(target=send, args=(port,)) for port in ports]
for thread in threads:
    thread.start()
time.sleep(0.5)
(begin, before), _wait, (end, after) = counters(), time.sleep(seconds), counters()
ended.set()
for thread in threads:
    thread.join()
print(json.dumps({
    "mbit": {each: (after[each][0] - before[each][0]) * 8e-6 / (end - begin) for each in before if each in after},
    "drops": {each: after[each][2] - before[each][2] for each in before if each in after},
}))
"""


def load(
    host: Host, *ports: int, seconds: float = 3, device: str = "web0", address: str = "192.168.30.1"
) -> dict[str, Any]:
    """What passes each class, in Mbit/s, and what it drops, while as much as possible is sent to some UDP ports."""
    command = f"python3 -c {shlex.quote(_LOAD)} {seconds} {device} {address} {' '.join(map(str, ports))}"
    return dict(json.loads(host.shell(command)))


def has_rates(host: Host, ports: Sequence[int], desired: Mapping[str, float], **options: Any) -> None:
    """The whole, the first of the classes, has no more than its rate, and most of it where the machine is busy; another class has
    its share of what passes."""
    found = load(host, *ports, **options)["mbit"]
    whole = next(found[each] / desired[each] for each in desired)
    assert 0.75 < whole < 1.03, found
    for classid, rate in desired.items():
        assert found[classid] == pytest.approx(rate * whole, rel=0.1), found


def measured(attempt: Callable[[], None], times: int = 8) -> None:
    """Measure again where a figure isn't as it should be: on a busy machine a sender or a timer may be late, a wrong setting is
    wrong each time."""
    for _time in range(times - 1):
        with contextlib.suppress(AssertionError):
            attempt()
            return
    attempt()
