# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is declared of an interface that a user's stanza makes, as ``post-up`` lines of ours at the end of that stanza.

So they run after all that the stanza and the scripts of packages do (bridge-utils works before the first ``up``).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Optional

from ...model.fields import shapes
from ...model.interface.normal import ANYWHERE, destination, ip_of
from ...model.interface.options import BridgeVlans, Interface, LinuxBridge, MacvlanIface, Port, Tuntap, VlanIface
from ...model.interface.vlans import ranges, vlans_of
from ..files import Draft, added_line
from ..words import Table, settings
from . import commands as ip
from .stanzas import begins_stanza
from .words import WORDS

# What shows that a stanza makes its interface: options of packages, and commands.
_MAKES = re.compile(
    r"^\s*(bridge[_-]ports|vlan[_-]raw[_-]device)\b|\b(ip\s+link\s+add|ip\s+tuntap\s+add|brctl\s+addbr|tunctl|vconfig\s+add)\b",
    re.MULTILINE,
)
_VLAN_NAME = re.compile(r".+\.\d+|vlan\d+")  # the package vlan makes what is called so
_IDENTITY = ("proto", "id")


@dataclass(frozen=True)
class Stanza:
    """An ``iface`` stanza of a user: its lines with their numbers, from 0, without those that follow its last option."""

    path: str
    lines: tuple[tuple[int, str], ...]

    @property
    def text(self) -> str:
        return "\n".join(line for _number, line in self.lines)

    def options(self, *names: str) -> Iterator[tuple[int, list[str]]]:
        """Yields the numbers of the lines with these options, and the words of their values."""
        for number, line in self.lines[1:]:
            words = line.split()
            if words and words[0] in names:
                yield number, words[1:]


def stanzas_of(users: Mapping[str, str], name: str) -> list[Stanza]:
    """Returns the users' stanzas of an interface."""
    return [each for path, text in users.items() for each in _stanzas(path, text, name)]


def _stanzas(path: str, text: str, name: str) -> Iterator[Stanza]:
    lines: Optional[list[tuple[int, str]]] = None
    continued = False
    for number, line in enumerate(text.split("\n")):
        words = line.split()
        if not continued and begins_stanza(words):
            if lines:
                yield Stanza(path, tuple(lines))
            lines = [(number, line)] if words[:2] == ["iface", name] else None
        elif lines and words and (continued or not words[0].startswith("#")):
            lines.append((number, line))
        continued = line.endswith("\\")
    if lines:
        yield Stanza(path, tuple(lines))


def making(users: Mapping[str, str], name: str) -> Optional[Stanza]:
    """Returns the last stanza of the file with the one that makes an interface; ``None`` where none does."""
    found = stanzas_of(users, name)
    makers = [each for each in found if _MAKES.search(each.text) or _VLAN_NAME.fullmatch(name)]
    return [each for each in found if each.path == makers[0].path][-1] if makers else None


def write(draft: Draft, declared: Interface) -> None:
    """Adds the commands for what is declared to the user's stanza."""
    name = draft.request.name
    found = stanzas_of(draft.users(), name)
    last = making(draft.users(), name)
    commands = list(_commands(draft, declared, found))
    if last is None or not commands:
        return
    lines = draft.files[last.path].split("\n")
    place = last.lines[-1][0] + 1
    ours = [added_line(line, name) for line in ip.lines("post-up", commands)]
    after = lines[place:] or [""]
    draft.edit(last.path, "\n".join([*lines[:place], *ours, *after]))


def _commands(draft: Draft, declared: Interface, found: list[Stanza]) -> Iterator[str]:
    name = shlex.quote(declared.name or "")
    if declared.mac:
        yield ip.SETTLED
    if link := _by_words(WORDS.interface, declared):
        yield f"ip link set dev {name} {link}"
    yield from ip.ipv6(declared)
    if isinstance(declared, LinuxBridge):
        yield from _bridge(declared, name, found)
    if isinstance(declared, VlanIface):
        words = [f"{key} {value}" for _where, key, value in settings(WORDS.vlan, declared) if key not in _IDENTITY]
        if words:
            yield f"ip link set dev {name} type vlan {' '.join(words)}"
    if mode := _by_words(WORDS.macvlan, declared) if isinstance(declared, MacvlanIface) else "":
        yield f"ip link set dev {name} type macvlan {mode}"
    if isinstance(declared, Tuntap) and declared.bridge:
        yield f"ip link set dev {name} master {shlex.quote(declared.bridge)}"
    if declared.addresses is not None:
        for cidr in _addresses_in(found):
            if cidr not in declared.addresses:
                yield f"ip address del {cidr} dev {name} 2>/dev/null || true"
    if declared.routes is not None:
        via = {route.via for route in declared.routes if destination(route) in ANYWHERE}
        for gateway in _gateways_in(found):
            if gateway not in via:
                yield f"ip route del default via {gateway} dev {name} 2>/dev/null || true"
        _warn_of_routes(draft, found)
    yield from ip.addressing(declared, draft.request.interfaces.get(declared.name or ""))
    if declared.up is False:
        yield f"ip link set dev {name} down"


def _by_words(table: Table, options: object) -> str:
    return " ".join(f"{key} {value}".rstrip() for _where, key, value in settings(table, options))


def _bridge(declared: LinuxBridge, name: str, found: list[Stanza]) -> Iterator[str]:
    if bridge := _by_words(WORDS.bridge, declared):
        yield f"ip link set dev {name} type bridge {bridge}"
    if declared.vlan_filtering is not None:
        yield f"ip link set dev {name} type bridge vlan_filtering {int(declared.vlan_filtering)}"
    yield from _vlans(declared, name, " self")
    if declared.ports is None:
        return
    theirs = ports_in(found)
    for port in declared.ports:
        yield from _port(declared, port, port.name in theirs)
    listed = {port.name for port in declared.ports}
    for each in theirs:
        if each not in listed:
            yield f"ip link set dev {shlex.quote(each)} nomaster 2>/dev/null || true"


def _port(declared: LinuxBridge, port: Port, theirs: bool) -> Iterator[str]:
    name = shlex.quote(port.name or "")
    if not theirs:
        yield f"{ip.present(port.name)} || ifup {name}"
        yield from ip.attaching(port.name, declared.name)
    if options := _by_words(WORDS.port, port):
        yield f"ip link set dev {name} type bridge_slave {options}"
    yield from _vlans(port, name, "")


def _vlans(value: BridgeVlans, name: str, own: str) -> Iterator[str]:
    if all(getattr(value, shape.name) is None for shape in shapes(BridgeVlans)):
        return
    held = vlans_of(value)
    if value.tagged is not None and value.untagged is not None:
        yield f"bridge vlan del dev {name} vid 1-4094{own} 2>/dev/null || true"
    for span in ranges(held.untagged - {held.pvid}):
        yield f"bridge vlan add dev {name} vid {span} untagged{own}"
    for span in ranges(held.tagged - {held.pvid}):
        yield f"bridge vlan add dev {name} vid {span}{own}"
    if held.pvid:
        untagged = " untagged" if held.pvid in held.untagged else ""
        yield f"bridge vlan add dev {name} vid {held.pvid} pvid{untagged}{own}"


# -- what the user's stanzas say -----------------------------------------------------------------------------------------


def _addresses_in(found: Iterable[Stanza]) -> list[str]:
    addresses = []
    for stanza in found:
        masks = [words[0] for _number, words in stanza.options("netmask") if words]
        for _number, words in stanza.options("address"):
            address = words[0] if words else ""
            addresses.append(address if "/" in address or not masks else f"{address}/{_prefix(masks[0])}")
    return addresses


def _prefix(mask: str) -> str:
    return str(sum(bin(int(part)).count("1") for part in mask.split("."))) if "." in mask else mask


def _gateways_in(found: Iterable[Stanza]) -> list[str]:
    return [ip_of(words[0]) for stanza in found for _number, words in stanza.options("gateway") if words]


def ports_in(found: Iterable[Stanza]) -> list[str]:
    """Returns the ports that the stanzas of a bridge name."""
    ports = [words for stanza in found for _number, words in stanza.options("bridge_ports", "bridge-ports")]
    return [word for words in ports for word in words if word not in ("none", "all", "regex", "noregex")]


def _warn_of_routes(draft: Draft, found: Iterable[Stanza]) -> None:
    for stanza in found:
        for number, line in stanza.lines:
            if re.search(r"\bip\s+(-\w+\s+)?route\s|\broute\s+add\b", line):
                draft.warn(
                    f"{stanza.path}, line {number + 1}: {line.strip()!r} adds routes to those that are declared;"
                    " remove that line"
                )
