# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is declared of an interface that the user's own files make, as the sections of drop-ins beside these files.

In a drop-in the last value of a key counts, and an empty ``Address=``, ``Gateway=`` or ``Bridge=`` of [Network] removes what
the files before it have (config_parse_address, config_parse_gateway and config_parse_ifname of systemd). systemd 252 removes
no addresses and routes so, systemd 257 does. [BridgeVLAN] can't be emptied.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Callable, Optional

from ...model.fields import shapes
from ...model.interface.normal import destination
from ...model.interface.options import BridgeVlans, Interface, InterfaceState, Ipv6, Port, Tuntap
from ...model.interface.vlans import expand, ranges, vlans_of
from ..files import Draft
from ..ini import Section, Sections, parse, sections
from ..words import Table, settings
from . import sections as sections_of
from .match import DIRECTORIES, NetworkFile, in_order
from .words import WORDS

# Keys that add to those before them.
_LISTS = ("IngressQOSMaps", "EgressQOSMaps")
_CAN_BE_EMPTIED = 257  # the first known version of systemd in which an empty Address= and Gateway= remove those before
_ADDRESSES = (("Network", "Address"), ("Address", "Address"))
_ROUTES = (("Network", "Gateway"), ("Route", "Gateway"), ("Route", "Destination"))
_VLANS = (("BridgeVLAN", "VLAN"),)

Texts = Mapping[str, str]


def netdev_of(files: Texts, name: str) -> Optional[str]:
    """Returns the .netdev file that networkd takes for an interface."""
    for path in in_order(files, ".netdev"):
        if _parsed(with_drop_ins(files, path)).get("NetDev", {}).get("Name") == name:
            return path
    return None


def with_drop_ins(files: Texts, path: str) -> Texts:
    """Returns a file and its drop-ins by path, in the order in which networkd reads them."""
    folders = [f"{directory}/{posixpath.basename(path)}.d" for directory in DIRECTORIES]
    by_name = {
        posixpath.basename(each): each
        for folder in reversed(folders)
        for each in files
        if posixpath.dirname(each) == folder and each.endswith(".conf")
    }
    return {each: files[each] for each in (path, *(by_name[name] for name in sorted(by_name)))}


def texts_of(files: Texts, taken: Iterable[NetworkFile]) -> Texts:
    """Returns the .network files that may be taken for an interface, with their drop-ins."""
    return {path: text for each in taken for path, text in with_drop_ins(files, each.path).items()}


def bridge_in(files: Texts, taken: list[NetworkFile]) -> Optional[str]:
    """Returns the bridge of which the .network file that is taken for an interface makes it a port."""
    certain = taken[-1:] if taken and taken[-1].certain else []
    return _parsed(texts_of(files, certain)).get("Network", {}).get("Bridge") or None


def _parsed(texts: Texts) -> Sections:
    return parse("\n".join(texts.values()))


def _words(table: Table, options: object) -> list[Section]:
    """Returns what is declared as sections: all that was given, the kernel's own values too."""
    found: dict[str, list[tuple[str, object]]] = {}
    for section, key, value in settings(table, options):
        keys = found.setdefault(section, [])
        keys += [(key, "")] if key in _LISTS else []
        keys += [(key, value)] if value != "" or key not in _LISTS else []
    return list(found.items())


def netdev(declared: Interface) -> list[Section]:
    """Returns the sections of the drop-in beside the user's .netdev file."""
    tuntap = isinstance(declared, Tuntap)
    # the MTU is in `network`: a bridge keeps one only if it is set when the bridge is there (br_change_mtu)
    device = [] if tuntap else [("MACAddress", declared.mac)]
    own = _words(WORDS.of_kind(declared), declared)
    is_tun = isinstance(declared, Tuntap) and declared.mode == "tun"
    return [*_section("NetDev", device), *(("Tun" if is_tun else name, keys) for name, keys in own)]


def _section(name: str, keys: Iterable[tuple[str, object]]) -> list[Section]:
    found = [(key, value) for key, value in keys if value is not None]
    return [(name, found)] if found else []


def network(draft: Draft, declared: Interface, state: Optional[InterfaceState], texts: Texts) -> list[Section]:
    """Returns the sections of the drop-in beside the user's .network file, of which ``texts`` are the files."""
    said = _parsed(texts)
    tuntap = isinstance(declared, Tuntap)
    policy = said.get("Link", {}).get("ActivationPolicy", "up")
    activation = {None: None, False: "down", True: None if policy in ("up", "always-up", "") else "up"}[declared.up]
    link = [
        ("MACAddress", declared.mac if tuntap else None),
        ("MTUBytes", declared.mtu),
        ("ActivationPolicy", activation),
    ]
    keys: list[tuple[str, object]] = [("Bridge", declared.bridge if isinstance(declared, Tuntap) else None)]
    if declared.addresses is not None:
        keys += _emptied(draft, "Address", _ADDRESSES, texts, lambda value: value in (declared.addresses or ()))
    if declared.routes is not None:
        keys += _emptied(draft, "Gateway", _ROUTES, texts, lambda value: value in _ends_of(declared))
    keys += _ipv6(declared.ipv6 or Ipv6(), said)
    found = [*_section("Link", link), *_section("Network", keys), *_autoconf(declared.ipv6 or Ipv6(), said)]
    found += sections_of.addressing(declared, state)
    if isinstance(declared, BridgeVlans):
        found += vlans(draft, declared, "the bridge itself", texts)
    return found


def _ipv6(ipv6: Ipv6, said: Sections) -> list[tuple[str, object]]:
    network = said.get("Network", {})
    if ipv6.enabled is False:
        return [("LinkLocalAddressing", "no"), ("IPv6AcceptRA", "no")]
    without = {"no": "ipv6", "false": "ipv6", "0": "ipv6", "off": "ipv6", "ipv4": "yes"}
    link_local = without.get(network.get("LinkLocalAddressing", ""))
    default = "" if "IPv6AcceptRA" in network else None
    return [
        ("LinkLocalAddressing", link_local if ipv6.enabled else None),
        ("IPv6AcceptRA", {None: None, "never": "no", "unless_forwarding": default, "always": "yes"}[ipv6.accept_ra]),
        ("IPv6LinkLocalAddressGenerationMode", ipv6.addr_gen_mode),
    ]


def _autoconf(ipv6: Ipv6, said: Sections) -> list[Section]:
    if ipv6.autoconf is None or (ipv6.autoconf and "UseAutonomousPrefix" not in said.get("IPv6AcceptRA", {})):
        return []
    return [("IPv6AcceptRA", [("UseAutonomousPrefix", "yes" if ipv6.autoconf else "no")])]


def port(draft: Draft, bridge: str, member: Port, texts: Optional[Texts]) -> list[Section]:
    """Returns the sections of a port's drop-in. ``texts`` are the user's files, where these make it a port of the bridge."""
    joins = [("Network", [("Bridge", bridge)])] if texts is None else []
    found = [*joins, *_words(WORDS.port, member)]
    return [*found, *vlans(draft, member, f"port {member.name}", texts or {})]


def vlans(draft: Draft, value: BridgeVlans, whose: str, texts: Texts) -> list[Section]:
    """Returns the VLANs that are declared; warns of those of the user's files that can't be removed."""
    if all(getattr(value, shape.name) is None for shape in shapes(BridgeVlans)):
        return []
    held = vlans_of(value)
    found: list[Section] = []
    if value.pvid == 0:
        if draft.request.facts.systemd >= sections_of.PVID_CAN_BE_NONE:
            found += _section("BridgeVLAN", [("PVID", "no")])
        else:
            draft.cannot(f"pvid 0 of {whose}")
    if held.pvid:
        untagged = held.pvid if held.pvid in held.untagged else None
        found += _section("BridgeVLAN", [("VLAN", held.pvid), ("PVID", held.pvid), ("EgressUntagged", untagged)])
    for span in ranges(held.untagged - {held.pvid}):
        found += _section("BridgeVLAN", [("VLAN", span), ("EgressUntagged", span)])
    for span in ranges(held.tagged - {held.pvid}):
        found += _section("BridgeVLAN", [("VLAN", span)])
    if value.tagged is not None or value.untagged is not None:
        _warn_of_lines(draft, "networkd", whose, _VLANS, texts, lambda value: _ids(value) <= held.all)
    return found


def _emptied(
    draft: Draft, key: str, lines: Iterable[tuple[str, str]], texts: Texts, declared: Callable[[str], bool]
) -> list[tuple[str, object]]:
    """Returns the key that removes what the user's files have in these lines; warns where that isn't possible."""
    if draft.request.facts.systemd >= _CAN_BE_EMPTIED:
        return [(key, "")]
    tool = f"networkd before systemd {_CAN_BE_EMPTIED}"
    _warn_of_lines(draft, tool, draft.request.name, lines, texts, declared)
    return []


def _ends_of(declared: Interface) -> set[str]:
    return {end for route in declared.routes or () for end in (route.via, destination(route)) if end}


def _warn_of_lines(
    draft: Draft,
    tool: str,
    whose: str,
    lines: Iterable[tuple[str, str]],
    texts: Texts,
    declared: Callable[[str], bool],
) -> None:
    """Warns of lines of the user's files that go on to count: those of these sections and keys that aren't declared."""
    for path, text in texts.items():
        for number, section, line in _numbered(text):
            key, _equals, value = (part.strip() for part in line.partition("="))
            if (section, key) in lines and value and not declared(value):
                draft.warn(
                    f"{path}, line {number}: {tool} can't remove {line.strip()} from {whose} by a file beside it; remove"
                    " that line, or it counts again after the next reboot"
                )


def _numbered(text: str) -> Iterator[tuple[int, str, str]]:
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        found = dict(sections(line))
        section = next(iter(found), section)
        if not found:
            yield number, section, line


def _ids(value: str) -> frozenset[int]:
    try:
        return expand(value.split())
    except ValueError:
        return frozenset()
