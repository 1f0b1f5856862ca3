# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netplan's files (netplan(5)): a YAML file for each interface.

networkd or NetworkManager does the work for netplan, as the host's own files say. What only NetworkManager has a word for is
passed through to it. netplan adds up the lists in all of its files, so a user's file that gives addresses to a port is
edited: these lines become comments, and a copy of the file is kept beside it. The bridge takes over the name servers there.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Optional

from ...model.fields import canonical
from ...model.interface.normal import ANYWHERE, destination, family
from ...model.interface.options import (
    Interface,
    InterfaceRoute,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Port,
    Uplink,
    VlanIface,
)
from .. import yaml_edit
from ..files import Draft, Request, made_for, users_of, without_accept_ra
from ..ip import V6
from ..networkmanager import words as networkmanager
from ..networkmanager.writer import device_settings, port_settings
from ..vlans import vlans_to_write
from ..words import Cannot, Table, Word, lost, settings
from . import adopted, cloud_init
from . import uplink as uplink_of
from .words import NETWORKD, NETWORKMANAGER, NOT_MADE, WORDS

ETC = "/etc/netplan"
_OWN = "90-virtnet-kvm-"
_DIRECTORIES = ("/lib/netplan", ETC, "/run/netplan")
_IP = (
    "addresses",
    "dhcp4",
    "dhcp4-overrides",
    "dhcp6",
    "dhcp6-overrides",
    "accept-ra",
    "gateway4",
    "gateway6",
    "link-local",
    "nameservers",
    "routes",
    "routing-policy",
    "optional-addresses",
)
LINKS = "ethernets"


@dataclass(frozen=True)
class Definition:
    """A definition of an interface, or of several that match, in one file."""

    path: str
    section: str
    id: str
    value: Mapping[str, Any]

    def names(self, name: str, macs: Iterable[str]) -> bool:
        match = self.value.get("match") if isinstance(self.value, Mapping) else None
        if self.value and self.value.get("set-name") == name:
            return True
        if not match:
            return self.id == name
        mac = str(match.get("macaddress", "")).lower()
        return bool(set(match) & {"name", "macaddress"}) and (
            fnmatchcase(name, str(match.get("name", "*"))) and (not mac or mac in macs)
        )

    @property
    def for_many(self) -> bool:
        return bool(re.search(r"[*?[]", str((self.value or {}).get("match", {}).get("name", ""))))


class Netplan:
    """See `files.Tool`."""

    def patterns(self, files: Mapping[str, str], /) -> tuple[str, ...]:
        del files  # netplan's files include no others
        return (*(f"{directory}/*.yaml" for directory in _DIRECTORIES), adopted.DROP_INS, cloud_init.SETTINGS)

    def write(self, draft: Draft, desired: Interface) -> None:
        desired = canonical(desired)
        renderer = renderer_of(draft)
        if type(desired) in NOT_MADE:
            draft.cannot(NOT_MADE[type(desired)])
            return
        moved = adopted.moved(draft, lambda nic: _values_of(draft, nic))
        if moved:
            desired = adopted.without_moved(draft, desired, moved)
        body = _common(draft, desired, renderer)
        others: dict[str, Any] = {}
        if isinstance(desired, LinuxBridge):
            section = "bridges"
            _bridge(draft, body, desired, renderer)
            for port in desired.ports or ():
                moves = moved is not None and port.name == moved.takeover.interface
                add_port(draft, body, others, desired, port, renderer, moves=moves)
            if moved:
                adopted.add(body, moved)
                if renderer == NETWORKD:
                    adopted.keep_lease(draft, moved)
        elif isinstance(desired, VlanIface):
            section = "vlans"
            body.update(values(WORDS.vlan, desired))
            body["link"] = id_of(draft, desired.parent or "")
            warn_of(draft, lost(WORDS.vlan, desired, renderer))
        else:
            section = LINKS
        if renderer == NETWORKMANAGER:
            pass_through(body, device_settings(draft, desired))
        network: dict[str, Any] = {"version": 2}
        if others:
            network[LINKS] = others
        network[section] = {desired.name: body}
        notes = moved.notes if moved else ()
        draft.write(_path(draft.request.name), *notes, *yaml_edit.dump({"network": network}))

    def own_path(self, name: str) -> str:
        return _path(name)

    def made_by(self, request: Request) -> Optional[str]:
        from .beside import made_by

        found = made_by(definitions(users_of(request.files)), request.name)
        return found[-1].path if found else None

    def configures(self, files: Mapping[str, str], state: InterfaceState) -> Optional[str]:
        if _path(state.name) in files:
            return _path(state.name)
        macs = {mac for mac in (state.permanent_mac, state.definition.mac) if mac}
        found = [each for each in definitions(users_of(files)) if each.names(state.name, macs)]
        return found[-1].path if found else None

    def write_beside(self, draft: Draft, declared: Interface) -> None:
        """Writes a file with the keys that are declared, which netplan adds to the user's."""
        from .beside import write

        write(draft, declared)

    def tidy(self, draft: Draft) -> None:
        """Defines each interface that a file refers to in one file."""
        ours = {
            path: yaml_edit.load(path, text)
            for path, text in draft.files.items()
            if path.endswith(".yaml") and made_for(text) is not None
        }
        users = {each.id for each in definitions(draft.files) if each.path not in ours}
        known = users | {each.id for each in definitions(draft.files) if each.section != LINKS}
        for path, held in ours.items():
            network = held.get("network", {})
            links = {name: value for name, value in network.get(LINKS, {}).items() if value not in _STUBS}
            for name in _referred(network):
                if name not in known and name not in links:
                    is_port = any(name in value.get("interfaces", ()) for value in network.get("bridges", {}).values())
                    links[name] = _STUBS[0 if is_port else 1]
            tidied = {key: value for key, value in network.items() if key not in (LINKS, "version")}
            start: dict[str, Any] = {"version": 2}
            if links:
                start[LINKS] = links
            lines = yaml_edit.dump({"network": {**start, **tidied}})
            heads = itertools.takewhile(lambda line: line.startswith("#"), draft.files[path].split("\n"))
            draft.files[path] = "\n".join([*heads, *lines]) + "\n"

    def uplink(self, files: Mapping[str, str], name: str) -> Uplink:
        return uplink_of.read(files, name)

    def kept(self, desired: Interface) -> Interface:
        """Returns it without the kernel's router advertisements: both renderers process these themselves, not the kernel."""
        return without_accept_ra(desired)


# Definitions that netplan demands: of a port; and of a parent, whose addresses others set.
_STUBS: tuple[dict[str, Any], ...] = ({"dhcp4": False}, {"dhcp4": False, "critical": True})


def _path(name: str) -> str:
    return f"{ETC}/{_OWN}{name}.yaml"


def definitions(files: Mapping[str, str]) -> list[Definition]:
    """Returns all definitions in these files, in netplan's order."""
    found = []
    for path in sorted(files, key=lambda path: path.rpartition("/")[2]):
        if path.endswith(".yaml"):
            for section, entries in (yaml_edit.load(path, files[path]).get("network") or {}).items():
                if isinstance(entries, Mapping):
                    found += [Definition(path, section, str(id_), value or {}) for id_, value in entries.items()]
    return found


def renderer_of(draft: Draft) -> str:
    """Returns netplan's renderer; of several files that set it the last one counts."""
    found = NETWORKD
    for path in sorted(draft.files, key=lambda path: path.rpartition("/")[2]):
        if path.endswith(".yaml"):
            found = (yaml_edit.load(path, draft.files[path]).get("network") or {}).get("renderer", found)
    return found


def _referred(network: Mapping[str, Any]) -> list[str]:
    found = [name for value in network.get("bridges", {}).values() for name in value.get("interfaces", ())]
    return [*found, *(value["link"] for value in network.get("vlans", {}).values() if "link" in value)]


def definitions_of(draft: Draft, name: str) -> list[Definition]:
    """Returns the users' definitions of an interface."""
    state = draft.request.interfaces.get(name)
    macs = {mac for mac in (state.permanent_mac, state.definition.mac) if mac} if state else set()
    found = [each for each in definitions(draft.files) if made_for(draft.files[each.path]) is None]
    return [each for each in found if each.section != "nm-devices" and each.names(name, macs)]


def id_of(draft: Draft, name: str) -> str:
    """Returns the id by which netplan's files have an interface."""
    found = definitions_of(draft, name)
    return found[-1].id if found else name


def _common(draft: Draft, desired: Interface, renderer: str) -> dict[str, Any]:
    body: dict[str, Any] = values(WORDS.interface, desired)
    if desired.up is False:
        if renderer == NETWORKMANAGER:
            draft.cannot("up false")
        else:
            body["activation-mode"] = "off"
    body["optional"] = True  # a start of the host doesn't wait for its carrier
    body["addresses"] = list(desired.addresses or ())
    body.update(uplink_of.keys(desired))
    if desired.routes:
        body["routes"] = [route_of(draft, route, renderer) for route in desired.routes]
    add_ipv6(draft, body, desired.ipv6 or Ipv6(), renderer)
    if renderer == NETWORKMANAGER:
        for found in uplink_of.for_networkmanager(desired):
            pass_through(body, found)
    return body


def route_of(draft: Draft, route: InterfaceRoute, renderer: str) -> dict[str, Any]:
    """Returns a route as netplan has it."""
    to = destination(route)
    found: dict[str, Any] = {"to": "default" if to in ANYWHERE and route.via else to}
    if route.via:
        found["via"] = route.via
    else:
        found["scope"] = "link"
    if route.metric is not None:
        found["metric"] = route.metric
    elif renderer == NETWORKMANAGER:
        found["metric"] = 1024 if family(to) == V6 else 0  # the kernel's own, not one by the kind of the device
    if route.table is not None:
        found["table"] = route.table
    if route.source:
        found["from"] = route.source
    state = draft.request.interfaces.get(draft.request.name)
    if route.via and state and any(each.onlink and each.option == route for each in state.routes):
        found["on-link"] = True
    return found


def add_ipv6(draft: Draft, body: dict[str, Any], desired: Ipv6, renderer: str) -> None:
    """Adds the IPv6 settings; warns of those that can't be stored."""
    if desired.enabled is False:
        body["link-local"] = []
        body["accept-ra"] = False
        if renderer == NETWORKMANAGER:
            pass_through(body, {"ipv6": {"method": "disabled"}})
        else:
            draft.cannot("ipv6.enabled false", "networkd only leaves out the link-local address")
        return
    if desired.accept_ra is not None and desired.accept_ra != "unless_forwarding":
        body["accept-ra"] = desired.accept_ra == "always"
    if desired.autoconf is False and desired.accept_ra != "never":
        draft.cannot("ipv6.autoconf false where router advertisements are accepted")
    if desired.addr_gen_mode == "stable-privacy" and renderer == NETWORKMANAGER:
        body["ipv6-address-generation"] = "stable-privacy"
    elif desired.addr_gen_mode not in (None, "eui64", "none"):
        draft.cannot(f"ipv6.addr_gen_mode {desired.addr_gen_mode}")


def _bridge(draft: Draft, body: dict[str, Any], desired: LinuxBridge, renderer: str) -> None:
    body["interfaces"] = []
    body["parameters"] = values(WORDS.bridge, desired)
    warn_of(draft, lost(WORDS.bridge, desired, renderer))
    if vlans_to_write(desired, desired) is not None:
        warn_of(draft, lost(WORDS.bridge_vlans, desired, renderer))


def values(table: Table, options: object) -> dict[str, Any]:
    """Returns the keys that a table has words for."""
    return {key: value for _where, key, value in settings(table, options)}


def warn_of(draft: Draft, found: Iterable[str], whose: str = "") -> None:
    """Warns of options that can't be stored."""
    for words in found:
        draft.cannot(f"{words}{whose}")


def add_port(
    draft: Draft,
    body: dict[str, Any],
    others: dict[str, Any],
    bridge: LinuxBridge,
    port: Port,
    renderer: str,
    *,
    moves: bool,
) -> None:
    """Makes an interface a port; ``moves``: all of its configuration that isn't the NIC's own moves to the bridge."""
    name = port.name or ""
    theirs = definitions_of(draft, name)
    id_ = theirs[-1].id if theirs else name
    if theirs and theirs[-1].for_many:
        # a definition of this interface alone, which sorts first: of several that match, the first counts
        id_ = f"0-virtnet-kvm-{name}"
        others[id_] = {"match": {"name": name}, "dhcp4": False, **adopted.of_nic(_values_of(draft, name))}
    body["interfaces"].append(id_)
    for each in theirs:
        if not each.for_many:
            if not moves:
                _inherit_dns(draft, body, each.value)
            _without_addresses(draft, each, moves=moves)
    for key, value in values(WORDS.port, port).items():
        body["parameters"].setdefault(key, {})[id_] = value
    warn_of(draft, lost(WORDS.port, port, renderer), f" of port {name}")
    if vlans_to_write(bridge, port) is not None:
        warn_of(draft, lost(WORDS.bridge_vlans, port, renderer), f" of port {name}")
    if renderer == NETWORKMANAGER:
        said = others.get(id_, {})
        pass_through(said, {"bridge-port": port_settings(draft, port)})
        if said:
            others[id_] = said


def _inherit_dns(draft: Draft, body: dict[str, Any], theirs: Mapping[str, Any]) -> None:
    """Copies the name servers and domains of a port's definition, each unless the bridge has its own, or is to have none."""
    for kind, values in (theirs.get("nameservers") or {}).items():
        if getattr(draft.request.desired, uplink_of.OPTIONS.get(kind, ""), None) is not None:
            continue
        held = body.setdefault("nameservers", {}).setdefault(kind, [])
        held += [value for value in values or () if value not in held]


def _values_of(draft: Draft, name: str) -> list[Mapping[str, Any]]:
    return [each.value for each in definitions_of(draft, name)]


def _without_addresses(draft: Draft, theirs: Definition, *, moves: bool) -> None:
    if not theirs.path.startswith(f"{ETC}/"):
        draft.warn(
            f"{theirs.path} gives addresses to port {theirs.id}, and stays as it is, because another program writes it;"
            " have that program give it none"
        )
        return
    where = ("network", theirs.section, theirs.id)
    before = draft.files[theirs.path]
    for key in adopted.unknown(theirs.value) if moves else ():
        line = yaml_edit.line_of(before, (*where, key))
        draft.warn(f"{key} in {theirs.path}, line {line}, isn't known here, and stays with {theirs.id}")
    keys = adopted.MOVED if moves else _IP
    text = yaml_edit.without(theirs.path, before, where, keys, draft.request.name)
    if text != before:
        cloud_init.warn_of_cloud_init(draft, theirs.path, before)
    draft.edit(theirs.path, text)


def pass_through(body: dict[str, Any], found: Mapping[str, Mapping[str, str]]) -> None:
    """Gives NetworkManager the words that netplan doesn't have and so doesn't write itself."""
    for section, keys in found.items():
        for key, value in keys.items():
            if (section, key) not in _WRITTEN:
                body.setdefault("networkmanager", {}).setdefault("passthrough", {})[f"{section}.{key}"] = value


def _written() -> Iterator[tuple[str, str]]:
    """Yields NetworkManager's words for the options that netplan has words for, too."""
    theirs = networkmanager.WORDS
    for mine, others in ((WORDS.bridge, theirs.bridge), (WORDS.port, theirs.port), (WORDS.vlan, theirs.vlan)):
        own = {row.option for row in mine if not isinstance(row, Cannot)}
        yield from ((row.where, row.key) for row in others if isinstance(row, Word) and row.option in own)


_WRITTEN = frozenset(_written())
