# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a set of static routes: one that remembers it, and those by which boot tools add its routes. Pure.

The interface of a route is set up by files that aren't ours. So each tool has its own way to add something to an interface:
networkd a drop-in beside the .network file, which adds up the routes of all files; NetworkManager and ifupdown scripts that
they run when an interface is up. The scripts add a route only if there is no other one to the same network.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Optional

from .steps import Owner, Placed

DIRECTORY = "/var/lib/virtnet.kvm/static_routes"
PATTERN = f"{DIRECTORY}/*"
NETWORKD = "/etc/systemd/network"
DISPATCHER = "/etc/NetworkManager/dispatcher.d"
IF_UP = "/etc/network/if-up.d"
SCRIPTS = (f"{DISPATCHER}/", f"{IF_UP}/")
_OURS = "virtnet-kvm-routes"
_HEADER = "# Made by virtnet.kvm for the static routes "


def _file_name(name: str) -> str:
    """Returns a name that all tools read: run-parts(8) ignores scripts with a dot in their names."""
    return re.sub(
        r"[^A-Za-z0-9-]", lambda found: "".join(f"_{byte:02x}" for byte in found[0].encode("utf-8", "replace")), name
    )


def memory_path(name: str) -> str:
    """Returns the path of the file that remembers a set."""
    return f"{DIRECTORY}/{_file_name(name)}"


def patterns(name: str) -> tuple[str, ...]:
    """Returns glob patterns of the files by which tools add the routes of a set."""
    ours = f"{_OURS}-{_file_name(name)}"
    return (f"{NETWORKD}/*.network.d/50-{ours}.conf", f"{DISPATCHER}/50-{ours}", f"{IF_UP}/{ours}")


def memory(name: str, routes: Sequence[Placed]) -> str:
    """Returns the text of the file that remembers a set."""
    held = [{"to": each.to, "via": each.via, "interface": each.interface} for each in routes]
    return json.dumps({"name": name, "routes": held}, indent=1) + "\n"


def recalled(text: Optional[str]) -> tuple[Placed, ...]:
    """Returns the routes that a file remembers; none where it can't be read."""
    try:
        return tuple(Placed(each["to"], each["via"], each["interface"]) for each in json.loads(text or "")["routes"])
    except (ValueError, KeyError, TypeError):
        return ()


def name_in(text: str) -> str:
    """Returns the name of the set that a file remembers; empty where it can't be read."""
    try:
        return str(json.loads(text)["name"])
    except (ValueError, KeyError, TypeError):
        return ""


def boot_files(name: str, routes: Sequence[Placed], owners: Mapping[str, Optional[Owner]]) -> dict[str, str]:
    """Returns the files by which the tools that own the interfaces of the routes add them, by path."""
    ours = f"{_OURS}-{_file_name(name)}"
    drop_ins: dict[str, list[Placed]] = {}
    scripts: dict[str, list[Placed]] = {}
    for route in routes:
        owner = owners.get(route.interface)
        if owner is not None and owner.tool == "networkd":
            drop_ins.setdefault(owner.file.rpartition("/")[2], []).append(route)
        elif owner is not None:
            scripts.setdefault(owner.tool, []).append(route)
    found = {f"{NETWORKD}/{file}.d/50-{ours}.conf": _drop_in(name, each) for file, each in sorted(drop_ins.items())}
    if "networkmanager" in scripts:
        when = "case $2 in up | reapply | dhcp4-change | dhcp6-change) ;; *) exit 0 ;; esac"
        found[f"{DISPATCHER}/50-{ours}"] = _script(name, scripts["networkmanager"], "$1", when)
    if "ifupdown" in scripts:
        found[f"{IF_UP}/{ours}"] = _script(name, scripts["ifupdown"], "$IFACE")
    return found


def _header(name: str) -> str:
    return f"{_HEADER}{name}; changes here are overwritten"


def _drop_in(name: str, routes: Sequence[Placed]) -> str:
    sections = [f"[Route]\nDestination={each.to}\nGateway={each.via}\n" for each in routes]
    return "\n".join((f"{_header(name)}\n", *sections))


def _script(name: str, routes: Sequence[Placed], interface: str, *before: str) -> str:
    lines = ["#!/bin/sh", _header(name), *before, f"case {interface} in"]
    for each in dict.fromkeys(route.interface for route in routes):
        lines.append(f"{shlex.quote(each)})")
        lines += [
            f"    ip route add {shlex.join(arguments(route))} 2>/dev/null"
            for route in routes
            if route.interface == each
        ]
        lines.append("    ;;")
    return "\n".join((*lines, "esac", "exit 0", ""))


def arguments(route: Placed) -> list[str]:
    """Returns a route as arguments of ``ip route``. The protocol is that of networkd, which then takes it for its own."""
    return [route.to, "via", route.via, "dev", route.interface, "proto", "static"]
