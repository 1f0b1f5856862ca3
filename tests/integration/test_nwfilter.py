# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Network filters on real hosts: what libvirt keeps of every attribute, what reaches a station, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.plugin_utils.ready_filters import filters
from integration.support import filter_rules, stations
from integration.support.checks import _look, converge, refused
from integration.support.guests import guest_on, reaches
from integration.support.host import Host
from integration.support.networks import isolated
from integration.support.stations import MAC, TAP
from lab.guest import mac_of

MODULES = ("nwfilter", "nwfilter_info", "nwfilter_binding", "nwfilter_binding_info")

_OURS = """cd /etc/libvirt/nwfilter && ls | sed 's/[.]xml$//' | grep -vxF "$(ls /usr/share/libvirt/nwfilter | sed 's/[.]xml$//')"; true"""


def _remove_all(host: Host) -> None:
    for binding in host.ok("nwfilter_binding_info", {})["filter_bindings"]:
        assert binding["guest"] is None
        host.ok("nwfilter_binding", {"name": binding["name"], "state": "absent"})
    names = host.shell(_OURS).split()
    host.ok("fabric", {"filters": [{"name": name, "state": "absent"} for name in names]})


# All failures of libvirtd, except for an exit code of one that has been asked to stop.
_CRASHES = (
    "/Stopping libvirtd/ {stopping = 1} /Stopped libvirtd/ {stopping = 0}"
    " /SEGV|dumped|code=killed/ || (/Failed with result/ && !(stopping && /exit-code/))"
)


@pytest.fixture(scope="module")
def station(host: Host) -> Iterator[Host]:
    """A host with two stations; libvirtd has not crashed in the end."""
    since = host.shell("date +%s").strip()
    stations.create(host)
    yield host
    _remove_all(host)
    stations.remove(host)
    crashes = host.shell(f"journalctl -q --since @{since} -u libvirtd | awk '{_CRASHES}'")
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


@pytest.mark.once("bookworm")
def test_a_filter_comes_changes_and_goes(free: Host) -> None:
    rule = {"action": "drop", "direction": "in", "protocol": "tcp", "match": {"dstportstart": 23}}
    made = converge(free, {"name": "one", "rules": [rule]}, module="nwfilter", changed=True)
    assert made["actions"] == ["create filter one"]
    (before,) = free.ok("nwfilter_info", {"name": ["one"]})["filters"]
    changes: list[dict[str, Any]] = [
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
    ]
    for options in changes:
        converge(free, {"name": "one", **options}, module="nwfilter", changed=True)
    (after,) = free.ok("nwfilter_info", {"name": ["one"]})["filters"]
    assert after["uuid"] == before["uuid"] and after["definition"] == {
        "name": "one",
        "chain": "root",
        "priority": 0,
        "rules": [],
    }
    converge(free, {"name": "one", "state": "absent"}, module="nwfilter", changed=True)


@pytest.mark.once
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
    assert stations.spoofed(free) == {"own-frame", "own-arp", "server-of-dhcp"}
    (client_only,) = filters(lambda: ["dhcp-client-only"], "virtnet_filters", "")
    free.ok("nwfilter", client_only)
    _bind(free, "dhcp-client-only", parameters=[])
    others = {"other-mac", "other-ip", "other-arp-ip", "other-arp-mac", "other-protocol"}
    assert stations.spoofed(free) == {"own-frame", "own-arp", *others}
    absent = {kind: [{"name": each["name"], "state": "absent"} for each in items] for kind, items in declared.items()}
    converge(free, absent, module="fabric", changed=True)
    assert stations.open_to(free, "peer") == everything


@pytest.mark.each
def test_every_attribute_is_kept(free: Host) -> None:
    """What is accepted comes back from libvirt as it was sent: each attribute of each protocol, negated, and as a variable."""
    declared = filter_rules.rules()
    assert len(declared) > 900
    made = converge(free, {"name": "all-attributes", "rules": declared}, module="nwfilter", changed=True)
    for sent, kept in zip(declared, made["after"]["rules"], strict=True):
        assert {key: value for key, value in kept.items() if key != "priority"} == sent
    # as libvirt reads it from its own file
    free.shell("systemctl restart libvirtd")
    converge(free, {"name": "all-attributes", "rules": declared}, module="nwfilter", changed=False)


NO_PING = {"action": "drop", "direction": "in", "protocol": "icmp"}


@pytest.mark.each
def test_changed_under_a_flood(free: Host) -> None:
    """No ping comes through while a filter changes, while the device gets another one, and while its rules are created again."""
    declared = [{"name": "no-ping", "rules": [NO_PING]}, {"name": "other", "rules": [NO_PING]}]
    free.ok("fabric", {"filters": declared})
    _bind(free, "no-ping")
    drop = {"action": "drop", "direction": "in", "protocol": "udp", "match": {"dstportstart": 53}}
    assert stations.flooded(free, lambda: free.ok("nwfilter", {"name": "no-ping", "rules": [NO_PING, drop]})) == 0
    assert stations.flooded(free, lambda: free.ok("nwfilter_binding", {"name": TAP, "filter": "other"})) == 0
    assert "udp 53" in stations.open_to(free, "peer") and "ping" not in stations.open_to(free, "peer")
    changed = {"name": TAP, "parameters": ADDRESS}
    assert stations.flooded(free, lambda: free.ok("nwfilter_binding", changed)) == 0
    (found,) = free.ok("nwfilter_binding_info", {"name": [TAP]})["filter_bindings"]
    assert found["definition"]["parameters"] == ADDRESS and found["guest"] is None
    converge(free, found["definition"], module="nwfilter_binding", changed=False)


def test_rules_that_are_gone(free: Host) -> None:
    """What others have removed from the kernel is noticed, and created again by either module."""
    lan = {"action": "drop", "direction": "out", "protocol": "ip", "match": {"dstipaddr": "10.44.0.3"}}
    definition = {"name": "mixed", "rules": [NO_PING, lan]}
    free.ok("nwfilter", definition)
    _bind(free, "mixed")
    for remove, module, options, said in (
        ("nft delete table bridge nat", "nwfilter", definition, "create the rules of filter mixed for vguest again"),
        ("nft flush ruleset", "nwfilter_binding", {"name": TAP}, "create the rules of filter mixed for vguest again"),
    ):
        free.shell(remove)
        problem = ["the kernel lacks rules for vguest"]
        assert free.ok("nwfilter_info", {"name": ["mixed"]})["filters"][0]["problems"] == problem
        assert free.ok("nwfilter_binding_info", {})["filter_bindings"][0]["problems"] == problem
        made = converge(free, options, module=module, changed=True)
        assert said in made["actions"][0] and made["before"]["problems"] == problem
    assert stations.open_to(free, "peer") == set() and "ping" not in stations.open_to(free, "guest")
    free.shell("systemctl restart libvirtd")  # it must not miss its own chains when the next network starts


@pytest.mark.once("bookworm")
def test_undone_and_completed(free: Host) -> None:
    """A run that fails leaves filters and bindings as they were; one that is killed is completed by the next."""
    free.ok("fabric", {"filters": [{"name": "one", "rules": [NO_PING]}, {"name": "two", "rules": [NO_PING]}]})
    _bind(free, "one")
    changes = {
        "filters": [{"name": "one", "rules": []}, {"name": "three", "rules": [NO_PING]}],
        "filter_bindings": [{"name": TAP, "filter": "two"}],
    }
    before = _look(free, changes, "fabric")
    for at in (1, 2, 3):
        fault = {"name": "bind" if at == 3 else "define", "at": min(at, 2), "when": "before", "error": "no memory"}
        fault["at"] = 1 if at == 3 else at
        failed = free.module("fabric", changes, fault=fault)
        assert failed["failed"] and "the host is as it was" in failed["msg"], failed["msg"]
        assert _look(free, changes, "fabric") == before
    killed = free.module("fabric", changes, fault={"name": "bind", "at": 1, "when": "before", "signal": 9})
    assert killed["signal"] == 9 and not free.can(f"ip link show {TAP} up | grep .")
    made = converge(free, changes, module="fabric", changed=True)
    assert made["actions"] == [f"bind {TAP} to filter two", f"bring up {TAP}"]


@pytest.mark.once
def test_a_guest(free: Host) -> None:
    """The NIC of a guest that runs: nothing comes through while its filter changes, and what uses the filter is named."""
    drop = {"action": "drop", "direction": "in", "protocol": "ip", "match": {"protocol": "icmp"}}
    free.ok("virt_net", isolated("iso", 151))
    with guest_on(free, "iso", ip="192.168.151.2/24") as guest:
        filtered = {
            "filters": [{"name": "no-ping", "rules": [drop]}],
            "guest_nics": [{"name": guest.name, "filterref": {"filter": "no-ping"}}],
        }
        assert free.ok("fabric", filtered)["changed"] and not free.ok("fabric", filtered)["changed"]
        who = f"guest {guest.name} ({mac_of(free.machine.name, guest.name)})"
        more = {"name": "no-ping", "rules": [drop, {**drop, "match": {"protocol": "udp", "dstportstart": 9}}]}
        assert stations.flooded(free, lambda: free.ok("nwfilter", more), "192.168.151.2", "") == 0
        (found,) = free.ok("nwfilter_binding_info", {})["filter_bindings"]
        assert (found["name"], found["guest"], found["problems"]) == (guest.ifname(), guest.name, [])
        refused(free, {"name": "no-ping", "state": "absent"}, who, module="nwfilter", option="name")
        refused(free, {"name": guest.ifname(), "state": "absent"}, who, module="nwfilter_binding", option="name")
        free.ok("nwfilter", {"name": "no-ping", "rules": []})
        reaches(free, "192.168.151.2")
    free.ok("virt_net", {"name": "iso", "state": "absent"})


_GUEST = """<domain type='qemu'><name>stored1</name><memory>65536</memory><os><type>hvm</type></os><devices>
<interface type='network'><mac address='52:54:00:44:00:07'/><source network='default'/>
<filterref filter='used'><parameter name='PORT' value='22'/></filterref></interface></devices></domain>"""


@pytest.mark.once("bookworm")
def test_refused(free: Host) -> None:
    """What is in use isn't removed, and what can't work isn't defined, in one sentence."""
    rule = {**NO_PING, "protocol": "tcp"}
    used = {"name": "used", "rules": [{**rule, "match": {"dstportstart": "$PORT"}}]}
    free.ok("fabric", {"filters": [used, {"name": "user", "rules": [{"filterref": {"filter": "used"}}]}]})
    port = [{"name": "PORT", "value": "22"}]
    _bind(free, "used", parameters=port)
    free.shell("virsh define /dev/stdin", input=_GUEST)
    try:
        users = ("guest stored1 (52:54:00:44:00:07)", "filter user", f"the binding of {TAP}")
        refused(free, {"name": "used", "state": "absent"}, *users, module="nwfilter", option="name")
        (info,) = free.ok("nwfilter_info", {"name": ["used"]})["filters"]
        assert info["guests"] == [{"domain": "stored1", "mac": "52:54:00:44:00:07"}] and info["filters"] == ["user"]
        assert info["bindings"] == [TAP] and info["variables"] == ["PORT"]
        more = {"name": "used", "rules": [{**rule, "match": {"dstportstart": "$OTHER"}}]}
        refused(free, more, f"the binding of {TAP}", "OTHER", module="nwfilter", option="rules")
    finally:
        free.shell("virsh undefine stored1")
    missing = {"name": "bad", "rules": [NO_PING, {"filterref": {"filter": "nowhere"}}]}
    refused(free, missing, "nowhere", "this host", module="nwfilter", option="rules[1].filterref.filter")
    back = {"name": "used", "rules": [{"filterref": {"filter": "user"}}]}
    refused(free, back, "used -> user -> used", module="nwfilter", option="rules[0].filterref.filter")
    document = "<filter name='bad'><rule action='drop' direction='in'><icmp dstportstart='1'/></rule></filter>"
    refused(free, {"xml": document}, "icmp", module="nwfilter", option="xml.rules[0].match.dstportstart")
    binding = {"name": TAP, "filter": "used"}
    refused(free, {**binding, "parameters": []}, "PORT", module="nwfilter_binding", option="parameters")
    refused(free, {**binding, "name": "none0"}, "none0", module="nwfilter_binding", option="name")
    refused(free, {**binding, "filter": "nowhere"}, "nowhere", module="nwfilter_binding", option="filter")
    leases = "/run/libvirt/network/nwfilter.leases"
    free.shell(
        f"cp {leases} /run/virtnet-test.leases; for i in 2 9; do echo 1 d54df46f-{MAC} 10.44.0.$i 10.44.0.1 >>{leases}; done"
    )
    learning = [*port, {"name": "CTRL_IP_LEARNING", "value": "dhcp"}]
    try:
        said = ("dhcp", "two addresses", "crash")
        refused(
            free, {**binding, "parameters": learning}, *said, module="nwfilter_binding", option="parameters[0].value"
        )
    finally:
        free.shell(f"cat /run/virtnet-test.leases >{leases}")
