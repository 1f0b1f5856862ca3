# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of stored settings, and the step that changes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Optional

from ...contract import Driver, Host, Step
from .service import persists, settings_path


class StoredSettings(Driver, ABC):
    """The files with settings of devices, and the service that applies them. Each call raises `HostError`."""

    @abstractmethod
    def text(self, part: str, device: str) -> Optional[str]:
        """Returns the file of a device; ``None`` if there is none."""

    @abstractmethod
    def devices(self, part: str) -> tuple[str, ...]:
        """Returns the devices that have a file."""

    @abstractmethod
    def intact(self, part: str) -> bool:
        """Returns whether the service is as the files of all devices need it."""

    @abstractmethod
    def runs(self) -> bool:
        """Returns whether this host has udev, which starts the service."""

    @abstractmethod
    def store(self, part: str, device: str, text: Optional[str]) -> None:
        """Replaces the file of a device, ``None`` removes it; and then updates the service, or removes it after the last file."""


@dataclass(frozen=True)
class StoreSettings(Step):
    """Writes the file of a device, or removes it where ``text`` is ``None``; ``was`` is the old text."""

    composite = True

    part: str
    device: str
    text: Optional[str]
    was: Optional[str]

    @property
    def words(self) -> str:
        path = settings_path(self.part, self.device)
        if self.text is None:
            return f"remove {path}"
        if self.text == self.was:
            return f"update the service that applies {path}"
        applied = ", which is applied whenever the device is created" if persists(self.text) else ""
        return f"{'write' if self.was is None else 'change'} {path}{applied}"

    def do(self, host: Host) -> None:
        host.driver(StoredSettings).store(self.part, self.device, self.text)

    def undo(self, host: Host) -> None:
        host.driver(StoredSettings).store(self.part, self.device, self.was)
