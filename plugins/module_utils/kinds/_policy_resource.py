# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A policy as a run plans it."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract import World
from ..model.firewall.nft import Table
from ..model.firewall.rule_sets import SetState
from ..model.firewall.zones import without_zone
from ..model.network.facts import NetworkFacts
from ..model.policy.options import ALLOW, Policy
from ..model.policy.resolve import resolve_policy
from ..model.policy.table import POLICY, ResolvedRule, policy_table
from ._rule_set_resource import RuleSetResource


class PolicyResource(RuleSetResource[ResolvedRule]):
    """A set of policy rules."""

    set_kind = POLICY
    rules_option = "rules"

    given: Policy

    def needs(self, current: SetState) -> frozenset[str]:
        del current
        parties = [party for rule in self.given.rules or () for party in (rule.source, rule.to) if party]
        networks = {f"network {name}" for party in parties for name in (party.network, party.name) if name}
        return frozenset(
            networks | {f"interface {name}" for party in parties for name in (party.bridge, party.name) if name}
        )

    def resolved(self, stored: Sequence[ResolvedRule], world: World) -> Sequence[ResolvedRule]:
        return stored if self.given.rules is None else resolve_policy(self.given, world)

    def table(self, desired: Sequence[ResolvedRule], world: World) -> Table:
        networks = world.facts(NetworkFacts).networks.values()
        bridges = [network.bridge for network in networks if network.active and network.bridge]
        return policy_table(self.name, desired, bridges)

    def warnings(self, desired: Sequence[ResolvedRule], world: World) -> tuple[str, ...]:
        allowed = [each.source.link for each in desired if each.rule.action == ALLOW and each.source.link]
        return tuple(without_zone(allowed, world))
