# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of the boot tools' files: they are read, written, and read again by their tool."""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from typing import Callable, Optional

from ...errors import HostError
from ...model.interface.options import Interface, InterfaceState
from ...persist.choose import TOOLS
from ...persist.declared.paths import PATTERN
from ...persist.files import ToolFacts, copied_path, is_netdev, saved_path
from ...persist.plan import UNIT
from ...persist.steps import FileDriver
from ...persist.unit import service
from ..os.atomic import write_file
from . import dhcp_clients, ifupdown, netplan, networkd, networkmanager, unit
from .facts import read_facts

# Only root may read what may contain the password of a wireless network.
_NETPLAN = "/etc/netplan/"
_INTERFACES = "/sys/class/net"
_SECRET = (_NETPLAN, "/etc/NetworkManager/")
_DROP_INS = (".network.d", ".netdev.d")

# What makes each tool read its files again and bring interfaces in line with them; raises `HostError`.
RELOADS: Mapping[str, Callable[[tuple[str, ...]], None]] = {
    "networkd": networkd.reload,
    "networkmanager": networkmanager.reload,
    "netplan": netplan.reload,
    "ifupdown": ifupdown.reload,
    UNIT: unit.reload,
}


class Files(FileDriver):
    """The files of one host; what was read is kept until something is written. ``root`` is where its / is."""

    def __init__(self, root: str = "/") -> None:
        self._root = root.rstrip("/")
        self._facts: Optional[ToolFacts] = None
        self._read: dict[str, dict[str, str]] = {}
        self._held: set[str] = set()
        self._new_netdevs: list[str] = []  # written, and not yet read by networkd
        self._new_netplan = False  # netplan has files that it hasn't read yet

    def facts(self) -> ToolFacts:
        """Returns the boot tools of this host, which are looked up once."""
        if self._facts is None:
            found = read_facts(netplan_files=bool(self._glob(f"{_NETPLAN}*.yaml")))
            self._facts = replace(
                found,
                claims=functools.lru_cache(maxsize=None)(self._claims),
                keeps_namespace=lambda name: service.keeps_namespace(self.read(UNIT), name),
            )
        return self._facts

    def _claims(self, name: str) -> Mapping[str, str]:
        state = _state(name)
        facts = self.facts()
        found = {
            tool: TOOLS[tool].configures(self.read(tool), state) for tool in sorted(facts.in_charge & facts.installed)
        }
        return {tool: path for tool, path in found.items() if path is not None}

    def read(self, tool: str) -> Mapping[str, str]:
        """Returns all files of a tool that matter, by path, with the copies beside users' files."""
        if tool not in self._read:
            files: dict[str, str] = {}
            seen: set[str] = set()
            patterns = service.patterns if tool == UNIT else TOOLS[tool].patterns
            while new := {PATTERN, *patterns(files)} - seen:
                for path in sorted(path for pattern in new for path in self._glob(pattern)):
                    for each in (path, saved_path(path)):
                        if (text := self._text(each)) is not None:
                            files[each] = text
                seen |= new
            self._read[tool] = files
        return self._read[tool]

    def _glob(self, pattern: str) -> list[str]:
        return [path[len(self._root) :] for path in glob.glob(glob.escape(self._root) + pattern)]

    def _text(self, path: str) -> Optional[str]:
        try:
            with open(self._root + path, encoding="utf-8", errors="surrogateescape", newline="") as handle:
                return handle.read()
        except (FileNotFoundError, IsADirectoryError):
            return None
        except OSError as error:
            raise HostError(f"read {path}", error.strerror or error) from error

    def forget(self) -> None:
        """Forgets what was read."""
        self._read.clear()

    def write(self, path: str, text: Optional[str]) -> None:
        """Writes a file, whole or not at all; ``None`` removes it, and the directory of drop-ins with the last of them.

        Raises `HostError`.
        """
        self.forget()
        where = self._root + path
        if self._new_netdevs and not is_netdev(path):
            self._introduce()
        self._new_netplan |= path.startswith(_NETPLAN)
        if is_netdev(path) and (text is not None or not path.endswith(".netdev")):
            self._new_netdevs.append(where)
        try:
            if text is None:
                os.unlink(where)
                if os.path.dirname(path).endswith(_DROP_INS):
                    with contextlib.suppress(OSError):
                        os.rmdir(os.path.dirname(where))
            else:
                self._replace(path, os.path.realpath(where), text)
        except OSError as error:
            if text is None and isinstance(error, FileNotFoundError):
                return
            raise HostError(f"{'remove' if text is None else 'write'} {path}", error.strerror or error) from error

    def _replace(self, path: str, where: str, text: str) -> None:
        """Replaces the file at ``where``, which is ``path`` with links followed; its owner and mode stay."""
        os.makedirs(os.path.dirname(where), exist_ok=True)
        like = self._like(path, where)
        mode = stat.S_IMODE(like.st_mode) if like else 0o600 if path.startswith(_SECRET) else 0o644
        content = text.encode("utf-8", "surrogateescape")
        uid, gid = (like.st_uid, like.st_gid) if like else (-1, -1)
        write_file(where, content, mode=mode, uid=uid, gid=gid)

    def _like(self, path: str, where: str) -> Optional[os.stat_result]:
        """Returns the status that a file gets: its own, or, for the copy of a user's file, that file's."""
        for each in (where, self._root + (copied_path(path) or path)):
            with contextlib.suppress(FileNotFoundError):
                return os.stat(each)
        return None

    def hold(self, tool: str, name: str) -> None:
        """Stops a tool that interferes until `reload`: NetworkManager as a whole, networkd for a new interface.

        For netplan both are stopped, which are its renderers. Raises `HostError`.
        """
        if tool != "networkd" and tool not in self._held:
            self._held.add(tool)
            networkmanager.hold()
        if tool != "networkmanager":
            networkd.hold(name)

    def stop_dhcp(self, name: str) -> None:
        dhcp_clients.stop(name)

    def reload(self, tool: str, names: tuple[str, ...]) -> None:
        """Makes a tool read its files again and bring these interfaces in line with them. Raises `HostError`."""
        if tool == "netplan":
            self._new_netplan = False
        self._introduce()
        self._held.discard(tool)
        RELOADS[tool](names)

    def _introduce(self) -> None:
        """Makes networkd read new .netdev files before files that refer to them.

        Before that netplan removes the .netdev files of what is gone, or networkd would make it again.
        """
        new_netplan, self._new_netplan = self._new_netplan, False
        if new_netplan:
            netplan.generate()
        netdevs, self._new_netdevs = self._new_netdevs, []
        if netdevs and networkd.running():
            networkd.introduce(netdevs)


def _state(name: str) -> InterfaceState:
    """Returns what an interface is known by in the files."""
    mac = kind = None
    with contextlib.suppress(OSError), open(f"{_INTERFACES}/{name}/address", encoding="ascii") as handle:
        mac = handle.read().strip()
    with (
        contextlib.suppress(OSError),
        open(f"{_INTERFACES}/{name}/uevent", encoding="utf-8", errors="replace") as handle,
    ):
        kind = next((line.split("=", 1)[1] for line in handle.read().splitlines() if line.startswith("DEVTYPE=")), None)
    return InterfaceState(kind or "", 0, Interface(name=name, mac=mac or None))
