# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the tools that keep a host's interfaces over a reboot: read, written, and read again by their tool."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
import stat
from collections.abc import Mapping
from typing import Callable, Optional

from ...errors import HostError
from ...persist.choose import TOOLS
from ...persist.files import ToolFacts, copied_path, saved_path
from ...persist.steps import FileDriver
from ..os import accounts, commands
from ..os.atomic import write_file
from . import ifupdown, netplan, networkd, networkmanager

# Only root reads what may hold the passwords of a wireless network.
_NETPLAN = "/etc/netplan/"
_SECRET = (_NETPLAN, "/etc/NetworkManager/")
_SERVICES = {
    "systemd-networkd.service": "networkd",
    "NetworkManager.service": "networkmanager",
    "networking.service": "ifupdown",
}

RELOADS: Mapping[str, Callable[[tuple[str, ...]], None]] = {
    "networkd": networkd.reload,
    "ifupdown": ifupdown.reload,
    "networkmanager": networkmanager.reload,
    "netplan": netplan.reload,
}


class Files(FileDriver):
    """The files of one host; what was read is kept until something is written. ``root`` is where its / is."""

    def __init__(self, root: str = "/") -> None:
        self._root = root.rstrip("/")
        self._facts: Optional[ToolFacts] = None
        self._read: dict[str, dict[str, str]] = {}
        self._held: set[str] = set()
        self._netdevs: list[str] = []  # written, and not yet read by networkd
        self._netplans = False  # written, and not yet read by netplan

    def facts(self) -> ToolFacts:
        """The tools of this host; looked up once."""
        if self._facts is None:
            installed = {
                tool
                for tool, command in (
                    ("networkd", "networkctl"),
                    ("networkmanager", "nmcli"),
                    ("netplan", "netplan"),
                    ("ifupdown", "ifup"),
                )
                if shutil.which(command)
            }
            in_charge = self._services() if installed & set(_SERVICES.values()) else set()
            if self._glob(f"{_NETPLAN}*.yaml"):
                in_charge.add("netplan")
            self._facts = ToolFacts(
                frozenset(installed), frozenset(in_charge), self._systemd(installed), accounts.number_of
            )
        return self._facts

    @staticmethod
    def _systemd(installed: set[str]) -> int:
        """The version of systemd, where networkd is there, whose words depend on it."""
        try:
            said = (
                commands.run("ask networkd for its version", "networkctl", "--version")
                if "networkd" in installed
                else ""
            )
        except HostError:
            return 0
        found = re.search(r"\d+", said)
        return int(found[0]) if found else 0

    @staticmethod
    def _services() -> set[str]:
        """The tools whose service runs, or starts with the host. Without systemd it is ifupdown whose scripts do that."""
        try:
            said = commands.run(
                "look which services keep the network",
                "systemctl",
                "show",
                "-p",
                "Id,ActiveState,UnitFileState",
                *_SERVICES,
            )
        except HostError:
            return {"ifupdown"}
        found = set()
        for block in said.split("\n\n"):
            unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            if unit.get("ActiveState") == "active" or unit.get("UnitFileState") == "enabled":
                found.add(_SERVICES.get(unit.get("Id", ""), ""))
        return found - {""}

    def read(self, tool: str) -> Mapping[str, str]:
        """All files of a tool that matter, by path, with the copies that lie beside users' files."""
        if tool not in self._read:
            files: dict[str, str] = {}
            seen: set[str] = set()
            while new := set(TOOLS[tool].patterns(files)) - seen:
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
        self._read.clear()

    def write(self, path: str, text: Optional[str]) -> None:
        """Make a file so, whole or not at all; ``None`` removes it, and a drop-in's directory that is left empty."""
        self.forget()
        where = self._root + path
        if self._netdevs and not path.endswith(".netdev"):
            self._introduce()
        self._netplans |= path.startswith(_NETPLAN)
        try:
            if text is None:
                os.unlink(where)
                if path.endswith(".conf"):
                    with contextlib.suppress(OSError):
                        os.rmdir(os.path.dirname(where))
            else:
                self._replace(path, os.path.realpath(where), text)
                if path.endswith(".netdev"):
                    self._netdevs.append(where)
        except FileNotFoundError:
            if text is not None:
                raise
        except OSError as error:
            raise HostError(f"{'remove' if text is None else 'write'} {path}", error.strerror or error) from error

    def _replace(self, path: str, where: str, text: str) -> None:
        """The text is kept as it is, byte by byte; owner and mode stay."""
        os.makedirs(os.path.dirname(where), exist_ok=True)
        like = self._like(path, where)
        mode = stat.S_IMODE(like.st_mode) if like else 0o600 if path.startswith(_SECRET) else 0o644
        content = text.encode("utf-8", "surrogateescape")
        uid, gid = (like.st_uid, like.st_gid) if like else (-1, -1)
        write_file(where, content, mode=mode, uid=uid, gid=gid)

    def _like(self, path: str, where: str) -> Optional[os.stat_result]:
        """Whose mode and owner it gets: its own, or, for the copy of a user's file, that file's."""
        for each in (where, self._root + (copied_path(path) or path)):
            with contextlib.suppress(FileNotFoundError):
                return os.stat(each)
        return None

    def hold(self, tool: str) -> None:
        """Have a tool that meddles keep still until `reload`; of these there is NetworkManager, be it behind netplan."""
        if tool not in self._held:
            self._held.add(tool)
            networkmanager.hold()

    def reload(self, tool: str, names: tuple[str, ...]) -> None:
        """Have the tool read its files again and agree with what runs, for these interfaces."""
        if tool == "netplan":
            self._netplans = False
        self._introduce()
        self._held.discard(tool)
        RELOADS[tool](names)

    def _introduce(self) -> None:
        """networkd knows each .netdev before another file refers to it; and has none from netplan any more of what is gone,
        which it would make again."""
        netplans, self._netplans = self._netplans, False
        if netplans:
            netplan.generate()
        netdevs, self._netdevs = self._netdevs, []
        if netdevs and networkd.running():
            networkd.introduce(netdevs)
