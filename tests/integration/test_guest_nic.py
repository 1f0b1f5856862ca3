# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""NICs of a guest without an operating system: all that libvirt updates in the running guest, and all that it stores."""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.bare_guests import define, interfaces, nic, parts, remove
from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.networks import isolated
from integration.support.plays import play

MODULES = ("guest_nic", "guest_nic_info")
SITE = "virtnet.kvm.site"
MAC, OTHER = "52:54:00:aa:00:01", "52:54:00:aa:00:02"
_FILTERED = {"filter": "no-mac-spoofing"}


@pytest.fixture(scope="module")
def bare(host: Host) -> Iterator[Host]:
    """A host with two networks, and three guests: one with a NIC, one with two that doesn't run, and one without ACPI."""
    host.ok("fabric", {"networks": [isolated("lan", 150), isolated("cluster", 151)]})
    define(host, "one", nic(MAC))
    define(host, "two", nic("52:54:00:aa:00:11"), nic("52:54:00:aa:00:12", "cluster", "<boot order='2'/>"), start=False)
    define(host, "old", nic("52:54:00:aa:00:21"), acpi=False)
    yield host
    remove(host, "one", "two", "old")
    host.clean()


def _nic(host: Host, args: dict[str, Any], **options: Any) -> dict[str, Any]:
    return converge(host, {"name": "one", **args}, module="guest_nic", **options)


def _bridge(host: Host) -> str:
    device = host.shell("virsh domiflist one").splitlines()[2].split()[0]
    return host.shell(f"basename $(readlink /sys/class/net/{device}/master)").strip()


def test_moves(bare: Host) -> None:
    result = _nic(bare, {"source": {"network": "cluster"}}, changed=True)
    assert result["method"] == "updated" and len(result["actions"]) == 2 and result["pending"] == []
    assert _bridge(bare) == "virbr-cluster"
    for live in (False, True):
        assert parts(bare, "one", "@type", live=live) == ["network"]
        assert parts(bare, "one", "source/@network", live=live) == ["cluster"]
    bare.shell("ip link add br7 type bridge; ip link set br7 up")
    result = _nic(bare, {"source": {"bridge": "br7"}, "flap": False}, changed=True)
    assert _bridge(bare) == "br7" and interfaces(bare, "one")[0].get("type") == "bridge"
    _nic(bare, {"source": {"network": "lan"}}, changed=True)
    assert _bridge(bare) == "virbr-lan"
    bare.shell("ip link delete br7")


def test_updated_live(bare: Host) -> None:
    """What libvirt updates in a running guest without moving it: set, changed and removed again."""
    before = _documents(bare)
    spoofing = {"filter": "no-ip-spoofing", "parameters": [{"name": "IP", "value": "10.0.0.7"}]}
    changes: list[dict[str, Any]] = [
        {"link": "down", "filterref": _FILTERED, "trust_guest_rx_filters": True, "coalesce": {"rx_frames_max": 7}},
        {"link": "up", "filterref": spoofing, "trust_guest_rx_filters": False, "coalesce": {"rx_frames_max": 8}},
        {"filterref": {}, "coalesce": {}},
    ]
    for args in changes:
        if bare.libvirt < (11,):  # it reports success, and ignores it
            args.pop("trust_guest_rx_filters", None)
        result = _nic(bare, args, changed=True)
        assert result["method"] == "updated" and result["pending"] == [], result
    assert _documents(bare) == before


def _documents(host: Host) -> list[str]:
    """Returns what is stored and what runs, without the port's id, and what says the same as its absence."""
    texts = [host.shell("virsh dumpxml --inactive one"), host.shell("virsh dumpxml one")]
    return [re.sub(r" portid='\S+'|\s*<link state='up'/>| trustGuestRxFilters='no'", "", text) for text in texts]


# Every option that is only stored for a guest that doesn't run: set, changed, and removed again.
SET: dict[str, Any] = {
    "mtu": 1400,
    "model": "virtio-non-transitional",
    "driver": {"queues": 2, "rx_queue_size": 512, "host": {"tso4": False, "gso": False}, "event_idx": False},
    "boot_order": 1,
    "target": "web0",
    "alias": "ua-lan",
    "tune": {"sndbuf": 100000},
    "rom": {"enabled": True},
    "acpi_index": 2,
    "bandwidth": {"inbound": {"average": 1000, "peak": 2000}},
    "isolated": True,
    "filterref": _FILTERED,
    "link": "down",
    "trust_guest_rx_filters": True,
    "coalesce": {"rx_frames_max": 7},
    "source": {"bridge": "virbr-lan"},
    "backend": {"vhost": "/dev/vhost-net"},
}
CHANGED: dict[str, Any] = {
    "mtu": 1300,
    "model": "virtio",
    "driver": {"queues": 4, "name": "qemu", "guest": {"ufo": False}, "packed": True, "ioeventfd": True},
    "boot_order": 3,
    "target": "web1",
    "alias": "ua-web",
    "tune": {"sndbuf": 200000},
    "rom": {"enabled": False},
    "acpi_index": 3,
    "bandwidth": {"inbound": {}, "outbound": {"average": 500}},
    "isolated": False,
    "filterref": {"filter": "no-ip-spoofing", "parameters": [{"name": "IP", "value": "10.0.0.7"}]},
    "link": "up",
    "source": {"dev": "lo", "mode": "bridge"},
    "backend": {"vhost": "/dev/vhost-net", "tap": "/dev/net/tun"},
}
REMOVED: dict[str, Any] = {
    "mtu": 0,
    "driver": {},
    "boot_order": 0,
    "target": "",
    "alias": "",
    "tune": {},
    "acpi_index": 0,
    "bandwidth": {},
    "filterref": {},
    "trust_guest_rx_filters": False,
    "coalesce": {},
    "source": {"network": "lan"},
    "backend": {},
}


@pytest.mark.once
def test_stored(bare: Host) -> None:
    """A guest that doesn't run: each option set, changed and removed again, and the NIC keeps its place."""
    key = {"name": "two", "mac": "52:54:00:aa:00:11"}
    before = bare.shell("virsh dumpxml two")
    unfiltered = {**CHANGED, "filterref": {}, "mtu": 0, "coalesce": {}}
    for args in (SET, {**CHANGED, "source": {"network": "cluster"}}, unfiltered, REMOVED):
        result = converge(bare, {**key, **args}, module="guest_nic", changed=True)
        assert result["method"] == "stored" and result["pending"] == []
    assert bare.shell("virsh dumpxml two") == before


@pytest.mark.once("bookworm")
def test_waits_for_the_next_start(bare: Host) -> None:
    """What can't be updated live is stored, and both the result and the info module say so until the guest is started."""
    for _again in range(2):
        result = _nic(bare, {"mtu": 1400, "driver": {"queues": 2}, "link": "down", "replug": False})
        assert sorted(result["pending"]) == ["driver", "mtu"]
        assert any("waits for the next start" in str(warning) for warning in result["warnings"])
        assert result["after"]["running"] == {"mtu": None, "driver": None}
    (found,) = bare.ok("guest_nic_info", {"name": ["one"]})["guest_nics"]
    assert found["running"] == {"mtu": None, "driver": None}
    bare.shell("virsh destroy one; virsh start one")
    result = _nic(bare, {"mtu": 1400, "driver": {"queues": 2}, "link": "up"}, changed=True)
    assert result["pending"] == [] and "running" not in result["after"]
    _nic(bare, {"mtu": 0, "driver": {}, "replug": False}, changed=True)
    bare.shell("virsh destroy one; virsh start one")


@pytest.mark.once("bookworm")
def test_attached_to_a_running_guest(bare: Host) -> None:
    """A new NIC has a MAC address that stays the same, and one address in the running guest and in its definition."""
    args = {"name": "one", "alias": "ua-storage", "source": {"network": "cluster"}}
    result = converge(bare, args, module="guest_nic", changed=True)
    assert result["method"] == "created" and result["nic"]["index"] == 1
    assert parts(bare, "one", "address/@slot")[1] == parts(bare, "one", "address/@slot", live=True)[1]
    mac = parts(bare, "one", "mac/@address")[1]
    refused(bare, {"name": "one", "link": "up"}, MAC, mac, "ua-storage", module="guest_nic", option="mac")
    result = converge(
        bare,
        {"name": "one", "alias": "ua-storage", "state": "absent", "replug": False},
        module="guest_nic",
        changed=True,
    )
    assert result["method"] == "removed" and result["pending"] == ["state"]
    assert len(interfaces(bare, "one")) == 1 and len(interfaces(bare, "one", live=True)) == 2
    bare.shell("virsh destroy one; virsh start one")
    assert bare.ok("guest_nic", args, check=True)["after"]["mac"] == mac


def test_not_released(bare: Host) -> None:
    """The firmware doesn't react to a request to release the NIC: the module fails, and the definition is as before."""
    before = bare.shell("virsh dumpxml --inactive one")
    args = {"name": "one", "mtu": 1400, "replug_timeout": 1}
    result = bare.module("guest_nic", args)
    assert result.get("failed") and "has not released it within 1 s" in result["msg"], result
    assert "the host is as it was" in result["msg"]
    assert bare.shell("virsh dumpxml --inactive one") == before and len(interfaces(bare, "one", live=True)) == 1
    bare.shell("virsh destroy one; virsh start one")


@pytest.mark.once
def test_definition_can_be_given_back(bare: Host) -> None:
    given = {"driver": {"queues": 2, "host": {"tso4": False}}, "mtu": 1300, "bandwidth": {"inbound": {"average": 5}}}
    bare.ok("guest_nic", {"name": "two", "index": 1, "filterref": _FILTERED, **given})
    before = bare.shell("virsh dumpxml two")
    found = bare.ok("guest_nic_info", {})["guest_nics"]
    assert [each["name"] for each in found] == ["old", "one", "two", "two"]
    again = bare.ok("fabric", {"guest_nics": [each["definition"] for each in found]})
    assert not again["changed"], again["actions"]
    assert bare.shell("virsh dumpxml two") == before
    bare.ok("guest_nic", {"name": "two", "index": 1, "filterref": {}, "driver": {}, "mtu": 0, "bandwidth": {}})


def test_undone(bare: Host) -> None:
    """libvirt doesn't undo an update that fails half-way; the tap is on its bridge again, and the definition as before."""
    before = bare.shell("virsh dumpxml --inactive one")
    moved = {"name": "one", "source": {"network": "cluster"}, "filterref": _FILTERED}
    fault = {"calls": "nics", "name": "store", "at": 1, "when": "before", "error": "no space left"}
    result = bare.module("guest_nic", moved, fault=fault)
    assert result.get("failed") and "the host is as it was" in result["msg"], result
    assert bare.shell("virsh dumpxml --inactive one") == before and _bridge(bare) == "virbr-lan"
    assert interfaces(bare, "one", live=True)[0].find("filterref") is None
    assert interfaces(bare, "one", live=True)[0].find("link") is None


# Twenty changes: each of these, and the way back.
_ONE, _TWO = {"name": "one", "replug": False}, {"name": "two", "mac": "52:54:00:aa:00:11"}
_NEW = {"name": "two", "alias": "ua-new"}
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "moved": ({**_ONE, "source": {"network": "cluster"}}, {**_ONE, "source": {"network": "lan"}}),
    "moved to a bridge": ({**_ONE, "source": {"bridge": "virbr-cluster"}}, {**_ONE, "source": {"network": "lan"}}),
    "filtered": ({**_ONE, "filterref": _FILTERED}, {**_ONE, "filterref": {}}),
    "unplugged": ({**_ONE, "link": "down"}, {**_ONE, "link": "up"}),
    "coalescing": ({**_ONE, "coalesce": {"rx_frames_max": 7}}, {**_ONE, "coalesce": {}}),
    # of a guest that runs, libvirt does this by tc, which needs more than the kernel of a container may have
    "limited": ({**_TWO, "bandwidth": {"inbound": {"average": 1000}}}, {**_TWO, "bandwidth": {}}),
    "several at once": (
        {**_ONE, "source": {"network": "cluster"}, "filterref": _FILTERED, "mtu": 1400},
        {**_ONE, "source": {"network": "lan"}, "filterref": {}, "mtu": 0},
    ),
    "stored": ({**_TWO, "driver": {"queues": 2}, "mtu": 1300}, {**_TWO, "driver": {}, "mtu": 0}),
    "of another type": ({**_TWO, "source": {"dev": "lo", "mode": "bridge"}}, {**_TWO, "source": {"network": "lan"}}),
    "new": ({**_NEW, "source": {"network": "cluster"}}, {**_NEW, "state": "absent"}),
}


def test_killed_at_each_step(bare: Host) -> None:
    """Killed before or after each call, and run again: the same as if it had not been killed."""
    states = set()
    for at in (1, 3, 4):
        for args in PAIRS["several at once"]:
            bare.module("guest_nic", args, fault={"calls": "nics", "at": at, "when": "after", "signal": 9})
            bare.ok("guest_nic", args)
            assert not bare.ok("guest_nic", args)["changed"]
            assert parts(bare, "one", "link/@state", live=True) in ([""], ["up"])
            states.add((args["mtu"], _bridge(bare)))
    assert states == {(1400, "virbr-cluster"), (0, "virbr-lan")}


@pytest.mark.full
@pytest.mark.parametrize("name", PAIRS)
def test_twenty_changes_killed_at_each_call(bare: Host, name: str) -> None:
    """Run again, each comes to what it comes to undisturbed, and the way back to what was there before."""
    there, back = PAIRS[name]
    before = _stored(bare)
    bare.ok("guest_nic", there)
    undisturbed = _stored(bare)
    bare.ok("guest_nic", back)
    for at, when in itertools.product(range(1, 20), ("before", "after")):
        killed = []
        for args, expected in ((there, undisturbed), (back, before)):
            fault = {"calls": "nics", "at": at, "when": when, "signal": signal.SIGKILL}
            killed.append("signal" in bare.module("guest_nic", args, fault=fault))
            bare.ok("guest_nic", args)
            assert _stored(bare) == expected, (at, when)
            assert not bare.ok("guest_nic", args)["changed"]
        if not any(killed):
            assert at > 1, "no call was struck"
            return
    raise AssertionError("it never came to its end")


def _stored(host: Host) -> list[str]:
    """Returns both definitions, without a MAC address that is new, and the state of the links."""
    found = [host.shell(f"virsh dumpxml --inactive {name}") for name in ("one", "two")]
    return [*found, *parts(host, "one", "source/@bridge", live=True), *parts(host, "one", "link/@state", live=True)]


@pytest.mark.once
def test_the_playbook_applies_complete_lists(bare: Host) -> None:
    """Also with networks and filters that it creates itself; a guest that is elsewhere is one warning."""
    first = {"alias": "ua-lan", "mac": "52:54:00:aa:00:11", "network": "lan"}
    second = {"alias": "ua-fresh", "network": "fresh", "filter": "anti-spoof", "parameters": {"IP": "10.0.7.9"}}
    nics = [first, second]
    guests = [{"name": "two", "nics": nics}, {"name": "elsewhere", "nics": []}]
    fresh = {"type": "isolated", "name": "fresh", "cidr": "10.0.7.0/24"}
    variables = {"virtnet_topologies": [fresh], "virtnet_filters": ["anti-spoof"], "virtnet_guests": guests}
    made = play(bare, SITE, variables)
    assert "guest elsewhere isn't on this host" in made.done.stdout + made.done.stderr
    places = list(zip(parts(bare, "two", "source/@network"), parts(bare, "two", "alias/@name"), strict=True))
    assert places == [("lan", "ua-lan"), ("fresh", "ua-fresh")]
    assert parts(bare, "two", "filterref/@filter") == ["", "anti-spoof"]
    other = nic("52:54:00:aa:00:12", "cluster", "<boot order='2'/>")
    role = {"role": "virtnet.kvm.guest_network", "guest_network_guests": [{"name": "two", "nics": []}]}
    play(bare, [{"hosts": "all", "gather_facts": False, "become": True, "roles": [role]}], {})
    assert interfaces(bare, "two") == []
    remove(bare, "two")
    define(bare, "two", nic("52:54:00:aa:00:11"), other, start=False)
    bare.ok(
        "fabric",
        {"networks": [{"name": "fresh", "state": "absent"}], "filters": [{"name": "anti-spoof", "state": "absent"}]},
    )


def test_what_its_guest_has_left_is_removed_last(bare: Host) -> None:
    """A network, a filter and a bridge, in the run that creates the new ones."""

    def rules(name: str) -> dict[str, Any]:
        return {"name": name, "rules": [{"action": "drop", "direction": "in", "protocol": "icmp"}]}

    bare.ok("fabric", {"networks": [isolated("old", 152)], "filters": [rules("vt-old")]})
    bare.ok("guest_nic", {"name": "one", "source": {"network": "old"}, "filterref": {"filter": "vt-old"}})
    gone: list[dict[str, Any]] = [{"name": "old", "state": "absent"}, {"name": "vt-old", "state": "absent"}]
    stays = {"guest_nics": [{"name": "one", "link": "up"}]}
    failed = bare.module("fabric", {"networks": gone[:1], **stays})
    assert "network old can't be removed while running guests are connected to it (one" in failed["msg"]
    failed = bare.module("fabric", {"filters": gone[1:], **stays})
    assert "is in use by guest one" in failed["msg"]
    moved = {"name": "one", "source": {"network": "new"}, "filterref": {"filter": "vt-new"}}
    args = {"networks": [gone[0], isolated("new", 153)], "filters": [gone[1], rules("vt-new")], "guest_nics": [moved]}
    made = bare.ok("fabric", args, check=True)["actions"]
    assert made == bare.ok("fabric", args)["actions"] and _bridge(bare) == "virbr-new"
    assert {*made[-3:]} == {"stop network old", "remove network old", "remove filter vt-old"}
    assert not bare.ok("fabric", args)["changed"]
    plain = {**moved, "source": {"bridge": "br9"}, "filterref": {}}
    new = [{"name": "new", "state": "absent"}, {"name": "vt-new", "state": "absent"}]
    bridge = {"name": "br9", "persist": "none"}
    bare.ok("fabric", {"networks": new[:1], "filters": new[1:], "bridges": [bridge], "guest_nics": [plain]})
    assert _bridge(bare) == "br9"
    bridge["state"] = "absent"
    failed = bare.module("fabric", {"bridges": [bridge], **stays})
    assert "bridge br9 can't be removed while guests are connected to it" in failed["msg"]
    other = {"name": "br8", "persist": "none"}
    for bridges, source, on in (
        ([bridge, other], {"bridge": "br8"}, "br8"),  # from one that goes to one that comes
        ([{**other, "state": "absent"}], {"network": "lan"}, "virbr-lan"),
    ):
        args = {"bridges": bridges, "guest_nics": [{"name": "one", "source": source}]}
        made = bare.ok("fabric", args, check=True)["actions"]
        assert made == bare.ok("fabric", args)["actions"] and _bridge(bare) == on
        assert made[-1] == f"remove bridge {bridges[0]['name']}"
        assert not bare.ok("fabric", args)["changed"]


@pytest.mark.once("bookworm")
def test_refused(bare: Host) -> None:
    def no(args: dict[str, Any], *said: str, option: str, name: str = "one") -> None:
        refused(bare, {"name": name, **args}, *said, module="guest_nic", option=option)

    no({"source": {"network": "lan"}}, "nobody", "no guest", option="name", name="nobody")
    no({"link": "up"}, "52:54:00:aa:00:11", "52:54:00:aa:00:12", "lan", "cluster", option="mac", name="two")
    no({"mac": "52:54:00:aa:00:11", "source": {"network": "lan"}}, "in use by guest two", option="mac")
    no({"source": {"network": "default"}}, "not active", option="source.network")
    no({"source": {"bridge": "br9"}}, "doesn't exist", option="source.bridge")
    no({"source": {"bridge": "lo"}}, "not a bridge", option="source.bridge")
    no({"mtu": 1400}, "has no ACPI", "replug", option="mtu", name="old")
    no({"filterref": {"filter": "none"}}, "no filter of libvirt", option="filterref.filter")
    no({"vlan": {"tags": [{"id": 7}]}}, "network lan can't carry", option="vlan")
    no({"target": "virbr-lan"}, "already the name", option="target")
    bare.shell("virsh suspend one")
    no({"mtu": 1400}, "is paused", option="mtu")
    bare.shell("virsh resume one")
    define(bare, "boots", nic("52:54:00:aa:00:31"), boot="<boot dev='hd'/>", machine="q35")
    no({"boot_order": 1}, "<boot>", "virsh edit", option="boot_order", name="boots")
    bare.ok("guest_nic", {"name": "boots", "alias": "ua-b", "source": {"network": "lan"}})
    full = {"alias": "ua-c", "source": {"network": "lan"}}
    no(full, "free PCI port", option="source", name="boots")
    assert bare.ok("guest_nic", {"name": "boots", "replug": False, **full})["pending"] == ["source"]
    remove(bare, "boots")
    assert not bare.ok("guest_nic", {"name": "nobody", "mac": OTHER, "state": "absent"})["changed"]
