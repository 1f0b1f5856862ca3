# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The processor time of the controller for many hosts without changes, compared with `ansible -m ping`.

All names of hosts are one container host, each with an SSH connection of its own: only the controller is measured.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab import machine as lab

if TYPE_CHECKING:
    from .__main__ import Bench

FORKS = 20
TOPOLOGIES = [
    {"type": "nat", "name": "lan", "cidr": "192.168.150.0/24"},
    {"type": "isolated", "name": "cluster", "cidr": "10.0.2.0/24"},
]
# sshd refuses some of many connections that are made at the same time (sshd_config(5), MaxStartups).
ADMIT = "echo MaxStartups 200 >>/etc/ssh/sshd_config; systemctl reload ssh"
CLEAN = "for name in lan cluster; do virsh net-destroy $name; virsh net-undefine $name; done >/dev/null 2>&1; true"


def _inventory(bench: Bench, count: int) -> Path:
    known = bench.host.inventory_vars()
    hosts = {}
    for number in range(1, count + 1):
        control = f"-F /dev/null -o ControlMaster=auto -o ControlPersist=600s -o ControlPath={bench.scratch}/{number}"
        hosts[f"kvm{number}"] = {**known, "ansible_ssh_args": control}
    path = bench.scratch / f"fleet{count}.json"
    path.write_text(json.dumps({"all": {"hosts": hosts, "vars": {"virtnet_topologies": TOPOLOGIES}}}))
    return path


def _seconds(bench: Bench, tool: str, *arguments: str) -> float:
    """Returns the processor time of a command and of its children, such as SSH clients."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(Path(sys.executable).with_name(tool)), "--forks", str(FORKS), *arguments]
    done = subprocess.run(command, check=False, env=bench.environment, capture_output=True, text=True)
    if done.returncode:
        raise lab.LabError(f"{tool} failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(bench: Bench, count: int, times: int) -> tuple[float, float]:
    """Returns the shortest processor times of `ping` and of `site` on this number of hosts, in seconds."""
    subprocess.run([*bench.host.ssh_args(), ADMIT], check=True)
    one, all_of_them = (["-i", str(_inventory(bench, number))] for number in (1, count))

    def ping() -> float:
        return _seconds(bench, "ansible", *all_of_them, "all", "-m", "ansible.builtin.ping")

    def site() -> float:
        return _seconds(bench, "ansible-playbook", *all_of_them, "virtnet.kvm.site")

    _seconds(bench, "ansible-playbook", *one, "virtnet.kvm.site")
    ping()  # opens the connections
    found = [(ping(), site()) for _time in range(times)]
    subprocess.run([*bench.host.ssh_args(), CLEAN], check=True)
    return min(each[0] for each in found), min(each[1] for each in found)


def row(count: int, found: tuple[float, float]) -> str:
    """Returns a row: hosts, `ansible -m ping`, `virtnet.kvm.site`, their ratio."""
    return f"| {count} | {found[0]:.2f} s | {found[1]:.2f} s | {found[1] / found[0]:.1f} |"
