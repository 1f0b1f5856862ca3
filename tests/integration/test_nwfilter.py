# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Network filters on real hosts: what libvirt keeps of every attribute, what reaches a station, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.plugin_utils.ready_filters import filters
from integration.support import stations
from integration.support.checks import converge
from integration.support.host import Host
from integration.support.stations import MAC, TAP

MODULES = ("nwfilter", "nwfilter_info", "nwfilter_binding", "nwfilter_binding_info")

_OURS = """cd /etc/libvirt/nwfilter && ls | sed 's/[.]xml$//' | grep -vxF "$(ls /usr/share/libvirt/nwfilter | sed 's/[.]xml$//')"; true"""


def _remove_all(host: Host) -> None:
    for binding in host.ok("nwfilter_binding_info", {})["filter_bindings"]:
        host.ok("nwfilter_binding", {"name": binding["name"], "state": "absent"})
    names = host.shell(_OURS).split()
    host.ok("fabric", {"filters": [{"name": name, "state": "absent"} for name in names]})


@pytest.fixture(scope="module")
def station(host: Host) -> Iterator[Host]:
    """A host with two stations; libvirtd has not crashed in the end."""
    since = host.shell("date +%s").strip()
    stations.create(host)
    yield host
    _remove_all(host)
    stations.remove(host)
    crashes = host.shell(
        f"journalctl -q --since @{since} -u libvirtd | grep -E 'SEGV|dumped|code=killed|Failed with result'; true"
    )
    assert not crashes and host.can("systemctl is-active libvirtd")
    host.clean()


@pytest.fixture
def free(station: Host) -> Iterator[Host]:
    """The same without filters of ours; the next test finds none."""
    yield station
    _remove_all(station)


def _bind(host: Host, name: str, *, changed: bool | None = True, **options: Any) -> dict[str, Any]:
    return converge(
        host, {"name": TAP, "mac": MAC, "filter": name, **options}, module="nwfilter_binding", changed=changed
    )


ADDRESS = [{"name": "IP", "value": stations.GUEST}]


def test_what_libvirt_has_is_fed_back(free: Host) -> None:
    """The filters that come with libvirt, as options and as documents."""
    found = free.ok("nwfilter_info", {})["filters"]
    assert len(found) > 20 and not any(each["problems"] for each in found)
    again = free.ok("fabric", {"filters": [each["definition"] for each in found]})
    assert not again["changed"], again["actions"]
    documents = [{"xml": free.shell(f"virsh nwfilter-dumpxml {each['name']}")} for each in found]
    again = free.ok("fabric", {"filters": documents})
    assert not again["changed"], again["actions"]


def test_a_filter_comes_changes_and_goes(free: Host) -> None:
    rule = {"action": "drop", "direction": "in", "protocol": "tcp", "match": {"dstportstart": 23}}
    made = converge(free, {"name": "one", "rules": [rule]}, module="nwfilter", changed=True)
    assert made["actions"] == ["create filter one"]
    (before,) = free.ok("nwfilter_info", {"name": ["one"]})["filters"]
    for options in (
        {"chain": "ipv4-mine"},
        {"priority": -650},
        {"chain": "root"},
        {
            "rules": [
                {**rule, "priority": -3, "statematch": False, "match_not": {"srcipaddr": "10.0.0.0", "srcipmask": 8}},
                {"filterref": {"filter": "clean-traffic"}},
            ]
        },
        {"rules": [{"filterref": {"filter": "clean-traffic", "parameters": [*ADDRESS, {"name": "A", "value": "b"}]}}]},
        {"rules": []},
    ):
        converge(free, {"name": "one", **options}, module="nwfilter", changed=True)
    (after,) = free.ok("nwfilter_info", {"name": ["one"]})["filters"]
    assert after["uuid"] == before["uuid"] and after["definition"] == {
        "name": "one",
        "chain": "root",
        "priority": 0,
        "rules": [],
    }
    converge(free, {"name": "one", "state": "absent"}, module="nwfilter", changed=True)


def test_a_web_server(free: Host) -> None:
    """TCP 22 and 80 in, ping out and not in, DNS out, nothing with other addresses."""
    everything = {"ping", "tcp 22", "tcp 53", "tcp 80", "tcp 81", "udp 53", "udp 54"}
    assert stations.open_to(free, "guest") == stations.open_to(free, "peer") == everything
    declared = {
        "filters": filters(lambda: ["web-server"], "virtnet_filters", ""),
        "filter_bindings": [{"name": TAP, "mac": MAC, "filter": "web-server", "parameters": ADDRESS}],
    }
    made = converge(free, declared, module="fabric", changed=True)
    assert made["actions"] == [
        "create filter anti-spoof",
        "create filter web-server",
        f"bind {TAP} to filter web-server",
    ]
    assert stations.open_to(free, "peer") == {"tcp 22", "tcp 80"}
    assert stations.open_to(free, "guest") == {"ping", "tcp 53", "udp 53"}
    _bind(free, "anti-spoof")
    assert stations.spoofed(free) == {"own-frame", "own-arp"}
    absent = {kind: [{"name": each["name"], "state": "absent"} for each in items] for kind, items in declared.items()}
    converge(free, absent, module="fabric", changed=True)
    assert stations.open_to(free, "peer") == everything
