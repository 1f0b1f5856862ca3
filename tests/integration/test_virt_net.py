# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The life of a network: created, found as it is, started and stopped, given as XML, taken over, removed."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.networks import ips, isolated, lan

_FOREIGN = """
<network>
  <name>{name}</name>
  <bridge name='virbr-{name}'/>
  <domain name='x.example'/>
  <ip address='192.168.160.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.160.10' end='192.168.160.20'/></dhcp>
  </ip>
</network>
"""


@pytest.mark.each
@pytest.mark.nftables
def test_created_and_removed(clean: Host) -> None:
    created = converge(clean, lan(), changed=True)
    assert created["method"] == "created"
    assert created["before"] == {"name": "lan", "state": "absent"}
    found = clean.look()["lan"]
    assert found["active"] and found["autostart"] and found["persistent"] and found["bridge"] == "virbr-lan"
    assert "192.168.150.1/24" in clean.shell("ip -4 -brief address show dev virbr-lan")

    removed = converge(clean, {"name": "lan", "state": "absent"}, changed=True)
    assert removed["method"] == "removed"
    assert "lan" not in clean.look()
    assert "virbr-lan" not in clean.shell("ip -brief link show")


def test_only_the_name(clean: Host) -> None:
    """The least that can be said makes an isolated network; the host chooses what was left out, and `after` leaves it out."""
    result = converge(clean, {"name": "least"}, changed=True)
    assert result["after"] == {
        "name": "least",
        "state": "present",
        "active": True,
        "autostart": True,
        "forward": {"mode": "none"},
    }


def test_what_the_host_has_chosen_stays(clean: Host) -> None:
    chosen = converge(clean, {"name": "least"}, changed=True)["network"]["definition"]
    result = converge(clean, {"name": "least", "uuid": "", "mac": "", "bridge": {}}, changed=False)
    assert result["network"]["definition"] == chosen


def test_a_uuid_of_ones_own(clean: Host) -> None:
    mine, other = "6d1e1d3c-7a75-4d1f-9a0c-2f4d3c0a0b01", "6d1e1d3c-7a75-4d1f-9a0c-2f4d3c0a0b02"
    result = converge(clean, {"name": "least", "uuid": mine.upper()}, changed=True)
    assert result["after"]["uuid"] == result["network"]["uuid"] == mine
    refused(clean, {"name": "least", "uuid": other}, mine, other, option="uuid")


def test_stopped_and_started(clean: Host) -> None:
    converge(clean, lan(active=False, autostart=False), changed=True)
    found = clean.look()["lan"]
    assert not found["active"] and not found["autostart"]
    # what is left out is left alone: it stays stopped while it changes
    stored = converge(clean, {"name": "lan", "ips": ips(151)}, changed=True)
    assert stored["method"] == "stored" and not clean.look()["lan"]["active"]
    assert converge(clean, {"name": "lan", "autostart": True}, changed=True)["method"] == "stored"
    assert converge(clean, {"name": "lan", "active": True}, changed=True)["method"] == "started"
    assert clean.look()["lan"]["active"]
    both = converge(clean, {"name": "lan", "active": False, "autostart": False}, changed=True)
    assert both["method"] == "stopped"


def test_no_uuid_nor_mac_is_lost(clean: Host) -> None:
    """What the host made up stays through a redefinition and a restart."""
    before = converge(clean, lan(), changed=True)["network"]
    after = converge(clean, {"name": "lan", "ips": ips(151)}, changed=True)
    assert after["method"] == "restarted"
    assert after["network"]["uuid"] == before["uuid"]
    assert after["network"]["definition"]["mac"] == before["definition"]["mac"]


def test_a_transient_network_is_made_persistent(clean: Host) -> None:
    clean.shell("virsh net-create /dev/stdin", input=_FOREIGN.format(name="passing"))
    before = clean.look()["passing"]
    assert not before["persistent"]
    result = converge(clean, {"name": "passing"}, changed=True)
    assert result["before"]["persistent"] is False
    after = clean.look()["passing"]
    assert after["persistent"] and after["active"] and after["ifindex"] == before["ifindex"]
    clean.shell("virsh net-destroy passing")
    assert clean.look()["passing"]["stored"]


def test_a_transient_network_is_removed(clean: Host) -> None:
    clean.shell("virsh net-create /dev/stdin", input=_FOREIGN.format(name="passing"))
    converge(clean, {"name": "passing", "state": "absent"}, changed=True)
    assert "passing" not in clean.look()


def test_raw_xml_is_the_whole_truth(clean: Host) -> None:
    converge(clean, {"xml": _FOREIGN.format(name="raw")}, changed=True)
    document = clean.document("raw", running=True)
    assert document.findtext("name") == "raw" and document.xpath("string(domain/@name)") == "x.example"
    # said in options, it is the same network
    assert not clean.net(name="raw", domain={"name": "x.example"})["changed"]
    # what the document doesn't say goes
    less = _FOREIGN.format(name="raw").replace("<domain name='x.example'/>", "")
    result = converge(clean, {"xml": less, "name": "raw"}, changed=True)
    assert result["method"] == "restarted"
    assert clean.document("raw").find("domain") is None
    assert result["network"]["bridge"] == "virbr-raw"


def test_other_networks_and_rules_stay(clean: Host) -> None:
    clean.net(**isolated("other", 170))
    clean.shell("virsh net-start default")
    clean.shell("nft add table inet mine; nft add chain inet mine c; nft add rule inet mine c tcp dport 1 accept")
    rules = (
        "nft list table inet mine; iptables-save -t nat | grep -v LIBVIRT; cat /etc/libvirt/qemu/networks/default.xml"
    )
    before, theirs = clean.look(), clean.shell(rules)
    try:
        clean.net(**lan())
        clean.net(name="lan", ips=ips(151))
        clean.net(name="lan", state="absent")
        after = clean.look()
        assert {name: after[name] for name in before} == before
        lines = [line for line in clean.shell(rules).splitlines() if not line.startswith(("#", ":"))]
        assert lines == [line for line in theirs.splitlines() if not line.startswith(("#", ":"))]
    finally:
        clean.shell("nft delete table inet mine")


def test_two_runs_at_once(clean: Host) -> None:
    """The second waits for the first, and finds what that has made."""
    for agent in (0, 1):
        clean.start_module("virt_net", lan(), agent=agent)
    results = [clean.end_module(agent) for agent in (0, 1)]
    assert not any(result.get("failed") for result in results), results
    assert sorted(result["changed"] for result in results) == [False, True]

    changes: list[dict[str, Any]] = [
        {"name": "lan", "ips": ips(151)},
        {"name": "lan", "dns": {"hosts": [{"ip": "192.168.151.7", "names": ["a"]}]}},
    ]
    for agent, change in enumerate(changes):
        clean.start_module("virt_net", change, agent=agent)
    results = [clean.end_module(agent) for agent in (0, 1)]
    assert not any(result.get("failed") for result in results), results
    for change in changes:
        assert not clean.net(**change)["changed"]
