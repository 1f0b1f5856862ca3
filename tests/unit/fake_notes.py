# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What every fake host has for the engine: its drivers, the run's lock, and the notes of a run that was killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import Driver, DriverType


class FakeNotes:
    def __init__(self) -> None:
        self.remembered: dict[str, Mapping[str, Any]] = {}

    @property
    def uri(self) -> str:
        return "test:///default"

    def drivers(self) -> list[Driver]:
        return []

    def driver(self, kind: type[DriverType], where: Optional[str] = None) -> DriverType:
        del where
        return next(driver for driver in self.drivers() if isinstance(driver, kind))

    def forget(self) -> None:
        for driver in self.drivers():
            driver.forget()

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        yield

    def recall(self, label: str) -> Mapping[str, Any]:
        return self.remembered.get(label, {})

    def remember(self, label: str, notes: Mapping[str, Any]) -> None:
        self.remembered.pop(label, None)
        if notes:
            self.remembered[label] = dict(notes)
