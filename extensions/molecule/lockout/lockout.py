# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts a lab host off by a run of a role, waits until it is back by itself, and compares it with what it was.

lockout.py HOST DIRECTORY
"""

from __future__ import annotations

import difflib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT / "tests"))

from lab.machine import get, inventory  # noqa: E402  (it is only found there)
from lab.system import wait_until  # noqa: E402

TIMES = int(os.environ.get("VIRTNET_LOCKOUT_TIMES") or 1)
SECONDS = int(os.environ.get("VIRTNET_LOCKOUT_SECONDS") or 60)
LATE = 120  # on an emulated host that is busy a start of Python alone takes its time
NIC, DEAD = "eth0", "dead0"

# Run on the host: stops the module that changes interfaces, which holds the lock of all runs, when the NIC has become a port
# and its address hasn't moved yet; and kills it later, when Ansible, which would ask for a restore, is sure to be dead.
_CAUGHT = "/run/lockout-caught"
_ASSASSIN = f"""
import glob, json, os, signal, socket, time

def holder():
    locks = {{os.stat(path).st_ino for path in glob.glob("/run/virtnet.kvm/*/lock") if "checkpoint" not in path}}
    for fields in map(str.split, open("/proc/locks")):
        if fields[1] == "FLOCK" and int(fields[5].rsplit(":", 1)[1]) in locks:
            return int(fields[4])

found = None
links = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
links.bind((0, 1))  # RTMGRP_LINK: it sleeps until a link changes, as the host may be a slow one
while not os.path.exists("/sys/class/net/br0/brif/{NIC}"):
    links.recv(65536)
    found = found or os.path.exists("/sys/class/net/br0") and holder()
os.kill(found, signal.SIGSTOP)
open("{_CAUGHT}", "w").close()
opened = json.load(open("/run/virtnet.kvm/checkpoint/open.json"))
time.sleep(max(0, opened["opened"] + 0.8 * opened["timeout"] - time.time()))
os.kill(found, signal.SIGKILL)
"""

_LOOK = """
for table in 'ip -j -d link' 'ip -j -d address' 'ip -j -4 route show table all' 'ip -j -6 route show table all' \
    'bridge -j -d link' 'bridge -j vlan'; do
    $table
    echo @
done
find /etc/systemd/network /etc/netplan /etc/NetworkManager/system-connections /etc/network -type f -exec sha256sum {} + 2>/dev/null | sort
"""


class Lockout:
    """One host, as it is seen from outside."""

    def __init__(self, name: str, directory: Path) -> None:
        self.machine = get(name)
        self.inventory = directory / f"{name}.lockout.json"
        self.inventory.write_text(json.dumps(inventory([self.machine])))
        found = json.loads(self.run(f"ip -j -4 address show dev {NIC}"))[0]["addr_info"][0]
        self.cidr = f"{found['local']}/{found['prefixlen']}"
        self.gateway = json.loads(self.run("ip -j -4 route show default"))[0]["gateway"]

    def run(self, command: str, *, patience: float = 60) -> str:
        """By a connection of its own, tried again as long as there is none."""
        deadline = time.monotonic() + patience
        while True:
            done = self.try_to(command)
            if done.returncode == 0:
                return done.stdout
            if done.returncode != 255 or time.monotonic() > deadline:
                raise SystemExit(f"{command}: {done.stderr or done.stdout}")
            time.sleep(0.5)

    def try_to(self, command: str) -> subprocess.CompletedProcess[str]:
        """Once; it ends with 255 if there is no connection, or none any more."""
        words = self.machine.ssh_args()
        options = ["-o", "ConnectTimeout=5", "-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=3"]
        return subprocess.run([words[0], *options, *words[1:], command], check=False, capture_output=True, text=True)

    def look(self) -> list[str]:
        """A line for each thing that there is; the kernel lists routes in the order in which they came."""
        *tables, files = self.run(_LOOK).split("@\n")
        rows = [(number, row) for number, table in enumerate(tables) for row in json.loads(table or "[]")]
        return sorted([json.dumps(row, sort_keys=True) for row in rows] + files.splitlines())

    def settled(self) -> list[str]:
        """The same, when the kernel has made sure that nobody else has the host's IPv6 addresses."""
        found: list[str] = []

        def known() -> bool:
            found[:] = self.look()
            return "tentative" not in "".join(found)

        wait_until(known, 60, f"the IPv6 addresses of {self.machine.name}", 0.5)
        return found

    def ways(self) -> dict[str, list[dict[str, Any]]]:
        own = {"addresses": [self.cidr], "routes": [{"to": "default", "via": self.gateway}]}
        return {
            "wrong VLAN": [
                {"name": "br0", "adopt": NIC, "vlan_filtering": True, "ports": [{"name": NIC, "pvid": 999}]},
            ],
            "port that leads nowhere": [
                {"name": "br1", "adopt": NIC, "addresses": [], "routes": []},
                {"name": "br0", "ports": [{"name": DEAD}], **own},
            ],
            "address taken away": [{"name": "br0", "adopt": NIC, "addresses": ["192.168.99.1/24"], "routes": []}],
            "killed in the middle": [{"name": "br0", "adopt": NIC}],
        }

    def change(self, bridges: list[dict[str, Any]], *, kill: bool) -> str:
        """The run that cuts the host off: it must not succeed. What it said is returned."""
        variables = {"lockout_bridges": bridges, "lockout_seconds": SECONDS}
        playbook = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory)]
        running = subprocess.Popen(
            [*playbook, "-e", json.dumps(variables), str(Path(__file__).with_name("change.yml"))],
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said = []
        for line in running.stdout or ():
            said.append(line)
            if kill and "Apply interfaces]" in line:
                self.try_to(f"timeout {SECONDS} sh -c 'until test -e {_CAUGHT}; do sleep 0.2; done'")
                os.killpg(running.pid, signal.SIGKILL)
        if running.wait() == 0:
            raise SystemExit(f"the run has succeeded:\n{''.join(said)}")
        return "".join(said)

    def once(self, bridges: list[dict[str, Any]], *, kill: bool) -> float:
        """How many seconds after the checkpoint was made the host was as before."""
        before = self.settled()
        if kill:
            self.run(f"rm -f {_CAUGHT}; systemd-run --quiet --collect /usr/bin/python3 -c {shlex.quote(_ASSASSIN)}")
        said = self.change(bridges, kill=kill)
        wait = "while test -e /run/virtnet.kvm/checkpoint/open.json; do sleep 0.2; done"
        self.run(f"timeout {SECONDS + LATE} sh -c {shlex.quote(wait)}", patience=SECONDS + LATE)
        last = json.loads(self.run("cat /run/virtnet.kvm/checkpoint/last.json"))
        if last["committed"] or last["by"] != "timer" or last["left"] or not last["actions"]:
            raise SystemExit(f"it did not end as it should have:\n{json.dumps(last, indent=1)}\n{said}")
        took = last["ended"] - last["opened"]
        if not SECONDS - 1 <= took <= SECONDS + LATE:
            raise SystemExit(f"it took {took:.1f} s, where {SECONDS} s were promised:\n{said}")
        self.compare(before)
        return float(took)

    def compare(self, before: list[str]) -> None:
        after = self.settled()
        differing = [line for line in difflib.ndiff(before, after) if not line.startswith(" ")]
        if differing:
            raise SystemExit("it is not as it was:\n" + "\n".join(differing))


def main() -> None:
    lockout = Lockout(sys.argv[1], Path(sys.argv[2]))
    # with a tool in charge there are files to be put back, too
    lockout.run("systemctl start systemd-networkd")
    # udev gives them other MAC addresses: before they are up, as their link-local addresses are made of these
    lockout.run(
        f"ip link add {DEAD} type veth peer name dead1; udevadm settle; ip link set {DEAD} up; ip link set dead1 up"
    )
    for way, bridges in lockout.ways().items():
        took = [lockout.once(bridges, kill=way.startswith("killed")) for _time in range(TIMES)]
        print(
            f"{way}: {len(took)} of {TIMES}, back after {', '.join(f'{seconds:.1f}' for seconds in took)} s", flush=True
        )


if __name__ == "__main__":
    main()
