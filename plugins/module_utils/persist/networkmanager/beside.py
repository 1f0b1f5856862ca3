# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is declared of an interface that a user's profile makes, as single keys of that profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

from ...model.fields import shapes
from ...model.interface.normal import family
from ...model.interface.options import BridgeVlans, Interface, Ipv6, LinuxBridge, Port
from ...model.interface.vlans import Vlans, ranges, vlans_of
from ..files import Draft
from ..ini import Sections
from ..ip import V4, V6, by_family
from ..words import Bit, by_section, lost, settings
from .ip import add_route
from .words import WORDS

Values = dict[str, dict[str, Optional[str]]]

_REORDER = 1  # NM_VLAN_FLAG_REORDER_HEADERS, which is on where a profile has no flags
_NO_ADDRESSES = ("disabled", "ignore", "link-local", "shared")


def device_keys(draft: Draft, declared: Interface, theirs: Mapping[str, Mapping[str, str]]) -> Sections:
    """Returns the keys for what is special of an interface's kind and declared; the kernel's own values, too."""
    table = WORDS.of_kind(declared)
    options = declared
    if isinstance(declared, LinuxBridge) and declared.stp is None:
        options = replace(declared, stp=theirs.get("bridge", {}).get("stp", "true") != "false")
    found = by_section(settings(table, options))
    for words in lost(table, options):
        draft.cannot(words)
    if isinstance(declared, LinuxBridge):
        keys = found.setdefault("bridge", {})
        if declared.stp is None:
            del keys["stp"]
        if declared.vlan_default_pvid is not None:
            keys["vlan-default-pvid"] = str(declared.vlan_default_pvid)
        _add_vlans(keys, declared)
    if "macvlan" in found:
        found["macvlan"].pop("parent", None)
    if "vlan" in found:
        found["vlan"].pop("parent", None)  # it can't be another one, but the profile may have a UUID in its place
        found["vlan"].update(_flags(declared, found["vlan"].pop("flags"), theirs.get("vlan", {}).get("flags")))
    return {section: keys for section, keys in found.items() if keys}


def _flags(declared: Interface, written: str, theirs: Optional[str]) -> dict[str, str]:
    """Returns the flags of a VLAN interface: the user's, with those that are declared."""
    bits = [row for row in WORDS.vlan if isinstance(row, Bit) and getattr(declared, row.option) is not None]
    mask = sum(row.bit for row in bits)
    flags = int(theirs, 0) if theirs else _REORDER
    return {"flags": str(flags & ~mask | int(written) & mask)} if mask else {}


def port_keys(draft: Draft, port: Port) -> dict[str, str]:
    """Returns the keys of ``bridge-port`` for what is declared of a port."""
    keys = by_section(settings(WORDS.port, port)).get("bridge-port", {})
    for words in lost(WORDS.port, port):
        draft.cannot(f"{words} of port {port.name}")
    _add_vlans(keys, port)
    return keys


def _add_vlans(keys: dict[str, str], value: BridgeVlans) -> None:
    if any(getattr(value, shape.name) is not None for shape in shapes(BridgeVlans)):
        keys["vlans"] = vlan_list(vlans_of(value))


def vlan_list(vlans: Vlans) -> str:
    """Returns VLANs as ``bridge.vlans`` has them."""
    words = [f"{span} untagged" for span in ranges(vlans.untagged - {vlans.pvid})]
    words += ranges(vlans.tagged - {vlans.pvid})
    if vlans.pvid:
        words.append(f"{vlans.pvid} pvid{' untagged' if vlans.pvid in vlans.untagged else ''}")
    return ", ".join(sorted(words, key=lambda word: int(word.split()[0].split("-")[0])))


def values(draft: Draft, declared: Interface, theirs: Sections) -> Values:
    """Returns the keys to set in the user's profile, which has ``theirs``; those that are ``None`` are to be removed."""
    found: Values = {}
    for section, words in by_section(settings(WORDS.interface, declared)).items():
        found[_ethernet(theirs) if section == "ethernet" else section] = {**words}
    for section, special in device_keys(draft, declared, theirs).items():
        found.setdefault(section, {}).update(special)
    if declared.up is False:
        found["connection"] = {"autoconnect": "false"}
        draft.cannot("up false", "it creates no interface that is to stay down")
    elif declared.up and theirs.get("connection", {}).get("autoconnect") == "false":
        found["connection"] = {"autoconnect": None}
    for version, section in ((V4, "ipv4"), (V6, "ipv6")):
        keys = _ip(draft, declared, theirs.get(section, {}), version)
        if version == V6:
            keys.update(_ipv6(draft, declared.ipv6 or Ipv6(), {**theirs.get(section, {}), **keys}))
        if keys:
            found[section] = keys
    return found


def _ethernet(theirs: Sections) -> str:
    return "802-3-ethernet" if "802-3-ethernet" in theirs else "ethernet"


def _ip(draft: Draft, declared: Interface, theirs: Mapping[str, str], version: int) -> dict[str, Optional[str]]:
    """Returns the keys for the addresses and routes of a family that are declared."""
    keys: dict[str, Optional[str]] = {}
    cidrs = [cidr for cidr in declared.addresses or () if family(cidr) == version]
    gateways = [value.split(",")[1] for key, value in theirs.items() if _is_address(key) and value.count(",") == 1]
    if declared.addresses is not None:
        keys.update(dict.fromkeys(filter(_is_address, theirs)))
        keys.update({f"address{place}": cidr for place, cidr in enumerate(cidrs, 1)})
        if gateways and cidrs and declared.routes is None:
            keys["gateway"] = gateways[0]
        method = theirs.get("method", "disabled" if version == V4 else "auto")
        if cidrs and method in _NO_ADDRESSES:
            keys["method"] = "manual"
        elif not cidrs and method == "manual":
            keys["method"] = "disabled" if version == V4 else "link-local"
    if declared.routes is not None:
        routes: dict[str, str] = {}
        for place, route in enumerate(by_family(declared.routes)[version], 1):
            add_route(draft, routes, place, route, version)
        keys.update({key: None for key in theirs if re.fullmatch(r"route\d+(_options)?|gateway", key)})
        keys.update(routes)
        for key, value in theirs.items():
            if _is_address(key) and key not in keys:
                keys[key] = value.split(",")[0]
    return keys


def _is_address(key: str) -> bool:
    return bool(re.fullmatch(r"address\d+", key))


def _ipv6(draft: Draft, ipv6: Ipv6, theirs: Mapping[str, Optional[str]]) -> dict[str, Optional[str]]:
    keys: dict[str, Optional[str]] = {}
    method = theirs.get("method") or "auto"
    fixed = "manual" if any(value for key, value in theirs.items() if _is_address(key)) else "link-local"
    if ipv6.enabled is False:
        keys["method"] = "disabled"
    elif ipv6.accept_ra == "always":
        keys["method"] = "auto"
    elif ipv6.accept_ra == "never" or (ipv6.enabled and method in ("disabled", "ignore")):
        keys["method"] = fixed
    if ipv6.autoconf is False and keys.get("method", method) in ("auto", "ignore"):
        draft.cannot("ipv6.autoconf false where router advertisements are accepted")
    if ipv6.addr_gen_mode == "random":
        draft.cannot("ipv6.addr_gen_mode random")
    elif ipv6.addr_gen_mode is not None:
        keys["addr-gen-mode"] = "stable-privacy" if ipv6.addr_gen_mode == "stable-privacy" else "eui64"
    return keys
