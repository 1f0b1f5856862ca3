# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that change a host's interfaces, and what they ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional, Protocol

from .interface import Address, Interface, InterfaceState, Ipv6, Port, Route


class InterfaceDriver(Protocol):
    """One network namespace's interfaces; a call that changes is done, or not done at all and raises `HostError` in the
    kernel's words.

    Options that are ``None`` are left as they are.
    """

    def all(self) -> Mapping[str, InterfaceState]:
        """Every interface by its name: one dump, kept until something is changed."""

    def details(self, name: str) -> Mapping[str, Any]:
        """What only `_info` tells, in plain values: ``counters`` (names of linux/if_link.h), and a bridge's forwarding
        table, ``fdb``."""

    def features(self) -> frozenset[str]:
        """What this kernel can make of "bridge", "vlan", "tun" and "bridge vlan filtering"; asked for without a change."""

    def add(self, definition: Interface) -> None:
        """Make it, down, with what can only be said when it is made, and all else of its kind's own settings."""

    def delete(self, name: str) -> None: ...

    def set(self, name: str, changes: Interface) -> None:
        """Set ``mac``, ``mtu``, ``up`` and the settings of its kind, but none of lists: ports, VLANs, addresses, routes."""

    def set_master(self, name: str, bridge: Optional[str]) -> None: ...
    def set_port(self, name: str, changes: Port) -> None:
        """Set how the bridge treats a port; its VLANs aside."""

    def add_vlans(self, name: str, vlans: str, *, pvid: bool, untagged: bool, own: bool) -> None:
        """Admit an id or a range of them on a port, or on the bridge itself (``own``)."""

    def remove_vlans(self, name: str, vlans: str, *, own: bool) -> None: ...
    def add_address(self, name: str, address: Address) -> None:
        """Add it, or bring one that is there already up to it (lifetimes)."""

    def remove_address(self, name: str, address: Address) -> None: ...
    def add_route(self, name: str, route: Route) -> None:
        """Add it beside the same one by another interface (NLM_F_APPEND); one that is there already is well."""

    def remove_route(self, name: str, route: Route) -> None:
        """Remove it, the one that leaves by this interface."""

    def set_ipv6(self, name: str, changes: Ipv6) -> None: ...


class FileDriver(Protocol):
    """The files that make interfaces survive a reboot."""

    def write(self, path: str, text: Optional[str]) -> None:
        """Make a file so, whole or not at all; ``None`` removes it. A user's file is copied beside before its first change."""

    def reload(self, tool: str, names: tuple[str, ...]) -> None:
        """Have the tool (``networkd``, ...) read its files again and agree with what runs, for these interfaces."""


class Host(Protocol):
    """The host, as far as these steps need it."""

    @property
    def files(self) -> FileDriver: ...
    def interfaces(self, netns: Optional[str]) -> InterfaceDriver: ...
