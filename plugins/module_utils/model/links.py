# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's network interfaces as networks have to know them: their names, and the subnets that are on them."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Callable, Optional

from ..contract import Driver, Facts, Step


@dataclass(frozen=True)
class Link:
    """A network interface of the host, with the subnets that are on it in CIDR form."""

    name: str
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True)
class OwnBridge:
    """A bridge that libvirt creates for a network when it starts the network; ``active``: the network runs, and so the bridge is there."""

    name: str
    network: str
    active: bool


PutBack = Callable[[Collection[str]], None]


class LinkDriver(Driver, ABC):
    """Reads the links of the host's own namespace."""

    @abstractmethod
    def links(self) -> tuple[Link, ...]:
        """Returns every interface but the loopback one; none where the host's interfaces can't be seen from here.

        A subnet is one that an address brings, or an IPv4 route of the main table without a gateway: where libvirt looks for
        collisions, too (networkCheckRouteCollision).
        """

    @abstractmethod
    def own_bridges(self) -> Optional[tuple[OwnBridge, ...]]:
        """Returns the bridges that libvirt creates for its networks; ``None`` where it creates them on another host."""

    @abstractmethod
    def on_bridge(self, bridge: str) -> Optional[frozenset[str]]:
        """Returns the ports of a bridge and the interfaces on top of it; ``None`` where they can't be seen from here."""

    def keep(self, bridge: str, guests: frozenset[str]) -> PutBack:
        """Reads what others have on a bridge, all except the taps of ``guests``: ports, what is on top of it, addresses, routes.

        Returns what restores that when the bridge has been removed and created again. It takes the addresses and routes that
        the bridge has by itself. Nothing is restored where the interfaces can't be seen from here. Both raise `HostError`.
        """
        del bridge, guests
        return lambda _own: None


class LinkFacts(Facts):
    """The links of the host as they will be when what is planned so far is done."""

    @functools.cached_property
    def _current(self) -> dict[str, Link]:
        return {link.name: link for link in self.host.driver(LinkDriver).links()}

    @functools.cached_property
    def _planned(self) -> dict[str, Optional[Link]]:
        return {}

    @property
    def links(self) -> tuple[Link, ...]:
        merged = {**self._current, **self._planned}
        return tuple(link for link in merged.values() if link is not None)

    @functools.cached_property
    def bridges(self) -> set[str]:
        """The bridges that networks of the run will make."""
        return set()

    @functools.cached_property
    def leaving(self) -> set[str]:
        """The taps of guests that will not be ports of their bridges any more, until `InterfaceFacts` takes them."""
        return set()

    def expect_bridge(self, name: str, subnets: tuple[str, ...]) -> None:
        """Takes the plan of a network into account, which makes this bridge."""
        self.bridges.add(name)
        self.expect(name, Link(name, subnets))

    @functools.cached_property
    def _own_bridges(self) -> Optional[tuple[OwnBridge, ...]]:
        return self.host.driver(LinkDriver).own_bridges()

    def own_bridge(self, name: str) -> Optional[OwnBridge]:
        """Returns the bridge of that name that libvirt creates for a network; ``None`` if there is no such network."""
        found = [bridge for bridge in self._own_bridges or () if bridge.name == name]
        return max(found, key=lambda bridge: bridge.active, default=None)

    def expect_own_bridge(self, network: str, bridge: Optional[OwnBridge]) -> None:
        """Takes the plan of a network into account, which will have this bridge, or none of its own."""
        if self._own_bridges is not None:
            others = (other for other in self._own_bridges if other.network != network)
            self._own_bridges = (*others, bridge) if bridge else tuple(others)

    def on_bridge(self, bridge: str) -> Optional[frozenset[str]]:
        """Returns the interfaces that lose their connection when the bridge is removed; ``None`` where they can't be seen."""
        return self.host.driver(LinkDriver).on_bridge(bridge)

    @functools.cached_property
    def _renewing(self) -> dict[str, tuple[Step, ...]]:
        return {}

    @functools.cached_property
    def _clearing(self) -> dict[str, tuple[Step, ...]]:
        return {}

    def renew(self, name: str, causes: Sequence[Step]) -> None:
        """Takes steps into account that remove an interface and create it again: it has its addresses and routes then."""
        self._renewing[name] = (*self.renewing(name), *causes)

    def renewing(self, name: str) -> tuple[Step, ...]:
        """Returns the planned steps that remove an interface and create it again."""
        return self._renewing.get(name, ())

    def clear_queues(self, name: str, causes: Sequence[Step]) -> None:
        """Takes steps into account after which an interface has no queueing disciplines but those that the steps set."""
        self._clearing[name] = (*self._clearing.get(name, ()), *causes)

    def clearing_queues(self, name: str) -> tuple[Step, ...]:
        """Returns the planned steps that remove the queueing disciplines of an interface."""
        return (*self.renewing(name), *self._clearing.get(name, ()))

    def expect(self, name: str, link: Optional[Link]) -> None:
        """Takes a plan into account: the link will be like this, or will be removed (``None``)."""
        self._planned[name] = link
