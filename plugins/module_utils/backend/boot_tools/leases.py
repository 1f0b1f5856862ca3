# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps leased addresses while the DHCP client of networkd starts on an interface.

networkd removes addresses with a lifetime that it hasn't set itself when it begins to set up an interface
(link_drop_foreign_addresses in src/network/networkd-address.c), and sets them again with the answer of the DHCP server. Until
then they are added again, with the routes that use them, so that open connections go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...errors import HostError
from ...model.interface.options import Address, InterfaceState, Route
from ..netlink.interfaces import Interfaces

_RTPROT_DHCP = 16  # linux/rtnetlink.h
_NOPREFIXROUTE = 0x200  # IFA_F_NOPREFIXROUTE of linux/if_addr.h


class Leases:
    """The leased addresses of some interfaces at this moment, with the routes of DHCP."""

    def __init__(self, names: Iterable[str]) -> None:
        self._kernel = Interfaces(None)
        states = self._all()
        self._states = {name: states[name] for name in names if name in states and any(_leased(states[name]))}
        self._added: dict[tuple[str, str], Address] = {}

    def _all(self) -> Mapping[str, InterfaceState]:
        self._kernel.forget()
        return self._kernel.all()

    def put_back(self) -> None:
        """Adds again what has gone. Once networkd has another lease, that counts, and the former one is removed."""
        if not self._states:
            return
        now = self._all()
        for name, before in self._states.items():
            state = now.get(name)
            if state is None:
                continue
            for address in _leased(before):
                self._one(state, address, [route for route in before.routes if route.protocol == _RTPROT_DHCP])

    def _one(self, state: InterfaceState, address: Address, routes: list[Route]) -> None:
        there = {held.cidr for held in state.addresses}
        others = [
            held for held in _leased(state) if (":" in held.cidr) == (":" in address.cidr) and held.cidr != address.cidr
        ]
        key = (state.name, address.cidr)
        try:
            if others and key in self._added:
                if address.cidr in there:
                    self._kernel.remove_address(state.name, self._added.pop(key))
            elif address.cidr not in there and not others and key not in self._added:
                self._added[key] = address
                self._kernel.add_address(state.name, address)
                for route in sorted(routes, key=lambda route: route.option.via is not None):
                    if route.option not in {held.option for held in state.routes}:
                        self._kernel.add_route(state.name, route)
        except HostError:
            return  # networkd was faster

    def close(self) -> None:
        """Closes the connection to the kernel."""
        self._kernel.close()


def _leased(state: InterfaceState) -> Iterable[Address]:
    return [address for address in state.addresses if address.valid_seconds is not None]
