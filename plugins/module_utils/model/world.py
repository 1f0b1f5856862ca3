# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else is on the host: the facts that a plan must not collide with."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol

from ..errors import VirtnetError
from . import values
from .network.options import OWN_BRIDGE_MODES, Network, mode_of

if TYPE_CHECKING:  # who declares networks only doesn't wait for them
    from .interface.options import InterfaceState
    from .interface.requests import InterfaceDriver
    from .interface.steps import StepPlanner


@dataclass(frozen=True)
class Link:
    """A network interface of the host, with the subnets that are on it in CIDR form."""

    name: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Neighbour:
    """Another libvirt network: the bridge it owns (if it owns one) and its addresses in CIDR form."""

    name: str
    active: bool
    bridge: Optional[str]
    addresses: tuple[str, ...]


Account = Callable[[str, str], Optional[str]]


def no_accounts(_kind: str, _text: str) -> Optional[str]:
    return None


class FileSource(Protocol):
    """Where a host's files are read, see `backend.boot_tools.files`."""

    def facts(self) -> Any: ...
    def read(self, tool: str) -> Mapping[str, str]: ...


class Namespace:
    """The interfaces of one network namespace as they will be when what is planned so far is done.

    ``account`` tells what a ``user`` or a ``group`` that is given by name or number is called on the host, ``None`` where
    there is none.
    """

    def __init__(self, driver: InterfaceDriver, account: Account = no_accounts) -> None:
        from .interface.normal import normal_state

        self._driver = driver
        self.account = account
        self.states: dict[str, InterfaceState] = {name: normal_state(state) for name, state in driver.all().items()}

    @functools.cached_property
    def features(self) -> frozenset[str]:
        """What the kernel can make, see `interface.requests.InterfaceDriver`."""
        return self._driver.features()

    @property
    def bridge_vlans(self) -> bool:
        return "bridge vlan filtering" in self.features

    def planner(self, netns: Optional[str]) -> StepPlanner:
        """What is planned from here on."""
        from .interface.steps import StepPlanner

        return StepPlanner(self.states, netns, bridge_vlans=self.bridge_vlans)


class World:
    """The libvirt networks and the interfaces of a host, read when they are first asked for.

    ``libvirt`` is the version of the daemon, as a number (libvirt's major * 1,000,000 + minor * 1,000 + release).
    ``interfaces`` gives the driver of a network namespace.
    """

    def __init__(
        self,
        libvirt: Callable[[], int],
        neighbours: Callable[[], tuple[Neighbour, ...]],
        links: Callable[[], tuple[Link, ...]],
        interfaces: Optional[Callable[[Optional[str]], InterfaceDriver]] = None,
        account: Account = no_accounts,
        files: Optional[Callable[[], FileSource]] = None,
    ) -> None:
        self._read_libvirt = libvirt
        self._files = files
        self._planned_files: dict[str, dict[str, Optional[str]]] = {}
        self._read_neighbours = neighbours
        self._read_links = links
        self._interfaces = interfaces
        self._account = account
        self._neighbours: Optional[dict[str, Neighbour]] = None
        self._planned: dict[str, Optional[Neighbour]] = {}
        self._namespaces: dict[Optional[str], Namespace] = {}

    @functools.cached_property
    def libvirt(self) -> int:
        return self._read_libvirt()

    def namespace(self, netns: Optional[str]) -> Namespace:
        """The interfaces of a namespace, ``None`` being the host's own."""
        if netns not in self._namespaces:
            if self._interfaces is None:
                raise VirtnetError("the interfaces of this host can't be looked at")
            self._namespaces[netns] = Namespace(self._interfaces(netns), self._account)
        return self._namespaces[netns]

    @property
    def files(self) -> FileSource:
        if self._files is None:
            raise VirtnetError("the files of this host can't be looked at")
        return self._files()

    def read_files(self, tool: str) -> Mapping[str, str]:
        """The files of a tool as they will be when what is planned so far is done."""
        merged = {**self.files.read(tool), **self._planned_files.get(tool, {})}
        return {path: text for path, text in merged.items() if text is not None}

    def expect_files(self, tool: str, changes: Mapping[str, Optional[str]]) -> None:
        self._planned_files.setdefault(tool, {}).update(changes)

    @property
    def neighbours(self) -> Mapping[str, Neighbour]:
        """The networks as they will be when what is planned so far is done, by name."""
        merged = {**self._found(), **self._planned}
        return {name: neighbour for name, neighbour in merged.items() if neighbour is not None}

    @property
    def links(self) -> tuple[Link, ...]:
        """The host's interfaces, as they will be when what is planned so far is done."""
        if None not in self._namespaces:
            return self._links_before
        planned = self._namespaces[None].states
        return tuple(
            Link(state.name, tuple(address.cidr for address in state.addresses))
            for state in planned.values()
            if not state.loopback
        )

    @functools.cached_property
    def _links_before(self) -> tuple[Link, ...]:
        return self._read_links()

    def bridges_before(self) -> frozenset[str]:
        """The bridges that libvirt's active networks have now; they come and go with them and are no foreign interfaces."""
        return frozenset(n.bridge for n in self._found().values() if n.bridge and n.active)

    def _found(self) -> Mapping[str, Neighbour]:
        if self._neighbours is None:
            self._neighbours = {neighbour.name: neighbour for neighbour in self._read_neighbours()}
        return self._neighbours

    def expect(self, name: str, neighbour: Optional[Neighbour]) -> None:
        """Take into account what has been planned: the network ``name`` will be so, or be gone."""
        self._planned[name] = neighbour


def neighbour_of(network: Network, active: bool) -> Neighbour:
    """What others have to know of a network."""
    own = mode_of(network) in OWN_BRIDGE_MODES
    bridge = network.bridge.name if network.bridge and own else None
    addresses = tuple(ip.address for ip in network.ips or () if ip.address)
    return Neighbour(network.name or "", active, bridge, addresses)


def overlap(left: str, right: str) -> bool:
    """Whether the networks of two addresses in CIDR form overlap."""
    one, other = _net(left), _net(right)
    return one is not None and other is not None and one.version == other.version and one.overlaps(other)


@functools.cache
def _net(cidr: str) -> Optional[values.IPNetwork]:
    try:
        return ipaddress.ip_interface(cidr).network
    except ValueError:
        return None
