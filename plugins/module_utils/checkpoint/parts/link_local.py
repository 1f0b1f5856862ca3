# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The link-local addresses of interfaces. The kernel makes them, and makes them again after most changes of an interface,
but not after they were flushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...backend.os import proc_net
from ...errors import HostError
from ...model.interface.options import Address, Ipv6
from ...model.interface.requests import InterfaceDriver
from ..part import Host, Part, Snapshot
from .interfaces import INTERFACES, target_of
from .target import Target

_SCOPE_LINK = 253  # RT_SCOPE_LINK of linux/rtnetlink.h

# By interface, in CIDR form.
Addresses = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class SavedLinkLocal:
    """The link-local addresses of a snapshot."""

    addresses: Addresses


class LinkLocalPart(Part[SavedLinkLocal]):
    """The link-local addresses of the interfaces that are restored."""

    name = "link_local"
    kept = SavedLinkLocal
    brought_by = (INTERFACES.name,)

    def take(self, host: Host) -> SavedLinkLocal:
        return SavedLinkLocal(read_link_local(host.root))

    def steps(self, snapshot: Snapshot, host: Host) -> Sequence[RestoreLinkLocal]:
        return link_local_steps(snapshot.of(self).addresses, read_link_local(host.root), target_of(snapshot, host))


LINK_LOCAL = LinkLocalPart()


def read_link_local(root: str = "/") -> dict[str, tuple[str, ...]]:
    """Returns the link-local addresses of all interfaces. Raises `HostError`."""
    found: dict[str, list[str]] = {}
    try:
        for address in proc_net.read_ipv6_addresses(root):
            if address.scope == proc_net.LINK_LOCAL:
                found.setdefault(address.interface, []).append(address.cidr)
    except OSError as error:
        raise HostError("read the link-local addresses", error.strerror or error) from error
    return {name: tuple(sorted(cidrs)) for name, cidrs in found.items()}


@dataclass(frozen=True)
class RestoreLinkLocal:
    """The link-local addresses of one interface: those to add, and those to remove. ``mode`` is its addr_gen_mode."""

    name: str
    mode: str
    add: tuple[str, ...]
    remove: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"restore the link-local addresses of {self.name}"

    def do(self, host: Host) -> None:
        """Makes the kernel add its own first. An address that it doesn't add was a user's."""
        driver = host.driver(InterfaceDriver)
        if self.add and self.mode != "none":
            driver.set_ipv6(self.name, Ipv6(addr_gen_mode="none"))
            driver.set_ipv6(self.name, Ipv6(addr_gen_mode=self.mode))
        current = read_link_local(host.root).get(self.name, ())
        for cidr in self.add:
            if cidr not in current:
                driver.add_address(self.name, Address(cidr, scope=_SCOPE_LINK))
        for cidr in self.remove:
            if cidr in current:
                driver.remove_address(self.name, Address(cidr, scope=_SCOPE_LINK))


def link_local_steps(saved: Addresses, current: Addresses, target: Target) -> list[RestoreLinkLocal]:
    """Returns what differs on interfaces that are up and have IPv6; others have no link-local address."""
    steps = []
    for name in sorted(target.restored):
        definition = target.states[name].definition
        ipv6 = definition.ipv6 or Ipv6()
        if not definition.up or ipv6.enabled is False:
            continue
        was, is_now = saved.get(name, ()), current.get(name, ())
        if was and was != is_now:
            add = tuple(cidr for cidr in was if cidr not in is_now)
            remove = tuple(cidr for cidr in is_now if cidr not in was)
            steps.append(RestoreLinkLocal(name, ipv6.addr_gen_mode or "none", add, remove))
    return steps
