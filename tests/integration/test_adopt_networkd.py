# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A bridge takes over what networkd's files say of a NIC, and gives it back; a reboot makes the same."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.adopted import (
    LOG,
    dhcp_leases,
    dhcp_server,
    layer3,
    managed,
    networkd_clients,
    only_by_files,
    user_files,
)
from integration.support.checks import converge
from integration.support.host import Host
from integration.support.wires import MOMENT, OUTER, session

pytestmark = pytest.mark.each

_HOME = "/etc/systemd/network"
_STATIC = """[Match]
MACAddress=02:00:00:00:07:07
[Link]
MTUBytes=1450
[Network]
Address=192.168.30.2/24
Address=fd00:30::2/64
DNS=192.168.30.53
Domains=lab.example ~corp.example
NTP=192.168.30.1
IPv6AcceptRA=no
[Route]
Destination=10.31.0.0/16
Gateway=192.168.30.1
Metric=50
[Route]
Gateway=192.168.30.1
Table=100
[RoutingPolicyRule]
From=192.168.30.2
Table=100
Priority=1000
"""
_DHCP = """[Match]
Name=ens7
[Network]
DHCP=ipv4
IPv6AcceptRA=no
Domains=lab.example
[DHCPv4]
RouteMetric=77
UseDomains=yes
"""
_ADOPT: dict[str, Any] = {"name": "br7", "adopt": "ens7", "persist": "networkd"}


@pytest.fixture
def networkd(clean: Host) -> Iterator[Host]:
    """networkd runs, and leaves the lab's own NICs alone; the NIC has a machine outside at its other end."""
    clean.shell(f"{OUTER}; printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >{_HOME}/00-lab.network")
    yield clean
    clean.shell("systemctl disable --quiet --now systemd-networkd.socket systemd-networkd")
    clean.shell("while ip rule del priority 1000; do :; done", check=False)


def _begin(host: Host, text: str) -> dict[str, Any]:
    host.shell(f"cat >{_HOME}/20-lan.network", input=text)
    host.shell(
        f"mkdir {_HOME}/20-lan.network.d; printf '[Network]\\nDNS=192.168.30.54\\n' >{_HOME}/20-lan.network.d/dns.conf"
    )
    host.shell("systemctl restart systemd-networkd")
    managed(host, "ens7")
    return layer3(host, "ens7")


def _forth_and_back(host: Host, before: dict[str, Any], clients: set[str]) -> None:
    users = user_files(host, _HOME)
    with session(host, before["addresses"][0].split("/")[0]) as seen:
        made = converge(host, _ADOPT, module="linux_bridge", changed=True)
    assert seen["broken"] is None and seen["longest"] < MOMENT, seen
    assert not made.get("warnings"), made["warnings"]
    assert layer3(host, "br7") == before
    assert layer3(host, "ens7")["addresses"] == []
    assert networkd_clients(host) == clients
    converge(host, {"name": "br7", "persist": "networkd"}, module="linux_bridge", changed=False)
    assert user_files(host, _HOME) == users
    only_by_files(host)
    assert layer3(host, "br7") == before
    converge(host, _ADOPT, module="linux_bridge", changed=False)
    with session(host, before["addresses"][0].split("/")[0]) as seen:
        converge(host, {**_ADOPT, "state": "absent"}, module="linux_bridge", changed=True)
        managed(host, "ens7")
    assert seen["broken"] is None and seen["longest"] < MOMENT, seen
    assert layer3(host, "ens7") == before
    assert user_files(host, _HOME) == users and "virtnet" not in host.shell(f"find {_HOME} -type f")


def test_static(networkd: Host) -> None:
    before = _begin(networkd, _STATIC)
    assert before["mtu"] == 1450 and before["NTP"] and any(rule["priority"] == 1000 for rule in before["rules"])
    _forth_and_back(networkd, before, set())


def test_dhcp(networkd: Host) -> None:
    """The same lease, by the same client, renewed on the bridge and never released."""
    with dhcp_server(networkd):
        before = _begin(networkd, _DHCP)
        assert any("dhcp" in route for route in before["routes"])
        held = dhcp_leases(networkd)
        assert networkd_clients(networkd) == {"ens7"}
        _forth_and_back(networkd, before, {"br7"})
        log = networkd.shell(f"cat {LOG}")
        assert dhcp_leases(networkd) == held, "another client"
        assert "DHCPRELEASE" not in log, log


def test_what_a_task_gives_counts(networkd: Host) -> None:
    before = _begin(networkd, _STATIC)
    given = {**_ADOPT, "addresses": ["192.168.30.7/24"], "mtu": 1400}
    # the user's file is for the MAC address, which the bridge has, too; a run that is killed leaves no trace of the pause
    killed = networkd.module("linux_bridge", given, fault={"at": 2, "when": "before", "signal": signal.SIGKILL})
    assert "signal" in killed and networkd.can("ls /run/systemd/network/*held-br7.network")
    converge(networkd, given, module="linux_bridge", changed=True)
    process = "_PID=$(systemctl show --property MainPID --value systemd-networkd)"
    log = networkd.shell(f"journalctl -o cat {process} | grep '^br7: .*onfiguring with'")
    assert "20-lan.network" not in log, "the user's file was for the bridge for some time"
    assert not networkd.can("ls /run/systemd/network/*held*")
    after = layer3(networkd, "br7")
    assert after["addresses"] == ["192.168.30.7/24"] and after["mtu"] == 1400
    assert after["DNS"] == before["DNS"]
    converge(networkd, _ADOPT, module="linux_bridge")
    only_by_files(networkd)
    assert layer3(networkd, "br7")["addresses"] == ["192.168.30.7/24"]
    converge(networkd, {**_ADOPT, "state": "absent"}, module="linux_bridge", changed=True)
