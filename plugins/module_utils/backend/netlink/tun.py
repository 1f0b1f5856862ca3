# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TUN and TAP devices: netlink shows and removes them, but making one and changing it is done on /dev/net/tun."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import pwd
import struct
from collections.abc import Iterator
from typing import Optional

from ...errors import HostError
from ...model.interface.options import Tuntap
from .channel import KernelError, inside
from .words import IFF_TAP, IFF_TUN

DEVICE = "/dev/net/tun"

# linux/if_tun.h
_IFF_NO_PI, _IFF_VNET_HDR, _IFF_MULTI_QUEUE, _IFF_TUN_EXCL = 0x1000, 0x4000, 0x0100, 0x8000
_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER, _TUNSETGROUP = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE
_IFREQ = struct.Struct("=16sH22x")


def available() -> bool:
    """Whether the kernel has them: opening the device makes none yet. Who may not open it is told so when he makes one."""
    try:
        os.close(os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def make(definition: Tuntap, netns: Optional[str]) -> None:
    """A new one, which stays when nobody has it open."""
    with _open(definition, netns, f"create {definition.mode or 'tap'} {definition.name}", _IFF_TUN_EXCL) as device:
        _own(device, definition)
        fcntl.ioctl(device, _TUNSETPERSIST, 1)


def change(definition: Tuntap, netns: Optional[str]) -> None:
    """Give one its owner, its group and its flags, which are all of ``definition``'s; its mode must be what it is."""
    with _open(definition, netns, f"change {definition.mode or 'tap'} {definition.name}") as device:
        _own(device, definition)


@contextlib.contextmanager
def _open(definition: Tuntap, netns: Optional[str], doing: str, flags: int = 0) -> Iterator[int]:
    flags |= IFF_TUN if definition.mode == "tun" else IFF_TAP
    flags |= 0 if definition.packet_info else _IFF_NO_PI
    flags |= _IFF_VNET_HDR if definition.vnet_hdr else 0
    flags |= _IFF_MULTI_QUEUE if definition.multi_queue else 0
    try:
        with inside(netns):  # a device belongs to the namespace that it was opened in
            device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(device, _TUNSETIFF, _IFREQ.pack((definition.name or "").encode(), flags))
            yield device
        finally:
            os.close(device)
    except OSError as error:
        raise KernelError(doing, error.errno or 0, error.strerror or str(error)) from None


def _own(device: int, definition: Tuntap) -> None:
    if definition.owner is not None:
        fcntl.ioctl(device, _TUNSETOWNER, _user(definition.owner))
    if definition.group is not None:
        fcntl.ioctl(device, _TUNSETGROUP, _group(definition.group))


def _user(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return _digits("user", name)


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return _digits("group", name)


def _digits(what: str, name: str) -> int:
    if not name.isdigit():
        raise HostError(f"look for the {what} {name}", f"this host has no such {what}")
    return int(name)
