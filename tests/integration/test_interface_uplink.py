# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""DHCP, name servers and gateways: the boot tool gets a lease, a run waits for it, and what can't work is refused or undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.dhcp_clients import CLIENT
from integration.support.host import Host

_HOME = "/etc/systemd/network"
_VLAN = "ip -n outer link add link eth0 name eth0.11 type vlan id 11"
# A machine outside at the other end of `ens7`, and a DHCP server there.
_OUTER = """set -e
ip netns add outer
ip netns exec outer sysctl -qw net.ipv6.conf.all.forwarding=1
ip link add ens7 address 02:00:00:00:07:07 type veth peer name eth0 netns outer
ip -n outer address add 192.168.30.1/24 dev eth0
ip -n outer address add fd00:30::1/64 dev eth0 nodad
ip -n outer link set eth0 up
ip link set ens7 up"""
_SERVER = """set -e
ip netns exec outer dnsmasq --conf-file=/dev/null --port=0 --bind-interfaces --interface={device} --no-ping \
 --dhcp-authoritative --pid-file=/run/outer.pid --dhcp-leasefile=/run/outer.leases {more} \
 --dhcp-range=192.168.30.50,192.168.30.90,2m --dhcp-range=fd00:30::50,fd00:30::90,64,2m"""
_NO_SERVER = "test ! -e /run/outer.pid || kill $(cat /run/outer.pid); rm -f /run/outer.pid /run/outer.leases"

# How each tool becomes the one that manages `ens7`, what the lab itself uses excluded; and what shows its name servers.
_UNMANAGED = "printf '[main]\\nno-auto-default=*\\n[keyfile]\\nunmanaged-devices=interface-name:eth*\\n'"
_NETWORKD = (
    f"printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >{_HOME}/00-lab.network;"
    f" printf '[Match]\\nName=ens7\\n[Network]\\nLinkLocalAddressing=no\\n' >{_HOME}/20-ens7.network"
)
_START_NETWORKD = "systemctl start systemd-networkd; networkctl reload"
_START_NM = f"{_UNMANAGED} >/etc/NetworkManager/conf.d/lab.conf; systemctl start NetworkManager"
_NETPLAN = (
    "mkdir -p /etc/netplan; printf '{}' >/etc/netplan/10-lab.yaml; chmod 600 /etc/netplan/10-lab.yaml; netplan generate"
)
_ENS7 = "network: {version: 2, ethernets: {ens7: {dhcp4: false, link-local: []}}}"
TOOLS = {
    "networkd": f"{_NETWORKD}; {_START_NETWORKD}",
    "networkmanager": _START_NM,
    "netplan": f"{_NETWORKD}; {_NETPLAN.format(_ENS7)}; {_START_NETWORKD}",
}
_STOP = (
    f"{_NO_SERVER}; systemctl stop systemd-networkd.socket systemd-networkd NetworkManager 2>/dev/null;"
    f" rm -f {_HOME}/00-lab.network {_HOME}/20-ens7.network /etc/netplan/10-lab.yaml /run/systemd/network/*netplan*"
    " /etc/NetworkManager/conf.d/lab.conf; true"
)
_BRIDGE: dict[str, Any] = {"name": "br7", "ports": [{"name": "ens7"}]}
_LEASE = r"inet 192\.168\.30\.[5-9][0-9]/24"


@pytest.fixture
def outer(clean: Host) -> Iterator[Host]:
    clean.shell(f"{_STOP}\n{_OUTER}")
    yield clean
    clean.shell(_STOP)


def _has(host: Host, name: str, words: str) -> bool:
    return host.can(f"ip -o address show dev {name} | grep -qE '{words}'")


def _gets_a_lease(host: Host, tool: str) -> None:
    host.shell(TOOLS[tool])
    # of IPv6, NetworkManager asks only where a router says so, and networkd would ask there unasked
    host.shell(_SERVER.format(device="eth0", more="--enable-ra" if tool == "networkmanager" else ""))
    dns = {"nameservers": ["192.168.30.1"], "search": ["lab.example.com"]}
    made = converge(host, {**_BRIDGE, "dhcp4": True, **dns, "persist": tool}, module="linux_bridge", changed=True)
    assert made["actions"][-1] == "wait for the leases of br7 (DHCPv4)"
    assert _has(host, "br7", _LEASE), "there is no lease when the run ends"
    assert made["after"].items() >= {"dhcp4": True, **dns}.items() and "addresses" not in made["after"]
    assert made["interface"]["definition"].items() >= {"dhcp4": True, **dns}.items()
    shows = "nmcli -f IP4 device show br7" if tool == "networkmanager" else "networkctl status br7"
    status = host.until(f"{shows} | grep -e 192.168.30.1 && {shows} | grep lab.example.com")
    assert "lab.example.com" in status
    # what is left out stays, and a run that changes something else waits for nothing
    changed = converge(host, {"name": "br7", "ageing_time": 60, "persist": tool}, module="linux_bridge", changed=True)
    assert "wait for" not in str(changed["actions"]) and changed["after"]["dhcp4"] is True
    assert changed["interface"]["definition"]["nameservers"] == dns["nameservers"]
    host.until(f"ip -o address show dev br7 | grep -E '{_LEASE}'")
    # an address beside it, with a gateway
    static = {"addresses": ["192.168.30.2/24"], "gateway": "192.168.30.1"}
    converge(host, {"name": "br7", "persist": tool, **static}, module="linux_bridge", changed=True)
    host.until(f"ip -o address show dev br7 | grep -E '{_LEASE}'")
    assert _has(host, "br7", "192.168.30.2/24")
    host.until("ip route show default proto static dev br7 | grep 'via 192.168.30.1'")
    # without DHCP only that is left
    off = converge(host, {"name": "br7", "dhcp4": False, "persist": tool}, module="linux_bridge", changed=True)
    assert off["actions"][-1] == "remove the leases of br7 (DHCPv4)" and "dhcp4" not in off["after"]
    assert not _has(host, "br7", _LEASE) and _has(host, "br7", "192.168.30.2/24")
    if tool != "netplan":  # which asks only where a router says so
        converge(host, {"name": "br7", "dhcp6": True, "persist": tool}, module="linux_bridge", changed=True)
        assert _has(host, "br7", "inet6 fd00:30::[0-9a-f]+/128")
    converge(host, {"name": "br7", "state": "absent", "persist": tool}, module="linux_bridge", changed=True)


def _fails_without_a_server(host: Host, tool: str) -> None:
    host.shell(TOOLS[tool])
    own = {**_BRIDGE, "addresses": ["192.168.30.2/24"], "persist": tool}
    converge(host, own, module="linux_bridge", changed=True)
    before = host.interfaces()
    failed = host.module("linux_bridge", {"name": "br7", "dhcp4": True, "persist": tool})
    assert "no DHCPv4 server has answered on br7 within 30 s" in failed["msg"], failed
    assert failed["msg"].endswith("; the host is as it was")
    assert host.interfaces() == before
    converge(host, own, module="linux_bridge", changed=False)
    host.shell("ip -n outer link set eth0 down")
    failed = host.module("linux_bridge", {"name": "br7", "dhcp4": True, "persist": tool})
    assert "br7 has had no carrier for 30 s" in failed["msg"], failed
    converge(host, {"name": "br7", "state": "absent", "persist": tool}, module="linux_bridge", changed=True)


@pytest.mark.each
def test_a_lease(outer: Host) -> None:
    _gets_a_lease(outer, "networkd")


@pytest.mark.once
def test_no_server(outer: Host) -> None:
    _fails_without_a_server(outer, "networkd")


@pytest.mark.kernel
@pytest.mark.parametrize("tool", ["networkmanager", "netplan"])
def test_a_lease_by_another_tool(outer: Host, tool: str) -> None:
    _gets_a_lease(outer, tool)


@pytest.mark.kernel
@pytest.mark.parametrize("tool", [pytest.param("networkmanager", marks=pytest.mark.once), "netplan"])
def test_no_server_with_another_tool(outer: Host, tool: str) -> None:
    _fails_without_a_server(outer, tool)


@pytest.mark.kernel
@pytest.mark.parametrize("tool", TOOLS)
def test_a_lease_in_a_vlan(outer: Host, tool: str) -> None:
    outer.shell(TOOLS[tool])
    outer.shell(
        f"{_VLAN}; ip -n outer address flush dev eth0; ip -n outer address add 192.168.30.1/24 dev eth0.11;"
        f" ip -n outer link set eth0.11 up; {_SERVER.format(device='eth0.11', more='')}"
    )
    given = {"name": "ens7.11", "parent": "ens7", "id": 11, "persist": tool}
    converge(outer, {**given, "dhcp4": True}, module="vlan_iface", changed=True)
    assert _has(outer, "ens7.11", _LEASE)
    converge(outer, {**given, "dhcp4": False}, module="vlan_iface", changed=True)
    assert not _has(outer, "ens7.11", _LEASE)
    converge(outer, {**given, "state": "absent"}, module="vlan_iface", changed=True)


@pytest.fixture
def ifupdown(outer: Host) -> Iterator[Host]:
    """The host's network is in charge of ifupdown, which has a DHCP client."""
    outer.shell(f"{CLIENT} systemctl enable --quiet networking")
    yield outer
    outer.shell("systemctl disable --quiet networking")


@pytest.mark.kernel
def test_a_lease_by_ifupdown(ifupdown: Host) -> None:
    """Its client runs once, goes on when the bridge is changed, and ends with `dhcp4`."""
    outer = ifupdown
    outer.shell(_SERVER.format(device="eth0", more=""))
    given = {"name": "br7", "persist": "ifupdown"}
    client = "ps -e -o pid=,args= | grep -E '(dhclient|dhcpcd|udhcpc).* br7' | grep -v grep || true"
    made = converge(outer, {**_BRIDGE, **given, "dhcp4": True}, module="linux_bridge", changed=True)
    assert made["actions"][-1] == "wait for the leases of br7 (DHCPv4)" and _has(outer, "br7", _LEASE)
    (first,) = outer.shell(client).splitlines()
    changed = converge(outer, {**given, "ageing_time": 60, "mtu": 1400}, module="linux_bridge", changed=True)
    assert changed["after"]["dhcp4"] is True and outer.shell(client).splitlines() == [first]
    outer.shell("ifdown br7; ifup br7")
    assert _has(outer, "br7", _LEASE)
    off = converge(outer, {**given, "dhcp4": False}, module="linux_bridge", changed=True)
    assert off["actions"][-1] == "remove the leases of br7 (DHCPv4)" and not outer.shell(client)
    assert not _has(outer, "br7", _LEASE)
    converge(outer, {**given, "dhcp4": True}, module="linux_bridge", changed=True)
    converge(outer, {**given, "state": "absent"}, module="linux_bridge", changed=True)
    assert not outer.shell(client)


@pytest.mark.kernel
def test_no_server_with_ifupdown(ifupdown: Host) -> None:
    outer = ifupdown
    own = {**_BRIDGE, "addresses": ["192.168.30.2/24"], "persist": "ifupdown"}
    converge(outer, own, module="linux_bridge", changed=True)
    before = outer.interfaces()
    failed = outer.module("linux_bridge", {"name": "br7", "dhcp4": True, "persist": "ifupdown"})
    assert failed["failed"] and "the host is as it was" in failed["msg"], failed
    assert outer.interfaces() == before


# -- name servers, which systemd-resolved has by the tool --------------------------------------------------------------------

_NAMES: dict[str, Any] = {"nameservers": ["192.168.30.1"], "search": ["lab.example.com"]}
_STATIC = {**_BRIDGE, "addresses": ["192.168.30.2/24"], **_NAMES}


@pytest.fixture
def resolved(outer: Host) -> Iterator[Host]:
    outer.shell("systemctl enable --quiet --now systemd-resolved")
    yield outer
    outer.shell("systemctl disable --quiet --now systemd-resolved")


def _resolves(host: Host, server: str, domain: str) -> None:
    host.until(f"resolvectl dns br7 | grep -E ': ?{server}$' && resolvectl domain br7 | grep -E ': ?{domain}$'")


def _resolver_is_told(host: Host, tool: str) -> None:
    made = converge(host, {**_STATIC, "persist": tool}, module="linux_bridge", changed=True)
    assert not made.get("warnings"), made["warnings"]
    _resolves(host, "192.168.30.1", "lab.example.com")
    changed = {"name": "br7", "nameservers": ["192.168.30.7"], "search": ["example.org"], "persist": tool}
    converge(host, changed, module="linux_bridge", changed=True)
    _resolves(host, "192.168.30.7", "example.org")
    converge(
        host, {"name": "br7", "nameservers": [], "search": [], "persist": tool}, module="linux_bridge", changed=True
    )
    _resolves(host, "", "")
    converge(host, {"name": "br7", "state": "absent", "persist": tool}, module="linux_bridge", changed=True)


@pytest.mark.kernel
@pytest.mark.parametrize("tool", TOOLS)
def test_name_servers(resolved: Host, tool: str) -> None:
    resolved.shell(TOOLS[tool])
    _resolver_is_told(resolved, tool)


@pytest.mark.kernel
@pytest.mark.each
def test_name_servers_by_ifupdown(ifupdown: Host) -> None:
    """Its script for systemd-resolved is always there. It works from Debian 13 on, and only where that runs."""
    said = "where no program takes dns-nameservers"
    by_ifupdown = {**_STATIC, "persist": "ifupdown"}
    refused(ifupdown, by_ifupdown, said, module="linux_bridge", option="nameservers")
    ifupdown.shell("systemctl enable --quiet --now systemd-resolved")
    try:
        if ifupdown.can("grep -q bookworm /etc/os-release"):
            refused(ifupdown, by_ifupdown, said, module="linux_bridge", option="nameservers")
        else:
            _resolver_is_told(ifupdown, "ifupdown")
    finally:
        ifupdown.shell("systemctl disable --quiet --now systemd-resolved")


@pytest.mark.parametrize(
    ("options", "said", "option"),
    [
        ({"dhcp4": True, "persist": "none"}, "isn't possible with persist none", "dhcp4"),
        ({"nameservers": ["192.0.2.1"], "persist": "none"}, "isn't possible with persist none", "nameservers"),
        ({"dhcp4": True, "netns": "outer", "ports": []}, "isn't possible with netns", "dhcp4"),
        ({"dhcp4": True}, "manages this host's network", "dhcp4"),
        ({"dhcp4": True, "persist": "networkd"}, "it isn't running on this host", "dhcp4"),
        ({"nameservers": ["dns"]}, "is not an IPv4 or IPv6 address", "nameservers[0]"),
        ({"search": ["a b"]}, "is not a domain", "search[0]"),
        ({"gateway": "192.0.2.1", "addresses": ["192.168.30.2/24"]}, "is in none of the interface's", "gateway"),
    ],
)
def test_refused(outer: Host, options: dict[str, Any], said: str, option: str) -> None:
    refused(outer, {**_BRIDGE, **options}, said, module="linux_bridge", option=option)
