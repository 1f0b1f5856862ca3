# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Hosts whose packets another firewall decides about as well: firewalld, ufw and Docker."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from integration.support.checks import refused
from integration.support.containers import PUBLISHED, inside, publish
from integration.support.firewalls import DOCKER, FIREWALLS, LOADED, Firewall, running_firewall
from integration.support.forwards import (
    ASK,
    HOST,
    INNER,
    NET,
    OUTSIDE,
    PLAIN,
    ROUTED,
    RULES,
    WEB,
    asked,
    server_outside,
)
from integration.support.guests import guest_on, reaches
from integration.support.host import Host
from integration.support.networks import isolated
from integration.support.plays import play
from lab.guest import Guest

MODULES = ("nat_portforward", "nat_outbound", "net_policy", "virt_net")
_SECONDS = 10  # within which all works again after an event
_CONF = "/etc/firewalld/firewalld.conf"
_SET = {"forwards": [WEB]}
_OUTBOUND: dict[str, Any] = {"rules": [{"source": {"bridge": "br9"}}]}
_POLICY: dict[str, Any] = {
    "rules": [
        {"source": {"name": "lan"}, "to": {"name": "cluster"}, "action": "allow"},
        {"source": {"name": "lan"}, "to": {"zone": "outside"}, "action": "allow"},
        {"source": {"name": "cluster"}, "to": {"zone": "outside"}, "action": "reject"},
    ]
}
_SETS = {"nat_portforward": _SET, "nat_outbound": _OUTBOUND, "net_policy": _POLICY}


@dataclass(frozen=True)
class _Guests:
    """Guests of two NAT networks, lan and cluster."""

    web: Guest
    neighbour: Guest
    cluster: Guest


@contextlib.contextmanager
def _guests(host: Host) -> Iterator[_Guests]:
    with (
        server_outside(host),
        guest_on(host, "lan", ip="192.168.150.10/24", kind="station") as web,
        guest_on(host, "lan", name="g2", ip="192.168.150.11/24", kind="station") as neighbour,
        guest_on(host, "cluster", name="g3", ip="192.168.151.10/24", kind="station") as cluster,
    ):
        for subnet, guest in ((150, web), (150, neighbour), (151, cluster)):
            guest.check(f"ip route add default via 192.168.{subnet}.1")
            reaches(host, guest.address())
        web.listen(80, text="web")
        cluster.listen(80, text="db")
        yield _Guests(web, neighbour, cluster)


@pytest.fixture
def forwarding(clean: Host) -> Iterator[Host]:
    """A host with NAT networks and a plain bridge, which forwards."""
    clean.shell(ROUTED)
    clean.shell(f"{PLAIN}sysctl -qw net.ipv6.conf.all.forwarding=1")
    clean.net(**NET)
    clean.net(**{**isolated("cluster", 151), "forward": {"mode": "nat"}})
    clean.net(**{**isolated("other", 152), "forward": {"mode": "nat"}})
    yield clean
    clean.shell("ip netns delete inner; ip link delete br9; sysctl -qw net.ipv6.conf.all.forwarding=0", check=False)


def _said(host: Host, guests: _Guests) -> dict[str, str]:
    """What a connection of each kind is answered."""
    return {
        "from outside": asked(host, 8080, where=OUTSIDE),
        "from the host": asked(host, 8080),
        "from a neighbour": guests.neighbour.run(ASK.format(HOST, 8080))[1].strip(),
        "out of a plain bridge": asked(host, 7000, where=INNER, address="192.168.30.1").partition(" ")[0],
        "out of a NAT network": guests.web.run(ASK.format("192.168.30.1", 7000))[1].partition(" ")[0],
        "between NAT networks": guests.web.run(ASK.format("192.168.151.10", 80))[1].strip(),
    }


_WORKS = {
    "from outside": "web 192.168.30.1",
    "from the host": f"web {HOST}",
    "from a neighbour": "web 192.168.150.1",
    "out of a plain bridge": HOST,
    "out of a NAT network": HOST,
    "between NAT networks": "db 192.168.150.10",
}


def _until(found: Callable[[], object], wanted: object, after: str) -> None:
    until = time.monotonic() + _SECONDS
    while (last := found()) != wanted:
        assert time.monotonic() < until, f"{_SECONDS} s after {after}: {last}"
        time.sleep(0.2)


def _rules_of_others(host: Host) -> list[str]:
    return sorted(host.shell(RULES).splitlines())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "ufw" else pytest.mark.each) for name in FIREWALLS]
)
def test_all_works_beside(forwarding: Host, name: str) -> None:
    """All works beside the firewall and after each event, and without our sets, its rules are as they were."""
    host, firewall = forwarding, FIREWALLS[name]
    with _guests(host) as guests, running_firewall(host, firewall):
        made = host.ok("nat_outbound", _OUTBOUND)
        if name == "firewalld":
            assert asked(host, 7000, where=INNER, address="192.168.30.1") == ""
            (warning,) = (str(each) for each in made["warnings"])
            (command,) = re.findall("firewall-cmd .*--reload", warning)
            host.shell(command)
        assert not host.ok("nat_outbound", _OUTBOUND).get("warnings")
        host.ok("nat_outbound", {"state": "absent"})
        _works_beside(host, firewall, guests, lambda: _said(host, guests), _WORKS)


def _works_beside(host: Host, firewall: Firewall, guests: _Guests, said: Callable[[], object], works: object) -> None:
    """With all sets, connections are answered as they should be, after each event, too; and then the sets are removed."""
    before = _rules_of_others(host)
    for module, given in _SETS.items():
        assert not host.ok(module, given).get("warnings")
        assert not host.ok(module, given, check=True)["changed"]
    _until(said, works, "the start")
    assert "web" not in guests.cluster.run(ASK.format("192.168.150.10", 80))[1]
    assert guests.cluster.run(ASK.format("192.168.30.1", 7000))[1].partition(" ")[0] != HOST
    for event in firewall.events:
        host.shell(event)
        _until(said, works, event)
    for module, given in _SETS.items():
        # Others may let the packets in before our service has its rule in place again.
        _until(lambda: host.ok(module, given, check=True)["changed"], False, "all events")  # noqa: B023
        host.ok(module, {"state": "absent"})
    assert _rules_of_others(host) == before


@pytest.mark.each
@pytest.mark.kernel  # a container can't start containers
def test_all_works_beside_containers_of_docker(forwarding: Host) -> None:
    """A container's published port goes on working, too, and no forward takes it away; a policy decides about containers and guests."""
    host = forwarding

    def said() -> dict[str, str]:
        return {
            **_said(host, guests),
            "published, from outside": asked(host, PUBLISHED, where=OUTSIDE),
            "published, from the host": asked(host, PUBLISHED),
            "published, from a guest": guests.web.run(ASK.format(HOST, PUBLISHED))[1].strip(),
            "a forward, from a container": inside(host, ASK.format(HOST, 8080)).partition(" ")[0],
            "out of a container": inside(host, ASK.format("192.168.30.1", 7000)).partition(" ")[0],
        }

    works = {
        **_WORKS,
        **{f"published, from {where}": "docker" for where in ("outside", "the host", "a guest")},
        "a forward, from a container": "web",
        "out of a container": HOST,
    }
    taken = {"forwards": [{**WEB, "listen": {"port": str(PUBLISHED)}}]}
    with _guests(host) as guests, running_firewall(host, DOCKER):
        publish(host)
        _works_beside(host, DOCKER, guests, said, works)
        program = f"in use on this host, by the program docker-proxy at port {PUBLISHED}"
        refused(host, taken, program, module="nat_portforward", option="forwards[0].listen.port")
        # Without a rule, it depends on libvirt's backend, and on whether libvirt or Docker was started last.
        for action, answer in (("deny", ""), ("allow", "web")):
            rule = {"source": {"bridge": "docker0"}, "to": {"name": "lan"}, "action": action}
            host.ok("net_policy", {"rules": [rule]})
            assert inside(host, ASK.format("192.168.150.10", 80)).partition(" ")[0] == answer
        host.ok("net_policy", {"state": "absent"})


def test_what_the_info_modules_say(forwarding: Host) -> None:
    """Which programs have rules, and the zones of firewalld."""
    host = forwarding

    def others() -> Any:
        return host.ok("nat_portforward_info", {})["others"]

    assert others()["programs"] == ["libvirt"] and others()["firewalld"] is None
    with running_firewall(host, FIREWALLS["ufw"]):
        found = others()
        assert found["programs"] == ["libvirt", "ufw"]
        assert {"drop"} == {
            each["policy"] for each in found["chains"] if (each["table"], each["hook"]) == ("filter", "forward")
        }
    with running_firewall(host, FIREWALLS["firewalld"]):
        # libvirt gives its bridges their zone, and itself its rules, a moment after firewalld has started
        bridges = {"virbr-lan", "virbr-cluster", "virbr-other"}
        _until(lambda: set(others()["firewalld"]["zones"].get("libvirt", ())), bridges, "the start")
        found = others()
        assert found["programs"] == ["firewalld", "libvirt"]
        assert found["firewalld"]["default_zone"] == "public"
        (chain,) = (each for each in found["chains"] if (each["table"], each["hook"]) == ("firewalld", "forward"))
        assert (chain["name"], chain["priority"], chain["policy"]) == ("filter_FORWARD", 10, "accept")
    assert "firewalld" not in others()["programs"]


@pytest.mark.debian("trixie")  # an older firewalld has no StrictForwardPorts
def test_strict_firewalld(forwarding: Host) -> None:
    """It refuses forwards that it doesn't have, so they are refused; with its own for the port, ours works."""
    host = forwarding
    host.shell(f"cp {_CONF} /run/firewalld.conf; sed -i s/^StrictForwardPorts=.*/StrictForwardPorts=yes/ {_CONF}")
    try:
        with _guests(host), running_firewall(host, FIREWALLS["firewalld"]):
            option = "forwards[0].listen.port"
            said = refused(host, _SET, "StrictForwardPorts is yes", module="nat_portforward", option=option)
            assert host.ok("nat_portforward_info", {})["others"]["firewalld"]["strict_forward_ports"]
            (command,) = re.findall("firewall-cmd .*--reload", said)
            host.shell(command)
            host.ok("nat_portforward", _SET)
            _until(lambda: asked(host, 8080, where=OUTSIDE), "web 192.168.30.1", command)
            host.shell(
                "firewall-cmd --permanent --remove-forward-port=port=8080:proto=tcp:toport=80:toaddr=192.168.150.10"
            )
            host.shell("firewall-cmd --reload")
            (warning,) = host.ok("nat_portforward", _SET)["warnings"]
            assert "port 8080/tcp is refused by firewalld" in str(warning)
            assert "web" not in asked(host, 8080, where=OUTSIDE)
            host.ok("nat_portforward", {"state": "absent"})
    finally:
        host.shell(f"cp /run/firewalld.conf {_CONF}; rm /run/firewalld.conf")


def test_an_open_network_beside_firewalld(clean: Host) -> None:
    """It works at once with DHCP and DNS, and from outside, also after a reload; an old libvirt needs a command."""
    clean.shell(ROUTED)
    clean.shell("ip -n outer route add 10.9.1.0/24 via 192.168.30.2")
    open0 = {"type": "open", "name": "open0", "cidr": "10.9.1.0/24"}
    given = {"virtnet_topologies": [open0]}
    enabled = Firewall(
        f"systemctl enable -q --now firewalld; {LOADED}",
        f"systemctl disable -q firewalld; {FIREWALLS['firewalld'].stop}",
    )
    with server_outside(clean), running_firewall(clean, enabled):
        made = play(clean, "virtnet.kvm.site", given)
        if clean.libvirt < (10, 4):
            said = " ".join(f"{made.done.stdout} {made.done.stderr}".split())
            (command,) = set(re.findall("firewall-cmd --permanent .*?--reload", said))
            clean.shell(command)
        again = play(clean, "virtnet.kvm.site", given)
        assert again.changed == 0 and "firewalld" not in again.done.stdout + again.done.stderr
        with guest_on(clean, "open0", kind="station") as guest:
            address = guest.lease()
            guest.until(f"nslookup g1 | grep -F {address}", 5)
            guest.listen(80, text="web")

            def seen() -> tuple[str, str]:
                inbound = asked(clean, 80, where=OUTSIDE, address=address)
                return inbound, guest.run(ASK.format("192.168.30.1", 7000))[1].partition(" ")[0]

            for event in ("true", "firewall-cmd -q --reload", "systemctl restart firewalld"):
                clean.shell(event)
                _until(seen, ("web 192.168.30.1", address), event)
            guest.renew()
            assert guest.lease() == address


@pytest.mark.each
def test_a_port_that_a_rule_of_others_forwards(forwarding: Host) -> None:
    """It is refused, naming where the rule is, unless it leads to the same; and so for each way to write such a rule."""
    host, option = forwarding, "forwards[0].listen.port"
    by_nft = "table ip hand { chain in { type nat hook prerouting priority -100; meta l4proto tcp th dport 8000-8090 redirect to :22; }; }"
    rules = {
        "sends port 8080 to 10.9.0.10:80 already (chain ip nat PREROUTING)": (
            "iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 8080 -m comment --comment 'a web server'"
            " -j DNAT --to-destination 10.9.0.10:80 --persistent",
            "iptables -t nat -F PREROUTING",
        ),
        "sends port 8080 to 10.9.0.10 already (chain ip nat HAND)": (
            f"iptables -t nat -N HAND; iptables -t nat -A PREROUTING -j HAND; iptables -t nat -A HAND -d {HOST} -p tcp -m multiport"
            " --dports 25,8080:8081 -j DNAT --to 10.9.0.10",
            "iptables -t nat -D PREROUTING -j HAND; iptables -t nat -F HAND; iptables -t nat -X HAND",
        ),
        "sends port 8080 to :22 already (chain ip hand in)": (f"nft '{by_nft}'", "nft delete table ip hand"),
    }
    for said, (add, remove) in rules.items():
        host.shell(add)
        refused(host, _SET, said, module="nat_portforward", option=option)
        host.shell(remove)
    same = f"PREROUTING -d {HOST} -p tcp --dport 8080 -j DNAT --to 192.168.150.10:80"
    host.shell(f"iptables -t nat -A {same}")
    host.ok("nat_portforward", _SET)
    host.shell(
        f"iptables -t nat -D {same}; iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to 10.9.0.10:80"
    )
    assert not host.ok("nat_portforward", _SET)["changed"]
    host.ok("nat_portforward", {"state": "absent"})
    host.shell("iptables -t nat -D PREROUTING -p tcp --dport 8080 -j DNAT --to 10.9.0.10:80")


def test_rules_of_iptables_legacy(clean: Host) -> None:
    """They decide about the same packets and are shown by nothing else, so a run warns of them."""
    clean.shell("iptables-legacy -A FORWARD -s 198.51.100.99 -j DROP")
    (warning,) = clean.ok("net_policy", {"rules": [{"source": {"name": "default"}, "action": "deny"}]})["warnings"]
    assert "iptables-legacy has rules in the tables filter" in str(warning)
    assert clean.ok("net_policy_info", {})["others"]["iptables_legacy"] == ["filter"]
    clean.shell("iptables-legacy -F FORWARD")
    assert not clean.ok("net_policy", {"rules": [{"source": {"name": "default"}, "action": "deny"}]}).get("warnings")
    clean.ok("net_policy", {"state": "absent"})
