# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of policies: who may connect to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .. import values
from ..fields import option

OUTSIDE, HOST = "outside", "host"
ALLOW, DENY, REJECT = "allow", "deny", "reject"
FAMILIES = {"ipv4": 4, "ipv6": 6}


@dataclass(frozen=True)
class Party:
    """One side of a connection: a subnet, a network of libvirt, a bridge, a guest, or a zone; ``name`` is a network's or a bridge's."""

    name: Optional[str] = option(norm=values.object_name)
    cidr: Optional[str] = option(norm=values.network_or_ip)
    network: Optional[str] = option(norm=values.object_name)
    bridge: Optional[str] = option(norm=values.ifname)
    guest: Optional[str] = option(norm=values.object_name)
    zone: Optional[str] = option(choices=(OUTSIDE, HOST))


@dataclass(frozen=True)
class Service:
    """A protocol, and for those that have ports a port or a range of ports."""

    protocol: Optional[str] = option(required=True, choices=("tcp", "udp", "sctp", "icmp"))
    port: Optional[str] = option(norm=values.port_range)


@dataclass(frozen=True)
class PolicyRule:
    """What becomes of connections that one party begins to another one."""

    source: Optional[Party] = option(aliases=("from",))
    to: Optional[Party] = option()
    action: Optional[str] = option(required=True, choices=(ALLOW, DENY, REJECT))
    services: Optional[tuple[Service, ...]] = option()
    family: Optional[str] = option(choices=tuple(FAMILIES))
    default: Optional[bool] = option()


@dataclass(frozen=True)
class Policy:
    """A named set of such rules; the first that fits counts. Rules with ``default`` come after those of all sets."""

    name: Optional[str] = option(norm=values.set_name)
    rules: Optional[tuple[PolicyRule, ...]] = option()
