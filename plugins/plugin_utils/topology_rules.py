# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall rules of a topology's network: those that it is given, and the default rules that its type has.

Each network has sets of its own, so that other topologies, playbooks and tasks don't change them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError

from .rule_lists import outbound, policies, portforwards
from .topology_options import Options

# The lists of `fabric` that hold firewall rules.
RULES = ("portforwards", "outbound", "policies")

_LONGEST = 20  # characters of a set's name
_BEFORE = "net-"

Rule = dict[str, Any]


def closed_both_ways(name: str) -> list[Rule]:
    """Returns the rules by which no other network reaches this one, and this one no other.

    libvirt lets packets of an isolated network through to a routed one (LIBVIRT_FWI accepts before LIBVIRT_FWO rejects).
    """
    return [_default("reject", source=name), _default("reject", to=name)]


def closed_ipv6(name: str) -> list[Rule]:
    """Returns the rule by which others don't reach the IPv6 addresses of a network, which libvirt leaves open without NAT66."""
    return [{**_default("reject", to=name), "family": "ipv6"}]


def opened_from_inside(name: str) -> list[Rule]:
    """Returns the rule by which the network reaches others, also where the policy of the chain FORWARD is to drop.

    Docker and ufw have such a policy. What libvirt rejects stays rejected.
    """
    return [_default("allow", source=name)]


def opened_both_ways(name: str) -> list[Rule]:
    """Returns the rules by which the network reaches others and is reached by them, whatever that policy is."""
    return [*opened_from_inside(name), _default("allow", to=name)]


def _default(action: str, **parties: str) -> Rule:
    return {**{side: {"network": name} for side, name in parties.items()}, "action": action, "default": True}


def rule_sets(given: Options, name: str, defaults: Sequence[Rule] = ()) -> dict[str, list[dict[str, Any]]]:
    """Returns the network's sets, by the list of `fabric`; ``defaults`` are the last rules of its policy. Raises `OptionError`."""
    label = set_name(name)
    if given["state"] == "absent":
        return {kind: [{"name": label, "state": "absent"}] for kind in RULES}
    (forwards,) = portforwards([_to_guest_of(each, name) for each in given["forwards"]], "forwards")
    (translated,) = outbound([_from_network(each, name) for each in given["outbound"]], "outbound")
    (policy,) = policies([_with_network(each, name, place) for place, each in enumerate(given["policy"])], "policy")
    policy = {"rules": [*policy["rules"], *defaults]}
    return {
        kind: [{"name": label, "state": "present", **rules}]
        for kind, rules in zip(RULES, (forwards, translated, policy))
    }


def set_name(network: str) -> str:
    """Returns the name of the sets of a network: always the same for the same network, readable, and at most 20 characters long."""
    wanted = f"{_BEFORE}{network}"
    if len(wanted) <= _LONGEST and re.fullmatch(r"[a-z0-9_-]+", network):
        return wanted
    readable = re.sub(r"[^a-z0-9]", "", network.lower())[:7]
    return f"{_BEFORE}{readable}-{hashlib.sha256(network.encode()).hexdigest()[:8]}"


def _to_guest_of(rule: Mapping[str, Any], name: str) -> Rule:
    """Returns the forward; a guest without a network is looked up in this one."""
    to = rule.get("to")
    if isinstance(to, Mapping) and to.get("guest") and not to.get("network"):
        return {**rule, "to": {**to, "network": name}}
    return dict(rule)


def _from_network(rule: Mapping[str, Any], name: str) -> Rule:
    """Returns the outbound rule; without a source, it is for the whole network."""
    return dict(rule) if "from" in rule or "source" in rule else {**rule, "source": {"network": name}}


def _with_network(rule: Mapping[str, Any], name: str, place: int) -> Rule:
    """Returns the rule of a policy; the side that isn't given is this network."""
    source = next((rule[key] for key in ("from", "source") if rule.get(key)), None)
    if source and rule.get("to"):
        return dict(rule)
    if source:
        return {**rule, "to": {"network": name}}
    if rule.get("to"):
        return {**rule, "source": {"network": name}}
    raise OptionError(f"policy[{place}]", None, f"needs from or to; the other side is the network {name}")
