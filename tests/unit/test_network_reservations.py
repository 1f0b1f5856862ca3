# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""From one list of DHCP hosts to another: each change is one that libvirt takes, there are few, and no guest waits."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import DhcpHost
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.reservations import Change, changes


class LibvirtRefusesError(Exception):
    """libvirt would refuse a change."""


class Hosts:
    """The hosts of a subnet with libvirt's own rules (virNetworkDefUpdateIPDHCPHost), tried on libvirt 9.0 and 11.3."""

    def __init__(self, hosts: Sequence[DhcpHost]) -> None:
        self.hosts = list(hosts)

    def update(self, change: Change) -> None:
        old, new = change
        if new is None:
            assert old is not None
            self._delete(old)
        elif old is None:
            if self._matching(new):
                raise LibvirtRefusesError(f"there is an existing entry that matches {new}")
            self.hosts.append(new)
        else:
            found = self._matching(new)
            if not found:
                raise LibvirtRefusesError(f"couldn't locate an existing entry for {new}")
            self.hosts[found[0]] = new

    def undo(self, change: Change) -> None:
        self.update(Change(change.new, change.old))

    def _matching(self, host: DhcpHost) -> list[int]:
        return [
            place
            for place, other in enumerate(self.hosts)
            if (host.mac and host.mac == other.mac) or host.ip == other.ip or (host.name and host.name == other.name)
        ]

    def _delete(self, host: DhcpHost) -> None:
        for place, other in enumerate(self.hosts):
            mac = host.mac in (None, other.mac) or other.mac is None
            if mac and host.name in (None, other.name) and host.ip == other.ip:
                del self.hosts[place]
                return
        raise LibvirtRefusesError(f"couldn't locate {host}")


def _host(number: int, ip: int, name: Optional[str] = None) -> DhcpHost:
    return DhcpHost(
        mac=f"52:54:00:00:{number // 256:02x}:{number % 256:02x}", ip=f"10.0.{ip // 256}.{ip % 256}", name=name
    )


def _name(number: int) -> str:
    return f"guest{number}"


@st.composite
def _lists(draw: st.DrawFn, named: Callable[[st.DrawFn, int, int], Optional[str]], most: int = 7) -> list[DhcpHost]:
    count = draw(st.integers(0, most))
    macs, ips = (draw(st.permutations(range(most + 1)))[:count] for _each in range(2))
    found: list[DhcpHost] = []
    for mac, ip in zip(macs, ips):
        name = named(draw, mac, ip)
        found.append(_host(mac, ip, None if name in [host.name for host in found] else name))
    return found


def _any_name(draw: st.DrawFn, _mac: int, _ip: int) -> Optional[str]:
    return draw(st.sampled_from([None, *map(_name, range(6))]))


UNNAMED = _lists(lambda _draw, _mac, _ip: None)
OF_GUESTS = _lists(lambda _draw, mac, _ip: _name(mac))
OF_ADDRESSES = _lists(lambda _draw, _mac, ip: _name(ip))
NAMED = _lists(_any_name)


@st.composite
def _some_without_mac(draw: st.DrawFn) -> list[DhcpHost]:
    """Guests that are known by their name, and those of IPv6, which have a DUID instead of a MAC address."""
    return [
        replace(host, mac=None, id=f"00:{host.mac}" if duid or not host.name else None) if bare else host
        for host in draw(NAMED)
        for bare, duid in [draw(st.tuples(st.booleans(), st.booleans()))]
    ]


PAIRS = st.one_of(
    *(st.tuples(lists, lists) for lists in (UNNAMED, OF_GUESTS, OF_ADDRESSES, NAMED, _some_without_mac()))
)


@given(pair=PAIRS, seed=st.randoms(use_true_random=False))
@settings(max_examples=600, deadline=None)
def test_libvirt_takes_each_change_and_its_undoing(
    pair: tuple[list[DhcpHost], list[DhcpHost]], seed: random.Random
) -> None:
    """In whatever order libvirt has the hosts, as only their set is known."""
    old, new = pair
    plan = changes(old, new)
    assert plan is not None
    there = Hosts(seed.sample(old, len(old)))
    seen = [list(there.hosts)]
    for change in plan:
        there.update(change)
        seen.append(list(there.hosts))
    assert set(there.hosts) == set(new) and len(there.hosts) == len(new)
    _no_guest_waits(seen, old, new)
    for change, before in zip(reversed(plan), reversed(seen[:-1])):
        there.undo(change)
        assert set(there.hosts) == set(before)
    assert set(there.hosts) == set(old)


def _no_guest_waits(seen: list[list[DhcpHost]], old: list[DhcpHost], new: list[DhcpHost]) -> None:
    stay = {host.mac for host in old if host.mac} & {host.mac for host in new}
    without = [stay - {host.mac for host in hosts} for hosts in seen]
    assert all(len(guests) <= 1 for guests in without), "two guests at once are without a reservation"
    for one, next_one in zip(without, without[1:]):
        assert not one & next_one, "a guest is without a reservation for more than one change"


def _fewest(old: Sequence[DhcpHost], new: Sequence[DhcpHost]) -> int:
    """Returns the fewest changes there can be: the shortest way through all states, one change at a time."""
    start, end = frozenset(old), frozenset(new)
    distance = {start: 0}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if state == end:
            return distance[state]
        for change in [
            *(Change(host, None) for host in state - end),
            *(Change(None, host) for host in end - state),
            *(Change(gone, come) for gone in state - end for come in end - state),
        ]:
            there = Hosts(list(state))
            try:
                if change.new and len(there._matching(change.new)) > 1:
                    continue  # which of them, depends on the order
                there.update(change)
            except LibvirtRefusesError:
                continue
            after = frozenset(there.hosts)
            if after == (state - {change.old}) | ({change.new} - {None}) and after not in distance:
                distance[after] = distance[state] + 1
                queue.append(after)
    raise AssertionError("there is no way")


SHORT = [
    _lists(lambda _draw, _mac, _ip: None, most=4),
    _lists(lambda _draw, mac, _ip: _name(mac), most=4),
    _lists(lambda _draw, _mac, ip: _name(ip), most=4),
]


@given(pair=st.one_of(*(st.tuples(lists, lists) for lists in SHORT)))
@settings(max_examples=200, deadline=None)
def test_there_are_no_fewer_changes(pair: tuple[list[DhcpHost], list[DhcpHost]]) -> None:
    plan = changes(*pair)
    assert plan is not None and len(plan) == _fewest(*pair)


@given(pair=st.tuples(NAMED, NAMED))
@settings(max_examples=300, deadline=None)
def test_with_names_in_the_way_there_are_no_more_changes_than_hosts_that_go_and_come(
    pair: tuple[list[DhcpHost], list[DhcpHost]],
) -> None:
    old, new = pair
    plan = changes(old, new)
    assert plan is not None and len(plan) <= len(set(old) - set(new)) + len(set(new) - set(old))


@pytest.mark.parametrize("named", [None, _name])
@pytest.mark.parametrize(
    ("old_ips", "new_ips", "count"),
    [
        (range(0), range(500), 500),
        (range(500), range(0), 500),
        (range(500), range(500, 1000), 500),
        (range(500), range(1, 501), 500),
        (range(500), [*range(1, 500), 0], 501),
    ],
    ids=["new", "removed", "changed", "moved up by one", "rotated"],
)
def test_many(
    old_ips: Sequence[int], new_ips: Sequence[int], count: int, named: Optional[Callable[[int], str]]
) -> None:
    old, new = ([_host(n, ip, named and named(n)) for n, ip in enumerate(ips)] for ips in (old_ips, new_ips))
    plan = changes(old, new)
    assert plan is not None and len(plan) == count


def test_a_circle_has_one_deletion_and_one_addition() -> None:
    """Each time another guest has no reservation: the one whose address the guest before it has taken."""
    old = [_host(n, n) for n in range(4)]
    new = [_host(n, (n + 1) % 4) for n in range(4)]
    assert changes(old, new) == [
        Change(old[0], None),
        Change(old[1], new[0]),
        Change(old[2], new[1]),
        Change(old[3], new[2]),
        Change(None, new[3]),
    ]


def test_a_new_guest_with_a_name_that_another_had_replaces_it() -> None:
    old, new = _host(1, 1, "web"), _host(2, 2, "web")
    assert changes([old], [new]) == [Change(old, new)]


def test_guests_that_exchange_their_names() -> None:
    """libvirt would find both of them: one loses its name for a while, and keeps its address."""
    old, new = [_host(1, 1, "a"), _host(2, 2, "b")], [_host(1, 1, "b"), _host(2, 2, "a")]
    nameless = replace(old[1], name=None)
    assert changes(old, new) == [Change(old[1], nameless), Change(old[0], new[0]), Change(nameless, new[1])]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([], [_host(1, 1, "a"), _host(2, 2, "a")]),
        ([_host(1, 1, "a"), _host(2, 2, "a")], []),
        ([_host(1, 1, "a")], [_host(1, 1, "a"), _host(2, 2, "a")]),
        ([_host(1, 1), _host(2, 1)], [_host(1, 2)]),
        ([_host(1, 1), _host(1, 2)], [_host(1, 3)]),
        ([], [DhcpHost(name="a", ip="10.0.0.1"), DhcpHost(name="a", ip="10.0.0.2")]),
    ],
)
def test_what_libvirt_takes_in_a_definition_only(old: list[DhcpHost], new: list[DhcpHost]) -> None:
    assert changes(old, new) is None


def test_hosts_that_stay_are_no_reason() -> None:
    """Two hosts have the same name, but nothing is done to them."""
    stay = [_host(1, 1, "a"), _host(2, 2, "a")]
    assert changes([*stay, _host(3, 3)], [*stay, _host(3, 4)]) == [Change(_host(3, 3), _host(3, 4))]


def test_ipv6_guests_that_exchange_their_addresses() -> None:
    """libvirt doesn't look at the DUID: a guest may have two reservations for a moment, and has none for one change at most."""
    old, new = (
        [DhcpHost(id=f"00:{n}", ip=f"fd00::{(n + by) % 5}") for n in range(5)]
        + [DhcpHost(id="00:9", ip=f"fd00::{9 + by}")]
        for by in (0, 1)
    )
    plan = changes(old, new)
    assert plan is not None and len(plan) == 7
    there = Hosts(old)
    seen = []
    for change in plan:
        there.update(change)
        seen.append({host.id for host in old} - {host.id for host in there.hosts})
    assert all(len(guests) <= 1 for guests in seen)
    assert not any(one & next_one for one, next_one in zip(seen, seen[1:]))
