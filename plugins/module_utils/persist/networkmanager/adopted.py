# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a user's profile that a bridge takes over together with the interface: all that isn't the device's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from ...model.interface.normal import destination, family
from ...model.interface.options import Interface
from ..files import Draft
from ..ini import Sections
from ..ip import V4, V6, by_family
from ..takeover import Takeover
from .iaid import iaid_by_name
from .ip import add_ipv6, add_route, method6

# What of [connection] isn't the network's: the profile itself, whom it is for, its controller, the device.
_OF_THE_PROFILE = {
    *("id", "uuid", "type", "interface-name", "timestamp", "permissions", "read-only", "multi-connect"),
    *("autoconnect", "autoconnect-priority", "autoconnect-retries", "autoconnect-slaves", "autoconnect-ports"),
    *("master", "controller", "slave-type", "port-type"),
}
DEVICE_KEYS = ("auth-retries", "lldp", "wait-device-timeout")  # of [connection]; they stay with the port
NETWORK_SECTIONS = ("ipv4", "ipv6", "proxy", "user", "hostname")
_ADDRESS = re.compile(r"address(es)?\d*|gateway")
_ROUTE = re.compile(r"routes?\d*(_options)?")
# Metrics by the kind of the device (nm_device_get_route_metric_default): a bridge has another one than what it takes over.
_METRICS = {"ethernet": 100, "802-3-ethernet": 100, "infiniband": 150, "bond": 300, "team": 350, "vlan": 400}
_USUAL_METRIC = 100
_CLIENT_IDS_WITH_IAID = ("duid", "ipv6-duid")
_LEASING = {V4: ("auto",), V6: ("auto", "dhcp")}
_WITHOUT = ("disabled", "ignore")  # methods without any address
_SECTION = {V4: "ipv4", V6: "ipv6"}


@dataclass(frozen=True)
class _Moved:
    """A user's profile that goes to a bridge; ``former`` is the bridge's own profile so far."""

    users: Sections
    former: Sections
    takeover: Takeover
    desired: Interface
    leased: frozenset[str]  # addresses of the bridge that nobody has declared


def move(
    draft: Draft, profile: Sections, desired: Interface, users: Sections, former: Sections, takeover: Takeover
) -> None:
    """Adds to the bridge's ``profile`` all that the user's one says of the network; options that are given win."""
    moved = _Moved(users, former, takeover, desired, _leased(draft))
    for key, value in users.get("connection", {}).items():
        if key not in _OF_THE_PROFILE and key not in DEVICE_KEYS:
            profile["connection"].setdefault(key, value)
    wired = users.get("ethernet", users.get("802-3-ethernet", {}))
    if "mtu" in wired:
        profile["ethernet"].setdefault("mtu", wired["mtu"])
    for section in NETWORK_SECTIONS[2:]:
        if section in users:
            profile[section] = dict(users[section])
    for version, section in _SECTION.items():
        # NetworkManager's own default (nm_connection_normalize)
        keys = dict(users.get(section, {"method": "auto"}))
        profile[section] = keys
        _with_addresses(keys, version, moved)
        _with_routes(draft, keys, version, moved)
    _with_ipv6(draft, profile, moved)
    for version, section in _SECTION.items():
        _finish(draft, profile[section], version, moved)


def _with_addresses(keys: dict[str, str], version: int, moved: _Moved) -> None:
    theirs = addresses_of(keys)
    desired = [cidr for cidr in moved.desired.addresses or () if family(cidr) == version]
    if "addresses" in moved.takeover.instead:
        desired = [cidr for cidr in desired if cidr not in moved.leased]
        _remove(keys, _ADDRESS)
        if desired:
            keys["method"] = "auto" if version == V6 and keys.get("method") in _LEASING[V6] else "manual"
        elif keys.get("method") == "manual":
            keys["method"] = "disabled" if version == V4 else method6(moved.desired)
    else:
        # what the bridge had before is still its own
        own = addresses_of(moved.former.get(_SECTION[version], {}))
        desired = [cidr for cidr in desired if cidr in own and cidr not in theirs]
        if desired and keys.get("method") not in (*_LEASING[version], "manual", "shared"):
            keys["method"] = "manual"
    for cidr in desired:
        keys[_free(keys, "address")] = cidr


def _with_routes(draft: Draft, keys: dict[str, str], version: int, moved: _Moved) -> None:
    if moved.takeover.instead & {"addresses", "routes"}:
        _remove(keys, _ROUTE)
        for key in [key for key in keys if _ADDRESS.fullmatch(key)]:
            keys[key] = keys[key].partition(",")[0]
        keys.pop("gateway", None)
        desired = [] if keys.get("method") in _WITHOUT else by_family(moved.desired.routes or ())[version]
        for route in desired:
            add_route(draft, keys, int(_free(keys, "route")[5:]), route, version)
        return
    former = moved.former.get(_SECTION[version], {})
    theirs = {_where(value) for key, value in keys.items() if re.fullmatch(r"routes?\d+", key)}
    for key, value in former.items():
        if re.fullmatch(r"route\d+", key) and _where(value) not in theirs and _is_desired(value, moved.desired):
            free = _free(keys, "route")
            keys[free] = value
            if f"{key}_options" in former:
                keys[f"{free}_options"] = former[f"{key}_options"]


def _with_ipv6(draft: Draft, profile: Sections, moved: _Moved) -> None:
    ipv6, keys = moved.desired.ipv6, profile["ipv6"]
    if ipv6 is None:
        return
    if ipv6.enabled is False:
        profile["ipv6"] = {"method": "disabled"}
        return
    if ipv6.accept_ra is not None:
        keys["method"] = "manual" if addresses_of(keys) and ipv6.accept_ra != "always" else method6(moved.desired)
    if ipv6.addr_gen_mode is not None or ipv6.autoconf is not None:
        add_ipv6(draft, keys, ipv6)


def _finish(draft: Draft, keys: dict[str, str], version: int, moved: _Moved) -> None:
    """Adds what NetworkManager would choose otherwise for the bridge than for the interface."""
    if keys.get("method") in _WITHOUT:
        return
    kind = moved.users.get("connection", {}).get("type", "")
    if keys.get("route-metric", "-1") == "-1":
        keys["route-metric"] = str(_METRICS.get(kind, _USUAL_METRIC))
    if keys.get("method") in _LEASING[version]:
        draft.renews_leases |= version == V4
        if version == V6 or keys.get("dhcp-client-id") in _CLIENT_IDS_WITH_IAID:
            # by it a server knows the interface; by default it is made of the interface's name
            keys.setdefault("dhcp-iaid", str(iaid_by_name(moved.takeover.interface)))


def _leased(draft: Draft) -> frozenset[str]:
    given, state = draft.request.given, draft.request.interfaces.get(draft.request.name)
    held = state.addresses if state and (given is None or given.addresses is None) else ()
    return frozenset(address.cidr for address in held if address.valid_seconds is not None)


def addresses_of(keys: Mapping[str, str]) -> list[str]:
    """Returns the addresses of a section, in normal form."""
    found = []
    for key, value in keys.items():
        for text in value.split(";") if re.fullmatch(r"address(es)?\d*", key) else ():
            if (cidr := _cidr(text.split(",")[0].strip())) is not None:
                found.append(cidr)
    return found


def _cidr(text: str) -> Optional[str]:
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        return None
    return f"{found.ip}/{found.network.prefixlen}"


def _where(value: str) -> tuple[str, str]:
    """Returns where a route leads, and its gateway."""
    to, _comma, rest = value.partition(",")
    via = rest.partition(",")[0]
    return to.strip(), "" if via in ("0.0.0.0", "::") else via.strip()


def _is_desired(value: str, desired: Interface) -> bool:
    return _where(value) in {(destination(route), route.via or "") for route in desired.routes or ()}


def _remove(keys: dict[str, str], pattern: re.Pattern[str]) -> None:
    for key in [key for key in keys if pattern.fullmatch(key)]:
        del keys[key]


def _free(keys: Mapping[str, str], word: str) -> str:
    """Returns the first free key of a numbered list; ``address1`` and ``addresses1`` are the same one."""
    number = 1
    plural = "addresses" if word == "address" else f"{word}s"
    while f"{word}{number}" in keys or f"{plural}{number}" in keys:
        number += 1
    return f"{word}{number}"
