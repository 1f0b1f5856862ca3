# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A restore on a fake kernel: whatever was done to the interfaces, and whatever fails on the way back."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint import restore
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.interfaces import (
    Snapshot,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.link_local import (
    read_link_local,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.routes import (
    RawRoute,
    renumbered,
    route_changes,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.restore import Restore
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.normal import normal_state
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Route,
    Tuntap,
    VlanIface,
)
from unit.fake_interfaces import FakeInterfaces, nic
from unit.fake_interfaces_host import InterfacesHost


class RestoredHost(InterfacesHost):
    """The fake host, with what else a restore asks of one."""

    root = "/nonexistent"  # no file of the machine that this runs on

    def routes(self) -> set[RawRoute]:
        return set()

    def link_local(self) -> Mapping[str, tuple[str, ...]]:
        return {}

    def reload(self, tool: str, names: tuple[str, ...], _changed: Sequence[str]) -> bool:
        self.files.reload(tool, names)
        return True


OWN = Address("192.0.2.10/24", broadcast="192.0.2.255", flags=0x80)
WAY_OUT = Route(InterfaceRoute(to="default", via="192.0.2.1"))


def _host() -> RestoredHost:
    """A NIC that has all the host has, another one, and a bridge and a VLAN of the user's."""
    host = RestoredHost(nic("eth0", 2), nic("eth1", 3))
    driver = host.kernel
    driver.add_address("eth0", OWN)
    driver.add_route("eth0", WAY_OUT)
    driver.add(LinuxBridge(name="br9", mac="52:54:00:00:00:99", stp=True, priority=4096))
    driver.set("br9", LinuxBridge(name="br9", up=True))
    driver.set_master("eth1", "br9")
    driver.add_address("br9", Address("198.51.100.1/24"))
    driver.add(VlanIface(name="v7", parent="eth0", id=7))
    driver.add(Tuntap(name="t0", mode="tap"))
    return host


def _snapshot(host: RestoredHost) -> Snapshot:
    return Snapshot(time.monotonic(), dict(host.kernel.all()), frozenset())


def _restore(host: RestoredHost, snapshot: Snapshot) -> Restore:
    work = Restore(host, snapshot, {}, frozenset)
    work.put_back_files()
    work.run()
    return work


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "SETTLE_SECONDS", 0)


def _adopt(host: RestoredHost) -> None:
    host.declare(("bridge", {"name": "br0", "adopt": "eth0"}))


def _wrong_vlan(host: RestoredHost) -> None:
    host.kernel.remove_address("eth0", OWN)
    host.declare(("vlan", {"name": "v999", "parent": "eth0", "id": 999, "addresses": ["192.0.2.10/24"]}))


def _all_gone(host: RestoredHost) -> None:
    for name in ("v7", "br9", "t0"):
        host.kernel.delete(name)


def _upside_down(host: RestoredHost) -> None:
    host.kernel.set("eth0", Interface(name="eth0", mac="52:54:00:00:99:99", mtu=600, up=False))
    host.kernel.set_ipv6("eth1", Ipv6(enabled=False))
    host.kernel.set("br9", LinuxBridge(name="br9", stp=False, priority=0, ageing_time=1))


def _another_of_that_name(host: RestoredHost) -> None:
    host.kernel.delete("v7")
    host.kernel.add(VlanIface(name="v7", parent="eth1", id=8))
    host.kernel.delete("t0")
    host.kernel.add(LinuxBridge(name="t0"))


CHANGES = [_adopt, _wrong_vlan, _all_gone, _upside_down, _another_of_that_name]


def _steady(states: Mapping[str, InterfaceState]) -> dict[str, InterfaceState]:
    """Without what is another way to say the same."""
    return {name: replace(normal_state(state), index=0) for name, state in states.items()}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_as_it_was(change: Callable[[RestoredHost], None]) -> None:
    host = _host()
    snapshot = _snapshot(host)
    change(host)
    assert _steady(host.kernel.all()) != _steady(snapshot.interfaces)
    work = _restore(host, snapshot)
    assert work.left == ()
    assert _steady(host.kernel.all()) == _steady(snapshot.interfaces)
    assert _restore(host, snapshot).actions == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_call_that_fails_once_is_made_again(change: Callable[[RestoredHost], None]) -> None:
    tried = _host()
    snapshot = _snapshot(tried)
    change(tried)
    calls = len(_restore(tried.copy(), snapshot).actions)
    assert calls
    for number in range(1, calls + 1):
        host = tried.copy()
        host.fail_at(number, HostError("put in", "a fault"))
        assert _restore(host, snapshot).left == ()
        assert _steady(host.kernel.all()) == _steady(snapshot.interfaces)


def test_what_always_fails_keeps_nothing_else_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    host = _host()
    snapshot = _snapshot(host)
    _all_gone(host)
    add = FakeInterfaces.add

    def fail(driver: FakeInterfaces, made: Interface) -> None:
        if made.name == "v7":
            raise RuntimeError("out of order")
        add(driver, made)

    monkeypatch.setattr(FakeInterfaces, "add", fail)
    work = _restore(host, snapshot)
    assert any("make VLAN 7 of eth0 as v7 (RuntimeError('out of order'))" in left for left in work.left)
    assert {"br9", "t0"} <= set(host.kernel.all())
    assert host.kernel.all()["eth1"].master == "br9"


# ---- what no option declares


def test_routes_that_lead_nowhere_and_those_over_interfaces_of_ours() -> None:
    def route(last: int, *devices: str, gateway: bool = False) -> RawRoute:
        header = struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 4, 0, 1 if devices else 6, 0)
        attributes = struct.pack("=HH4B", 8, 1, 192, 0, 2, last)
        if gateway:
            attributes += struct.pack("=HH4B", 8, 5, 192, 0, 2, 1)
        for device in devices:
            attributes += struct.pack("=HHI", 8, 4, {"eth0": 2, "virbr0": 5}[device])
        return RawRoute(header + attributes, devices)

    direct, by_gateway = route(1, "eth0"), route(2, "eth0", gateway=True)
    nowhere, foreign = route(3), route(4, "virbr0")
    changes = route_changes([by_gateway, direct], [nowhere, foreign], {"eth0"})
    assert [change.words for change in changes] == [
        "remove route blackhole 192.0.2.3/32",
        "put back route 192.0.2.1/32 by eth0",
        "put back route 192.0.2.2/32 via 192.0.2.1 by eth0",
    ]
    assert route_changes([direct, nowhere], [nowhere, direct], {"eth0"}) == []
    moved = renumbered(direct, {"eth0": 2}, {"eth0": 70000})
    assert moved is not None
    assert moved.body.endswith(struct.pack("=HHI", 8, 4, 70000))
    assert renumbered(direct, {"eth0": 2}, {}) is None
    assert renumbered(nowhere, {}, {}) == nowhere


def test_link_local_addresses_are_read(tmp_path: Any) -> None:
    table = tmp_path / "if_inet6"
    table.write_text(
        "fe80000000000000501800fffe000005 02 40 20 80     eth0\n"
        "fd980018000000000000000000000005 02 40 00 82     eth0\n"
        "00000000000000000000000000000001 01 80 10 80       lo\n"
    )
    assert read_link_local(str(table)) == {"eth0": ("fe80::5018:ff:fe00:5/64",)}
    assert read_link_local(str(tmp_path / "none")) == {}
