# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes systemd-networkd take over interfaces that are there already.

networkd creates what a new .netdev file says. It takes an interface that is there for the one in the file only if the
kernel has announced it since networkd has read the file (netdev_create_handler in src/network/netdev/netdev.c). So .netdev
files are read first, then the kernel announces each interface, and only then the files are read that refer to it. A restart
of networkd needs none of that, but then networkd removes what others have added to the interfaces that it manages.
"""

from __future__ import annotations

import contextlib
import glob
import os
import socket
import time
from collections.abc import Collection, Iterable, Mapping

from ...errors import HostError
from ...persist.ini import parse, settings
from ...persist.networkd.match import DIRECTORIES
from ...persist.networkd.unmanaged import HELD, unmanaged
from ..netlink.channel import Channel, attribute
from ..netlink.layer3 import announce_subnets
from ..netlink.read import LINK, RTM_NEWLINK
from ..os import commands
from ..os.atomic import write_file
from .leases import Leases

SYS_NET = "/sys/class/net"
_NOTES = "/run/systemd/netif"
SECONDS = 15  # until all is set up
PATIENCE = 2  # seconds until it gets some help, and again
HELPS = 2
# What the names of our files begin with, and those that netplan writes from ours.
_OURS = ("/etc/systemd/network/*-virtnet-kvm", "/run/systemd/network/*-netplan")
_IFALIAS = 20  # linux/if_link.h
_UNDER_WAY = ("pending", "initialized", "configuring", "failed")


def running() -> bool:
    """Returns whether networkd runs."""
    try:
        commands.run("look whether networkd runs", "systemctl", "--quiet", "is-active", "systemd-networkd.service")
    except HostError:
        return False
    return True


def notes(index: int) -> Mapping[str, str]:
    """Returns what networkd notes of an interface and of its lease, by key; nothing where it doesn't manage it."""
    found: dict[str, str] = {}
    for kind in ("links", "leases"):
        with (
            contextlib.suppress(OSError),
            open(f"{_NOTES}/{kind}/{index}", encoding="utf-8", errors="replace") as handle,
        ):
            found.update(settings(handle))
    return found


def wireless(name: str) -> bool:
    """Returns whether an interface is a wireless one, which the kernel gives no kind of its own."""
    return os.path.exists(f"{SYS_NET}/{name}/phy80211")


def introduce(netdevs: Iterable[str]) -> None:
    """Makes networkd read .netdev files and take the interfaces that are there for theirs. Raises `HostError`.

    ``netdevs`` may have drop-ins beside such files, too, and what was removed.
    """
    paths = [path for path in netdevs if _device_file(path)]
    _reload()
    for path in paths:
        _announce(_name_in(_device_file(path)))
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)  # networkd tries a .netdev that has failed again only if the file has another time
    _reload()


def hold(name: str) -> None:
    """Makes networkd leave an interface alone that is going to be created, until `reload`. Raises `HostError`.

    Otherwise it would set up the interface by a user's file that fits before it reads ours.
    """
    if os.path.isdir(f"{SYS_NET}/{name}") or not running():
        return
    path = f"{HELD}{name}.network"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, unmanaged(name).encode(), mode=0o644)
    except OSError as error:
        raise HostError(f"write {path}", error.strerror or error) from error
    _reload()


def _let_go() -> set[str]:
    """Makes networkd manage what is held once it reads its files again; returns the interfaces."""
    found = set()
    for path in glob.glob(f"{glob.escape(HELD)}*.network"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        found.add(path[len(HELD) : -len(".network")])
    return found


def _device_file(path: str) -> str:
    """Returns the .netdev file that a drop-in is for, or the file itself; empty if there is none."""
    folder, name = os.path.split(path)
    if not name.endswith(".netdev"):
        name = os.path.basename(folder)[: -len(".d")]
        found = (f"{directory}/{name}" for directory in DIRECTORIES)
        return next(filter(os.path.exists, found), "")
    return path if os.path.exists(path) else ""


def reload(names: tuple[str, ...]) -> None:
    """Makes networkd read all files, and waits until it has set up the interfaces and their ports or parents.

    Raises `HostError` if that takes too long.
    """
    held = _let_go()
    if not running():
        return
    with contextlib.closing(Leases(names)) as leases:
        _reload()
        _settle(names, leases, held)


def _settle(names: tuple[str, ...], leases: Leases, held: Collection[str]) -> None:
    begun = time.monotonic()
    helped = 0
    again: set[str] = set()
    while (missing := leases.put_back()) | bool(waiting := _under_way(_concerned(names), held)):
        took = time.monotonic() - begun
        for name in {name for name, state in waiting.items() if state == "failed"} - again:
            # it has tried to make it a port of a bridge that was just removed
            commands.run(f"have networkd set up {name} again", "networkctl", "reconfigure", name)
            again.add(name)
        needed = [name for name, state in waiting.items() if state == "failed" or _must_be_set_up(name)]
        if helped == HELPS and took > PATIENCE * HELPS + 1 and not missing and not needed:
            return  # the NIC that a bridge gives back may wait long for a router, and another one for a DHCP server
        if helped < HELPS and took > PATIENCE * (helped + 1):
            _announce_subnets(waiting)
            _renew(waiting)
            helped += 1
        if took > SECONDS:
            raise HostError(
                "have networkd set up its interfaces",
                f"after {SECONDS} s {', '.join(f'{name} is {state}' for name, state in waiting.items())}; networkctl status says why",
            )
        time.sleep(0.1)


def _reload() -> None:
    commands.run("have networkd read its files", "networkctl", "reload")


def _name_in(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as handle:
        return parse(handle.read()).get("NetDev", {}).get("Name", "")


def _announce(name: str) -> None:
    """Makes the kernel announce an interface, by setting the alias that it has (do_setlink in net/core/rtnetlink.c)."""
    try:
        with open(f"{SYS_NET}/{name}/ifalias", "rb") as handle:
            alias = handle.read().rstrip(b"\n")
        index = socket.if_nametoindex(name)
    except OSError:
        return  # networkd is going to create it
    with contextlib.closing(Channel(None)) as channel:
        channel.request(
            f"have the kernel announce {name}", RTM_NEWLINK, LINK.pack(0, 0, index, 0, 0) + attribute(_IFALIAS, alias)
        )


def _announce_subnets(names: Iterable[str]) -> None:
    """Makes the kernel announce the routes to subnets again, by removing and adding each.

    networkd waits for the route to its gateway. Where two interfaces had the same subnet for a moment, as when addresses
    move, it takes the one's route for the other's (route_compare_func in src/network/networkd-route.c).
    """
    with contextlib.closing(Channel(None)) as channel:
        announce_subnets(channel, {socket.if_nametoindex(name) for name in names})


def _renew(names: Iterable[str]) -> None:
    """Makes networkd renew leases that it has got.

    It removes what it finds on an interface before it asks for a lease. Where the news of that comes after the same address was
    added again, it waits for the address until it renews the lease, which may be hours.
    """
    for name in names:
        with contextlib.suppress(OSError, HostError):  # an old networkd can't, or the lease has ended
            if "SERVER_ADDRESS" in notes(socket.if_nametoindex(name)):
                commands.run(f"have networkd renew the lease of {name}", "networkctl", "renew", name)


def _concerned(names: Iterable[str]) -> set[str]:
    """Returns those of the interfaces that exist, with their ports and parents."""
    found = {name for name in names if os.path.isdir(f"{SYS_NET}/{name}")}
    for name in list(found):
        with contextlib.suppress(OSError):
            found.update(os.listdir(f"{SYS_NET}/{name}/brif"))
        found.update(entry[6:] for entry in os.listdir(f"{SYS_NET}/{name}") if entry.startswith("lower_"))
    return found


def _under_way(names: set[str], held: Collection[str]) -> dict[str, str]:
    """Returns the interfaces that networkd hasn't set up yet, with their states, without those that it doesn't manage.

    It manages those that were ``held`` some moments after it has read its files.
    """
    said = commands.run("ask networkd for its interfaces", "networkctl", "list", "--no-pager", "--no-legend")
    rows = [line.split() for line in said.splitlines()]
    states = {row[1]: row[-1] for row in rows if len(row) >= 5}
    later = {name for name in held if _files_of(name)}
    return {
        name: states[name]
        for name in sorted(names & states.keys())
        if states[name] in _UNDER_WAY or (states[name] == "unmanaged" and name in later)
    }


def _files_of(name: str) -> list[str]:
    """Returns the texts of the .network files of ours by which networkd manages an interface."""
    found = []
    for path in (path for place in _OURS for path in glob.glob(f"{place}-{glob.escape(name)}.network")):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as handle:
            found.append(handle.read())
    return [text for text in found if text != unmanaged(name)]


def _must_be_set_up(name: str) -> bool:
    """Returns whether a file of ours is for an interface, and doesn't have networkd wait for a DHCP server."""
    texts = _files_of(name)
    return bool(texts) and not any(parse(text).get("Network", {}).get("DHCP") for text in texts)
