# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP, name servers and domains: what a boot tool does for an interface.

What an interface has of it is read from the tool's files (`persist.files.Tool.uplink`), not from the kernel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional, TypeVar

from ..options import Interface, Uplink

I = TypeVar("I", bound=Interface)  # noqa: E741

# The options that the boot tool does, and those that are default routes, with their family.
BY_THE_TOOL = ("dhcp4", "dhcp6", "nameservers", "search")
GATEWAYS = {"gateway": 4, "gateway6": 6}
DHCP = {"dhcp4": 4, "dhcp6": 6}


def without_uplink(definition: I) -> I:
    """Returns the interface as the kernel shows it."""
    return with_uplink(definition, Uplink())


def with_uplink(definition: I, found: Uplink) -> I:
    """Returns the interface with what the boot tool does for it; one of a kind that can't have that stays as it is."""
    if not isinstance(definition, Uplink):
        return definition
    changes: dict[str, Any] = {name: getattr(found, name) for name in BY_THE_TOOL}
    changes.update(dict.fromkeys(GATEWAYS))
    if all(getattr(definition, name) == value for name, value in changes.items()):
        return definition
    return replace(definition, **changes)


def declared_uplink(options: Interface) -> Uplink:
    """Returns what declared options say of it, in the form in which a tool's files are read: nothing for what is empty."""
    return Uplink(name=options.name, **{name: getattr(options, name, None) or None for name in BY_THE_TOOL})


def stored_uplink(given: Uplink, found: Uplink) -> Uplink:
    """Returns what the boot tool has to do: what it does already (``found``), with what is given.

    An empty list that was given stays one: so a writer can tell it from one that was left out.
    """
    changes: dict[str, Any] = {}
    for name in BY_THE_TOOL:
        value = getattr(given, name)
        changes[name] = getattr(found, name) if value is None else value
    return replace(found, **changes)


def asked_for(given: Interface) -> list[str]:
    """Returns the options that a boot tool has to do, which are given and aren't empty."""
    return [name for name in BY_THE_TOOL if getattr(given, name, None)]


def leases(definition: Optional[Interface]) -> tuple[int, ...]:
    """Returns the families of IP in which an interface asks for a lease."""
    return tuple(version for name, version in DHCP.items() if getattr(definition, name, None))
