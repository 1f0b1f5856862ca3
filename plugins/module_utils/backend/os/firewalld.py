# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""firewalld, by its D-Bus interface (firewalld.dbus(5)), which is asked without starting it."""

from __future__ import annotations

import json
from typing import Any, Optional

from ...errors import HostError
from ...model.zones import ZoneDriver, Zones
from . import commands

_NAME, _PATH = "org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1"


class Firewalld(ZoneDriver):
    """firewalld on this host."""

    def zones(self) -> Optional[Zones]:
        try:
            active = _call(f"{_NAME}.zone", "getActiveZones")
            default = _call(_NAME, "getDefaultZone")
        except HostError:
            return None
        return parse_zones(active, default)


class NoFirewalld(ZoneDriver):
    """firewalld of a host that isn't this one."""

    def zones(self) -> Optional[Zones]:
        return None


def parse_zones(active: Any, default: Any) -> Zones:
    """Returns the zones of the two answers: ``[{"libvirt": {"interfaces": ["virbr0"]}}]`` and ``["public"]``."""
    interfaces = {zone: tuple(held.get("interfaces", ())) for zone, held in active[0].items()}
    return Zones(interfaces, str(default[0]))


def _call(interface: str, method: str) -> Any:
    """Returns what a method of firewalld returns. Raises `HostError` where it doesn't run."""
    asked = ("busctl", "--json=short", "--auto-start=no", "call", _NAME, _PATH, interface, method)
    return json.loads(commands.run(f"ask firewalld for {method}", *asked))["data"]
