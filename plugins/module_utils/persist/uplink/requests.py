# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What shows the leases of an interface and ends them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

from ...contract import Driver


@dataclass(frozen=True)
class HeldAddress:
    """An address of an interface; ``lasting`` is false for one that expires unless it is renewed."""

    cidr: str
    lasting: bool


class LeaseDriver(Driver, ABC):
    """What shows and ends leases on this host, which are read again at each call. Each call raises `HostError`."""

    @abstractmethod
    def carrier(self, name: str) -> bool: ...

    @abstractmethod
    def addresses(self, name: str) -> Sequence[HeldAddress]:
        """Returns all addresses, but link-local ones and those of router advertisements."""

    @abstractmethod
    def until(self, done: Callable[[], bool], seconds: int) -> bool:
        """Waits until ``done`` returns true, but not longer than that, and returns whether it has.

        It ends early where a signal has asked the run to end: that is raised as soon as it isn't delayed any more.
        """

    @abstractmethod
    def remove(self, name: str, cidr: str) -> None:
        """Removes an address, with the routes of it."""
