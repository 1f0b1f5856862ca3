# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What the options that all kinds of interfaces have are changed to, and what iproute2 must then say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Steps = tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...]


@dataclass(frozen=True)
class InterfaceCase:
    """An interface made of ``base``, then changed by each of ``steps`` in turn.

    A step is the options that are given, and what `host.interfaces()` must then have of it, by path: ``settings.priority``
    is the interface's own, ``p0/port.cost`` that of another. ``kernel`` says that it takes VLANs, which a container's
    kernel may not have.
    """

    module: str
    name: str
    base: Mapping[str, Any]
    steps: Steps
    kernel: bool = False

    def __str__(self) -> str:
        return f"{self.module} {self.name}"


ADDRESSED = {"addresses": ["192.168.20.2/24", "fd00:20::2/64"]}
# The settings that each kind has. What is seen of an address or a route is said as `ip` says it.
COMMON: Mapping[str, tuple[Mapping[str, Any], Steps]] = {
    "addresses": (
        {},
        (
            (ADDRESSED, {"cidrs": ["192.168.20.2/24", "fd00:20::2/64"]}),
            ({"addresses": ["192.168.20.2/24", "192.168.20.3/24"]}, {"cidrs": ["192.168.20.2/24", "192.168.20.3/24"]}),
            ({"addresses": ["192.168.20.3/25", "fd00:21::1/128"]}, {"cidrs": ["192.168.20.3/25", "fd00:21::1/128"]}),
            ({"addresses": []}, {"cidrs": []}),
        ),
    ),
    "routes": (
        ADDRESSED,
        (
            (
                {
                    "routes": [
                        {"to": "default", "via": "192.168.20.1", "metric": 700},
                        {"to": "10.0.0.0/8", "via": "192.168.20.254", "table": 100, "source": "192.168.20.2"},
                        {"to": "fd00:99::/64", "via": "fd00:20::1", "metric": 7},
                    ]
                },
                {
                    "routes": [
                        "10.0.0.0/8 via 192.168.20.254 table 100 proto static src 192.168.20.2",
                        "default via 192.168.20.1 proto static metric 700",
                        "fd00:99::/64 via fd00:20::1 proto static metric 7",
                    ]
                },
            ),
            (
                {
                    "routes": [
                        {"to": "default", "via": "192.168.20.9", "metric": 701},
                        {"to": "10.0.0.0/8", "via": "192.168.20.253", "table": 101, "source": "192.168.20.2"},
                        {"to": "fd00:98::/64", "via": "fd00:20::9", "metric": 8},
                    ]
                },
                {
                    "routes": [
                        "10.0.0.0/8 via 192.168.20.253 table 101 proto static src 192.168.20.2",
                        "default via 192.168.20.9 proto static metric 701",
                        "fd00:98::/64 via fd00:20::9 proto static metric 8",
                    ]
                },
            ),
            (
                {"addresses": ["192.168.20.3/24"], "routes": [{"to": "10.0.0.1", "source": "192.168.20.3"}]},
                {"routes": ["10.0.0.1 proto static scope link src 192.168.20.3"], "cidrs": ["192.168.20.3/24"]},
            ),
            ({"routes": []}, {"routes": []}),
        ),
    ),
    "mac, mtu and up": (
        {},
        (
            (
                {"mac": "02:00:00:00:00:01", "mtu": 1400, "up": False},
                {"mac": "02:00:00:00:00:01", "mtu": 1400, "up": False},
            ),
            (
                {"mac": "02-00-00-00-00-0A", "mtu": 1300, "up": True},
                {"mac": "02:00:00:00:00:0a", "mtu": 1300, "up": True},
            ),
        ),
    ),
    "ipv6": (
        {},
        (
            (
                {"ipv6": {"accept_ra": "never", "autoconf": False, "addr_gen_mode": "none"}},
                {"ipv6.accept_ra": 0, "ipv6.autoconf": 0, "ipv6.addr_gen_mode": 1},
            ),
            (
                {"ipv6": {"accept_ra": "always", "autoconf": True, "addr_gen_mode": "random"}},
                {"ipv6.accept_ra": 2, "ipv6.autoconf": 1, "ipv6.addr_gen_mode": 3},
            ),
            ({"ipv6": {"enabled": False}}, {"ipv6.disable_ipv6": 1, "ipv6.accept_ra": 2}),
            (
                {"ipv6": {"enabled": True, "accept_ra": "unless_forwarding", "addr_gen_mode": "eui64"}},
                {"ipv6.disable_ipv6": 0, "ipv6.accept_ra": 1, "ipv6.addr_gen_mode": 0},
            ),
        ),
    ),
}


def gateways() -> Steps:
    """Default routes, of interfaces on which hosts have their uplink."""
    return (
        *(
            (
                {"gateway": f"192.168.20.{n}", "gateway6": f"fd00:20::{n}"},
                {"gateways": [f"192.168.20.{n}", f"fd00:20::{n}"]},
            )
            for n in (1, 9)
        ),
        ({"gateway": "", "gateway6": ""}, {"gateways": []}),
    )
