# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Reservations that pass on and exchange addresses and names: in few changes, which libvirt and dnsmasq take live."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge
from integration.support.host import Host
from integration.support.networks import ips, lan

MODULES = ("virt_net",)

COUNT = 4


def _hosts(ips_of: list[int], names: list[str | None] | None = None) -> list[dict[str, Any]]:
    return [
        {"mac": f"52:54:00:00:00:{n:02x}", "ip": f"192.168.150.{ip}", **({"name": names[n]} if names else {})}
        for n, ip in enumerate(ips_of)
    ]


def _lines(hosts: list[dict[str, Any]]) -> list[str]:
    return sorted(",".join(host[key] for key in ("mac", "ip", "name") if key in host) for host in hosts)


FIRST = list(range(10, 10 + COUNT))
CHANGES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], int]] = {
    "rotated": (_hosts(FIRST), _hosts([*FIRST[1:], FIRST[0]]), COUNT + 1),
    "rotated, each with its name": (
        _hosts(FIRST, [*"abcd"]),
        _hosts([*FIRST[1:], FIRST[0]], [*"abcd"]),
        COUNT + 1,
    ),
    "moved up by one": (_hosts(FIRST), _hosts([ip + 1 for ip in FIRST]), COUNT),
    "a new guest before all": (_hosts(FIRST)[1:], _hosts([*FIRST[1:], FIRST[0]])[:-1], COUNT - 1),
    "names exchanged": (_hosts(FIRST, [*"abcd"]), _hosts(FIRST, [*"bcda"]), COUNT + 1),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changed_live(clean: Host, what: str) -> None:
    before, after, count = CHANGES[what]
    clean.net(**lan(ips=ips(hosts=before)))
    there = clean.look()["lan"]["ifindex"]
    result = converge(clean, {"name": "lan", "ips": ips(hosts=after)}, changed=True)
    assert result["method"] == "live" and result["steps"] == len(result["actions"]) == count
    assert result["seconds"] == pytest.approx(0.55 * count, abs=0.1)
    assert clean.look()["lan"]["ifindex"] == there
    assert sorted(clean.shell("cat /var/lib/libvirt/dnsmasq/lan.hostsfile").split()) == _lines(after)


def test_undone_where_it_fails(clean: Host) -> None:
    """In the middle of a circle: each is undone, so that the list is as it was."""
    before, after, count = CHANGES["rotated, each with its name"]
    clean.net(**lan(ips=ips(hosts=before)))
    there = clean.look()
    fault = {"name": "update", "at": count - 1, "when": "before", "error": "it is broken"}
    result = clean.module("virt_net", {"name": "lan", "ips": ips(hosts=after)}, fault=fault)
    assert result["failed"] and result["msg"].endswith("; the host is as it was"), result["msg"]
    assert sorted(clean.shell("cat /var/lib/libvirt/dnsmasq/lan.hostsfile").split()) == _lines(before)
    assert _sorted(clean) == _sorted(clean, there)


def _sorted(host: Host, found: dict[str, Any] | None = None) -> list[str]:
    lines = (found or host.look())["lan"]["stored"].splitlines()
    return sorted(lines)


def test_a_restart_that_is_faster(clean: Host) -> None:
    """With nothing on the network, or where it is asked for: but not where a tap would lose the bridge."""
    clean.net(**lan())
    many = {"name": "lan", "ips": ips(hosts=_hosts(list(range(10, 30))))}
    few = {"name": "lan", "ips": ips(hosts=_hosts(FIRST))}
    result = converge(clean, many, changed=True)
    assert result["method"] == "restarted" and result["steps"] == 2 and result["seconds"] < 1
    clean.shell("ip tuntap add tap7 mode tap && ip link set tap7 master virbr-lan")
    try:
        predicted = clean.ok("virt_net", {**few, "restart": "if_faster"}, check=True)
        assert predicted["method"] == "live" and predicted["steps"] == 16
    finally:
        clean.shell("ip link del tap7")
    predicted = clean.ok("virt_net", {**few, "restart": "never"}, check=True)
    assert predicted["method"] == "live"
    assert converge(clean, {**few, "restart": "if_faster"}, changed=True)["method"] == "restarted"


def test_two_of_one_name(clean: Host) -> None:
    """libvirt takes them when the network starts, but not live."""
    clean.net(**lan())
    result = converge(clean, {"name": "lan", "ips": ips(hosts=_hosts(FIRST[:2], ["a", "a"]))}, changed=True)
    assert result["method"] == "restarted"


def test_dhcp_moves_to_another_subnet(clean: Host) -> None:
    """libvirt has it on one subnet of a family at most, also for a moment."""
    first, second = ips(150, hosts=_hosts(FIRST[:1])), ips(151)
    clean.net(**lan(ips=[{"address": first[0]["address"]}, *second]))
    result = converge(clean, {"name": "lan", "ips": [*first, {"address": second[0]["address"]}]}, changed=True)
    assert result["method"] == "live"


def test_the_default_portgroup_is_another_one(clean: Host) -> None:
    clean.net(**lan(portgroups=[{"name": "a"}, {"name": "b", "default": True}]))
    result = converge(
        clean, {"name": "lan", "portgroups": [{"name": "a", "default": True}, {"name": "b"}]}, changed=True
    )
    assert result["method"] == "live"
