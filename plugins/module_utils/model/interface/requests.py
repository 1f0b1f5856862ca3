# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that change a host's interfaces, each one call, and the drivers that carry them out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional, Protocol, Union

from ...contract import Driver
from ..fields import shapes
from .options import Address, Interface, InterfaceState, Ipv6, Port, Route
from .vlans import VlanEntry

# Of `InterfaceDriver.features`: VLAN filtering of bridges.
BRIDGE_VLANS = "bridge vlan filtering"


class InterfaceDriver(Driver, ABC):
    """The interfaces of one network namespace.

    A call that changes something is done, or not done and raises `HostError` with the kernel's message. Options that are
    ``None`` are left as they are.
    """

    @abstractmethod
    def all(self) -> Mapping[str, InterfaceState]:
        """Returns every interface by its name: one dump, kept until something is changed."""

    @abstractmethod
    def details(self, name: str) -> Mapping[str, Any]:
        """Returns what only the `_info` modules show, in plain values: ``counters`` (names of linux/if_link.h), and the
        forwarding table of a bridge, ``fdb``; ``addresses`` and ``routes``, with those of the kernel, and the origin of each."""

    @abstractmethod
    def features(self) -> frozenset[str]:
        """Returns what this kernel has of "bridge", "vlan", "tun" and `BRIDGE_VLANS`, without changing anything."""

    @abstractmethod
    def has_ipv6(self) -> bool:
        """Returns whether the kernel has IPv6. It has none with ipv6.disable=1."""

    @abstractmethod
    def add(self, definition: Interface) -> None:
        """Creates it, down, with its identity and all that `set` takes except ``up``."""

    @abstractmethod
    def delete(self, name: str) -> None: ...

    @abstractmethod
    def set(self, name: str, changes: Interface) -> None:
        """Sets ``mac``, ``mtu``, ``up`` and the settings of its kind, not its ports, VLANs, addresses and routes.

        Entries of QoS maps are added to the current ones; an entry whose value is 0 removes one.
        """

    @abstractmethod
    def set_master(self, name: str, bridge: Optional[str]) -> None: ...

    @abstractmethod
    def set_port(self, name: str, changes: Port) -> None:
        """Sets how the bridge treats a port, not its VLANs."""

    @abstractmethod
    def add_vlans(self, name: str, vlans: str, *, pvid: bool, untagged: bool, own: bool) -> None:
        """Adds an id or a range of them to a port, or to the bridge itself (``own``)."""

    @abstractmethod
    def remove_vlans(self, name: str, vlans: str, *, own: bool) -> None: ...

    @abstractmethod
    def add_address(self, name: str, address: Address) -> None:
        """Adds it, or updates one that is there already (lifetimes)."""

    @abstractmethod
    def remove_address(self, name: str, address: Address) -> None: ...

    @abstractmethod
    def add_route(self, name: str, route: Route) -> None:
        """Adds it, also beside the same one of another interface (NLM_F_APPEND); it may be there already."""

    @abstractmethod
    def remove_route(self, name: str, route: Route) -> None:
        """Removes the one that leaves by this interface."""

    @abstractmethod
    def set_ipv6(self, name: str, changes: Ipv6) -> None: ...


class AccountDriver(Driver, ABC):
    """The users and groups of the host."""

    @abstractmethod
    def known(self, kind: str, text: str) -> Optional[str]:
        """Returns what a ``user`` or ``group``, given by name or number, is called; ``None`` if there is no such one.

        A number that no account has is itself.
        """


# -- requests: one call each; what the kernel does with it is predicted in `kernel_effects` --------------------------------


class Request(Protocol):
    """One call of a driver, and what it does in words."""

    @property
    def words(self) -> str: ...
    def do(self, driver: InterfaceDriver) -> None: ...


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(f"{entry.pcp}:{entry.priority}" for entry in value) or "none"
    return str(value)


def settings_words(changes: Union[Interface, Port, Ipv6]) -> str:
    """Returns the fields that are set, as ``name=value``."""
    held = {shape.name: getattr(changes, shape.name) for shape in shapes(type(changes)) if shape.name != "name"}
    return ", ".join(f"{name}={_plain(value)}" for name, value in held.items() if value is not None)


@dataclass(frozen=True)
class Create:
    """Creates an interface."""

    definition: Interface

    @property
    def words(self) -> str:
        return f"create {self.definition.title}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.add(self.definition)


@dataclass(frozen=True)
class Remove:
    """Removes an interface; ``word`` is what people call its kind."""

    name: str
    word: str = "interface"

    @property
    def words(self) -> str:
        return f"remove {self.word} {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.delete(self.name)


@dataclass(frozen=True)
class Set:
    """Sets options; ``changes`` has these and the name of the interface."""

    changes: Interface

    @property
    def name(self) -> str:
        return self.changes.name or ""

    @property
    def words(self) -> str:
        text = settings_words(self.changes)
        if text in ("up=true", "up=false"):
            return f"{'bring up' if self.changes.up else 'take down'} {self.name}"
        return f"set {text} on {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.set(self.name, self.changes)


@dataclass(frozen=True)
class SetMaster:
    """Makes an interface a port of ``bridge``, or of none; ``current`` is what it is a port of before."""

    name: str
    bridge: Optional[str]
    current: Optional[str]

    @property
    def words(self) -> str:
        if self.bridge is None:
            return f"detach {self.name} from {self.current}"
        if self.current is not None:
            return f"move {self.name} from {self.current} to {self.bridge}"
        return f"attach {self.name} to {self.bridge}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.set_master(self.name, self.bridge)


@dataclass(frozen=True)
class SetPort:
    """Sets how a bridge treats its port."""

    changes: Port

    @property
    def name(self) -> str:
        return self.changes.name or ""

    @property
    def words(self) -> str:
        return f"set {settings_words(self.changes)} on port {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.set_port(self.name, self.changes)


@dataclass(frozen=True)
class AddVlans:
    """Adds VLANs to a port, or to a bridge itself (``own``)."""

    name: str
    entry: VlanEntry
    own: bool

    @property
    def words(self) -> str:
        how = "untagged" if self.entry.untagged else "tagged"
        where = self.name if self.own else f"port {self.name}"
        return f"add VLAN {self.entry.vids} ({'pvid, ' if self.entry.pvid else ''}{how}) to {where}"

    def do(self, driver: InterfaceDriver) -> None:
        entry = self.entry
        driver.add_vlans(self.name, entry.vids, pvid=entry.pvid, untagged=entry.untagged, own=self.own)


@dataclass(frozen=True)
class RemoveVlans:
    """Removes VLANs from a port, or from a bridge itself (``own``)."""

    name: str
    vids: str
    own: bool

    @property
    def words(self) -> str:
        return f"remove VLAN {self.vids} from {self.name if self.own else f'port {self.name}'}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.remove_vlans(self.name, self.vids, own=self.own)


@dataclass(frozen=True)
class AddAddress:
    """Adds an address to an interface."""

    name: str
    address: Address

    @property
    def words(self) -> str:
        return f"add address {self.address.cidr} to {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.add_address(self.name, self.address)


@dataclass(frozen=True)
class RemoveAddress:
    """Removes an address from an interface."""

    name: str
    address: Address

    @property
    def words(self) -> str:
        return f"remove address {self.address.cidr} from {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.remove_address(self.name, self.address)


def route_words(route: Route) -> str:
    """Returns a route in words, such as ``default via 10.0.0.1 metric 100``."""
    option = route.option
    parts = [option.to or ""]
    for word, value in (
        ("via", option.via),
        ("metric", option.metric),
        ("table", option.table),
        ("source", option.source),
    ):
        if value is not None:
            parts.append(f"{word} {value}")
    return " ".join(parts)


@dataclass(frozen=True)
class AddRoute:
    """Adds a route that leaves by an interface."""

    name: str
    route: Route

    @property
    def words(self) -> str:
        return f"add route {route_words(self.route)} to {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.add_route(self.name, self.route)


@dataclass(frozen=True)
class RemoveRoute:
    """Removes a route that leaves by an interface."""

    name: str
    route: Route

    @property
    def words(self) -> str:
        return f"remove route {route_words(self.route)} from {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.remove_route(self.name, self.route)


@dataclass(frozen=True)
class SetIpv6:
    """Sets IPv6 settings of an interface."""

    name: str
    changes: Ipv6

    @property
    def words(self) -> str:
        text = ", ".join(f"ipv6.{word}" for word in settings_words(self.changes).split(", "))
        return f"set {text} on {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.set_ipv6(self.name, self.changes)
