# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters and bindings in the structure of the options."""

from __future__ import annotations

from ..fields import to_options
from .options import RULE_PRIORITY, Binding, Entry, Filter, Parameters, Reference

Shown = dict[str, object]


def shown_filter(found: Filter) -> Shown:
    """Returns a filter; passed back to the module it changes nothing."""
    return {
        "name": found.name,
        "chain": found.chain,
        "priority": found.priority,
        "rules": [_shown_entry(entry) for entry in found.rules],
    }


def shown_parameters(parameters: Parameters) -> list[Shown]:
    return [to_options(each) for each in parameters]


def _shown_entry(entry: Entry) -> Shown:
    if isinstance(entry, Reference):
        return {"filterref": to_options(entry)}
    shown: Shown = {"action": entry.action, "direction": entry.direction}
    if entry.priority != RULE_PRIORITY:
        shown["priority"] = entry.priority
    if not entry.statematch:
        shown["statematch"] = False
    if entry.protocol is not None:
        shown["protocol"] = entry.protocol
    if entry.match:
        shown["match"] = dict(entry.match)
    if entry.match_not:
        shown["match_not"] = dict(entry.match_not)
    return shown


def shown_binding(found: Binding) -> Shown:
    """Returns a binding; passed back to the module it changes nothing."""
    return {
        "name": found.device,
        "mac": found.mac,
        "filter": found.filter,
        "parameters": shown_parameters(found.parameters),
    }
