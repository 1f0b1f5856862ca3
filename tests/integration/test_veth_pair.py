# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Veth pairs: namespaces that are joined by them with routes between, ends on the host and in bridges, and what is refused."""

from __future__ import annotations

import copy
from typing import Any, Optional

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host

pytestmark = pytest.mark.once("bookworm")

MODULES = ("veth_pair", "veth_pair_info", "net_namespace", "fabric")

UNIT = "virtnet-kvm-links.service"
# A namespace that is deleted takes its interfaces with it a moment later.
GONE = "while ip link show red0 >/dev/null 2>&1; do sleep 0.1; done"


def _joined(color: str, number: int) -> dict[str, Any]:
    """A namespace's pair to the router, with addresses of both families."""
    return {
        "name": "eth0",
        "netns": color,
        "addresses": [f"10.7.{number}.2/24", f"fd00:7:{number}::2/64"],
        "routes": [{"to": "default", "via": f"10.7.{number}.1"}, {"to": "::/0", "via": f"fd00:7:{number}::1"}],
        "peer": {
            "name": f"{color}0",
            "netns": "router",
            "addresses": [f"10.7.{number}.1/24", f"fd00:7:{number}::1/64"],
        },
    }


ROUTED: dict[str, Any] = {
    "namespaces": [
        {"name": "red"},
        {"name": "blue"},
        {"name": "router", "ipv4_forwarding": True, "ipv6_forwarding": True},
    ],
    "veth_pairs": [_joined("red", 1), _joined("blue", 2)],
}


def _absent(declared: dict[str, Any]) -> dict[str, Any]:
    return {
        kind: [
            {"state": "absent", **{key: each[key] for key in ("name", "netns", "persist") if key in each}}
            for each in items
        ]
        for kind, items in declared.items()
    }


def _meets(host: Host, namespace: str, address: str) -> None:
    """A packet comes back, once duplicate address detection is done."""
    host.until(f"ip netns exec {namespace} ping -n -c 1 -W 1 {address}", 10)


def _pair(host: Host, *, changed: bool | None = True, **options: Any) -> dict[str, Any]:
    return converge(host, {"name": "red0", **options}, module="veth_pair", changed=changed)


def test_two_namespaces_and_a_router(clean: Host) -> None:
    """What the seeds do with `ip netns`: two namespaces reach each other through a third one, also after a reboot."""
    before = clean.interfaces()
    made = converge(clean, ROUTED, module="fabric", changed=True)
    assert [each["method"] for each in made["veth_pairs"]] == ["created", "created"]
    for address in ("10.7.2.2", "fd00:7:2::2"):
        _meets(clean, "red", address)
    # as at boot: the namespaces are gone, and the unit starts
    clean.shell(f"for each in red blue router; do ip netns delete $each; done; systemctl restart {UNIT}")
    for address in ("10.7.2.2", "fd00:7:2::2"):
        _meets(clean, "red", address)
    converge(clean, ROUTED, module="fabric", changed=False)
    converge(clean, _absent(ROUTED), module="fabric", changed=True)
    assert clean.interfaces() == before and not clean.can("ls /run/netns | grep .")
    assert not clean.can("ls -d /etc/virtnet.kvm/links.d") and not clean.can(f"systemctl is-active {UNIT}")
    converge(clean, _absent(ROUTED), module="fabric", changed=False)


def test_from_the_host_and_changed(clean: Host) -> None:
    """An end on the host reaches the one in a namespace; what is left out stays, and a list is complete."""
    clean.shell("ip netns add red")
    made = _pair(
        clean,
        addresses=["10.7.1.1/24"],
        peer={
            "name": "eth0",
            "netns": "red",
            "addresses": ["10.7.1.2/24"],
            "routes": [{"to": "default", "via": "10.7.1.1"}],
            "mac": "02:00:00:00:07:02",
        },
    )
    assert made["veth_pair"]["peer"]["mac"] == "02:00:00:00:07:02" and clean.can("ping -n -c 1 -W 2 10.7.1.2")
    changed = _pair(clean, mtu=1400, peer={"name": "eth0", "netns": "red", "mtu": 1400, "addresses": ["10.7.1.9/24"]})
    assert changed["method"] == "changed" and changed["after"]["peer"]["routes"]
    assert clean.can("ping -n -c 1 -W 2 -M do -s 1372 10.7.1.9")
    _pair(clean, peer={"name": "eth0", "netns": "/run/netns/red", "up": False})
    found = clean.interfaces("red")["interfaces"]["eth0"]
    assert not found["up"] and found["mac"] == "02:00:00:00:07:02" and found["addresses"]
    (info,) = clean.ok("veth_pair_info", {"name": ["red0"]})["veth_pairs"]
    assert info["peer"]["netns"] == "red" and info["definition"]["peer"]["addresses"] == ["10.7.1.9/24"]
    _pair(clean, persist="none", changed=False, **info["definition"])
    assert _pair(clean, state="absent")["method"] == "removed"
    assert "eth0" not in clean.interfaces("red")["interfaces"]


def test_connected_to_a_bridge(clean: Host) -> None:
    """An end is a port of the bridge of the same run, whether the bridge lists it or not, and reaches the host."""
    bridge = {"name": "br7", "addresses": ["192.168.27.1/24"], "persist": "none"}
    declared: dict[str, Any] = {
        "bridges": [bridge],
        "namespaces": [{"name": "red"}],
        "veth_pairs": [
            {
                "name": "red0",
                "bridge": "br7",
                "peer": {"name": "eth0", "netns": "red", "addresses": ["192.168.27.2/24"]},
            }
        ],
    }
    converge(clean, declared, module="fabric", changed=True)
    _meets(clean, "red", "192.168.27.1")
    listed = copy.deepcopy(declared)
    listed["bridges"][0]["ports"] = [{"name": "red0"}]
    converge(clean, listed, module="fabric")
    assert clean.interfaces()["interfaces"]["red0"]["master"] == "br7"
    # at boot the bridge comes when its tool creates it
    clean.shell(
        f"ip netns delete red; {GONE}; ip link delete br7; (sleep 2; ip link add br7 up type bridge) >/dev/null 2>&1 &"
    )
    clean.shell(f"systemctl restart {UNIT}")
    clean.until("ip link show master br7 | grep red0", 20)
    _pair(clean, bridge="")
    assert clean.interfaces()["interfaces"]["red0"]["master"] is None
    converge(clean, _absent(declared), module="fabric", changed=True)


def test_other_interfaces_in_a_new_namespace(clean: Host) -> None:
    """A bridge and a macvlan interface in a namespace of the same run, which are stored with it."""
    declared: dict[str, Any] = {
        "namespaces": [{"name": "red"}],
        "veth_pairs": [{"name": "red0", "addresses": ["10.7.1.1/24"], "peer": {"name": "eth0", "netns": "red"}}],
        "macvlans": [{"name": "m0", "netns": "red", "parent": "eth0", "addresses": ["10.7.1.7/24"]}],
        "bridges": [{"name": "br0", "netns": "red", "stp": True, "addresses": ["10.8.1.1/24"]}],
    }
    made = converge(clean, declared, module="fabric", changed=True)
    assert {made[kind][0]["persist"] for kind in declared} == {"systemd"}
    assert clean.can("ping -n -c 1 -W 2 10.7.1.7")
    clean.shell(f"ip netns delete red; {GONE}; systemctl restart {UNIT}")
    assert clean.can("ping -n -c 1 -W 2 10.7.1.7")
    converge(clean, declared, module="fabric", changed=False)
    absent = _absent(declared)
    for kind in ("macvlans", "bridges"):
        absent[kind][0]["netns"] = "red"
    converge(clean, absent, module="fabric", changed=True)
    assert not clean.can("ls -d /etc/virtnet.kvm/links.d")


def test_undone_and_completed(clean: Host) -> None:
    """A step that fails leaves the host as it was; a run that is killed is completed by the next one."""
    clean.shell("ip netns add red; ip link add br7 up address 02:00:00:00:07:07 type bridge")
    peer = {"name": "eth0", "netns": "red", "addresses": ["10.7.1.2/24"]}
    options = {"name": "red0", "addresses": ["10.7.1.1/24"], "bridge": "br7", "peer": peer}
    bare = clean.interfaces()
    fault = {"name": "add_address", "at": 2, "when": "before", "error": "no buffer space"}
    failed = clean.module("veth_pair", options, fault=fault)
    assert failed["failed"] and "the host is as it was" in failed["msg"] and clean.interfaces() == bare
    killed = clean.module("veth_pair", options, fault={"name": "set", "at": 1, "when": "before", "signal": 9})
    assert killed["signal"] == 9
    converge(clean, options, module="veth_pair", changed=True)
    assert all(clean.interfaces(netns)["interfaces"][name]["up"] for netns, name in ((None, "red0"), ("red", "eth0")))
    before = (clean.interfaces(), clean.interfaces("red"))
    fault = {"name": "write", "at": 1, "when": "before", "error": "no space left"}
    failed = clean.module("veth_pair", {"name": "red0", "state": "absent"}, fault=fault)
    assert failed["failed"] and "the host is as it was" in failed["msg"]
    for was, netns in zip(before, (None, "red")):
        found = clean.interfaces(netns)
        for each in (*was["interfaces"].values(), *found["interfaces"].values()):
            each.pop("index")
            each.pop("parent")
        assert found == was


Bad = tuple[dict[str, Any], Optional[str], tuple[str, ...]]
NEW = {"name": "new1"}
BAD: dict[str, Bad] = {
    "no peer": ({"name": "new0"}, "peer", ("new0", "other end")),
    "a name too long": ({"name": "n" * 16, "peer": NEW}, "name", ("15",)),
    "a peer's name too long": ({"name": "new0", "peer": {"name": "n" * 16}}, "peer.name", ("15",)),
    "the same end twice": ({"name": "new0", "peer": {"name": "new0"}}, "peer.name", ("new0",)),
    "a namespace that isn't there": ({"name": "new0", "netns": "nowhere", "peer": NEW}, "netns", ("nowhere",)),
    "a peer's namespace that isn't there": (
        {"name": "new0", "peer": {"name": "new1", "netns": "nowhere"}},
        "peer.netns",
        ("nowhere",),
    ),
    "a bridge's name": ({"name": "br7", "peer": NEW}, "name", ("br7", "bridge")),
    "an end of another pair": ({"name": "x7", "peer": NEW}, "name", ("x7", "y7 in namespace red")),
    "a peer of another pair": (
        {"name": "new0", "peer": {"name": "y7", "netns": "red"}},
        "peer.name",
        ("y7", "x7"),
    ),
    "the same names in another namespace": ({"name": "x7", "peer": {"name": "y7"}}, "name", ("y7 in namespace red",)),
    "no bridge": ({"name": "new0", "bridge": "x7", "peer": NEW}, "bridge", ("x7", "not a bridge")),
    "a bridge of another namespace": (
        {"name": "new0", "peer": {"name": "new1", "netns": "red", "bridge": "br7"}},
        "peer.bridge",
        ("br7", "namespace"),
    ),
    "a gateway that isn't reached": (
        {"name": "new0", "peer": {"name": "new1", "netns": "red", "routes": [{"to": "default", "via": "10.1.1.1"}]}},
        "peer.routes[0].via",
        ("10.1.1.1",),
    ),
    "an address twice": (
        {"name": "new0", "addresses": ["10.7.1.1/24"], "peer": {"name": "new1", "addresses": ["10.7.1.1/24"]}},
        "peer.addresses[0]",
        ("10.7.1.1/24", "new0"),
    ),
    "what is no veth is not removed": ({"name": "br7", "state": "absent"}, "name", ("br7", "veth")),
    "another pair is not removed": (
        {"name": "x7", "state": "absent", "peer": {"name": "new1"}},
        "peer.name",
        ("new1", "y7 in namespace red"),
    ),
    "what is on it": ({"name": "x7", "state": "absent"}, None, ("x7", "m7")),
}


@pytest.mark.parametrize("what", BAD)
def test_refused(clean: Host, what: str) -> None:
    options, option, said = BAD[what]
    clean.shell("ip netns add red; ip link add br7 type bridge; ip link add x7 type veth peer name y7 netns red")
    clean.shell("ip link add m7 link x7 type macvlan")
    refused(clean, options, *said, module="veth_pair", option=option)
