# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Who reaches whom between networks of all types, equal to the table in docs/policies.md; and what probes leave behind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology import fabric
from integration.support.checks import refused
from integration.support.guests import guest_on
from integration.support.host import CHECKOUT, Host
from integration.support.networks import isolated

MODULES = ("net_reach",)
_TYPES = {"nat": "NAT", "routed": "routed", "open": "open", "isolated": "isolated"}
# Bridges of the host that no network of libvirt uses. To the host, the first one is a LAN outside.
_BRIDGES = {"br10": "outside", "br11": "plain bridge", "br12": "plain bridge"}
_WORDS = {"yes": (True, False), "no": (False, False), "masqueraded": (True, True)}
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


def _create_bridges(host: Host) -> None:
    for name in _BRIDGES:
        four, six = (subnet.replace("0/", "1/").replace("::/", "::1/") for subnet in _subnets(int(name[2:])))
        host.shell(
            f"ip link add {name} type bridge && ip link set {name} up && ip address add {four} dev {name} &&"
            f" ip address add {six} dev {name} nodad"
        )


def _documented() -> dict[tuple[str, str], tuple[bool, bool]]:
    """The table of docs/policies.md, by the kinds of networks: whether there is an answer, and whether it is masqueraded."""
    lines = re.findall(r"(?m)^\|(.*)\|$", (CHECKOUT / "docs" / "policies.md").read_text())
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    head = next(place for place, row in enumerate(rows) if row[0] == r"from \ to")
    kinds = rows[head][1:]
    found = {}
    for row in rows[head + 2 :]:
        found.update({(row[0], kind): _WORDS[cell] for kind, cell in zip(kinds, row[1:], strict=True) if cell})
    return found


def _different(host: Host, expected: Mapping[tuple[str, str], tuple[bool, bool]]) -> list[str]:
    """What is measured and isn't as expected, a line each."""
    kinds = {each["name"]: _TYPES[each["type"]] for each in _topologies()} | _BRIDGES
    found = host.ok("net_reach", {"networks": [each["name"] for each in _topologies()], "bridges": list(_BRIDGES)})
    assert found["skipped"] == [] and not found["changed"]
    pairs = [each for each in found["reach"] if not {"host", "dns"} & {each["from"], each["to"]}]
    assert len(pairs) == len(kinds) * (len(kinds) - 1) * 6
    wrong = []
    for each in (each for each in found["reach"] if each["to"] != "dns"):
        pair = kinds.get(each["from"], "host"), kinds.get(each["to"], "host")
        should = (True, False) if "host" in pair else expected.get(pair)
        found_so = (each["reached"], each["masqueraded"])
        if each["protocol"] == "icmp" and should:  # a ping doesn't show the address
            found_so = (each["reached"], should[1])
        if should and found_so != should:
            wrong.append(f"{each}: not {should}")
    return wrong


@pytest.mark.nftables
def test_who_reaches_whom(clean: Host) -> None:
    """By ping, TCP and UDP, IPv4 and IPv6; and again where the host drops what nobody has allowed."""
    _create_bridges(clean)
    options = fabric(_topologies(), "topologies")
    clean.ok("fabric", options)
    clean.shell("sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    expected = _documented()
    assert not _different(clean, expected)
    clean.shell(_DROP.format("DROP"))
    try:
        clean.ok("fabric", options)
        assert not clean.ok("fabric", options)["changed"]
        # Nothing of ours is about plain bridges alone.
        plain = {"outside", "plain bridge"}
        kept = {pair: should for pair, should in expected.items() if not plain.issuperset(pair)}
        assert not _different(clean, kept)
    finally:
        clean.shell(_DROP.format("ACCEPT"))


def test_services(clean: Host) -> None:
    """DNS of both families and DHCP of a network that has them, and of one that has none of them."""
    cidr, cidr6 = _subnets(31)
    clean.ok("fabric", fabric([{"type": "nat", "name": "served", "cidr": cidr, "cidr6": cidr6}], "topologies"))
    clean.net(**{**isolated("bare", 172), "dns": {"enable": False}})
    expected = [
        {"to": "dns", "reached": False},
        {"from": "served", "to": "dns", "reached": True},
        {"from": "served", "to": "dhcp", "reached": True},
        {"from": "bare", "to": "dhcp", "reached": False},
    ]
    asked = {"networks": ["served", "bare"], "protocols": ["icmp"], "services": ["dns", "dhcp"], "expect": expected}
    found = clean.ok("net_reach", asked)
    dns = [each for each in found["reach"] if each["to"] == "dns" and each["from"] == "served"]
    assert sorted(each["family"] for each in dns) == ["ipv4", "ipv6"]
    assert clean.shell("virsh -q net-dhcp-leases served") == ""


def test_probes_leave_nothing_and_disturb_no_guest(clean: Host) -> None:
    """Also if the module is killed; and an expectation that isn't met is a sentence."""
    clean.net(**isolated("one", 170))
    clean.net(**isolated("two", 171))
    look = "ip -o link show | cut -d' ' -f2; ip netns list; virsh net-dhcp-leases one; nft list ruleset | wc -l"
    with guest_on(clean, "one", ip="192.168.170.9/24", kind="station") as guest:
        before = clean.shell(look)
        found = clean.ok("net_reach", {"networks": ["one", "two"]})
        assert found["table"][0].split("|")[1].strip() == r"from \ to" and len(found["table"]) == 5
        assert clean.shell(look) == before and guest.ping("192.168.170.1")
        wrong = clean.module(
            "net_reach", {"networks": ["one", "two"], "expect": [{"from": "one", "to": "two", "reached": True}]}
        )
        assert (
            wrong["failed"]
            and "one to two by tcp over IPv4: not answered, which is not expected" in wrong["differences"]
        )
        clean.start_module("net_reach", {"networks": ["one", "two"]}, agent=1)
        # A port has the process of its probe in its name.
        probe = clean.until("ls /sys/class/net | sed -n 's/^probe0-//p' | grep .").strip()
        clean.shell(f"kill -KILL $(awk '/^PPid/ {{ print $2 }}' /proc/{probe}/status)")
        assert clean.end_module(agent=1)["signal"] == 9
        clean.until(f"test \"$({look})\" = '{before.strip()}'")


@pytest.mark.parametrize(
    ("options", "said", "option"),
    [
        ({"networks": ["gone"]}, "is no network of this host", "networks[0]"),
        ({"bridges": ["gone"]}, "is no bridge of this host", "bridges[0]"),
    ],
)
def test_refused(clean: Host, options: dict[str, Any], said: str, option: str) -> None:
    refused(clean, options, said, module="net_reach", option=option)
