# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A set of port forwards as a run plans it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable

from ..contract import Host, Step, World
from ..model.firewall.facts import FirewallFacts
from ..model.firewall.nft import Table
from ..model.firewall.others import refused
from ..model.firewall.rule_sets import SetState
from ..model.firewall.steps import ForgetFlows
from ..model.links import LinkFacts
from ..model.network.facts import NetworkFacts
from ..model.portforward.options import PortForwards, ports_of
from ..model.portforward.resolve import resolve, strict
from ..model.portforward.resolved import Resolved
from ..model.portforward.table import FORWARDS, changed_flows, forwards_table
from ..model.portforward.targets import Targets
from ._rule_set_resource import RuleSetResource


class PortForwardResource(RuleSetResource[Resolved]):
    """A set of port forwards."""

    set_kind = FORWARDS
    rules_option = "forwards"

    given: PortForwards

    def needs(self, current: SetState) -> frozenset[str]:
        del current
        found = [forward.to for forward in self.given.forwards or ()]
        return frozenset(f"network {to.network}" for to in found if to and to.network)

    def resolved(self, stored: Sequence[Resolved], world: World) -> Sequence[Resolved]:
        if self.given.forwards is None:
            return stored
        return resolve(self.given, world.facts(FirewallFacts), stored, self.others(world))

    def table(self, desired: Sequence[Resolved], world: World) -> Table:
        subnets = [subnet for link in world.facts(LinkFacts).links for subnet in link.subnets]
        networks = world.facts(NetworkFacts).networks.values()
        isolated = [network.bridge for network in networks if network.active and network.isolated and network.bridge]
        return forwards_table(self.name, desired, subnets, isolated)

    def after_loading(self, former: Sequence[Resolved], desired: Sequence[Resolved]) -> Sequence[Step]:
        flows = changed_flows(former, desired)
        return (ForgetFlows(flows),) if flows else ()

    def returned(self, desired: Sequence[Resolved]) -> Mapping[str, object]:
        return {
            "targets": [{"forward": each.label, "address": each.address, "known_by": each.source} for each in desired]
        }

    def warnings(self, desired: Sequence[Resolved], world: World) -> tuple[str, ...]:
        found = {(each.guest, each.address): each.source for each in desired if each.source in ("lease", "agent")}
        leased = (
            f"the address {address} of guest {guest} is only known by {'a lease' if source == 'lease' else 'its agent'}, and may belong"
            " to another guest later; give the guest a reservation in its network"
            for (guest, address), source in sorted(found.items())
        )
        others = world.facts(FirewallFacts).others
        closed = [each for each in desired if refused(ports_of(each.listen), others) is not None]
        return (*leased, *(f"{each.label} {strict(each)}" for each in closed))

    @classmethod
    def describer(cls, host: Host) -> Callable[[Resolved], Mapping[str, object]]:
        targets = Targets(host)
        return lambda rule: {"target": targets.shown(rule)}
