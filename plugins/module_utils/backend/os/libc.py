# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of the C library that Python doesn't have, or not in all versions that hosts have. They raise `OSError`.

A network namespace is that of a thread: the calls that change it change it for the thread that calls them (namespaces(7)).
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNET = 0x40000000  # linux/sched.h
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def unshare_network() -> None:
    """Puts the calling thread into a new network namespace (unshare(2))."""
    _call("unshare", CLONE_NEWNET)


def enter_network(namespace: int) -> None:
    """Puts the calling thread into the network namespace that the descriptor has open (setns(2))."""
    _call("setns", namespace, CLONE_NEWNET)


def mount(source: str, target: str, flags: int) -> None:
    """Mounts without options of a file system, as for MS_BIND (mount(2)); ``flags`` as in linux/mount.h."""
    _call("mount", source.encode(), target.encode(), b"none", ctypes.c_ulong(flags), None)


def unmount(target: str, flags: int) -> None:
    """Unmounts (umount2(2)); ``flags`` as in linux/mount.h."""
    _call("umount2", target.encode(), flags)


def die_with_parent(signal_number: int) -> None:
    """Tells the kernel to send the calling process this signal when its parent ends (PR_SET_PDEATHSIG of prctl(2))."""
    _call("prctl", _PR_SET_PDEATHSIG, signal_number)


def _call(function: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
