# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a device has of settings, and the steps that change them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Optional

from ...contract import Driver, Host, Step
from .options import Settings, Value


@dataclass(frozen=True)
class Device:
    """A device as it is. ``limits`` are the maxima of rings and channels; ``fixed`` are the offloads that its driver doesn't change.

    A group that the driver doesn't have is missing in ``settings``. ``birth`` is another one when it is created again. ``cpus`` are
    those that are online. ``balanced`` says that irqbalance runs, ``hardware`` that the device can have interrupts. ``requested``
    are the offloads as they were set: one that is set to on may be off, as it depends on another one (``off [requested on]`` of
    ethtool(8)).
    """

    settings: Settings
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    birth: str = ""
    cpus: frozenset[int] = frozenset()
    balanced: bool = False
    hardware: bool = True
    requested: Mapping[str, bool] = field(default_factory=dict)

    def set_to(self, group: str) -> Mapping[str, Value]:
        """Returns what the settings of a group were set to, which for offloads may be more than what is in use."""
        found = self.settings.get(group, {})
        return {**found, **self.requested} if group == "offloads" and found else found


class NicDriver(Driver, ABC):
    """The settings of network devices. Each call raises `HostError`."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Returns the names of all devices."""

    @abstractmethod
    def device(self, name: str) -> Optional[Device]:
        """Returns a device as it is; ``None`` if there is none of this name."""

    @abstractmethod
    def apply(self, name: str, group: str, values: Mapping[str, Value], restored: Collection[str] = ()) -> None:
        """Applies settings of a group. It raises `HostError`, too, where the driver takes other values than these.

        An offload in ``restored`` need not be in use then, as it may not have been before.
        """


@dataclass(frozen=True)
class ApplySettings(Step):
    """Changes the settings of a group; ``was`` are the values that they have before, ``restored`` the names of those that get
    back what they had before the first change."""

    composite = True  # a driver may have taken some of them

    device: str
    group: str
    values: Mapping[str, Value]
    was: Mapping[str, Value]
    restored: frozenset[str] = frozenset()

    @property
    def words(self) -> str:
        shown = " ".join(f"{name}={_shown(value)}" for name, value in self.values.items())
        return f"set {self.group} {shown} on {self.device}"

    def do(self, host: Host) -> None:
        host.driver(NicDriver).apply(self.device, self.group, self.values, self.restored)

    def undo(self, host: Host) -> None:
        host.driver(NicDriver).apply(self.device, self.group, self.was, self.was)


def _shown(value: Value) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
