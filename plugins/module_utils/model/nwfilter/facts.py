# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of a host and what uses them, as they will be when what is planned so far is done."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ...contract import Driver, Facts
from .options import Binding, Filter, Parameters
from .protocols import IP6TABLES, IPTABLES
from .tree import Filters, KernelRule, lacks_rules, tools, uses


@dataclass(frozen=True)
class StoredFilter:
    """A filter as libvirt has it."""

    definition: Filter
    uuid: str


@dataclass(frozen=True)
class GuestNic:
    """A guest NIC in a stored or running definition: its tap (empty: it doesn't run), and its filter (empty: none)."""

    guest: str
    uuid: str
    mac: str
    device: str
    filter: str
    parameters: Parameters = ()

    def __str__(self) -> str:
        return f"guest {self.guest} ({self.mac})"


class FilterDriver(Driver, ABC):
    """libvirt's filters and bindings, and the kernel's rules for them. Each call raises `HostError`."""

    @abstractmethod
    def filters(self) -> Mapping[str, StoredFilter]:
        """Returns all filters by name."""

    @abstractmethod
    def bindings(self) -> Sequence[Binding]:
        """Returns all bindings, also those of running guests."""

    @abstractmethod
    def guest_nics(self) -> Sequence[GuestNic]:
        """Returns the NICs of all guests, running and stored."""

    @abstractmethod
    def kernel_rules(self) -> Optional[frozenset[KernelRule]]:
        """Returns the rules that the kernel has for devices; ``None`` where they can't be seen."""

    @abstractmethod
    def device_exists(self, device: str) -> bool: ...

    @abstractmethod
    def device_is_up(self, device: str) -> bool: ...

    @abstractmethod
    def learnt_addresses(self, mac: str) -> int:
        """Returns how many addresses libvirt has noted of a device that learns its address by DHCP."""

    @abstractmethod
    def bridges_filtered(self, tool: str) -> Optional[bool]:
        """Returns whether packets of bridges pass through iptables or ip6tables, of all or some; ``None``: the kernel can't yet."""

    @abstractmethod
    def define(self, definition: Filter, uuid: Optional[str]) -> None:
        """Defines a filter; one of this name has this UUID. In use it is changed in place, without a gap."""

    @abstractmethod
    def undefine(self, name: str) -> None: ...

    @abstractmethod
    def rebuild(self, name: str) -> None:
        """Makes libvirt create the kernel's rules of all devices that use a filter again."""

    @abstractmethod
    def bind(self, binding: Binding) -> None: ...

    @abstractmethod
    def unbind(self, device: str) -> None: ...

    @abstractmethod
    def rebind(self, binding: Binding) -> None:
        """Replaces a binding. The device is down meanwhile, as nothing would be filtered."""

    @abstractmethod
    def bring_up(self, device: str) -> None: ...


class FilterFacts(Facts):
    """The filters, the bindings and the guest NICs. Plans change what they change."""

    @property
    def driver(self) -> FilterDriver:
        return self.host.driver(FilterDriver)

    @functools.cached_property
    def filters(self) -> dict[str, Filter]:
        return {name: found.definition for name, found in self.driver.filters().items()}

    @functools.cached_property
    def bindings(self) -> dict[str, Binding]:
        return {each.device: each for each in self.driver.bindings()}

    @functools.cached_property
    def guest_nics(self) -> tuple[GuestNic, ...]:
        return tuple(self.driver.guest_nics())

    def guest_of(self, device: str) -> Optional[GuestNic]:
        """Returns the guest NIC whose tap a device is."""
        return next((nic for nic in self.guest_nics if nic.device == device), None)

    def own_bindings(self) -> tuple[Binding, ...]:
        """Returns the bindings that aren't of a guest NIC."""
        return tuple(each for each in self.bindings.values() if self.guest_of(each.device) is None)

    def users(self, name: str) -> tuple[str, ...]:
        """Returns what refers to a filter itself: guest NICs, other filters, and bindings."""
        nics = [str(nic) for nic in self.guest_nics if nic.filter == name and not self._has_left(name, nic)]
        others = [
            f"filter {each.name}"
            for each in self.filters.values()
            if any(reference.filter == name for reference in each.references)
        ]
        bindings = [f"the binding of {each.device}" for each in self.own_bindings() if each.filter == name]
        running = [
            str(nic)
            for each in self.bindings.values()
            if each.filter == name and (nic := self.guest_of(each.device)) and not self._has_left(name, nic)
        ]
        return tuple(dict.fromkeys((*nics, *running, *others, *bindings)))

    def expect_left(self, name: str, guest: str, mac: str) -> None:
        """Takes a plan into account: a NIC of a guest will not have this filter any more, neither running nor stored."""
        self._left.add((name, guest, mac))

    @functools.cached_property
    def _left(self) -> set[tuple[str, str, str]]:
        return set()

    def _has_left(self, name: str, nic: GuestNic) -> bool:
        return (name, nic.guest, nic.mac) in self._left

    def affected(self, name: str) -> tuple[Binding, ...]:
        """Returns the bindings whose rules are those of a filter, or come through others from it."""
        return tuple(each for each in self.bindings.values() if uses(each.filter, name, self.filters))


def without_rules(name: str, driver: FilterDriver) -> tuple[str, ...]:
    """Returns the devices that a filter is used for and that the kernel lacks rules for."""
    filters = {each: found.definition for each, found in driver.filters().items()}
    affected = [each for each in driver.bindings() if uses(each.filter, name, filters)]
    return tuple(each.device for each in affected if _lacks(each, filters, driver))


def _lacks(binding: Binding, filters: Filters, driver: FilterDriver) -> bool:
    kernel = driver.kernel_rules()
    return kernel is not None and driver.device_exists(binding.device) and lacks_rules(binding, filters, kernel)


def binding_lacks_rules(binding: Binding, driver: FilterDriver) -> bool:
    """Returns whether the kernel lacks rules for a device."""
    return _lacks(binding, {name: found.definition for name, found in driver.filters().items()}, driver)


_HARM = "packets of all bridges of the host"


def bridging_warning(name: str, filters: Filters, driver: FilterDriver) -> Optional[str]:
    """Returns what a filter with rules of iptables means for the bridges of the host, before it is first used."""
    needed = [tool for tool in (IPTABLES, IP6TABLES) if tool in tools(name, filters)]
    states = {tool: driver.bridges_filtered(tool) for tool in needed}
    if None in states.values():
        return (
            f"filter {name}: has rules of {' and '.join(needed)}; when it is first used, libvirt has {_HARM} pass through the rules"
            " of iptables (module br_netfilter), where those of others, such as Docker's, may drop them; docs/filters.md says how"
            " to spare other bridges"
        )
    off = [tool for tool, state in states.items() if state is False]
    if off:
        return (
            f"filter {name}: its rules of {' and '.join(off)} have no effect on a bridge as long as"
            f" net.bridge.bridge-nf-call-{off[0]} is 0; set it to 1, or nf_call_{off[0]} of that bridge"
        )
    return None
