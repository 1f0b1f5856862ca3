# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Who reaches whom between networks of all types, equal to the table in docs/policies.md."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology import fabric
from integration.support.host import Host
from integration.support.reach import Place, different, documented, measured

_TYPES = {"nat": "NAT", "routed": "routed", "open": "open", "isolated": "isolated"}
_DROP = "for tool in iptables ip6tables; do $tool -w -P FORWARD {}; done"


def _subnets(number: int) -> tuple[str, str]:
    return f"10.8.{number}.0/24", f"fd00:8:{number}::/64"


def _topologies() -> list[dict[str, Any]]:
    """Two networks of each type."""
    found = []
    for place, kind in enumerate(_TYPES):
        for number in (2 * place + 1, 2 * place + 2):
            cidr, cidr6 = _subnets(number)
            network = {"type": kind, "name": f"{kind}{number}", "cidr": cidr, "cidr6": cidr6}
            found.append({**network, "nat66": True} if kind == "nat" else network)
    return found


def _places() -> list[Place]:
    networks = [
        Place(one["name"], _TYPES[one["type"]], f"virbr-{one['name']}", (one["cidr"], one["cidr6"]))
        for one in _topologies()
    ]
    plain = [Place(f"plain{number}", "plain bridge", f"br{number}", _subnets(number)) for number in (11, 12)]
    return [Place("world", "outside", "", ("198.51.100.0/24", "2001:db8:100::/64")), *networks, *plain]


def _plain_bridges(host: Host) -> None:
    """Create bridges that no network of libvirt uses."""
    for place in _places():
        if place.kind == "plain bridge":
            four, six = place.addresses(1)
            host.shell(
                f"ip link add {place.bridge} type bridge && ip link set {place.bridge} up &&"
                f" ip address add {four}/24 dev {place.bridge} && ip address add {six}/64 dev {place.bridge} nodad"
            )


@pytest.mark.nftables
def test_who_reaches_whom(clean: Host) -> None:
    """By ping, TCP and UDP, IPv4 and IPv6; and again where the host drops what nobody has allowed."""
    _plain_bridges(clean)
    options = fabric(_topologies(), "topologies")
    clean.ok("fabric", options)
    clean.shell("sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    places = _places()
    for place in places:
        place.create(clean)
    kinds = {place.name: place.kind for place in places}
    expected = documented()
    found = measured(clean, places)
    assert len(found) == len(places) * (len(places) - 1) * 6
    assert not different(found, kinds, expected)
    clean.shell(_DROP.format("DROP"))
    try:
        clean.ok("fabric", options)
        assert not clean.ok("fabric", options)["changed"]
        # Nothing of ours is about a plain bridge, nor about two open networks.
        kept = {
            pair: should for pair, should in expected.items() if "plain bridge" not in pair and pair != ("open", "open")
        }
        assert not different(measured(clean, places), kinds, kept)
    finally:
        clean.shell(_DROP.format("ACCEPT"))
