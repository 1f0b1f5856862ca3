# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Ports of the host that lead to guests: from outside, from the host, from the guests' own network."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.forwards import ASK as _ASK
from integration.support.forwards import HOST as _HOST
from integration.support.forwards import NET as _NET
from integration.support.forwards import OUTSIDE
from integration.support.forwards import ROUTED as _ROUTED
from integration.support.forwards import WEB as _WEB
from integration.support.forwards import asked as _asked
from integration.support.guests import guest_on, reaches
from integration.support.host import Host
from integration.support.networks import ips, isolated

_SSH = {
    "listen": {"address": _HOST, "port": "2222"},
    "to": {"address": "192.168.150.10", "port": 22},
    "sources": ["192.168.30.0/28"],
}
MODULES = ("nat_portforward", "nat_portforward_info")


# One flow of UDP that sends ten times a second, for a minute at most, and prints what comes back.
_SENDING = f"""
import socket, time
flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
flow.bind(("", 5555))
flow.connect(("{_HOST}", 6001))
for _ in range(600):
    time.sleep(0.1)
    try:
        flow.send(b"x")
        print(flow.recv(99, socket.MSG_DONTWAIT), flush=True)
    except OSError:
        pass
"""


def _set(*forwards: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"forwards": list(forwards), **more}


@pytest.mark.each
def test_from_everywhere(clean: Host) -> None:
    """The guest sees who asks; a second run changes nothing; without the set nothing is left."""
    clean.shell(_ROUTED)
    clean.net(**_NET)
    rules = clean.shell("nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//'")
    with (
        guest_on(clean, "lan", ip="192.168.150.10/24", kind="station") as guest,
        guest_on(clean, "lan", name="g2", ip="192.168.150.11/24", kind="station") as other,
    ):
        for each in (guest, other):
            each.check("ip route add default via 192.168.150.1")
            reaches(clean, each.address())
        guest.listen(80, text="web")
        guest.listen(22, text="ssh")
        assert "web" not in _asked(clean, 8080, where=OUTSIDE)
        converge(clean, _set(_WEB, _SSH), module="nat_portforward", changed=True)
        assert _asked(clean, 8080, where=OUTSIDE) == "web 192.168.30.1"
        assert _asked(clean, 2222, where=OUTSIDE) == "ssh 192.168.30.1"
        assert _asked(clean, 8080).startswith("web ")
        assert other.check(_ASK.format(_HOST, 8080)).strip().startswith("web ")
        # another target for one, without the other
        guest.listen(81, text="new")
        moved = {**_WEB, "to": {"address": "192.168.150.10", "port": 81}}
        made = converge(clean, _set(moved), module="nat_portforward", changed=True)
        assert "change port 8080/tcp to 192.168.150.10:81" in str(made["actions"])
        assert _asked(clean, 8080, where=OUTSIDE) == "new 192.168.30.1"
        assert "ssh" not in _asked(clean, 2222, where=OUTSIDE)
        # while the guest is there: the neighbour of a guest that has gone fails after a while
        (found,) = clean.ok("nat_portforward_info", {})["portforwards"]
    (forward,) = found["forwards"]
    target = forward.pop("target")
    assert target["address"] == "192.168.150.10" and target["known_by"] == "address"
    assert target["neighbour"]["mac"] and target["neighbour"]["state"] not in ("failed", "none")
    assert found["loaded"] and forward.pop("packets") > 4 and forward.pop("bytes") > 200 and forward == moved
    converge(clean, {"state": "absent"}, module="nat_portforward", changed=True)
    assert clean.shell("nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//'") == rules
    assert not clean.can("ls /etc/virtnet.kvm/nft.d/*")


@pytest.mark.each
def test_both_families_udp_and_ranges(clean: Host) -> None:
    """Flows of UDP that began before a forward go to the guest once it is there, and nowhere once it has gone."""
    clean.shell(_ROUTED)
    clean.net(**{**_NET, "ips": [{"address": "192.168.150.1/24"}, {"address": "fd00:150::1/64"}]})
    six = {"listen": {"port": "8080"}, "to": {"address": "fd00:150::10", "port": 80}}
    udp = {"listen": {"port": "6000-6002", "protocol": "udp"}, "to": {"address": "192.168.150.10"}}
    shifted = {"listen": {"port": "7000-7002"}, "to": {"address": "192.168.150.10", "port": 80}}
    ask = f"{OUTSIDE} timeout 2 bash -c 'exec 3<>/dev/udp/{_HOST}/6001; echo >&3; head -n 1 <&3'"
    with guest_on(clean, "lan", ip="192.168.150.10/24", kind="station") as guest:
        guest.check("ip route add default via 192.168.150.1; ip address add fd00:150::10/64 dev eth0")
        guest.check("ip -6 route add default via fd00:150::1")
        for each in (guest.address(), "fd00:150::10"):
            reaches(clean, each)
        guest.listen(80, text="web")
        guest.listen(82, text="last")
        guest.listen(6001, "udp", text="sip")
        clean.shell("cat >/run/sending.py", input=_SENDING)
        pid = clean.shell(f"{OUTSIDE} python3 /run/sending.py >/run/sending.log 2>&1 & echo $!").strip()
        made = converge(clean, _set(_WEB, six, udp, shifted), module="nat_portforward", changed=True)
        assert any("forget the connections of UDP to port 6000-6002" in each for each in made["actions"]), made[
            "actions"
        ]
        clean.until("grep -q sip /run/sending.log", 5)
        assert "sip" in clean.shell(ask)
        assert _asked(clean, 8080, where=OUTSIDE, address="fd00:30::2") == "web fd00:30::1"
        assert _asked(clean, 7000, where=OUTSIDE) == "web 192.168.30.1"
        assert _asked(clean, 7002, where=OUTSIDE) == "last 192.168.30.1"
        (found,) = clean.ok("nat_portforward_info", {})["portforwards"]
        assert all(
            each["packets"] > 1 and each["bytes"] > 60 for each in found["forwards"] if each != found["forwards"][0]
        )
        converge(clean, {"state": "absent"}, module="nat_portforward", changed=True)
        clean.shell("sleep 0.5; : >/run/sending.log; sleep 1; ! grep -q sip /run/sending.log")
        assert not clean.can(ask)
        clean.shell(f"kill {pid}; rm /run/sending.*")


def test_isolated_guests(clean: Host) -> None:
    """They reach no forward, also of a network that is created later."""
    clean.shell(_ROUTED)
    clean.net(**_NET)
    converge(clean, _set(_WEB), module="nat_portforward", changed=True)
    clean.net(**isolated("closed", 151))
    clean.until("nft list set inet virtnet_fwd_default isolated | grep virbr-closed", 5)
    assert not clean.ok("nat_portforward", _set(_WEB), check=True)["changed"]
    with (
        guest_on(clean, "lan", ip="192.168.150.10/24", kind="station") as guest,
        guest_on(clean, "closed", name="g2", ip="192.168.151.10/24", kind="station") as other,
    ):
        guest.check("ip route add default via 192.168.150.1")
        other.check("ip route add default via 192.168.151.1")
        for each in (guest, other):
            reaches(clean, each.address())
        guest.listen(80, text="web")
        assert _asked(clean, 8080, where=OUTSIDE) == "web 192.168.30.1"
        assert "web" not in other.run(_ASK.format(_HOST, 8080))[1]
    clean.ok("nat_portforward", {"state": "absent"})


def test_a_guest_by_its_name(clean: Host) -> None:
    """Its reservation counts, else its lease, of which there is a warning; without one, and switched off, it has no address."""
    mac = "52:54:00:00:00:77"
    clean.net(**{**_NET, "ips": ips(hosts=[{"mac": mac, "ip": "192.168.150.77"}])})
    xml = (
        "<domain type='qemu'><name>web1</name><memory>8192</memory><os><type>hvm</type></os><devices><interface type='network'>"
        f"<mac address='{mac}'/><source network='lan'/></interface></devices></domain>"
    )
    clean.shell("cat >/run/web1.xml; virsh define /run/web1.xml; rm /run/web1.xml", input=xml)
    made = converge(clean, _set({**_WEB, "to": {"guest": "web1", "port": 80}}), module="nat_portforward", changed=True)
    assert made["targets"] == [{"forward": "port 8080/tcp", "address": "192.168.150.77", "known_by": "reservation"}]
    assert not made.get("warnings")
    (found,) = clean.ok("nat_portforward_info", {})["portforwards"]
    assert found["forwards"][0]["target"] == {
        "address": "192.168.150.77",
        "known_by": "reservation",
        "running": False,
        "mac": mac,
        "neighbour": {"state": "none"},
    }
    clean.net(**{**_NET, "ips": ips()})
    refused(
        clean,
        _set({**_WEB, "to": {"guest": "web1"}}),
        "has no IPv4 address",
        module="nat_portforward",
        option="forwards[0].to.guest",
    )
    with guest_on(clean, "lan", mac=mac, kind="station") as guest:
        made = converge(clean, _set({**_WEB, "to": {"guest": "web1"}}), module="nat_portforward", changed=True)
        (target,) = made["targets"]
        assert target["known_by"] == "lease" and target["address"] == guest.address()
        (warning,) = (str(text) for text in made["warnings"])
        assert f"the address {guest.address()} of guest web1 is only known by a lease" in warning
    clean.ok("nat_portforward", {"state": "absent"})


@pytest.mark.parametrize(
    ("forward", "said", "option"),
    [
        ({**_WEB, "listen": {"port": "0"}}, "is not a port", "forwards[0].listen.port"),
        ({**_WEB, "listen": {"port": "53", "protocol": "udp"}}, "DNS and DHCP", "forwards[0].listen.port"),
        ({**_WEB, "listen": {"address": "127.0.0.1", "port": "80"}}, "loopback", "forwards[0].listen.address"),
        ({**_WEB, "listen": {"address": "fd00::1", "port": "80"}}, "one family", "forwards[0].listen.address"),
        (
            {**_WEB, "listen": {"address": "192.0.2.7", "port": "80"}},
            "is no address of this host",
            "forwards[0].listen.address",
        ),
        ({**_WEB, "listen": {"port": "20-30"}}, "cut off the connection of Ansible", "forwards[0].listen.port"),
        ({**_WEB, "to": {"port": 80}}, "neither guest nor address", "forwards[0].to"),
        ({**_WEB, "to": {"guest": "nobody"}}, "is no guest", "forwards[0].to.guest"),
        (
            {**_WEB, "listen": {"port": "1000-3000"}, "to": {"address": "192.168.150.10", "port": 1}},
            "use at most 1024",
            "forwards[0].listen.port",
        ),
    ],
)
def test_refused(clean: Host, forward: dict[str, Any], said: str, option: str) -> None:
    refused(clean, _set(forward), said, module="nat_portforward", option=option)


def test_a_port_in_use(clean: Host) -> None:
    """At the address of another program's listener, or at all; at another address it isn't in use."""
    clean.shell(_ROUTED)
    pid = clean.shell(f"python3 -m http.server -b {_HOST} 9000 >/dev/null 2>&1 & echo $!").strip()
    clean.until("ss -Hltn sport = 9000 | grep LISTEN")
    for listen in ({"port": "9000"}, {"port": "9000", "address": _HOST}):
        said = "in use on this host, by the program python3 at port 9000"
        refused(
            clean, _set({**_WEB, "listen": listen}), said, module="nat_portforward", option="forwards[0].listen.port"
        )
    clean.ok(
        "nat_portforward",
        _set({**_WEB, "listen": {"port": "9000", "address": "fd00:30::2"}, "to": {"address": "fd00::1"}}),
    )
    clean.ok("nat_portforward", {"state": "absent"})
    clean.shell(f"kill {pid}")


def test_a_firewall_of_the_user(clean: Host) -> None:
    """What it drops it drops, and a warning has the rule that it needs."""
    clean.shell(_ROUTED)
    clean.net(**_NET)
    mine = "table inet mine {\nchain passing { type filter hook forward priority 0; policy drop; }\n}\n"
    clean.shell("nft -f -", input=mine)
    with guest_on(clean, "lan", ip="192.168.150.10/24", kind="station") as guest:
        guest.check("ip route add default via 192.168.150.1")
        reaches(clean, guest.address())
        guest.listen(80, text="web")
        made = clean.ok("nat_portforward", _set(_WEB))
        (warning,) = (str(text) for text in made["warnings"])
        assert "the chain inet mine passing drops" in warning and "web" not in _asked(clean, 8080, where=OUTSIDE)
        (rule,) = re.findall("meta mark & [^ ]+ == [^ ]+ accept", warning)
        clean.shell(f"nft add rule inet mine passing '{rule}'")
        assert _asked(clean, 8080, where=OUTSIDE) == "web 192.168.30.1"
        assert not clean.ok("nat_portforward", _set(_WEB)).get("warnings")
    clean.ok("nat_portforward", {"state": "absent"})
    clean.shell("nft delete table inet mine")


def test_two_of_one_port(clean: Host) -> None:
    both = {**_WEB, "listen": {"port": "8000-9000"}, "to": {"address": "192.168.150.10"}}
    refused(clean, _set(_WEB, both), "forwards[0] too", module="nat_portforward", option="forwards[1].listen.port")
    clean.ok("nat_portforward", _set(_WEB, name="web"))
    refused(clean, _set(both), "the set web too", module="nat_portforward", option="forwards[0].listen.port")
    clean.ok("nat_portforward", {"name": "web", "state": "absent"})


# What others do to the rules of a host.
EVENTS = {
    "network restarted": "virsh net-destroy lan; virsh net-start lan",
    "libvirt restarted": "systemctl restart libvirtd",
    "rules created again": "pkill -HUP -x libvirtd",
    "ruleset flushed": "nft flush ruleset",
    "FORWARD flushed": "iptables -F FORWARD",
    "our table deleted": "nft delete table inet virtnet_fwd_default",
    "nftables loaded": "systemctl restart nftables",
}


def test_what_others_do(clean: Host) -> None:
    """The forward works again within 10 seconds, without a run; and a run then changes nothing."""
    clean.shell(_ROUTED)
    clean.net(**_NET)
    with guest_on(clean, "lan", ip="192.168.150.10/24", kind="station") as guest:
        guest.check("ip route add default via 192.168.150.1")
        reaches(clean, guest.address())
        guest.listen(80, text="web")
        clean.ok("nat_portforward", _set(_WEB))
        for name, command in EVENTS.items():
            clean.shell(command)
            clean.shell(f"ip link set {guest.ifname()} master virbr-lan")  # a restarted network has lost it
            clean.until(f"{OUTSIDE} {_ASK.format(_HOST, 8080)} | grep web || {{ echo after: {name}; false; }}", 12)
            until = time.monotonic() + 10
            while (again := clean.ok("nat_portforward", _set(_WEB), check=True))["changed"]:
                assert time.monotonic() < until, f"{name}: {again['actions']}"
    clean.shell("systemctl stop nftables", check=False)
    clean.ok("nat_portforward", {"state": "absent"})
