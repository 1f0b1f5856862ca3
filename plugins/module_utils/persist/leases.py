# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases in the files of boot tools. A lease isn't stored: its DHCP client gets one at the next boot. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..model.interface.desired import DesiredInterface
from ..model.interface.options import DHCP, Interface, InterfaceState
from .files import made_for


def with_fixed_leases(
    kept: Interface, desired: DesiredInterface, state: InterfaceState, files: Mapping[str, str]
) -> Interface:
    """Returns the interface with the leases that are stored as fixed addresses, and with their routes.

    A bridge that takes over a lease has no DHCP client, and without an address it couldn't be reached after a reboot. A
    later task that doesn't say what it takes over changes nothing of that.
    """
    given = desired.given
    if given.addresses is not None:
        return kept
    leased = [address.cidr for address in state.addresses if address.origin == DHCP]
    ours = [text for text in files.values() if made_for(text) == desired.name]
    fixed = [cidr for cidr in leased if desired.adopt or _has(ours, cidr)]
    if not fixed:
        return kept
    routes = [route.option for route in state.routes if route.origin == DHCP]
    addresses = tuple(dict.fromkeys((*(kept.addresses or ()), *fixed)))
    if given.routes is not None:
        return replace(kept, addresses=addresses)
    return replace(kept, addresses=addresses, routes=tuple(dict.fromkeys((*(kept.routes or ()), *routes))))


def _has(texts: Iterable[str], cidr: str) -> bool:
    whole = re.compile(rf"(?<![\w.:/]){re.escape(cidr)}(?![\w.:/])")
    return any(whole.search(text) for text in texts)
