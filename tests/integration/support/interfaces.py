# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What iproute2 says of a host's interfaces, without what changes by itself; and interfaces to try things on."""

from __future__ import annotations

import re
from typing import Any

FOREVER = 4294967295
_VOLATILE = re.compile(r".*timer|(root|designated|bridge)_\w+|topology_change\w*|fdb_n_learned|num(queues|disabled)")
_VOLATILE_PORT = re.compile(rf"{_VOLATILE.pattern}|state|id|no|config_pending")


def settled(found: dict[str, Any]) -> dict[str, Any]:
    """By interface, what stays so for as long as nobody changes it."""
    interfaces = {link["ifname"]: _link(link) for link in found["links"]}
    for entry in found["addresses"]:
        if entry.get("ifname") in interfaces:
            interfaces[entry["ifname"]]["addresses"] = sorted(_addresses(entry))
    # default routes of two interfaces are one with two next hops, and the protocol of the first; a router's come and go
    hops = [{**route, **hop} for route in found["routes"] for hop in route.get("nexthops", ({},))]
    hops = [hop for hop in hops if "nexthops" not in hop or not hop.get("gateway", "").startswith("fe80:")]
    for route in hops:
        if (text := _route(route)) and text not in interfaces[route["dev"]]["routes"]:
            interfaces[route["dev"]]["routes"] = sorted([*interfaces[route["dev"]]["routes"], text])
    for entry in found["vlans"]:
        # a kernel without VLAN filtering has entries of nobody
        if entry.get("ifname") in interfaces:
            interfaces[entry["ifname"]]["vlans"] = [_vlan(vlan) for vlan in entry.get("vlans", ())]
    for line in found["ipv6"]:
        path, value = line.split(":", 1)
        name, setting = path.split("/")[-2:]
        if name in interfaces:
            interfaces[name]["ipv6"][setting] = int(value)
    return {"interfaces": interfaces, "files": found["files"]}


def _link(link: dict[str, Any]) -> dict[str, Any]:
    info = link.get("linkinfo", {})
    return {
        "kind": info.get("info_kind", ""),
        "index": link["ifindex"],
        "mac": link.get("address"),
        "mtu": link["mtu"],
        "up": "UP" in link["flags"],
        "master": link.get("master"),
        "parent": link.get("link"),
        "settings": _steady(_with_steady_timers(info.get("info_data", {})), _VOLATILE),
        "port": _steady(info.get("info_slave_data", {}), _VOLATILE_PORT),
        "addresses": [],
        "routes": [],
        "vlans": [],
        "ipv6": {},
    }


def _with_steady_timers(data: dict[str, Any]) -> dict[str, Any]:
    """The kernel shows twice the forward delay as the ageing time of a bridge with STP while the topology changes."""
    changing = data.get("topology_change") and data.get("ageing_time") == 2 * data["forward_delay"]
    return {name: value for name, value in data.items() if name != "ageing_time" or not changing}


def without_changing_timers(found: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What was found at one time, without the ageing times that couldn't be seen at the other time."""
    interfaces = dict(found.get("interfaces", {}))
    for name, each in interfaces.items():
        shown = other.get("interfaces", {}).get(name, {}).get("settings", {})
        if "ageing_time" not in shown:
            interfaces[name] = {
                **each,
                "settings": {key: value for key, value in each["settings"].items() if key != "ageing_time"},
            }
    return {**found, "interfaces": interfaces} if interfaces else found


def _steady(data: dict[str, Any], volatile: re.Pattern[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if not volatile.fullmatch(name)}


def _addresses(entry: dict[str, Any]) -> list[str]:
    """Each with what makes it another one; the kernel's own link-local ones come when they like."""
    found = []
    for address in entry.get("addr_info", ()):
        if "local" not in address or address["scope"] == "link":
            continue
        words = [f"{address['local']}/{address['prefixlen']}", address["scope"]]
        words += [
            f"{name} {address[name]}" for name in ("address", "broadcast", "metric", "protocol") if name in address
        ]
        words += [name for name in ("noprefixroute", "mngtmpaddr", "home") if address.get(name)]
        if address.get("valid_life_time", FOREVER) != FOREVER:
            words.append("limited")
        found.append(" ".join(words))
    return found


def _route(route: dict[str, Any]) -> str:
    """As `ip route` would say it; empty for those that come and go with addresses."""
    if route.get("protocol") in ("kernel", "ra") or route.get("table") == "local" or "dev" not in route:
        return ""
    words = [route["dst"]] if route.get("type", "unicast") == "unicast" else [route["type"], route["dst"]]
    for name, word in (
        ("gateway", "via"),
        ("table", "table"),
        ("protocol", "proto"),
        ("scope", "scope"),
        ("prefsrc", "src"),
        ("metric", "metric"),
    ):
        plain = {"table": "main", "protocol": "boot", "scope": "global"}
        if name in route and route[name] != plain.get(name):
            words.append(f"{word} {route[name]}")
    words += [flag for flag in route.get("flags", ()) if flag == "onlink"]
    return " ".join(words)


def _vlan(vlan: dict[str, Any]) -> str:
    last = f"-{vlan['vlanEnd']}" if "vlanEnd" in vlan else ""
    return " ".join([f"{vlan['vlan']}{last}", *(flag.lower() for flag in vlan.get("flags", ()))])


def with_routes_of_their_own(addresses: list[str]) -> list[str]:
    """Addresses that have moved: whoever has made the route to one's subnet himself doesn't follow it, so the kernel does."""
    return [text.replace(" noprefixroute", "") for text in addresses]
