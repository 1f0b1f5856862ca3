# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What libvirt can change while a network runs is changed so: no restart, no guest that notices."""

from __future__ import annotations

import re
from typing import Any

import pytest
from lxml import etree

from integration.support.checks import converge
from integration.support.guests import Ping, guest_on
from integration.support.host import Host
from integration.support.networks import ips, lan

HOST = {"mac": "52:54:00:00:00:07", "name": "seven", "ip": "192.168.150.7"}
_SRV = {"service": "ldap", "protocol": "tcp", "domain": "x.example", "target": "seven.x.example", "port": 389}

# What is asked for; where it must be in both documents; what dnsmasq must be told, and in which of its files.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, str], str, str]] = {
    "range": (
        {
            "ips": [
                {
                    "address": "192.168.150.1/24",
                    "dhcp": {"ranges": [{"start": "192.168.150.90", "end": "192.168.150.210"}]},
                }
            ]
        },
        {"ip/dhcp/range/@start": "192.168.150.90", "count(ip/dhcp/range)": "1"},
        "conf",
        "dhcp-range=192.168.150.90,192.168.150.210",
    ),
    "host added": (
        {"ips": ips(hosts=[HOST])},
        {"ip/dhcp/host/@ip": HOST["ip"]},
        "hostsfile",
        "52:54:00:00:00:07,192.168.150.7,seven",
    ),
    "host's address changed": (
        {"ips": ips(hosts=[{**HOST, "ip": "192.168.150.8"}])},
        {"ip/dhcp/host/@ip": "192.168.150.8", "count(ip/dhcp/host)": "1"},
        "hostsfile",
        "52:54:00:00:00:07,192.168.150.8,seven",
    ),
    "host's MAC changed": (
        {"ips": ips(hosts=[{**HOST, "mac": "52:54:00:00:00:08"}])},
        {"ip/dhcp/host/@mac": "52:54:00:00:00:08", "count(ip/dhcp/host)": "1"},
        "hostsfile",
        "52:54:00:00:00:08,192.168.150.7,seven",
    ),
    "two hosts exchange addresses": (
        {"ips": ips(hosts=[{**HOST, "ip": "192.168.150.9"}, {"mac": "52:54:00:00:00:09", "ip": "192.168.150.7"}])},
        {"ip/dhcp/host[@mac='52:54:00:00:00:09']/@ip": "192.168.150.7", "count(ip/dhcp/host)": "2"},
        "hostsfile",
        "52:54:00:00:00:09,192.168.150.7",
    ),
    "DNS host": (
        {"dns": {"hosts": [{"ip": "192.168.150.9", "names": ["nine"]}]}},
        {"dns/host/hostname": "nine"},
        "addnhosts",
        "192.168.150.9\tnine",
    ),
    "DNS TXT": ({"dns": {"txt": [{"name": "t", "value": "v"}]}}, {"dns/txt/@value": "v"}, "conf", "txt-record=t,v"),
    "DNS SRV": (
        {"dns": {"srv": [_SRV]}},
        {"dns/srv/@port": "389"},
        "conf",
        "srv-host=_ldap._tcp.x.example,seven.x.example,389",
    ),
    "portgroup": ({"portgroups": [{"name": "web", "default": True}]}, {"portgroup/@default": "yes"}, "", ""),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changed_live(clean: Host, what: str) -> None:
    change, wanted, file, line = CHANGES[what]
    clean.net(**lan(**({"ips": ips(hosts=[HOST])} if "host" in what and "changed" in what else {})))
    if what == "two hosts exchange addresses":
        clean.net(name="lan", ips=ips(hosts=[HOST, {"mac": "52:54:00:00:00:09", "ip": "192.168.150.9"}]))
    before = clean.look()["lan"]
    result = converge(clean, {"name": "lan", **change}, changed=True)
    assert result["method"] == "live" and result["guests"] == []
    assert all(action.endswith("(live and stored)") for action in result["actions"]), result["actions"]
    after = clean.look()["lan"]
    assert after["ifindex"] == before["ifindex"]
    _in_both(after, wanted)
    if file:
        assert line in clean.shell(f"cat /var/lib/libvirt/dnsmasq/lan.{file}")

    # and back: what was added live is removed live
    back = converge(clean, {"name": "lan", "ips": ips(), "dns": {}, "portgroups": []}, changed=True)
    assert back["method"] == "live"
    assert clean.look()["lan"]["ifindex"] == before["ifindex"]
    if file:
        assert line not in clean.shell(f"cat /var/lib/libvirt/dnsmasq/lan.{file} 2>/dev/null; true")


def _in_both(found: dict[str, Any], wanted: dict[str, str]) -> None:
    for which in ("stored", "running"):
        document = etree.fromstring(found[which])
        for path, value in wanted.items():
            seen: Any = document.xpath(path if path.startswith("count(") else f"string({path})")
            assert (str(int(seen)) if isinstance(seen, float) else seen) == value, f"{which} {path}: {seen}"


def test_a_pool_of_interfaces_changes_live(clean: Host) -> None:
    clean.net(name="pool", forward={"mode": "private", "interfaces": ["eth7", "eth8"]})
    for interfaces, method in (
        (["eth7", "eth8", "eth9"], "live"),
        (["eth8", "eth9"], "live"),
        (["eth9", "eth8"], "restarted"),
    ):
        result = converge(clean, {"name": "pool", "forward": {"interfaces": interfaces}}, changed=True)
        assert result["method"] == method, result["actions"]
        found = clean.document("pool", running=True).xpath("forward/interface/@dev")
        assert found == interfaces


def test_stored_and_running_may_need_different_changes(clean: Host) -> None:
    """One that is only stored and one that is live go together, without a restart."""
    clean.net(**lan())
    clean.shell("virsh net-update lan add dns-host \"<host ip='192.168.150.5'><hostname>x</hostname></host>\" --config")
    clean.shell("virsh net-update lan add dns-txt \"<txt name='y' value='z'/>\" --live")
    before = clean.look()["lan"]
    wanted = {"hosts": [{"ip": "192.168.150.6", "names": ["w"]}], "txt": []}
    result = converge(clean, {"name": "lan", "dns": wanted}, changed=True)
    assert result["method"] == "live" and "running" in result["before"] and "running" not in result["after"]
    after = clean.look()["lan"]
    assert after["ifindex"] == before["ifindex"]
    _in_both(after, {"dns/host/@ip": "192.168.150.6", "count(dns/host)": "1", "count(dns/txt)": "0"})


@pytest.mark.each
@pytest.mark.nftables
def test_a_guest_does_not_notice(clean: Host) -> None:
    """A ping goes on while everything is changed that can be changed live; the next lease obeys the change."""
    clean.net(**lan())
    with guest_on(clean, "lan") as guest:
        address = guest.lease()
        with Ping(clean, address) as ping:
            everything = {
                "ips": ips(hosts=[{"mac": guest_mac(clean, guest.name), "name": "renamed", "ip": "192.168.150.42"}]),
                "dns": {"hosts": [{"ip": "192.168.150.9", "names": ["nine"]}], "txt": [{"name": "t", "value": "v"}]},
                "portgroups": [{"name": "web"}],
            }
            result = converge(clean, {"name": "lan", **everything}, changed=True)
        assert result["method"] == "live" and result["guests"] == []
        assert ping.lost == 0, ping.log
        # dnsmasq reads its files again some time after it was asked to
        guest.until("nslookup nine 192.168.150.1 | grep 192.168.150.9")
        guest.renew()
        assert guest.lease() == "192.168.150.42"


def guest_mac(host: Host, name: str) -> str:
    return str(re.findall(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", host.shell(f"virsh domiflist {name}"))[0])
