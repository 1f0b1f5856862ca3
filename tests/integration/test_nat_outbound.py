# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The addresses that guests have outside: on a plain bridge, and on a NAT network of libvirt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.forwards import ASK, INNER, NET, PLAIN, ROUTED, RULES, server_outside
from integration.support.guests import guest_on, reaches
from integration.support.host import Host

MODULES = ("nat_outbound", "nat_outbound_info")
_ADDRESSES = f"{ROUTED}; ip address add 192.168.30.7/24 dev ens7"


def _seen(host: Host, where: str, address: str = "192.168.30.1") -> tuple[str, int] | None:
    """The address and the port by which a guest is seen outside."""
    said = host.shell(f"{where} {ASK.format(address, 7000)} 2>/dev/null", check=False).split()
    return (said[0], int(said[1])) if said else None


@pytest.fixture
def plain(clean: Host) -> Iterator[Host]:
    clean.shell(_ADDRESSES)
    clean.shell(PLAIN)
    yield clean
    clean.shell("ip netns delete inner; ip link delete br9; sysctl -qw net.ipv6.conf.all.forwarding=0", check=False)


@pytest.mark.each
def test_guests_of_a_plain_bridge(plain: Host) -> None:
    """By the host's address, by another one, with some ports only, in both families; without the set nothing is left."""
    plain.shell("sysctl -qw net.ipv6.conf.all.forwarding=1")
    rules = plain.shell(RULES)
    with server_outside(plain):
        assert _seen(plain, INNER) is None
        given: dict[str, Any] = {"rules": [{"source": {"bridge": "br9"}}]}
        made = converge(plain, given, module="nat_outbound", changed=True)
        assert {each["cidr"] for each in made["sources"]} == {"10.9.0.0/24", "fd00:9::/64"}
        assert _seen(plain, INNER)[0] == "192.168.30.2"  # type: ignore[index]
        assert _seen(plain, INNER, "fd00:30::1")[0] == "fd00:30::2"  # type: ignore[index]
        given = {
            "rules": [{"from": {"cidr": "10.9.0.10"}, "to": "192.168.30.7", "ports": "20000-20009"}, *given["rules"]]
        }
        converge(plain, given, module="nat_outbound", changed=True)
        address, port = _seen(plain, INNER)  # type: ignore[misc]
        assert address == "192.168.30.7" and 20000 <= port <= 20009
        assert plain.can(f"{INNER} ping -c 1 -W 2 192.168.30.1")
        (found,) = plain.ok("nat_outbound_info", {})["outbound"]
        assert found["loaded"] and found["rules"][0]["packets"] > 4 and found["rules"][0]["to"] == "192.168.30.7"
        converge(plain, {"state": "absent"}, module="nat_outbound", changed=True)
        assert _seen(plain, INNER) is None
    assert plain.shell(RULES) == rules
    assert not plain.can("ls /etc/virtnet.kvm")


def test_one_guest_of_a_nat_network(clean: Host) -> None:
    clean.shell(_ADDRESSES)
    clean.net(**NET)
    with (
        server_outside(clean),
        guest_on(clean, "lan", ip="192.168.150.10/24", kind="station") as guest,
        guest_on(clean, "lan", name="g2", ip="192.168.150.11/24", kind="station") as other,
    ):
        for each in (guest, other):
            each.check("ip route add default via 192.168.150.1")
            reaches(clean, each.address())
        given = {"rules": [{"source": {"cidr": "192.168.150.10"}, "to": "192.168.30.7"}]}
        converge(clean, given, module="nat_outbound", changed=True)
        assert guest.check(ASK.format("192.168.30.1", 7000)).startswith("192.168.30.7 ")
        assert other.check(ASK.format("192.168.30.1", 7000)).startswith("192.168.30.2 ")
        clean.shell("nft flush ruleset")
        clean.until(
            "nft list table inet virtnet_out_default && iptables -S | grep -q LIBVIRT_ || nft list table ip libvirt_network",
            12,
        )
    clean.ok("nat_outbound", {"state": "absent"})


@pytest.mark.parametrize(
    ("rule", "said", "option"),
    [
        ({"source": {}}, "is empty", "rules[0].source"),
        ({"source": {"bridge": "br0"}}, "is no bridge", "rules[0].source.bridge"),
        ({"source": {"network": "gone"}}, "is no network", "rules[0].source.network"),
        ({"source": {"cidr": "10.9.0.0/24"}, "to": "192.0.2.9"}, "no address of this host", "rules[0].to"),
        ({"source": {"cidr": "10.9.0.0/24"}, "to": "192.0.2.9-192.0.2.1"}, "range of addresses", "rules[0].to"),
        ({"source": {"cidr": "10.9.0.0/24"}, "interface": "ens99"}, "is no interface", "rules[0].interface"),
    ],
)
def test_refused(clean: Host, rule: dict[str, Any], said: str, option: str) -> None:
    refused(clean, {"rules": [rule]}, said, module="nat_outbound", option=option)
