# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""From one forward mode to another: libvirt takes what is left, and nothing of the former mode stays."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.networks import ips, isolated

MODULES = ("virt_net", "fabric")
pytestmark = pytest.mark.each

_LIMIT = {"inbound": {"average": 10}}
_OVS = {"type": "openvswitch"}
_VLAN = {"tags": [{"id": 42}]}
_QBH = {"type": "802.1Qbh", "parameters": {"profileid": "menial"}}

# What a network can have in each, and the least that another one needs to become such a network.
FULL: dict[str, dict[str, Any]] = {
    "nat": {
        "forward": {"mode": "nat", "interfaces": ["eth0"], "nat": {"ports": {"start": 2000, "end": 3000}}},
        "bridge": {"name": "virbr-modes", "stp": False, "mac_table_manager": "libvirt"},
        "ips": ips(hosts=[{"mac": "52:54:00:00:00:07", "ip": "192.168.150.7"}]),
        "dns": {"txt": [{"name": "a", "value": "b"}]},
        "domain": {"name": "lan.example"},
        "mtu": 1400,
        "bandwidth": _LIMIT,
        "portgroups": [{"name": "web", "default": True, "bandwidth": _LIMIT}],
    },
    "bridge": {
        "forward": {"mode": "bridge"},
        "bridge": {"name": "b2"},
        "virtualport": _OVS,
        "vlan": _VLAN,
        "bandwidth": _LIMIT,
        "portgroups": [{"name": "web", "default": True, "vlan": _VLAN, "virtualport": _OVS, "bandwidth": _LIMIT}],
    },
    "passthrough": {
        "forward": {"mode": "passthrough", "interfaces": ["eth1", "eth2"]},
        "vlan": _VLAN,
        "trust_guest_rx_filters": True,
        "portgroups": [{"name": "web", "default": True, "vlan": _VLAN}],
    },
    "hostdev": {
        "forward": {"mode": "hostdev", "pf": "eth4", "driver": "vfio", "managed": True},
        "virtualport": _QBH,
        "portgroups": [{"name": "web", "default": True, "virtualport": _QBH}],
    },
}
LEAST: dict[str, dict[str, Any]] = {
    "nat": {"forward": {"mode": "nat"}, "ips": ips()},
    "bridge": {"forward": {"mode": "bridge"}, "bridge": {"name": "b3"}},
    "private": {"forward": {"mode": "private", "interfaces": ["eth9"]}},
    "hostdev": {"forward": {"mode": "hostdev", "pf": "eth5"}},
}
FAMILY = {"passthrough": "private"}


@pytest.mark.parametrize("before", FULL)
def test_to_each_other_mode(clean: Host, before: str) -> None:
    for after in [mode for mode in LEAST if mode != FAMILY.get(before, before)]:
        clean.net(name="lan", active=False, **FULL[before])
        converge(clean, {"name": "lan", **LEAST[after]}, changed=True)
        document = clean.document("lan")
        assert document.xpath("string(forward/@mode)") == after
        bridge = str(document.xpath("string(bridge/@name)"))
        assert (
            bridge.startswith("virbr") if after == "nat" else bridge == LEAST[after].get("bridge", {}).get("name", "")
        )
        assert bridge != "virbr-modes" and bridge != "b2"
        left = ("virtualport", "vlan", "bandwidth", "domain", "mtu", "dns", "forward/nat", "forward/driver")
        assert [name for name in left if document.xpath(name)] == []
        groups = [dict(group.attrib) for group in document.findall("portgroup")]
        assert groups == [{"name": "web", "default": "yes"}]
        clean.net(name="lan", state="absent")


def test_the_bridge_that_it_was_on_is_removed(clean: Host) -> None:
    """In the same task. The network gets a bridge of its own, not one of that name."""
    bridge = {"name": "b2", "persist": "none"}
    on_it = {"name": "n0", "forward": {"mode": "bridge"}, "bridge": {"name": "b2"}}
    clean.ok("fabric", {"bridges": [bridge], "networks": [on_it]})
    args = {"bridges": [{**bridge, "state": "absent"}], "networks": [{"name": "n0", **LEAST["nat"]}]}
    converge(clean, args, module="fabric", changed=True)
    found = clean.everything()
    assert "b2" not in found["interfaces"]
    assert str(clean.document("n0").xpath("string(bridge/@name)")).startswith("virbr")


@pytest.mark.parametrize("active", [True, False])
def test_a_bridge_that_libvirt_makes(clean: Host, active: bool) -> None:
    bridges = [{"name": "virbr-one", "persist": "none"}]
    clean.net(**isolated("one", 170, active=active))
    for networks in ([], [isolated("two", 171)]):
        args = {"bridges": bridges, "networks": networks}
        refused(clean, args, "virbr-one", "network one", module="fabric", option="bridges[0].name")
    refused(clean, bridges[0], "virbr-one", "network one", module="linux_bridge", option="name")


@pytest.mark.parametrize("active", [True, False])
def test_a_bridge_that_the_task_declares(clean: Host, active: bool) -> None:
    args = {"bridges": [{"name": "virbr-one", "persist": "none"}], "networks": [isolated("one", 170, active=active)]}
    refused(clean, args, "virbr-one", "interface of this host", module="fabric", option="networks[0].bridge.name")


_MODEL = """<network><name>pool</name><forward mode='hostdev'><driver name='vfio' model='vfio-pci'/><pf dev='eth4'/></forward>
</network>"""


def test_a_part_that_this_libvirt_ignores(clean: Host) -> None:
    """libvirt 9.0 forgets the model of the driver; a later one has it. Nothing is changed in every run."""
    args = {"xml": _MODEL, "active": False}
    if clean.libvirt < (10, 0, 0):
        refused(clean, args, "<driver model='vfio-pci'>", "is not kept by libvirt", option="xml")
    else:
        converge(clean, args, changed=True)
    unknown = _MODEL.replace("<pf", "<new-in-some-version a='b'/><pf")
    refused(clean, {**args, "xml": unknown}, "new-in-some-version", option="xml")
