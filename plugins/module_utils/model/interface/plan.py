# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the interfaces that a host has and the one that is desired to the steps between them. Pure: no I/O, no Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional, TypeVar

from ...errors import OptionError
from ..fields import canonical, to_options, without_host_chosen
from .desired import DesiredInterface, definition_of, ports_of, targets_of, whole
from .facts import Namespace
from .normal import with_own_route
from .options import BridgeVlans, Interface, InterfaceState, LinuxBridge, Tuntap
from .steps import StepPlanner, must_remake
from .validate import check, check_removal

B = TypeVar("B", bound=BridgeVlans)


@dataclass(frozen=True)
class ObservedInterface:
    """An interface as a host has it: its state, its whole definition (``None``: it isn't there), and the tool's files."""

    state: Optional[InterfaceState]
    definition: Optional[Interface]
    taps: frozenset[str] = frozenset()  # a bridge's ports that guests hang on
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InterfacePlan:
    """The steps, and what they lead to; ``last`` are steps that several plans share, which are done once, after all."""

    steps: tuple[Any, ...]
    after: ObservedInterface
    method: str = "none"
    warnings: tuple[str, ...] = ()
    resume: Any = None  # a `Resume`, or what it is as JSON
    last: tuple[Any, ...] = ()
    touched: tuple[str, ...] = ()  # files
    persist: str = "none"


@dataclass(frozen=True)
class Resume:
    """What a run that was killed had left to do: to bring up what it had made, to make again what it had removed, or to
    have all that the adopted interface has."""

    up: bool = False
    states: tuple[InterfaceState, ...] = ()
    adopting: bool = False


def plan_interface(desired: DesiredInterface, namespace: Namespace, resume: Optional[Resume] = None) -> InterfacePlan:
    """Plan an interface; what is planned is taken into account in ``namespace``.

    Raises `OptionError` or `VirtnetError` for what can't or mustn't be done.
    """
    planner = namespace.planner()
    warnings = _warnings(desired, namespace) if desired.present else ()
    notes: Optional[Resume] = None
    if desired.present:
        method, notes = _present(desired, namespace, planner, resume or Resume())
    else:
        method = _absent(desired, namespace, planner)
    if not planner.steps:
        method, notes, warnings = "none", None, ()
    after = observed_interface(desired.name, namespace.states)
    return InterfacePlan(tuple(planner.steps), after, method, warnings, notes)


def _warnings(desired: DesiredInterface, namespace: Namespace) -> tuple[str, ...]:
    """An address that is leased is taken over by who adopts, but nobody renews it there."""
    adopted = namespace.states.get(desired.adopt or "")
    leased = [address.cidr for address in (adopted.addresses if adopted else ()) if address.valid_seconds is not None]
    return tuple(
        f"{cidr} of {desired.adopt} is leased: {desired.name} has it for the rest of that time, as nobody renews it there;"
        " stored, it is for ever"
        for cidr in leased
    )


def observed_interface(name: str, states: Mapping[str, InterfaceState]) -> ObservedInterface:
    """An interface among the host's."""
    state = states.get(name)
    if state is None:
        return ObservedInterface(None, None)
    bridge = isinstance(state.definition, LinuxBridge)
    taps = frozenset(port.name for port in ports_of(name, states) if port.kind == "tun") if bridge else frozenset()
    return ObservedInterface(state, whole(name, states), taps)


def _absent(desired: DesiredInterface, namespace: Namespace, planner: StepPlanner) -> str:
    states = namespace.states
    found = states.get(desired.name)
    if found is None:
        return "none"
    check_removal(desired, found, states)
    if desired.adopt:
        heir = states[desired.adopt]
        planner.plan_to({heir.name: _heir(replace(heir, master=None, port=None), found)})
    planner.plan_to({desired.name: None})
    return "removed"


def _present(
    desired: DesiredInterface, namespace: Namespace, planner: StepPlanner, resume: Resume
) -> tuple[str, Optional[Resume]]:
    states = namespace.states
    found = states.get(desired.name)
    given = _in_words_of_the_host(desired.given, namespace)
    if resume.up and given.up is None:
        given = replace(given, up=True)
    noted = {state.name: state for state in resume.states if state.name == desired.name or state.name not in states}
    known = noted.get(desired.name, found)
    target = definition_of(replace(desired, given=given), known, namespace)
    check(desired, target, found, namespace)
    remade = must_remake(found.definition, target) if found else ()
    if remade and not desired.recreate:
        option = remade[0]
        raise OptionError(
            option,
            getattr(desired.given, option),
            f"what {desired.name} has ({getattr(found.definition, option) if found else None}), as recreate is false"
            " and the kernel can't change this in place",
        )
    again = bool(remade) or bool(noted)
    adopting = bool(desired.adopt) and (resume.adopting or _has_its_own(states[desired.adopt or ""], desired.name))
    own = targets_of(replace(desired, given=given), target, known, namespace, remade=again, adopting=adopting)
    targets = {**noted, **own}
    planner.plan_to(targets)
    if again:
        left = tuple(state for state in targets.values() if state is not None)
        return "recreated", Resume(bool(target.up), left, adopting)
    if found is None:
        return "created", Resume(up=bool(target.up), adopting=adopting)
    return "changed", Resume(adopting=True) if adopting else None


def _has_its_own(adopted: InterfaceState, bridge: str) -> bool:
    return adopted.master != bridge or bool(adopted.addresses) or bool(adopted.routes)


def _in_words_of_the_host(given: Interface, namespace: Namespace) -> Interface:
    """Users and groups as the host's interfaces are told by; raises `OptionError` where there is none."""
    if not isinstance(given, Tuntap):
        return given
    changes: dict[str, Any] = {}
    for option, kind in (("owner", "user"), ("group", "group")):
        text = getattr(given, option)
        if text:
            known = namespace.account(kind, text)
            if known is None:
                raise OptionError(option, text, f"a {kind} that the host has, by name or number")
            changes[option] = known
    return replace(given, **changes)


def _heir(heir: InterfaceState, found: InterfaceState) -> InterfaceState:
    """The interface that a bridge had adopted, with all that the bridge has."""
    addresses = {address.cidr: with_own_route(address) for address in found.addresses}
    addresses.update({address.cidr: address for address in heir.addresses})
    routes = {route.option: route for route in (*found.routes, *heir.routes)}
    ipv6 = heir.definition.ipv6
    changes: dict[str, Any] = {"up": True}
    if ipv6:
        changes["ipv6"] = replace(ipv6, enabled=True)
    return replace(
        heir,
        definition=replace(heir.definition, **changes),
        addresses=tuple(addresses.values()),
        routes=tuple(routes.values()),
    )


def show(seen: ObservedInterface, desired: DesiredInterface) -> dict[str, Any]:
    """The interface for a person to read, in the structure of the options, as `before` and `after` of a diff.

    What the host has chosen is left out unless it was asked for, and so are a bridge's guests, and VLANs on bridges that
    don't look at them.
    """
    head: dict[str, Any] = {"name": desired.name, "state": "absent" if seen.definition is None else "present"}
    if desired.netns is not None:
        head["netns"] = desired.netns
    if seen.definition is None:
        return head
    if type(seen.definition) is not type(desired.given):
        return {**head, **to_options(seen.definition)}
    shown = without_host_chosen(seen.definition, desired.given)
    if isinstance(shown, LinuxBridge) and isinstance(desired.given, LinuxBridge):
        shown = _shown_bridge(shown, desired.given, desired, seen)
    return {**head, **to_options(canonical(shown))}


_VLANS = ("pvid", "tagged", "untagged")


def _shown_bridge(
    shown: LinuxBridge, given: LinuxBridge, desired: DesiredInterface, seen: ObservedInterface
) -> LinuxBridge:
    listed: dict[Optional[str], Any] = {port.name: port for port in given.ports or ()}
    ports = []
    for port in shown.ports or ():
        asked = listed.get(port.name)
        if port.name in seen.taps and asked is None and not desired.purge_taps and port.name != desired.adopt:
            continue
        ports.append(_seen_vlans(without_host_chosen(port, asked), asked, shown))
    return replace(_seen_vlans(shown, given, shown), ports=tuple(ports) or None)


def _seen_vlans(value: B, given: Optional[BridgeVlans], bridge: LinuxBridge) -> B:
    if bridge.vlan_filtering:
        return value
    hidden: dict[str, Any] = {name: None for name in _VLANS if given is None or getattr(given, name) is None}
    return replace(value, **hidden)
