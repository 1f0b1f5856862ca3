# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The named network namespaces of this host, as ip-netns(8) keeps them: bind mounts below /run/netns."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Callable, Optional

from ...errors import HostError
from ...model.namespace.options import DIRECTORY, NetNamespace
from ...model.namespace.steps import NamespaceDriver, Process
from ..netlink.channel import Channel, inside
from ..netlink.read import LINK, RTM_GETLINK, RTM_NEWLINK
from ..os.libc import CLONE_NEWNET, enter_network, mount, unmount, unshare_network
from ..os.paths import namespace_path

_NS_GET_NSTYPE = 0xB703  # linux/nsfs.h
_MS_BIND, _MS_REC, _MS_SHARED, _MNT_DETACH = 4096, 16384, 1 << 20, 2  # linux/mount.h
_LOOPBACK = 1  # LOOPBACK_IFINDEX of linux/if_link.h
_IFF_UP = 1
_SWITCHES = {
    "ipv4_forwarding": "/proc/sys/net/ipv4/ip_forward",
    "ipv6_forwarding": "/proc/sys/net/ipv6/conf/all/forwarding",
}


class Namespaces(NamespaceDriver):
    """The named namespaces of this host. A removed namespace stays open until the driver is closed, so that a failed run can restore it."""

    def __init__(self) -> None:
        self._removed: dict[str, int] = {}

    def close(self) -> None:
        while self._removed:
            os.close(self._removed.popitem()[1])

    # -- reading ----------------------------------------------------------------------------------------------------------

    def names(self) -> Sequence[str]:
        try:
            return sorted(name for name in os.listdir(DIRECTORY) if self.exists(name))
        except FileNotFoundError:
            return ()

    def exists(self, netns: str) -> bool:
        try:
            handle = os.open(namespace_path(netns), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            # a file without a namespace is what a crash has left, and no namespace
            return fcntl.ioctl(handle, _NS_GET_NSTYPE) == CLONE_NEWNET
        except OSError:
            return False
        finally:
            os.close(handle)

    def read(self, name: str) -> Optional[NetNamespace]:
        if not self.exists(name):
            return None
        with contextlib.closing(Channel(name)) as channel:
            found = channel.get(f"read namespace {name}", RTM_GETLINK, LINK.pack(0, 0, _LOOPBACK, 0, 0))
        flags = LINK.unpack_from(found)[3] if found else 0
        switches = {}
        with inside(name):
            for field, path in _SWITCHES.items():
                with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as handle:
                    switches[field] = handle.read().strip() != "0"
        return NetNamespace(name, loopback=bool(flags & _IFF_UP), **switches)

    def processes(self, name: str) -> Sequence[Process]:
        wanted = os.stat(namespace_path(name))
        found = []
        for path in glob.glob("/proc/[0-9]*/ns/net"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                status = os.stat(path)
                if (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino):
                    pid = int(path.split("/")[2])
                    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as handle:
                        found.append(Process(pid, handle.read().strip()))
        return sorted(found, key=lambda process: process.pid)

    # -- changing ---------------------------------------------------------------------------------------------------------

    def create(self, name: str) -> None:
        doing, path = f"create namespace {name}", namespace_path(name)
        with _as_host_error(doing):
            _share_directory()
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))
            try:
                _in_thread(lambda: _create_at(path))
            except OSError:
                os.unlink(path)
                raise

    def remove(self, name: str) -> None:
        path = namespace_path(name)
        with _as_host_error(f"remove namespace {name}"):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                unmount(path, _MNT_DETACH)
                os.unlink(path)
            except OSError:
                os.close(handle)
                raise
            if name in self._removed:
                os.close(self._removed.pop(name))
            self._removed[name] = handle

    def bring_back(self, name: str) -> None:
        doing, path = f"bring back namespace {name}", namespace_path(name)
        if name not in self._removed:
            raise HostError(doing, "it isn't open any more")
        with _as_host_error(doing):
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))
            _in_thread(lambda: _mount_again(self._removed[name], path))
            os.close(self._removed.pop(name))

    def set(self, name: str, changes: NetNamespace) -> None:
        if changes.loopback is not None:
            body = LINK.pack(0, 0, _LOOPBACK, _IFF_UP if changes.loopback else 0, _IFF_UP)
            with contextlib.closing(Channel(name)) as channel:
                channel.request(f"change the loopback interface of namespace {name}", RTM_NEWLINK, body)
        for field, path in _SWITCHES.items():
            value = getattr(changes, field)
            if value is not None:
                with (
                    _as_host_error(f"write {int(value)} to {path} in namespace {name}"),
                    inside(name),
                    open(path, "w", encoding="ascii") as handle,
                ):
                    handle.write(str(int(value)))


@contextlib.contextmanager
def _as_host_error(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HostError(doing, error.strerror or error) from error


def _share_directory() -> None:
    """Makes the directory of namespaces, in which mounts are seen by all mount namespaces (netns_add in ip/ipnetns.c)."""
    os.makedirs(DIRECTORY, mode=0o755, exist_ok=True)
    try:
        mount("", DIRECTORY, _MS_SHARED | _MS_REC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        mount(DIRECTORY, DIRECTORY, _MS_BIND | _MS_REC)
        mount("", DIRECTORY, _MS_SHARED | _MS_REC)


def _create_at(path: str) -> None:
    """Creates a namespace, and mounts it at a path. The thread that calls it is in the new namespace then."""
    unshare_network()
    mount("/proc/thread-self/ns/net", path, _MS_BIND)


def _mount_again(handle: int, path: str) -> None:
    """Mounts a namespace that is open at a path, from within it.

    A mount from the descriptor would share what happens to it with the one that was removed (mount_namespaces(7)).
    """
    enter_network(handle)
    mount("/proc/thread-self/ns/net", path, _MS_BIND)


def _in_thread(work: Callable[[], None]) -> None:
    """Runs work in a thread of its own, as it changes the namespace of its thread. Raises what it raises."""
    raised: list[OSError] = []

    def guarded() -> None:
        try:
            work()
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
