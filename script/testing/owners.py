# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The lab hosts of a run: each step is the owner of those that it starts, and they go with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab import owner

from . import processes
from .paths import CACHE, CHECKOUT
from .step import Step

PREFIX = "test-"


class Owners:
    """The owners of one run, which all begin with its name."""

    def __init__(self, run: str) -> None:
        self.run = f"{PREFIX}{run}"
        _directory(self.run).mkdir(parents=True)

    def name(self, step: Step) -> str:
        return f"{self.run}/{step.slug.lower()}"

    def environment(self, step: Step) -> dict[str, str]:
        return {owner.VARIABLE: self.name(step)}

    def remove(self, step: Step) -> str:
        """Remove the hosts that a step has left; returns what to say of it, which is nothing if there were none."""
        return _remove(self.name(step)) if step.hosts else ""

    def seconds(self, step: Step) -> float:
        """The processor time of a step's hosts that are gone."""
        return sum((float(entry["seconds"]) for entry in owner.entries(self.name(step))), 0.0)

    def close(self) -> None:
        """Nothing is left: the next run has nothing to look for."""
        shutil.rmtree(_directory(self.run), ignore_errors=True)


def remove_earlier() -> Iterator[str]:
    """Remove what runs that were killed have left. Only for who holds the lock of a run. Yields what to say of it."""
    processes.end_leftovers()
    for directory in sorted(CACHE.glob(f"owners/{PREFIX}*")):
        if os.geteuid() == 0 and (words := _remove(directory.name)):
            yield words
        shutil.rmtree(directory, ignore_errors=True)


def _directory(run: str) -> Path:
    return CACHE / "owners" / run


def _remove(whose: str) -> str:
    command = [str(CHECKOUT / "script" / "lab"), "down", "--owner", whose]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        return f"left hosts that can't be removed: {done.stderr.strip()}"
    names = " ".join(done.stdout.split())
    return f"left hosts, which are removed: {names}" if names else ""
