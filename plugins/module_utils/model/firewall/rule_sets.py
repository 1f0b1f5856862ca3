# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a set of rules to steps: the table in the kernel, the file for the next boot, and the way past others' rules.

Port forwards and outbound NAT are such sets. Each set is a table and a file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Optional, Protocol, TypeVar

from ...contract import Step
from ...errors import VirtnetError
from ..codec import from_json, to_json
from .base import base_table
from .facts import FirewallFacts
from .nft import Loaded, Table, change, expected, removal, script
from .service import service_files
from .steps import (
    DIRECTORY,
    ClosePassage,
    InstallFile,
    LoadRules,
    OpenPassage,
    ServiceState,
    SetService,
    StoreRules,
)

_HEADER = "# Made by virtnet.kvm; changes here are overwritten"
_DECLARED = "# "
BASE_PATH = f"{DIRECTORY}/00-base.nft"
_SUFFIX = ".nft"
_MOST_NAMED = 5


class Rule(Protocol):
    """A rule of a set, whose guests have addresses."""

    @property
    def label(self) -> str:
        """What it is for, by which it is known in its set: ``port 8080/tcp``."""

    @property
    def effect(self) -> str:
        """What it does: ``to 192.168.150.10:80``."""

    def shown(self) -> dict[str, object]:
        """Returns it in the structure of the options."""


RuleType = TypeVar("RuleType", bound=Rule)


@dataclass(frozen=True)
class SetKind(Generic[RuleType]):
    """A kind of sets: what their tables and files are called, and what they consist of."""

    prefix: str  # of the tables
    file: str
    noun: str
    rule: type[RuleType]

    def table_name(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def path(self, name: str) -> str:
        """Returns the path of the file of a set."""
        return f"{DIRECTORY}/{self.file}-{name}{_SUFFIX}"

    def rules(self, text: Optional[str]) -> tuple[RuleType, ...]:
        """Returns the rules from which a file was made; none for a file of another version."""
        return _rules(self.rule, text or "")

    def names(self, stored: Mapping[str, str]) -> Mapping[str, str]:
        """Returns the texts of the files of this kind, by the name of their set."""
        before = f"{DIRECTORY}/{self.file}-"
        return {path[len(before) : -len(_SUFFIX)]: text for path, text in stored.items() if path.startswith(before)}


# The file of a set is read for the plan, and for what is shown before and after it. That of 1,000 rules takes a while.
_READ: dict[tuple[type, str], tuple[Any, ...]] = {}
_MOST_READ = 64


def _rules(rule: type[RuleType], text: str) -> tuple[RuleType, ...]:
    key = (rule, text)
    if key not in _READ:
        _remember(rule, text, _parsed(rule, text))
    return _READ[key]


def _remember(rule: type[RuleType], text: str, rules: tuple[RuleType, ...]) -> None:
    """Keeps what a file is made from, which needn't be read from it again."""
    if len(_READ) >= _MOST_READ:
        _READ.clear()
    _READ[rule, text] = rules


def _parsed(rule: type[RuleType], text: str) -> tuple[RuleType, ...]:
    lines = text.split("\n", 2)
    try:
        return tuple(from_json(rule, each) for each in json.loads(lines[1][len(_DECLARED) :]))
    except (IndexError, ValueError, TypeError, VirtnetError):
        return ()


@dataclass(frozen=True)
class SetState:
    """A set on a host: what is stored of it, and what is loaded; ``None`` for nothing."""

    text: Optional[str]
    loaded: Optional[Loaded]

    @property
    def absent(self) -> bool:
        return self.text is None and self.loaded is None


NOTHING = SetState(None, None)


def file_text(rules: Sequence[Rule], table: Table) -> str:
    """Returns the file of a set: what it is made from, as a comment, and the script."""
    declared = json.dumps([to_json(each) for each in rules], sort_keys=True)
    return f"{_HEADER}\n{_DECLARED}{declared}\n{script(table, live=False)}"


def plan_set(
    kind: SetKind[RuleType],
    name: str,
    current: SetState,
    desired: Sequence[RuleType],
    table: Table,
    facts: FirewallFacts,
    loaded: Sequence[Step] = (),
) -> tuple[tuple[Step, ...], SetState]:
    """Plans a set, whose rules make ``table``; without rules it is removed. ``loaded`` is what to do once rules are loaded.

    Returns the steps and the state after them.
    """
    if not desired:
        return tuple(_removal(kind, name, current, facts, loaded)), NOTHING
    text, wanted = file_text(desired, table), expected(table)
    _remember(kind.rule, text, tuple(desired))
    steps = list(_base(facts))
    if current.loaded != wanted:
        back = removal(table.name) if current.loaded is None else current.text or removal(table.name)
        words = _words(kind, name, current, desired)
        steps.append(LoadRules(words, change(table, current.loaded) if current.loaded else script(table), back))
        steps += loaded
        facts.expect(table.name, wanted)
    if current.text != text:
        steps.append(StoreRules(kind.path(name), text, current.text))
        facts.stored[kind.path(name)] = text
    for passage, there in sorted(facts.passages.items()):
        if not there:
            steps.append(OpenPassage(passage))
            facts.passages[passage] = True
    return (*steps, *_keep(facts)), SetState(text, wanted)


def _base(facts: FirewallFacts) -> Iterator[Step]:
    """Yields the steps by which the table is there that all sets need."""
    base = base_table()
    text = f"{_HEADER}\n{script(base)}"
    if facts.stored.get(BASE_PATH) != text:
        yield StoreRules(BASE_PATH, text, facts.stored.get(BASE_PATH))
        facts.stored[BASE_PATH] = text
    if facts.loaded(base.name) != expected(base):
        yield LoadRules("create the table inet virtnet_base", script(base), removal(base.name))
        facts.expect(base.name, expected(base))


def _keep(facts: FirewallFacts) -> Iterator[Step]:
    """Yields the steps by which the service runs with its present files."""
    state, wanted = facts.service, service_files()
    for path, file in wanted.items():
        if state.files.get(path) != file:
            yield InstallFile(path, file, state.files.get(path))
    if state != ServiceState(wanted, True):
        yield SetService(True, state.on)
    facts.service = ServiceState(wanted, True)


def _let_go(facts: FirewallFacts) -> Iterator[Step]:
    """Yields the steps by which the service ends, its files go, and others' chains are as they were."""
    state = facts.service
    if state.on:
        yield SetService(False, True)
    for path, file in reversed(list(state.files.items())):
        yield InstallFile(path, None, file)
    facts.service = ServiceState({}, False)
    for passage, there in sorted(facts.passages.items()):
        if there:
            yield ClosePassage(passage)
            facts.passages[passage] = False


def _removal(
    kind: SetKind[RuleType], name: str, current: SetState, facts: FirewallFacts, loaded: Sequence[Step]
) -> Iterator[Step]:
    if current.absent:
        return
    path, table, base = kind.path(name), kind.table_name(name), base_table()
    last = not set(facts.stored) - {path, BASE_PATH}
    if last:
        yield from _let_go(facts)
    # also where the kernel has none: the service may have loaded it again until it ended
    yield LoadRules(_words(kind, name, current, ()), removal(table), current.text or removal(table))
    yield from loaded
    facts.expect(table, None)
    if current.text is not None:
        yield StoreRules(path, None, current.text)
        facts.stored.pop(path, None)
    if last:
        if facts.loaded(base.name) is not None:
            yield LoadRules("remove the table inet virtnet_base", removal(base.name), script(base))
            facts.expect(base.name, None)
        if BASE_PATH in facts.stored:
            yield StoreRules(BASE_PATH, None, facts.stored.pop(BASE_PATH))


def _words(kind: SetKind[RuleType], name: str, current: SetState, desired: Sequence[Rule]) -> str:
    """Returns what is done, each rule by its label where they are few."""
    had = _by_label(kind.rules(current.text)) if current.loaded is not None else {}
    has = _by_label(desired)
    parts = [
        *(f"remove {label}" for label in had if label not in has),
        *(
            f"{'change' if label in had else 'add'} {label} {effect}"
            for label, effect in has.items()
            if had.get(label) != effect
        ),
    ]
    if not parts:
        return f"restore the {kind.noun} of set {name}"
    if len(parts) > _MOST_NAMED:
        return f"change {len(parts)} {kind.noun} of set {name}"
    return f"{kind.noun} of set {name}: {', '.join(parts)}"


def _by_label(rules: Iterable[Rule]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in rules:
        found[each.label] = f"{found[each.label]} and {each.effect}" if each.label in found else each.effect
    return found
