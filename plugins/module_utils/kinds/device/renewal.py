# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What devices have besides their definition, such as shaping or routes, after a run has created the devices again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Optional

from ...contract import AnyResource, Handler, Host, Plan, State, Step, World
from ...persist.device.steps import StoreSettings


@dataclass(frozen=True)
class SetUpAgain(Handler):
    """Sets a resource up after ``causes``, the steps that remove it together with its device.

    When the steps are undone, it sets up ``former``, which is the resource as it was before the run; ``None`` for nothing.
    """

    resource: AnyResource
    former: Optional[AnyResource]
    causes: tuple[Step, ...]

    @property
    def words(self) -> str:
        return f"set up {self.resource.label} again"

    def merge(self, other: Handler) -> Optional[Handler]:
        del other
        return None

    def triggered_by(self, steps: Sequence[Step]) -> bool:
        return any(step in self.causes for step in steps)

    def do(self, host: Host) -> None:
        _converge(host, self.resource)

    def undo(self, host: Host) -> None:
        if self.former is not None:
            _converge(host, self.former)


def with_handler(
    plan: Plan[State], resource: AnyResource, former: Optional[AnyResource], causes: tuple[Step, ...]
) -> Plan[State]:
    """Returns a plan that only stores the settings, and leaves the device to a handler."""
    steps = tuple(step for step in plan.steps if isinstance(step, StoreSettings))
    return replace(plan, steps=steps, handlers=(SetUpAgain(resource, former, causes),))


def _converge(host: Host, resource: AnyResource) -> None:
    """Plans from what the host has now, which no plan before the steps can know, and applies that."""
    host.forget()
    outcome = resource.observe(host)
    outcome.plan(World(host), {})
    for step in outcome.steps:
        step.do(host)
