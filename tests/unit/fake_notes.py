# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What every fake host has for the engine: its lock, and the notes of a run that was killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any


class FakeNotes:
    def __init__(self) -> None:
        self.remembered: dict[str, Mapping[str, Any]] = {}

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        yield

    def recall(self, label: str) -> Mapping[str, Any]:
        return self.remembered.get(label, {})

    def remember(self, label: str, resume: Mapping[str, Any]) -> None:
        self.remembered.pop(label, None)
        if resume:
            self.remembered[label] = dict(resume)

    def forget(self) -> None:
        pass
