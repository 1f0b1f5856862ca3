# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of static routes: the kernel's main table by ``ip``, and files beside those of the tool that owns an interface.

It needs no libraries, because a router has none of libvirt's.
"""

from __future__ import annotations

import glob
import ipaddress
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ...errors import HostError
from ...model.static_routes.files import PATTERN, SCRIPTS, arguments
from ...model.static_routes.steps import Owner, Placed, RouteDriver
from ..os import commands
from ..os.atomic import write_file
from . import networkd

_FAMILIES = ("-4", "-6")


class HostRoutes(RouteDriver):
    """The routes of this host. What was read is kept until something is changed."""

    def __init__(self) -> None:
        self._routes: Optional[tuple[Placed, ...]] = None
        self._towards: dict[str, Optional[str]] = {}
        self._owners: dict[str, Optional[Owner]] = {}

    def forget(self) -> None:
        self._routes = None
        self._towards.clear()
        self._owners.clear()

    def routes(self) -> Sequence[Placed]:
        if self._routes is None:
            found = [row for family in _FAMILIES for row in _ip(family, "route", "show", "table", "main")]
            self._routes = tuple(_placed(row) for row in found if row.get("dst") not in (None, "default"))
        return self._routes

    def interface_towards(self, address: str) -> Optional[str]:
        if address not in self._towards:
            try:
                found = _ip("route", "get", address)[:1]
            except HostError:  # no route leads there
                found = []
            beside = [row for row in found if "gateway" not in row and "via" not in row and row.get("type") != "local"]
            self._towards[address] = next((str(row["dev"]) for row in beside if row.get("dev") != "lo"), None)
        return self._towards[address]

    # -- files -------------------------------------------------------------------------------------------------------------

    def owner(self, interface: str) -> Optional[Owner]:
        if interface not in self._owners:
            self._owners[interface] = _owner(interface)
        return self._owners[interface]

    def remembered(self) -> Mapping[str, str]:
        return self.files((PATTERN,))

    def files(self, patterns: Sequence[str]) -> Mapping[str, str]:
        return {path: _text(path) for pattern in patterns for path in sorted(glob.glob(pattern))}

    def read_by(self, path: str) -> Sequence[str]:
        if not path.endswith(".conf") or not networkd.running():
            return ()
        links = {name: _notes(name) for name in sorted(os.listdir(networkd.SYS_NET))}
        return [name for name, notes in links.items() if _has_read(notes, path)]

    def write(self, path: str, text: Optional[str]) -> None:
        self.forget()
        folder = os.path.dirname(path)
        try:
            if text is not None:
                os.makedirs(folder, exist_ok=True)
                write_file(path, text.encode(), mode=0o755 if path.startswith(SCRIPTS) else 0o644)
            elif os.path.exists(path):
                os.unlink(path)
                if folder.endswith(".network.d") and not os.listdir(folder):
                    os.rmdir(folder)
        except OSError as error:
            raise HostError(f"{'remove' if text is None else 'write'} {path}", error.strerror or error) from error

    # -- changes -----------------------------------------------------------------------------------------------------------

    def add(self, route: Placed) -> None:
        self.forget()
        commands.run(f"add route {route.words}", "ip", "route", "add", *arguments(route))

    def remove(self, route: Placed) -> None:
        self.forget()
        if route in self.routes():
            commands.run(f"remove route {route.words}", "ip", "route", "del", *arguments(route)[:-2])
        self.forget()

    def reload(self, interfaces: tuple[str, ...]) -> None:
        self.forget()
        networkd.reload(interfaces)


def _ip(*command: str) -> list[dict[str, Any]]:
    said = commands.run("read the host's routes", "ip", "-json", *command).strip()
    found = json.loads(said) if said else []
    return [row for row in found if row]


def _placed(row: Mapping[str, Any]) -> Placed:
    to = str(ipaddress.ip_network(row["dst"], strict=False))
    if "nexthops" in row:
        return Placed(to)
    return Placed(to, str(row.get("gateway", "")), str(row.get("dev", "")))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError as error:
        raise HostError(f"read {path}", error.strerror or error) from error


def _notes(interface: str) -> Mapping[str, str]:
    try:
        with open(f"{networkd.SYS_NET}/{interface}/ifindex", encoding="ascii") as handle:
            return networkd.notes(int(handle.read()))
    except (OSError, ValueError):
        return {}


def _has_read(notes: Mapping[str, str], path: str) -> bool:
    """Returns whether networkd has read a drop-in for the interface with these notes. systemd 252 doesn't note drop-ins, so there
    each is taken for one that was read."""
    dropins = notes.get("NETWORK_FILE_DROPINS")
    if dropins is None:
        return os.path.basename(os.path.dirname(path)) == f"{os.path.basename(notes.get('NETWORK_FILE', ''))}.d"
    return path in re.split(r"[\s:\"]+", dropins)


def _owner(interface: str) -> Optional[Owner]:
    file = _notes(interface).get("NETWORK_FILE", "")
    if file and networkd.running():
        return Owner("networkd", file)
    if _says(f"{interface}:connected", "nmcli", "-t", "-f", "DEVICE,STATE", "device"):
        # it runs no scripts where the service that does so is disabled
        runs_scripts = _says("enabled", "systemctl", "is-enabled", "NetworkManager-dispatcher.service")
        return Owner("networkmanager") if runs_scripts else None
    return Owner("ifupdown") if _says(f"{interface}={interface}", "ifquery", "--state", interface) else None


def _says(line: str, *command: str) -> bool:
    """Returns whether a command prints this line. It may not be installed, or fail."""
    try:
        return line in commands.run("look which tool sets up an interface", *command).splitlines()
    except HostError:
        return False
