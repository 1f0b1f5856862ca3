# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that define filters and bind devices to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ...contract import Host, Step
from .facts import FilterDriver, StoredFilter
from .options import Binding, Filter


@dataclass(frozen=True)
class Define(Step):
    """Defines a filter, or changes it in place."""

    before: Optional[StoredFilter]
    after: Filter
    uuid: Optional[str] = None

    @property
    def words(self) -> str:
        return f"{'change' if self.before else 'create'} filter {self.after.name}"

    def do(self, host: Host) -> None:
        host.driver(FilterDriver).define(self.after, self.before.uuid if self.before else self.uuid)

    def undo(self, host: Host) -> None:
        driver = host.driver(FilterDriver)
        if self.before is None:
            driver.undefine(self.after.name)
        else:
            driver.define(self.before.definition, self.before.uuid)


@dataclass(frozen=True)
class Undefine(Step):
    """Removes a filter."""

    before: StoredFilter

    @property
    def words(self) -> str:
        return f"remove filter {self.before.definition.name}"

    def do(self, host: Host) -> None:
        host.driver(FilterDriver).undefine(self.before.definition.name)

    def undo(self, host: Host) -> None:
        host.driver(FilterDriver).define(self.before.definition, self.before.uuid)


@dataclass(frozen=True)
class Rebuild(Step):
    """Creates the kernel's rules of a filter again; ``devices`` lack them."""

    name: str
    devices: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"create the rules of filter {self.name} for {', '.join(self.devices)} again"

    def do(self, host: Host) -> None:
        host.driver(FilterDriver).rebuild(self.name)

    def undo(self, host: Host) -> None:
        del host  # the rules are what they should have been


@dataclass(frozen=True)
class Bind(Step):
    """Gives a device a filter."""

    binding: Binding

    @property
    def words(self) -> str:
        return f"bind {self.binding.device} to filter {self.binding.filter}"

    def do(self, host: Host) -> None:
        host.driver(FilterDriver).bind(self.binding)

    def undo(self, host: Host) -> None:
        host.driver(FilterDriver).unbind(self.binding.device)


@dataclass(frozen=True)
class Unbind(Step):
    """Takes the filter from a device."""

    binding: Binding

    @property
    def words(self) -> str:
        return f"remove the binding of {self.binding.device} to filter {self.binding.filter}"

    def do(self, host: Host) -> None:
        host.driver(FilterDriver).unbind(self.binding.device)

    def undo(self, host: Host) -> None:
        host.driver(FilterDriver).bind(self.binding)


@dataclass(frozen=True)
class Rebind(Step):
    """Replaces the binding of a device. It is down for that time, so that nothing passes without a filter."""

    composite = True

    before: Binding
    after: Binding

    @property
    def words(self) -> str:
        if self.before == self.after:
            return f"create the rules of filter {self.after.filter} for {self.after.device} again"
        return f"change the binding of {self.after.device} to filter {self.after.filter}"

    def do(self, host: Host) -> None:
        host.driver(FilterDriver).rebind(self.after)

    def undo(self, host: Host) -> None:
        host.driver(FilterDriver).rebind(self.before)


@dataclass(frozen=True)
class BringUp(Step):
    """Brings up a device that a run has left down that was killed."""

    device: str

    @property
    def words(self) -> str:
        return f"bring up {self.device}"

    def do(self, host: Host) -> None:
        host.driver(FilterDriver).bring_up(self.device)

    def undo(self, host: Host) -> None:
        del host
