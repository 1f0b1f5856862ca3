# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the veth pair that a host has, or hasn't, to the desired one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Optional

from ...contract import Step
from ...errors import OptionError, VirtnetError, under
from ..interface.desired import DesiredInterface, complete_definition, desired_definition, desired_states
from ..interface.facts import InterfaceFacts, Namespace
from ..interface.options import Interface, InterfaceState
from ..interface.requests import Remove
from ..interface.steps import InterfaceStep
from ..interface.validate_ip import check_ip
from ..namespace.facts import NamespaceFacts
from .options import EndName, VethEnd, VethPair
from .steps import CreatePair, RemovePair, new_end

PEER = "peer"
_NAMELESS = "is in a namespace without a name"


@dataclass(frozen=True)
class ObservedPair:
    """Both ends as a host has them, and for a veth the other end of it (``None``: it isn't known).

    An end whose name isn't known is ``None``, too.
    """

    first: Optional[InterfaceState] = None
    second: Optional[InterfaceState] = None
    second_name: Optional[EndName] = None
    peer_of_first: Optional[EndName] = None
    peer_of_second: Optional[EndName] = None
    text: Optional[str] = None  # our file, by which it is created at boot


def as_planned(current: ObservedPair, first: EndName, facts: InterfaceFacts) -> ObservedPair:
    """Returns both ends as they are once all that is planned so far is done."""

    def of(
        end: Optional[EndName], state: Optional[InterfaceState], peer: Optional[EndName]
    ) -> tuple[Optional[InterfaceState], Optional[EndName]]:
        exists = end is not None and facts.world.facts(NamespaceFacts).exists(end.netns)
        planned = facts.namespace(end.netns).states.get(end.name) if end is not None and exists else None
        same = planned is not None and state is not None and planned.index == state.index
        return planned, peer if same else None

    state, peer = of(first, current.first, current.peer_of_first)
    other, back = of(current.second_name, current.second, current.peer_of_second)
    return ObservedPair(state, other, current.second_name, peer, back, current.text)


def checked_present(given: VethPair, current: ObservedPair, facts: InterfaceFacts, available: bool) -> VethPair:
    """Returns the options with the name of the other end. Raises `OptionError` for a pair that isn't possible."""
    namespaces = facts.world.facts(NamespaceFacts)
    peer = given.peer
    if peer is None:
        if current.first is None:
            problem = f"is missing; {given.name} doesn't exist yet, so the other end must be given"
            raise OptionError(PEER, None, problem)
        found = current.peer_of_first or EndName("")
        peer = VethEnd(name=found.name, netns=found.netns)
        given = replace(given, peer=peer)
    for path, end in (("", given), (PEER, peer)):
        with under(path):
            namespaces.check(end.netns)
            facts.namespace(end.netns)  # refused where it isn't there
    first, second = given.end_name, peer.end_name
    if first == second:
        raise OptionError(f"{PEER}.name", peer.name, "is the other end itself; give it another name or netns")
    _check_kinds(given, peer, current)
    if current.first is None and current.second is None and not available:
        raise VirtnetError(f"{given.name}: this kernel has no {given.traits.kernel_words}; boot one that has them")
    return given


def _check_kinds(given: VethPair, peer: VethEnd, current: ObservedPair) -> None:
    """Refuses an end that is another interface, or an end of another pair."""
    for option, end, state, found, other in (
        ("name", given, current.first, current.peer_of_first, peer),
        (f"{PEER}.name", peer, current.second, current.peer_of_second, given),
    ):
        if state is None:
            continue
        if state.kind != "veth":
            kind = f"an interface of the kind {state.kind}" if state.kind else "a hardware interface"
            raise OptionError(option, end.name, f"is already the name of {kind}; give the veth another one")
        if found != other.end_name:
            where = f"is {found}" if found else "is another one of this run" if not state.index else _NAMELESS
            raise OptionError(
                option,
                end.name,
                f"is an end of another veth pair, whose other end {where}; remove that pair first, or give another name",
            )


def plan_present(given: VethPair, current: ObservedPair, facts: InterfaceFacts) -> tuple[list[Step], bool]:
    """Returns the steps to a pair that is to be there, and whether it is new. ``given`` is that of `checked_present`."""
    peer = given.peer or VethEnd()
    ends: tuple[VethEnd, ...] = (given, peer)
    steps: list[Step] = []
    new = current.first is None
    if new:
        steps.append(CreatePair(given.end_name, peer.end_name))
        for end in ends:
            facts.namespace(end.netns).states[end.name or ""] = new_end(end.end_name)
    for path, end in zip(("", PEER), ends):
        with under(path):
            steps += _plan_end(end, facts.namespace(end.netns), new=new)
    return steps, new


def _plan_end(end: VethEnd, namespace: Namespace, *, new: bool) -> Sequence[InterfaceStep]:
    """Returns the steps to the settings, addresses, routes and bridge of one end, which is there by now."""
    name, states = end.name or "", namespace.states
    desired = DesiredInterface(end.interface, netns=end.netns)
    current = None if new else states[name]
    definition = desired_definition(desired, current, namespace)
    check_ip(desired, definition, current, namespace)
    target = desired_states(desired, definition, current, namespace, recreating=False, adopting=False)[name]
    if target is not None and end.bridge is not None and (end.bridge or None) != states[name].master:
        _check_bridge(end, states[name], namespace)
        target = replace(target, master=end.bridge or None, port=None)
    planner = namespace.planner()
    planner.plan_to({name: target})
    return planner.steps


def _check_bridge(end: VethEnd, state: InterfaceState, namespace: Namespace) -> None:
    bridge = namespace.states.get(end.bridge or "")
    if end.bridge and (bridge is None or bridge.kind != "bridge"):
        where = "in this namespace" if end.netns else "on this host"
        problem = (
            f"doesn't exist {where}; create it first" if bridge is None else "is not a bridge; give the name of one"
        )
        raise OptionError("bridge", end.bridge, problem)
    if state.master is not None and namespace.states[state.master].kind != "bridge":
        problem = f"isn't possible while {end.name} is a port of {state.master}; remove it there first"
        raise OptionError("bridge", end.bridge, problem)


def plan_absent(given: VethPair, current: ObservedPair, facts: InterfaceFacts) -> list[Step]:
    """Returns the step that removes a pair. Raises `OptionError` for what is no such pair, or has something on it."""
    first, second, name = current.first, current.second, current.second_name
    if first is None:
        return []
    if first.kind != "veth":
        raise OptionError("name", given.name, "is not a veth, and is not removed; give the name of one")
    if given.peer is not None and current.peer_of_first != given.peer.end_name:
        where = f"is {current.peer_of_first}" if current.peer_of_first else _NAMELESS
        problem = f"is not the other end of {given.name}, which {where}; correct it, or leave it out"
        raise OptionError(f"{PEER}.name", given.peer.name, problem)
    if name is None or second is None:
        problem = f"can't be removed, as its other end {_NAMELESS}; end the processes in that first"
        raise OptionError("name", given.name, problem)
    ends = (given.end_name, name)
    for end in ends:
        states = facts.namespace(end.netns).states
        upper = sorted(state.name for state in states.values() if state.lower == end.name)
        if upper:
            raise VirtnetError(f"{end} can't be removed while {', '.join(upper)} is on it; remove that first")
    for end in ends:
        facts.namespace(end.netns).planner().add(Remove(end.name))  # it is part of the one step
    return [RemovePair(((ends[0], first), (ends[1], second)))]


def end_definition(end: EndName, facts: InterfaceFacts, given: Interface) -> Optional[InterfaceState]:
    """Returns the state of an end as plans have it, with its complete definition."""
    states = facts.namespace(end.netns).states
    return with_definition(states.get(end.name), states, given)


def with_definition(
    state: Optional[InterfaceState], states: Mapping[str, InterfaceState], given: Optional[Interface]
) -> Optional[InterfaceState]:
    """Returns a state with the complete definition, which has its addresses and routes."""
    definition = complete_definition(state.name, states, given) if state else None
    return replace(state, definition=definition) if state and definition else None
