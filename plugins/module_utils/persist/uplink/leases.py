# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leases of interfaces whose boot tool asks a DHCP server: a run waits for new ones, and removes those that are over.

These are handlers, as a tool's client starts and ends when the tool reads its files again.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

from ...contract import Handler, Host, Step
from ...errors import VirtnetError
from ...model.interface.normal import family
from ...model.interface.options import Interface, LinuxBridge
from ...model.interface.plan import ObservedInterface
from ...model.interface.uplink.declared import leases
from .requests import HeldAddress, LeaseDriver

SECONDS = 30  # a client asks after 0, 2, 6, 14 and 30 s or earlier (RFC 2131, 4.1)
_USUAL_DELAY = 15  # the kernel's forward delay, in seconds
_KIND = {4: "DHCPv4", 6: "DHCPv6"}
_OPTION = {4: "dhcp4", 6: "dhcp6"}


@dataclass(frozen=True)
class Expected:
    """An interface and the families for which it must get a lease within ``seconds``; ``own`` are its static addresses."""

    name: str
    families: tuple[int, ...]
    own: frozenset[str] = frozenset()
    seconds: int = SECONDS

    @property
    def words(self) -> str:
        return f"{self.name} ({', '.join(_KIND[version] for version in self.families)})"

    def leased(self, driver: LeaseDriver) -> Iterator[HeldAddress]:
        """Yields the addresses that are leases: not static, and as a server gives them, of IPv6 each for one host alone."""
        for address in driver.addresses(self.name):
            version = family(address.cidr)
            single = ipaddress.ip_interface(address.cidr).network.prefixlen == 128
            if version in self.families and address.cidr not in self.own and (version == 4 or single):
                yield address

    def missing(self, driver: LeaseDriver) -> list[int]:
        """Returns the families without a lease so far."""
        had = {family(address.cidr) for address in self.leased(driver)}
        return [version for version in self.families if version not in had]

    def has_all(self, driver: LeaseDriver) -> bool:
        """Returns whether there is a lease of each family."""
        return not self.missing(driver)


@dataclass(frozen=True)
class _OfInterfaces(Handler):
    expected: tuple[Expected, ...]

    def triggered_by(self, steps: Sequence[Step]) -> bool:
        """Returns that it isn't: when steps are undone, no lease is expected."""
        del steps
        return False

    def undo(self, host: Host) -> None: ...


@dataclass(frozen=True)
class AwaitLeases(_OfInterfaces):
    """Waits until interfaces have leases, so that a run succeeds only if they have."""

    @property
    def words(self) -> str:
        return f"wait for the leases of {', '.join(each.words for each in self.expected)}"

    def merge(self, other: Handler) -> Optional[AwaitLeases]:
        """Returns one that waits for the leases of both; ``None`` if the other one doesn't wait."""
        return AwaitLeases((*self.expected, *other.expected)) if isinstance(other, AwaitLeases) else None

    def do(self, host: Host) -> None:
        driver = host.driver(LeaseDriver)
        for each in self.expected:
            if not driver.until(functools.partial(each.has_all, driver), each.seconds):
                raise VirtnetError(_failure(each, each.missing(driver), driver))


def _failure(expected: Expected, missing: Sequence[int], driver: LeaseDriver) -> str:
    version = (missing or expected.families)[0]
    if not driver.carrier(expected.name):
        return (
            f"{expected.name} has had no carrier for {expected.seconds} s; connect what it needs for one, such as the cable of"
            f" a port, or leave {_OPTION[version]} out"
        )
    return (
        f"no {_KIND[version]} server has answered on {expected.name} within {expected.seconds} s; make sure that its network"
        f" has one, or leave {_OPTION[version]} out"
    )


@dataclass(frozen=True)
class EndLeases(_OfInterfaces):
    """Removes the addresses of leases that no client renews any more."""

    @property
    def words(self) -> str:
        return f"remove the leases of {', '.join(each.words for each in self.expected)}"

    def merge(self, other: Handler) -> Optional[EndLeases]:
        """Returns one that removes the leases of both; ``None`` if the other one removes none."""
        return EndLeases((*self.expected, *other.expected)) if isinstance(other, EndLeases) else None

    def do(self, host: Host) -> None:
        driver = host.driver(LeaseDriver)
        for each in self.expected:
            for address in each.leased(driver):
                if not address.lasting:
                    driver.remove(each.name, address.cidr)


def lease_handlers(
    before: Optional[Interface], after: ObservedInterface, asks: Optional[Interface], *, new: bool
) -> tuple[Handler, ...]:
    """Returns what has to be done about leases when an interface has changed from ``before``.

    ``asks`` has the options for DHCP that it has then. With ``new`` it is another interface than before.
    """
    if after.definition is None:
        return ()
    name, own = after.definition.name or "", frozenset(after.definition.addresses or ())
    had = () if new else leases(before)
    has = leases(asks)
    begun = tuple(version for version in has if version not in had)
    ended = tuple(version for version in had if version not in has)
    handlers: list[Handler] = []
    if ended:
        handlers.append(EndLeases((Expected(name, ended, own),)))
    if begun:
        handlers.append(AwaitLeases((Expected(name, begun, own, SECONDS + _delay(after.definition)),)))
    return tuple(handlers)


def _delay(definition: Interface) -> int:
    """Returns for how many seconds a bridge forwards nothing with STP: its ports listen first, and then learn."""
    if not isinstance(definition, LinuxBridge) or not definition.stp:
        return 0
    delay = definition.forward_delay
    return 2 * (_USUAL_DELAY if delay is None else delay)
