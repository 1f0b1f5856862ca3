# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of veth pairs, and the steps that create and remove them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ...contract import Driver, Host, Step
from ..interface.options import Interface, InterfaceState
from ..interface.requests import BRIDGE_VLANS, InterfaceDriver
from ..interface.steps import StepPlanner
from .options import EndName


class VethDriver(Driver, ABC):
    """What `InterfaceDriver` doesn't know, as it sees one namespace only. Each call raises `HostError`."""

    @abstractmethod
    def available(self) -> bool:
        """Returns whether the kernel has veth pairs."""

    @abstractmethod
    def peer(self, end: EndName) -> Optional[EndName]:
        """Returns the other end of a veth; ``None`` where it is in a namespace without a name."""

    @abstractmethod
    def create(self, first: EndName, second: EndName) -> None:
        """Creates a pair, both ends down."""


Saved = tuple[tuple[EndName, InterfaceState], ...]


def new_end(end: EndName) -> InterfaceState:
    """Returns an end of a new pair."""
    return InterfaceState("veth", 0, Interface(name=end.name, mtu=1500, up=False))


def _create(host: Host, first: EndName, second: EndName) -> None:
    host.driver(VethDriver).create(first, second)
    for end in (first, second):
        host.driver(InterfaceDriver, end.netns).forget()


def _remove(host: Host, first: EndName, second: EndName) -> None:
    """Removes a pair: with one end the other one is removed, too (veth_dellink)."""
    host.driver(InterfaceDriver, first.netns).delete(first.name)
    host.driver(InterfaceDriver, second.netns).close()  # which knows the other end's index


@dataclass(frozen=True)
class CreatePair(Step):
    """Creates a pair, both ends down."""

    first: EndName
    second: EndName

    @property
    def words(self) -> str:
        return f"create veth pair {self.first} and {self.second}"

    def do(self, host: Host) -> None:
        _create(host, self.first, self.second)

    def undo(self, host: Host) -> None:
        _remove(host, self.first, self.second)


@dataclass(frozen=True)
class RemovePair(Step):
    """Removes a pair; ``ends`` are both as they were, with which the pair is created again when this is undone."""

    ends: Saved

    @property
    def words(self) -> str:
        (first, _state), (second, _other) = self.ends
        return f"remove veth pair {first} and {second}"

    def do(self, host: Host) -> None:
        _remove(host, *_names(self.ends))

    def undo(self, host: Host) -> None:
        _create(host, *_names(self.ends))
        for end, state in self.ends:
            driver = host.driver(InterfaceDriver, end.netns)
            states = {end.name: new_end(end)}
            bridge_vlans = state.master is not None and BRIDGE_VLANS in driver.features()
            planner = StepPlanner(states, end.netns, bridge_vlans=bridge_vlans, track_uncertain=False)
            planner.plan_to({end.name: state})
            for step in planner.steps:
                step.request.do(driver)


def _names(ends: Saved) -> Sequence[EndName]:
    return [end for end, _state in ends]
