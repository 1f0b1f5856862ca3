# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's own interfaces, through netlink and the kernel's /sys."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterator
from typing import Any, Optional

from ..errors import HostError, MissingLibraryError
from ..model.world import Link

SYS_NET = "/sys/class/net"


@contextlib.contextmanager
def netlink(doing: str) -> Iterator[Any]:
    """A netlink socket; pyroute2 is imported only here, as the import alone takes a third of a second."""
    try:
        from pyroute2 import IPRoute, NetlinkError
    except ImportError:
        raise MissingLibraryError("pyroute2", traceback.format_exc()) from None
    try:
        with IPRoute() as socket:
            yield socket
    except NetlinkError as error:
        raise HostError(doing, os.strerror(error.code) if error.code else error) from error
    except OSError as error:
        raise HostError(doing, error.strerror or error) from error


def read_links() -> tuple[Link, ...]:
    """Every interface of the host with its addresses, loopback and link-local ones left out: one dump each."""
    with netlink("read the host's interfaces") as socket:
        names = {link["index"]: dict(link["attrs"])["IFLA_IFNAME"] for link in socket.get_links()}
        addresses: dict[int, list[str]] = {index: [] for index in names}
        for message in socket.get_addr():
            found = dict(message["attrs"]).get("IFA_ADDRESS")
            local = dict(message["attrs"]).get("IFA_LOCAL", found)
            if local and not local.startswith(("127.", "::1", "fe80:")):
                addresses.setdefault(message["index"], []).append(f"{local}/{message['prefixlen']}")
    return tuple(Link(name, tuple(addresses[index])) for index, name in names.items() if name != "lo")


def master_of(device: str) -> Optional[str]:
    """The bridge that a device is a port of, if it is one."""
    try:
        return os.path.basename(os.readlink(f"{SYS_NET}/{device}/master"))
    except OSError:
        return None


def exists(device: str) -> bool:
    """Whether the host has an interface of that name."""
    return os.path.exists(f"{SYS_NET}/{device}")


def _indexes(socket: Any) -> dict[str, int]:
    return {dict(link["attrs"])["IFLA_IFNAME"]: link["index"] for link in socket.get_links()}


def enslave(device: str, bridge: str) -> None:
    """Make a device a port of a bridge, and bring it up."""
    doing = f"plug {device} in {bridge}"
    with netlink(doing) as socket:
        index = _indexes(socket)
        for name in (device, bridge):
            if name not in index:
                raise HostError(doing, f"there is no interface {name}")
        socket.link("set", index=index[device], master=index[bridge])
        socket.link("set", index=index[device], state="up")


def add_bridge(name: str) -> None:
    """Make a bridge, unless it is there."""
    if not exists(name):
        with netlink(f"make bridge {name}") as socket:
            socket.link("add", ifname=name, kind="bridge")


def remove_empty_bridge(name: str) -> None:
    """Remove a bridge that has no ports left."""
    try:
        ports = os.listdir(f"{SYS_NET}/{name}/brif")
    except OSError:
        return
    if not ports:
        with netlink(f"remove bridge {name}") as socket:
            socket.link("del", index=_indexes(socket)[name])
