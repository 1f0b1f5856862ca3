# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The host's own interfaces as they are read: which, in what structure, and that the structure can be given back."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.cases_common import COMMON, InterfaceCase
from integration.support.cases_interfaces import CASES, PORTS
from integration.support.guests import reaches
from integration.support.host import Host
from integration.support.wires import OUTER, tap

MODULES = ("linux_bridge_info", "vlan_iface_info", "macvlan_iface_info", "tuntap_info")
LISTS = {"linux_bridge": "bridges", "vlan_iface": "vlans", "macvlan_iface": "macvlans", "tuntap": "taps"}
ALWAYS = {
    "name",
    "kind",
    "index",
    "definition",
    "state",
    "carrier",
    "mac",
    "mtu",
    "master",
    "counters",
    "addresses",
    "routes",
}
# What a VLAN's interface has in common with others is read in the same way.
COMMON_OF_VLANS = [case for case in CASES if case.module == "vlan_iface" and case.name in COMMON]
OWN: dict[str, set[str]] = {
    "linux_bridge": {"ports", "fdb", "vlans"},
    "vlan_iface": set(),
    "macvlan_iface": set(),
    "tuntap": {"persistent", "attached"},
}


def _info(host: Host, module: str, *names: str, **options: Any) -> list[dict[str, Any]]:
    args = {**({"name": list(names)} if names else {}), **options}
    result = host.ok(f"{module}_info", args)
    assert result["changed"] is False
    return list(result[LISTS[module]])


def test_which_are_read(clean: Host) -> None:
    clean.shell(f"{PORTS}; ip link add br7 type bridge; ip link add br8 type bridge; ip tuntap add mode tap name tap7")
    clean.shell("ip netns add inner; ip -n inner link add br9 type bridge")
    before = clean.interfaces()
    assert [each["name"] for each in _info(clean, "linux_bridge")] == ["br7", "br8"]
    assert [each["name"] for each in _info(clean, "linux_bridge", "br8", "br7")] == ["br8", "br7"]
    assert [each["name"] for each in _info(clean, "linux_bridge", "nobody", "p0", "tap7", "br8")] == ["br8"]
    assert [each["name"] for each in _info(clean, "tuntap")] == ["tap7"]
    assert _info(clean, "vlan_iface") == []
    assert clean.ok("linux_bridge_info", {"name": []})["bridges"] == []
    assert [each["name"] for each in clean.ok("linux_bridge_info", {"names": ["br7"]}, check=True)["bridges"]] == [
        "br7"
    ]
    for netns in ("inner", "/run/netns/inner"):
        assert [each["name"] for each in _info(clean, "linux_bridge", netns=netns)] == ["br9"]
    missing = clean.module("linux_bridge_info", {"netns": "nowhere"})
    assert missing["failed"] and "nowhere" in missing["msg"] and missing.get("option") == "netns", missing
    assert clean.interfaces() == before


def test_a_bridge(clean: Host) -> None:
    """Ports, counters and the forwarding table are those that iproute2 shows."""
    clean.shell(f"{OUTER}; ip link add br7 type bridge; ip link set ens7 master br7; ip link set br7 up")
    clean.shell("ip address add 192.168.30.2/24 dev br7; bridge fdb add 02:00:00:00:00:99 dev ens7 master static")
    with tap(clean, "vnet7"):
        clean.shell("ip link set vnet7 master br7")
        reaches(clean, "192.168.30.1")
        clean.shell("ping -n -c 3 -i 0.2 192.168.30.1")
        (found,) = _info(clean, "linux_bridge", "br7")
    assert set(found) == ALWAYS | OWN["linux_bridge"]
    seen = clean.interfaces()["interfaces"]["br7"]
    assert (found["index"], found["mac"], found["mtu"]) == (seen["index"], seen["mac"], seen["mtu"])
    assert (found["kind"], found["state"], found["carrier"], found["master"]) == ("bridge", "up", True, None)
    assert found["ports"] == ["ens7", "vnet7"] and found["counters"]["rx_packets"] >= 3
    assert found["definition"]["addresses"] == ["192.168.30.2/24"] and found["definition"]["ageing_time"] == 300
    outside = clean.shell("ip netns exec outer cat /sys/class/net/eth0/address").strip()
    entries = {(entry["mac"], entry["port"]): entry["state"] for entry in found["fdb"]}
    assert entries[outside, "ens7"] == "learned" and entries["02:00:00:00:00:99", "ens7"] == "static"
    own = clean.shell("cat /sys/class/net/ens7/address").strip()
    assert entries[own, "ens7"] == "permanent"


@pytest.mark.kernel("trixie_uml")
def test_vlans_of_a_bridge(clean: Host) -> None:
    clean.shell(f"{PORTS}; ip link add br7 type bridge vlan_filtering 1; ip link set p0 master br7")
    clean.shell(
        "bridge vlan add dev p0 vid 100-199; bridge vlan add dev p0 vid 7 untagged; bridge vlan add dev br7 vid 5 self"
    )
    (found,) = _info(clean, "linux_bridge", "br7")
    assert found["vlans"] == [
        {"name": "br7", "pvid": 1, "tagged": ["5"], "untagged": []},
        {"name": "p0", "pvid": 1, "tagged": ["100-199"], "untagged": ["7"]},
    ]


def test_a_tap(clean: Host) -> None:
    clean.ok("tuntap", {"name": "tap7", "persist": "none", "owner": "nobody", "vnet_hdr": True})
    (idle,) = _info(clean, "tuntap", "tap7")
    assert set(idle) == ALWAYS | OWN["tuntap"]
    assert idle["persistent"] is True and idle["attached"] is False and idle["kind"] == "tun"
    assert idle["definition"]["owner"] == "nobody" and idle["definition"]["mode"] == "tap"
    with tap(clean, "vnet7"):
        (busy,) = _info(clean, "tuntap", "vnet7")
    assert busy["persistent"] is False and busy["attached"] is True


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[pytest.mark.kernel("trixie_uml")] * case.kernel)
        for case in CASES
        if case not in COMMON_OF_VLANS
    ],
    ids=str,
)
def test_can_be_given_back(clean: Host, case: InterfaceCase) -> None:
    """What is read says all that was said, in the same words, and changes nothing when it is given back."""
    clean.shell(f"{PORTS}; ip link add br8 type bridge; ip link add br9 type bridge")
    given = {"name": "it7", **case.base, **case.steps[0][0]}
    clean.ok(case.module, {**given, "persist": "none"})
    (found,) = _info(clean, case.module, "it7")
    assert set(found) == ALWAYS | OWN[case.module]
    for option, value in given.items():
        held = found["definition"].get(option)
        if isinstance(value, (str, int, bool)):
            assert held == value, f"{option}: {held}"
        else:
            assert held, f"{option}: {held}"
    before = clean.interfaces()
    assert not clean.ok(case.module, {**found["definition"], "persist": "none"})["changed"]
    # and makes the same again
    clean.ok(case.module, {"name": "it7", "persist": "none", "state": "absent"})
    clean.ok(case.module, {**found["definition"], "persist": "none"})
    after = clean.interfaces()
    for state in (before, after):
        state["interfaces"]["it7"].pop("index")
    assert after == before


def test_documented_names_are_the_returned_ones() -> None:
    """What each of them returns is in the documentation."""
    import yaml

    from integration.support.host import CHECKOUT

    for module, plural in LISTS.items():
        text = (CHECKOUT / "plugins" / "modules" / f"{module}_info.py").read_text()
        returned = yaml.safe_load(text.split('RETURN = r"""')[1].split('"""')[0])
        assert set(returned[plural]["contains"]) == ALWAYS | OWN[module]
