# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others have on a bridge that is removed and created again by libvirt, and how it comes back."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import replace
from typing import Optional

from ..errors import HostError
from ..model.interface.desired import States
from ..model.interface.ip.desired import movable_routes
from ..model.interface.normal import destination, normal_state
from ..model.interface.options import InterfaceState
from ..model.interface.requests import BRIDGE_VLANS, AddRoute, InterfaceDriver
from ..model.interface.steps import StepPlanner


def belongings(driver: InterfaceDriver, bridge: str, guests: Collection[str]) -> States:
    """Returns the bridge, its ports except those of guests, and the interfaces that are on top of it or of each other."""
    states = driver.all()
    if bridge not in states:
        return {}
    ports = {name for name, state in states.items() if state.master == bridge and name not in guests}
    found, added = {bridge}, {bridge}
    while added:
        added = {name for name, state in states.items() if state.lower in added} - found
        found |= added
    return {name: states[name] for name in (bridge, *sorted((found | ports) - {bridge}))}


def put_back(driver: InterfaceDriver, bridge: str, kept: States, own: Collection[str]) -> None:
    """Restores what others had on a bridge; ``own`` are the addresses and routes of the network, before and after.

    A route is left out where no subnet of the bridge has its next router any more. Raises `HostError`.
    """
    driver.forget()
    current = {name: normal_state(state) for name, state in driver.all().items()}
    if bridge not in current:
        return
    desired: dict[str, InterfaceState] = {}
    for name, state in kept.items():
        if name == bridge:
            desired[name] = _with_others(current[name], normal_state(state), own)
        elif state.master != bridge:
            desired[name] = _within(normal_state(state), current[bridge].definition.mtu)  # it went with the bridge
        elif name in current:
            desired[name] = replace(current[name], master=bridge, port=normal_state(state).port)
    planner = StepPlanner(current, bridge_vlans=BRIDGE_VLANS in driver.features())
    planner.plan_to(desired)
    for step in planner.steps:
        with contextlib.suppress(HostError) if isinstance(step.request, AddRoute) else contextlib.nullcontext():
            step.request.do(driver)


def _with_others(current: InterfaceState, former: InterfaceState, own: Collection[str]) -> InterfaceState:
    there = {address.cidr for address in current.addresses}
    addresses = [each for each in former.addresses if each.cidr not in there and each.cidr not in own]
    held = {route.option for route in current.routes}
    routes = [
        route for route in movable_routes(former) if route.option not in held and destination(route.option) not in own
    ]
    definition, ipv6 = current.definition, current.definition.ipv6
    if ipv6 is not None and former.definition.ipv6 is not None and former.definition.ipv6.enabled:
        # libvirt disables it where the network has no IPv6 address (networkSetIPv6Sysctls)
        definition = replace(definition, ipv6=replace(ipv6, enabled=True))
    return replace(
        current,
        definition=definition,
        addresses=(*current.addresses, *addresses),
        routes=(*current.routes, *routes),
    )


def _within(state: InterfaceState, mtu: Optional[int]) -> InterfaceState:
    """Returns an interface with at most the MTU of the bridge below it (vlan_newlink)."""
    held = state.definition.mtu
    fits = held is None or mtu is None or held <= mtu
    return state if fits else replace(state, definition=replace(state.definition, mtu=mtu))
