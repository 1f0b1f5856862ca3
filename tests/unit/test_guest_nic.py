# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""NICs of guests: what is updated, replugged or stored, in which order, and what is undone or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.engine import ApplyError
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, OptionError, VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.network import NETWORK
from ansible_collections.virtnet.kvm.plugins.module_utils.model.guest_nic.live import live_phases
from ansible_collections.virtnet.kvm.plugins.module_utils.model.guest_nic.options import (
    FilterRef,
    NicDriver,
    Source,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.libvirt_parts import Vlan, VlanTag
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.options import Parameter
from unit.fake_guest_nics import MAC, OTHER, GuestHost, nic
from unit.fake_host import KilledError

CLEAN = FilterRef(filter="clean-traffic")
_DEFAULTS = {name: option.get("default") for name, option in NETWORK.argument_spec().items()}


@pytest.fixture
def host() -> GuestHost:
    found = GuestHost()
    found.add("web1", nic())
    found.add("db1", nic("52:54:00:00:00:09"))
    return found


# ---- classes of changes


@pytest.mark.parametrize(
    ("given", "method", "pending"),
    [
        ({"source": {"network": "cluster"}}, "updated", []),
        ({"source": {"bridge": "br0"}}, "updated", []),
        ({"source": {"dev": "eth0"}}, "replugged", []),
        ({"link": "down"}, "updated", []),
        ({"filterref": {"filter": "clean-traffic"}}, "updated", []),
        ({"bandwidth": {"inbound": {"average": 1000}}}, "updated", []),
        ({"isolated": True}, "updated", []),
        ({"mtu": 1400}, "replugged", []),
        ({"driver": {"queues": 4}}, "replugged", []),
        ({"address": "0000:05:00.0"}, "replugged", []),
        ({"target": "web0"}, "replugged", []),
        ({"boot_order": 1}, "stored", ["boot_order"]),
        ({"alias": "ua-lan", "mac": MAC}, "stored", []),
        ({"mtu": 1400, "replug": False}, "stored", ["mtu"]),
        ({"mtu": 1400, "link": "down", "replug": False}, "updated", ["mtu"]),
        ({"source": {"dev": "eth0"}, "replug": False}, "stored", ["source"]),
    ],
)
def test_what_becomes_of_the_running_nic(
    host: GuestHost, given: dict[str, Any], method: str, pending: list[str]
) -> None:
    outcome = host.converge(given)
    assert (outcome.returned["method"], outcome.returned["pending"]) == (method, pending)
    assert bool(pending) == any("waits for the next start" in warning for warning in outcome.warnings)


def test_a_guest_that_does_not_run_is_only_stored(host: GuestHost) -> None:
    host.nics.kept["web1"] = replace(host.nics.kept["web1"], running=False, live=())
    outcome = host.converge({"mtu": 1400, "source": {"network": "cluster"}, "link": "down"})
    assert outcome.returned["method"] == "stored" and host.nics.calls == [f"store {MAC}"]


def test_options_that_are_left_out_stay_live_and_stored(host: GuestHost) -> None:
    host.add("web1", nic(mtu=1400), live=[nic(mtu=1300, link="down")])
    outcome = host.converge({"source": {"network": "cluster"}})
    assert outcome.shown_after["running"] == {"mtu": 1300, "link": "down"}
    assert host.nics.kept["web1"].stored[0].mtu == 1400


def test_an_update_that_an_old_libvirt_ignores_is_a_replug() -> None:
    for libvirt, method in ((9_000_000, "replugged"), (11_003_000, "updated")):
        host = GuestHost(libvirt=libvirt)
        host.add("web1", nic())
        assert host.converge({"trust_guest_rx_filters": True}).returned["method"] == method


# ---- the order of calls


def test_the_filter_is_first_and_alone_and_the_link_is_down_meanwhile() -> None:
    before = nic(filterref=CLEAN)
    after = nic(filterref=replace(CLEAN, parameters=(Parameter("IP", "10.0.0.7"),)), source=Source(network="cluster"))
    (filtering, moving) = live_phases(before, after, flap=True)
    assert [each.link for each in filtering[1]] == ["down", "down", None]
    assert [each.source for each in filtering[1]] == [before.source] * 3
    assert [(each.link, each.source) for each in moving[1]] == [
        ("down", before.source),
        ("down", after.source),
        (None, after.source),
    ]


def test_the_first_filter_needs_no_cut() -> None:
    assert [len(path) for _what, path in live_phases(nic(), nic(filterref=CLEAN), flap=True)] == [1]
    assert [len(path) for _what, path in live_phases(nic(filterref=CLEAN), nic(), flap=True)] == [1]


@pytest.mark.parametrize("flap", [True, False])
def test_vlans_go_before_a_move_and_come_after_it(flap: bool) -> None:
    """A NAT network can't carry them."""
    tagged = nic(type="bridge", source=Source(bridge="trunk0"), vlan=Vlan(tags=(VlanTag(7),)))
    for before, after in ((nic(), tagged), (tagged, nic())):
        states = [each for _what, path in live_phases(before, after, flap=flap) for each in path]
        assert not [each for each in states if each.vlan and each.source == nic().source]
        assert states[-1] == after


def test_a_link_that_is_down_stays_down_during_a_move() -> None:
    before, after = nic(link="down"), nic(source=Source(network="cluster"))
    links = [each.link for _what, path in live_phases(before, after, flap=True) for each in path]
    assert links == ["down", None]
    before, after = nic(), nic(source=Source(network="cluster"), link="down")
    assert [each.link for _what, path in live_phases(before, after, flap=True) for each in path] == ["down", "down"]


# ---- finding a NIC


def test_a_nic_is_found_by_its_place_although_another_one_is_removed(host: GuestHost) -> None:
    host.add("web1", nic(), nic(OTHER))
    first, second = host.nic({"index": 0, "state": "absent"}, {"index": 1, "link": "down"})
    assert first.shown_after["state"] == "absent" and second.shown_after["link"] == "down"
    assert not second.warnings
    assert [each.mac for each in host.nics.kept["web1"].stored] == [OTHER]


def test_a_new_nic_has_the_same_mac_address_in_each_run(host: GuestHost) -> None:
    item = {"alias": "ua-storage", "source": {"network": "cluster"}}
    (predicted,) = host.nic(item, check=True)
    outcome = host.converge(item)
    assert outcome.returned["method"] == "created"
    assert outcome.shown_after["mac"] == predicted.shown_after["mac"]
    host.converge({"alias": "ua-storage", "state": "absent"})
    assert host.converge(item).shown_after["mac"] == predicted.shown_after["mac"]


def test_a_nic_that_only_runs_is_stored_and_one_that_is_only_stored_is_attached(host: GuestHost) -> None:
    host.add("web1", nic(), live=[nic(), nic(OTHER)])
    assert host.converge({"mac": OTHER, "link": "up"}).returned["method"] == "stored"
    host.add("web1", nic(), nic(OTHER), live=[nic()])
    assert host.converge({"mac": OTHER, "link": "up"}).returned["method"] == "created"


def test_a_nic_gets_another_mac_address_by_its_alias(host: GuestHost) -> None:
    host.add("web1", nic(alias="ua-lan"), nic("52:54:00:00:00:07"))
    outcome = host.converge({"alias": "ua-lan", "mac": OTHER})
    assert outcome.returned["method"] == "replugged"
    assert OTHER in {each.mac for each in host.nics.kept["web1"].live}


# ---- exclusive


def test_other_nics_are_removed_if_the_list_is_complete(host: GuestHost) -> None:
    host.add("web1", nic(), nic(OTHER), nic("52:54:00:00:00:03", alias="ua-gone"))
    outcome = host.converge({"mac": MAC, "link": "up", "exclusive": True}, {"mac": OTHER, "link": "up"})
    assert outcome.shown_before["others"] == ["52:54:00:00:00:03 ua-gone"] and "others" not in outcome.shown_after
    assert [each.mac for each in host.nics.kept["web1"].stored] == [MAC, OTHER]
    host.converge({"state": "absent", "exclusive": True})
    assert host.nics.kept["web1"].nics == ()


def test_others_that_may_not_be_detached_wait(host: GuestHost) -> None:
    host.add("web1", nic(), nic(OTHER))
    outcome = host.converge({"mac": MAC, "exclusive": True, "replug": False})
    assert outcome.returned["pending"] == ["exclusive"] and outcome.shown_after["others"] == [OTHER]


def test_a_guest_of_another_host_is_ignored_with_one_line(host: GuestHost) -> None:
    item = {"name": "web9", "guest_missing": "ignore", "source": {"network": "lan"}}
    outcomes = host.nic({**item, "alias": "ua-a"}, {**item, "alias": "ua-b"})
    assert [outcome.warnings for outcome in outcomes] == [
        ["guest web9 isn't on this host, so that its NICs are left out"],
        [],
    ]
    assert not any(outcome.changed for outcome in outcomes)


# ---- failures


ITEM: dict[str, Any] = {"source": {"network": "cluster"}, "filterref": {"filter": "clean-traffic"}, "isolated": True}


@pytest.mark.parametrize("at", range(1, 7))
def test_a_failure_is_undone(host: GuestHost, at: int) -> None:
    before = dict(host.nics.kept)
    host.fail_nic_at(at, HostError("update", "no"))
    with pytest.raises(ApplyError, match="the host is as it was"):
        host.nic(ITEM)
    assert host.nics.kept == before


@pytest.mark.parametrize("at", range(1, 7))
def test_a_run_that_was_killed_is_completed_by_the_next_one(host: GuestHost, at: int) -> None:
    host.fail_nic_at(at, KilledError())
    with pytest.raises(KilledError):
        host.nic(ITEM)
    host.nics.strike = lambda _number, _call: None
    outcome = host.converge(ITEM)
    assert "running" not in outcome.shown_after and "link" not in outcome.shown_after


def test_a_replug_that_fails_attaches_the_nic_as_it_was(host: GuestHost) -> None:
    before = dict(host.nics.kept)
    host.fail_nic_at(2, HostError("attach", "no"))
    with pytest.raises(ApplyError, match="the host is as it was"):
        host.nic({"mtu": 1400})
    assert host.nics.calls == [f"detach {MAC}", f"attach {MAC}", f"attach {MAC}"]
    assert host.nics.kept["web1"].stored == before["web1"].stored
    host.nics.releases, host.nics.strike = False, lambda _number, _call: None
    host.nics.calls.clear()
    with pytest.raises(ApplyError, match="not released within 20 s; the host is as it was"):
        host.nic({"mtu": 1400})
    assert host.nics.calls == [f"detach {MAC}"]


def test_an_update_that_libvirt_ignores_fails(host: GuestHost) -> None:
    host.nics.ignores = ("isolated",)
    with pytest.raises(
        ApplyError, match="libvirt reported success, but the running guest has another value of isolated"
    ):
        host.nic({"isolated": True})


# ---- refused


TAGS = {"vlan": {"tags": [{"id": 7}]}}


@pytest.mark.parametrize(
    ("given", "option", "said"),
    [
        ({"name": "web9"}, "name", "is no guest of this host"),
        ({"mac": "52:54:00:00:00:09", "source": {"network": "lan"}}, "mac", "is in use by guest db1"),
        ({"mac": OTHER}, "source", "web1 has no NIC 52:54:00:00:00:02"),
        ({"index": 1}, "index", "web1 has one stored NIC"),
        ({"source": {}}, "source", "is empty"),
        ({"source": {"bridge": "br0", "portgroup": "a"}}, "source.portgroup", "has no meaning with bridge"),
        ({"source": {"network": "lan", "mode": "vepa"}}, "source.mode", "has no meaning with network"),
        ({"source": {"network": "none"}}, "source.network", "is no network of libvirt"),
        ({"source": {"network": "asleep"}}, "source.network", "is not active"),
        ({"source": {"bridge": "eth0"}}, "source.bridge", "is not a bridge"),
        ({"source": {"dev": "eth9"}}, "source.dev", "doesn't exist"),
        ({"filterref": {"filter": "none"}}, "filterref.filter", "is no filter of libvirt"),
        (
            {"filterref": {"filter": "port"}},
            "filterref.parameters",
            "without the variable PORT, which filter port needs",
        ),
        ({"filterref": {"filter": "clean-traffic"}, "source": {"dev": "eth0"}}, "filterref.filter", "macvtap"),
        (TAGS, "vlan", "network lan can't carry"),
        ({**TAGS, "source": {"bridge": "br0"}}, "vlan", "bridge br0 ignores"),
        ({"driver": {"queues": 2}, "model": "e1000e"}, "driver.queues", "needs the model virtio"),
        ({"driver": {"queues": 257}}, "driver.queues", "is too large; use 1 to 256"),
        ({"driver": {"rss_hash_report": True}}, "driver.rss_hash_report", "needs driver.rss"),
        ({"bandwidth": {"outbound": {"burst": 5}}}, "bandwidth.outbound.average", "is missing"),
        ({"bandwidth": {"inbound": {"average": 5, "peak": 4}}}, "bandwidth.inbound.peak", "is less than the average"),
        ({"mtu": 1400, "source": {"dev": "eth0"}}, "mtu", "isn't possible with a macvtap"),
    ],
)
def test_refused(host: GuestHost, given: dict[str, Any], option: str, said: str) -> None:
    with pytest.raises(OptionError, match=said) as refused:
        host.nic(given)
    assert refused.value.option == option and host.nics.calls == []


@pytest.mark.parametrize(
    ("traits", "said"),
    [({"paused": True}, "is paused"), ({"acpi": False}, "has no ACPI")],
)
def test_a_guest_that_can_not_replug(host: GuestHost, traits: dict[str, Any], said: str) -> None:
    host.add("web1", nic(), **traits)
    with pytest.raises(OptionError, match=said):
        host.nic({"mtu": 1400})
    assert host.converge({"mtu": 1400, "replug": False}).returned["pending"] == ["mtu"]


def test_a_new_nic_needs_a_port(host: GuestHost) -> None:
    host.add("web1", nic(), free_ports=0)
    item = {"alias": "ua-b", "source": {"network": "lan"}}
    with pytest.raises(OptionError, match="needs a free PCI port"):
        host.nic(item)
    host.converge({"mtu": 1400})  # it uses its own port again
    host.converge({**item, "replug": False})


def test_a_boot_order_beside_that_of_os(host: GuestHost) -> None:
    host.add("web1", nic(), os_boot=True)
    with pytest.raises(OptionError, match="boot_order: 1 can't be set while the definition of web1 has <boot> in <os>"):
        host.nic({"boot_order": 1})


def test_vlans_need_a_new_libvirt_and_a_bridge_that_filters() -> None:
    host = GuestHost(libvirt=9_000_000)
    host.add("web1", nic(type="bridge", source=Source(bridge="trunk0")))
    with pytest.raises(OptionError, match=r"only from 11\.0, and this is 9\.0\.0"):
        host.nic(TAGS)
    host = GuestHost()
    host.add("web1", nic(type="bridge", source=Source(bridge="trunk0")))
    assert host.converge(TAGS).returned["method"] == "updated"
    with pytest.raises(OptionError, match="source: has VLAN tags, which network cluster can't carry"):
        host.nic({"source": {"network": "cluster"}})
    host.converge({"source": {"network": "cluster"}, "vlan": {}})


def test_a_filter_that_learns_by_dhcp_makes_libvirtd_crash(host: GuestHost) -> None:
    learning = (Parameter("CTRL_IP_LEARNING", "dhcp"),)
    item = {"filter": "clean-traffic", "parameters": [{"name": "CTRL_IP_LEARNING", "value": "dhcp"}]}
    with pytest.raises(OptionError, match="can't be dhcp"):
        host.nic({"filterref": item})
    host.add("web1", nic(filterref=replace(CLEAN, parameters=learning)))
    with pytest.raises(OptionError, match="source: can't be changed while the filter has CTRL_IP_LEARNING=dhcp"):
        host.nic({"source": {"network": "cluster"}})
    host.converge({"link": "down"})


def test_a_nic_of_another_type_is_not_changed(host: GuestHost) -> None:
    """What is in its source would be lost."""
    host.add("web1", nic(type="vhostuser", source=None))
    assert not host.nic({"mac": MAC, "model": "virtio"})[0].changed
    with pytest.raises(OptionError, match="mtu: can't be changed, as the NIC is of the type vhostuser"):
        host.nic({"mtu": 1400})
    host.converge({"mac": MAC, "state": "absent"})


def test_the_first_filter_of_iptables_is_a_warning(host: GuestHost) -> None:
    """All bridges of the host pass through its rules from then on."""
    host.filters.bridging = None
    item = {"filterref": {"filter": "port", "parameters": [{"name": "PORT", "value": "22"}]}}
    assert any("br_netfilter" in warning for warning in host.converge(item).warnings)
    assert host.nic(item)[0].warnings == []


def test_several_nics_are_named(host: GuestHost) -> None:
    host.add("web1", nic(), nic(OTHER, source=Source(network="cluster")))
    with pytest.raises(
        OptionError, match=rf"{MAC} \(network lan\) and {OTHER} \(network cluster\); give mac, alias or index"
    ):
        host.nic({"link": "down"})
    host.add("web1", nic(address="0000:01:00.0"), nic(address="0000:02:00.0"))
    with pytest.raises(OptionError, match=r"several NICs of web1 \(0000:01:00.0 and 0000:02:00.0\); give index"):
        host.nic({"mac": MAC, "link": "down"})


def test_a_vlan_is_a_trunk_in_one_form() -> None:
    tags = (VlanTag(1), VlanTag(2))
    assert nic(vlan=Vlan(trunk=True, tags=tags)) == nic(vlan=Vlan(tags=tags))
    assert nic(driver=NicDriver(queues=2)) != nic()


def test_a_single_queue_is_what_libvirt_does_not_store(host: GuestHost) -> None:
    assert not host.nic({"driver": {"queues": 1}})[0].changed
    host.converge({"driver": {"queues": 2}})
    assert "driver" not in host.converge({"driver": {"queues": 1}}).shown_after


def test_a_network_is_removed_after_its_guest_has_left_it(host: GuestHost) -> None:
    """In one run; it is refused as long as a guest stays connected."""
    host.connect("lan", "web1")
    (guest,) = host.networks.kept["lan"].guests
    host.add("web1", nic(guest.mac))
    gone = [NETWORK.parse({**_DEFAULTS, "name": "lan", "state": "absent"})]
    with pytest.raises(VirtnetError, match=r"lan can't be removed while running guests are connected to it \(web1"):
        host.nic({"mtu": 1400}, others=gone)
    with pytest.raises(VirtnetError, match=r"lan can't be removed while running guests are connected to it \(web1"):
        host.nic({"source": {"dev": "eth0"}, "replug": False}, others=gone)
    predicted = host.nic({"source": {"network": "cluster"}}, others=gone, check=True)
    network, moved = host.nic({"source": {"network": "cluster"}}, others=gone)
    assert moved.returned["method"] == "updated" and moved.place < network.place
    assert [each.actions for each in predicted] == [each.actions for each in (network, moved)]
    assert "lan" not in host.networks.kept
    host.declare({"name": "lan", "ips": [{"address": "192.168.153.1/24"}]})
    host.connect("lan", "web1")
    (guest,) = host.networks.kept["lan"].guests
    host.add("web1", nic(guest.mac))
    network, removed = host.nic({"state": "absent"}, others=gone)
    assert removed.returned["method"] == "removed" and network.changed and removed.place < network.place
