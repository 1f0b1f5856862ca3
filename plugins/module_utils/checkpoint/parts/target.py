# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore aims at: the interfaces of the snapshot, as far as they can be had and are the host's own. Pure.

Guests and libvirt's networks come and go by themselves. What is theirs is left as it is, but for the bridge that a guest's
tap was on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Optional

from ...model.interface.options import Address, InterfaceState
from .routes import RawRoute

States = Mapping[str, InterfaceState]

_TUNTAP = "tun"  # the kernel's word for both (IFLA_INFO_KIND)

# What a leased address gets at least, so that whoever has leased it can renew it.
_LEAST_LIFETIME = 60


@dataclass(frozen=True)
class Snapshot:
    """``taken`` is of the clock that timers go by; ``foreign`` are the bridges of libvirt's own networks."""

    taken: float
    interfaces: States
    foreign: frozenset[str]
    routes: frozenset[RawRoute] = frozenset()
    link_local: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Aim:
    """What the host should have, by name; what isn't in it goes. ``ours`` are those of it that are to be as they were, and
    ``left`` says what can't be had again."""

    target: States
    ours: frozenset[str]
    left: tuple[str, ...] = ()


def aim(snapshot: Snapshot, found: States, foreign: frozenset[str], now: float) -> Aim:
    """What to make of the interfaces that were ``found``; ``foreign`` are libvirt's own bridges now."""
    foreign |= snapshot.foreign
    elapsed = round(max(0.0, now - snapshot.taken))
    target: dict[str, InterfaceState] = {}
    left: list[str] = []
    for name in {**found, **snapshot.interfaces}:
        was, is_now = snapshot.interfaces.get(name), found.get(name)
        desired = _desired(was, is_now, name in foreign)
        if desired is not None:
            target[name] = _lasting(desired, is_now, elapsed)
        elif was is not None and not was.kind and not was.loopback:
            left.append(f"{name} is gone, and is no interface that could be made again")
    held = _held_together(target)
    ours = frozenset(
        name
        for name, state in held.items()
        if name in snapshot.interfaces and name not in foreign and not _of_a_guest(state)
    )
    return Aim(held, ours, tuple(left))


def _desired(
    was: Optional[InterfaceState], is_now: Optional[InterfaceState], foreign: bool
) -> Optional[InterfaceState]:
    """The state that an interface should have, or ``None`` for none at all."""
    if foreign:
        return is_now
    if was is None:
        return None if is_now is None or _makeable(is_now) else is_now
    if is_now is None:
        return was if _makeable(was) else None
    if was.kind != is_now.kind:
        return was if _makeable(was) and _makeable(is_now) else is_now
    if _of_a_guest(was) or _of_a_guest(is_now):
        return replace(is_now, master=was.master, port=was.port) if was.index == is_now.index else is_now
    return replace(was, index=is_now.index)


def _makeable(state: InterfaceState) -> bool:
    """Whether it can be made again as it was; what can't is never deleted either."""
    return state.kind in ("bridge", "vlan") or (state.kind == _TUNTAP and not _of_a_guest(state))


def _of_a_guest(state: InterfaceState) -> bool:
    return state.kind == _TUNTAP and (state.attached or not state.persistent)


def _lasting(desired: InterfaceState, is_now: Optional[InterfaceState], elapsed: int) -> InterfaceState:
    """With the lifetimes of leased addresses as they are by now."""
    held = {_but_lifetime(address): address for address in (is_now.addresses if is_now else ())}
    addresses = tuple(held.get(_but_lifetime(address)) or _older(address, elapsed) for address in desired.addresses)
    return replace(desired, addresses=addresses)


def _but_lifetime(address: Address) -> Address:
    return (
        replace(address, valid_seconds=None, preferred_seconds=None) if address.valid_seconds is not None else address
    )


def _older(address: Address, elapsed: int) -> Address:
    def rest(seconds: Optional[int]) -> Optional[int]:
        return None if seconds is None else min(seconds, max(_LEAST_LIFETIME, seconds - elapsed))

    return replace(
        address, valid_seconds=rest(address.valid_seconds), preferred_seconds=rest(address.preferred_seconds)
    )


def _held_together(target: dict[str, InterfaceState]) -> States:
    """Without what hangs on an interface that isn't there: a port's bridge; and, as it goes with it, a VLAN's parent."""
    while gone := [name for name, state in target.items() if state.kind == "vlan" and _orphan(state, target)]:
        for name in gone:
            del target[name]
    return {
        name: replace(state, master=None, port=None) if state.master and state.master not in target else state
        for name, state in target.items()
    }


def _orphan(state: InterfaceState, target: States) -> bool:
    return state.lower is not None and state.lower not in target
