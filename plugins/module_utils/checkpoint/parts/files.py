# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that keep interfaces over a reboot, byte by byte: all that is in the directories of the boot tools."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ...backend.os import commands
from ...backend.os.atomic import sync, write_file, write_link
from ...errors import HostError
from ...persist.declared.paths import DIRECTORY as DECLARED
from ...persist.files import SYSCTL_FILES
from ..part import Host, Part, Snapshot, Step
from .interfaces import changing

# Each tool's, with all that is below them. netplan comes first, as it writes files of the next two.
DIRECTORIES: Mapping[str, str] = {
    "netplan": "/etc/netplan",
    "networkd": "/etc/systemd/network",
    "networkmanager": "/etc/NetworkManager/system-connections",
    "ifupdown": "/etc/network",
}
# Besides, ours for what networkd has no setting, see `persist.networkd.writer` (no other file of that directory is saved),
# and what is remembered of interfaces, which no tool reads.


@dataclass(frozen=True)
class SavedFile:
    """A file (``content``), a link (``target``) or, with neither, a directory."""

    mode: int
    uid: int
    gid: int
    content: Optional[bytes] = None
    target: Optional[str] = None

    @property
    def directory(self) -> bool:
        return self.content is None and self.target is None


Files = Mapping[str, SavedFile]


@dataclass(frozen=True)
class SavedFiles:
    """The files of a snapshot, by path."""

    files: Files


class FilesPart(Part[SavedFiles]):
    """The files of all boot tools; a tool whose files were changed reads them again."""

    name = "files"
    kept = SavedFiles
    on_disk = True

    def take(self, host: Host) -> SavedFiles:
        return SavedFiles(read_files(host.root))

    def steps(self, snapshot: Snapshot, host: Host) -> Sequence[RestoreFile]:
        saved = snapshot.of(self).files
        return [RestoreFile(path, saved.get(path)) for path in differing(saved, read_files(host.root))]

    def handlers(self, done: Sequence[Step], snapshot: Snapshot, host: Host) -> Sequence[ReloadTool]:
        paths = _paths(done)
        tools = [tool for tool in tools_of(paths, host.root) if host.has_tool(tool)]
        names = changing(snapshot, host) if tools else ()
        return [ReloadTool(tool, names, paths) for tool in tools]

    def boot_handlers(self, done: Sequence[Step], host: Host) -> Sequence[GenerateNetplan]:
        """Returns netplan's generator, the only one that has run already, on the files that were there then."""
        return [GenerateNetplan()] if "netplan" in tools_of(_paths(done), host.root) else ()


FILES = FilesPart()


def _paths(done: Sequence[Step]) -> tuple[str, ...]:
    return tuple(step.path for step in done if isinstance(step, RestoreFile))


def read_files(root: str) -> Files:
    """Returns all files of all tools, our sysctl files and what is remembered of interfaces, by path, without sockets and the like. Raises `HostError`."""
    tops = [os.path.join(root, top.lstrip("/")) for top in DIRECTORIES.values()]
    tops += [os.path.join(root, DECLARED.lstrip("/"))]
    tops += sorted(glob.glob(os.path.join(glob.escape(root), f"{SYSCTL_FILES.lstrip('/')}*")))
    return {path: saved for top in tops for path, saved in below(top)}


def below(path: str) -> Iterator[tuple[str, SavedFile]]:
    """Yields a file, or a directory with all that is below it, by path; nothing if it isn't there. Raises `HostError`."""
    try:
        found = _read(path)
        if found is None:
            return
        yield path, found
        for name in sorted(os.listdir(path)) if found.directory else ():
            yield from below(os.path.join(path, name))
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostError(f"read {path}", error.strerror or error) from error


def _read(path: str) -> Optional[SavedFile]:
    status = os.lstat(path)
    owner = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    if stat.S_ISDIR(status.st_mode):
        return SavedFile(*owner)
    if stat.S_ISLNK(status.st_mode):
        return SavedFile(*owner, target=os.readlink(path))
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as handle:
            return SavedFile(*owner, content=handle.read())
    return None


def differing(saved: Files, current: Files) -> list[str]:
    """Returns the paths that differ: those to restore, directories first, then those to remove, the deepest first."""
    restore = sorted(path for path, file in saved.items() if current.get(path) != file)
    remove = sorted((path for path in current if path not in saved), reverse=True)
    return [*remove, *restore] if _clash(saved, current) else [*restore, *remove]


def _clash(saved: Files, current: Files) -> bool:
    """Returns whether a path has become a directory, or is none any more: then removing has to make room first."""
    return any(path in current and current[path].directory != file.directory for path, file in saved.items())


@dataclass(frozen=True)
class RestoreFile:
    """One path that is made as it was; without ``saved`` it wasn't there, and is removed."""

    path: str
    saved: Optional[SavedFile]

    @property
    def words(self) -> str:
        return f"remove {self.path}" if self.saved is None else f"restore {self.path}"

    def do(self, _host: Host) -> None:
        restore_file(self.path, self.saved)


@dataclass(frozen=True)
class ReloadTool:
    """A boot tool reads its files again and takes over these interfaces; ``changed`` are all files that were restored."""

    tool: str
    names: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"have {self.tool} read its files again"

    def do(self, host: Host) -> None:
        host.reload(self.tool, self.names, self.changed)


@dataclass(frozen=True)
class GenerateNetplan:
    """netplan writes the files of its backends again; at boot nothing has read these yet."""

    words: str = "have netplan read its files again"

    def do(self, _host: Host) -> None:
        commands.run(self.words, "netplan", "generate")


def restore_file(path: str, saved: Optional[SavedFile]) -> None:
    """Makes one path as it was; it is on the disk on return. Without ``saved`` it is removed. Raises `HostError`."""
    try:
        if saved is None:
            _remove(path)
        elif saved.directory:
            _make_directory(path, saved)
        else:
            _write(path, saved)
        with contextlib.suppress(FileNotFoundError):
            sync(os.path.dirname(path))
    except OSError as error:
        doing = f"remove {path}" if saved is None else f"restore {path}"
        raise HostError(doing, error.strerror or error) from error


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)


def _make_directory(path: str, saved: SavedFile) -> None:
    if not os.path.isdir(path) or os.path.islink(path):
        _remove(path)
        os.mkdir(path)
    os.chown(path, saved.uid, saved.gid)
    os.chmod(path, saved.mode)


def _write(path: str, saved: SavedFile) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    if saved.target is not None:
        write_link(path, saved.target, uid=saved.uid, gid=saved.gid)
    else:
        write_file(path, saved.content or b"", mode=saved.mode, uid=saved.uid, gid=saved.gid)


def tools_of(paths: Iterable[str], root: str) -> list[str]:
    """Returns the tools whose files these are."""
    below = {tool: os.path.join(root, top.lstrip("/"), "") for tool, top in DIRECTORIES.items()}
    found = [f"{path}/" for path in paths]
    return [tool for tool, top in below.items() if any(path.startswith(top) for path in found)]
