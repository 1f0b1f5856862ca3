# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of outbound rules: the addresses that guests have outside (masquerade, SNAT)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .. import values
from ..fields import option


@dataclass(frozen=True)
class Source:
    """Whose connections: one of a subnet, a network of libvirt, a bridge or a guest."""

    cidr: Optional[str] = option(norm=values.network_or_ip)
    network: Optional[str] = option(norm=values.object_name)
    bridge: Optional[str] = option(norm=values.ifname)
    guest: Optional[str] = option(norm=values.object_name)


@dataclass(frozen=True)
class Outbound:
    """Which address connections to the outside have: ``to``, or else that of the host."""

    source: Optional[Source] = option(required=True, aliases=("from",))
    to: Optional[str] = option(norm=values.ip_range)
    ports: Optional[str] = option(norm=values.port_range)
    interface: Optional[str] = option(norm=values.ifname)


@dataclass(frozen=True)
class OutboundRules:
    """A named set of rules for connections to the outside; the first that fits counts."""

    name: Optional[str] = option(norm=values.set_name)
    rules: Optional[tuple[Outbound, ...]] = option()
