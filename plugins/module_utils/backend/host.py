# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host: a registry of drivers, each opened when it is first needed, closed and forgotten all alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from ..contract import Driver, DriverType, Opener
from .os.paths import SYSTEM_URI


class Host:
    """The host behind a libvirt ``uri``; ``openers`` has what opens a driver, by the class that is asked for.

    Implements `contract.Host`.
    """

    def __init__(self, uri: str = SYSTEM_URI, openers: Optional[Mapping[type[Driver], Opener]] = None) -> None:
        self._uri = uri
        self._openers = dict(openers or {})
        self._drivers: dict[tuple[type[Driver], Optional[str]], Driver] = {}

    @property
    def uri(self) -> str:
        return self._uri

    def driver(self, kind: type[DriverType], where: Optional[str] = None) -> DriverType:
        driver = self._drivers.get((kind, where))
        if driver is None:
            driver = self._drivers[kind, where] = self._openers[kind](self, where)
        if not isinstance(driver, kind):
            raise TypeError(f"{type(driver).__name__} is no {kind.__name__}")
        return driver

    def forget(self) -> None:
        for driver in self._drivers.values():
            driver.forget()

    def close(self) -> None:
        """Closes the drivers, the last opened first, as one may use another."""
        while self._drivers:
            _key, driver = self._drivers.popitem()
            driver.close()
