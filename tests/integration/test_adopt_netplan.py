# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A bridge takes over what netplan's files say of a NIC, with networkd as renderer, and gives it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.adopted import (
    LOG,
    dhcp_leases,
    dhcp_server,
    layer3,
    managed,
    only_by_files,
    user_files,
)
from integration.support.checks import converge
from integration.support.host import Host
from integration.support.wires import OUTER, session

pytestmark = pytest.mark.kernel  # only these hosts have netplan

_FILE = "/etc/netplan/50-cloud-init.yaml"
_CLOUD_INIT = (
    "# This file is generated from information provided by the datasource.  Changes\n# to it will not persist.\n"
)
_STOPPER = "/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg"
_STATIC = f"""{_CLOUD_INIT}network:
  version: 2
  ethernets:
    lan:
      match:
        name: ens7
      mtu: 1450
      addresses:
      - 192.168.30.2/24
      - fd00:30::2/64
      nameservers: {{addresses: [192.168.30.53], search: [lab.example]}}
      accept-ra: false
      routes:
      - to: 10.31.0.0/16
        via: 192.168.30.1
        metric: 50
      - {{to: default, via: 192.168.30.1, table: 100}}
      # replies go where the question came from
      routing-policy:
      - from: 192.168.30.2
        table: 100
        priority: 1000
"""
_DHCP = """network:
  version: 2
  ethernets:
    ens7:
      dhcp4: true
      dhcp4-overrides: {route-metric: 77}
      accept-ra: false
"""
_ADOPT: dict[str, Any] = {"name": "br7", "adopt": "ens7", "persist": "netplan"}


@pytest.fixture
def netplan(clean: Host) -> Iterator[Host]:
    lab = "[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n"
    clean.shell(f"{OUTER}; printf '{lab}' >/etc/systemd/network/00-lab.network")
    yield clean
    clean.shell("rm -rf /etc/netplan/*.yaml /etc/cloud; netplan generate")
    clean.shell("systemctl disable --quiet --now systemd-networkd.socket systemd-networkd", check=False)
    clean.shell("while ip rule del priority 1000; do :; done", check=False)


def _begin(host: Host, text: str) -> dict[str, Any]:
    host.shell(f"mkdir -p /etc/netplan; cat >{_FILE}; chmod 600 {_FILE}", input=text)
    host.shell("netplan generate; systemctl enable --quiet systemd-networkd; systemctl restart systemd-networkd")
    managed(host, "ens7")
    return layer3(host, "ens7")


def _forth_and_back(host: Host, before: dict[str, Any]) -> None:
    users = user_files(host, "/etc/netplan")
    address = before["addresses"][0].split("/")[0]
    with session(host, address) as seen:
        converge(host, _ADOPT, module="linux_bridge", changed=True)
    assert seen["broken"] is None, seen
    assert layer3(host, "br7") == before
    assert layer3(host, "ens7")["addresses"] == []
    converge(host, {"name": "br7", "persist": "netplan"}, module="linux_bridge", changed=False)
    only_by_files(host, "rm -rf /run/systemd/network; netplan generate")
    assert layer3(host, "br7") == before
    converge(host, _ADOPT, module="linux_bridge", changed=False)
    with session(host, address) as seen:
        converge(host, {**_ADOPT, "state": "absent"}, module="linux_bridge", changed=True)
        managed(host, "ens7")
    assert seen["broken"] is None, seen
    assert layer3(host, "ens7") == before
    assert user_files(host, "/etc/netplan") == users
    assert "virtnet" not in host.shell("find /etc/netplan /etc/systemd/network -type f")


@pytest.mark.each
def test_static(netplan: Host) -> None:
    before = _begin(netplan, _STATIC)
    assert before["mtu"] == 1450 and before["DNS"] and any(rule["priority"] == 1000 for rule in before["rules"])
    foretold = netplan.ok("linux_bridge", _ADOPT, check=True)
    assert any(_STOPPER in str(warning) for warning in foretold["warnings"]), foretold["warnings"]
    netplan.shell(f"mkdir -p $(dirname {_STOPPER}); echo 'network: {{config: disabled}}' >{_STOPPER}")
    assert not netplan.ok("linux_bridge", _ADOPT, check=True).get("warnings")
    _forth_and_back(netplan, before)


@pytest.mark.each
def test_dhcp(netplan: Host) -> None:
    with dhcp_server(netplan):
        before = _begin(netplan, _DHCP)
        assert any("dhcp" in route and "77" in route for route in before["routes"])
        held = dhcp_leases(netplan)
        _forth_and_back(netplan, before)
        assert dhcp_leases(netplan) == held, "another client"
        assert "DHCPRELEASE" not in netplan.shell(f"cat {LOG}")
