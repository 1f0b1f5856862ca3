# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's keyfiles (nm-settings-keyfile(5)): one profile for each interface, and one for each port of a bridge.

A user's own profile of a port stays as it is. Ours has a higher ``autoconnect-priority``, so that NetworkManager takes it
instead, and a copy of all that the user's says of the device itself (MTU, 802.1X, wake on LAN).
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import uuid
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Optional

from ...model.fields import canonical
from ...model.interface.kernel_effects import default_pvid
from ...model.interface.options import (
    Interface,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    MacvlanIface,
    Port,
    Tuntap,
    Uplink,
    VlanIface,
)
from ...model.interface.vlans import Vlans, ranges, vlans_of
from ..files import OWNER, Draft, Request, added_line, made_for, without_accept_ra
from ..ini import Sections, parse, render_parsed
from ..takeover import Takeover, former_text, remembered, takeover, with_mac
from ..vlans import warn_of_default_vlan
from ..words import by_section, lost, settings
from . import uplink as uplink_of
from .adopted import DEVICE_KEYS, NETWORK_SECTIONS, move
from .beside import port_keys, values
from .ip import add_addresses, method6
from .profile_keys import replace_keys, set_back
from .references import refuse_references
from .words import TYPES, WORDS

PROFILES = "/etc/NetworkManager/system-connections"
# Besides, those in memory, as the one that NetworkManager makes for a NIC without a profile, and those of packages
DIRECTORIES = (PROFILES, "/run/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections")
_NETPLANS = "netplan-"
_OWN = "virtnet-kvm-"
_NAMESPACE = uuid.UUID("0b6a3c1e-5d0f-4d27-9a45-6f2f4a1c8e73")  # of no other program (RFC 4122, 4.3)
_PRIORITY = "999"  # the highest that there is
_DNS = ("dns", "dns-search", "dns-options", "dns-priority")
_NOT_OF_THE_DEVICE = ("connection", "bridge-port", "match", *NETWORK_SECTIONS)
_PORT_TYPES = {"": "ethernet", "veth": "ethernet", "dummy": "dummy"}


def profile_path(name: str) -> str:
    return f"{PROFILES}/{_OWN}{name}.nmconnection"


def profile_uuid(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))


class NetworkManager:
    """See `files.Tool`."""

    def patterns(self, files: Mapping[str, str], /) -> tuple[str, ...]:
        del files  # profiles include no others
        return tuple(f"{directory}/*" for directory in DIRECTORIES)

    def write(self, draft: Draft, desired: Interface) -> None:
        set_back(draft)
        name = draft.request.name
        taken = takeover(draft.request, profile_path(name))
        theirs = _taken_over(draft, taken) if taken else None
        desired = canonical(with_mac(draft.request, desired) if theirs else desired)
        profile = _connection(name, TYPES.get(type(desired), "ethernet"))
        if desired.up is False:
            profile["connection"]["autoconnect"] = "false"
            draft.cannot("up false", "it creates no interface that is to stay down")
        profile.update(by_section(settings(WORDS.interface, desired)))
        ports: Sequence[Port] = (desired.ports or ()) if isinstance(desired, LinuxBridge) else ()
        profile.update(device_settings(draft, desired))
        # What its bridge has added stays, and changes nothing else in the profile.
        joined = _joined(name, draft.request.files.get(profile_path(name), ""))
        bridge = desired.bridge if isinstance(desired, Tuntap) and not joined else None
        if bridge:
            profile["connection"].update(_membership(bridge))
            profile["bridge-port"] = {}
        elif taken and theirs:
            move(draft, profile, desired, theirs, parse(former_text(draft.request, profile_path(name))), taken)
        else:
            add_addresses(draft, profile, desired)
        if (bridge or joined) and (desired.addresses or desired.routes):
            draft.cannot("addresses and routes", "a port of a bridge has none there")
        _inherit_dns(
            draft, profile, [port for port in ports if not theirs or taken is None or port.name != taken.interface]
        )
        _write(draft, name, profile, *([taken.note] if taken and theirs else []))
        if joined:
            draft.edit(profile_path(name), draft.files[profile_path(name)] + joined)
        for port in ports:
            _port(draft, name, port)

    def own_path(self, name: str) -> str:
        return profile_path(name)

    def made_by(self, request: Request) -> Optional[str]:
        found = _users_path(request.files, request.name, ())
        if found is None or found == profile_path(request.name):
            return None
        return found if parse(request.files[found])["connection"].get("type") in TYPES.values() else None

    def configures(self, files: Mapping[str, str], state: InterfaceState) -> Optional[str]:
        ours = profile_path(state.name)
        macs = {mac for mac in (state.permanent_mac, state.definition.mac) if mac}
        return ours if ours in files else _users_path(files, state.name, macs)

    def write_beside(self, draft: Draft, declared: Interface) -> None:
        """Replaces the keys that are declared in the user's profiles of the interface and of its ports."""
        set_back(draft)
        path = self.made_by(draft.request) or ""
        profile = parse(draft.files[path])
        replace_keys(draft, path, values(draft, declared, profile))
        if isinstance(declared, LinuxBridge) and declared.ports is not None:
            bridges = {draft.request.name, profile["connection"].get("uuid", "")}
            _ports_beside(draft, declared.ports, bridges)

    def tidy(self, draft: Draft) -> None:
        """Removes a profile of ours that NetworkManager's own tools have written again, without our first line."""
        path = profile_path(draft.request.name)
        if draft.request.desired is None:
            set_back(draft)
        if draft.request.desired is None and path in draft.files and made_for(draft.files[path]) is None:
            del draft.files[path]

    def uplink(self, files: Mapping[str, str], name: str) -> Uplink:
        return uplink_of.read(files, name, profile_path(name))

    def kept(self, desired: Interface) -> Interface:
        method = method6(desired)
        if desired.ipv6 is None or method in ("disabled", "ignore"):
            return desired
        addr_gen_mode = None if desired.ipv6.addr_gen_mode is None else "none"
        shown = without_accept_ra(desired)
        return replace(shown, ipv6=replace(shown.ipv6 or Ipv6(), addr_gen_mode=addr_gen_mode))


def _write(draft: Draft, name: str, profile: Sections, *notes: str) -> None:
    draft.write(profile_path(name), *notes, "", *render_parsed(profile))


def _taken_over(draft: Draft, taken: Takeover) -> Optional[Sections]:
    """Returns the profile that a bridge takes over: the user's, or what the bridge has of one that is gone, as
    NetworkManager's own for a NIC without one is once the NIC is a port."""
    text = former_text(draft.request, profile_path(draft.request.name))
    users = _users(draft, taken.interface)
    return users if users or remembered(text) != taken else {**parse(text), "ethernet": {}}


def _connection(name: str, kind: str) -> Sections:
    return {
        "connection": {
            "id": f"{_OWN}{name}",
            "uuid": profile_uuid(name),
            "type": kind,
            "interface-name": name,
            "autoconnect-priority": _PRIORITY,
        },
        "ethernet": {},
    }


def device_settings(draft: Draft, desired: Interface) -> Sections:
    """Returns the sections of a profile that are special of an interface's kind."""
    if isinstance(desired, Tuntap):
        desired = _with_numbers(draft, desired)
    table, said = WORDS.of_kind(desired), canonical(desired)
    found = by_section(settings(table, said))
    for words in lost(table, said):
        draft.cannot(words)
    if isinstance(said, LinuxBridge):
        _add_bridge_vlans(draft, found["bridge"], said)
    return found


def _add_bridge_vlans(draft: Draft, keys: dict[str, str], desired: LinuxBridge) -> None:
    default = default_pvid(desired)
    if desired.vlan_filtering:
        keys["vlan-default-pvid"] = str(default)
        _vlans(draft, keys, vlans_of(desired), default, "the bridge")
    elif default != 1:
        draft.cannot("vlan_default_pvid while vlan_filtering is off")


def _vlans(draft: Draft, keys: dict[str, str], vlans: Vlans, default: int, whose: str) -> None:
    """Adds the list of ids. Besides these there is always the bridge's default, which can be listed, but not left out."""
    words = [f"{span} untagged" for span in ranges(vlans.untagged - {vlans.pvid})]
    words += ranges(vlans.tagged - {vlans.pvid})
    if vlans.pvid:
        words.append(f"{vlans.pvid} pvid{' untagged' if vlans.pvid in vlans.untagged else ''}")
    if words:
        keys["vlans"] = ", ".join(sorted(words, key=lambda word: int(word.split()[0].split("-")[0])))
    if default and default not in vlans.all:
        warn_of_default_vlan(draft, draft.tool, default, whose)


def _with_numbers(draft: Draft, desired: Tuntap) -> Tuntap:
    """Returns the device with the numbers of its owner and group in place of names."""
    owner, group = _number(draft, "owner", desired.owner), _number(draft, "group", desired.group)
    return replace(desired, owner=owner, group=group)


def _number(draft: Draft, option: str, account: Optional[str]) -> Optional[str]:
    if not account or account.isdigit():
        return account
    number = draft.request.facts.account_number("user" if option == "owner" else "group", account)
    if number is None:
        draft.cannot(
            f"{option} {account!r}", f"this host has no {'user' if option == 'owner' else 'group'} of that name"
        )
        return None
    return str(number)


# -- ports ---------------------------------------------------------------------------------------------------------------


def _membership(bridge: str) -> dict[str, str]:
    # the newer names are controller and port-type; all versions know these
    return {"master": bridge, "slave-type": "bridge"}


def _split(text: str) -> tuple[str, str]:
    """Splits a profile of ours from what a bridge has added to it."""
    found = re.search(rf"(?m)^#{re.escape(OWNER)} ", text)
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def _joined(name: str, text: str) -> str:
    """Returns what a bridge says of the interface in the profile that there is: the bridge's, or one of the interface."""
    owner = made_for(text)
    if owner in (None, name):
        return _split(text)[1] if owner else ""
    return _added(owner or "", parse(text).get("bridge-port", {}))


def _added(bridge: str, settings: Mapping[str, str]) -> str:
    """Returns the lines that make a port of the profile to which they are added; sections may come twice."""
    lines = render_parsed({"connection": _membership(bridge), "bridge-port": settings})
    return "".join(f"{added_line(line, bridge)}\n" for line in lines if line)


def _port(draft: Draft, bridge: str, port: Port) -> None:
    name = port.name or ""
    path = profile_path(name)
    settings = port_settings(draft, port)
    if made_for(draft.files.get(path, "")) == name:
        draft.edit(path, _split(draft.files[path])[0] + _added(bridge, settings))
        return
    users = _users_path(draft.request.files, name, _macs(draft, name))
    if users is not None and path not in draft.request.files:
        refuse_references(draft.users(), users, name, "adopt" if name == draft.request.adopt else "ports")
    state = draft.request.interfaces.get(name)
    profile = _device(draft, name, state)
    if profile is None:
        draft.cannot(f"port {name}", f"it is of the kind {state.kind if state else 'unknown'} and has no profile there")
        return
    profile["connection"].update(_membership(bridge))
    profile["bridge-port"] = settings
    _write(draft, name, profile)


def port_settings(draft: Draft, port: Port) -> dict[str, str]:
    said = canonical(port)
    keys = by_section(settings(WORDS.port, said)).get("bridge-port", {})
    for words in lost(WORDS.port, said):
        draft.cannot(f"{words} of port {port.name}")
    desired = draft.request.desired
    if isinstance(desired, LinuxBridge) and desired.vlan_filtering and (port.pvid or port.tagged or port.untagged):
        default = default_pvid(desired)
        _vlans(draft, keys, vlans_of(port), default, f"port {port.name}")
    return keys


def _device(draft: Draft, name: str, state: Optional[InterfaceState]) -> Optional[Sections]:
    """Returns a profile with all that belongs to a port's device itself; ``None`` if its kind isn't known."""
    users = _users(draft, name)
    if users is not None:
        profile = _connection(name, users["connection"].get("type", "ethernet"))
        profile.update({section: keys for section, keys in users.items() if section not in _NOT_OF_THE_DEVICE})
        profile["connection"].update(
            {key: users["connection"][key] for key in DEVICE_KEYS if key in users["connection"]}
        )
        return profile
    found = state.definition if state else Interface(name=name)
    if isinstance(found, (VlanIface, MacvlanIface, Tuntap)):
        return {**_connection(name, TYPES[type(found)]), **device_settings(draft, found)}
    kind = _PORT_TYPES.get(state.kind if state else "")
    return _connection(name, kind) if kind else None


def _users(draft: Draft, name: str) -> Optional[Sections]:
    state = draft.request.interfaces.get(name)
    macs = (state.permanent_mac, state.definition.mac) if state else ()
    ethernet = state is not None and _PORT_TYPES.get(state.kind) == "ethernet"
    return users_profile(draft.request.files, name, {mac for mac in macs if mac}, ethernet=ethernet)


def _macs(draft: Draft, name: str) -> set[str]:
    state = draft.request.interfaces.get(name)
    return {mac for mac in (state.permanent_mac, state.definition.mac) if mac} if state else set()


def _ports_beside(draft: Draft, ports: Sequence[Port], bridges: Container[str]) -> None:
    """Replaces keys of the users' profiles of ports, makes profiles for new ports, and switches off those of other ports."""
    listed = set()
    for port in ports:
        path = _users_path(draft.request.files, port.name or "", _macs(draft, port.name or ""))
        if path is not None and _bridge_in(draft.files[path]) in bridges:
            listed.add(path)
            replace_keys(draft, path, {"bridge-port": {**port_keys(draft, port)}})
        else:
            _port(draft, draft.request.name, port)
    for path, text in draft.users().items():
        if path.startswith(f"{PROFILES}/") and path not in listed and _bridge_in(text) in bridges:
            replace_keys(draft, path, {"connection": {"autoconnect": "false"}})


def _bridge_in(profile: str) -> str:
    connection = parse(profile).get("connection", {})
    return connection.get("controller", connection.get("master", ""))


def users_profile(
    files: Mapping[str, str], name: str, macs: Container[str], *, ethernet: bool = False
) -> Optional[Sections]:
    """Returns the user's profile that NetworkManager takes for a device; ``None`` without one.

    Those that name the device come first, then those that NetworkManager starts by itself, by their priority. For an
    ``ethernet`` device one that names none will do.
    """
    path = _users_path(files, name, macs, ethernet=ethernet)
    return None if path is None else parse(files[path])


def _users_path(files: Mapping[str, str], name: str, macs: Container[str], *, ethernet: bool = False) -> Optional[str]:
    found: list[tuple[int, bool, int, str]] = []
    for path, text in files.items():
        directory, file = posixpath.split(path)
        generated = "nm-generated=true" in text  # for what others have set up
        if directory not in DIRECTORIES or file.startswith((".", _NETPLANS)) or made_for(text) is not None or generated:
            continue
        profile = parse(text)
        connection = profile.get("connection", {})
        if (rank := _rank(profile, name, macs)) > (0 if ethernet else 1):
            by_itself = connection.get("autoconnect") not in ("false", "0")
            priority = connection.get("autoconnect-priority", "0")
            found.append((rank, by_itself, int(priority) if priority.lstrip("-").isdigit() else 0, path))
    return max(found)[3] if found else None


def _rank(profile: Sections, name: str, macs: Container[str]) -> int:
    """Returns how well a profile fits a device: 0 not at all, 1 as it fits any, 2 as it names this one."""
    connection = profile.get("connection", {})
    wired = profile.get("ethernet", profile.get("802-3-ethernet", {}))
    mine, mac = connection.get("interface-name"), wired.get("mac-address", "").lower()
    patterns = [word for word in profile.get("match", {}).get("interface-name", "").split(";") if word]
    if mine is not None or mac:
        return 2 if mine == name or (mine is None and mac in macs) else 0
    if connection.get("type") not in ("ethernet", "802-3-ethernet") or "master" in connection:
        return 0
    return int(not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns))


def _inherit_dns(draft: Draft, profile: Sections, ports: Sequence[Port]) -> None:
    """Copies the name servers from the users' profiles of the ports, which aren't used any more; a port has none."""
    desired = draft.request.desired
    own = isinstance(desired, Uplink) and (desired.nameservers is not None or desired.search is not None)
    for port in () if own else ports:
        users = _users(draft, port.name or "")
        for section in ("ipv4", "ipv6"):
            theirs = (users or {}).get(section, {})
            held = {key: value for key, value in theirs.items() if key in _DNS}
            if profile.get(section, {}).get("method") not in (None, "disabled", "ignore"):
                profile[section].update(held)
            elif held:
                draft.warn(
                    f"the name servers of port {port.name} ({held.get('dns', '')}) are not stored, because the bridge has no"
                    f" {'IPv4' if section == 'ipv4' else 'IPv6'} address; give it one, or write them into another profile"
                )
            if theirs.get("method") == "auto" and section == "ipv4" and "dns" not in held:
                draft.warn(
                    f"the name servers that port {port.name} had from DHCP are not stored; write them into"
                    f" NetworkManager's profile of {port.name}, from which the bridge takes them over"
                )
