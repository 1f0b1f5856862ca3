# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What the lab's own tests look at: this machine, which must stay as it is, what is left of hosts, and their LANs."""

from __future__ import annotations

import json
import subprocess

from . import Machine, cgroup, net
from .machine import run_dir
from .system import wait_until


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
    machine.run(
        "ip link add link eth1 name tag11 type vlan id 11; ip link set tag11 up"
        " && ip link add link eth1 name tag20 type vlan protocol 802.1ad id 20; ip link set tag20 up"
        " && ip link add link tag20 name tag20.5 type vlan id 5"
    )
    have(machine, f"198.51.100.{number}/24")
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
