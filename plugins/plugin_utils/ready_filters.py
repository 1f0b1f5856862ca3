# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network filters that come with the collection, and the list of filters as the playbooks and the role take it. Pure.

An item of that list is the name of a ready filter, or a filter of the user's own with the options of the module `nwfilter`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError, under

Items = list[dict[str, Any]]
_FORM = "[web-server, {name: mine, rules: [...]}]"


def _rule(action: str, direction: str, priority: int, of: str, **match: object) -> dict[str, Any]:
    found: dict[str, Any] = {"action": action, "direction": direction, "priority": priority, "protocol": of}
    return {**found, "match": match} if match else found


def _reference(name: str) -> dict[str, Any]:
    return {"filterref": {"filter": name}}


# docs/filters.md has them as a table.
READY: Mapping[str, Items] = {
    "anti-spoof": [_reference("clean-traffic")],
    "web-server": [
        _reference("anti-spoof"),
        # DHCP isn't a connection, as its first packets have other addresses
        {**_rule("accept", "out", 100, "udp", srcportstart=68, dstportstart=67), "statematch": False},
        {**_rule("accept", "in", 100, "udp", srcportstart=67, dstportstart=68), "statematch": False},
        _rule("accept", "in", 200, "tcp", dstportstart=22),
        _rule("accept", "in", 200, "tcp", dstportstart=80),
        _rule("accept", "out", 200, "icmp"),
        _rule("accept", "out", 200, "udp", dstportstart=53),
        _rule("accept", "out", 200, "tcp", dstportstart=53),
        _rule("drop", "inout", 1000, "all"),
    ],
    "dhcp-client-only": [
        _rule("drop", "out", 500, "ip", protocol="udp", srcportstart=67),
        _rule("drop", "out", 500, "ipv6", protocol="udp", srcportstart=547),
        _rule("drop", "out", 500, "ipv6", protocol="icmpv6", type=134),
    ],
}


def _ready(name: str) -> Items:
    """Returns a ready filter, and before it those of the collection that it refers to."""
    others = [rule["filterref"]["filter"] for rule in READY[name] if "filterref" in rule]
    found = [item for other in others if other in READY for item in _ready(other)]
    return [*found, {"name": name, "chain": "root", "rules": READY[name]}]


def filters(value: Callable[[], Any], variable: str, _set: str) -> Items:
    """Returns the list ``filters`` of `fabric` for a list of filters. Raises `OptionError`."""
    found: dict[str, dict[str, Any]] = {}
    for place, item in enumerate(_list(value(), variable)):
        with under(f"{variable}[{place}]"):
            for each in _items(item):
                known = found.get(each["name"])
                if known is not None and known != each:
                    raise OptionError(
                        "name", each["name"], "is declared twice, with different options; declare it once"
                    )
                found[each["name"]] = each
    return list(found.values())


def removed_filters(value: Callable[[], Any], variable: str, _set: str) -> Items:
    """Returns the items that remove the filters of a list. Raises `OptionError`."""
    return [{"name": each["name"], "state": "absent"} for each in filters(value, variable, _set)]


def _list(given: Any, variable: str) -> Sequence[Any]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise OptionError(variable, given, f"is not a list; write it as {_FORM}")
    return given


def _items(item: Any) -> Items:
    if isinstance(item, Mapping):
        if not isinstance(item.get("name"), str):
            raise OptionError("name", None, "is missing; give the name of the filter")
        if item["name"] in READY and item.get("state") != "absent":
            raise OptionError(
                "name", item["name"], "is the name of a filter of the collection; give yours another name"
            )
        return [dict(item)]
    if isinstance(item, str) and item in READY:
        return _ready(item)
    raise OptionError("", item, f"is no ready filter; use one of {', '.join(READY)}, or write the list as {_FORM}")
