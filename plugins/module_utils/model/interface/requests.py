# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that change a host's interfaces, and what they ask of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional, Protocol

from ...contract import Driver
from ..fields import shapes
from .options import (
    Address,
    Interface,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Port,
    Route,
    Tuntap,
    VlanIface,
)
from .vlans import Span


class InterfaceDriver(Driver, ABC):
    """One network namespace's interfaces; a call that changes is done, or not done at all and raises `HostError` in the
    kernel's words.

    Options that are ``None`` are left as they are.
    """

    @abstractmethod
    def all(self) -> Mapping[str, InterfaceState]:
        """Every interface by its name: one dump, kept until something is changed."""

    @abstractmethod
    def details(self, name: str) -> Mapping[str, Any]:
        """What only `_info` tells, in plain values: ``counters`` (names of linux/if_link.h), and a bridge's forwarding
        table, ``fdb``."""

    @abstractmethod
    def features(self) -> frozenset[str]:
        """What this kernel can make of "bridge", "vlan", "tun" and "bridge vlan filtering"; asked for without a change."""

    @abstractmethod
    def add(self, definition: Interface) -> None:
        """Make it, down, with what can only be said when it is made, and all else that `set` takes, but for ``up``."""

    @abstractmethod
    def delete(self, name: str) -> None: ...

    @abstractmethod
    def set(self, name: str, changes: Interface) -> None:
        """Set ``mac``, ``mtu``, ``up`` and the settings of its kind; its ports, VLANs, addresses and routes aside.

        Entries of QoS maps are added to those that are there; one whose value is 0 removes.
        """

    @abstractmethod
    def set_master(self, name: str, bridge: Optional[str]) -> None: ...

    @abstractmethod
    def set_port(self, name: str, changes: Port) -> None:
        """Set how the bridge treats a port; its VLANs aside."""

    @abstractmethod
    def add_vlans(self, name: str, vlans: str, *, pvid: bool, untagged: bool, own: bool) -> None:
        """Admit an id or a range of them on a port, or on the bridge itself (``own``)."""

    @abstractmethod
    def remove_vlans(self, name: str, vlans: str, *, own: bool) -> None: ...

    @abstractmethod
    def add_address(self, name: str, address: Address) -> None:
        """Add it, or bring one that is there already up to it (lifetimes)."""

    @abstractmethod
    def remove_address(self, name: str, address: Address) -> None: ...

    @abstractmethod
    def add_route(self, name: str, route: Route) -> None:
        """Add it beside the same one by another interface (NLM_F_APPEND); one that is there already is well."""

    @abstractmethod
    def remove_route(self, name: str, route: Route) -> None:
        """Remove it, the one that leaves by this interface."""

    @abstractmethod
    def set_ipv6(self, name: str, changes: Ipv6) -> None: ...


class AccountDriver(Driver, ABC):
    """The users and groups of the host."""

    @abstractmethod
    def known(self, kind: str, text: str) -> Optional[str]:
        """Returns what a ``user`` or ``group``, given by name or number, is called; ``None`` if there is no such one.

        A number that no account has is itself.
        """


# -- requests: one call each; what the kernel makes of it is predicted in `kernel_effects`, and so is the way back ----------


class Request(Protocol):
    """What is asked of the kernel, in words and in deed."""

    @property
    def words(self) -> str: ...
    def do(self, driver: InterfaceDriver) -> None: ...


def kind_word(definition: Interface) -> str:
    """What people call it."""
    if isinstance(definition, LinuxBridge):
        return "bridge"
    if isinstance(definition, VlanIface):
        return "VLAN interface"
    if isinstance(definition, Tuntap):
        return definition.mode or "tap"
    return "interface"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(f"{entry.pcp}:{entry.priority}" for entry in value) or "none"
    return str(value)


def settings_words(changes: Any) -> str:
    """The fields that are set, as ``name=value``."""
    held = {shape.name: getattr(changes, shape.name) for shape in shapes(type(changes)) if shape.name != "name"}
    return ", ".join(f"{name}={_plain(value)}" for name, value in held.items() if value is not None)


@dataclass(frozen=True)
class Add:
    definition: Interface

    @property
    def words(self) -> str:
        made = self.definition
        if isinstance(made, VlanIface):
            return f"make VLAN {made.id} of {made.parent} as {made.name}"
        return f"make {kind_word(made)} {made.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.add(self.definition)


@dataclass(frozen=True)
class Delete:
    name: str
    what: str = "interface"

    @property
    def words(self) -> str:
        return f"remove {self.what} {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.delete(self.name)


@dataclass(frozen=True)
class Set:
    """``changes`` holds what is to be set and the name of the interface."""

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
    name: str
    bridge: Optional[str]
    was: Optional[str]

    @property
    def words(self) -> str:
        if self.bridge is None:
            return f"release {self.name} from {self.was}"
        if self.was is not None:
            return f"move {self.name} from {self.was} to {self.bridge}"
        return f"make {self.name} a port of {self.bridge}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.set_master(self.name, self.bridge)


@dataclass(frozen=True)
class SetPort:
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
    name: str
    span: Span
    own: bool

    @property
    def words(self) -> str:
        how = "untagged" if self.span.untagged else "tagged"
        return f"admit VLAN {self.span.vlans} ({'pvid, ' if self.span.pvid else ''}{how}) on {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        span = self.span
        driver.add_vlans(self.name, span.vlans, pvid=span.pvid, untagged=span.untagged, own=self.own)


@dataclass(frozen=True)
class RemoveVlans:
    name: str
    vlans: str
    own: bool

    @property
    def words(self) -> str:
        return f"remove VLAN {self.vlans} from {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.remove_vlans(self.name, self.vlans, own=self.own)


@dataclass(frozen=True)
class AddAddress:
    name: str
    address: Address

    @property
    def words(self) -> str:
        return f"add address {self.address.cidr} to {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.add_address(self.name, self.address)


@dataclass(frozen=True)
class RemoveAddress:
    name: str
    address: Address

    @property
    def words(self) -> str:
        return f"remove address {self.address.cidr} from {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.remove_address(self.name, self.address)


def route_words(route: Route) -> str:
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
    name: str
    route: Route

    @property
    def words(self) -> str:
        return f"add route {route_words(self.route)} to {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.add_route(self.name, self.route)


@dataclass(frozen=True)
class RemoveRoute:
    name: str
    route: Route

    @property
    def words(self) -> str:
        return f"remove route {route_words(self.route)} from {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.remove_route(self.name, self.route)


@dataclass(frozen=True)
class SetIpv6:
    name: str
    changes: Ipv6

    @property
    def words(self) -> str:
        text = ", ".join(f"ipv6.{word}" for word in settings_words(self.changes).split(", "))
        return f"set {text} on {self.name}"

    def do(self, driver: InterfaceDriver) -> None:
        driver.set_ipv6(self.name, self.changes)
