# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The shaping of an interface: each option is created, changed and removed, and tc shows the same as the module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host

MODULES = ("tc_shaping", "tc_shaping_info")
_LINKS = """set -e
ip netns add far
ip link add web0 type veth peer name eth0 netns far
ip link set web0 up; ip -n far link set eth0 up"""
_TREE: dict[str, Any] = {
    "rate": "100mbit",
    "default": "rest",
    "classes": [
        {"name": "storage", "rate": "40mbit", "ceil": "100mbit", "priority": 1, "queue": {"kind": "fq_codel"}},
        {
            "name": "rest",
            "rate": "20mbit",
            "ceil": "100mbit",
            "impair": {"delay": "50ms", "jitter": "5ms", "loss": "0.1%"},
        },
    ],
    "filters": [
        {"class": "storage", "protocol": "tcp", "destination_port": "3260-3262"},
        {"class": "storage", "source": "2001:db8::/32", "dscp": "ef", "vlan": 7},
    ],
}


@pytest.fixture
def shaped(clean: Host) -> Iterator[Host]:
    if not clean.can("ip link show web0"):
        clean.shell(_LINKS)
    yield clean


def _apply(host: Host, *, changed: bool = True, **options: Any) -> dict[str, Any]:
    return converge(host, {"device": "web0", **options}, module="tc_shaping", changed=changed)


def _run(host: Host, **options: Any) -> dict[str, Any]:
    """What is shown by `_apply` already: once, without check mode."""
    found = host.ok("tc_shaping", {"device": "web0", **options})
    assert found["changed"]
    return found


@pytest.mark.each
@pytest.mark.kernel
def test_a_tree(shaped: Host) -> None:
    """Created, read and given back, changed in place, and removed; then all that was there before is there."""
    before = shaped.shell("tc -d qdisc show; ls /sys/class/net")
    _apply(shaped, egress=_TREE)
    (info,) = shaped.ok("tc_shaping_info", {})["shaping"]
    assert info["problems"] == [] and [each["class"] for each in info["counters"]["egress"]] == ["", "storage", "rest"]
    given = {"device": "web0", "egress": info["definition"]["egress"]}
    assert not shaped.ok("tc_shaping", given)["changed"]
    changed = _apply(shaped, egress={"rate": "90mbit"}, ingress={"rate": "20mbit"})
    assert changed["after"]["egress"]["classes"] == info["definition"]["egress"]["classes"]
    assert "rate 90Mbit" in shaped.shell("tc class show dev web0 classid 1:f")
    assert "ifb-web0" in shaped.shell("tc filter show dev web0 ingress")
    _apply(shaped, ingress={"police": {"rate": "5mbit", "burst": "20kb"}})
    assert "police" in shaped.shell("tc filter show dev web0 ingress")
    _run(shaped, ingress={})
    _apply(shaped, state="absent")
    assert shaped.shell("tc -d qdisc show; ls /sys/class/net") == before


# One class for each kind of queue, with all its options.
_QUEUES: list[dict[str, Any]] = [
    {
        "kind": "fq_codel",
        "limit": 500,
        "flows": 512,
        "target": "10ms",
        "interval": "50ms",
        "quantum": 300,
        "ecn": False,
    },
    {"kind": "sfq", "limit": 50, "quantum": 3000, "perturb": 10},
    {"kind": "pfifo", "limit": 10},
    {"kind": "bfifo", "limit": "64kb"},
    {"kind": "tbf", "rate": "1mbit", "burst": "20kb", "latency": "30ms"},
    {"kind": "cake", "rate": "1mbit", "diffserv": "diffserv4", "isolation": "flows", "rtt": "20ms", "nat": True},
]
_OTHERS: list[dict[str, Any]] = [
    {"kind": "fq_codel", "limit": 600, "flows": 512, "target": "7ms", "memory_limit": "4mb"},
    {"kind": "sfq", "limit": 60},
    {"kind": "pfifo", "limit": 20},
    {"kind": "bfifo", "limit": "32kb"},
    {"kind": "tbf", "rate": "2mbit", "limit": "100kb"},
    {"kind": "cake", "wash": True, "ack_filter": "aggressive"},
]
_IMPAIRMENTS: list[list[dict[str, Any]]] = [
    [{"delay": "20ms", "jitter": "2ms", "delay_correlation": "25%", "distribution": "normal"}, {"delay": "21ms"}],
    [{"loss": "1%", "loss_correlation": "5%", "seed": 7}, {"loss": "2%"}],
    [{"loss_model": {"p": "1%", "r": "10%", "bad": "70%", "good": "0.1%"}}, {"loss_model": {"p": "2%"}}],
    [{"corrupt": "0.1%", "corrupt_correlation": "1%", "limit": 20}, {"corrupt": "0.2%"}],
    [{"delay": "5ms", "reorder": "25%", "reorder_correlation": "50%", "gap": 5}, {"delay": "5ms", "reorder": "5%"}],
    [{"rate": "40gbit"}, {"rate": "1mbit"}],
]


def _classes(key: str, held: list[dict[str, Any]]) -> dict[str, Any]:
    classes = [{"name": f"c{place}", "rate": "1mbit", key: each} for place, each in enumerate(held)]
    return {"rate": "10mbit", "default": "c0", "classes": classes}


@pytest.mark.kernel("trixie_uml")
def test_queues_and_impairments(shaped: Host) -> None:
    """All kinds with all options: some can be changed in place, and the others are said to lose their packets."""
    _apply(shaped, egress=_classes("queue", _QUEUES))
    changed = _apply(shaped, egress=_classes("queue", _OTHERS))
    assert [each for each in changed["warnings"] if "class c1" in str(each)], changed["warnings"]
    assert len(changed["warnings"]) == 1
    shown = shaped.shell("tc -d qdisc show dev web0")
    for said in (
        "sfq 4011: ",
        "limit 600p flows 512 quantum 1514 target 7ms",
        "rate 2Mbit",
        "limit 32Kb",
        "ack-filter",
    ):
        assert said in shown, shown
    impaired = _apply(shaped, egress=_classes("impair", [first for first, _second in _IMPAIRMENTS]))
    assert len(impaired["warnings"]) == 6
    shown = shaped.shell("tc -d qdisc show dev web0")
    for said in ("delay 20ms  2ms 25%", "seed 7", "loss gemodel p 1% r 10% 1-h 70% 1-k 0.1%", "rate 40Gbit", "gap 5"):
        assert said in shown, shown
    _apply(shaped, egress=_classes("impair", [second for _first, second in _IMPAIRMENTS]))
    _run(shaped, egress={"classes": [], "default": "", "impair": {"delay": "1ms"}})
    _apply(shaped, egress={"rate": "", "impair": {"duplicate": "1%", "duplicate_correlation": "2%"}})
    assert "qdisc netem 1: root" in shaped.shell("tc qdisc show dev web0")
    _run(shaped, egress={"impair": {"duplicate": "2%"}})
    _run(shaped, state="absent")


_CRITERIA: list[list[dict[str, Any]]] = [
    [{"protocol": "udp", "source_port": 53}, {"protocol": "udp", "source_port": 54}],
    [{"source": "192.168.30.0/24"}, {"source": "192.168.31.0/24"}],
    [{"destination": "10.0.0.0/8", "protocol": "icmp"}, {"destination": "10.0.0.0/16", "protocol": "icmp"}],
    [{"protocol": "tcp", "destination_port": "1-5"}, {"protocol": "tcp", "destination_port": "1-6"}],
    [{"vlan": 7}, {"vlan": 8}],
    [{"source_mac": "52:54:00:00:00:01"}, {"destination_mac": "52:54:00:00:00:01", "family": "ipv4"}],
    [{"dscp": "af41"}, {"dscp": 3}],
    [{"mark": 7}, {"mark": 8}],
    [{"source": "2001:db8::1", "protocol": "sctp", "source_port": "5-9"}, {"source": "2001:db8::2"}],
]


@pytest.mark.kernel("trixie_uml")
def test_filters_and_classes(shaped: Host) -> None:
    """All criteria; a filter is inserted and removed in place; a class is moved to another parent."""
    tree = {**_classes("priority", [{}, {}]), "filters": []}
    for each in tree["classes"]:
        each.pop("priority")
    tree["classes"][1] |= {"ceil": "5mbit", "burst": "20kb", "cburst": "30kb", "quantum": 2000, "priority": 3}
    for place in (0, 1):
        tree["filters"] = [{"class": "c1", **both[place]} for both in _CRITERIA]
        _apply(shaped, egress=tree)
    inserted = _run(
        shaped, egress={"filters": [*tree["filters"][:3], {"class": "c1", "vlan": 9}, *tree["filters"][3:]]}
    )
    assert len(inserted["actions"]) == 2, inserted["actions"]
    removed = _run(shaped, egress={"filters": tree["filters"]})
    assert removed["actions"][1:] == ["remove a filter to class c1 of egress of web0"]
    moved = _apply(
        shaped,
        egress={
            "classes": [
                {"name": "c0", "rate": "1mbit"},
                {"name": "c1", "rate": "1mbit", "parent": "top"},
                {"name": "top", "rate": "2mbit"},
            ]
        },
    )
    assert any("class c1" in str(each) for each in moved["warnings"]), moved["warnings"]
    _run(shaped, state="absent")


@pytest.mark.kernel
def test_it_is_applied_whenever_the_interface_is_created(shaped: Host) -> None:
    """Also before it is there; and no longer when that is not asked for."""
    shaped.shell("ip link del web0; ip netns del far")
    made = _apply(shaped, egress=_TREE, ingress={"rate": "20mbit"}, persist=True)
    assert len(made["actions"]) == 1, made["actions"]
    for _birth in range(2):
        shaped.shell(_LINKS)
        shaped.until(
            "tc class show dev web0 | grep 'class htb 1:11' && tc filter show dev web0 ingress | grep ifb-web0"
        )
        assert not shaped.ok("tc_shaping", {"device": "web0", "egress": _TREE, "persist": True})["changed"]
        shaped.shell("ip link del web0; ip netns del far")
    shaped.shell(_LINKS)
    shaped.until("tc filter show dev web0 ingress | grep ifb-web0")
    shaped.ok("tc_shaping", {"device": "web0", "persist": False})
    assert not shaped.can("ls /etc/udev/rules.d/*virtnet-kvm*")
    refused(
        shaped, {"device": "vnet0", "egress": _TREE, "persist": True}, "such names are counted up", module="tc_shaping"
    )


@pytest.mark.kernel("trixie_uml")
def test_a_checkpoint_restores_it(shaped: Host) -> None:
    shaped.ok("tc_shaping", {"device": "web0", "egress": _TREE})
    look = "tc -d qdisc show dev web0; tc -d class show dev web0 | grep htb; tc filter show dev web0; ls /sys/class/net"
    before = shaped.shell(look)
    shaped.ok("net_checkpoint", {"name": "shaping", "state": "created", "timeout": 600})
    shaped.ok(
        "tc_shaping", {"device": "web0", "egress": {"rate": "90mbit", "filters": []}, "ingress": {"rate": "1mbit"}}
    )
    shaped.shell("ip link add dummy9 type dummy")
    shaped.ok("tc_shaping", {"device": "dummy9", "egress": {"impair": {"delay": "5ms"}}})
    shaped.ok("net_checkpoint", {"name": "shaping", "state": "rolled_back"})
    assert [each["name"] for each in shaped.ok("tc_shaping_info", {})["shaping"]] == ["web0"]
    shaped.shell("ip link del dummy9", check=False)
    assert shaped.shell(look) == before
    assert not shaped.ok("tc_shaping", {"device": "web0", "egress": _TREE})["changed"]
