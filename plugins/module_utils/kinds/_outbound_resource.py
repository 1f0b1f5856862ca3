# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A set of outbound rules as a run plans it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..contract import World
from ..model.firewall.facts import FirewallFacts
from ..model.firewall.nft import Table
from ..model.firewall.rule_sets import SetState
from ..model.firewall.zones import bridges_with, without_zone
from ..model.network.facts import NetworkFacts
from ..model.outbound.options import OutboundRules
from ..model.outbound.resolve import resolve_outbound
from ..model.outbound.table import OUTBOUND, ResolvedOutbound, outbound_table
from ._rule_set_resource import RuleSetResource

_SYSCTLS = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}


class OutboundResource(RuleSetResource[ResolvedOutbound]):
    """A set of outbound rules."""

    set_kind = OUTBOUND
    rules_option = "rules"

    given: OutboundRules

    def needs(self, current: SetState) -> frozenset[str]:
        del current
        sources = [rule.source for rule in self.given.rules or () if rule.source]
        networks = {f"network {source.network}" for source in sources if source.network}
        return frozenset(networks | {f"interface {source.bridge}" for source in sources if source.bridge})

    def resolved(self, stored: Sequence[ResolvedOutbound], world: World) -> Sequence[ResolvedOutbound]:
        if self.given.rules is None:
            return stored
        return resolve_outbound(self.given, world, self.others(world))

    def table(self, desired: Sequence[ResolvedOutbound], world: World) -> Table:
        del world
        return outbound_table(self.name, desired)

    def returned(self, desired: Sequence[ResolvedOutbound]) -> Mapping[str, object]:
        return {"sources": [{"rule": each.label, "cidr": each.cidr, "known_by": each.known_by} for each in desired]}

    def warnings(self, desired: Sequence[ResolvedOutbound], world: World) -> tuple[str, ...]:
        facts = world.facts(FirewallFacts)
        # libvirt turns forwarding on for its networks
        versions = sorted({each.version for each in desired if each.known_by in ("cidr", "bridge")})
        off = (
            f"{_SYSCTLS[version]} is 0, so this host forwards no IPv{version} packets; set it to 1"
            for version in versions
            if not facts.forwarding(version) and not world.facts(NetworkFacts).turns_forwarding_on(version)
        )
        return (*off, *without_zone(bridges_with([each.cidr for each in desired], world), world))
