# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a measurement: whom to ask, and what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .. import values
from ..fields import option
from ..nwfilter.options import Parameter, filter_name

PROTOCOLS = ("icmp", "tcp", "udp")
FAMILIES = ("ipv4", "ipv6")
HOST, OUTSIDE = "host", "outside"
SERVICES = DNS, DHCP = ("dns", "dhcp")
USUAL_SERVICES = (DNS,)


@dataclass(frozen=True)
class Expectation:
    """What is expected from one place to another; what is left out stands for all."""

    source: Optional[str] = option(norm=values.object_name, aliases=("from",))
    to: Optional[str] = option(norm=values.object_name)
    protocol: Optional[str] = option(choices=PROTOCOLS)
    family: Optional[str] = option(choices=FAMILIES)
    reached: Optional[bool] = option(required=True)


@dataclass(frozen=True)
class FilterRef:
    """The network filter of each probe."""

    filter: Optional[str] = option(required=True, norm=filter_name)
    parameters: Optional[tuple[Parameter, ...]] = option()


@dataclass(frozen=True)
class Measurement:
    """Where probes are, what they ask, and what is expected of them."""

    networks: Optional[tuple[str, ...]] = option(norm=values.object_name)
    bridges: Optional[tuple[str, ...]] = option(norm=values.ifname)
    outside: Optional[tuple[str, ...]] = option(norm=values.ip)
    protocols: Optional[tuple[str, ...]] = option(choices=PROTOCOLS)
    services: Optional[tuple[str, ...]] = option(choices=SERVICES)
    filterref: Optional[FilterRef] = option()
    expect: Optional[tuple[Expectation, ...]] = option()
