# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps leased addresses while the DHCP client of networkd starts on an interface.

networkd removes addresses with a lifetime that it hasn't set itself when it begins to set up an interface
(link_drop_foreign_addresses in src/network/networkd-address.c), and sets them again with the answer of the DHCP server. Until
then they are added again, with the routes that use them, so that open connections go on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping

from ...errors import HostError
from ...model.interface.normal import family
from ...model.interface.options import Address, InterfaceState, Route
from ..netlink.interfaces import Interfaces

_RTPROT_DHCP = 16  # linux/rtnetlink.h
_FIRST = 1.0  # seconds


class Leases:
    """The leased addresses of some interfaces at this moment, with the routes of DHCP."""

    def __init__(self, names: Iterable[str]) -> None:
        self._kernel = Interfaces(None)
        states = self._all()
        self._states = {name: states[name] for name in names if name in states and any(_leased(states[name]))}
        self._added: dict[tuple[str, str], Address] = {}
        self._begun = time.monotonic()

    def _all(self) -> Mapping[str, InterfaceState]:
        self._kernel.forget()
        return self._kernel.all()

    def put_back(self) -> bool:
        """Adds again what has gone, and returns whether something is still to be added.

        Once networkd has another lease, that counts, and the former one is removed.
        """
        now = self._all() if self._states else {}
        missing = False
        for name, before in self._states.items():
            if state := now.get(name):
                routes = [route for route in before.routes if route.protocol == _RTPROT_DHCP]
                for address in _leased(before):
                    with contextlib.suppress(HostError):  # networkd was faster
                        missing |= self._one(state, address, routes)
        return missing

    def _one(self, state: InterfaceState, address: Address, routes: list[Route]) -> bool:
        name, key = state.name, (state.name, address.cidr)
        held = next((each for each in state.addresses if each.cidr == address.cidr), None)
        early = time.monotonic() < self._begun + _FIRST
        others = [each for each in _leased(state) if family(each.cidr) == family(address.cidr) and each != held]
        if others:
            if held and key in self._added:
                self._kernel.remove_address(name, self._added.pop(key))
        elif held is None and key not in self._added:
            # An address that networkd finds loses its metric in systemd 252, so its client has a moment to be first.
            if address.metric and early:
                return True
            self._added[key] = address
            self._kernel.add_address(name, address)
            for route in sorted(routes, key=lambda route: route.option.via is not None):
                if route.option not in {each.option for each in state.routes}:
                    self._kernel.add_route(name, route)
            return False
        # networkd adds the routes after the address
        return early and not others and not {each.option for each in routes} <= {each.option for each in state.routes}

    def close(self) -> None:
        """Closes the connection to the kernel."""
        self._kernel.close()


def _leased(state: InterfaceState) -> Iterable[Address]:
    return [address for address in state.addresses if address.valid_seconds is not None]
