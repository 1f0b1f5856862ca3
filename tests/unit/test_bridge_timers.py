# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The timers of bridges as they were set, where the kernel's message has others."""

from __future__ import annotations

import ctypes
import errno
import struct
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.netlink import bridge_timers, channel, link_kinds
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.netlink.channel import attribute
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import InterfaceState, LinuxBridge


@pytest.mark.parametrize(("changing", "delay", "shown"), [(0, 4, 8), (1, 4, None), (1, 5, 8)])
def test_no_ageing_time_is_taken_from_a_topology_that_changes(changing: int, delay: int, shown: int | None) -> None:
    data = attribute(1, struct.pack("=I", delay * 100)) + attribute(4, struct.pack("=I", 800))
    data += attribute(14, bytes([changing]))
    found = link_kinds.Found({"name": "br0"}, channel.attributes(data))
    assert link_kinds.BY_NAME["bridge"].read(found) == LinuxBridge(name="br0", forward_delay=delay, ageing_time=shown)


def test_own_timers_of_a_bridge_that_is_not_the_root() -> None:
    """An old ioctl of the kernel says them, some in jiffies; of those that it doesn't say none is returned."""

    class Kernel:
        def __init__(self, *, fails: bool = False) -> None:
            self.fails = fails

        def ioctl(self, number: int, request: bytes) -> bytes:
            assert number == 0x89F0
            if self.fails:
                raise OSError(errno.EOPNOTSUPP, "not supported")
            name, place = struct.unpack("@16sP16x", request)
            assert name.rstrip(b"\0") == b"br0"
            what, answer = (ctypes.c_ulong * 2).from_address(place)
            assert what == 6
            data = struct.pack("=16s7I4B6I", b"", 2, 1000, 100, 1250, 5500, 750, 700, *[0] * 10)
            ctypes.memmove(answer, data, len(data))
            return request

    def held(root: bytes) -> dict[int, bytes]:
        data = b"".join(
            attribute(number, struct.pack("=I", value)) for number, value in ((1, 500), (2, 100), (3, 1000))
        )
        return channel.attributes(data + attribute(10, root) + attribute(11, b"own_id__"))

    def read_with(kernel: Any, root: bytes) -> tuple[Any, ...]:
        found = link_kinds.BY_NAME["bridge"].read(link_kinds.Found({"name": "br0"}, held(root), channel=kernel))
        return found.forward_delay, found.hello_time, found.max_age

    assert read_with(Kernel(), b"another_") == (7, 3, 22)
    assert read_with(Kernel(fails=True), b"another_") == (None, None, None)
    assert read_with(None, b"own_id__") == (5, 1, 10)


def _bridges(**ageing_times: int | None) -> dict[str, InterfaceState]:
    return {
        name: InterfaceState("bridge", 7, LinuxBridge(name=name, stp=True, ageing_time=seconds))
        for name, seconds in ageing_times.items()
    }


def test_the_ageing_time_before_a_topology_changed_is_remembered(tmp_path: Path) -> None:
    cache = str(tmp_path / "run" / "ageing-times")

    def seen(**times: int | None) -> dict[str, int | None]:
        states = bridge_timers.with_ageing_times(None, _bridges(**times), cache)
        return {name: state.definition.ageing_time for name, state in states.items()}

    assert seen(br0=300) == {"br0": 300} and not (tmp_path / "run").exists(), "the default is not remembered"
    assert seen(br0=None) == {"br0": None}
    assert seen(br0=77, br1=300) == {"br0": 77, "br1": 300}
    assert seen(br0=None, br1=None) == {"br0": 77, "br1": None}
    assert seen(br0=None) == {"br0": 77}, "it is remembered as long as it isn't shown"
    assert seen(br0=300) == {"br0": 300} and seen(br0=None) == {"br0": None}
    (tmp_path / "run" / "ageing-times").write_text("broken")
    assert seen(br0=None) == {"br0": None}
