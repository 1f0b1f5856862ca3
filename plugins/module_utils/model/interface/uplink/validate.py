# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of DHCP, name servers, domains and gateways before the host is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....errors import OptionError
from ..kernel_effects import LEAST_IPV6_MTU
from ..normal import family
from ..options import Interface, Uplink
from .declared import DHCP, GATEWAYS

if TYPE_CHECKING:
    from ..desired import DesiredInterface


def check_uplink(desired: DesiredInterface, definition: Interface) -> None:
    """Refuses what no boot tool can do; ``definition`` is the complete one of the interface."""
    given = desired.given
    if not isinstance(given, Uplink):
        return
    for option in (*DHCP, *GATEWAYS):
        value = getattr(given, option)
        if value and not definition.up:
            raise OptionError(
                option, value, f"isn't possible while the interface is down; leave {option} out, or set up to true"
            )
    for option, version in GATEWAYS.items():
        _check_family(given, option, version)
    if given.dhcp6:
        _check_ipv6("dhcp6", True, definition)
    if given.gateway6:
        _check_ipv6("gateway6", given.gateway6, definition)
    for option in ("nameservers", "search"):
        held = getattr(given, option) or ()
        for place, value in enumerate(held):
            if value in held[:place]:
                raise OptionError(f"{option}[{place}]", value, "is listed twice; list each once")


def _check_family(given: Uplink, option: str, version: int) -> None:
    via = getattr(given, option)
    if via and family(via) != version:
        other = next(name for name in GATEWAYS if name != option)
        raise OptionError(option, via, f"is not an IPv{version} address; give it as {other}")


def _check_ipv6(option: str, value: object, definition: Interface) -> None:
    if definition.ipv6 and definition.ipv6.enabled is False:
        raise OptionError(option, value, "is IPv6, and ipv6.enabled is false; leave it out, or enable IPv6")
    if (definition.mtu or LEAST_IPV6_MTU) < LEAST_IPV6_MTU:
        raise OptionError(option, value, f"is IPv6, which needs an MTU of {LEAST_IPV6_MTU}; leave it out, or raise mtu")
