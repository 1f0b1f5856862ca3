# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interfaces a host should have when it is restored: those of the snapshot, as far as that is possible. Pure.

Guests and libvirt's networks come and go by themselves. What is theirs stays as it is, except that a guest's tap is put
back on the bridge that it was on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Optional

from ...model.interface.options import RA, Address, InterfaceState

States = Mapping[str, InterfaceState]

_ON_PARENTS = ("vlan", "macvlan")
_TUNTAP = "tun"  # the kernel's word for both (IFLA_INFO_KIND)

# A leased address gets this at least, so that the DHCP client can renew it.
_LEAST_SECONDS = 60


@dataclass(frozen=True)
class SavedInterfaces:
    """The interfaces of a snapshot. ``taken`` is the time of the clock that timers go by; ``libvirt_bridges`` are those that
    libvirt makes for its networks."""

    taken: float
    states: States
    libvirt_bridges: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Target:
    """The interfaces that the host should have, by name; others are removed. ``restored`` names those that are to be as they
    were, the others are to be as they are. ``lost`` says which can't be created again."""

    states: States
    restored: frozenset[str]
    lost: tuple[str, ...] = ()


def restore_target(saved: SavedInterfaces, current: States, libvirt_bridges: frozenset[str], now: float) -> Target:
    """Returns the target for the ``current`` interfaces; ``libvirt_bridges`` are those of ``now``."""
    libvirts = libvirt_bridges | saved.libvirt_bridges
    elapsed = round(max(0.0, now - saved.taken))
    states: dict[str, InterfaceState] = {}
    lost: list[str] = []
    for name in {**current, **saved.states}:
        was, is_now = saved.states.get(name), current.get(name)
        desired = is_now if name in libvirts else _desired(was, is_now)
        if desired is not None:
            states[name] = _with_lifetimes(desired, is_now, elapsed)
        elif was is not None and not was.kind and not was.loopback:
            lost.append(f"{name} is gone, and is no interface that can be created again")
    connected = _connected(states)
    restored = frozenset(
        name
        for name, state in connected.items()
        if name in saved.states and name not in libvirts and not _of_a_guest(state)
    )
    return Target(connected, restored, tuple(lost))


def _desired(was: Optional[InterfaceState], is_now: Optional[InterfaceState]) -> Optional[InterfaceState]:
    """Returns the state that an interface should have; ``None`` if it should not be there, or can't be."""
    if was is None:
        return None if is_now is None or _can_create(is_now) else is_now
    if is_now is None:
        return was if _can_create(was) else None
    if was.kind != is_now.kind:
        return was if _can_create(was) and _can_create(is_now) else is_now
    if _of_a_guest(was) or _of_a_guest(is_now):
        return replace(is_now, master=was.master, port=was.port) if was.index == is_now.index else is_now
    return replace(was, index=is_now.index)


def _can_create(state: InterfaceState) -> bool:
    """Returns whether it can be created again as it was; what can't is never removed either."""
    return state.kind in ("bridge", "vlan", "macvlan") or (state.kind == _TUNTAP and not _of_a_guest(state))


def _of_a_guest(state: InterfaceState) -> bool:
    return state.kind == _TUNTAP and (state.attached or not state.persistent)


def _with_lifetimes(desired: InterfaceState, is_now: Optional[InterfaceState], elapsed: int) -> InterfaceState:
    """Returns the state with the lifetimes that leased addresses have by now."""
    held = {_without_lifetime(address): address for address in (is_now.addresses if is_now else ())}
    addresses = tuple(
        held.get(_without_lifetime(address)) or _aged(address, elapsed)
        for address in desired.addresses
        if address.origin != RA or address.valid_seconds is None or address.valid_seconds > elapsed
    )
    return _with_advertised(replace(desired, addresses=addresses), is_now)


def _with_advertised(desired: InterfaceState, is_now: Optional[InterfaceState]) -> InterfaceState:
    """Returns the state with what routers advertise by now: the kernel and boot tools add it and remove it by themselves.

    Advertised addresses of the snapshot are restored, as connections are on them. Routes aren't: the kernel's own can't be
    added by others. Where nothing was advertised, as on a bridge that has adopted an interface since, nothing of it stays.
    """
    held = {address.cidr for address in desired.addresses}
    origins = {address.origin for address in desired.addresses} | {route.origin for route in desired.routes}
    now = is_now if RA in origins else None
    addresses = tuple(
        address for address in (now.addresses if now else ()) if address.origin == RA and address.cidr not in held
    )
    routes = tuple(route for route in desired.routes if route.origin != RA)
    routes += tuple(route for route in (now.routes if now else ()) if route.origin == RA)
    return replace(desired, addresses=desired.addresses + addresses, routes=routes)


def _without_lifetime(address: Address) -> Address:
    return (
        replace(address, valid_seconds=None, preferred_seconds=None) if address.valid_seconds is not None else address
    )


def _aged(address: Address, elapsed: int) -> Address:
    def rest(seconds: Optional[int]) -> Optional[int]:
        return None if seconds is None else min(seconds, max(_LEAST_SECONDS, seconds - elapsed))

    return replace(
        address, valid_seconds=rest(address.valid_seconds), preferred_seconds=rest(address.preferred_seconds)
    )


def _connected(states: dict[str, InterfaceState]) -> States:
    """Returns the states without interfaces whose parent won't be there, as they go with it, and without ports of such a bridge."""
    while gone := [name for name, state in states.items() if state.kind in _ON_PARENTS and _orphan(state, states)]:
        for name in gone:
            del states[name]
    return {
        name: replace(state, master=None, port=None) if state.master and state.master not in states else state
        for name, state in states.items()
    }


def _orphan(state: InterfaceState, states: States) -> bool:
    return state.lower is not None and state.lower not in states
