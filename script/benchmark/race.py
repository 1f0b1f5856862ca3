# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a race is: contestants that bring the same about, each by a play or by a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

PACKAGES = "/var/tmp/packages"  # on the host

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

    ``start`` is a task of the collection's contestant that has nothing to do: the time of one module start.

    ``packages`` are those of PyPI that contestants need on the host; they are put into `PACKAGES`.

    A contestant that would take too long for a count has no effort for it. ``changed`` are the efforts of those that also run a
    third time, with one thing changed.
    """

    unit: str
    base: str
    contestants: Mapping[str, Callable[[int], Effort | None]]
    clean: Script
    start: dict[str, Any] = field(default_factory=lambda: {"virtnet.kvm.fabric": {"networks": []}})
    changed: Mapping[str, Callable[[int], Effort | None]] = field(default_factory=dict)
    packages: tuple[str, ...] = ()

    @property
    def start_words(self) -> str:
        (module,) = self.start
        return f"one module start (`{module.rpartition('.')[2]}` with nothing to do)"


def play(*tasks: dict[str, Any]) -> Play:
    return [{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}]
