# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shaping of an interface as a run plans it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Optional

from ...contract import AnyResource, Host, Notes, Options, Plan, Resource, Shown, World
from ...errors import under
from ...model.fields import from_options
from ...model.shaping.memory import memory_path, recalled
from ...model.shaping.numbers.show import shown
from ...model.shaping.observed import Seen, ShapingState, entering, ifb_alias, ifb_name, polices, seen
from ...model.shaping.options import Shaping
from ...model.shaping.plan import ShapingFacts, plan_shaping
from ...model.shaping.steps import Link, RawTree, ShapingDriver
from ..common import interface_name


@dataclass(frozen=True)
class ShapingResource(Resource[ShapingState]):
    """The shaping of an interface. ``beside``: the run declares other resources, one of which may create the interface."""

    given: Shaping
    wanted: bool
    path: str = ""
    beside: bool = False

    @property
    def name(self) -> str:
        return self.given.device or ""

    @property
    def label(self) -> str:
        return f"shaping of {self.name}"

    @property
    def present(self) -> bool:
        return self.wanted

    def needs(self, current: ShapingState) -> frozenset[str]:
        del current
        return frozenset({interface_name(None, self.name)})

    def current(self, host: Host) -> ShapingState:
        return read_shaping(host.driver(ShapingDriver), self.name)

    def plan(self, current: ShapingState, world: World, notes: Notes) -> Plan[ShapingState]:
        del notes
        facts = world.facts(ShapingFacts)
        with under(self.path):
            link = self._link(current, world)
            return plan_shaping(self.given, current, facts, present=self.wanted, link=link)

    def _link(self, current: ShapingState, world: World) -> Optional[Link]:
        """Returns the interface as it is when the plans before this one are done."""
        if current.link is not None or not (self.beside and self.wanted):
            return current.link
        from ...model.interface.facts import InterfaceFacts

        state = world.facts(InterfaceFacts).namespace(None).states.get(self.name)
        return Link(self.name, state.definition.mtu or 1500) if state is not None else None

    def show(self, state: ShapingState, plan: Plan[ShapingState]) -> Shown:
        del plan
        return shown(state)


def read_shaping(driver: ShapingDriver, device: str, raw: Optional[RawTree] = None) -> ShapingState:
    """Returns the shaping that an interface has. Raises `HostError`."""
    text = driver.remembered().get(memory_path(device))
    memory = recalled(text)
    link = driver.link(device)
    if link is None:
        return ShapingState(device, None, memory, text)
    raw = raw or driver.tree(device)
    through = driver.link(ifb_name(device))
    ingress = Seen()
    if through is not None and through.alias != ifb_alias(device):
        ingress = Seen(foreign=f"needs {through.name}, which is another interface")
        through = None
    elif through is not None:
        ingress = seen(driver.tree(through.name), memory, "ingress")
    if polices(raw):
        ingress = replace(
            ingress, foreign="is limited by libvirt, for the outbound bandwidth of a guest NIC or a network"
        )
    ours, others = entering(raw, device)
    return ShapingState(
        device,
        link,
        memory,
        text,
        egress=seen(raw, memory, "egress"),
        ingress=ingress,
        ifb=through is not None,
        hook=raw.hook,
        entering=ours,
        others=others,
    )


def shaping_of(options: Options, path: str) -> ShapingResource:
    """Returns the shaping that the options declare. Raises `OptionError`, below ``path``."""
    with under(path):
        given = from_options(Shaping, options)
    return ShapingResource(given, options["state"] == "present", path)


def settled_shaping(resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
    """Returns the shaping as it is planned beside others."""
    if not isinstance(resource, ShapingResource):
        return resource
    return replace(resource, beside=len(others) > 1)
