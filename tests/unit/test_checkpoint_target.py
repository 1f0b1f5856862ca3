# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Which interfaces a restored host should have: what is created again, what is removed, and what stays as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.virtnet.kvm.plugins.module_utils.checkpoint.parts.target import (
    SavedInterfaces,
    Target,
    restore_target,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    LinuxBridge,
    Port,
    Route,
    Tuntap,
    VlanIface,
)

LO = InterfaceState("", 1, Interface(name="lo"), loopback=True)
ETH0 = InterfaceState("", 2, Interface(name="eth0", mtu=1500), addresses=(Address("192.0.2.10/24"),))
BR0 = InterfaceState("bridge", 3, LinuxBridge(name="br0"))
VIRBR0 = InterfaceState("bridge", 4, LinuxBridge(name="virbr0"))
VLAN = InterfaceState("vlan", 5, VlanIface(name="eth0.7", parent="eth0", id=7), lower="eth0")
TAP = InterfaceState("tun", 6, Tuntap(name="tap0"), persistent=True)
VNET0 = InterfaceState("tun", 7, Tuntap(name="vnet0"), master="br0", port=Port(name="vnet0"), attached=True)


def _target(was: list[InterfaceState], found: list[InterfaceState], **options: Any) -> Target:
    bridges: frozenset[str] = options.pop("libvirt_bridges", frozenset({"virbr0"}))
    saved = SavedInterfaces(100.0, {state.name: state for state in was}, options.pop("libvirt_bridges_then", bridges))
    return restore_target(saved, {state.name: state for state in found}, bridges, options.pop("now", 160.0))


def test_what_is_as_it_was_stays() -> None:
    states = [LO, ETH0, BR0, VIRBR0, VLAN, TAP, VNET0]
    assert _target(states, states) == Target(
        {state.name: state for state in states}, frozenset({"lo", "eth0", "br0", "eth0.7", "tap0"})
    )


def test_what_was_made_since_goes() -> None:
    assert _target([LO, ETH0], [LO, ETH0, BR0, VLAN, TAP]).states == {"lo": LO, "eth0": ETH0}


def test_what_libvirt_a_guest_or_anybody_else_made_since_stays() -> None:
    veth = InterfaceState("veth", 9, Interface(name="veth0"))
    plugged = replace(VNET0, master="virbr0")
    found = [ETH0, VIRBR0, plugged, veth]
    assert _target([ETH0], found).states == {state.name: state for state in found}


def test_a_tap_that_is_persistent_but_in_use_by_a_guest_is_not_removed() -> None:
    assert "tap0" in _target([], [replace(TAP, attached=True)]).states


def test_what_is_gone_is_made_again() -> None:
    assert _target([ETH0, BR0, VLAN, TAP], [ETH0]).states == {"eth0": ETH0, "br0": BR0, "eth0.7": VLAN, "tap0": TAP}


def test_what_libvirt_or_a_guest_has_taken_away_is_not() -> None:
    found = _target(
        [ETH0, VIRBR0, VNET0], [ETH0], libvirt_bridges=frozenset(), libvirt_bridges_then=frozenset({"virbr0"})
    )
    assert found == Target({"eth0": ETH0}, frozenset({"eth0"}))


def test_a_nic_that_is_gone_is_told_and_what_sat_on_it_is_not_tried() -> None:
    found = _target([LO, ETH0, VLAN, BR0], [LO, BR0])
    assert found.states == {"lo": LO, "br0": BR0}
    assert found.lost == ("eth0 is gone, and is no interface that can be created again",)


def test_a_guests_tap_is_put_back_on_its_bridge_with_its_settings_there() -> None:
    moved = replace(VNET0, master=None, port=None, definition=Tuntap(name="vnet0", mtu=9000))
    assert _target([BR0, VNET0], [BR0, moved]).states["vnet0"] == replace(moved, master="br0", port=Port(name="vnet0"))
    anew = replace(moved, index=70)  # another guest's, which has been given the same name
    assert _target([BR0, VNET0], [BR0, anew]).states["vnet0"] == anew


def test_a_guests_tap_on_a_bridge_that_goes_has_none() -> None:
    assert _target([ETH0], [ETH0, BR0, VNET0]).states["vnet0"] == replace(VNET0, master=None, port=None)


def test_another_interface_of_the_same_name_makes_room() -> None:
    assert _target([BR0], [replace(TAP, definition=Tuntap(name="br0"))]).states["br0"] == BR0
    nic = replace(ETH0, definition=Interface(name="br0"))
    assert _target([BR0], [nic]).states["br0"] == nic


def test_an_interface_that_was_made_again_has_a_number_of_its_own() -> None:
    assert _target([BR0], [replace(BR0, index=30)]).states["br0"].index == 30


def test_a_leased_address_is_as_old_as_it_is() -> None:
    leased = Address("192.0.2.10/24", valid_seconds=3600, preferred_seconds=1800)
    renewed = replace(leased, valid_seconds=3599, preferred_seconds=1799)
    with_lease, without = replace(ETH0, addresses=(leased,)), replace(ETH0, addresses=())
    assert _target([with_lease], [replace(ETH0, addresses=(renewed,))]).states["eth0"].addresses == (renewed,)
    assert _target([with_lease], [without]).states["eth0"].addresses == (
        replace(leased, valid_seconds=3540, preferred_seconds=1740),
    )
    ending = replace(leased, valid_seconds=70, preferred_seconds=0)
    assert _target([replace(ETH0, addresses=(ending,))], [without]).states["eth0"].addresses == (
        replace(ending, valid_seconds=60),
    )


def test_what_routers_advertise_is_not_taken_back() -> None:
    """The addresses that were there are restored, as connections are on them. New ones stay, and routes are the kernel's."""
    then = Address("fd00::1/64", flags=0x100, valid_seconds=3600, preferred_seconds=1800, origin="ra")
    ended, new = replace(then, cidr="fd00::2/64", valid_seconds=50), replace(then, cidr="fd00::3/64")
    was, way = (Route(InterfaceRoute(to="default", via=via), protocol=9, origin="ra") for via in ("fe80::1", "fe80::2"))
    static = Route(InterfaceRoute(to="10.0.0.0/8", via="192.0.2.1"))
    found = _target(
        [replace(ETH0, addresses=(then, ended), routes=(was, static))],
        [replace(ETH0, addresses=(new,), routes=(way,))],
    ).states["eth0"]
    aged = replace(then, valid_seconds=3540, preferred_seconds=1740)
    assert found.addresses == (aged, new)
    assert found.routes == (static, way)
    bridge = replace(BR0, addresses=(then, new), routes=(way,))
    assert _target([ETH0, BR0], [ETH0, bridge]).states["br0"] == BR0, "it is of the LAN of an adopted interface"
