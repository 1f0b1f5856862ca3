# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a user's files say of a NIC is the bridge's once it has taken the NIC over: now, after a start of the tool, and until
the NIC is given back. NetworkManager and ifupdown are only on hosts with a kernel of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.dhcp_clients import CLIENT
from integration.support.host import Host
from integration.support.interfaces import with_routes_of_their_own
from integration.support.wires import session

HOME = "/etc/NetworkManager/system-connections"
PROFILE = f"{HOME}/lan.nmconnection"
MAIN = "/etc/network/interfaces"

# A router at the other end of the cable of `ens7`, with a DHCP server. It forwards: a neighbour that says it is no router
# loses the routes that it has advertised (rt6_clean_tohost).
ROUTER = """set -e
ip netns add outer
ip link add ens7 address 02:00:00:00:07:07 type veth peer name q7 netns outer
ip -n outer address add 192.168.30.1/24 dev q7
ip -n outer address add fd00:30::1/64 dev q7 nodad
ip netns exec outer sysctl -qw net.ipv6.conf.all.forwarding=1
ip -n outer link set lo up
ip -n outer link set q7 up
ip netns exec outer dnsmasq --conf-file=/dev/null --port=0 --interface=q7 --bind-interfaces --enable-ra --dhcp-authoritative \
  --dhcp-range=192.168.30.100,192.168.30.150,255.255.255.0,600 --dhcp-range=fd00:30::1000,fd00:30::1fff,64,600 \
  --dhcp-option=option:router,192.168.30.1 --dhcp-option=option:dns-server,192.168.30.53 \
  --dhcp-option=option:domain-search,lan.example --dhcp-leasefile=/run/outer.leases --log-dhcp \
  --log-facility=/run/outer.log --pid-file=/run/outer.pid
"""
CLEAN = """
for pid in $(ps -e -o pid=,args= | awk '/ens7|br7/ && /dhclient|dhcpcd|udhcpc/ && !/awk/ { print $1 }'); do kill -9 $pid; done
test ! -e /run/outer.pid || kill $(cat /run/outer.pid)
while ip rule del table 7 2>/dev/null; do :; done
rm -f /run/outer.* /etc/NetworkManager/conf.d/test.conf /run/network/ifstate* /var/lib/dhcp/*ens7* /var/lib/dhcp/*br7*
cp /run/resolv.conf.before /etc/resolv.conf
"""

STATIC_PROFILE = """[connection]
id=lan
uuid=7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11
type=ethernet
interface-name=ens7
zone=internal

[ethernet]
mtu=1450

[ipv4]
method=manual
address1=192.168.30.2/24,192.168.30.1
dns=192.168.30.53;
dns-search=static.example;
route1=10.31.0.0/16,192.168.30.1
routing-rule1=priority 100 from 192.168.30.2/32 table 7

[ipv6]
method=manual
addr-gen-mode=eui64
address1=fd00:30::2/64
"""
DHCP_PROFILE = """[connection]
id=lan
uuid=7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11
type=ethernet
interface-name=ens7

[ipv4]
method=auto
dhcp-hostname=web

[ipv6]
method=auto
addr-gen-mode=eui64
"""
STATIC_STANZAS = """source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

iface common inet static
    mtu 1450

allow-hotplug ens7
iface ens7 inet static inherits common
    address 192.168.30.2/24
    gateway 192.168.30.1
    metric 50
    dns-nameservers 192.168.30.53
    dns-search static.example
    up ip route add 10.31.0.0/16 via 192.168.30.1 dev ens7
    up ip rule add priority 100 from 192.168.30.2 table 7
    up echo 2 >/proc/sys/net/ipv4/conf/$IFACE/rp_filter
    down ip rule del priority 100
iface ens7 inet6 static
    address fd00:30::2/64
    accept_ra 0
"""
DHCP_STANZAS = """source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

allow-hotplug ens7
iface ens7 inet dhcp
    metric 50
    up ip route add 10.31.0.0/16 via 192.168.30.1 dev ens7 onlink
"""


@pytest.fixture
def router(clean: Host) -> Iterator[Host]:
    clean.shell("cp /etc/resolv.conf /run/resolv.conf.before")
    clean.shell(ROUTER)
    yield clean
    clean.shell("systemctl disable --quiet networking; systemctl stop NetworkManager networking; " + CLEAN, check=False)


def _networkmanager(host: Host, profile: str) -> None:
    host.shell(
        "printf '[main]\\nno-auto-default=*\\n[keyfile]\\nunmanaged-devices=interface-name:eth*\\n[device]\\n"
        "match-device=interface-name:ens7\\nmanaged=1\\n' >/etc/NetworkManager/conf.d/test.conf;"
        f" cat >{PROFILE}; chmod 600 {PROFILE}; systemctl start NetworkManager",
        input=profile,
    )
    _connected(host, "ens7", "lan")


def _connected(host: Host, name: str, profile: str) -> None:
    host.until(
        f"nmcli -g DEVICE,STATE,CONNECTION device | grep -Fx '{name}:connected:{profile}' || {{ nmcli device; false; }}",
        60,
    )


def _ifupdown(host: Host, stanzas: str) -> None:
    host.shell(f"{CLIENT} cat >{MAIN}; ip link set ens7 up; ifup ens7", input=stanzas)
    host.until("ip -4 address show dev ens7 | grep 192.168.30.")  # dhcpcd goes on in the background


def _seen(host: Host, name: str) -> dict[str, Any]:
    """What an interface has, and the host besides."""
    found = host.interfaces()["interfaces"][name]
    return {
        "addresses": sorted(text for text in with_routes_of_their_own(found["addresses"])),
        "routes": found["routes"],
        "mac": found["mac"],
        "mtu": found["mtu"],
        "rules": host.shell("ip rule show | grep -v -E '^(0|32766|32767):' || true"),
        "resolver": sorted(set(host.shell("grep -v -e '^#' -e '^$' /etc/resolv.conf || true").splitlines())),
        "metrics": sorted(
            set(host.shell(f"ip route show default dev {name} | grep -o 'metric [0-9]*' || true").split())
        ),
    }


def _has(host: Host, name: str, wanted: dict[str, Any]) -> None:
    """An interface has it within a moment."""
    until = time.monotonic() + 20
    while _seen(host, name) != wanted and time.monotonic() < until:
        time.sleep(0.5)
    assert _seen(host, name) == wanted


def _at_rest(host: Host, name: str) -> None:
    """Wait until what an interface has stays so: a client may replace routes of the kernel some moments later."""
    until, before = time.monotonic() + 30, _seen(host, name)
    while time.monotonic() < until:
        time.sleep(2)
        found = _seen(host, name)
        if found == before:
            return
        before = found
    raise AssertionError(f"{name} has something else every two seconds: {before}")


def _forth_and_back(host: Host, tool: str, profile: str = "") -> None:
    """The bridge has all that the NIC had, after the run and after another start of the tool; then the NIC has it again."""
    given = {"name": "br7", "adopt": "ens7", "persist": tool}
    files = host.interfaces()["files"]
    before = _seen(host, "ens7")
    (address,) = [text for text in before["addresses"] if text.startswith("192.168.30.")]
    with session(host, address.split("/")[0]) as seen:
        made = converge(host, given, module="linux_bridge", changed=True)
    assert not made.get("warnings"), made["warnings"]
    assert seen["broken"] is None and seen["echoed"] > 10, seen
    assert _seen(host, "br7") == before
    port = host.interfaces()["interfaces"]["ens7"]
    assert port["addresses"] == port["routes"] == [] and port["master"] == "br7" and port["mtu"] == before["mtu"]
    converge(host, {"name": "br7", "persist": tool}, module="linux_bridge", changed=False)

    if tool == "networkmanager":
        host.shell("systemctl restart NetworkManager")
        _connected(host, "br7", "virtnet-kvm-br7")
        _connected(host, "ens7", "virtnet-kvm-ens7")
    else:
        host.shell("ifdown br7; ifdown ens7; ifup br7; ifup ens7")
    _has(host, "br7", before)
    converge(host, given, module="linux_bridge", changed=False)

    assert host.ok("linux_bridge", {**given, "state": "absent"})["changed"]
    if profile:
        _connected(host, "ens7", profile)
    _has(host, "ens7", before)  # it may take a moment: a NIC with its own file isn't waited for
    assert not host.ok("linux_bridge", {**given, "state": "absent"})["changed"]
    assert host.interfaces()["files"] == files


@pytest.mark.kernel
def test_static_profile(router: Host) -> None:
    _networkmanager(router, STATIC_PROFILE)
    before = _seen(router, "ens7")
    assert before["mtu"] == 1450 and "192.168.30.2" in before["rules"] and "search static.example" in before["resolver"]
    _forth_and_back(router, "networkmanager", "lan")


@pytest.mark.kernel
def test_profile_with_dhcp(router: Host) -> None:
    _networkmanager(router, DHCP_PROFILE)
    router.until("ip -6 address show dev ens7 | grep 'fd00:30::1.*/128'")
    _forth_and_back(router, "networkmanager", "lan")
    assert _asked_for(router) == 1, "another lease than the first"


@pytest.mark.kernel
def test_static_stanzas(router: Host) -> None:
    _ifupdown(router, STATIC_STANZAS)
    before = _seen(router, "ens7")
    assert before["mtu"] == 1450 and "192.168.30.2" in before["rules"] and "metric" in before["metrics"]
    _forth_and_back(router, "ifupdown")


@pytest.mark.kernel
def test_settings_of_stanzas_hold_at_once(router: Host) -> None:
    _ifupdown(router, STATIC_STANZAS)
    router.ok("linux_bridge", {"name": "br7", "adopt": "ens7", "persist": "ifupdown"})
    settings = router.shell("cd /proc/sys/net; cat ipv6/conf/br7/accept_ra ipv4/conf/br7/rp_filter")
    assert settings.split() == ["0", "2"]


@pytest.mark.kernel
def test_stanza_with_dhcp(router: Host) -> None:
    _ifupdown(router, DHCP_STANZAS)
    router.until("ip -6 route show default | grep ens7")  # ifupdown doesn't wait for the router's advertisement
    _at_rest(router, "ens7")
    _forth_and_back(router, "ifupdown")
    assert _asked_for(router) == 1, "another lease than the first"
    clients = router.shell("ps -e -o args= | grep -E '^(dhclient|dhcpcd|udhcpc)' | grep -c ens7 || true")
    assert int(clients) >= 1 and not router.can("ps -e -o args= | grep -E '^(dhclient|dhcpcd|udhcpc)' | grep br7")


def _asked_for(host: Host) -> int:
    """How many addresses the server has given."""
    return len(set(host.shell("grep -o 'DHCPACK(q7) [0-9.]*' /run/outer.log").splitlines()))


@pytest.mark.kernel
def test_client_is_there_again_when_a_run_fails(router: Host) -> None:
    _ifupdown(router, DHCP_STANZAS)
    before, files = _seen(router, "ens7"), router.interfaces()["files"]
    given = {"name": "br7", "adopt": "ens7", "persist": "ifupdown"}
    for step in ("write", "set_master", "reload"):
        fault = {"name": step, "at": 1, "when": "before", "error": "no room"}
        result = router.module("linux_bridge", given, fault=fault)
        assert result["failed"] and "the host is as it was" in result["msg"], result["msg"]
        assert _seen(router, "ens7") == before and router.interfaces()["files"] == files
        assert router.can("ps -e -o args= | grep -E '^(dhclient|dhcpcd|udhcpc)' | grep ens7"), f"none after {step}"


@pytest.mark.kernel
def test_given_options_win(router: Host) -> None:
    _networkmanager(router, STATIC_PROFILE)
    given = {"name": "br7", "adopt": "ens7", "persist": "networkmanager", "addresses": ["192.168.30.9/24"], "mtu": 1400}
    converge(router, given, module="linux_bridge", changed=True)
    router.shell("systemctl restart NetworkManager")
    _connected(router, "br7", "virtnet-kvm-br7")
    found = _seen(router, "br7")
    assert [text.split()[0] for text in found["addresses"]] == ["192.168.30.9/24"] and found["mtu"] == 1400
    assert "nameserver 192.168.30.53" in found["resolver"]


@pytest.mark.kernel
def test_mapping_is_refused(router: Host) -> None:
    router.shell(f"cat >>{MAIN}", input="mapping ens7\n    script /bin/true\niface home inet dhcp\n")
    given = {"name": "br7", "adopt": "ens7", "persist": "ifupdown"}
    refused(router, given, "mapped", f"{MAIN}, line", module="linux_bridge", option="adopt")


@pytest.mark.kernel
def test_the_tool_that_has_the_file_is_chosen(router: Host) -> None:
    """NetworkManager runs too, and leaves alone what ifupdown has a stanza for."""
    _ifupdown(router, STATIC_STANZAS)
    lab = "[main]\nplugins=ifupdown,keyfile\nno-auto-default=*\n[keyfile]\nunmanaged-devices=interface-name:eth*\n"
    router.shell("cat >/etc/NetworkManager/conf.d/test.conf; systemctl start NetworkManager", input=lab)
    router.shell("systemctl enable --quiet networking")
    made = converge(router, {"name": "br7", "adopt": "ens7"}, module="linux_bridge", changed=True)
    assert made["persist"] == "ifupdown" and not made.get("warnings")
    assert router.ok("linux_bridge", {"name": "br7"})["persist"] == "ifupdown"
    router.shell(f"cat >{PROFILE}; chmod 600 {PROFILE}", input=STATIC_PROFILE)
    other = {"name": "br8", "adopt": "ens7"}
    router.ok("linux_bridge", {"name": "br7", "adopt": "ens7", "state": "absent"})
    refused(router, other, MAIN, PROFILE, "are both for ens7", module="linux_bridge", option="persist")
