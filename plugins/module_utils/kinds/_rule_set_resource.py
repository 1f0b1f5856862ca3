# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A set of firewall rules as a run plans it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Generic, Optional

from ..contract import Host, Notes, Plan, Shown, Step, World
from ..errors import under
from ..model.firewall.facts import FirewallFacts
from ..model.firewall.nft import Table
from ..model.firewall.rule_sets import RuleType, SetKind, SetState, plan_set
from ..model.firewall.steps import FirewallDriver
from .common import DeclaredResource


@dataclass(frozen=True)
class RuleSetResource(DeclaredResource[SetState, Any], ABC, Generic[RuleType]):
    """A set of firewall rules."""

    set_kind: ClassVar[SetKind[Any]]
    rules_option: ClassVar[str]

    @property
    def label(self) -> str:
        return f"{self.set_kind.noun} {self.name}"

    def current(self, host: Host) -> SetState:
        driver, kind = host.driver(FirewallDriver), self.set_kind
        return SetState(driver.stored().get(kind.path(self.name)), driver.loaded(kind.table_name(self.name)))

    def plan(self, current: SetState, world: World, notes: Notes) -> Plan[SetState]:
        del notes
        facts = world.facts(FirewallFacts)
        stored: Sequence[RuleType] = self.set_kind.rules(current.text)
        with under(self.path):
            desired = self.resolved(stored, world) if self.present else ()
        loaded = self.after_loading(stored if current.loaded is not None else (), desired)
        table = self.table(desired, world)
        steps, after = plan_set(self.set_kind, self.name, current, desired, table, facts, loaded)
        warnings = (*self.warnings(desired, world), *(facts.obstacles if desired else ()))
        return Plan(steps=steps, after=after, returned=self.returned(desired), warnings=warnings)

    def others(self, world: World) -> Mapping[str, Sequence[RuleType]]:
        """Returns the rules of the other sets of this kind, by name."""
        files = self.set_kind.names(world.facts(FirewallFacts).stored)
        return {name: self.set_kind.rules(text) for name, text in files.items() if name != self.name}

    @abstractmethod
    def resolved(self, stored: Sequence[RuleType], world: World) -> Sequence[RuleType]:
        """Returns the desired rules, with addresses; ``stored`` are those that the set has. Raises `OptionError`."""

    @abstractmethod
    def table(self, desired: Sequence[RuleType], world: World) -> Table:
        """Returns the table of the set."""

    def after_loading(self, former: Sequence[RuleType], desired: Sequence[RuleType]) -> Sequence[Step]:
        """Returns what is to be done after the kernel's rules have become the desired ones."""
        del former, desired
        return ()

    def returned(self, desired: Sequence[RuleType]) -> Mapping[str, object]:
        """Returns what the module returns about the rules besides their options."""
        del desired
        return {}

    def warnings(self, desired: Sequence[RuleType], world: World) -> tuple[str, ...]:
        """Returns why the rules may have no effect."""
        del desired, world
        return ()

    def show(self, state: SetState, plan: Plan[SetState]) -> Shown:
        del plan
        if state.absent:
            return {"name": self.name, "state": "absent"}
        return {
            "name": self.name,
            "state": "present",
            self.rules_option: [each.shown() for each in self.set_kind.rules(state.text)],
            **({} if state.loaded is not None else {"problems": ["its rules aren't loaded"]}),
        }

    @classmethod
    def describer(cls, host: Host) -> Callable[[RuleType], Mapping[str, object]]:
        """Returns what gives for a rule what the ``_info`` module returns besides its options and counters."""
        del host
        return lambda _rule: {}

    @classmethod
    def described(cls, host: Host, names: Optional[Sequence[str]]) -> list[dict[str, object]]:
        """Returns the sets with these names, ``None`` for all of them, as the ``_info`` module returns them."""
        driver, kind = host.driver(FirewallDriver), cls.set_kind
        stored, more = kind.names(driver.stored()), cls.describer(host)
        found: list[dict[str, object]] = []
        for name in sorted(stored) if names is None else names:
            if name in stored:
                counted = driver.counters(kind.table_name(name))
                rules = []
                for rule in kind.rules(stored[name]):
                    packets, octets = (counted or {}).get(rule.label, (0, 0))
                    rules.append({**rule.shown(), "packets": packets, "bytes": octets, **more(rule)})
                found.append({"name": name, cls.rules_option: rules, "loaded": counted is not None})
        return found
