# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A restore on a fake kernel: whatever was done to the interfaces, and whatever fails on the way back."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint import restore
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.part import (
    Host,
    Part,
    Snapshot,
    Step,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.interfaces import (
    INTERFACES,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.link_local import (
    RestoreLinkLocal,
    link_local_steps,
    read_link_local,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.registry import PARTS
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.routes import (
    RawRoute,
    read_raw_routes,
    renumbered,
    route_steps,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.target import Target
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.restore import Restore
from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.snapshot import decode, encode
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


class Dump:
    """What stands in for a netlink socket: the messages that a dump brings."""

    def __init__(self, *messages: bytes) -> None:
        self.messages = [(24, message) for message in messages]

    def dump(self, _doing: str, _kind: int, _body: bytes) -> list[tuple[int, bytes]]:
        return self.messages


class RestoredHost(InterfacesHost):
    """The fake host, with what else a restore asks of one."""

    root = "/nonexistent"  # no file of the machine that this runs on
    channel: Any = Dump()

    def has_tool(self, _tool: str) -> bool:
        return True

    def reload(self, tool: str, names: tuple[str, ...], _changed: Sequence[str]) -> None:
        self.files.reload(tool, names)


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
    return Snapshot({part.name: part.take(host) for part in PARTS})


def _restore(host: RestoredHost, snapshot: Snapshot, parts: Sequence[Part[Any]] = PARTS) -> Restore:
    work = Restore(host, snapshot, parts)
    work.restore_disk()
    work.restore_running()
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
    assert _steady(host.kernel.all()) != _steady(snapshot.of(INTERFACES).states)
    work = _restore(host, snapshot)
    assert work.left == ()
    assert _steady(host.kernel.all()) == _steady(snapshot.of(INTERFACES).states)
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
        assert _steady(host.kernel.all()) == _steady(snapshot.of(INTERFACES).states)


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
    assert any("create VLAN interface v7 (id 7 on eth0) (RuntimeError('out of order'))" in left for left in work.left)
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
    changes = route_steps([by_gateway, direct], [nowhere, foreign], {"eth0"})
    assert [change.words for change in changes] == [
        "remove route blackhole 192.0.2.3/32",
        "restore route 192.0.2.1/32 dev eth0",
        "restore route 192.0.2.2/32 via 192.0.2.1 dev eth0",
    ]
    assert route_steps([direct, nowhere], [nowhere, direct], {"eth0"}) == []
    moved = renumbered(direct, {"eth0": 2}, {"eth0": 70000})
    assert moved is not None
    assert moved.body.endswith(struct.pack("=HHI", 8, 4, 70000))
    assert renumbered(direct, {"eth0": 2}, {}) is None
    assert renumbered(nowhere, {}, {}) == nowhere


def _hop(index: int, gateway: int, flags: int = 0) -> bytes:
    return struct.pack("=HBBi", 16, flags, 0, index) + struct.pack("=HH4B", 8, 5, 192, 0, 2, gateway)


def test_a_route_of_several_ways_is_kept_without_their_state_and_follows_their_numbers() -> None:
    header = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 4, 0, 1, 0)
    ways = _hop(2, 1, flags=1) + _hop(3, 2)  # RTNH_F_DEAD
    message = header + struct.pack("=HH", 4 + len(ways), 9) + ways
    (route,) = read_raw_routes(Dump(message), {2: "eth0", 3: "eth1"})  # type: ignore[arg-type]
    assert route.body == header + struct.pack("=HH", 4 + len(ways), 9) + _hop(2, 1) + _hop(3, 2)
    assert route.words == "route default dev eth0 and eth1"
    moved = renumbered(route, {"eth0": 2, "eth1": 3}, {"eth0": 7, "eth1": 3})
    assert moved is not None and moved.body.endswith(_hop(7, 1) + _hop(3, 2))
    assert read_raw_routes(Dump(message), {2: "eth0"}) == set(), "one of another namespace"  # type: ignore[arg-type]


def test_link_local_addresses_are_read(tmp_path: Any) -> None:
    table = tmp_path / "proc/net/if_inet6"
    table.parent.mkdir(parents=True)
    table.write_text(
        "fe80000000000000501800fffe000005 02 40 20 80     eth0\n"
        "fd980018000000000000000000000005 02 40 00 82     eth0\n"
        "00000000000000000000000000000001 01 80 10 80       lo\n"
    )
    assert read_link_local(str(tmp_path)) == {"eth0": ("fe80::5018:ff:fe00:5/64",)}
    assert read_link_local(str(tmp_path / "none")) == {}


def test_link_local_addresses_are_restored_where_there_can_be_any() -> None:
    up, down, off = nic("up0", 2), nic("down0", 3), nic("off0", 4)
    down = replace(down, definition=replace(down.definition, up=False))
    off = replace(off, definition=replace(off.definition, ipv6=Ipv6(enabled=False)))
    states = {state.name: state for state in (up, down, off)}
    saved = dict.fromkeys(states, ("fe80::1/64", "fe80::2/64"))
    target = Target(states, frozenset(states))
    assert link_local_steps(saved, saved, target) == []
    assert link_local_steps(saved, {"up0": ("fe80::2/64", "fe80::3/64")}, target) == [
        RestoreLinkLocal("up0", "eui64", add=("fe80::1/64",), remove=("fe80::3/64",))
    ]


# ---- parts that this code doesn't know


@dataclass(frozen=True)
class Toy:
    """What a toy part keeps."""

    value: int


@dataclass(frozen=True)
class ToyStep:
    host: ToyHost
    value: int

    @property
    def words(self) -> str:
        return f"set the toy to {self.value}"

    def do(self, _host: Host) -> None:
        self.host.toy = self.value


@dataclass(frozen=True)
class Rattle:
    host: ToyHost
    words: str = "rattle"

    def do(self, _host: Host) -> None:
        self.host.rattled += 1
        if self.host.broken:
            raise HostError("rattle", "it is broken")


class ToyHost(RestoredHost):
    toy, rattled, broken, lost = 1, 0, False, ""


class ToyPart(Part[Toy]):
    name, kept = "toy", Toy

    def __init__(self, host: ToyHost) -> None:
        self.host = host

    def take(self, _host: Host) -> Toy:
        return Toy(self.host.toy)

    def steps(self, snapshot: Snapshot, _host: Host) -> Sequence[Step]:
        value = snapshot.of(self).value
        return [ToyStep(self.host, value)] if self.host.toy != value else []

    def lost(self, _snapshot: Snapshot, _host: Host) -> Sequence[str]:
        return [self.host.lost] if self.host.lost else []

    def handlers(self, done: Sequence[Step], _snapshot: Snapshot, _host: Host) -> Sequence[Step]:
        return [Rattle(self.host)] if done else []


class RattlingPart(ToyPart):
    """One whose handler is called for what was done before, as with files."""

    name, on_disk = "rattling", True


def _toys(cls: type[ToyPart]) -> tuple[ToyHost, ToyPart, Snapshot, list[Part[Any]]]:
    host = ToyHost(nic("eth0", 2))
    part = cls(host)
    parts: list[Part[Any]] = [*PARTS, part]
    held = json.loads(json.dumps(encode(Snapshot({each.name: each.take(host) for each in parts}), parts)))
    return host, part, decode(held, parts), parts


def test_a_new_part_is_a_class_and_nothing_else() -> None:
    host, _part, snapshot, parts = _toys(ToyPart)
    host.toy = 2
    assert Restore(host, snapshot, parts).predicted() == ["set the toy to 1", "rattle"]
    work = _restore(host, snapshot, parts)
    assert (host.toy, work.actions, work.left) == (1, ["set the toy to 1"], ())
    assert _restore(host, snapshot, parts).actions == []


def test_a_handler_is_called_once_for_what_is_on_disk_and_tried_again() -> None:
    host, _part, snapshot, parts = _toys(RattlingPart)
    host.toy, host.broken, host.lost = 2, True, "the ball is lost"
    work = _restore(host, snapshot, parts)
    assert work.actions == ["set the toy to 1"]
    assert work.left == ("the ball is lost", "rattle: it is broken")
    host.broken, host.lost = False, ""
    work.restore_disk()
    work.restore_running()
    assert (host.rattled, work.actions, work.left) == (2, ["set the toy to 1", "rattle"], ())


def test_a_part_that_another_brings_back_waits_for_it() -> None:
    class Follower(ToyPart):
        name, brought_by = "follower", ("interfaces",)

    host, _part, snapshot, parts = _toys(Follower)
    host.toy = 2
    host.kernel.set("eth0", Interface(name="eth0", mtu=600))
    assert "set the toy to 1" not in Restore(host, snapshot, parts).predicted()
    assert _restore(host, snapshot, parts).actions[-1] == "set the toy to 1"


def test_what_does_not_stay_is_said() -> None:
    class Stubborn(ToyPart):
        name = "stubborn"

        def steps(self, _snapshot: Snapshot, _host: Host) -> Sequence[Step]:
            return [ToyStep(self.host, 3)]

    host, _part, snapshot, parts = _toys(Stubborn)
    assert _restore(host, snapshot, parts).left == ("set the toy to 3 (it was done, and is needed again)",)


def test_what_a_boot_tool_changes_late_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy host the tool goes on changing interfaces seconds after it has read its files."""
    host, running, snapshot, _parts = _toys(ToyPart)
    stored = RattlingPart(host)
    parts: list[Part[Any]] = [*PARTS, running, stored]
    snapshot = Snapshot({each.name: each.take(host) for each in parts})
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) in (2, 4):
            host.toy = 3

    monkeypatch.setattr(restore.time, "sleep", sleep)
    host.toy = 2
    work = _restore(host, snapshot, parts)
    assert (host.toy, work.left, len(naps)) == (1, (), 6)
