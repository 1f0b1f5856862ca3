# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A veth pair as a run plans it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional, TypeVar

from ...contract import AnyResource, Host, Notes, Options, Plan, Shown, World
from ...errors import OptionError, under
from ...model.fields import canonical, to_options, without_host_chosen
from ...model.interface.facts import InterfaceFacts
from ...model.interface.normal import normal
from ...model.interface.options import Interface, InterfaceState, Uplink
from ...model.interface.requests import InterfaceDriver
from ...model.namespace.facts import NamespaceFacts
from ...model.namespace.options import short_name
from ...model.namespace.steps import NamespaceDriver
from ...model.veth.options import EndName, VethEnd, VethPair, as_interface
from ...model.veth.plan import (
    PEER,
    ObservedPair,
    as_planned,
    checked_present,
    end_definition,
    plan_absent,
    plan_present,
    with_definition,
)
from ...model.veth.steps import VethDriver
from ...persist.facts import FileFacts
from ...persist.networkd.unmanaged import TOOL, plan_unmanaged
from ...persist.plan import UNIT, PersistencePlan, with_others
from ...persist.steps import FileDriver
from ...persist.unit.plan import plan_pair as plan_stored
from ...persist.unit.service import pair_path
from .._interface_info import describe_interface
from .._interface_resource import InterfaceResource
from ..common import DeclaredResource, interface_name, namespace_label

E = TypeVar("E", bound=VethEnd)


@dataclass(frozen=True)
class VethResource(DeclaredResource[ObservedPair, VethPair]):
    """A veth pair; ``stored`` is whether the run also keeps it for the next boot."""

    stored: bool = False

    @property
    def label(self) -> str:
        return f"veth pair {self.name}" + (f" in {self.given.netns}" if self.given.netns else "")

    @property
    def _file(self) -> str:
        return pair_path(self.name, self.given.netns)

    @property
    def _ends(self) -> tuple[VethEnd, ...]:
        return (self.given, self.given.peer) if self.given.peer else (self.given,)

    def provides(self, current: ObservedPair) -> frozenset[str]:
        found = {interface_name(end.netns, end.name or "") for end in self._ends}
        if current.second_name is not None:
            found.add(interface_name(current.second_name.netns, current.second_name.name))
        return frozenset(found)

    def needs(self, current: ObservedPair) -> frozenset[str]:
        """Returns the namespaces and bridges of both ends."""
        found = {namespace_label(end.netns) for end in self._ends if end.netns}
        if current.second_name is not None and current.second_name.netns:
            found.add(namespace_label(current.second_name.netns))
        # a bridge that has an end as a port needs that itself
        states = zip(self._ends, (current.first, current.second))
        new = [end for end, state in states if end.bridge and (state is None or state.master != end.bridge)]
        return frozenset(found | {interface_name(end.netns, end.bridge or "") for end in new})

    def current(self, host: Host) -> ObservedPair:
        first_name = self.given.end_name
        first = _state(host, first_name, self.given.interface)
        peer = host.driver(VethDriver).peer(first_name) if first and first.kind == "veth" else None
        given_peer = self.given.peer
        second_name = given_peer.end_name if given_peer else peer
        second = _state(host, second_name, given_peer.interface if given_peer else None) if second_name else None
        back = host.driver(VethDriver).peer(second_name) if second_name and second and second.kind == "veth" else None
        text = host.driver(FileDriver).read(UNIT).get(self._file) if self.stored else None
        return ObservedPair(first, second, second_name, peer, back, text)

    def plan(self, current: ObservedPair, world: World, notes: Notes) -> Plan[ObservedPair]:
        facts = world.facts(InterfaceFacts)
        before = dict(facts.namespace(None).states)
        current = as_planned(current, self.given.end_name, facts)
        with under(self.path):
            if self.present:
                given = checked_present(self.given, current, facts, world.host.driver(VethDriver).available())
                steps, new = plan_present(_finished(given, notes), current, facts)
                method = "created" if new else "changed"
            else:
                given, steps, method = self.given, plan_absent(self.given, current, facts), "removed"
        facts.expect_links(None, before)
        after = self._planned(given, world) if self.present else ObservedPair()
        files, kept = world.facts(FileFacts), PersistencePlan()
        if self.stored:
            ends = (after.first, after.second) if self.present else None
            new = method == "created" or bool(notes.get("created"))
            kept = plan_stored(given, ends, files.read(UNIT), new=new)
            files.expect(UNIT, kept.changes)
        kept = with_others(kept, *self._beside_networkd(after, current.second_name, files, method == "created"))
        all_steps = (*kept.before, *steps, *kept.steps)
        return Plan(
            steps=all_steps,
            after=replace(after, text=self._text(files)),
            handlers=kept.handlers,
            notes={"created": True} if steps and method == "created" else {},
            returned={
                "method": method if all_steps else "none",
                "files": list(kept.changes),
                "persist": kept.tool,
            },
        )

    def _beside_networkd(
        self, after: ObservedPair, other: Optional[EndName], files: FileFacts, new: bool
    ) -> list[PersistencePlan]:
        """Returns what keeps networkd away from the ends in the host's own namespace."""
        states = {self.given.end_name: after.first, **({other: after.second} if other else {})}
        plans = []
        for name, state in states.items():
            if name.netns is None and TOOL in files.tools.installed:
                found = plan_unmanaged(name.name, state, files.tools, files.read(TOOL), new=new, stored=self.stored)
                files.expect(TOOL, found.changes)
                plans.append(found)
        return plans

    def _text(self, files: FileFacts) -> Optional[str]:
        return files.read(UNIT).get(self._file) if self.stored else None

    def predicted(self, plan: Plan[ObservedPair], world: World) -> ObservedPair:
        if not self.present:
            return plan.after
        found = self._planned(self._complete(plan.after), world)
        return replace(found, text=self._text(world.facts(FileFacts)))

    def _complete(self, state: ObservedPair) -> VethPair:
        name = state.second_name
        if self.given.peer is None and name is not None:
            return replace(self.given, peer=VethEnd(name=name.name, netns=name.netns))
        return self.given

    def _planned(self, given: VethPair, world: World) -> ObservedPair:
        facts, peer = world.facts(InterfaceFacts), given.peer or VethEnd()
        if not all(world.facts(NamespaceFacts).exists(end.netns) for end in (given, peer)):
            return ObservedPair()
        return ObservedPair(
            end_definition(given.end_name, facts, given.interface),
            end_definition(peer.end_name, facts, peer.interface),
            peer.end_name,
        )

    def show(self, state: ObservedPair, plan: Plan[ObservedPair]) -> Shown:
        del plan
        head: Shown = {"name": self.name, "state": "absent" if state.first is None else "present"}
        if self.given.netns is not None:
            head["netns"] = self.given.netns
        files: Shown = {} if state.text is None else {"files": {self._file: state.text}}
        if state.first is None:
            return {**head, **files}
        shown = {**head, **_shown(state.first, self.given)}
        if state.second is not None and state.second_name is not None:
            where: Shown = {"netns": state.second_name.netns} if state.second_name.netns else {}
            shown[PEER] = {"name": state.second_name.name, **where, **_shown(state.second, self.given.peer)}
        return {**shown, **files}

    def describe(self, host: Host, state: ObservedPair) -> Options:
        if state.first is None or state.first.kind != "veth":
            return {"veth_pair": None}
        return {"veth_pair": _described(host, self.given.end_name, state.second_name)}


def _finished(given: VethPair, notes: Notes) -> VethPair:
    """Returns the options with what a run that was killed had still to do: it had created the pair, and both ends are down."""
    if not notes.get("created"):
        return given
    peer = given.peer
    if peer is not None and peer.up is None:
        peer = replace(peer, up=True)
    return replace(given, up=True if given.up is None else given.up, peer=peer)


def _states(host: Host, netns: Optional[str]) -> Mapping[str, InterfaceState]:
    if netns is not None and not host.driver(NamespaceDriver).exists(netns):
        return {}
    return host.driver(InterfaceDriver, netns).all()


def _state(host: Host, end: EndName, given: Optional[Interface]) -> Optional[InterfaceState]:
    states = _states(host, end.netns)
    return with_definition(states.get(end.name), states, given)


def _shown(state: InterfaceState, given: Optional[VethEnd]) -> Shown:
    interface = without_host_chosen(as_interface(state.definition), given.interface if given else None)
    shown = to_options(canonical(interface))
    shown.pop("name", None)
    return {**shown, "bridge": state.master} if state.master else shown


def _described(host: Host, first: EndName, second: Optional[EndName]) -> dict[str, object]:
    """Returns a pair for the ``_info`` module: both ends, and a definition that declares them."""
    found: dict[str, object] = {"name": first.name, "netns": first.netns}
    definition = {"name": first.name, **_definition(host, first)}
    found["end"] = _end(host, first)
    if second is not None:
        found[PEER] = {**_end(host, second), "netns": second.netns}
        definition[PEER] = {"name": second.name, **_definition(host, second)}
    else:
        found[PEER] = None
    return {**found, "definition": definition}


def _end(host: Host, end: EndName) -> dict[str, object]:
    described = describe_interface(host.driver(InterfaceDriver, end.netns), end.name, Uplink())
    described.pop("definition")
    return described


def _definition(host: Host, end: EndName) -> dict[str, object]:
    states = host.driver(InterfaceDriver, end.netns).all()
    state = with_definition(states.get(end.name), states, None)
    found: dict[str, object] = {} if end.netns is None else {"netns": end.netns}
    if state is not None:
        found.update(to_options(normal(state.definition)))
        found.pop("name", None)
        found.update({"bridge": state.master} if state.master else {})
    return found


def describe_pairs(host: Host, names: Optional[Sequence[str]], netns: Optional[str]) -> list[dict[str, object]]:
    """Returns the pairs with an end of one of these names in a namespace, ``None`` for all of them."""
    driver = host.driver(InterfaceDriver, netns)
    there = {name for name, state in driver.all().items() if state.kind == "veth"}
    short = None if netns is None else short_name(netns)
    found = []
    for name in sorted(there) if names is None else names:
        if name in there:
            first = EndName(name, short)
            found.append(_described(host, first, host.driver(VethDriver).peer(first)))
    return found


def settled_pair(resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
    """Returns a pair that leaves it to a bridge that lists an end to attach it, and so is created before the bridge.

    Raises `OptionError` if the end is to be a port of another bridge, or of none.
    """
    if not isinstance(resource, VethResource) or not resource.present:
        return resource
    given = resource.given
    with under(resource.path):
        peer = None if given.peer is None else _settled_end(given.peer, others, f"{PEER}.")
        return replace(resource, given=replace(_settled_end(given, others, ""), peer=peer))


def _settled_end(end: E, others: Sequence[AnyResource], where: str) -> E:
    for other in others:
        if not isinstance(other, InterfaceResource) or not other.present or (other.desired.netns != end.netns):
            continue
        if end.bridge is None or not any(port.name == end.name for port in other.desired.given.ports or ()):
            continue
        if end.bridge != other.name:
            problem = f"isn't what the bridge {other.name} says, which has {end.name} in ports; remove one of them"
            raise OptionError(f"{where}bridge", end.bridge, problem)
        none: dict[str, Any] = {"bridge": None}
        return replace(end, **none)
    return end
