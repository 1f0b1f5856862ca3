# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that keep interfaces over a reboot, as they were: all of the tools' directories, byte by byte."""

from __future__ import annotations

import base64
import contextlib
import glob
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ...backend.os.atomic import draft_path, write_file
from ...errors import HostError, VirtnetError

# Each tool's, with all that is below them. netplan comes first, as it writes files of the next two.
DIRECTORIES: Mapping[str, str] = {
    "netplan": "/etc/netplan",
    "networkd": "/etc/systemd/network",
    "networkmanager": "/etc/NetworkManager/system-connections",
    "ifupdown": "/etc/network",
}
_SYSCTLS = "etc/sysctl.d/90-virtnet-kvm-*"  # what networkd has no word for, see persist.networkd.writer


@dataclass(frozen=True)
class Kept:
    """A file (``content``), a link (``target``) or, with neither, a directory."""

    mode: int
    uid: int
    gid: int
    content: Optional[bytes] = None
    target: Optional[str] = None

    @property
    def directory(self) -> bool:
        return self.content is None and self.target is None


Files = Mapping[str, Kept]


def read_files(root: str) -> Files:
    """All files of all tools, by their paths, and our sysctls beside. Sockets and the like are none."""
    tops = [os.path.join(root, top.lstrip("/")) for top in DIRECTORIES.values()]
    tops += sorted(glob.glob(os.path.join(glob.escape(root), _SYSCTLS)))
    return {path: kept for top in tops for path, kept in _below(top)}


def _below(path: str) -> Iterator[tuple[str, Kept]]:
    try:
        found = _read(path)
        if found is None:
            return
        yield path, found
        for name in sorted(os.listdir(path)) if found.directory else ():
            yield from _below(os.path.join(path, name))
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostError(f"read {path}", error.strerror or error) from error


def _read(path: str) -> Optional[Kept]:
    status = os.lstat(path)
    owner = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    if stat.S_ISDIR(status.st_mode):
        return Kept(*owner)
    if stat.S_ISLNK(status.st_mode):
        return Kept(*owner, target=os.readlink(path))
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as handle:
            return Kept(*owner, content=handle.read())
    return None


def differing(desired: Files, found: Files) -> list[str]:
    """The paths to put right: what comes, directories first, then what goes, the deepest first."""
    come = sorted(path for path, kept in desired.items() if found.get(path) != kept)
    go = sorted((path for path in found if path not in desired), reverse=True)
    return [*go, *come] if _clash(desired, found) else [*come, *go]


def _clash(desired: Files, found: Files) -> bool:
    """Whether something has become a directory, or has ceased to be one: then what goes has to make room first."""
    return any(path in found and found[path].directory != kept.directory for path, kept in desired.items())


def put_back(path: str, kept: Optional[Kept]) -> None:
    """Make one path as it was; ``None`` removes it."""
    try:
        if kept is None:
            _remove(path)
        elif kept.directory:
            _make_directory(path, kept)
        else:
            _write(path, kept)
    except OSError as error:
        raise HostError(f"put back {path}", error.strerror or error) from error


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)


def _make_directory(path: str, kept: Kept) -> None:
    if not os.path.isdir(path) or os.path.islink(path):
        _remove(path)
        os.mkdir(path)
    os.chown(path, kept.uid, kept.gid)
    os.chmod(path, kept.mode)


def _write(path: str, kept: Kept) -> None:
    """Whole or not at all, and on the disk when it returns: a power failure may come next."""
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    if kept.target is None:
        write_file(path, kept.content or b"", mode=kept.mode, uid=kept.uid, gid=kept.gid)
        return
    draft = draft_path(path)
    _remove(draft)
    os.symlink(kept.target, draft)
    os.lchown(draft, kept.uid, kept.gid)
    os.replace(draft, path)


def restore_files(desired: Files, root: str) -> tuple[list[str], dict[str, str]]:
    """Make all files as they were: the paths that were put right, and by path what couldn't be, with the reason."""
    changed: list[str] = []
    errors: dict[str, str] = {}
    for path in differing(desired, read_files(root)):
        try:
            put_back(path, desired.get(path))
            changed.append(path)
        except VirtnetError as error:
            errors[path] = str(error)
    return changed, errors


def tools_of(paths: list[str], root: str) -> list[str]:
    """The tools whose files these are."""
    below = {tool: os.path.join(root, top.lstrip("/"), "") for tool, top in DIRECTORIES.items()}
    return [tool for tool, top in below.items() if any(f"{path}/".startswith(top) for path in paths)]


def encode_files(files: Files) -> dict[str, Any]:
    """What `json` can write."""
    return {
        path: {
            "mode": kept.mode,
            "uid": kept.uid,
            "gid": kept.gid,
            "content": None if kept.content is None else base64.b64encode(kept.content).decode("ascii"),
            "target": kept.target,
        }
        for path, kept in files.items()
    }


def decode_files(held: Mapping[str, Mapping[str, Any]]) -> Files:
    """What `encode_files` was given."""
    return {
        path: Kept(**{**fields, "content": None if fields["content"] is None else base64.b64decode(fields["content"])})
        for path, fields in held.items()
    }
