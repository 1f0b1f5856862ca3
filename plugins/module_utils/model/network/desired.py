# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks of a network, and the complete definition that follows from it and from what the host has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional

from ..fields import merge, take_host_chosen
from .options import (
    OWN_BRIDGE_MODES,
    POOL_MODES,
    Bridge,
    Forward,
    Network,
    NetworkState,
    align,
    mode_of,
    normalise,
)

# Options of a bridge that libvirt creates itself, and of the host's side of one.
OWN_BRIDGE_ONLY = ("stp", "delay", "zone")
NEED_OWN_BRIDGE = ("ips", "dns", "domain", "routes", "mac", "mtu")


@dataclass(frozen=True)
class DesiredNetwork:
    """What a user asks of a network.

    ``given`` has the options as they were given, with ``None`` for those left out; where ``complete`` is true (raw XML),
    what is left out is not desired. ``active`` and ``autostart`` are ``None`` where they were left out.
    """

    given: Network
    complete: bool = False
    present: bool = True
    active: Optional[bool] = None
    autostart: Optional[bool] = None
    restart: str = "if_needed"

    @property
    def name(self) -> str:
        return self.given.name or ""


def desired_definition(desired: DesiredNetwork, current: Optional[NetworkState]) -> Network:
    """Returns the complete definition: the current one with the given options, or only these where they are complete."""
    base = current.definition if current else None
    given = desired.given
    definition = normalise(given) if desired.complete else merge(base or Network(name=desired.name), given)
    # what the host has chosen stays, also where it is asked to choose: it has chosen already
    definition = take_host_chosen(definition, base)
    return align(normalise(drop_leftovers(definition, given)), base)


def drop_leftovers(definition: Network, given: Network) -> Network:
    """Returns the definition without what its forward mode can't have and the user didn't give.

    Such options are left over from the mode that the network had before.
    """
    mode = mode_of(definition)
    if mode not in OWN_BRIDGE_MODES:
        leftovers = [name for name in NEED_OWN_BRIDGE if getattr(given, name) in (None, "")]
        definition = replace(definition, **dict.fromkeys(leftovers))
    given_forward = given.forward or Forward()
    pool = mode in POOL_MODES or (mode == "bridge" and (given_forward.interfaces or given_forward.dev))
    if pool and not (given.bridge and given.bridge.name):
        definition = replace(definition, bridge=None)
    if mode == "bridge" and definition.bridge:
        given_bridge = given.bridge or Bridge()
        kept = {name: getattr(given_bridge, name) for name in OWN_BRIDGE_ONLY}
        definition = replace(definition, bridge=replace(definition.bridge, **kept))
    if definition.forward is None:
        return definition
    changes = {name: None for name in _unfit_for(mode, given) if getattr(given_forward, name) is None}
    return replace(definition, forward=replace(definition.forward, **changes))


def _unfit_for(mode: str, given: Network) -> set[str]:
    """Returns the options of ``forward`` that don't go with the mode and the given options."""
    forward = given.forward or Forward()
    unfit = set()
    if mode != "nat":
        unfit.add("nat")
    if mode in ("none", "open"):
        unfit |= {"interfaces", "pf", "addresses", "driver", "managed"}
    if mode == "bridge" and forward.interfaces is None and forward.dev is None and given.bridge and given.bridge.name:
        unfit.add("interfaces")
    if mode != "hostdev":
        unfit |= {"addresses", "driver", "managed"}
    if mode in ("nat", "route") and forward.dev is not None:
        unfit.add("interfaces")  # these modes have one interface at most, and dev names it, or names none
    return unfit
