# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The life of a VLAN's interface: created, changed in place or made again, on the wire with its tag, removed."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.wires import OUTER

pytestmark = pytest.mark.kernel


def _vlan(host: Host, *, changed: bool | None = True, **options: Any) -> dict[str, Any]:
    return converge(host, {"name": "ens7.11", "persist": "none", **options}, module="vlan_iface", changed=changed)


def _reaches(host: Host, address: str) -> bool:
    return host.can(f"ping -n -c 1 -W 2 {address}")


def test_its_frames_carry_its_tag(clean: Host) -> None:
    """The machine outside is reached in VLAN 11, and in no other."""
    clean.shell(f"{OUTER}; ip -n outer link add eth0.11 link eth0 type vlan id 11; ip -n outer link set eth0.11 up")
    clean.shell("ip -n outer address add 192.168.11.1/24 dev eth0.11")
    before = clean.interfaces()
    created = _vlan(clean, parent="ens7", id=11, addresses=["192.168.11.2/24"])
    assert created["method"] == "created" and created["interface"]["name"] == "ens7.11"
    assert created["before"] == {"name": "ens7.11", "state": "absent"}
    assert _reaches(clean, "192.168.11.1")
    result = _vlan(clean, id=12)
    assert result["method"] == "recreated"
    assert not _reaches(clean, "192.168.11.1")
    assert _vlan(clean, state="absent")["method"] == "removed"
    assert clean.interfaces() == before


def test_made_again(clean: Host) -> None:
    """What the kernel can't change needs a new interface, which has what the old one had; it can be forbidden."""
    clean.shell(f"{OUTER}; ip link add br7 type bridge")
    _vlan(
        clean,
        parent="ens7",
        id=11,
        addresses=["192.168.11.2/24"],
        routes=[{"to": "10.9.0.0/16", "via": "192.168.11.1"}],
        egress_qos=[{"priority": 6, "pcp": 5}],
        mtu=1400,
    )
    before = clean.interfaces()["interfaces"]["ens7.11"]
    message = refused(
        clean, {"name": "ens7.11", "persist": "none", "id": 12, "recreate": False}, "recreate", module="vlan_iface"
    )
    assert "id" in message and "ens7.11" in message
    assert clean.interfaces()["interfaces"]["ens7.11"] == before
    assert _vlan(clean, id=12)["method"] == "recreated"
    after = clean.interfaces()["interfaces"]["ens7.11"]
    assert after["index"] != before["index"] and after["settings"].pop("id") == 12
    before["settings"].pop("id")
    for what in ("addresses", "routes", "mtu", "settings", "up", "parent"):
        assert after[what] == before[what], what
    # a port of a bridge is one again
    clean.shell("ip link set ens7.11 master br7; bridge link set dev ens7.11 cost 77")
    _vlan(clean, id=13)
    found = clean.interfaces()["interfaces"]["ens7.11"]
    assert found["master"] == "br7" and found["port"]["cost"] == 77
    # in place, also where it may not be made again
    assert _vlan(clean, mtu=1300, recreate=False)["method"] == "changed"


def test_a_tag_within_a_tag(clean: Host) -> None:
    clean.shell(OUTER)
    _vlan(clean, parent="ens7", id=100, protocol="802.1ad")
    converge(
        clean,
        {"name": "inner", "parent": "ens7.11", "id": 11, "persist": "none"},
        module="vlan_iface",
        changed=True,
    )
    refused(clean, {"name": "ens7.11", "persist": "none", "state": "absent"}, "ens7.11", "inner", module="vlan_iface")
    # what sits on it is made again with it
    assert _vlan(clean, id=101)["method"] == "recreated"
    found = clean.interfaces()["interfaces"]
    assert found["inner"]["parent"] == "ens7.11" and found["ens7.11"]["settings"]["protocol"] == "802.1ad"


def test_in_a_namespace(clean: Host) -> None:
    clean.shell(OUTER)
    outside = clean.interfaces()
    _vlan(clean, netns="outer", parent="eth0", id=11)
    assert clean.interfaces("outer")["interfaces"]["ens7.11"]["parent"] == "eth0"
    assert clean.interfaces() == outside
    _vlan(clean, netns="outer", state="absent")
