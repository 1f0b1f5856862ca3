# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user's stanzas that a bridge takes over together with the interface: all that isn't the device's."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Optional

from ...errors import OptionError
from ...model.interface.options import InterfaceState
from ..files import Draft
from ..takeover import Takeover, former_text
from .stanzas import COMMANDS, Option, Stanza, lines, parse

_LEASING = ("dhcp",)
# Options of ifenslave, vlan, ethtool, wpasupplicant and wireless-tools, and the MAC address, which the bridge copies.
_DEVICE = re.compile(
    r"(bond|vlan|ethernet|link|offload|hardware|driver-message|wpa|wireless)[-_].*|slaves|hwaddress|link-type"
)
# Commands for the device: it sends and receives all frames, also those of guests.
_DEVICE_COMMAND = re.compile(
    r"(?:^|[\s;&|(/])(?:ethtool|mii-tool|tc|iw|iwconfig|ifenslave|wpa_supplicant)\s|/sys/class/net/|\bip\s+(?:-\S+\s+)*l(?:ink)?\s"
)
_IP = r"\bip\s+(?:-\S+\s+)*"
_ADDRESS_COMMAND = re.compile(_IP + r"a(?:d|dr|ddr|ddress)?\s")
_ROUTE_COMMAND = re.compile(_IP + r"r(?:o|oute)?\s|(?:^|\s|/)route\s")
_ADDRESS_OPTIONS = ("address", "netmask", "broadcast", "pointopoint", "scope", "gateway")
_ANYWHERE = ("0.0.0.0/0", "::/0")
_KEY = re.compile(r"ip (?:address|-[46] route) replace \S+(?: (?:via|metric|table|src|peer) \S+)*")


@dataclass(frozen=True)
class Moved:
    """The stanzas of the bridge, the options that stay with the interface, and the bridge's own addresses and routes."""

    stanzas: tuple[Stanza, ...]
    kept: tuple[Option, ...]
    own: tuple[str, ...]


def moved_stanzas(draft: Draft, taken: Takeover, path: str, commands: Iterable[str]) -> Optional[Moved]:
    """Returns what a bridge takes over, whose own file is ``path``; ``None`` where the interface's stanzas say nothing.

    ``commands`` are those that add all addresses and routes that the bridge is to have. Raises `OptionError` where the
    stanzas are those of another name.
    """
    users = draft.users()
    _refuse_mapping(draft, users, taken.interface)
    found = [each for each in parse(users) if each.interface.split(":")[0] == taken.interface]
    mine = [replace(each, options=tuple(o for o in each.options if not is_of_device(o))) for each in found]
    if all(each.method == "manual" and not each.options for each in mine):
        return None
    kept = [option for each in found for option in kept_options(each)]
    moved = tuple(_moved(draft, taken, each) for each in mine if each.options or each.method != "manual")
    draft.renews_leases = any(each.method in _LEASING for each in moved)
    return Moved(moved, tuple(dict.fromkeys(kept)), tuple(_own(draft, taken, path, commands, mine)))


def is_of_device(option: Option) -> bool:
    """Returns whether an option is the device's and not that of its network."""
    keyword, value = option
    if keyword in COMMANDS:
        return bool(_DEVICE_COMMAND.search(value))
    return bool(_DEVICE.fullmatch(keyword))


def kept_options(stanza: Stanza) -> list[Option]:
    """Returns the options that stay in the stanza of a port: the device's, and the MTU."""
    return [
        option
        for option in stanza.options
        if is_of_device(option) or (option[0] == "mtu" and stanza.family == "inet" and ":" not in stanza.interface)
    ]


def _refuse_mapping(draft: Draft, users: dict[str, str], interface: str) -> None:
    for line in lines(users):
        words = line.words
        if words[:1] == ["mapping"] and any(fnmatch.fnmatchcase(interface, pattern) for pattern in words[1:]):
            raise OptionError(
                "adopt",
                interface,
                f"is mapped to other names in {line.place}, and can't be moved to {draft.request.name}; replace the"
                f" mapping by an iface stanza for {interface}, or set persist to none",
            )


def _moved(draft: Draft, taken: Takeover, stanza: Stanza) -> Stanza:
    """Returns a stanza as the bridge's, without what the task gives instead."""
    desired, instead = draft.request.desired, taken.instead
    name = draft.request.name
    family = 4 if stanza.family == "inet" else 6
    method, options = stanza.method, stanza.options
    if "addresses" in instead:
        given = any(ipaddress.ip_interface(cidr).version == family for cidr in (desired and desired.addresses) or ())
        if method == "static" or (method == "dhcp" and given):
            method = "manual"
        options = tuple(o for o in options if o[0] not in _ADDRESS_OPTIONS and not _is_command(o, _ADDRESS_COMMAND))
    if instead & {"addresses", "routes"}:
        options = tuple(o for o in options if o[0] != "gateway" and not _is_command(o, _ROUTE_COMMAND))
    if desired and desired.mtu is not None:
        options = tuple(o for o in options if o[0] != "mtu")
    renamed = []
    for keyword, value in options:
        new = renamed_in(value, taken.interface, name) if keyword in COMMANDS else value
        if keyword in COMMANDS and re.search(rf"(?<![\w.-]){re.escape(taken.interface)}(?![\w.])", new):
            draft.warn(
                f"the command {keyword} {value!r} of {stanza.head.place} still names {taken.interface} after the move to"
                f" {name}; change it there"
            )
        renamed.append((keyword, new))
    interface = name + stanza.interface[len(taken.interface) :]
    return replace(stanza, interface=interface, method=method, options=tuple(renamed))


def renamed_in(command: str, interface: str, name: str) -> str:
    """Returns a command with another interface's name, where it is that and not a part of a path or of another name."""
    old = re.escape(interface)
    command = re.sub(rf"(?<![\w.:@/-]){old}(?![\w@.-])", lambda _match: name, command)
    return re.sub(rf"(?<=conf[./]){old}(?![\w@-])(?!\.\d)", lambda _match: name, command)


def _is_command(option: Option, pattern: re.Pattern[str]) -> bool:
    return option[0] in COMMANDS and bool(pattern.search(option[1]))


def _own(draft: Draft, taken: Takeover, path: str, commands: Iterable[str], theirs: list[Stanza]) -> list[str]:
    """Returns the commands for the bridge's own addresses and routes: those given, and those it had before."""
    former = {found[0] for found in _KEY.finditer(former_text(draft.request, path))}
    state, given = draft.request.interfaces.get(draft.request.name), draft.request.given
    addresses, gateways = _declared(theirs)
    leased = _leased(state) if given is None or given.addresses is None else set()
    found = []
    for command in commands:
        match = _KEY.search(command)
        key = match[0] if match else ""
        if " route " in command:
            theirs_too = any(f"replace {anywhere} via {via}" in key for anywhere in _ANYWHERE for via in gateways)
            new = bool(taken.instead & {"addresses", "routes"})
        else:
            theirs_too = key.split()[-1] in addresses
            new = "addresses" in taken.instead and key.split()[-1] not in leased
        if new or (key in former and not theirs_too):
            found.append(command)
    return found


def _declared(stanzas: Iterable[Stanza]) -> tuple[set[str], set[str]]:
    """Returns the addresses in the stanzas, in normal form, and their gateways."""
    addresses, gateways = set(), set()
    for stanza in stanzas:
        address, mask = stanza.get("address"), stanza.get("netmask")
        if address and stanza.method == "static":
            try:
                found = ipaddress.ip_interface(address if "/" in address or not mask else f"{address}/{mask}")
            except ValueError:
                continue
            addresses.add(f"{found.ip}/{found.network.prefixlen}")
            gateways.add(stanza.get("gateway") or "none")
    return addresses, gateways


def _leased(state: Optional[InterfaceState]) -> set[str]:
    return {address.cidr for address in (state.addresses if state else ()) if address.valid_seconds is not None}
