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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab import machine as lab

from . import fleet, reservations
from .bridges import BRIDGES
from .forwards import FORWARDS
from .networks import NETWORKS
from .race import PACKAGES, Effort, Play, Race, Script, play
from .shapings import SHAPINGS

CHECKOUT = Path(__file__).resolve().parents[2]
HOST = os.environ.get("VIRTNET_BENCH_HOST", "bench")

Times = dict[str, tuple[float, ...]]
# The packages' programs begin with the name of this machine's Python.
_OWN_PYTHON = f"sed -i '1s,.*,#!/usr/bin/env python3,' {PACKAGES}/bin/*"
RUNS = ("first run", "no-op run", "one changed")


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


def wheels(packages: Sequence[str]) -> Path:
    """Packages of PyPI, with what they need, installed into a directory in the cache."""
    root = lab.cache_dir() / "bench" / "-".join(packages)
    if not root.is_dir():
        with tempfile.TemporaryDirectory(dir=lab.cache_dir()) as scratch:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", f"{scratch}/packages"]
            subprocess.run([*command, "--only-binary=:all:", *packages], check=True)
            root.parent.mkdir(parents=True, exist_ok=True)
            Path(scratch, "packages").rename(root)
    return root


class Bench:
    """One host, and the stopwatch."""

    def __init__(self, distro: str, scratch: Path, *, peers: bool, kind: str = "container") -> None:
        self.host = lab.create(HOST, distro, kind)
        self.scratch = scratch
        staged = subprocess.run([CHECKOUT / "script" / "stage"], check=True, capture_output=True, text=True).stdout
        roots = [str(Path(staged.strip()).parents[2]), *([str(peer_collection())] if peers else [])]
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

    def time(self, effort: Effort) -> float:
        return self.script(effort) if isinstance(effort, Script) else self.play(effort)

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

    def script(self, script: Script) -> float:
        began = time.monotonic()
        command = [*self.host.ssh_args(), script.command]
        done = subprocess.run(command, input=script.text, text=True, check=False, capture_output=True)
        if done.returncode:
            raise lab.LabError(f"a script failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return time.monotonic() - began

    def install(self, packages: Sequence[str]) -> None:
        """Put packages of PyPI, with what they need, into `PACKAGES` on the host."""
        packed = subprocess.run(["tar", "-C", wheels(packages), "-c", "."], check=True, capture_output=True).stdout
        command = [*self.host.ssh_args(), f"mkdir {PACKAGES}; tar -C {PACKAGES} -x; {_OWN_PYTHON}"]
        subprocess.run(command, input=packed, check=True)

    def measure(self, race: Race, count: int) -> Times:
        """Seconds of the runs, by contestant: the first one, one that changes nothing, and in some races one that changes one thing."""
        self.script(race.clean)
        start = play(race.start)
        self.play(start)  # warms the SSH connection and the caches of Python
        runs = 3 if race.changed else 2
        found: Times = {race.start_words: tuple(self.play(start) for _run in range(runs))}
        for name, contestant in race.contestants.items():
            effort = contestant(count)
            if effort is None:
                continue
            self.script(race.clean)
            changed = race.changed[name](count) if race.changed else None
            efforts = [effort, effort, *([changed] if changed is not None else [])]
            found[name] = tuple(self.time(each) for each in efforts)
            print(
                f"  {count}, {name}: {', '.join(f'{each:.2f} s' for each in found[name])}", file=sys.stderr, flush=True
            )
        self.script(race.clean)
        return found

    def change_reservations(self, count: int) -> dict[tuple[str, str], float]:
        """Seconds, by what is on the network and what differs."""
        found = {}
        for on_it, (guest, restart) in reservations.WITH.items():
            for case, (before, after) in reservations.CASES.items():
                self.script(reservations.CLEAN)
                self.play(reservations.network(count, before))
                with reservations.guest_on(self.host, guest):
                    found[on_it, case] = self.play(reservations.network(count, after, restart))
                    again = self.play(reservations.network(count, after, restart))
                print(
                    f"  {count} {case}, {on_it}: {found[on_it, case]:.1f} s, {again:.1f} s", file=sys.stderr, flush=True
                )
        self.script(reservations.CLEAN)
        return found


def shortest(rounds: list[Times]) -> Times:
    """What else the machine does makes a run longer, never shorter."""
    return {name: tuple(min(times) for times in zip(*(each[name] for each in rounds))) for name in rounds[0]}


def table(race: Race, count: int, found: Times) -> str:
    """Seconds, and their ratio to the bare script plus one module start."""
    base = [sum(times) for times in zip(found[race.base], found[race.start_words])]
    thing, having, rest = race.unit.partition(" with ")
    unit = race.unit if count == 1 else f"{thing}s{having}{rest}{' each' if having else ''}"
    lines = [
        f"| {count} {unit} | {' | ratio | '.join(RUNS[: len(base)])} | ratio |",
        f"| --- |{' ---: | ---: |' * len(base)}",
    ]
    for name, times in found.items():
        cells = [f"{seconds:.2f} s | {seconds / base[run]:.2f}" for run, seconds in enumerate(times)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _bench(arguments: argparse.Namespace, scratch: str) -> Bench:
    return Bench(arguments.distro, Path(scratch), peers=bool(arguments.networks), kind=arguments.kind)


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--networks", default="1,20,100", metavar="N,...", help="how many networks (default 1,20,100)")
    parser.add_argument("--bridges", default="200", metavar="N,...", help="how many bridges with a tap (default 200)")
    parser.add_argument(
        "--forwards", default="1,100,1000", metavar="N,...", help="how many port forwards (default 1,100,1000)"
    )
    parser.add_argument("--shaping", default="", metavar="N,...", help="how many classes (default none)")
    parser.add_argument("--reservations", default="", metavar="N,...", help="how many reservations (default none)")
    parser.add_argument("--fleet", default="", metavar="N,...", help="how many hosts without changes (default none)")
    parser.add_argument("--times", type=int, default=1, help="how often to measure each; the shortest times count")
    parser.add_argument("--distro", default="trixie", choices=lab.DISTROS)
    parser.add_argument(
        "--kind", default="container", choices=("container", "uml"), help="kind of the host; uml for --shaping"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, _bench(arguments, scratch) as bench:
        races = (
            (NETWORKS, arguments.networks),
            (BRIDGES, arguments.bridges),
            (FORWARDS, arguments.forwards),
            (SHAPINGS, arguments.shaping),
        )
        for race, counts in races:
            if counts and race.packages:
                bench.install(race.packages)
            for count in [int(part) for part in counts.split(",") if part]:
                rounds = [bench.measure(race, count) for _round in range(arguments.times)]
                print(table(race, count, shortest(rounds)), end="\n\n", flush=True)
        for count in [int(part) for part in arguments.reservations.split(",") if part]:
            print(reservations.table(count, bench.change_reservations(count)), end="\n\n", flush=True)
        for count in [int(part) for part in arguments.fleet.split(",") if part]:
            print(fleet.row(count, fleet.measure(bench, count, arguments.times)), flush=True)


if __name__ == "__main__":
    main()
