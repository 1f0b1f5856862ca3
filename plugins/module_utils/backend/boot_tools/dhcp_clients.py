# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DHCP clients that ifupdown starts, one for each interface: stopped without a trace, and their leases handed on.

A client that is asked to end releases its lease, or removes the address that has moved to another interface, and its hooks
take the name servers away. So it is killed; the client of the other interface has all of it.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import signal
import time

from ...errors import HostError
from ..os.atomic import write_file

_CLIENTS = ("dhclient", "dhcpcd", "udhcpc")
_SECONDS = 2.0
_ISC = ("/var/lib/dhcp/dhclient.{}.leases", "/var/lib/dhcp/dhclient6.{}.leases")
_DHCPCD = ("/var/lib/dhcpcd/{}.lease", "/var/lib/dhcpcd/{}.lease6")
_PID_FILES = ("/run/dhclient.{}.pid", "/run/dhclient6.{}.pid", "/run/udhcpc.{}.pid")
_DHCPCD_STATE = ("/run/dhcpcd/{}.*", "/run/dhcpcd/{}-[46].*", "/run/dhcpcd/hook-state/*/{}.*")


def running(name: str) -> list[int]:
    """Returns the processes of the DHCP clients of an interface, in this network namespace."""
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _is_client(pid, name)]


def _is_client(pid: str, name: str) -> bool:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as handle:
            if handle.read().strip() not in _CLIENTS:
                return False
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as handle:
            words = re.split(r"[\0\s]+", handle.read())  # dhcpcd has one word, "dhcpcd: eth0 [ip4]"
        return name in words and os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net")
    except OSError:
        return False  # it has ended


def stop(name: str) -> None:
    """Ends the DHCP clients of an interface. Raises `HostError`."""
    until = time.monotonic() + _SECONDS
    while found := running(name):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > until:
            raise HostError(f"stop the DHCP client of {name}", f"process {found[0]} doesn't end")
        time.sleep(0.02)
    state = [path for pattern in _DHCPCD_STATE for path in glob.glob(pattern.format(glob.escape(name)))]
    for path in [pattern.format(name) for pattern in _PID_FILES] + state:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def hand_on(source: str, target: str) -> None:
    """Copies the leases of an interface to another one, which a client then asks for. Raises `HostError`."""
    try:
        for pattern in (*_ISC, *_DHCPCD):
            old, new = pattern.format(source), pattern.format(target)
            with contextlib.suppress(FileNotFoundError), open(old, "rb") as handle:
                text = handle.read()
                if pattern in _ISC:
                    text = text.replace(f'interface "{source}"'.encode(), f'interface "{target}"'.encode())
                like = os.stat(old)
                write_file(new, text, mode=like.st_mode & 0o777, uid=like.st_uid, gid=like.st_gid)
                os.unlink(old)
    except OSError as error:
        raise HostError(f"hand on the leases of {source} to {target}", error.strerror or error) from error
