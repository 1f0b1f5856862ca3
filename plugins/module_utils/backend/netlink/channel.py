# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One rtnetlink socket in a network namespace: requests that are acknowledged, and dumps.

The messages that change something are built by pyroute2. The socket is our own, as pyroute2's differs between the versions
that hosts have. So is the reading: for a dump of 400 interfaces the kernel takes 5 ms and pyroute2 half a second, and so
does its import. A run that changes nothing needs neither.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from typing import Optional, Protocol

from ...errors import HostError, OptionError
from ..os.libc import enter_network
from ..os.paths import namespace_path

# linux/netlink.h
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x01, 0x04, 0x300, 0x10
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
_NLM_F_CAPPED, _NLM_F_ACK_TLVS = 0x100, 0x200
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK = 270, 10, 11
_NLMSGERR_ATTR_MSG = 1

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER

_SECONDS = 60  # after which the kernel is taken to be stuck
_DUMPS = 10  # a dump that a change has made inconsistent is asked for again so many times

# What pyroute2 takes: attributes by their names, in the order in which they are sent.
Attributes = list[tuple[str, object]]


class KernelError(HostError):
    """The kernel refused a request; ``code`` is its errno."""

    def __init__(self, doing: str, code: int, words: str) -> None:
        hint = ""
        if code in (errno.EPERM, errno.EACCES) and os.geteuid() != 0:
            hint = " (may this user manage the network? become: true is the usual answer)"
        super().__init__(doing, f"{words or os.strerror(code)}{hint}")
        self.code = code


@contextlib.contextmanager
def inside(netns: Optional[str]) -> Iterator[None]:
    """Enters a network namespace, given by its name or path, so that what is opened belongs to it; ``None`` is this one.

    Raises `OptionError` where there is no such namespace.
    """
    if netns is None:
        yield
        return
    path = namespace_path(netns)
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            desired = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                enter_network(desired)
            finally:
                os.close(desired)
        except OSError as error:
            raise OptionError(
                "netns",
                netns,
                f"can't be entered as a network namespace ({path}: {os.strerror(error.errno or 0)});"
                " give one by its name, as ip netns list shows it, or by its path",
            ) from None
        try:
            yield
        finally:
            enter_network(own)
    finally:
        os.close(own)


def attributes(data: bytes, start: int = 0) -> dict[int, bytes]:
    """Returns the attributes from ``start`` to the end by their numbers; of several with one number, the last."""
    found = {}
    size = len(data)
    unpack = _ATTRIBUTE.unpack_from
    while start + 4 <= size:
        length, number = unpack(data, start)
        if length < 4:
            break
        found[number & _TYPE] = data[start + 4 : start + length]
        start += (length + 3) & ~3
    return found


def each_attribute(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yields the attributes from ``start`` to the end in their order: their numbers and payloads."""
    while start + 4 <= len(data):
        length, number = _ATTRIBUTE.unpack_from(data, start)
        if length < 4:
            break
        yield number & _TYPE, data[start + 4 : start + length]
        start += (length + 3) & ~3


def attribute(number: int, payload: bytes) -> bytes:
    """Returns an attribute as it is sent, padded."""
    return _ATTRIBUTE.pack(len(payload) + 4, number) + payload + bytes(-len(payload) % 4)


class Message(Protocol):
    """A message of pyroute2's."""

    data: bytearray

    def __setitem__(self, key: str, value: object) -> None: ...
    def encode(self) -> None: ...


def encoded(message: Message, wanted: Attributes) -> bytes:
    """Returns a message with these attributes as it is sent, without its header, which `Channel` writes."""
    message["attrs"] = wanted
    message.encode()
    return bytes(message.data[_HEADER.size :])


class Channel:
    """A netlink socket; it belongs to the namespace that it was opened in, wherever the process goes.

    ``protocol`` is rtnetlink or another family of netlink(7). In its methods ``doing`` is what an error says was tried, ``kind``
    the type of the message (RTM_*), and ``body`` what follows its header.
    """

    def __init__(self, netns: Optional[str], protocol: int = socket.NETLINK_ROUTE) -> None:
        self._sequence = 0
        self._received = memoryview(bytearray(1 << 18))  # once: its memory costs as much as a short answer
        doing = "open a netlink socket"
        try:
            with inside(netns):
                self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
                self._socket.bind((0, 0))
            for choice in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK):
                self._socket.setsockopt(_SOL_NETLINK, choice, 1)
            # the kernel's, as Python's own takes a poll(2) for each message
            for choice in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self._socket.setsockopt(socket.SOL_SOCKET, choice, struct.pack("@ll", _SECONDS, 0))
        except OSError as error:
            raise HostError(doing, error.strerror or error) from None

    def close(self) -> None:
        self._socket.close()

    def ioctl(self, number: int, request: bytes) -> bytes:
        """Sends a request about an interface (netdevice(7)) in the socket's namespace, and returns its answer. Raises `OSError`."""
        return fcntl.ioctl(self._socket, number, request)

    def request(self, doing: str, kind: int, body: bytes, flags: int = 0) -> None:
        """Sends a request that changes something, and waits until it is done. Raises `KernelError`."""
        for _kind, _payload in self._answers(doing, kind, body, flags | NLM_F_ACK):
            pass

    def get(self, doing: str, kind: int, body: bytes) -> Optional[bytes]:
        """Returns the one message that answers a request. Raises `KernelError`."""
        found = [payload for _kind, payload in self._answers(doing, kind, body, NLM_F_ACK)]
        return found[0] if found else None

    def dump(self, doing: str, kind: int, body: bytes) -> list[tuple[int, bytes]]:
        """Returns all messages that answer, with their types; asks again if something changed meanwhile.

        Raises `KernelError`, or `HostError` if the interfaces change all the time.
        """
        for attempt in range(_DUMPS):
            try:
                return list(self._answers(doing, kind, body, NLM_F_DUMP))
            except _InterruptedError:
                if attempt == _DUMPS - 1:
                    raise HostError(
                        doing, f"the interfaces changed during each of {_DUMPS} attempts; try again"
                    ) from None
        return []

    def _answers(self, doing: str, kind: int, body: bytes, flags: int) -> Iterator[tuple[int, bytes]]:
        self._sequence += 1
        header = _HEADER.pack(_HEADER.size + len(body), kind, flags | NLM_F_REQUEST, self._sequence, 0)
        try:
            self._socket.send(header + body)
        except OSError as error:
            raise HostError(doing, error.strerror or error) from None
        interrupted = False
        while True:
            try:
                received = bytes(self._received[: self._socket.recv_into(self._received)])
            except BlockingIOError:
                raise HostError(doing, f"the kernel hasn't answered within {_SECONDS} s") from None
            except OSError as error:
                raise HostError(doing, error.strerror or error) from None
            place = 0
            while place < len(received):
                length, answer, flagged, sequence, _port = _HEADER.unpack_from(received, place)
                payload = received[place + _HEADER.size : place + length]
                place += (length + 3) & ~3
                if sequence != self._sequence:
                    continue
                interrupted = interrupted or bool(flagged & NLM_F_DUMP_INTR)
                if answer in (_NLMSG_ERROR, _NLMSG_DONE):
                    _raise(doing, answer, flagged, payload)
                    if interrupted:
                        raise _InterruptedError
                    return
                yield answer, payload


class _InterruptedError(Exception):
    pass


def _raise(doing: str, answer: int, flags: int, payload: bytes) -> None:
    """Raises the error that ends an answer, if it is one, with the kernel's own explanation."""
    code = -struct.unpack_from("=i", payload)[0] if len(payload) >= 4 else 0
    if code <= 0:
        return
    start = 4 if answer == _NLMSG_DONE else 4 + _HEADER.size
    if answer == _NLMSG_ERROR and not flags & _NLM_F_CAPPED:
        start = 4 + struct.unpack_from("=I", payload, 4)[0]
    said = attributes(payload, start) if flags & _NLM_F_ACK_TLVS else {}
    words = said.get(_NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode(errors="replace")
    plain = os.strerror(code)
    raise KernelError(doing, code, f"{plain} ({words})" if words else plain)
