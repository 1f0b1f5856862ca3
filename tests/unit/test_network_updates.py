# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What libvirt changes while a network runs: in which order, in which words, and how it is undone."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    Network,
    normalise,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.updates import (
    ADD,
    MODIFY,
    Difference,
    Update,
    compare,
    merge,
)


def network(**options: Any) -> Network:
    return normalise(from_options(Network, {"name": "lan", **options}))


def ips(*ranges: tuple[int, int], hosts: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    spans = [{"start": f"192.168.150.{low}", "end": f"192.168.150.{high}"} for low, high in ranges]
    return {"ips": [{"address": "192.168.150.1/24", "dhcp": {"ranges": spans, "hosts": list(hosts)}}]}


def host(mac: int, ip: int, **more: Any) -> dict[str, Any]:
    return {"mac": f"52:54:00:00:00:{mac:02x}", "ip": f"192.168.150.{ip}", **more}


def _difference(old: dict[str, Any], new: dict[str, Any], *, running: bool = True) -> Difference:
    return compare(network(**old), network(**new), running=running)


def _words(difference: Difference) -> list[str]:
    return [update.words for update in difference.updates]


TXT = {"txt": [{"name": "n", "value": "v"}]}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (ips((10, 20)), ips((10, 20)), []),
        (
            ips((10, 20)),
            ips((10, 30)),
            ["remove DHCP range 192.168.150.10 - 192.168.150.20", "add DHCP range 192.168.150.10 - 192.168.150.30"],
        ),
        (
            ips(),
            ips(hosts=(host(1, 9, name="a", lease={"expiry": 5, "unit": "hours"}),)),
            ["add DHCP host 192.168.150.9 (52:54:00:00:00:01, a) for 5 hours"],
        ),
        (
            ips(hosts=(host(1, 9),)),
            ips(hosts=(host(1, 8),)),
            ["update DHCP host 192.168.150.9 (52:54:00:00:00:01) to 192.168.150.8 (52:54:00:00:00:01)"],
        ),
        # see test_network_reservations.py
        (
            ips(hosts=(host(1, 9), host(2, 8))),
            ips(hosts=(host(1, 8), host(2, 9))),
            [
                "remove DHCP host 192.168.150.9 (52:54:00:00:00:01)",
                "update DHCP host 192.168.150.8 (52:54:00:00:00:02) to 192.168.150.8 (52:54:00:00:00:01)",
                "add DHCP host 192.168.150.9 (52:54:00:00:00:02)",
            ],
        ),
        ({}, {"dns": TXT}, ["add DNS TXT record n=v"]),
        ({"dns": TXT}, {}, ["remove DNS TXT record n=v"]),
        (
            {},
            {"dns": {"hosts": [{"ip": "192.168.150.5", "names": ["a", "b"]}]}},
            ["add DNS host 192.168.150.5 (a, b)"],
        ),
        (
            {},
            {"dns": {"srv": [{"service": "ldap", "protocol": "tcp", "domain": "d", "target": "t", "port": 1}]}},
            ["add DNS SRV record _ldap._tcp.d -> t:1"],
        ),
        (
            {"portgroups": [{"name": "web"}]},
            {"portgroups": [{"name": "web", "default": True}]},
            ["update portgroup web"],
        ),
        (
            {"portgroups": [{"name": "a"}, {"name": "b", "default": True}]},
            {"portgroups": [{"name": "a", "default": True}, {"name": "b"}]},
            ["update portgroup b", "update portgroup a"],
        ),
        (
            {"forward": {"mode": "private", "interfaces": ["eth1", "eth2"]}},
            {"forward": {"mode": "private", "interfaces": ["eth2", "eth3"]}},
            ["remove interface eth1", "add interface eth3"],
        ),
    ],
)
def test_live(old: dict[str, Any], new: dict[str, Any], words: list[str]) -> None:
    difference = _difference(old, new)
    assert _words(difference) == words and not difference.redefine
    assert difference.result == network(**new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"mtu": 1400}),
        ({}, {"domain": {"name": "x.example"}}),
        ({}, {"dns": {"enable": False}}),
        (ips(), {"ips": [{"address": "192.168.151.1/24"}]}),
        (ips(), {"ips": [{"address": "192.168.150.1/24", "tftp": "/srv"}]}),
        (
            {"forward": {"mode": "private", "interfaces": ["eth1"]}},
            {"forward": {"mode": "private", "interfaces": ["eth2"]}},
        ),
        (
            {"forward": {"mode": "private", "interfaces": ["eth1", "eth2"]}},
            {"forward": {"mode": "private", "interfaces": ["eth2", "eth1"]}},
        ),
        (
            {"forward": {"mode": "private", "interfaces": ["eth1"]}},
            {"forward": {"mode": "vepa", "interfaces": ["eth1"]}},
        ),
    ],
)
def test_not_live(old: dict[str, Any], new: dict[str, Any]) -> None:
    difference = _difference(old, new)
    assert difference.redefine and difference.result != network(**new)


def test_dhcp_moves_to_the_other_subnet() -> None:
    """Only one subnet can have it, so it is removed from the one first, also where the other is before it in the list."""
    first, second = ({"address": f"10.0.{n}.1/24"} for n in range(2))
    with_dhcp = [
        {**ip, "dhcp": {"hosts": [host(1, 9) | {"ip": f"10.0.{n}.9"}]}} for n, ip in enumerate((first, second))
    ]
    difference = _difference({"ips": [first, with_dhcp[1]]}, {"ips": [with_dhcp[0], second]})
    assert [(update.command, update.parent) for update in difference.updates] == [("delete", 1), ("add", 0)]
    assert not difference.redefine


def test_two_hosts_of_one_name_are_not_live() -> None:
    """libvirt takes them in a definition, but refuses to add the second one."""
    old, new = ips((10, 20), hosts=(host(1, 9),)), ips((10, 30), hosts=(host(1, 9, name="a"), host(2, 8, name="a")))
    difference = _difference(old, new)
    assert difference.redefine and {update.section for update in difference.updates} == {"ip-dhcp-range"}


@pytest.mark.parametrize(
    ("stored", "live", "merged"),
    [
        ("abc", "abc", ["a both", "b both", "c both"]),
        ("abc", "ac", ["a both", "b stored", "c both"]),
        ("ac", "abc", ["a both", "b live", "c both"]),
        ("ab", "ba", ["a stored", "b both", "a live"]),
        ("", "ab", ["a live", "b live"]),
        ("ab", "cd", ["a stored", "b stored", "c live", "d live"]),
    ],
)
def test_the_order_of_either_definition_is_kept(stored: str, live: str, merged: list[str]) -> None:
    def updates(parts: str) -> tuple[Update, ...]:
        return tuple(Update(ADD, "dns-txt", part) for part in parts)

    where = {(True, True): "both", (True, False): "live", (False, True): "stored"}
    found = merge(updates(stored), updates(live))
    assert [f"{update.part} {where[in_live, in_stored]}" for update, in_live, in_stored in found] == merged


def test_what_can_be_changed_live_is_changed_though_the_rest_waits() -> None:
    difference = _difference({}, {"dns": TXT, "mtu": 1400})
    assert _words(difference) == ["add DNS TXT record n=v"] and difference.redefine
    assert difference.result == network(dns=TXT)


@pytest.mark.parametrize("new", [{"title": "x"}, {"description": "x"}, {"metadata": ['<a:b xmlns:a="urn:a"/>']}])
def test_options_that_a_running_network_does_not_use(new: dict[str, Any]) -> None:
    assert _difference({}, new, running=True) == Difference((), False, network())
    assert _difference({}, new, running=False).redefine


def test_a_range_of_the_second_subnet() -> None:
    """libvirt needs the index of the address that a range belongs to."""
    first, second = {"address": "10.0.0.1/24"}, {"address": "10.0.1.1/24"}
    ranges = {"dhcp": {"ranges": [{"start": "10.0.1.9", "end": "10.0.1.19"}]}}
    difference = _difference({"ips": [first, second]}, {"ips": [{**second, **ranges}, first]})
    assert [update.parent for update in difference.updates] == [1] and not difference.redefine


@pytest.mark.parametrize("index", range(3))
def test_undone(index: int) -> None:
    """The inverse of the inverse is the update; what is changed is changed back."""
    old = {**ips(hosts=(host(1, 9),)), "dns": TXT}
    new = ips((10, 20), hosts=(host(1, 8),))
    update = _difference(old, new).updates[index]
    back = update.inverse()
    assert back.inverse() == update and back != update
    if update.command == MODIFY:
        assert (back.part, back.old) == (update.old, update.part)


@pytest.mark.parametrize(
    ("old", "section"),
    [
        (ips((10, 20), (30, 40), (50, 60)), "ip-dhcp-range"),
        (ips(hosts=(host(1, 9), host(2, 8), host(3, 7))), "ip-dhcp-host"),
        ({"dns": {"txt": [{"name": name, "value": "v"} for name in "cab"]}}, "dns-txt"),
    ],
)
def test_deletions_are_undone_in_the_order_that_the_parts_had(old: dict[str, Any], section: str) -> None:
    """libvirt adds at the end; a step that is undone must leave the list as it was."""
    empty = {"ips": [{"address": "192.168.150.1/24"}]} if "ips" in old else {}
    difference = _difference(old, empty)
    before = _difference(empty, old)
    assert {update.section for update in difference.updates} == {section} and len(difference.updates) == 3
    added_again = [update.inverse() for update in reversed(difference.updates)]
    assert [update.part for update in added_again] == [update.part for update in before.updates]
