# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Who reaches whom between networks of all types, equal to the table in docs/policies.md; and what probes leave behind."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology import fabric
from integration.support.checks import refused
from integration.support.firewalls import FIREWALLS, running_firewall
from integration.support.guests import guest_on
from integration.support.host import CHECKOUT, Host
from integration.support.networks import isolated
from integration.support.plays import play

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
    for row in rows[head + 2 : head + 2 + len(kinds)]:
        found.update({(row[0], kind): _WORDS[cell] for kind, cell in zip(kinds, row[1:], strict=True) if cell})
    return found


def _different(
    host: Host,
    expected: Mapping[tuple[str, str], tuple[bool, bool]],
    topologies: Sequence[Mapping[str, Any]] = (),
    pings: Collection[tuple[str, str]] = (),
) -> list[str]:
    """What is measured and isn't as expected, a line each. Only pings are answered between the pairs ``pings``."""
    topologies = topologies or _topologies()
    kinds = {each["name"]: _TYPES[each["type"]] for each in topologies} | _BRIDGES
    found = host.ok("net_reach", {"networks": [each["name"] for each in topologies], "bridges": list(_BRIDGES)})
    assert found["unmeasured"] == [] and not found["changed"]
    pairs = [each for each in found["reach"] if not {"host", "dns"} & {each["from"], each["to"]}]
    assert len(pairs) == len(kinds) * (len(kinds) - 1) * 6
    wrong = []
    for each in (each for each in found["reach"] if each["to"] != "dns"):
        pair = kinds.get(each["from"], "host"), kinds.get(each["to"], "host")
        should = (True, False) if "host" in pair else expected.get(pair)
        if pair in pings:
            should = (each["protocol"] == "icmp", False)
        found_so = (each["reached"], each["masqueraded"])
        if each["protocol"] == "icmp" and should:  # a ping doesn't show the address
            found_so = (each["reached"], should[1])
        if should and found_so != should:
            wrong.append(f"{each}: not {should}")
    return wrong


def _between(*kinds: str) -> set[tuple[str, str]]:
    return {(one, other) for one in kinds for other in kinds}


@pytest.mark.each
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
        closed = dict.fromkeys(_between("outside", "plain bridge"), (False, False))
        assert not _different(clean, {**expected, **closed})
    finally:
        clean.shell(_DROP.format("ACCEPT"))


@pytest.mark.once("bookworm")
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


@pytest.mark.once
def test_beside_ufw(clean: Host) -> None:
    """Only pings pass between plain bridges and the outside; without default rules, open networks are as these."""
    topologies, expected = _topologies()[::2], _documented()
    _create_bridges(clean)
    clean.ok("fabric", fabric(topologies, "topologies"))
    with running_firewall(clean, FIREWALLS["ufw"]):
        clean.ok("fabric", fabric(topologies, "topologies"))
        assert not _different(clean, expected, topologies, _between("outside", "plain bridge"))
        bare = fabric([{**each, "default_rules": False} for each in topologies], "topologies")
        clean.ok("fabric", bare)
        assert not _different(clean, expected, topologies, _between("outside", "plain bridge", "open"))


@pytest.mark.debian("trixie")  # an older libvirt gives the bridge of an open network no zone
def test_beside_firewalld(clean: Host) -> None:
    """It closes networks in no zone to each other. With the zones of the warnings, only plain bridges stay closed from outside."""
    host, topologies, expected = clean, _topologies()[::2], _documented()
    _create_bridges(host)
    host.shell("sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    given = fabric(topologies, "topologies")
    given["outbound"] = [*given["outbound"], {"name": "plain", "rules": [{"source": {"bridge": "br11"}}]}]
    host.ok("fabric", given)
    with running_firewall(host, FIREWALLS["firewalld"]):
        warnings = [str(each) for each in host.ok("fabric", given)["warnings"]]
        commands = [
            found[0]
            for each in warnings
            for found in [re.findall("firewall-cmd .*--add-interface=br11", each)]
            if found
        ]
        host.ok("nat_outbound", {"name": "plain", "state": "absent"})
        closed = dict.fromkeys(_between("outside", "open", "plain bridge"), (False, False))
        assert not _different(host, {**expected, **closed}, topologies)
        (command,) = commands
        zoned = fabric(topologies, "topologies", None, host.libvirt, firewalld=True)
        host.ok("fabric", zoned)
        host.shell(f"{command}; {command.replace('br11', 'br12')}; firewall-cmd -q --reload")
        host.until("firewall-cmd --zone=libvirt-routed --list-interfaces | grep virbr-open | grep virbr-routed")
        host.until("firewall-cmd --zone=libvirt --list-interfaces | grep virbr-nat | grep virbr-isolated")
        with_zones = {**expected, ("outside", "plain bridge"): (False, False)}
        assert not _different(host, with_zones, topologies)
        _allow_from_outside(host)


def _allow_from_outside(host: Host) -> None:
    """Connections from outside to a NAT network pass with a rule of ours and the policy of firewalld that the docs show."""
    rule = {"source": {"bridge": "br10"}, "to": {"network": "nat1"}, "action": "allow"}
    measure = {"networks": ["nat1"], "bridges": ["br10"], "protocols": ["tcp"]}
    expect = [{"from": "br10", "to": "nat1", "reached": False}]
    host.ok("net_policy", {"rules": [rule]})
    host.ok("net_reach", {**measure, "expect": expect})
    text = (CHECKOUT / "docs" / "policies.md").read_text()
    lines = re.findall(r"(?m)^ +(firewall-cmd .*)$", text)
    host.shell("; ".join(lines))
    host.ok("net_reach", {**measure, "expect": [{**expect[0], "reached": True}]})
    host.ok("net_policy", {"state": "absent"})


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
        _kill_a_run(clean, {"networks": ["one", "two"]}, "ls /sys/class/net | grep ^probe0-")
        clean.until(f"test \"$({look})\" = '{before.strip()}'")


@pytest.mark.once
def test_the_playbook_shows_the_table(clean: Host) -> None:
    """And why a network has no probe."""
    clean.net(**isolated("one", 170))
    clean.net(**isolated("two", 171))
    played = play(clean, "virtnet.kvm.reach", {"virtnet_reach": {"networks": ["one", "two", "default"]}})
    assert "| two       | no  |     | yes  |" in played.done.stdout
    assert "default: the network is not active" in played.done.stdout


def _kill_a_run(host: Host, options: dict[str, Any], seen: str) -> None:
    """Kill a run as soon as a command succeeds. The port of a probe has the process of the probe in its name."""
    host.start_module("net_reach", options, agent=1)
    host.until(seen)
    probe = host.until("ls /sys/class/net | sed -n 's/^probe0-//p' | grep .").strip()
    host.shell(f"kill -KILL $(awk '/^PPid/ {{ print $2 }}' /proc/{probe}/status)")
    assert host.end_module(agent=1)["signal"] == 9


@pytest.mark.once("bookworm")
def test_with_a_filter(clean: Host) -> None:
    """Each probe has it, with its own address; no binding is left, also if the module is killed."""
    clean.net(**isolated("one", 170))
    # Two filters in one: nothing but the own address, and no ping in.
    drop = {"action": "drop", "direction": "in", "protocol": "ip", "match": {"protocol": "icmp"}}
    rules = [{"filterref": {"filter": "no-ip-spoofing"}}, drop]
    clean.ok("nwfilter", {"name": "no-ping", "rules": rules})
    try:
        expected = [
            {"from": "host", "to": "one", "reached": True},
            {"from": "host", "to": "one", "protocol": "icmp", "reached": False},
            {"from": "one", "to": "dns", "reached": True},
        ]
        asked = {"networks": ["one"], "filterref": {"filter": "no-ping"}}
        clean.ok("net_reach", {**asked, "expect": expected})
        assert clean.shell("virsh -q nwfilter-binding-list") == ""
        _kill_a_run(clean, asked, "virsh -q nwfilter-binding-list | grep probe")
        clean.until('test -z "$(virsh -q nwfilter-binding-list)"')
    finally:
        clean.ok("nwfilter", {"name": "no-ping", "state": "absent"})


@pytest.mark.parametrize(
    ("options", "said", "option"),
    [
        ({"networks": ["gone"]}, "is no network of this host", "networks[0]"),
        ({"bridges": ["gone"]}, "is no bridge of this host", "bridges[0]"),
        ({"filterref": {"filter": "gone"}}, "is no filter of libvirt", "filterref.filter"),
    ],
)
def test_refused(clean: Host, options: dict[str, Any], said: str, option: str) -> None:
    refused(clean, options, said, module="net_reach", option=option)
