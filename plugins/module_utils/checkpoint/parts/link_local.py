# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The link-local addresses that interfaces had. The kernel makes them, and makes them again after most that happens to an
interface, but not after they were flushed."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ...model.interface.options import Address, InterfaceState, Ipv6
from ...model.interface.requests import InterfaceDriver

_TABLE = "/proc/net/if_inet6"
_SCOPE = "20"  # IPV6_ADDR_LINKLOCAL of net/ipv6.h
_SCOPE_LINK = 253  # RT_SCOPE_LINK of linux/rtnetlink.h


def read_link_local(path: str = _TABLE) -> dict[str, tuple[str, ...]]:
    """By interface, in CIDR form (proc_net(5))."""
    found: dict[str, list[str]] = {}
    try:
        with open(path, encoding="ascii") as handle:
            lines = [line.split() for line in handle]
    except FileNotFoundError:
        return {}  # a kernel without IPv6
    for digits, _index, prefix, scope, _flags, name in lines:
        if scope == _SCOPE:
            address = ipaddress.IPv6Address(bytes.fromhex(digits))
            found.setdefault(name, []).append(f"{address}/{int(prefix, 16)}")
    return {name: tuple(sorted(cidrs)) for name, cidrs in found.items()}


@dataclass(frozen=True)
class LinkLocalChange:
    """The addresses of one interface, made as they were."""

    name: str
    mode: str
    come: tuple[str, ...]
    go: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"make the link-local addresses of {self.name} as they were"

    def do(self, host: Any) -> None:
        """The kernel is asked to make its own first; what it doesn't make was a user's."""
        driver: InterfaceDriver = host.driver(InterfaceDriver)
        if self.come and self.mode != "none":
            driver.set_ipv6(self.name, Ipv6(addr_gen_mode="none"))
            driver.set_ipv6(self.name, Ipv6(addr_gen_mode=self.mode))
        there = host.link_local().get(self.name, ())
        for cidr in self.come:
            if cidr not in there:
                driver.add_address(self.name, Address(cidr, scope=_SCOPE_LINK))
        for cidr in self.go:
            if cidr in there:
                driver.remove_address(self.name, Address(cidr, scope=_SCOPE_LINK))


def link_local_changes(
    was: Mapping[str, tuple[str, ...]],
    found: Mapping[str, tuple[str, ...]],
    states: Mapping[str, InterfaceState],
    ours: Collection[str],
) -> list[LinkLocalChange]:
    """What differs on interfaces that are up and speak IPv6; others have none."""
    changes = []
    for name in sorted(ours):
        definition = states[name].definition
        ipv6 = definition.ipv6 or Ipv6()
        if not definition.up or ipv6.enabled is False:
            continue
        before, now = was.get(name, ()), found.get(name, ())
        if before and before != now:
            come = tuple(cidr for cidr in before if cidr not in now)
            go = tuple(cidr for cidr in now if cidr not in before)
            changes.append(LinkLocalChange(name, ipv6.addr_gen_mode or "none", come, go))
    return changes
