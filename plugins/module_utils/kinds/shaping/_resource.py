# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shaping of an interface as a run plans it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Optional, cast

from ...contract import AnyResource, Host, Notes, Options, Plan, Shown, World
from ...errors import under
from ...model.fields import from_options
from ...model.links import LinkFacts
from ...model.shaping.numbers.show import shown
from ...model.shaping.observed import ShapingState, cleared
from ...model.shaping.options import Shaping
from ...model.shaping.plan import ShapingFacts
from ...model.shaping.steps import Link
from ...persist.device.shapings import plan_stored, read_shaping
from ..common import DeclaredResource, interface_name
from ..device.renewal import with_handler


@dataclass(frozen=True)
class ShapingResource(DeclaredResource[ShapingState, Shaping]):
    """The shaping of an interface. ``beside``: the run declares other resources, one of which may create the interface."""

    noun = "shaping of"
    key = "device"

    beside: bool = False
    persist: Optional[bool] = None

    def needs(self, current: ShapingState) -> frozenset[str]:
        del current
        return frozenset({interface_name(None, self.name)})

    def current(self, host: Host) -> ShapingState:
        return read_shaping(host, self.name)

    def plan(self, current: ShapingState, world: World, notes: Notes) -> Plan[ShapingState]:
        del notes
        facts = world.facts(ShapingFacts)
        clearing = world.facts(LinkFacts).clearing_queues(self.name) if self.present and current.link else ()
        with under(self.path):
            link = self._link(current, world)
            there = cleared(current) if clearing else current
            plan = plan_stored(self.given, there, facts, present=self.present, link=link, persist=self.persist)
        memory = current.memory
        if not clearing or memory is None:
            return plan
        return with_handler(plan, self, replace(self, given=memory.declared, persist=memory.persist), clearing)

    def _link(self, current: ShapingState, world: World) -> Optional[Link]:
        """Returns the interface as it is when the plans before this one are done."""
        if current.link is not None or not (self.beside and self.present):
            return current.link
        from ...model.interface.facts import InterfaceFacts

        state = world.facts(InterfaceFacts).namespace(None).states.get(self.name)
        return Link(self.name, state.definition.mtu or 1500) if state is not None else None

    def show(self, state: ShapingState, plan: Plan[ShapingState]) -> Shown:
        del plan
        found = shown(state)
        if state.memory is not None:
            found["persist"] = state.memory.persist
            if state.memory.persist and not state.intact:
                found["problems"] = ["the service that applies stored settings isn't as it should be"]
        return found


def shaping_of(options: Options, path: str) -> ShapingResource:
    """Returns the shaping that the options declare. Raises `OptionError`, below ``path``."""
    with under(path):
        given = from_options(Shaping, options)
    persist = cast(Optional[bool], options.get("persist"))
    return ShapingResource(given, options["state"] == "present", path, persist=persist)


def settled_shaping(resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
    """Returns the shaping as it is planned beside others."""
    if not isinstance(resource, ShapingResource):
        return resource
    return replace(resource, beside=len(others) > 1)
