# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What the lab's own tests look at: this machine, which must stay as it is, what is left of hosts, and their LANs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import Machine, cgroup, create, net, vm_image
from .machine import run_dir
from .system import wait_until


@contextmanager
def trial_host(name: str, distro: str, kind: str, **opts: Any) -> Iterator[Machine]:
    """A host that runs; at the end, nothing may be left of it, and this machine must be as it was."""
    before = of_this_machine()
    machine = create(name, distro, kind, **opts)
    machine.down()
    try:
        machine.up()
        yield machine
    finally:
        machine.down()
    assert traces(name) == []
    assert of_this_machine() == before


def of_this_machine() -> dict[str, str]:
    """What the lab must not touch."""
    commands = {
        "links": 'ip -json link show | grep -o \'"ifname":"[^"]*"\' | sort',
        "addresses": "ip -brief address show",
        "routes": "ip route show table all; ip -6 route show table all",
        "rules": "ip rule show",
        "firewall": "nft list ruleset 2>/dev/null; iptables-save 2>/dev/null | grep -v '^#'; true",
        "settings": "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/all/rp_filter",
        "devices": "stat -c '%n %a %u %g' /dev/net/tun",
        "etc": "find /etc/libvirt /etc/network /etc/ssh /etc/sysctl.d /etc/systemd -printf '%p %T@\\n' 2>/dev/null | sort",
        "mounts": f"grep -E ' {run_dir()}/lab[^/]*/' /proc/mounts; true",
    }
    return {what: _output(command) for what, command in commands.items()}


def _output(command: str) -> str:
    return subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True).stdout


def traces(name: str) -> list[str]:
    """What is left of a machine."""
    found = [str(path) for path in (net.netns_path(name), run_dir(name)) if path.exists()]
    return found + [f"control group {group}" for group in cgroup.names() if group == name]


def ports(where: str = ".lan") -> set[str]:
    """What is plugged in the LANs, or in the controller's network."""
    listing = subprocess.run(["ip", "-json", "-n", net.netns(where), "link"], check=True, capture_output=True)
    return {link["ifname"] for link in json.loads(listing.stdout)}


def have(machine: Machine, cidr: str, device: str = "eth1") -> None:
    """Give a machine an address."""
    machine.run(f"ip address replace {cidr} dev {device}; ip link set {device} up")


def with_tags(machine: Machine, number: int) -> None:
    """Give a machine addresses on its eth1: without a tag, with one, and with two."""
    have(machine, f"198.51.100.{number}/24")
    machine.run(
        "ip link add link eth1 name tag11 type vlan id 11; ip link set tag11 up"
        " && ip link add link eth1 name tag20 type vlan protocol 802.1ad id 20; ip link set tag20 up"
        " && ip link add link tag20 name tag20.5 type vlan id 5"
    )
    have(machine, f"203.0.113.{number}/25", "tag11")
    have(machine, f"203.0.113.{128 + number}/25", "tag20.5")


def reaches(machine: Machine, *addresses: str) -> None:
    """All of these addresses answer it, soon."""
    ping = " && ".join(f"ping -c 1 -W 1 {address}" for address in addresses)
    wait_until(
        lambda: machine.run(ping, False).returncode == 0, 30, f"{' and '.join(addresses)} to answer {machine.name}"
    )


def reaches_with_tags(machine: Machine, number: int) -> None:
    """It reaches the machine that was given addresses with this number, in each way."""
    reaches(machine, f"198.51.100.{number}", f"203.0.113.{number}", f"203.0.113.{128 + number}")


def leave_the_way_in(machine: Machine) -> None:
    """None of the tools that configure interfaces runs, and none of them changes eth0 when it does."""
    services = " ".join(vm_image.DISABLED_UNITS)
    assert set(machine.run(f"systemctl is-active {services}", check=False).stdout.split()) == {"inactive"}
    read_eth0 = "ip -brief address show eth0"
    before = machine.run(read_eth0).stdout
    for tool in ("systemd-networkd", "NetworkManager", "networking"):
        machine.run(f"systemctl start {tool} && systemctl restart {tool}")
        assert machine.run(f"systemctl is-active {tool}").stdout == "active\n"
        assert machine.run(read_eth0).stdout == before
        machine.run(f"systemctl stop {tool} '{tool}*.socket'")
        assert machine.run(read_eth0).stdout == before


def kill_while_it_starts(name: str, kind: str, after: float) -> None:
    """Kill the process that starts a host, some time after the host's first trace."""
    code = f"from lab import create; create({name!r}, 'trixie', {kind!r}).up()"
    path = str(Path(__file__).resolve().parents[1])
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    wait_until(lambda: bool(traces(name)), 30, "the start of a machine", 0.01)
    time.sleep(after)
    process.kill()
    assert process.wait() == -signal.SIGKILL
