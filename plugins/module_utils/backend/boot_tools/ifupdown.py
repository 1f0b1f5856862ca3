# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes ifupdown take over interfaces that are there already.

``ifup`` runs the commands of their stanzas, which change nothing, and notes that they are up. Those of users are changed
for that (`persist.ifupdown.gentle`). So ``ifquery --state`` lists
them, and a command that would fail at boot fails now.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Optional

from ...errors import HostError
from ...persist.files import made_for
from ...persist.ifupdown.gentle import gentle
from ...persist.ifupdown.stanzas import Stanza, parse
from ...persist.ifupdown.writer import Ifupdown
from ...persist.takeover import remembered
from ..os import commands
from ..os.atomic import write_file
from . import dhcp_clients, name_servers

RUN = "/run/network"
_LEASE_SECONDS = 50  # dhclient would wait for five minutes; a bridge with STP forwards nothing for 30 seconds
_GENTLE = f"{RUN}/virtnet-kvm-interfaces"


def reload(names: tuple[str, ...]) -> None:
    """Brings up the interfaces that have a stanza, and forgets the others. Raises `HostError`.

    An interface that a bridge has taken over, or that has no stanza any more, hands its leases on to the others.
    """
    try:
        os.makedirs(RUN, exist_ok=True)
    except OSError as error:
        raise HostError(f"create {RUN}", error.strerror or error) from error
    files = _files()
    stanzas = parse(files)
    named = {stanza.interface for stanza in stanzas}
    known = set(commands.run("ask ifupdown for its interfaces", "ifquery", "--list", "--all").split()) | named
    given_up = [name for name in names if name not in known or _is_given_up(name, files)]
    up = [name for name in names if name not in given_up]
    for name in given_up:
        dhcp_clients.stop(name)
        successor = _successor(name, names, files)
        if successor in up:
            dhcp_clients.hand_on(name, successor)
    for name in up:
        aliases = sorted(alias for alias in named if alias.startswith(f"{name}:"))
        of = {each: [stanza for stanza in stanzas if stanza.interface == each] for each in (name, *aliases)}
        if not _gives_name_servers(of[name]):
            name_servers.forget(name)  # the scripts of ifup don't
        for each, own in of.items():
            _bring_up(each, own, files)
    for name in given_up:
        name_servers.forget(name)
        if name not in known:
            _forget_all(name)


def _gives_name_servers(stanzas: Iterable[Stanza]) -> bool:
    return any(
        stanza.method not in ("manual", "static") or stanza.get("dns-nameservers") or stanza.get("dns-nameserver")
        for stanza in stanzas
    )


def _files() -> dict[str, str]:
    """Returns all files that ifupdown reads, and the copies beside them."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    while new := set(Ifupdown().patterns(found)) - seen:
        for path in sorted(path for pattern in new for path in glob.glob(pattern)):
            with (
                contextlib.suppress(FileNotFoundError, IsADirectoryError),
                open(path, encoding="utf-8", errors="surrogateescape") as handle,
            ):
                found[path] = handle.read()
        seen |= new
    return found


def _is_given_up(name: str, files: Mapping[str, str]) -> bool:
    """Returns whether a bridge has the stanzas of an interface."""
    return _new_owner(name, files) is not None


def _new_owner(name: str, files: Mapping[str, str]) -> Optional[str]:
    """Returns the bridge that has the stanzas of an interface."""
    for text in files.values():
        taken = remembered(text)
        if taken is not None and taken.interface == name and (bridge := made_for(text)) is not None:
            return bridge
    return None


def _successor(name: str, names: Sequence[str], files: Mapping[str, str]) -> str:
    """Returns the interface to which the lease of one goes: the bridge that has its stanzas, or, for a bridge that is gone,
    the interface that it gives back, which follows it in ``names``."""
    owner = _new_owner(name, files)
    return owner or next(iter(names[names.index(name) + 1 :]), "")


def _bring_up(name: str, stanzas: Sequence[Stanza], files: Mapping[str, str]) -> None:
    ours = [path for path, text in files.items() if made_for(text) is not None]
    asks = any(stanza.method == "dhcp" for stanza in stanzas)
    leased = asks and bool(dhcp_clients.running(name))
    if not leased and all(stanza.head.path in ours and not stanza.moved for stanza in stanzas):
        _ifup(name, asks=asks)
        return
    try:
        text = gentle(stanzas, ours, leased=leased)
        write_file(_GENTLE, text.encode("utf-8", "surrogateescape"), mode=0o600)
        _ifup(name, "--interfaces", _GENTLE, asks=asks and not leased)
    except OSError as error:
        raise HostError(f"write {_GENTLE}", error.strerror or error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_GENTLE)


def _ifup(name: str, *options: str, asks: bool) -> None:
    """Brings up an interface; one that ``asks`` a DHCP server must get an answer within a while, or its client is ended."""
    doing, limit = f"bring up {name} by ifupdown", ("timeout", "--kill-after=5", str(_LEASE_SECONDS)) if asks else ()
    until = time.monotonic() + _LEASE_SECONDS
    try:
        commands.run(doing, *limit, "ifup", "--force", *options, name)
    except HostError as error:
        if asks and time.monotonic() >= until:
            raise HostError(doing, f"no DHCP server has answered on {name} within {_LEASE_SECONDS} s") from error
        raise


def _forget_all(name: str) -> None:
    try:
        for path in [f"{RUN}/ifstate.{name}", *glob.glob(f"{RUN}/ifstate.{glob.escape(name)}:*")]:
            _forget(os.path.basename(path)[len("ifstate.") :])
    except OSError as error:
        raise HostError(f"have ifupdown forget {name}", error.strerror or error) from error


def _forget(name: str) -> None:
    """Removes ifupdown's note that an interface is up; ``ifdown`` doesn't, where there is no stanza any more."""
    path = f"{RUN}/ifstate"
    with contextlib.suppress(FileNotFoundError), open(f"{RUN}/.ifstate.lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(path, encoding="utf-8") as handle:
            lines = handle.readlines()
        left = [line for line in lines if line.split("=", 1)[0].strip() != name]
        if left != lines:
            write_file(path, "".join(left).encode(), mode=0o644)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{RUN}/ifstate.{name}")
