# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user's netplan files say of a NIC that becomes a port (netplan(5)): what belongs to the NIC stays with it, and all
that netplan has for every kind of interface moves to the bridge that takes it over.

What the bridge's file remembers of that is in `persist.takeover`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

from ...model.interface.normal import ANYWHERE, destination, family, normal_route
from ...model.interface.options import Interface, InterfaceRoute, InterfaceState
from ..files import Draft, made_for
from ..ini import render
from ..ip import V4, V6
from ..networkd.adopted import iaids
from ..takeover import Takeover, former_text, takeover, with_mac

# netplan's properties for all device types, without those that tell which device it is.
MOVED = (
    "addresses",
    "dhcp4",
    "dhcp4-overrides",
    "dhcp6",
    "dhcp6-overrides",
    "dhcp-identifier",
    "accept-ra",
    "ra-overrides",
    "critical",
    "gateway4",
    "gateway6",
    "ignore-carrier",
    "ipv6-address-generation",
    "ipv6-address-token",
    "ipv6-mtu",
    "ipv6-privacy",
    "link-local",
    "nameservers",
    "optional",
    "optional-addresses",
    "routes",
    "routing-policy",
)
# The bridge has it as well: the MTU of a bridge is that of its port.
_BOTH = ("mtu", "renderer")
# What only a device of its kind has, or what identifies it.
_OF_NIC = frozenset(
    "match set-name wakeonlan wakeonwlan emit-lldp macaddress activation-mode auth link id interfaces parameters mode"
    " local remote key keys peers mark port ttl access-points regulatory-domain infiniband-mode openvswitch"
    " virtual-function-count embedded-switch-mode delay-virtual-functions-rebind networkmanager modem apn"
    " receive-checksum-offload transmit-checksum-offload tcp-segmentation-offload tcp6-segmentation-offload"
    " generic-segmentation-offload generic-receive-offload large-receive-offload neigh-suppress hairpin"
    " port-mac-learning addresses-from virtual-ethernets peer".split()
)
_OF_OPTION = {"addresses": ("addresses",), "routes": ("routes", "gateway4", "gateway6"), "mtu": ("mtu",)}
_RTPROT_DHCP = 16  # linux/rtnetlink.h
_NETWORKD = "/etc/systemd/network"
DROP_INS = f"{_NETWORKD}/10-netplan-*.network.d/*virtnet-kvm-*.conf"


@dataclass(frozen=True)
class Moved:
    """What moves to a bridge from the definitions of a NIC, without what tasks give in place of it."""

    takeover: Takeover
    body: Mapping[str, Any]

    @property
    def notes(self) -> tuple[str, str]:
        """The comments of the bridge's file that remember it."""
        return self.takeover.note, f"# From the file for {self.takeover.interface}: {', '.join(self.body)}"

    @property
    def dhcp(self) -> frozenset[int]:
        """The versions of IP that have a DHCP client."""
        return frozenset(version for version in (V4, V6) if self.body.get(f"dhcp{version}"))


def _earlier(draft: Draft) -> str:
    """Returns the path of the bridge's file that an earlier run has written."""
    name = draft.request.name
    files = draft.request.files.items()
    return next((path for path, text in files if made_for(text) == name and path.endswith(".yaml")), "")


def moved(draft: Draft, definitions: Callable[[str], Sequence[Mapping[str, Any]]]) -> Optional[Moved]:
    """Returns what moves to the bridge, ``None`` for nothing.

    ``definitions`` returns those of an interface, of which netplan makes one.
    """
    found = takeover(draft.request, _earlier(draft))
    body: dict[str, Any] = {}
    for each in definitions(found.interface) if found else ():
        _merge(body, {key: value for key, value in each.items() if key in (*MOVED, *_BOTH)})
    if found is None or not body:
        return None
    given = draft.request.given
    without = found.instead | {option for option in _OF_OPTION if given and getattr(given, option) is not None}
    if "addresses" in without:
        without |= {"routes"}  # their gateways may not be reachable any more
    gone = {key for option in without for key in _OF_OPTION[option]}
    result = Moved(found, {key: value for key, value in body.items() if key not in gone})
    draft.renews_leases = V4 in result.dhcp
    return result


def of_nic(definitions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns what belongs to a NIC in definitions that are for others, too, for one that is for this NIC alone."""
    found: dict[str, Any] = {}
    for each in definitions:
        _merge(found, {key: value for key, value in each.items() if key in _OF_NIC | {"mtu"}})
    return {key: value for key, value in found.items() if key not in ("match", "set-name")}


def unknown(value: Mapping[str, Any]) -> list[str]:
    """Returns the keys of a definition of which it isn't known whether they belong to the NIC."""
    return [key for key in value if key not in (*MOVED, *_BOTH) and key not in _OF_NIC]


def _merge(held: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Adds a later definition, as netplan does: lists are added up, mappings are merged, the last of other values counts."""
    for key, value in new.items():
        there = held.get(key)
        if isinstance(there, dict) and isinstance(value, dict):
            held[key] = there = dict(there)
            _merge(there, value)
        elif isinstance(there, list) and isinstance(value, list):
            held[key] = [*there, *(item for item in value if item not in there)]
        else:
            held[key] = value


def without_moved(draft: Draft, desired: Interface, found: Moved) -> Interface:
    """Returns the bridge without the addresses and routes that are in what moves, or that a DHCP client sets."""
    state = draft.request.interfaces.get(draft.request.name)
    clients = found.dhcp | {V6}  # advertisements are processed by the renderer, too
    leased = {a.cidr for a in state.addresses if a.valid_seconds is not None} if state else set[str]()
    theirs = {_interface(value) for value in found.body.get("addresses") or ()}
    ways = set(_routes(found))
    addresses = tuple(
        cidr
        for cidr in desired.addresses or ()
        if _interface(cidr) not in theirs and not (cidr in leased and family(cidr) in clients)
    )
    routes = tuple(
        route for route in desired.routes or () if _way(route) not in ways and not _of_dhcp(route, state, found)
    )
    return replace(with_mac(draft.request, desired), addresses=addresses or None, routes=routes or None)


def _interface(value: object) -> str:
    """Returns an address in its normal form; an item may be a mapping, with the address as its key."""
    text = str(next(iter(value))) if isinstance(value, Mapping) and value else str(value)
    try:
        return str(ipaddress.ip_interface(text))
    except ValueError:
        return text


def _routes(each: Moved) -> Iterable[tuple[str, str, Optional[int], int]]:
    for version in (4, 6):
        if gateway := each.body.get(f"gateway{version}"):
            yield (ANYWHERE[version == 6], str(ipaddress.ip_address(gateway)), None, 254)
    for route in each.body.get("routes") or ():
        via = str(route.get("via") or "")
        to = str(route.get("to", "default"))
        to = ANYWHERE[":" in via] if to == "default" else to
        usual = 1024 if ":" in to else 0
        metric = route.get("metric")
        yield (_network(to), _network(via), None if metric in (None, usual) else metric, route.get("table", 254))


def _way(option: InterfaceRoute) -> tuple[str, str, Optional[int], int]:
    option = normal_route(option)
    to = destination(option)
    metric = None if option.metric == (1024 if family(to) == 6 else 0) else option.metric
    return (_network(to), _network(option.via or ""), metric, 254 if option.table is None else option.table)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False)) if "/" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return text


def _of_dhcp(option: InterfaceRoute, state: Optional[InterfaceState], each: Moved) -> bool:
    if family(destination(option)) not in each.dhcp:
        return False
    held = state.routes if state else ()
    return any(route.protocol == _RTPROT_DHCP and normal_route(route.option) == normal_route(option) for route in held)


def add(body: dict[str, Any], found: Moved) -> None:
    """Adds what moves to the bridge's definition; what a task gives, and so is in ``body``, counts in its place."""
    if "optional" not in found.body:
        body.pop("optional", None)  # a start of the host waits for the bridge as it has waited for the NIC
    for key, value in found.body.items():
        if key in ("addresses", "routes"):
            body[key] = [*value, *(item for item in body.get(key) or () if item not in value)]
        elif key not in body or key == "optional":
            body[key] = value


def keep_lease(draft: Draft, found: Moved) -> None:
    """Writes a drop-in for networkd with the IAID of the NIC's DHCP client, for which netplan has no word."""
    name = draft.request.name
    path = f"{_NETWORKD}/10-netplan-{name}.network.d/50-virtnet-kvm-{name}.conf"
    if found.dhcp and found.body.get("dhcp-identifier") != "mac":
        known = iaids(draft, found.takeover.interface, former_text(draft.request, path))
        lines = [(section, (("IAID", iaid),)) for section, iaid in known.items() if iaid]
        if lines:
            draft.write(path, *render(lines))
