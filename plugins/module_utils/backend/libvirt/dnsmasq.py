# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dnsmasq that libvirt starts for a network: its process, its pid file, and the files that libvirt writes for it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Optional

from ...errors import HostError
from ...model.network.options import Network, has_dhcp, has_dnsmasq
from ..os.atomic import write_file

RUN = "/run/libvirt/network"
STATE = "/var/lib/libvirt/dnsmasq"
_PROC = "/proc"

_END_SECONDS = 5
_POLL_SECONDS = 0.05
# The kernel's clocks for files and for processes have ticks of up to 10 ms.
_CLOCKS_DIFFER = 0.05


def pid_path(name: str) -> str:
    """Returns libvirt's pid file of a network's dnsmasq (networkStartDhcpDaemon)."""
    return f"{RUN}/{name}.pid"


def is_dnsmasq_of(name: str, pid: int) -> bool:
    """Returns whether a process is the dnsmasq of a network: libvirt starts it with the network's own configuration."""
    words = _command(pid)
    if not words or not os.path.basename(words[0]).startswith("dnsmasq"):
        return False
    files = [word.partition("=")[2] for word in words if word.startswith("--conf-file=")]
    return any(path.endswith(f"/libvirt/dnsmasq/{name}.conf") for path in files) and _is_of_this_host(pid)


def pid_in_file(name: str) -> Optional[int]:
    """Returns the process id in the pid file; ``None`` if there is none."""
    try:
        with open(pid_path(name), encoding="ascii") as file:
            return int(file.read(32))
    except (OSError, ValueError):
        return None


def find(name: str) -> Optional[int]:
    """Returns the process id of the network's dnsmasq, by a look at all processes.

    It has a helper process with the same command line, which is its child.
    """
    found = {pid: _parent(pid) for pid in _processes() if is_dnsmasq_of(name, pid)}
    return next((pid for pid, parent in found.items() if parent not in found), None)


def taken_by(name: str, pid: int) -> Optional[str]:
    """Returns the name of another program that has got dnsmasq's process id after dnsmasq has ended.

    Such a program has started after dnsmasq wrote the file. Another program that is older than the file was not written
    there by dnsmasq, so it isn't what libvirt remembers.
    """
    try:
        file_age = time.time() - os.stat(pid_path(name)).st_mtime
        with open(f"{_PROC}/{pid}/stat", encoding="utf-8", errors="replace") as file:
            head, _parenthesis, tail = file.read().rpartition(")")
    except OSError:
        return None
    started = int(tail.split()[19]) / os.sysconf("SC_CLK_TCK")  # proc_pid_stat(5): starttime is field 22
    process_age = time.clock_gettime(time.CLOCK_BOOTTIME) - started
    return head.partition("(")[2] if process_age < file_age - _CLOCKS_DIFFER else None


def correct_pid_file(name: str) -> None:
    """Writes the id of the process that runs to the pid file, as dnsmasq itself does. Raises `HostError`."""
    pid = find(name)
    if pid is None:
        raise HostError(f"find dnsmasq of network {name}", "it has ended meanwhile")
    try:
        owner = os.stat(f"{_PROC}/{pid}")
        write_file(pid_path(name), f"{pid}\n".encode(), mode=0o644, uid=owner.st_uid, gid=owner.st_gid)
    except OSError as error:
        raise HostError(f"write {pid_path(name)}", error.strerror or error) from error


def end(name: str) -> bool:
    """Ends a dnsmasq that is left over of a network that has been stopped; returns whether there was one.

    libvirt ends only the process that it remembers. Another one would keep the address, and dnsmasq couldn't start again.
    """
    deadline = time.monotonic() + _END_SECONDS
    ending = signal.SIGTERM
    found = False
    while (pid := find(name)) is not None and time.monotonic() < deadline:
        found = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, ending)
        time.sleep(_POLL_SECONDS)
        if time.monotonic() > deadline - _END_SECONDS / 2:
            ending = signal.SIGKILL
    return found


def files(definition: Network) -> list[str]:
    """Returns the files that libvirt and dnsmasq write when they start the network; without one of them, they fail.

    dnsmasqContextNew, networkBuildDhcpDaemonCommandLine, virMacMapNew; the helper libvirt_leaseshelper writes the leases.
    """
    name, bridge = definition.name or "", definition.bridge.name if definition.bridge else None
    found = [f"{STATE}/{bridge}.macs"] if bridge else []
    if has_dnsmasq(definition):
        found += [pid_path(name), *(f"{STATE}/{name}.{kind}" for kind in ("conf", "hostsfile", "addnhosts"))]
    return [*found, *([leases_path(bridge)] if bridge and has_dhcp(definition) else [])]


def leases_path(bridge: str) -> str:
    """Returns the file in which libvirt's helper keeps the leases of a network."""
    return f"{STATE}/{bridge}.status"


def why_not_writable(path: str) -> Optional[str]:
    """Returns why a file can't be written, or can't be created if it isn't there; ``None`` if it can. It isn't changed.

    Root may write any file, but not one that is immutable, or on a file system that is read-only.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC))
    except FileNotFoundError:
        parent = os.path.dirname(path)
        return None if not os.path.isdir(parent) or os.access(parent, os.W_OK) else f"{parent} isn't writable"
    except OSError as error:
        return error.strerror or str(error)
    return None


def _processes() -> Iterator[int]:
    for name in os.listdir(_PROC):
        if name.isdecimal():
            yield int(name)


def _command(pid: int) -> list[str]:
    """Returns the words of a process's command line; none if it has ended."""
    try:
        with open(f"{_PROC}/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="surrogateescape").rstrip("\0").split("\0")
    except OSError:
        return []


def _is_of_this_host(pid: int) -> bool:
    """Returns whether a process isn't one of a container, whose libvirt may have a network of the same name."""
    try:
        return all(
            os.readlink(f"{_PROC}/{pid}/ns/{kind}") == os.readlink(f"{_PROC}/self/ns/{kind}") for kind in ("net", "pid")
        )
    except OSError:
        return False


def _parent(pid: int) -> Optional[int]:
    try:
        with open(f"{_PROC}/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return None
