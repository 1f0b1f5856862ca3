# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The life of a macvlan interface: in the LAN with a MAC address of its own, changed in place or created again, removed."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.wires import OUTER

MODULES = ("macvlan_iface", "macvlan_iface_info")

HOME = "/etc/systemd/network"


def _macvlan(host: Host, *, changed: bool | None = True, **options: Any) -> dict[str, Any]:
    return converge(host, {"name": "mac7", "persist": "none", **options}, module="macvlan_iface", changed=changed)


def _found(host: Host) -> dict[str, Any]:
    return dict(host.interfaces()["interfaces"]["mac7"])


def test_it_reaches_the_lan(clean: Host) -> None:
    """The machine outside sees another MAC address than that of the NIC."""
    clean.shell(OUTER)
    before = clean.interfaces()
    created = _macvlan(clean, parent="ens7", mac="02:00:00:00:07:77", addresses=["192.168.30.7/24"])
    assert created["method"] == "created" and created["interface"]["definition"]["mode"] == "bridge"
    assert clean.can("ping -n -c 1 -W 2 -I mac7 192.168.30.1")
    assert "02:00:00:00:07:77" in clean.shell("ip -n outer neighbour show 192.168.30.7")
    (info,) = clean.ok("macvlan_iface_info", {})["macvlans"]
    _macvlan(clean, changed=False, **info["definition"])
    assert _macvlan(clean, state="absent")["method"] == "removed"
    assert clean.interfaces() == before


def test_changed_and_created_again(clean: Host) -> None:
    clean.shell(f"{OUTER}; ip link add ens8 type veth peer name q8")
    _macvlan(clean, parent="ens7", addresses=["192.168.30.7/24"], routes=[{"to": "10.9.0.0/16", "via": "192.168.30.1"}])
    was = _found(clean)
    for mode in ("private", "vepa", "bridge"):
        assert _macvlan(clean, mode=mode)["method"] == "changed"
        assert _found(clean)["settings"]["mode"] == mode and _found(clean)["index"] == was["index"]
    _macvlan(clean, mtu=1400)
    refused(
        clean,
        {"name": "mac7", "persist": "none", "mode": "passthru", "recreate": False},
        "recreate",
        module="macvlan_iface",
        option="mode",
    )
    alone = _macvlan(clean, mode="passthru")
    assert alone["method"] == "recreated"
    now = _found(clean)
    assert now["mac"] == "02:00:00:00:07:07" and now["mtu"] == 1400
    assert (now["addresses"], now["routes"]) == (was["addresses"], was["routes"])
    assert clean.interfaces()["interfaces"]["ens7"]["mac"] == "02:00:00:00:07:07"
    assert _macvlan(clean, mode="bridge")["method"] == "recreated" and _found(clean)["mac"] != "02:00:00:00:07:07"
    moved = _macvlan(clean, parent="ens8")
    assert moved["method"] == "recreated" and _found(clean)["parent"] == "ens8"


def test_stored_by_networkd(clean: Host) -> None:
    clean.shell(f"{OUTER}; mkdir -p {HOME}; printf '[Match]\\nName=theirs*\\n' >{HOME}/10-theirs.network")
    before = clean.interfaces()
    given: dict[str, Any] = {
        "parent": "ens7",
        "mode": "private",
        "addresses": ["192.168.30.7/24"],
        "persist": "networkd",
    }
    made = _macvlan(clean, **given)
    files = clean.interfaces()["files"]
    assert "Kind=macvlan" in files[f"{HOME}/05-virtnet-kvm-mac7.netdev"]
    assert "Mode=private" in files[f"{HOME}/05-virtnet-kvm-mac7.netdev"]
    assert any("MACVLAN=mac7" in files[path] for path in made["files"])
    _macvlan(clean, persist="networkd", state="absent")
    after = clean.interfaces()
    assert after["files"] == before["files"] and "mac7" not in after["interfaces"]


def test_in_a_namespace(clean: Host) -> None:
    """In a namespace that isn't stored nothing of it is stored either."""
    clean.shell(OUTER)
    made = converge(clean, {"name": "mac7", "netns": "outer", "parent": "eth0"}, module="macvlan_iface", changed=True)
    assert made["persist"] == "none" and made["files"] == []
    gone = {"name": "mac7", "netns": "outer", "state": "absent"}
    converge(clean, gone, module="macvlan_iface", changed=True)
    clean.shell("ip netns delete outer; while ip link show ens7 >/dev/null 2>&1; do sleep 0.1; done")
    converge(clean, gone, module="macvlan_iface", changed=False)


def test_undone(clean: Host) -> None:
    clean.shell(OUTER)
    _macvlan(clean, parent="ens7", addresses=["192.168.30.7/24"])
    was = clean.interfaces()
    fault = {"name": "add_address", "at": 1, "when": "before", "error": "no buffer space"}
    failed = clean.module("macvlan_iface", {"name": "mac7", "persist": "none", "mode": "passthru"}, fault=fault)
    assert failed["failed"] and "the host is as it was" in failed["msg"]
    found = clean.interfaces()
    was["interfaces"]["mac7"].pop("index")
    found["interfaces"]["mac7"].pop("index")
    assert found == was


BAD: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "no parent": ({}, "parent", ("mac7",)),
    "a parent that isn't there": ({"parent": "nobody"}, "parent", ("nobody", "create it")),
    "lo": ({"parent": "lo"}, "parent", ("lo", "Ethernet")),
    "itself": ({"parent": "mac7"}, "parent", ("mac7", "itself")),
    "a macvlan as the parent": ({"parent": "mac1"}, "parent", ("mac1", "ens7")),
    "a port of a bridge": ({"parent": "p8"}, "parent", ("p8", "br8")),
    "a second beside passthru": ({"parent": "q8"}, "parent", ("q8", "mac8", "passthru")),
    "passthru beside another": ({"parent": "ens7", "mode": "passthru"}, "mode", ("passthru", "mac1")),
    "the parent's MAC address": ({"parent": "ens7", "mac": "02:00:00:00:07:07"}, "mac", ("ens7",)),
    "another's MAC address": ({"parent": "ens7", "mac": "02:00:00:00:07:01"}, "mac", ("mac1",)),
    "an MTU too large": ({"parent": "ens7", "mtu": 9000}, "mtu", ("9000", "1500")),
    "a name of another kind": ({"name": "br8", "parent": "ens7"}, "name", ("br8", "bridge")),
    "a name too long": ({"name": "m" * 16, "parent": "ens7"}, "name", ("15",)),
    "what is no macvlan is not removed": ({"name": "br8", "state": "absent"}, "name", ("br8", "macvlan")),
}


@pytest.mark.parametrize("what", BAD)
def test_refused(clean: Host, what: str) -> None:
    options, option, said = BAD[what]
    clean.shell(
        f"{OUTER}; ip link add br8 type bridge; ip link add p8 type veth peer name q8; ip link set p8 master br8;"
        "ip link add mac1 link ens7 address 02:00:00:00:07:01 type macvlan mode bridge;"
        "ip link add mac8 link q8 type macvlan mode passthru"
    )
    refused(clean, {"name": "mac7", "persist": "none", **options}, *said, module="macvlan_iface", option=option)
