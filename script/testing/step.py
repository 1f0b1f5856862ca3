# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a step is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Step:
    name: str
    kind: str
    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    minutes: float = 15
    """After which it is taken to hang."""
    report: Path | None = None
    """Where pytest leaves its counts. A step without is one test."""
    hosts: str = ""
    """The kind of the lab hosts that it boots; empty if it boots none."""
    weight: int = 1
    """How much of the machine it takes, in half processor cores."""
    after: tuple[str, ...] = ()
    """The steps that must have passed before it starts."""

    @property
    def slug(self) -> str:
        """Its name in names of files, control groups and owners."""
        return self.name.replace(",", "").replace(" ", "-")


@dataclass(frozen=True)
class Result:
    step: Step
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()
    """Why tests were skipped."""
    own_seconds: float | None = None
    """The processor time of the step's own processes; None where nobody counted it."""
    host_seconds: float = 0.0
    """The processor time of its hosts."""
    slowest: tuple[tuple[str, float], ...] = ()
    """Its slowest tests, or the slowest actions of its scenario."""
