# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Devices that a run removes and creates again: what they have besides their definition is there after the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.bare_guests import define, nic, remove
from integration.support.checks import converge
from integration.support.host import Failed, Host
from integration.support.networks import isolated

MODULES = ("fabric", "virt_net")
_BRIDGE, _MAC = "virbr-lan", "52:54:00:aa:00:01"
_OTHERS = f"""\
ip link add c0 type veth peer name c1 && ip link set c0 up master {_BRIDGE} && bridge link set dev c0 cost 77 isolated on
ip link add link {_BRIDGE} name {_BRIDGE}.5 type vlan id 5 && ip address add 10.5.0.1/24 dev {_BRIDGE}.5
ip link set {_BRIDGE}.5 up && ip address add 10.66.0.1/24 dev {_BRIDGE}
ip route add 10.77.0.0/24 via 192.168.150.2 && ip route add 10.78.0.0/24 via 10.66.0.2 metric 50
ip route add 10.79.0.0/24 dev {_BRIDGE} && sysctl -qw net.ipv6.conf.{_BRIDGE}.disable_ipv6=0
ip -6 address add fd66::1/64 dev {_BRIDGE} && ip -6 route add fd77::/64 via fd66::2
"""
_LOOK = f"""\
bridge -d link show dev c0 | grep -o 'master [^ ]*\\|cost [0-9]*\\|isolated on'; ip -br -4 address show {_BRIDGE}.5
ip -br -4 address show {_BRIDGE}; ip route show proto boot dev {_BRIDGE}; ip -6 route show proto boot dev {_BRIDGE}
tc class show dev {_BRIDGE} | cut -d ' ' -f 1-9; tc filter show dev {_BRIDGE} ingress | grep -o 'ifb-[a-z-]*'; true
"""
_SHAPED = {"device": _BRIDGE, "egress": {"rate": "10mbit"}, "ingress": {"rate": "9mbit"}}


@pytest.fixture
def lan(clean: Host) -> Iterator[Host]:
    clean.ok("fabric", {"networks": [isolated("lan", 150)], "shaping": [_SHAPED]})
    yield clean
    remove(clean, "one")
    clean.shell("ip link delete c0; ip link delete d7; true")
    clean.ok("tc_shaping", {"device": _BRIDGE, "state": "absent"})


def _with_mtu(mtu: int, **more: Any) -> dict[str, Any]:
    return {"networks": [isolated("lan", 150, mtu=mtu)], "shaping": [_SHAPED], **more}


@pytest.mark.each
@pytest.mark.kernel
def test_a_network_that_is_restarted(lan: Host) -> None:
    """Ports and VLANs of others, their addresses and routes, and our shaping; also where the run fails after the restart."""
    lan.shell(_OTHERS)
    before = lan.shell(_LOOK)
    assert all(
        part in before
        for part in ("cost 77", "10.5.0.1", "10.66.0.1", "10.77.0.0", "10.78.0.0", "10.79.0.0", "fd77::", "htb", "ifb-")
    )
    made = converge(lan, _with_mtu(1400), module="fabric", changed=True)
    assert made["actions"][1:] == [
        f"restart network lan and reconnect c0, {_BRIDGE}.5",
        f"set up shaping of {_BRIDGE} again",
    ]
    assert lan.shell(_LOOK) == before

    define(lan, "one", nic(_MAC))
    never = {"guest_nics": [{"name": "one", "mac": _MAC, "model": "e1000", "replug_timeout": 1}]}
    with pytest.raises(Failed, match=r"has not released it within 1 s.*the host is as it was"):
        lan.ok("fabric", _with_mtu(1300, **never))
    assert lan.shell(_LOOK) == before
    lan.shell("virsh destroy one")
    made = converge(lan, {**isolated("lan", 150), "ips": [{"address": "192.168.151.1/24"}]}, changed=True)
    assert made["actions"][-1] == f"restart network lan and reconnect c0, {_BRIDGE}.5"
    left = lan.shell(_LOOK)
    assert "cost 77" in left and "10.66.0.1" in left and "10.78.0.0" in left, left
    assert "10.77.0.0" not in left and "192.168.150.1" not in left, left


@pytest.mark.kernel
def test_a_vlan_interface(lan: Host) -> None:
    lan.shell("ip link add d7 up type dummy")
    vlan = {"name": "v7", "parent": "d7", "id": 7, "addresses": ["10.7.0.1/24"]}
    lan.ok("fabric", {"vlans": [vlan]})
    more = {
        "shaping": [{"device": "v7", "egress": {"rate": "10mbit"}}],
        "nic_tuning": [{"device": "v7", "offloads": {"rx-gro": False}}],
    }
    lan.ok("fabric", {"vlans": [vlan], **more})
    made = converge(lan, {"vlans": [{**vlan, "id": 8}], **more}, module="fabric", changed=True)
    assert made["actions"][-2:] == ["set up settings of v7 again", "set up shaping of v7 again"]
    assert "10Mbit" in lan.shell("tc class show dev v7")
    absent = {kind: [{"device": "v7", "state": "absent"}] for kind in more}
    converge(lan, {**absent, "vlans": [{"name": "v7", "state": "absent"}]}, module="fabric", changed=True)


@pytest.mark.kernel
def test_a_bandwidth(lan: Host) -> None:
    """libvirt removes all queues of a tap when it sets a bandwidth, in whichever direction."""
    define(lan, "one", nic(_MAC, inner="<target dev='web0'/>"))
    shaped = [{"device": "web0", "egress": {"rate": "10mbit"}}]
    lan.ok("fabric", {"shaping": shaped})
    bandwidth = {"outbound": {"average": 500}}
    both = {"guest_nics": [{"name": "one", "bandwidth": bandwidth}], "shaping": shaped}
    made = converge(lan, both, module="fabric", changed=True)
    assert made["actions"][-1] == "set up shaping of web0 again"
    assert "10Mbit" in lan.shell("tc class show dev web0") and "police" in lan.shell("tc filter show dev web0 ingress")
    lan.ok("tc_shaping", {"device": "web0", "state": "absent"})
