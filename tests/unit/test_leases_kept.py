# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Leased addresses stay while networkd's DHCP client starts, and give way to the lease that it gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.boot_tools import leases
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    InterfaceRoute,
    InterfaceState,
    LinuxBridge,
    Route,
)

LEASED = Address("192.168.1.2/24", valid_seconds=600)
OTHER = Address("192.168.1.9/24", valid_seconds=600)
FIXED = Address("192.168.1.5/24")
BY_DHCP = Route(InterfaceRoute(to="default", via="192.168.1.1"), protocol=16)
FAR = Route(InterfaceRoute(to="10.0.0.0/8", via="192.168.1.1"))
BR0 = InterfaceState("bridge", 3, LinuxBridge(name="br0"), (LEASED, FIXED), (BY_DHCP, FAR))


class Kernel:
    """One bridge."""

    def __init__(self) -> None:
        self.state = BR0
        self.refuses = False

    def all(self) -> dict[str, InterfaceState]:
        return {"br0": self.state}

    def forget(self) -> None: ...
    def close(self) -> None: ...

    def add_address(self, _name: str, address: Address) -> None:
        if self.refuses:
            raise HostError("add an address", "no")
        self.state = replace(self.state, addresses=(*self.state.addresses, address))

    def remove_address(self, _name: str, address: Address) -> None:
        self.state = replace(self.state, addresses=tuple(a for a in self.state.addresses if a.cidr != address.cidr))

    def add_route(self, _name: str, route: Route) -> None:
        self.state = replace(self.state, routes=(*self.state.routes, route))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    found = Kernel()
    monkeypatch.setattr(leases, "Interfaces", lambda _netns: found)
    return found


def _cidrs(kernel: Kernel) -> list[str]:
    return [address.cidr for address in kernel.state.addresses]


def test_a_lease_that_networkd_removes_is_put_back_with_its_routes(kernel: Kernel) -> None:
    held = leases.Leases(("br0", "gone"))
    kernel.state = replace(BR0, addresses=(), routes=())
    held.put_back()
    assert kernel.state.addresses == (LEASED,) and kernel.state.routes == (BY_DHCP,), "nothing but the lease"


def test_it_is_put_back_once_and_only_if_it_is_gone(kernel: Kernel) -> None:
    held = leases.Leases(("br0",))
    held.put_back()
    assert kernel.state == BR0
    kernel.state = replace(BR0, addresses=())
    held.put_back()
    kernel.state = replace(BR0, addresses=())
    held.put_back()
    assert kernel.state.addresses == (), "networkd wants it gone"


def test_another_lease_counts_in_its_place(kernel: Kernel) -> None:
    held = leases.Leases(("br0",))
    kernel.state = replace(BR0, addresses=())
    held.put_back()
    kernel.state = replace(kernel.state, addresses=(*kernel.state.addresses, OTHER))
    held.put_back()
    assert _cidrs(kernel) == [OTHER.cidr]
    again = leases.Leases(("br0",))
    kernel.state = replace(BR0, addresses=(LEASED,))
    again.put_back()
    assert _cidrs(kernel) == [LEASED.cidr], "networkd itself has set it"


def test_networkd_has_a_moment_to_set_an_address_with_a_metric_itself(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.state = replace(BR0, addresses=(replace(LEASED, metric=100),))
    held = leases.Leases(("br0",))
    kernel.state = replace(BR0, addresses=())
    assert held.put_back() and not kernel.state.addresses
    monkeypatch.setattr(leases, "_FIRST", 0.0)
    assert not held.put_back() and _cidrs(kernel) == [LEASED.cidr]


def test_a_networkd_that_is_faster_is_no_failure(kernel: Kernel) -> None:
    held: Any = leases.Leases(("br0",))
    kernel.state, kernel.refuses = replace(BR0, addresses=()), True
    held.put_back()
    held.close()
