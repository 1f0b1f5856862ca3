# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Whose addresses and routes are, as the kernel shows them on hosts of each tool, and that those of others stay."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.ip.origins import (
    address_origin,
    hop_origin,
    route_origin,
    sources_of_leases,
    with_origins,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    InterfaceRoute,
    InterfaceState,
    LinuxBridge,
    Route,
)
from unit.fake_interfaces import nic
from unit.fake_interfaces_host import InterfacesHost

V4, V6 = socket.AF_INET, socket.AF_INET6
LEASE = Address("192.0.2.50/24", valid_seconds=3600, preferred_seconds=3600, origin="dhcp")
SLAAC = Address("fd00::50/64", flags=0x300, valid_seconds=86400, preferred_seconds=14400, origin="ra")
PRIVATE = Address("fd00::7:8:9/64", valid_seconds=7200, preferred_seconds=600, origin="ra")
VIP = Address("192.0.2.99/32", origin="other")
BY_DHCP = Route(InterfaceRoute(to="default", via="192.0.2.1", metric=100), protocol=16, origin="dhcp")
BY_RA = Route(InterfaceRoute(to="default", via="fe80::1"), protocol=9, origin="ra", seconds=1800)
BY_BIRD = Route(InterfaceRoute(to="10.9.0.0/16", via="192.0.2.7"), protocol=12, origin="other")


@pytest.mark.parametrize(
    ("family", "prefix", "flags", "scope", "protocol", "ends", "origin"),
    [
        (V4, 24, 0x80, 0, 0, False, "static"),
        (V4, 24, 0x00, 0, 0, True, "dhcp"),  # any client
        (V4, 24, 0x200, 0, 0, True, "dhcp"),  # NetworkManager's
        (V4, 32, 0x80, 0, 18, False, "other"),  # keepalived
        (V6, 64, 0x80, 0, 0, False, "static"),
        (V6, 64, 0x280, 0, 0, False, "static"),  # NetworkManager's static ones are noprefixroute
        (V6, 64, 0x180, 0, 0, False, "static"),  # a user's with mngtmpaddr
        (V6, 64, 0x80, 253, 0, False, "kernel"),
        (V6, 64, 0x80, 253, 3, False, "kernel"),
        (V6, 64, 0x100, 0, 2, True, "ra"),  # the kernel's
        (V6, 64, 0x100, 0, 0, True, "ra"),  # the same before Linux 5.18
        (V6, 64, 0x100, 0, 0, False, "ra"),  # without an end
        (V6, 64, 0x300, 0, 0, True, "ra"),  # networkd's
        (V6, 64, 0x380, 0, 0, False, "ra"),  # networkd's without an end
        (V6, 64, 0x200, 0, 0, True, "ra"),  # NetworkManager's
        (V6, 64, 0x01, 0, 2, True, "ra"),  # temporary
        (V6, 128, 0x200, 0, 0, True, "dhcp"),  # DHCPv6
        (V6, 128, 0x80, 0, 0, False, "static"),
    ],
)
def test_addresses(family: int, prefix: int, flags: int, scope: int, protocol: int, ends: bool, origin: str) -> None:
    assert address_origin(family, prefix, flags, scope, protocol, ends=ends) == origin


def test_routes() -> None:
    origins = [route_origin(protocol) for protocol in (0, 2, 3, 4, 9, 12, 16, 186)]
    assert origins == ["static", "kernel", "static", "static", "ra", "other", "dhcp", "other"]
    assert [hop_origin(9, "fe80::1"), hop_origin(4, "fe80::1")] == ["ra", "other"]
    assert [hop_origin(9, "fd00::1"), hop_origin(4, "fd00::1")] == ["static", "static"], "no router advertises that"


def _origins(addresses: tuple[Address, ...], routes: tuple[Route, ...], *advertised: str) -> list[str]:
    found, ways = with_origins(addresses, routes, advertised, sources_of_leases(routes))
    return [each.origin for each in (*found, *ways)]


def test_what_only_both_together_show() -> None:
    by_dhclient = Route(InterfaceRoute(to="0.0.0.0/0", via="192.0.2.1"), protocol=3)
    fixed = Address("198.51.100.2/24")
    assert _origins((LEASE,), (by_dhclient,)) == ["dhcp", "dhcp"]
    assert _origins((LEASE, fixed), (by_dhclient,)) == ["dhcp", "static", "dhcp"]
    assert _origins((LEASE, replace(fixed, cidr="192.0.2.2/24")), (by_dhclient,)) == ["dhcp", "static", "dhcp"]
    by_user = Route(InterfaceRoute(to="10.2.0.0/16", via="198.51.100.1"), protocol=3)
    assert _origins((LEASE, fixed), (by_user,)) == ["dhcp", "static", "static"]
    assert _origins((fixed,), (by_dhclient,)) == ["static", "static"]
    assert _origins((LEASE,), (replace(by_dhclient, protocol=4),)) == ["dhcp", "static"], "a tool's own static route"
    with_source = replace(BY_DHCP, option=replace(BY_DHCP.option, source="192.0.2.50"))
    assert _origins((Address("192.0.2.50/24"),), (with_source,)) == ["dhcp", "dhcp"], "a lease without an end"
    joined = Route(InterfaceRoute(to="::/0", via="fe80::1"), origin="other")
    assert _origins((SLAAC,), (joined,)) == ["ra", "ra"] and _origins((fixed,), (joined,)) == ["static", "other"]
    endless = Address("fd00::5/64", flags=0x200)
    assert _origins((endless,), (), "fd00::/64") == ["ra"]
    assert _origins((endless,), (), "fd01::/64") == ["static"]


def bridge(*addresses: Address, routes: tuple[Route, ...] = (), **changes: Any) -> InterfaceState:
    made = nic("br0", 9, kind="bridge", addresses=addresses, routes=routes)
    common = {name: getattr(made.definition, name) for name in ("name", "mac", "mtu", "up", "ipv6")}
    return replace(made, definition=LinuxBridge(**{**common, **changes}))


def host(*states: InterfaceState, tool: Optional[str] = None) -> InterfacesHost:
    return InterfacesHost(nic("lo", 1, loopback=True), *states, tool=tool)


STATIC = Address("198.51.100.2/24")
FIXED = Route(InterfaceRoute(to="10.1.0.0/16", via="198.51.100.1"))


@pytest.mark.parametrize("tool", [None, "networkd"])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"addresses": ["198.51.100.2/24"], "routes": [{"to": "10.1.0.0/16", "via": "198.51.100.1"}]},
        # a gateway in the subnet of a lease
        {"routes": [{"to": "10.1.0.0/16", "via": "198.51.100.1"}, {"to": "10.2.0.0/16", "via": "192.0.2.9"}]},
    ],
    ids=["none", "the static ones", "by a lease"],
)
def test_what_is_nobodys_stays(given: dict[str, Any], tool: Optional[str]) -> None:
    routes = (BY_DHCP, BY_RA, BY_BIRD, FIXED)
    there = host(bridge(LEASE, SLAAC, PRIVATE, VIP, STATIC, routes=routes), tool=tool)
    before = there.kernel.kept["br0"]
    (outcome,) = there.declare(("bridge", {"name": "br0", **given}))
    after = there.kernel.kept["br0"]
    assert set(after.addresses) == set(before.addresses) and set(after.routes) >= set(before.routes)
    assert not any("remove" in action for action in outcome.actions), outcome.actions
    text = "".join(there.files.texts.values())
    assert not tool or "198.51.100.2/24" in text
    assert not [nobodys for nobodys in (LEASE, SLAAC, PRIVATE, VIP) if nobodys.cidr in text], text
    assert "10.9.0.0" not in text and "fe80::1" not in text, text
    (again,) = there.declare(("bridge", {"name": "br0", **given}))
    assert again.actions == []
    assert outcome.shown_after["addresses"] == ["198.51.100.2/24"]


def test_an_empty_list_removes_the_static_ones() -> None:
    there = host(bridge(STATIC, LEASE, SLAAC, VIP, routes=(FIXED, BY_DHCP, BY_RA)))
    (outcome,) = there.declare(("bridge", {"name": "br0", "addresses": [], "routes": []}))
    assert sorted(outcome.actions) == [
        "remove address 198.51.100.2/24 from br0",
        "remove route 10.1.0.0/16 via 198.51.100.1 from br0",
    ]
    kept = there.kernel.kept["br0"]
    assert set(kept.addresses) == {LEASE, SLAAC, VIP} and set(kept.routes) == {BY_DHCP, BY_RA}


def test_a_lease_that_is_declared_becomes_static() -> None:
    """No client may be there to renew it."""
    there = host(bridge(LEASE, SLAAC), tool="networkd")
    given = {"name": "br0", "addresses": [LEASE.cidr, SLAAC.cidr]}
    (outcome,) = there.declare(("bridge", given))
    assert [action for action in outcome.actions if "address" in action] == [f"add address {LEASE.cidr} to br0"]
    assert outcome.shown_before["addresses"] == [SLAAC.cidr]
    assert outcome.shown_after["addresses"] == [LEASE.cidr, SLAAC.cidr]
    kept = {address.cidr: address for address in there.kernel.kept["br0"].addresses}
    assert kept[LEASE.cidr].valid_seconds is None
    assert kept[SLAAC.cidr] == SLAAC, "its router goes on advertising it"
    assert all(f"Address={cidr}\n" in "".join(there.files.texts.values()) for cidr in given["addresses"])
    assert there.declare(("bridge", given))[0].actions == []


def test_the_state_that_is_read_can_be_declared() -> None:
    there = host(bridge(LEASE, SLAAC, STATIC, routes=(BY_DHCP, BY_RA)))
    assert there.declare(("bridge", {"name": "br0", "addresses": [STATIC.cidr], "routes": []}))[0].actions == []


ETH0 = nic("eth0", 2, addresses=(LEASE, SLAAC, PRIVATE), routes=(BY_DHCP, BY_RA))


def _userspace(state: InterfaceState) -> InterfaceState:
    """Returns the interface as networkd or NetworkManager leaves it, which process advertisements themselves."""
    ipv6 = state.definition.ipv6
    assert ipv6
    return replace(state, definition=replace(state.definition, ipv6=replace(ipv6, accept_ra="never")))


@pytest.mark.parametrize("by_kernel", [False, True])
@pytest.mark.parametrize("given", [{}, {"addresses": ["192.0.2.2/24"]}])
def test_they_move_with_the_interface(by_kernel: bool, given: dict[str, Any]) -> None:
    eth0 = ETH0 if by_kernel else _userspace(ETH0)
    there = host(eth0)
    there.declare(("bridge", {"name": "br0", "adopt": "eth0", **given}))
    moved = there.kernel.kept["br0"]
    lifetimes = {address.cidr: (address.valid_seconds, address.origin) for address in moved.addresses}
    assert {cidr: lifetimes.get(cidr) for cidr in (LEASE.cidr, SLAAC.cidr, PRIVATE.cidr)} == {
        LEASE.cidr: (3600, "dhcp"),
        SLAAC.cidr: (86400, "ra"),
        PRIVATE.cidr: (7200, "ra"),
    }
    # the kernel adds its own again, and can't where there is one
    assert set(moved.routes) == ({BY_DHCP} if by_kernel else {BY_DHCP, BY_RA})
    if given:
        assert moved.addresses[0].cidr == "192.0.2.2/24", "the static one is the source"
    assert there.declare(("bridge", {"name": "br0", "adopt": "eth0", **given}))[0].actions == []
    there.declare(("bridge", {"name": "br0", "adopt": "eth0", "state": "absent"}))
    back = there.kernel.kept["eth0"]
    assert {LEASE.cidr, SLAAC.cidr, PRIVATE.cidr} <= {address.cidr for address in back.addresses}


def test_a_lease_without_a_client_is_stored_as_it_was() -> None:
    """The bridge has no DHCP client, and without an address it couldn't be reached after a reboot."""
    there = host(_userspace(ETH0), tool="networkd")
    (outcome,) = there.declare(("bridge", {"name": "br0", "adopt": "eth0"}))
    assert [warning for warning in outcome.warnings if "is a DHCP lease" in warning]
    text = "".join(there.files.texts.values())
    assert f"Address={LEASE.cidr}\n" in text and "Gateway=192.0.2.1\n" in text
    assert SLAAC.cidr not in text and PRIVATE.cidr not in text
    assert there.declare(("bridge", {"name": "br0", "adopt": "eth0"}))[0].actions == []
    there.declare(("bridge", {"name": "br0", "mac": ETH0.definition.mac}))
    assert LEASE.cidr in "".join(there.files.texts.values()), "a task that doesn't say it changes nothing of it"
    there.declare(("bridge", {"name": "br0", "addresses": []}))
    assert LEASE.cidr not in "".join(there.files.texts.values())
