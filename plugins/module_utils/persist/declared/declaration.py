# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks have declared of an interface: remembered on the host, so that an option that a later task leaves out stays
stored. Pure.

See `paths` for where that is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional, TypeVar

from ...errors import VirtnetError
from ...model.codec import from_json, to_json
from ...model.fields import merge, shapes
from ...model.interface.desired import new_interface
from ...model.interface.kernel_effects import LEAST_IPV6_MTU, default_pvid
from ...model.interface.normal import family, normal, normal_route, route_family
from ...model.interface.options import BridgeVlans, Interface, InterfaceRoute, Ipv6, LinuxBridge, Port
from ...model.interface.uplink.declared import GATEWAYS
from ...model.interface.uplink.gateways import routes_with_gateways
from ...model.interface.vlans import Vlans, expand, merge_vlans, ranges, vlans_of, with_vlans
from .paths import path_of

# By key, the user's value and ours; ``None`` for none.
Replaced = Mapping[str, tuple[Optional[str], Optional[str]]]

T = TypeVar("T")
I = TypeVar("I", bound=Interface)  # noqa: E741
V = TypeVar("V", bound=BridgeVlans)


@dataclass(frozen=True)
class Declaration:
    """What tasks have declared of an interface.

    ``options`` has all that was given, also what removes something (an empty list). ``complete``: our files make the whole
    interface; otherwise the user's files make it, and ours have these options beside them. ``former`` has, by path and key, the
    value that a user's file had, and ours that is there now, where a tool has no place for ours but the user's file.
    """

    options: Interface
    complete: bool = True
    former: Mapping[str, Replaced] = field(default_factory=dict)


def lines(declaration: Declaration) -> list[str]:
    """Returns the lines of the file, after the first one, by which it is ours."""
    return json.dumps(to_json(declaration), indent=1, sort_keys=True).split("\n")


def remembered(files: Mapping[str, str], name: str) -> Optional[Declaration]:
    """Returns what is remembered of an interface; ``None`` for nothing, or what another version has written."""
    text = files.get(path_of(name), "")
    try:
        return from_json(Declaration, json.loads(text.partition("\n")[2]))
    except (ValueError, VirtnetError):
        return None


def from_complete(stored: Interface) -> Interface:
    """Returns the options that make an interface as it is: what counts as declared where nothing is remembered.

    VLANs are left out where they are the kernel's own, and complete otherwise; ``up`` where it is true, as `complete` has it.
    """
    stored = replace(stored, up=None) if stored.up else stored
    if not isinstance(stored, LinuxBridge):
        return stored
    ports = tuple(_with_explicit_vlans(port, stored) for port in stored.ports or ())
    return _with_explicit_vlans(replace(stored, ports=ports or None), stored)


def _with_explicit_vlans(value: V, bridge: LinuxBridge) -> V:
    held = vlans_of(value)
    usual = held == vlans_of(BridgeVlans(pvid=default_pvid(bridge))) or not (bridge.vlan_filtering or held.all)
    return replace(
        value,
        pvid=None if usual else held.pvid,
        tagged=None if usual else ranges(held.tagged),
        untagged=None if usual else ranges(held.untagged - {held.pvid}),
    )


def declared(former: Optional[Interface], given: Interface, after: Interface) -> Interface:
    """Returns the options that are declared once a task has given some; what it leaves out stays as it was.

    ``after`` is the complete interface once all is done: by it go accounts' names, and what is lost with what was given.
    """
    kept = former if type(former) is type(given) else type(given)(name=given.name)
    accounts = {option: getattr(after, option) for option, _kind in given.traits.accounts if getattr(given, option)}
    given = _as_routes(given, kept.routes)
    if given.routes:
        given = replace(given, routes=tuple(normal_route(route) for route in given.routes))
    return _without_what_is_lost(_added(kept, replace(given, **accounts)), given, after)


def _as_routes(given: I, former: Optional[tuple[InterfaceRoute, ...]]) -> I:
    """Returns the options with the gateways among the routes, as they are stored."""
    if all(getattr(given, option, None) is None for option in GATEWAYS):
        return given
    routes = routes_with_gateways(given, former if given.routes is None else given.routes)
    return replace(given, routes=routes or (), **dict.fromkeys(GATEWAYS))


def _added(former: T, given: T) -> T:
    """Returns the former options with the given ones; those that remove something are kept as they are."""
    changes: dict[str, Any] = {}
    for shape in shapes(type(former)):
        old, new = getattr(former, shape.name), getattr(given, shape.name)
        if new is None:
            continue
        if shape.base is Port:
            ports = {port.name: port for port in old or ()}
            new = tuple(_added(ports.get(port.name, Port(name=port.name)), port) for port in new)
        elif shape.nested and not shape.many:
            new = None if new == shape.base() else _added(old or shape.base(), new)
        changes[shape.name] = new
    if isinstance(former, BridgeVlans) and isinstance(given, BridgeVlans) and given.untagged and given.tagged is None:
        # as `merge_vlans`: what is given as untagged isn't tagged any more
        tagged = expand(former.tagged) - expand(given.untagged)
        changes["tagged"] = None if former.tagged is None else ranges(tagged)
    return replace(former, **changes) if changes else former  # type: ignore[type-var]


def _without_what_is_lost(options: Interface, given: Interface, after: Interface) -> Interface:
    """Returns the options without addresses and routes that the kernel has removed because of what is given."""
    changes: dict[str, Any] = {}
    without_ipv6 = (given.ipv6 or Ipv6()).enabled is False or (given.mtu or LEAST_IPV6_MTU) < LEAST_IPV6_MTU
    if given.addresses is None and without_ipv6 and options.addresses:
        changes["addresses"] = tuple(cidr for cidr in options.addresses if family(cidr) == 4)
    if given.routes is None and options.routes:
        routes = options.routes
        if given.addresses is not None:
            routes = tuple(route for route in routes if route in (after.routes or ()))
        if without_ipv6:
            routes = tuple(route for route in routes if route_family(route) == 4)
        changes["routes"] = routes
    return replace(options, **changes) if changes else options


def with_adopted(options: Interface, given: Interface, shown: Interface, before: Optional[Interface]) -> Interface:
    """Returns a bridge's options with what it has just taken over from the interface that it adopts.

    ``shown`` is all that would be stored of it, ``before`` what it was.
    """
    changes: dict[str, Any] = {}
    if given.mac is None and options.mac is None:
        changes["mac"] = shown.mac
    for option in ("addresses", "routes"):
        if getattr(given, option) is None:
            had = (getattr(before, option) if before else None) or ()
            held = getattr(options, option) or ()
            new = [each for each in getattr(shown, option) or () if each not in had and each not in held]
            changes[option] = (*held, *new) or None
    if isinstance(options, LinuxBridge) and isinstance(shown, LinuxBridge):
        listed = {port.name for port in options.ports or ()}
        members = {port.name for port in (before.ports or () if before else ())}
        new_ports = [each for each in shown.ports or () if each.name not in listed and each.name not in members]
        changes["ports"] = (*(options.ports or ()), *new_ports) or None
    return replace(options, **changes)


def complete(options: Interface) -> Interface:
    """Returns the interface that the options make where there is none, as the kernel shows it: all that our files store."""
    definition = merge(new_interface(options), options)
    if isinstance(definition, LinuxBridge) and isinstance(options, LinuxBridge):
        pvid = default_pvid(definition)
        ports = tuple(
            _with_default_vlan(merge(Port(name=port.name), port), port, pvid) for port in definition.ports or ()
        )
        definition = _with_default_vlan(replace(definition, ports=ports or None), options, pvid)
    return normal(definition)


def _with_default_vlan(value: V, given: BridgeVlans, pvid: int) -> V:
    """Returns a new bridge or port with the VLAN that the kernel gives it, and those that are given."""
    start = Vlans(pvid, frozenset(), frozenset({pvid} if pvid else ()))
    return with_vlans(value, merge_vlans(start, given))
