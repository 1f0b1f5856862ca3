# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface whose configuration a bridge has taken over, remembered in a comment of the bridge's own file. Pure.

A later task may leave out ``adopt``, and the options that count in place of what was taken over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Optional

from ..errors import OptionError
from ..model.interface.desired import DesiredInterface
from ..model.interface.normal import family, normal
from ..model.interface.options import DHCP, Interface, InterfaceState
from .files import Request, made_for

# Options that replace what was taken over, now and in each later run. What the others replace is known when they are given.
_REPLACING = ("addresses", "routes")
_WORDS = "# Takes over"


@dataclass(frozen=True)
class Takeover:
    """A bridge has the configuration of ``interface``, except for what the options in ``instead`` say."""

    interface: str
    instead: frozenset[str] = frozenset()

    @property
    def note(self) -> str:
        """The comment that remembers it."""
        without = f" without {', '.join(sorted(self.instead))}" if self.instead else ""
        return f"{_WORDS} {self.interface}{without}"


def remembered(text: str) -> Optional[Takeover]:
    """Returns what the file of a bridge says; ``None`` if it took over nothing."""
    found = re.search(rf"(?m)^{_WORDS} (\S+)(?: without (.+))?$", text)
    return Takeover(found[1], frozenset((found[2] or "").split(", ")) - {""}) if found else None


def former_text(request: Request, path: str) -> str:
    """Returns the file of ours at ``path``, as an earlier run has written it for this interface; empty without one."""
    text = request.files.get(path, "")
    return text if made_for(text) == request.name else ""


def takeover(request: Request, path: str) -> Optional[Takeover]:
    """Returns whose configuration a bridge has, where its own file is ``path``: by ``adopt`` or an earlier run.

    Raises `OptionError` for a second interface: a bridge has the configuration of one.
    """
    former = remembered(former_text(request, path))
    interface = request.adopt or (former.interface if former else None)
    ports = {port.name for port in (request.desired.ports or () if request.desired else ())}
    if interface is None or interface not in ports:
        return None
    if former and former.interface != interface and former.interface in ports:
        raise OptionError(
            "adopt",
            interface,
            f"isn't possible, as {request.name} has taken over the configuration of {former.interface}; list it in ports,"
            f" or remove {former.interface} from the bridge first",
        )
    given = {option for option in _REPLACING if request.given and getattr(request.given, option) is not None}
    return Takeover(
        interface, frozenset(given) | (former.instead if former and former.interface == interface else set())
    )


def with_mac(request: Request, desired: Interface) -> Interface:
    """Returns a bridge with the MAC address that it took over, by which a DHCP server knows the interface."""
    state = request.interfaces.get(request.name)
    return desired if desired.mac or state is None else replace(desired, mac=state.definition.mac)


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
    # in one order, IPv4 first as the kernel shows them: so a run stores the same after a killed one
    addresses = tuple(sorted(dict.fromkeys((*(kept.addresses or ()), *fixed)), key=family))
    if given.routes is not None:
        return replace(kept, addresses=addresses)
    return normal(replace(kept, addresses=addresses, routes=(*(kept.routes or ()), *routes)))


def _has(texts: Iterable[str], cidr: str) -> bool:
    whole = re.compile(rf"(?<![\w.:/]){re.escape(cidr)}(?![\w.:/])")
    return any(whole.search(text) for text in texts)
