# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a race is: contestants that bring the same about, each by a play or by a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

Play = list[dict[str, Any]]  # what `ansible-playbook` runs


@dataclass(frozen=True)
class Script:
    """A command for the host's shell and what it reads, run over the SSH connection that Ansible has, too."""

    command: str
    text: str


Effort = Union[Play, Script]


@dataclass(frozen=True)
class Race:
    """``contestants`` make what each needs for a count of ``unit``; ``base`` is the one that others are compared with.

    A contestant that would take too long for a count has no effort for it. ``changed`` are the efforts of those that also run a
    third time, with one thing changed.
    """

    unit: str
    base: str
    contestants: Mapping[str, Callable[[int], Effort | None]]
    clean: Script
    changed: Mapping[str, Callable[[int], Effort | None]] = field(default_factory=dict)


def play(*tasks: dict[str, Any]) -> Play:
    return [{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}]


def start_only() -> Play:
    """One module start: a list of nothing."""
    return play({"virtnet.kvm.fabric": {"networks": []}})
