# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TUN and TAP devices: netlink shows and removes them, but creating and changing one is done on /dev/net/tun."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from typing import Optional

from ...errors import HostError
from ...model.interface.options import Tuntap
from ..os import accounts
from .channel import KernelError, inside
from .tables import IFF_TAP, IFF_TUN

DEVICE = "/dev/net/tun"

# linux/if_tun.h
_IFF_NO_PI, _IFF_VNET_HDR, _IFF_MULTI_QUEUE, _IFF_TUN_EXCL = 0x1000, 0x4000, 0x0100, 0x8000
_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER, _TUNSETGROUP = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE
_IFREQ = struct.Struct("=16sH22x")


def available() -> bool:
    """Returns whether the kernel has such devices: opening /dev/net/tun creates none yet.

    A user who may not open it gets the kernel's refusal when a device is created.
    """
    try:
        os.close(os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def create(definition: Tuntap, netns: Optional[str]) -> None:
    """Creates a device that stays when no process has it open. Raises `HostError`."""
    doing = f"create {definition.mode or 'tap'} {definition.name}"
    with _open(definition, netns, doing, _IFF_TUN_EXCL) as device:
        _set_owners(doing, device, definition)
        fcntl.ioctl(device, _TUNSETPERSIST, 1)


def change(definition: Tuntap, netns: Optional[str]) -> None:
    """Gives a device its owner, its group and its flags, all of them from ``definition``. Raises `HostError`.

    Its mode and its number of queues must be what they are.
    """
    doing = f"change {definition.mode or 'tap'} {definition.name}"
    with _open(definition, netns, doing) as device:
        _set_owners(doing, device, definition)


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


def _set_owners(doing: str, device: int, definition: Tuntap) -> None:
    for kind, name, request in (("user", definition.owner, _TUNSETOWNER), ("group", definition.group, _TUNSETGROUP)):
        if name is None:
            continue
        number = accounts.number_of(kind, name)
        if number is None:
            raise HostError(doing, f"this host has no {kind} {name}")
        fcntl.ioctl(device, request, number)
