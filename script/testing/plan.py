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
    "sanity": 200.0,
    "galaxy-importer": 60.0,
    "ansible-lint": 60.0,
    "docs": 15.0,
    "mypy plugins": 40.0,
    "units, oldest ansible-core": 60.0,
    "units, newest ansible-core": 60.0,
}
_BY_KIND = {"build": 150.0, "gate": 10.0, "unit": 60.0, "integration": 420.0, "molecule": 240.0}
_VM_FACTOR = 3


def default(step: Step) -> float:
    found = DEFAULTS.get(step.name, _BY_KIND[step.kind])
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
    """Decides what starts next. It holds no clock: whoever asks gives the time."""

    def __init__(self, steps: Sequence[Step], known: Mapping[str, float], cores: int | None = None) -> None:
        self.capacity = 2 * (cores or os.cpu_count() or 1)
        self._seconds = {step.name: known.get(step.name, default(step)) for step in steps}
        self._steps = {step.name: step for step in steps}
        self._rank = {name: self._until_the_end(name) for name in self._steps}

    def _until_the_end(self, name: str) -> float:
        """How long the step and what waits for it take, one after the other."""
        waiting = [step.name for step in self._steps.values() if name in step.after]
        return self._seconds[name] + max((self._until_the_end(other) for other in waiting), default=0.0)

    def _weight(self, step: Step) -> int:
        """A step that is more than the machine carries has the machine for itself."""
        return min(step.weight, self.capacity)

    def choose(
        self, waiting: Collection[Step], running: Mapping[str, float], done: Collection[str], now: float
    ) -> Step | None:
        """The step that should start now, if any; `running` says when each running step started.

        The longest that can start goes first. While it doesn't fit, shorter ones may only start if they don't delay it:
        they end before there is room for it, or leave enough room.
        """
        ready = [step for step in waiting if all(name in done for name in step.after if name in self._steps)]
        ready.sort(key=lambda step: (-self._rank[step.name], step.name))
        if not ready:
            return None
        free = self.capacity - sum(self._weight(self._steps[name]) for name in running)
        first, *others = ready
        if self._weight(first) <= free:
            return first
        when, left = self._room(self._weight(first), free, running, now)
        for step in others:
            weight = self._weight(step)
            if weight <= free and (weight <= left or now + self._seconds[step.name] <= when):
                return step
        return None

    def _room(self, weight: int, free: int, running: Mapping[str, float], now: float) -> tuple[float, int]:
        """When there will be room for this weight, and how much is left beside it then."""
        ends = sorted((max(now, began + self._seconds[name]), name) for name, began in running.items())
        for when, name in ends:
            free += self._weight(self._steps[name])
            if free >= weight:
                return when, free - weight
        raise ValueError(f"a step of weight {weight} never fits in {self.capacity}")
