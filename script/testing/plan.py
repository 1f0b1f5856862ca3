# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Which step runs when: as much at a time as the machine's cores carry, what takes long first.

Time is what earlier runs took, in the cache's durations.json, or a default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from .step import Result, Step

# In seconds, on two cores without hardware virtualisation: what counts is which is longer.
DEFAULTS = {
    "build uml images": 600.0,
    "integration, bookworm": 800.0,
    "integration, trixie": 800.0,
    "molecule lockout, uml": 330.0,
    "molecule vlan_trunk, uml": 350.0,
    "lab, test_vm": 60.0,
    "sanity": 130.0,
}
_BY_KIND = {"build": 150.0, "gate": 20.0, "unit": 30.0, "integration": 250.0, "molecule": 120.0}
_VM_FACTOR = 3


def default(step: Step) -> float:
    if step.name in DEFAULTS:
        return DEFAULTS[step.name]
    found = _BY_KIND[step.kind]
    return found * _VM_FACTOR if step.hosts == "vm" and step.kind != "build" else found


def load(path: Path) -> dict[str, float]:
    """What earlier runs took; a file that can't be read is as good as none."""
    try:
        return {str(name): float(seconds) for name, seconds in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def save(path: Path, results: Iterable[Result]) -> None:
    """Keeps the times of what passed: a failure is often quicker than it should be."""
    times = load(path) | {result.step.name: round(result.seconds, 1) for result in results if not result.failed}
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(times, indent=1, sort_keys=True) + "\n")
    new.replace(path)


class Plan:
    """Decides what starts next."""

    def __init__(self, steps: Sequence[Step], known: Mapping[str, float], cores: int | None = None) -> None:
        self.cores = cores or os.cpu_count() or 1
        self.capacity = 3 * self.cores
        self._seconds = {step.name: known.get(step.name, default(step)) for step in steps}
        self._steps = {step.name: step for step in steps}
        self._rank = {name: self._until_the_end(name) for name in self._steps}

    def _until_the_end(self, name: str) -> float:
        """How long the step and what waits for it take, one after the other."""
        waiting = [step.name for step in self._steps.values() if name in step.after]
        return self._seconds[name] + max((self._until_the_end(other) for other in waiting), default=0.0)

    def _weight(self, step: Step) -> int:
        """A step that is more than the machine carries has all that is for hosts for itself."""
        return min(step.weight, 2 * self.cores)

    def choose(self, waiting: Collection[Step], running: Collection[str], done: Collection[str]) -> Step | None:
        """The step that should start now, if any: of those that can start and fit, the one that takes longest.

        Steps on hosts may keep all cores busy. Light steps fill the gaps that they leave, one for each core, so that they
        don't take the place of a step on hosts; when there is none any more, they take the rest.
        """
        weights = [self._weight(self._steps[name]) for name in running]
        heavy, light = sum(weight for weight in weights if weight > 1), weights.count(1)
        room = {
            True: 2 * self.cores - heavy,
            False: (self.cores if any(step.weight > 1 for step in waiting) else self.capacity - heavy) - light,
        }
        fit = [
            step
            for step in waiting
            if self._weight(step) <= room[step.weight > 1]
            and all(name in done for name in step.after if name in self._steps)
        ]
        # What hosts are made of comes first: other steps wait for it, and it takes no time where it is there.
        return min(fit, key=lambda step: (step.kind != "build", -self._rank[step.name], step.name), default=None)
