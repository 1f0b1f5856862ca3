# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which boot tools a host has, and which of them manage its interfaces."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
from collections.abc import Collection, Iterator

from ...errors import HostError
from ...persist.files import ToolFacts
from ...persist.uplink.check import IFUPDOWN, RESOLVED
from ..os import accounts, commands
from . import networkd

_COMMANDS = {"networkd": "networkctl", "networkmanager": "nmcli", "netplan": "netplan", "ifupdown": "ifup"}
_SERVICES = {
    "systemd-networkd.service": "networkd",
    "NetworkManager.service": "networkmanager",
    "networking.service": "ifupdown",
    "systemd-resolved.service": RESOLVED,
}
# Those that ifupdown looks for with the method dhcp (inet.defn).
_DHCP_CLIENTS = ("dhclient", "pump", "udhcpc", "dhcpcd")
_IF_UP = "/etc/network/if-up.d/*"  # the scripts that ifup runs
_RESOLVCONF = "/sbin/resolvconf"


def read_facts(*, netplan_files: bool) -> ToolFacts:
    """Returns the boot tools of this host. ``netplan_files`` says whether there are files in /etc/netplan."""
    installed = {tool for tool, command in _COMMANDS.items() if shutil.which(command)}
    in_charge = _services() if installed & set(_SERVICES.values()) else set()
    resolvers = in_charge & {RESOLVED}
    if "ifupdown" in installed and any(reads_names(script, resolvers) for script in _if_up_scripts()):
        resolvers.add(IFUPDOWN)
    in_charge -= {RESOLVED}
    if netplan_files:
        in_charge.add("netplan")
    systemd = _systemd() if "networkd" in installed else 0
    return ToolFacts(
        frozenset(installed),
        frozenset(in_charge),
        systemd,
        frozenset(resolvers),
        accounts.number_of,
        networkd.notes,
        "ifupdown" in installed and any(os.access(f"/sbin/{name}", os.X_OK) for name in _DHCP_CLIENTS),
        networkd.wireless,
    )


def _if_up_scripts() -> Iterator[str]:
    for path in glob.glob(_IF_UP):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as script:
            yield script.read()


def reads_names(script: str, resolvers: Collection[str]) -> bool:
    """Returns whether a script of ifup takes ``dns-nameservers`` from ifupdown's files, and hands them on to a program that is there.

    ``resolvers`` has systemd-resolved where it runs.
    """
    if "IF_DNS_NAMESERVERS" not in script:
        return False
    if RESOLVED in script:
        # ifupdown has it on every host. That of Debian 12 writes the names of variables in quotes, and then can't read them.
        return RESOLVED in resolvers and '"$DNS"="$NEW_DNS"' not in script
    # the script of a package that has been removed is still there
    return _RESOLVCONF not in script or os.access(_RESOLVCONF, os.X_OK)


def _systemd() -> int:
    """Returns the version of systemd, on which the words of networkd depend; 0 if it isn't known."""
    try:
        said = commands.run("ask networkd for its version", "networkctl", "--version")
    except HostError:
        return 0
    found = re.search(r"\d+", said)
    return int(found[0]) if found else 0


def _services() -> set[str]:
    """Returns the tools whose service runs or is enabled. Without systemd the scripts of ifupdown start the network."""
    properties = "Id,ActiveState,UnitFileState"
    try:
        said = commands.run("look which services set up the network", "systemctl", "show", "-p", properties, *_SERVICES)
    except HostError:
        return {"ifupdown"}
    found = set()
    for block in said.split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if unit.get("ActiveState") == "active" or unit.get("UnitFileState") == "enabled":
            found.add(_SERVICES.get(unit.get("Id", ""), ""))
    return found - {""}
