# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks of a network, and the complete definition that follows from it and from what the host has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional

from ..fields import merge, take_host_chosen
from .options import (
    DNS_DATA,
    OWN_BRIDGE_MODES,
    Forward,
    Network,
    NetworkState,
    PortGroup,
    align,
    mode_of,
    normalise,
)

# Options of a bridge that libvirt creates itself, and of the host's side of one.
OWN_BRIDGE_ONLY = ("stp", "delay", "zone")
NEED_OWN_BRIDGE = ("ips", "dns", "domain", "routes", "mac", "mtu")

# What a guest is connected to: a bridge that libvirt creates, a bridge of the host, macvtap on interfaces of the host, or a
# virtual function. Within one of these, the modes share their options; from one to another, an option means something else.
OWN, BRIDGE, MACVTAP, HOSTDEV = "own", "bridge", "macvtap", "hostdev"

# What a network keeps when its guests are connected to something else: who it is.
_IDENTITY = ("name", "uuid", "title", "description", "metadata")
# The devices of the host that a network has, one of which excludes the others (networkValidate).
_DEVICES = ("interfaces", "pf", "addresses")
# The elements of options that aren't called as their element is, with what begins the name of an item.
_TAGS = {"interfaces": "interface[", "addresses": "address["}


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
    definition = _combined(desired, base)
    if base is not None:
        family = _family(definition, desired.given, base)
        if family != family_of(base):
            base = _without_connection(base, family)
            definition = _combined(desired, base)
    # what the host has chosen stays, also where it is asked to choose: it has chosen already
    definition = take_host_chosen(definition, base)
    return align(normalise(drop_leftovers(definition, desired.given)), base)


def _combined(desired: DesiredNetwork, base: Optional[Network]) -> Network:
    if desired.complete:
        return normalise(desired.given)
    return merge(base or Network(name=desired.name), desired.given)


def family_of(network: Network) -> str:
    """Returns what the guests of a network are connected to."""
    mode = mode_of(network)
    if mode in OWN_BRIDGE_MODES:
        return OWN
    if mode == "bridge":
        return BRIDGE if network.bridge and network.bridge.name else MACVTAP
    return HOSTDEV if mode == "hostdev" else MACVTAP


def _family(definition: Network, given: Network, base: Network) -> str:
    """Returns the family that a definition shall have, which still has options of ``base``."""
    if mode_of(definition) != "bridge":
        return family_of(definition)
    forward = given.forward or Forward()
    if given.bridge and given.bridge.name:
        return BRIDGE
    if forward.interfaces or forward.dev or forward.pf:
        return MACVTAP
    return family_of(base) if family_of(base) in (BRIDGE, MACVTAP) else BRIDGE


def _without_connection(base: Network, family: str) -> Network:
    """Returns what stays of a network whose guests will be connected to something else.

    All that said how they were connected is dropped: bridge, devices, addresses and services, limits, VLANs and virtual
    ports. Guests name port groups, so these stay, with what they can still have.
    """
    kept = {name: getattr(base, name) for name in _IDENTITY}
    bridges = {family_of(base), family} == {OWN, BRIDGE}
    groups = tuple(
        PortGroup(name=group.name, default=group.default, bandwidth=group.bandwidth if bridges else None)
        for group in base.portgroups or ()
    )
    unknown = tuple(extra for extra in base.extra or () if not extra.path)
    return Network(
        **kept,
        forward=Forward(mode=mode_of(base)),
        portgroups=groups or None,
        isolated=base.isolated if bridges else None,
        extra=unknown or None,
    )


def drop_leftovers(definition: Network, given: Network) -> Network:
    """Returns the definition without what its forward mode can't have and the user didn't give.

    Such options are left over from another mode of the same family.
    """
    mode, given_forward = mode_of(definition), given.forward or Forward()
    if mode in ("private", "vepa", "bridge") and family_of(definition) == MACVTAP and given.vlan is None:
        definition = replace(definition, vlan=None)
        if given.portgroups is None and definition.portgroups:
            definition = replace(definition, portgroups=tuple(replace(g, vlan=None) for g in definition.portgroups))
    definition = _without_services(definition, given)
    unfit = {name for name in _unfit_for(mode, given_forward) if getattr(given_forward, name) is None}
    if definition.forward:
        definition = replace(definition, forward=replace(definition.forward, **dict.fromkeys(unfit)))
    gone = ("forward",) if mode == "none" else tuple(f"forward/{_TAGS.get(name, name)}" for name in unfit)
    known = given.extra or ()
    unknown = [e for e in definition.extra or () if e in known or not (e.path or "").startswith(gone)]
    return replace(definition, extra=tuple(unknown) or None)


def _without_services(definition: Network, given: Network) -> Network:
    """Returns the definition without what only a DNS server has, where there is none any more; libvirt refuses that."""
    if definition.dns is None or definition.dns.enable is not False:
        return definition
    gone = {name: None for name in DNS_DATA if not (given.dns and getattr(given.dns, name))}
    return replace(definition, dns=replace(definition.dns, **gone))


def _unfit_for(mode: str, forward: Forward) -> set[str]:
    """Returns the options of ``forward`` that don't go with the mode and the given options."""
    unfit: set[str] = set()
    if mode != "nat":
        unfit.add("nat")
    if mode in ("none", "open"):
        unfit |= {*_DEVICES, "dev"}
    if mode != "hostdev":
        unfit |= {"addresses", "driver", "managed"}
    if mode in ("nat", "route") and forward.dev is not None:
        unfit.add("interfaces")  # these modes have one interface at most, and dev names it, or names none
    given = {name for name in _DEVICES if getattr(forward, name)} | ({"interfaces"} if forward.dev else set())
    if given:
        unfit |= set(_DEVICES) - given
    return unfit
