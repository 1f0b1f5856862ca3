# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd-networkd's files (systemd.netdev(5), systemd.network(5)).

An interface has a .netdev and a .network file. What it needs of another one (``Bridge=`` of its ports, ``VLAN=`` or
``MACVLAN=`` of its parent) is a drop-in beside the .network file that networkd takes for that one. That file is ours if the other one is an
interface of ours, or a port, for which ours comes before the user's; otherwise it is the user's. No user's file is edited.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ...model.interface.options import (
    Interface,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    MacvlanIface,
    Port,
    Uplink,
    VlanIface,
)
from ..files import SYSCTL_FILES, Draft, Request, header, made_for, users_of, without_accept_ra
from ..ini import Section, render, sections, settings
from . import adopted, beside
from . import sections as sections_of
from . import uplink as uplink_of
from .match import DIRECTORIES, FIRST, OURS, NetworkFile, first_name, fitting

HOME = DIRECTORIES[0]
_SYSCTLS = "/etc/sysctl.d"
_LAST = "95-"
_DROP_INS = ("50-", "95-", "~")  # likewise, the other way round
_ON_PARENTS: Mapping[type[Interface], str] = {VlanIface: "VLAN", MacvlanIface: "MACVLAN"}  # the keys of the parents
_OF = "# For "  # the second line of a drop-in: the interface that it is for
_SHARED = "# What others need of it stands in the drop-ins beside."
_PORT: tuple[Section, ...] = (
    ("Link", (("RequiredForOnline", "no"),)),
    ("Network", (("LinkLocalAddressing", "no"), ("IPv6AcceptRA", "no"), ("KeepConfiguration", "yes"))),
)


@dataclass(frozen=True)
class _Need:
    """A drop-in: what ``owner`` needs of the interface ``of``."""

    of: str
    owner: str
    text: str

    @property
    def port(self) -> bool:
        return self.of != self.owner and bool(_bridge_in(self.text))


class Networkd:
    """See `files.Tool`."""

    def patterns(self, _files: Mapping[str, str]) -> tuple[str, ...]:
        names = ("*.network", "*.network.d/*.conf", "*.netdev", "*.netdev.d/*.conf")
        found = [f"{directory}/{name}" for directory in DIRECTORIES for name in names]
        return (*found, f"{_SYSCTLS}/*{OURS}*.conf")

    def own_path(self, name: str) -> str:
        return f"{HOME}/{FIRST}{OURS}{name}.netdev"

    def made_by(self, request: Request) -> Optional[str]:
        return beside.netdev_of(users_of(request.files), request.name)

    def configures(self, files: Mapping[str, str], state: InterfaceState) -> Optional[str]:
        ours = self.own_path(state.name)
        if ours in files:
            return ours
        users = {
            path: text
            for path, text in users_of(files).items()
            if not path.startswith("/usr/") and "-netplan-" not in path
        }
        found = [each.path for each in fitting(users, state) if each.certain]
        return beside.netdev_of(users, state.name) or (found[-1] if found else None)

    def write(self, draft: Draft, desired: Interface) -> None:
        name = draft.request.name
        moved = adopted.moved(draft, lambda nic: _users(draft, nic))
        if moved:
            desired = adopted.without_moved(draft, desired, moved)
        draft.write(self.own_path(name), *render(sections_of.netdev(desired)))
        own = sections_of.network(draft, desired)
        draft.write(_own_path(draft, name), *(adopted.network_lines(own, moved) if moved else render(own)))
        if sysctls := sections_of.sysctl(desired):
            draft.write(f"{SYSCTL_FILES}{name}.conf", *sysctls)
        if isinstance(desired, LinuxBridge):
            for port in desired.ports or ():
                _need(draft, port.name or "", render(sections_of.port(draft, desired, port)))
        if key := _ON_PARENTS.get(type(desired)):
            _need(draft, desired.parent or "", render([("Network", [(key, name)])]))

    def write_beside(self, draft: Draft, declared: Interface) -> None:
        """Writes a drop-in beside the user's .netdev file, and others for the .network files of it and of its ports."""
        name, users = draft.request.name, draft.users()
        made_by = posixpath.basename(beside.netdev_of(users, name) or "")
        if device := beside.netdev(declared):
            draft.write(f"{HOME}/{made_by}.d/{_last_of(users, made_by)}{OURS}{name}.conf", *render(device))
        texts = beside.texts_of(users, _users(draft, name))
        if network := beside.network(draft, declared, draft.request.interfaces.get(name), texts):
            _need(draft, name, render(network))
        if sysctls := sections_of.sysctl(declared):
            draft.write(f"{SYSCTL_FILES}{name}.conf", *sysctls)
        if isinstance(declared, LinuxBridge) and declared.ports is not None:
            self._ports_beside(draft, declared.ports)
        key = _ON_PARENTS.get(type(declared))
        if key and declared.parent and not _has(draft, declared.parent, key, name):
            _need(draft, declared.parent, render([("Network", [(key, name)])]))

    def _ports_beside(self, draft: Draft, ports: Sequence[Port]) -> None:
        """Writes what is declared of the ports, and takes those that aren't listed from the bridge."""
        name, users = draft.request.name, draft.users()
        for port in ports:
            taken = _users(draft, port.name or "")
            texts = beside.texts_of(users, taken) if beside.bridge_in(users, taken) == name else None
            if found := beside.port(draft, name, port, texts):
                _need(draft, port.name or "", render(found))
        listed = {port.name for port in ports}
        for other in draft.request.interfaces:
            if other not in listed and beside.bridge_in(users, _users(draft, other)) == name:
                _need(draft, other, render([("Network", [("Bridge", "")])]))

    def tidy(self, draft: Draft) -> None:
        """Puts each drop-in beside the file that networkd takes, which another interface may have changed."""
        needs = []
        for path, text in list(draft.files.items()):
            owner = made_for(text)
            second = text.split("\n", 2)[1] if owner else ""
            if owner and second.startswith(_OF):
                needs.append(_Need(second[len(_OF) :], owner, text))
                del draft.files[path]
            elif second == _SHARED:
                del draft.files[path]
        for of in sorted({need.of for need in needs}):
            mine = _last_bridge(draft, [need for need in needs if need.of == of])
            for base in _bases(draft, of, mine):
                name = posixpath.basename(base)
                prefix = _last_of(draft.users(), name)
                for need in mine:
                    draft.files[f"{HOME}/{name}.d/{prefix}{OURS}{need.owner}.conf"] = need.text

    def uplink(self, files: Mapping[str, str], name: str) -> Uplink:
        return uplink_of.read(files, name)

    def kept(self, desired: Interface) -> Interface:
        """Returns it without the kernel's router advertisements: networkd processes these itself, not the kernel."""
        return without_accept_ra(desired)


def _need(draft: Draft, of: str, lines: list[str]) -> None:
    """Adds a drop-in, for which `Networkd.tidy` finds the place."""
    name = draft.request.name
    text = "\n".join([header(name), f"{_OF}{of}", *lines]).rstrip("\n") + "\n"
    draft.files[f"{HOME}/{of}.network.d/50-{OURS}{name}.conf"] = text


def _last_of(users: Mapping[str, str], file: str) -> str:
    """Returns how the name of our drop-in begins, so that it is read after the user's beside the same file."""
    names = [posixpath.basename(path) for path in users if posixpath.basename(posixpath.dirname(path)) == f"{file}.d"]
    return next((prefix for prefix in _DROP_INS[:-1] if all(name < prefix for name in names)), _DROP_INS[-1])


def _has(draft: Draft, parent: str, kind: str, name: str) -> bool:
    """Returns whether the user's files say that the parent has the VLAN or macvlan interface; ``kind`` is its key."""
    texts = beside.texts_of(draft.users(), _users(draft, parent))
    lines = [
        line
        for text in texts.values()
        for section, lines in list(sections(text))
        if section == "Network"
        for line in lines
    ]
    return any(key == kind and name in value.split() for key, value in settings(lines))


def _last_bridge(draft: Draft, needs: list[_Need]) -> list[_Need]:
    """Returns the needs with those of one bridge only: of the one that is planned now, where another one was stored."""
    bridges = {_bridge_in(need.text) for need in needs if need.port}
    now = next((_bridge_in(need.text) for need in needs if need.port and need.owner == draft.request.name), None)
    if now is None or len(bridges) < 2:
        return needs
    return [need for need in needs if not need.port or _bridge_in(need.text) == now]


def _bridge_in(text: str) -> str:
    found = re.search(r"(?m)^Bridge=(.*)$", text)
    return found[1] if found else ""


# -- paths ---------------------------------------------------------------------------------------------------------------


def _state(draft: Draft, name: str) -> InterfaceState:
    return draft.request.interfaces.get(name) or InterfaceState("", 0, Interface(name=name))


def _users(draft: Draft, name: str) -> list[NetworkFile]:
    return fitting(draft.users(), _state(draft, name), wireless=draft.request.facts.wireless(name))


def _own_path(draft: Draft, name: str) -> str:
    """Returns a path that networkd reads before all users' files that may match."""
    users = _users(draft, name)
    found = first_name(name, users)
    if not all(found < user.name for user in users):
        draft.warn(
            f"networkd takes {users[0].path} in place of our file, whose name sorts after it; give that file a later name"
        )
    return f"{HOME}/{found}"


def _bases(draft: Draft, of: str, needs: list[_Need]) -> list[str]:
    """Returns the .network files of an interface that drop-ins are put beside; writes one where there is none."""
    own = next((path for path, text in draft.files.items() if made_for(text) == of and path.endswith(".network")), None)
    if own:
        return [own]
    if any(need.port for need in needs):
        path = _own_path(draft, of)
        draft.files[path] = _shared(of, *render(_PORT), *adopted.port_lines(draft, of, _users(draft, of)))
        return [path]
    users = _users(draft, of)
    if not users or not users[-1].certain:
        path = f"{HOME}/{_LAST if users else FIRST}{OURS}{of}.network"
        network = (("LinkLocalAddressing", _link_local(_state(draft, of))), ("KeepConfiguration", "yes"))
        draft.files[path] = _shared(of, *render([("Network", network)]))
        return [*(user.path for user in users), path]
    if users[-1].specific or len(users) > 1:
        return [user.path for user in users]
    path = _own_path(draft, of)
    draft.files[path] = _shared(
        of, f"# The rest is that of {users[0].path}, which is for more than {of}.", *_rest(draft, users[0])
    )
    return [path]


def _shared(of: str, *lines: str) -> str:
    match = render([("Match", [("Name", of)])])
    return "\n".join([header(of), _SHARED, *match, "", *lines]).rstrip("\n") + "\n"


def _rest(draft: Draft, user: NetworkFile) -> list[str]:
    """Returns the lines of a user's file and its drop-ins without [Match]."""
    texts = [draft.files[user.path]]
    beside = sorted((posixpath.basename(path), path) for path in draft.files if f"/{user.name}.d/" in path)
    texts += [draft.files[path] for _name, path in beside]
    return [
        line
        for text in texts
        for name, lines in list(sections(text))
        if name != "Match"
        for line in (f"[{name}]", *lines)
    ]


def _link_local(state: InterfaceState) -> str:
    """Returns ``LinkLocalAddressing=`` as the kernel has it now, because networkd is going to manage the interface."""
    ipv6 = state.definition.ipv6 or Ipv6()
    return "no" if ipv6.enabled is False or ipv6.addr_gen_mode == "none" else "ipv6"
