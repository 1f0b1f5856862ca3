# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the boot tool of a host can do what is asked of it for an interface: DHCP, name servers, domains. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from ...errors import OptionError
from ...model.interface.desired import DesiredInterface
from ...model.interface.options import Interface
from ...model.interface.uplink.declared import BY_THE_TOOL, GATEWAYS, asked_for
from ..choose import Choice
from ..files import ToolFacts
from ..plan import NONE, UNIT

RESOLVED = "systemd-resolved"
IFUPDOWN = "ifupdown"
_NAMES = ("nameservers", "search")


def check_tool(desired: DesiredInterface, choice: Choice, facts: ToolFacts) -> None:
    """Refuses what the chosen tool can't do, or where there is none. Raises `OptionError`."""
    for option in asked_for(desired.given) if desired.present else ():
        problem = _problem(option, desired, choice.tool, facts)
        if problem:
            raise OptionError(option, _plain(desired.given, option), problem)


def check_ours(given: Interface, path: str) -> None:
    """Refuses what can't be stored beside a file of the user that makes the interface. Raises `OptionError`."""
    for option in (*BY_THE_TOOL, *GATEWAYS):
        if getattr(given, option, None) is not None:
            raise OptionError(
                option, _plain(given, option), f"isn't possible here, as {path} makes {given.name}; set it in that file"
            )


def _plain(given: Interface, option: str) -> object:
    value = getattr(given, option)
    return list(value) if isinstance(value, tuple) else value


def _problem(option: str, desired: DesiredInterface, tool: str, facts: ToolFacts) -> Optional[str]:
    if desired.netns is not None:
        return "isn't possible with netns, as no boot tool works in a namespace; leave it out"
    if desired.persist == NONE:
        return (
            "isn't possible with persist none, as a boot tool does it; set persist to auto, or to a tool of this host"
        )
    if tool == NONE:
        return (
            "isn't possible, as none of netplan, NetworkManager, networkd and ifupdown manages this host's network;"
            " enable one of them"
        )
    if tool == UNIT:
        return f"isn't possible here, as netplan has no {desired.given.word}s; leave it out"
    if tool not in facts.in_charge and tool != "netplan":
        return f"isn't possible with persist {tool}, as it isn't running on this host; start it, or choose another tool"
    if tool == IFUPDOWN and option == "dhcp6":
        return f"isn't possible with persist {tool}; use networkd, netplan or NetworkManager, or give addresses"
    if tool == IFUPDOWN and option == "dhcp4" and not facts.dhcp_client:
        return f"isn't possible with persist {tool} on this host, which has no DHCP client; install one, such as dhcpcd-base"
    if tool == IFUPDOWN and option in _NAMES and IFUPDOWN not in facts.resolvers:
        return (
            f"isn't possible with persist {tool} on this host, where no program takes dns-nameservers and dns-search from it;"
            " install resolvconf or openresolv"
        )
    return None


def tool_warnings(desired: DesiredInterface, tool: str, facts: ToolFacts) -> Iterator[str]:
    """Yields a warning for name servers that networkd, also where it does the work for netplan, would pass on to no program."""
    given = [option for option in asked_for(desired.given) if option in _NAMES] if desired.present else []
    works = "networkmanager" if tool == "netplan" and "networkmanager" in facts.in_charge else tool
    if given and works in ("networkd", "netplan") and RESOLVED not in facts.resolvers:
        yield (
            f"{desired.name}: {' and '.join(given)} {'have' if len(given) > 1 or given == ['nameservers'] else 'has'} no effect"
            " yet, as networkd passes that to systemd-resolved, which doesn't run on this host; install and start it"
        )
