# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of port forwards: from a port of the host to a port of a guest (DNAT)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .. import values
from ..fields import option

PROTOCOLS = ("tcp", "udp", "sctp")
# The helpers of the kernel for protocols that open further connections, and the protocols of their first connection
# (nf_ct_helper_init in net/netfilter/nf_conntrack_*.c).
HELPERS = {
    "amanda": ("udp",),
    "ftp": ("tcp",),
    "irc": ("tcp",),
    "pptp": ("tcp",),
    "sip": ("tcp", "udp"),
    "tftp": ("udp",),
}
HELPERS_OF_IPV4 = ("irc", "pptp")
LOG_PREFIX = "virtnet.kvm forward:"


@dataclass(frozen=True)
class Listen:
    """Where connections arrive; without an ``address``, at every address of the host but the loopback ones."""

    address: Optional[str] = option(norm=values.ip)
    port: Optional[str] = option(required=True, norm=values.port_range)
    protocol: Optional[str] = option(choices=PROTOCOLS, absent="tcp")


@dataclass(frozen=True)
class Target:
    """Where they go: to a guest, by its libvirt name, or to an address."""

    guest: Optional[str] = option(norm=values.object_name)
    network: Optional[str] = option(norm=values.object_name)
    address: Optional[str] = option(norm=values.ip)
    port: Optional[int] = option(minimum=1, maximum=65535)


@dataclass(frozen=True)
class Forward:
    """A port, or a range of ports, and its target."""

    listen: Optional[Listen] = option(required=True)
    to: Optional[Target] = option(required=True)
    sources: Optional[tuple[str, ...]] = option(norm=values.network_or_ip, unordered=True)
    log: Optional[bool] = option(absent=False)
    log_prefix: Optional[str] = option(norm=values.log_prefix)
    helper: Optional[str] = option(choices=tuple(HELPERS))


@dataclass(frozen=True)
class PortForwards:
    """A named set of forwards."""

    name: Optional[str] = option(norm=values.set_name)
    forwards: Optional[tuple[Forward, ...]] = option()


def ports_of(listen: Listen) -> range:
    """Returns the ports of a listener."""
    first, _dash, last = (listen.port or "").partition("-")
    return range(int(first), int(last or first) + 1)


def protocol_of(listen: Listen) -> str:
    return listen.protocol or "tcp"


def where(listen: Listen) -> str:
    """Returns a listener in words: ``198.51.100.7 port 2222/tcp``, ``port 8080/tcp``."""
    address = f"{listen.address} " if listen.address else ""
    return f"{address}port {listen.port}/{protocol_of(listen)}"


def log_prefix_of(forward: Forward) -> str:
    """Returns what the lines in the log begin with; empty where nothing is logged."""
    return (forward.log_prefix or LOG_PREFIX) if forward.log else ""
