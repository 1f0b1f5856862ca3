# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Run the contestants on one container host, first and again, and print a table; see `script/bench`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from lab import machine as lab

from .contestants import CLEAN, PLAYS, Play, bare_script, start_only

CHECKOUT = Path(__file__).resolve().parents[2]
BARE = "bare libvirt-python script"
START = "one module start (`fabric` with nothing to do)"
HOST = "bench"


def peer_collection() -> Path:
    """community.libvirt as the `ansible` package carries it, unpacked in the cache: the root of its collections."""
    root = lab.cache_dir() / "bench"
    if not (root / "ansible_collections" / "community" / "libvirt").is_dir():
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch]
            subprocess.run([*command, "--only-binary=:all:", "ansible"], check=True)
            (wheel,) = Path(scratch).glob("ansible-*.whl")
            with zipfile.ZipFile(wheel) as packed:
                members = [n for n in packed.namelist() if n.startswith("ansible_collections/community/libvirt/")]
                packed.extractall(root, members)
    return root


class Bench:
    """One host, and the stopwatch."""

    def __init__(self, distro: str, scratch: Path) -> None:
        self.host = lab.create(HOST, distro, "container")
        self.scratch = scratch
        staged = subprocess.run([CHECKOUT / "script" / "stage"], check=True, capture_output=True, text=True).stdout
        roots = [str(Path(staged.strip()).parents[2]), str(peer_collection())]
        self.environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": ":".join(roots),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
        }

    def __enter__(self) -> Bench:
        self.host.up()
        inventory = {"all": {"hosts": {HOST: self.host.inventory_vars()}}}
        (self.scratch / "inventory.json").write_text(json.dumps(inventory))
        return self

    def __exit__(self, *_: Any) -> None:
        self.host.down()

    def clean(self) -> None:
        self.host.run("/usr/bin/python3 -", input=CLEAN, timeout=300)

    def play(self, play: Play) -> float:
        """The seconds that a whole `ansible-playbook` takes."""
        path = self.scratch / "play.json"
        path.write_text(json.dumps(play))
        inventory = self.scratch / "inventory.json"
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), str(path)]
        began = time.monotonic()
        done = subprocess.run(command, check=False, env=self.environment, capture_output=True, text=True)
        seconds = time.monotonic() - began
        if done.returncode:
            raise lab.LabError(f"a play failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
        return seconds

    def bare(self, count: int) -> float:
        began = time.monotonic()
        command = [*self.host.ssh_args(), "/usr/bin/python3", "-"]
        subprocess.run(command, input=bare_script(count), text=True, check=True, capture_output=True)
        return time.monotonic() - began

    def measure(self, count: int) -> dict[str, tuple[float, float]]:
        """Seconds of the first and of the no-op run, by contestant."""
        self.play(start_only(count))  # warms the SSH connection and the caches of Python
        found = {START: (self.play(start_only(count)), self.play(start_only(count)))}
        self.clean()
        found[BARE] = (self.bare(count), self.bare(count))
        for name, play in PLAYS.items():
            self.clean()
            found[name] = (self.play(play(count)), self.play(play(count)))
            print(f"  {count} networks, {name}: {found[name][0]:.1f} s, {found[name][1]:.1f} s", file=sys.stderr)
        self.clean()
        return found


def table(count: int, found: dict[str, tuple[float, float]]) -> str:
    """Seconds, and their ratio to the bare script plus one module start."""
    base = [found[BARE][run] + found[START][run] for run in (0, 1)]
    lines = [
        f"| {count} network{'s' if count > 1 else ''} | first run | ratio | no-op run | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, times in found.items():
        cells = [f"{seconds:.2f} s | {seconds / base[run]:.2f}" for run, seconds in enumerate(times)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument(
        "--networks", default="1,20,100", help="how many networks, several with commas (default 1,20,100)"
    )
    parser.add_argument("--distro", default="trixie", choices=lab.DISTROS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, Bench(arguments.distro, Path(scratch)) as bench:
        for count in [int(part) for part in arguments.networks.split(",")]:
            print(table(count, bench.measure(count)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
