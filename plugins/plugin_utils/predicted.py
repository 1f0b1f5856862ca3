# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a host lacks to the result of the action `predict`: what changes, and which task files change it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Optional

from .host_look import SYSCTL_FILE, Look
from .site_lists import SITE_LISTS
from .topology_rules import RULES

# The lists of `fabric` that topologies and the other variables of the playbooks are made of.
INTERFACES = ("bridges", "vlans")
KINDS = (*INTERFACES, "networks", *SITE_LISTS)
OF_LIBVIRT = ("networks", *(kind for kind, each in SITE_LISTS.items() if each.of_libvirt))
_PUBLISHED = ("ansible_facts", "ansible_stats")


def predicted(
    look: Optional[Look],
    found: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    check: bool,
    prepared: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns the result of the action. ``found`` is the result of `fabric` in check mode, empty if there was none.

    A host without changes has a short result, because a play may have hundreds of them.
    """
    ready = look is None or not look.problems
    host_actions = look.actions if look else []
    changed = bool(found.get("changed"))
    result: dict[str, Any] = {"ready": ready, "parts": _parts(look, found, check=check)}
    result["changed"] = check and (bool(host_actions) or changed)
    for key in ("warnings", "deprecations"):
        if found.get(key):
            result[key] = found[key]
    if look and host_actions:
        result.update(packages=look.packages, enable=look.disabled, start=look.stopped, sysctl=look.sysctl)
        result["sysctl_file"] = SYSCTL_FILE
    if look and not ready:
        result["prepared"] = [*prepared, look.part]
        result["problems"] = look.problems
    if changed:
        result["options"] = _options(found, options)
        result.update({key: found[key] for key in (*KINDS, "restorable") if key in found})
        changes = {kind: _changes(found, kind) for kind in KINDS}
        result["changes"] = {kind: steps for kind, steps in changes.items() if steps or kind not in SITE_LISTS}
    if host_actions or changed:
        result["actions"] = [*host_actions, *(found["actions"] if changed else [])]
        if not ready:
            result["actions"].append("after that, apply the networks, which can't be predicted yet")
    if check and found.get("diff"):
        result["diff"] = found["diff"]
    return result


def not_predicted_before(found: Mapping[str, Any], steps: Collection[str]) -> dict[str, Any]:
    """Returns the result of `fabric` without these steps of sets of rules.

    All sets share a service. In check mode each role of a play would predict it again, as the host doesn't have it yet.
    """
    kinds = {kind: [_without(item, steps) for item in found.get(kind, ())] for kind in RULES}
    result = {**found, **{kind: items for kind, items in kinds.items() if kind in found}}
    if found.get("actions"):
        result["actions"] = [each for each in found["actions"] if each not in steps]
        result["changed"] = bool(result["actions"])
    return result


def _without(item: Mapping[str, Any], steps: Collection[str]) -> dict[str, Any]:
    left = [each for each in item["actions"] if each not in steps]
    return {**item, "actions": left, "changed": bool(left)}


def rule_steps(found: Mapping[str, Any]) -> list[str]:
    """Returns the steps of all sets of rules."""
    return list(dict.fromkeys(step for kind in RULES for item in found.get(kind, ()) for step in item["actions"]))


def applied_before(result: Mapping[str, Any], routes: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Returns both together. The routes are published when the changes are applied, if there are any.

    A router would otherwise lose the route to a network whose removal fails afterwards.
    """
    if check or not result["parts"] or "ansible_facts" not in routes:
        return {**result, **routes}
    rest = {key: value for key, value in routes.items() if key not in _PUBLISHED}
    if result["parts"][-1] != "report":  # it predicts again
        return {**result, **rest}
    held = {key: routes[key] for key in _PUBLISHED if key in routes}
    return {**result, **rest, "parts": [*result["parts"][:-1], "publish", "report"], "publish": held}


def _changes(found: Mapping[str, Any], kind: str) -> dict[str, list[str]]:
    changes: dict[str, list[str]] = {}
    for item in found.get(kind, ()):
        if item["changed"]:  # a guest has several items of one name
            changes.setdefault(item["name"], []).extend(item["actions"])
    return changes


def _options(found: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Returns the lists for the tasks. ``guarded`` has the policies that change with a checkpoint."""
    lists = {kind: options.get(kind) or [] for kind in KINDS}
    guarded = _guarded(found)
    if guarded:
        lists["guarded"] = [each for each in lists["policies"] if each["name"] in guarded]
        lists["policies"] = [each for each in lists["policies"] if each["name"] not in guarded]
    return lists


def _guarded(found: Mapping[str, Any]) -> set[str]:
    """Returns the names of the policies that change and have rules about the host: these may cut off the connection."""
    names = set()
    for item in found.get("policies", ()):
        rules = item.get("after", {}).get("rules", ()) if item["changed"] else ()
        parties = [rule.get(side) or {} for rule in rules for side in ("source", "to")]
        if any(party.get("zone") == "host" for party in parties):
            names.add(item["name"])
    return names


def _parts(look: Optional[Look], found: Mapping[str, Any], *, check: bool) -> list[str]:
    """Returns the task files that make the changes, in order. In check mode, only the one that reports them."""
    parts = []
    if look and look.part:
        parts.append(look.part)
    if look and look.problems:
        parts.append("again")
    else:
        if look and look.forwarding_differs:
            parts.append("forwarding")
        if found.get("restorable"):
            parts.append("safely")
        guarded = _guarded(found)
        if any(
            item["changed"] and not (kind == "policies" and item["name"] in guarded)
            for kind in KINDS
            if kind not in INTERFACES
            for item in found.get(kind, ())
        ):
            parts.append("networks")
        if guarded:
            parts.append("policies")
        if parts:
            parts.append("report")
    return ["report"] if check and parts else parts
