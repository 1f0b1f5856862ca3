# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""One run with interfaces that netplan keeps, and with other things that systemd has to do with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge
from integration.support.host import Host
from integration.support.wires import OUTER

pytestmark = pytest.mark.kernel  # only these hosts have netplan

_FILE = "/etc/netplan/10-lab.yaml"
_BEGIN = f"""{OUTER}
printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >/etc/systemd/network/00-lab.network
mkdir -p /etc/netplan
echo 'network: {{version: 2, renderer: networkd}}' >{_FILE}
chmod 600 {_FILE}
netplan generate
systemctl enable --quiet systemd-networkd
systemctl restart systemd-networkd"""


@pytest.fixture
def netplan(clean: Host) -> Iterator[Host]:
    clean.shell(_BEGIN)
    yield clean
    clean.ok("nat_portforward", {"state": "absent"})
    clean.shell("rm -rf /etc/netplan/*.yaml; netplan generate")
    clean.shell("systemctl disable --quiet --now systemd-networkd.socket systemd-networkd", check=False)


def test_new_bridges_and_the_first_rules(netplan: Host) -> None:
    """The service of the rules is started between the bridges' files and the moment when networkd reads them."""
    bridges: list[dict[str, Any]] = [
        {"name": "br1", "persist": "networkd", "addresses": ["192.168.31.1/24"]},
        {
            "name": "br3",
            "persist": "netplan",
            "ports": [{"name": "ens7"}],
            "addresses": ["192.168.33.1/24", "fd00:33::1/64"],
        },
    ]
    vlans = [
        {"name": f"v{number}", "parent": f"br{number}", "id": 11, "persist": tool}
        for number, tool in ((1, "networkd"), (3, "netplan"))
    ]
    forward = {"listen": {"port": "8080"}, "to": {"address": "192.168.31.10", "port": 80}}
    desired: dict[str, Any] = {"bridges": bridges, "vlans": vlans, "portforwards": [{"forwards": [forward]}]}
    made = converge(netplan, desired, module="fabric", changed=True)
    assert not made.get("warnings"), made["warnings"]
    states = netplan.shell("networkctl list --no-pager --no-legend br1 br3 v1 v3 ens7")
    assert "initialized" not in states and "unmanaged" not in states, states
    # another text of the unit, as of another version of the collection
    netplan.shell(
        "sed -i '/^Description/s/$/ (former)/' /etc/systemd/system/virtnet-kvm-firewall.service; systemctl daemon-reload"
    )
    desired["bridges"] = [*bridges, {"name": "br4", "persist": "netplan"}]
    converge(netplan, desired, module="fabric", changed=True)
    assert "former" not in netplan.shell("systemctl show --property=Description virtnet-kvm-firewall")
    gone = {
        "bridges": [
            {"name": each["name"], "persist": each["persist"], "state": "absent"} for each in desired["bridges"]
        ]
    }
    gone |= {"vlans": [{**each, "state": "absent"} for each in vlans], "portforwards": [{"state": "absent"}]}
    converge(netplan, gone, module="fabric", changed=True)
    assert "virtnet" not in netplan.shell("find /etc/netplan /etc/systemd/network /etc/systemd/system -type f")
