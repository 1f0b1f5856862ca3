# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Networks that several tests start from."""

from __future__ import annotations

from typing import Any

RANGE = {"start": "192.168.150.100", "end": "192.168.150.199"}


def lan(**more: Any) -> dict[str, Any]:
    """A network with DHCP and NAT; ``more`` takes the place of what it has."""
    return {
        "name": "lan",
        "forward": {"mode": "nat"},
        "bridge": {"name": "virbr-lan", "stp": False},
        "ips": ips(),
        **more,
    }


def ips(subnet: int = 150, **dhcp: Any) -> list[dict[str, Any]]:
    ranges = [{"start": f"192.168.{subnet}.100", "end": f"192.168.{subnet}.199"}]
    return [{"address": f"192.168.{subnet}.1/24", "dhcp": {"ranges": ranges, **dhcp}}]


def isolated(name: str, subnet: int, **more: Any) -> dict[str, Any]:
    """A network of its own without DHCP, so that it starts fast."""
    return {
        "name": name,
        "bridge": {"name": f"virbr-{name}"},
        "ips": [{"address": f"192.168.{subnet}.1/24"}],
        **more,
    }
