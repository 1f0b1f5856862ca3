# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Networks as they are read: which, in what structure, and that the structure can be given back."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pytest

from integration.support.cases_ports import CASES
from integration.support.checks import converge
from integration.support.guests import guest_on
from integration.support.host import Host
from integration.support.networks import ips, isolated, lan
from lab.guest import Guest

ALWAYS = {
    *("name", "uuid", "definition", "state", "active", "autostart", "persistent"),
    *("bridge", "problems", "leases", "guests"),
}

# Between them, most of what the format can say; those that need hardware or another kernel are only defined.
MANY: tuple[dict[str, Any], ...] = (
    lan(
        domain={"name": "lan.example", "local_only": True},
        dns={
            "forwarders": [{"addr": "10.255.255.1", "domain": "corp.example"}],
            "hosts": [{"ip": "192.168.150.2", "names": ["a", "b"]}],
            "srv": [{"service": "ldap", "protocol": "tcp", "target": "a.lan.example", "port": 389, "priority": 1}],
            "txt": [{"name": "note", "value": "some words, with a comma"}],
        },
        ips=[
            *ips(150, hosts=[{"mac": "52-54-00-00-00-AB", "name": "web", "ip": "192.168.150.10"}]),
            {"address": "fd00:150:0::1/64"},
        ],
        routes=[{"to": "10.77.0.0/24", "via": "192.168.150.2"}],
        mtu=1400,
        metadata=["<note xmlns='https://example.org/note'><by>us</by></note>"],
    ),
    isolated("groups", 170, portgroups=[{"name": "all", "default": True}, {"name": "few"}]),
    isolated("shaped", 171, active=False, bandwidth={"inbound": {"average": 1000, "peak": 5000, "burst": 1024}}),
    {"name": "pool", "active": False, "forward": {"mode": "private", "interfaces": ["ethA", "ethB"]}},
    {"name": "theirs", "active": False, "forward": {"mode": "bridge"}, "bridge": {"name": "br-theirs"}},
    {"name": "empty", "autostart": False},
)


def test_which_are_read(clean: Host) -> None:
    clean.ok("fabric", {"networks": [isolated("one", 170), isolated("two", 171, active=False)]})
    before = clean.look()
    assert [each["name"] for each in clean.info()] == ["default", "one", "two"]
    assert [each["name"] for each in clean.info("two", "one")] == ["two", "one"]
    assert [each["name"] for each in clean.info("nobody", "one")] == ["one"]
    assert clean.info("nobody") == []
    assert clean.ok("virt_net_info", {"name": []})["networks"] == []
    for check in (True, False):
        result = clean.ok("virt_net_info", {"names": ["one"]}, check=check)
        assert result["changed"] is False and [each["name"] for each in result["networks"]] == ["one"]
    assert clean.look() == before


def test_the_structure(clean: Host) -> None:
    clean.net(**lan())
    clean.net(**isolated("off", 170, active=False, autostart=False))
    running, off = clean.info("lan", "off")
    for found in (running, off):
        assert set(found) == ALWAYS
        assert found["uuid"] == found["definition"]["uuid"] == clean.shell(f"virsh net-uuid {found['name']}").strip()
        assert found["persistent"] is True and found["leases"] == [] and found["guests"] == []
    assert (running["state"], running["active"], running["autostart"], running["bridge"]) == (
        "active",
        True,
        True,
        "virbr-lan",
    )
    assert (off["state"], off["active"], off["autostart"], off["bridge"]) == ("inactive", False, False, "virbr-off")
    assert running["definition"]["mac"] == clean.document("lan").find("mac").get("address")  # type: ignore[union-attr]
    assert running["definition"]["forward"]["mode"] == "nat"
    assert running["definition"]["bridge"] == {"name": "virbr-lan", "stp": False}
    assert running["definition"]["ips"] == lan()["ips"]
    # what virt_net returns of a network is the same thing
    assert clean.net(name="lan")["network"] == running


def test_given_back_it_changes_nothing(clean: Host) -> None:
    """One by one to virt_net, and all together to fabric, whether they were made by the collection or by the distribution."""
    clean.ok("fabric", {"networks": list(MANY)})
    found = clean.info()
    assert [each["name"] for each in found] == sorted([each["name"] for each in MANY] + ["default"])
    before = clean.look()
    for each in found:
        result = clean.net(**each["definition"])
        assert not result["changed"], (each["definition"], result["actions"])
        assert result["network"] == each
    assert not clean.ok("fabric", {"networks": [each["definition"] for each in found]})["changed"]
    assert clean.look() == before


def test_every_option_given_back(clean: Host) -> None:
    """Of every network of every case: the definition, given back, changes nothing, and makes the same network anew."""
    networks = []
    for number, case in enumerate(CASES):
        if case.hardware or clean.libvirt < case.since:
            continue
        name = f"n{number}"
        clean.net(name=name, active=False, **{**case.base, "bridge": _own(case.base, name)})
        clean.net(name=name, **case.steps[0][0])
        networks.append(name)
    found = clean.info(*networks)
    definitions = [{**network["definition"], "active": False} for network in found]
    result = clean.ok("fabric", {"networks": definitions})
    assert result["actions"] == []

    clean.ok("fabric", {"networks": [{"name": name, "state": "absent"} for name in networks]})
    clean.ok("fabric", {"networks": definitions})
    again = {network["name"]: network["definition"] for network in clean.info(*networks)}
    assert again == {network["name"]: network["definition"] for network in found}
    for network in networks:
        text = clean.look()[network]["stored"]
        assert not clean.ok("virt_net", {"xml": text})["changed"], text


def _own(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A bridge name that no other case has, where the bridge is the network's own."""
    own = options.get("forward", {}).get("mode") not in ("private", "vepa", "passthrough", "hostdev", "bridge")
    return {**options.get("bridge", {}), **({"name": f"virbr-{name}"} if own else {})}


def test_given_to_another_host_it_is_the_same(clean: Host) -> None:
    """Removed and made again from what was read, a network is what it was, UUID and MAC address included."""
    clean.ok("fabric", {"networks": list(MANY)})
    clean.net(name="default", autostart=False)
    before = clean.look()
    found = [each for each in clean.info() if each["name"] != "default"]
    clean.ok("fabric", {"networks": [{"name": each["name"], "state": "absent"} for each in found]})
    again = [{**each["definition"], "active": each["active"], "autostart": each["autostart"]} for each in found]
    clean.ok("fabric", {"networks": again})
    after = clean.look()
    assert {name: each["stored"] for name, each in after.items()} == {
        name: each["stored"] for name, each in before.items()
    }
    assert [each for each in clean.info() if each["name"] != "default"] == found


def test_a_transient_network(clean: Host) -> None:
    document = (
        "<network><name>passing</name><bridge name='virbr-passing'/><ip address='192.168.160.1' prefix='24'/></network>"
    )
    clean.shell("virsh net-create /dev/stdin", input=document)
    (found,) = clean.info("passing")
    assert set(found) == ALWAYS
    assert found["persistent"] is False and found["autostart"] is False and found["active"] is True
    assert found["bridge"] == "virbr-passing" and found["definition"]["ips"] == [{"address": "192.168.160.1/24"}]
    assert not clean.look()["passing"]["persistent"]


@pytest.mark.parametrize("how", ["stored", "live"])
def test_running_where_it_differs(clean: Host, how: str) -> None:
    clean.net(**lan())
    (before,) = clean.info("lan")
    flag = {"stored": "--config", "live": "--live"}[how]
    clean.shell(f"virsh net-update lan add dns-host \"<host ip='192.168.150.2'><hostname>a</hostname></host>\" {flag}")
    (found,) = clean.info("lan")
    assert set(found) == ALWAYS | {"running"}
    changed = {**before["definition"], "dns": {"hosts": [{"ip": "192.168.150.2", "names": ["a"]}]}}
    expected = (changed, before["definition"]) if how == "stored" else (before["definition"], changed)
    assert (found["definition"], found["running"]) == expected
    # the stored definition, given back, is made to run as well
    result = clean.net(**found["definition"])
    assert result["changed"] and result["method"] == "live"
    (settled,) = clean.info("lan")
    assert settled == {key: value for key, value in found.items() if key != "running"}


@pytest.mark.nftables
def test_leases_and_guests(clean: Host) -> None:
    clean.net(**lan())
    mac = "52:54:00:00:00:77"
    with guest_on(clean, "lan", "web", mac=mac) as web:
        _told_of(clean, web, mac)
    (found,) = clean.info("lan")
    assert found["guests"] == []


def _told_of(clean: Host, web: Guest, mac: str) -> None:
    address = web.lease()
    # libvirt hears of a lease some time after the guest
    clean.until(f"virsh net-dhcp-leases lan | grep {mac}")
    (found,) = clean.info("lan")
    (lease,) = found["leases"]
    assert (lease["ip"], lease["prefix"], lease["mac"]) == (address, 24, mac)
    assert (lease["hostname"], lease["iface"]) == ("web", "virbr-lan")
    assert lease["client_id"] in (None, f"01:{mac}")
    left = datetime.datetime.fromisoformat(lease["expiry"]) - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=50) < left <= datetime.timedelta(minutes=61)  # libvirt's default is an hour
    assert found["guests"] == [{"domain": "web", "mac": mac, "device": web.ifname(), "connected": True}]
    # a restart by other hands leaves it without the network
    clean.shell("virsh net-destroy lan; virsh net-start lan")
    (found,) = clean.info("lan")
    assert [guest["connected"] for guest in found["guests"]] == [False]
    assert clean.net(**found["definition"])["actions"] == [f"reconnect web ({mac}) to network lan"]
    assert [guest["connected"] for guest in clean.info("lan")[0]["guests"]] == [True]


def test_the_xml_of_a_running_network(clean: Host) -> None:
    """What virsh shows of a running network may be given too: its counters and the like mean nothing."""
    clean.net(**lan())
    with guest_on(clean, "lan", wait_lease=False):
        text = clean.look()["lan"]["running"]
        assert "connections='1'" in text
        converge(clean, {"xml": text}, changed=False)
