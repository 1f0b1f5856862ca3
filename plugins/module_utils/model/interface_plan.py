# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the interfaces that a host has and the one that is wanted to the steps between them. Pure: no I/O, no Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional, TypeVar

from ..errors import OptionError
from .fields import canonical, to_options, without_host_chosen
from .interface import BridgeVlans, Interface, InterfaceState, LinuxBridge, Tuntap
from .interface_check import check, check_removal
from .interface_compare import Course, must_remake
from .interface_normal import with_own_route
from .interface_target import Wanted, definition_of, ports_of, targets_of, whole
from .world import Namespace

B = TypeVar("B", bound=BridgeVlans)


@dataclass(frozen=True)
class Seen:
    """An interface as a host has it: its state, its whole definition (``None``: it isn't there), and the tool's files."""

    state: Optional[InterfaceState]
    definition: Optional[Interface]
    taps: frozenset[str] = frozenset()  # a bridge's ports that guests hang on
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InterfacePlan:
    """The steps, and what they lead to; ``last`` are steps that several plans share, which are done once, after all."""

    steps: tuple[Any, ...]
    after: Seen
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


def plan_interface(wanted: Wanted, namespace: Namespace, resume: Optional[Resume] = None) -> InterfacePlan:
    """Plan an interface; what is planned is taken into account in ``namespace``.

    Raises `OptionError` or `VirtnetError` for what can't or mustn't be done.
    """
    course = namespace.course(wanted.netns)
    warnings = _warnings(wanted, namespace) if wanted.present else ()
    notes: Optional[Resume] = None
    if wanted.present:
        method, notes = _present(wanted, namespace, course, resume or Resume())
    else:
        method = _absent(wanted, namespace, course)
    if not course.steps:
        method, notes, warnings = "none", None, ()
    after = see(wanted.name, namespace.states)
    return InterfacePlan(tuple(course.steps), after, method, warnings, notes)


def _warnings(wanted: Wanted, namespace: Namespace) -> tuple[str, ...]:
    """An address that is leased is taken over by who adopts, but nobody renews it there."""
    adopted = namespace.states.get(wanted.adopt or "")
    leased = [address.cidr for address in (adopted.addresses if adopted else ()) if address.valid_seconds is not None]
    return tuple(
        f"{cidr} of {wanted.adopt} is leased: {wanted.name} has it for the rest of that time, as nobody renews it there;"
        " stored, it is for ever"
        for cidr in leased
    )


def see(name: str, states: Mapping[str, InterfaceState]) -> Seen:
    """An interface among the host's."""
    state = states.get(name)
    if state is None:
        return Seen(None, None)
    bridge = isinstance(state.definition, LinuxBridge)
    taps = frozenset(port.name for port in ports_of(name, states) if port.kind == "tun") if bridge else frozenset()
    return Seen(state, whole(name, states), taps)


def _absent(wanted: Wanted, namespace: Namespace, course: Course) -> str:
    states = namespace.states
    found = states.get(wanted.name)
    if found is None:
        return "none"
    check_removal(wanted, found, states)
    if wanted.adopt:
        heir = states[wanted.adopt]
        course.reach({heir.name: _heir(replace(heir, master=None, port=None), found)})
    course.reach({wanted.name: None})
    return "removed"


def _present(wanted: Wanted, namespace: Namespace, course: Course, resume: Resume) -> tuple[str, Optional[Resume]]:
    states = namespace.states
    found = states.get(wanted.name)
    given = _in_words_of_the_host(wanted.given, namespace)
    if resume.up and given.up is None:
        given = replace(given, up=True)
    noted = {state.name: state for state in resume.states if state.name == wanted.name or state.name not in states}
    known = noted.get(wanted.name, found)
    target = definition_of(replace(wanted, given=given), known, namespace)
    check(wanted, target, found, namespace)
    remade = must_remake(found.definition, target) if found else ()
    if remade and not wanted.recreate:
        option = remade[0]
        raise OptionError(
            option,
            getattr(wanted.given, option),
            f"what {wanted.name} has ({getattr(found.definition, option) if found else None}), as recreate is false"
            " and the kernel can't change this in place",
        )
    again = bool(remade) or bool(noted)
    adopting = bool(wanted.adopt) and (resume.adopting or _has_its_own(states[wanted.adopt or ""], wanted.name))
    own = targets_of(replace(wanted, given=given), target, known, namespace, remade=again, adopting=adopting)
    targets = {**noted, **own}
    course.reach(targets)
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


def show(seen: Seen, wanted: Wanted) -> dict[str, Any]:
    """The interface for a person to read, in the structure of the options, as `before` and `after` of a diff.

    What the host has chosen is left out unless it was asked for, and so are a bridge's guests, and VLANs on bridges that
    don't look at them.
    """
    head: dict[str, Any] = {"name": wanted.name, "state": "absent" if seen.definition is None else "present"}
    if wanted.netns is not None:
        head["netns"] = wanted.netns
    if seen.definition is None:
        return head
    if type(seen.definition) is not type(wanted.given):
        return {**head, **to_options(seen.definition)}
    shown = without_host_chosen(seen.definition, wanted.given)
    if isinstance(shown, LinuxBridge) and isinstance(wanted.given, LinuxBridge):
        shown = _shown_bridge(shown, wanted.given, wanted, seen)
    return {**head, **to_options(canonical(shown))}


_VLANS = ("pvid", "tagged", "untagged")


def _shown_bridge(shown: LinuxBridge, given: LinuxBridge, wanted: Wanted, seen: Seen) -> LinuxBridge:
    listed: dict[Optional[str], Any] = {port.name: port for port in given.ports or ()}
    ports = []
    for port in shown.ports or ():
        asked = listed.get(port.name)
        if port.name in seen.taps and asked is None and not wanted.purge_taps and port.name != wanted.adopt:
            continue
        ports.append(_seen_vlans(without_host_chosen(port, asked), asked, shown))
    return replace(_seen_vlans(shown, given, shown), ports=tuple(ports) or None)


def _seen_vlans(value: B, given: Optional[BridgeVlans], bridge: LinuxBridge) -> B:
    if bridge.vlan_filtering:
        return value
    hidden: dict[str, Any] = {name: None for name in _VLANS if given is None or getattr(given, name) is None}
    return replace(value, **hidden)
