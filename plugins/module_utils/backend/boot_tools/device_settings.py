# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files with stored settings of devices, and the rule, the unit and the code that apply them."""

from __future__ import annotations

import contextlib
import glob
import os
import sys
from typing import Optional

from ...errors import HostError
from ...persist.device import service
from ...persist.device.steps import StoredSettings
from ..os import commands, own_code, udev, units
from ..os.atomic import write_file

_DOING = "update the service for stored settings of devices"


class DeviceSettings(StoredSettings):
    """Implements `StoredSettings`; ``root`` is another directory in tests."""

    def __init__(self, root: str = "") -> None:
        self._root = root

    def text(self, part: str, device: str) -> Optional[str]:
        return self._read(service.settings_path(part, device))

    def devices(self, part: str) -> tuple[str, ...]:
        found = glob.glob(self._root + service.settings_path(part, "*"))
        return tuple(sorted(os.path.basename(path)[: -len(".json")] for path in found))

    def intact(self, part: str) -> bool:
        rule = self._rule()
        unit = None if rule is None else service.unit_text(sys.executable)
        if self._read(service.RULE_FILE) != rule or self._read(service.UNIT_FILE) != unit:
            return False
        path = self._root + service.code_path(part)
        if not self._persistent(part):
            return not os.path.exists(path)
        return own_code.is_current(path, service.main_of(part, own_code.PACKAGE))

    def runs(self) -> bool:
        return os.path.exists(self._root + udev.CONTROL)

    def store(self, part: str, device: str, text: Optional[str]) -> None:
        self._write(service.settings_path(part, device), text)
        self._update_code(part)
        rule = self._rule()
        unit = None if rule is None else service.unit_text(sys.executable)
        replaced = self._read(service.UNIT_FILE) is not None and unit is not None
        if self._write(service.UNIT_FILE, unit) and replaced:
            units.reload(_DOING)
        if self._write(service.RULE_FILE, rule) and self.runs():
            commands.run(_DOING, "udevadm", "control", "--reload")
        if text is None and self.runs():
            with contextlib.suppress(HostError):  # it isn't loaded, unless it has failed
                commands.run(_DOING, "systemctl", "reset-failed", service.unit_of(device, "*"))
        for path in (f"{service.DIRECTORY}/{part}", service.DIRECTORY):
            with contextlib.suppress(OSError):  # others of ours are in it
                os.rmdir(self._root + path)

    def _rule(self) -> Optional[str]:
        return service.rule_text(device for part in service.PARTS for device in self._persistent(part))

    def _persistent(self, part: str) -> list[str]:
        return [device for device in self.devices(part) if service.persists(self.text(part, device))]

    def _update_code(self, part: str) -> None:
        path, main = service.code_path(part), service.main_of(part, own_code.PACKAGE)
        if not self._persistent(part):
            self._write(path, None)
        elif not own_code.is_current(self._root + path, main):
            try:
                write_file(self._root + path, own_code.archive(main))
            except OSError as error:
                raise HostError(f"write {path}", error.strerror or error) from error

    def _read(self, path: str) -> Optional[str]:
        try:
            with open(self._root + path, encoding="utf-8") as handle:
                return handle.read()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise HostError(f"read {path}", error) from error

    def _write(self, path: str, text: Optional[str]) -> bool:
        """Replaces a file, ``None`` removes it; returns whether that changed anything."""
        full = self._root + path
        try:
            if text is None:
                if not os.path.exists(full):
                    return False
                os.unlink(full)
                return True
            if self._read(path) == text:
                return False
            os.makedirs(os.path.dirname(full), exist_ok=True)
            write_file(full, text.encode(), mode=0o644)
        except OSError as error:
            raise HostError(f"{'remove' if text is None else 'write'} {path}", error.strerror or error) from error
        return True
