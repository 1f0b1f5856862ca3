# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veth pairs, whose ends may be in different namespaces."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections.abc import Iterator
from typing import Optional

from ...errors import HostError
from ...model.namespace.steps import NamespaceDriver
from ...model.veth.options import EndName
from ...model.veth.steps import VethDriver
from ..netlink.channel import NLM_F_CREATE, NLM_F_EXCL, Channel, KernelError, attribute, attributes
from ..netlink.read import LINK, RTM_GETLINK, RTM_NEWLINK, link_request
from ..os.paths import namespace_path

# linux/if_link.h, linux/veth.h, linux/net_namespace.h
_IFNAME, _LINK, _LINKINFO, _NET_NS_FD, _LINK_NETNSID = 3, 5, 18, 28, 37
_INFO_KIND, _INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_RTM_GETNSID, _NETNSA_NSID, _NETNSA_FD = 90, 1, 3
_GENERIC = 4  # the size of rtgenmsg, padded


class VethPairs(VethDriver):
    """The pairs of this host; ``namespaces`` are those that have a name."""

    def __init__(self, namespaces: NamespaceDriver) -> None:
        self._namespaces = namespaces

    def available(self) -> bool:
        # a kernel that has the kind refuses the address, another one the kind (see `Interfaces`)
        info = attribute(_INFO_KIND, b"veth\0")
        body = LINK.pack(0, 0, 0, 0, 0) + attribute(1, b"\1\0\0\0\0\0") + attribute(_LINKINFO, info)
        try:
            with contextlib.closing(Channel(None)) as channel:
                channel.request("look for the kind veth", RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)
        except KernelError as error:
            return error.code != errno.EOPNOTSUPP
        return True

    def peer(self, end: EndName) -> Optional[EndName]:
        doing = f"look for the other end of {end}"
        with contextlib.closing(Channel(end.netns)) as channel:
            found = channel.get(doing, RTM_GETLINK, link_request(name=end.name)) or b""
            held = attributes(found, LINK.size)
            index = struct.unpack("=i", held.get(_LINK, found[4:8]))[0]
            if _LINK_NETNSID not in held:
                return _named(end.netns, index, doing)
            number = struct.unpack("=i", held[_LINK_NETNSID])[0]
            for netns in (None, *self._namespaces.names()):
                if netns != end.netns and _number_of(channel, netns, doing) == number:
                    return _named(netns, index, doing)
        return None

    def create(self, first: EndName, second: EndName) -> None:
        with _namespace(second.netns) as handle:
            peer = LINK.pack(0, 0, 0, 0, 0) + attribute(_IFNAME, second.name.encode() + b"\0")
            peer += attribute(_NET_NS_FD, struct.pack("=I", handle))
            info = attribute(_INFO_KIND, b"veth\0") + attribute(_INFO_DATA, attribute(_VETH_INFO_PEER, peer))
            body = LINK.pack(0, 0, 0, 0, 0) + attribute(_IFNAME, first.name.encode() + b"\0")
            with contextlib.closing(Channel(first.netns)) as channel:
                channel.request(
                    f"create veth pair {first} and {second}",
                    RTM_NEWLINK,
                    body + attribute(_LINKINFO, info),
                    NLM_F_CREATE | NLM_F_EXCL,
                )


@contextlib.contextmanager
def _namespace(netns: Optional[str]) -> Iterator[int]:
    """Opens a namespace, and closes it at the end."""
    path = "/proc/thread-self/ns/net" if netns is None else namespace_path(netns)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise HostError(f"open namespace {netns or path}", error.strerror or error) from error
    try:
        yield handle
    finally:
        os.close(handle)


def _number_of(channel: Channel, netns: Optional[str], doing: str) -> Optional[int]:
    """Returns the number by which the channel's namespace knows another one (RTM_GETNSID); negative for none."""
    with _namespace(netns) as handle:
        found = channel.get(doing, _RTM_GETNSID, bytes(_GENERIC) + attribute(_NETNSA_FD, struct.pack("=I", handle)))
    held = attributes(found or b"", _GENERIC)
    return struct.unpack("=i", held[_NETNSA_NSID])[0] if _NETNSA_NSID in held else None


def _named(netns: Optional[str], index: int, doing: str) -> Optional[EndName]:
    """Returns the interface with this index; ``None`` if there is none, which is then not a pair that is complete."""
    with contextlib.closing(Channel(netns)) as channel:
        try:
            found = channel.get(doing, RTM_GETLINK, LINK.pack(0, 0, index, 0, 0))
        except KernelError:
            return None
    name = attributes(found or b"", LINK.size).get(_IFNAME, b"").rstrip(b"\0").decode(errors="surrogateescape")
    return EndName(name, netns) if name else None
