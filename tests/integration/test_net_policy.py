# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Who may connect to whom: between NAT networks, from routed to isolated ones, to the host."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.guests import guest_on, reaches
from integration.support.host import Host
from integration.support.networks import isolated
from lab.guest import Guest

MODULES = ("net_policy", "net_policy_info")
_ASK = "timeout 3 bash -c 'exec 3<>/dev/tcp/{}/{}; cat <&3'"


def _network(name: str, subnet: int, mode: str | None) -> dict[str, Any]:
    return {**isolated(name, subnet), **({"forward": {"mode": mode}} if mode else {})}


def _rule(source: str | None, to: str | None, action: str, *services: tuple[str, str | None]) -> dict[str, Any]:
    found: dict[str, Any] = {"action": action}
    for option, name in (("source", source), ("to", to)):
        if name:
            found[option] = {"zone": name} if name in ("outside", "host") else {"name": name}
    if services:
        found["services"] = [{"protocol": protocol, "port": port} for protocol, port in services]
    return found


@pytest.mark.each
def test_between_networks(clean: Host) -> None:
    """A NAT network reaches another one at one port with its own addresses; a routed one is closed in one direction."""
    clean.net(**_network("lan", 150, "nat"))
    clean.net(**_network("cluster", 151, "nat"))
    clean.net(**_network("dmz", 152, "route"))
    rules = clean.shell("nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//'")
    with (
        guest_on(clean, "lan", ip="192.168.150.10/24", kind="station") as one,
        guest_on(clean, "cluster", name="g2", ip="192.168.151.10/24", kind="station") as two,
        guest_on(clean, "dmz", name="g3", ip="192.168.152.10/24", kind="station") as three,
    ):
        for subnet, guest in ((150, one), (151, two), (152, three)):
            guest.check(f"ip route add default via 192.168.{subnet}.1")
            reaches(clean, guest.address())
            guest.listen(80, text="web")
            guest.listen(81, text="other")

        def asked(guest: Guest, subnet: int, port: int = 80) -> str:
            return guest.run(_ASK.format(f"192.168.{subnet}.10", port))[1].strip()

        assert "web" not in asked(one, 151)
        assert asked(one, 152).startswith("web 192.168.152.1") or asked(one, 152).startswith("web 192.168.150.10")
        given = {"rules": [_rule("lan", "cluster", "allow", ("tcp", "80")), _rule("lan", "dmz", "deny")]}
        converge(clean, given, module="net_policy", changed=True)
        assert asked(one, 151) == "web 192.168.150.10"
        assert "other" not in asked(one, 151, 81) and "web" not in asked(two, 150)
        assert "web" not in asked(one, 152)
        assert asked(two, 152).startswith("web ")
        (found,) = clean.ok("net_policy_info", {})["policies"]
        assert found["loaded"] and [each["packets"] > 0 for each in found["rules"]] == [True, True]
        # the host, from one network, at one port
        given = {"rules": [*given["rules"], _rule("dmz", "host", "reject", ("tcp", "22"), ("icmp", None))]}
        converge(clean, given, module="net_policy", changed=True)
        assert three.run("ping -c 1 -W 1 192.168.152.1")[0] != 0
        assert one.run("ping -c 1 -W 1 192.168.150.1")[0] == 0
        converge(clean, {"state": "absent"}, module="net_policy", changed=True)
        assert asked(one, 152).startswith("web ") and "web" not in asked(one, 151)
    assert clean.shell("nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//'") == rules


@pytest.mark.each
def test_isolation_is_isolation(clean: Host) -> None:
    """libvirt lets packets of an isolated guest through to a routed network, one way."""
    clean.net(**_network("closed", 153, None))
    clean.net(**_network("dmz", 152, "route"))
    with (
        guest_on(clean, "closed", ip="192.168.153.10/24", kind="station") as one,
        guest_on(clean, "dmz", name="g2", ip="192.168.152.10/24", kind="station") as two,
    ):
        one.check("ip route add default via 192.168.153.1")
        two.check("ip route add default via 192.168.152.1")
        for each in (one, two):
            reaches(clean, each.address())

        def received() -> int:
            count = "awk '$1 == \"Udp:\" && $2 ~ /^[0-9]/ { print $3 + $2 }' /proc/net/snmp"
            before = int(two.check(count))
            one.run("bash -c 'for n in 1 2 3; do echo x >/dev/udp/192.168.152.10/9; done'")
            clean.shell("sleep 0.3")
            return int(two.check(count)) - before

        leaked = received()
        converge(clean, {"rules": [_rule("closed", None, "deny")]}, module="net_policy", changed=True)
        assert leaked > 0 and received() == 0, leaked
    clean.ok("net_policy", {"state": "absent"})


def test_a_network_that_is_created_later_is_not_outside(clean: Host) -> None:
    """Its bridge is known at once, also to a libvirt that doesn't know our hook yet, and after rules are gone."""
    clean.net(**_network("dmz", 152, "route"))
    given = {"rules": [_rule("outside", "dmz", "deny")]}
    converge(clean, given, module="net_policy", changed=True)

    def known(*bridges: str) -> None:
        elements = 'nft -j list set inet virtnet_pol_default networks | grep -o \'"virbr-[^"]*"\' | sort | xargs'
        clean.until(f"test \"$({elements})\" = '{' '.join(sorted(bridges))}'", 5)

    known("virbr-dmz")
    clean.shell("mv /etc/libvirt/hooks /run; systemctl restart libvirtd; mv /run/hooks /etc/libvirt")
    clean.net(**_network("later", 154, "open"))
    known("virbr-dmz", "virbr-later")
    assert not clean.ok("net_policy", given, check=True)["changed"]
    with (
        guest_on(clean, "dmz", ip="192.168.152.10/24", kind="station") as one,
        guest_on(clean, "later", name="g2", ip="192.168.154.10/24", kind="station") as two,
    ):
        for subnet, guest in ((152, one), (154, two)):
            guest.check(f"ip route add default via 192.168.{subnet}.1")
            reaches(clean, guest.address())
        assert two.ping("192.168.152.10")
        clean.shell("nft flush set inet virtnet_pol_default networks")
        assert two.run("ping -c 1 -W 1 192.168.152.10")[0] != 0
        clean.shell("nft delete table inet virtnet_pol_default")
        known("virbr-dmz", "virbr-later")
    clean.shell("virsh net-destroy later")
    known("virbr-dmz")
    # with the hook, before the first guest can be connected
    clean.shell("systemctl restart libvirtd")
    elements = "nft list set inet virtnet_pol_default networks"
    assert "virbr-later" in clean.shell(f"virsh -q net-start later; {elements}")
    assert "virbr-later" not in clean.shell(f"virsh -q net-destroy later; {elements}")
    assert not clean.ok("net_policy", given, check=True)["changed"]
    clean.ok("net_policy", {"state": "absent"})


def test_a_checkpoint_has_the_rules_too(clean: Host) -> None:
    """A set that was there is as it was, one that was not is gone, also where the host rolls back by itself."""
    look = (
        "nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//' | sort;"
        " find /etc/virtnet.kvm /usr/local/lib/virtnet.kvm /etc/systemd/system/*virtnet-kvm-firewall* 2>/dev/null | sort; true"
    )
    kept = {"name": "kept", "rules": [_rule("default", "outside", "deny", ("tcp", "25"))]}
    more = {"name": "more", "rules": [_rule("default", None, "deny")]}
    for given in ({}, kept):
        if given:
            clean.ok("net_policy", given)
        before = clean.shell(look)
        clean.ok("net_checkpoint", {"state": "created", "name": "rules", "timeout": 600})
        clean.ok("net_policy", more)
        clean.ok("net_policy", {"name": "kept", "rules": [_rule("default", "outside", "reject")]})
        assert clean.shell(look) != before
        clean.ok("net_checkpoint", {"state": "rolled_back", "name": "rules"})
        assert clean.shell(look) == before
    assert not clean.ok("net_policy", kept, check=True)["changed"]
    clean.ok("net_policy", {"name": "kept", "state": "absent"})


@pytest.mark.once
def test_a_host_without_libvirt(clean: Host) -> None:
    """Rules of the firewall are also for a router; what is libvirt's is refused."""
    clean.shell(
        "ip link add br7 up type bridge; ip link add br8 up type bridge; mv /usr/sbin/libvirtd /usr/sbin/libvirtd.aside"
    )
    try:
        rules = [{"source": {"bridge": "br7"}, "to": {"bridge": "br8"}, "action": "deny"}]
        forwards = [{"listen": {"port": 8080}, "to": {"address": "10.9.0.7", "port": 80}}]
        outbound = [{"source": {"cidr": "10.9.0.0/24"}}]
        converge(clean, {"name": "router", "rules": rules}, module="net_policy", changed=True)
        converge(clean, {"name": "router", "forwards": forwards}, module="nat_portforward", changed=True)
        converge(clean, {"name": "router", "rules": outbound}, module="nat_outbound", changed=True)
        assert clean.ok("net_reach", {"bridges": ["br7"]})["unmeasured"]
        refused(clean, {"name": "lan"}, "libvirt is not installed on this host")
        for kind in ("policies", "portforwards", "outbound"):
            clean.ok("fabric", {kind: [{"name": "router", "state": "absent"}]})
    finally:
        clean.shell("mv /usr/sbin/libvirtd.aside /usr/sbin/libvirtd; ip link delete br7; ip link delete br8")


@pytest.mark.parametrize(
    ("rule", "said", "option"),
    [
        (_rule("gone", None, "deny"), "is no network", "rules[0].source.name"),
        ({"source": {"network": "gone"}, "action": "deny"}, "is no network", "rules[0].source.network"),
        ({"source": {}, "action": "deny"}, "is empty", "rules[0].source"),
        ({"from": "default", "action": "deny"}, "'default' is no dictionary; its options are", "rules[0].from"),
        (_rule("default", "default", "deny"), "is the source", "rules[0].to"),
        (_rule("outside", "host", "deny"), "cut off the connection of Ansible", "rules[0].action"),
        (_rule(None, "host", "reject", ("tcp", "1-1000")), "cut off the connection of Ansible", "rules[0].action"),
        (_rule("default", None, "allow", ("icmp", "80")), "isn't possible with icmp", "rules[0].services[0].port"),
    ],
)
def test_refused(clean: Host, rule: dict[str, Any], said: str, option: str) -> None:
    refused(clean, {"rules": [rule]}, said, module="net_policy", option=option)
