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
        {"name": "rest", "rate": "20mbit", "ceil": "100mbit", "impair": {"delay": "50ms", "jitter": "5ms", "loss": "0.1%"}},
    ],
    "filters": [
        {"class": "storage", "protocol": "tcp", "destination_port": "3260-3262"},
        {"class": "storage", "source": "2001:db8::/32", "dscp": "ef", "vlan": 7},
    ],
}


@pytest.fixture
def shaped(clean: Host) -> Iterator[Host]:
    clean.shell(_LINKS)
    yield clean


def _apply(host: Host, *, changed: bool = True, **options: Any) -> dict[str, Any]:
    return converge(host, {"device": "web0", **options}, module="tc_shaping", changed=changed)


@pytest.mark.kernel
def test_a_tree(shaped: Host) -> None:
    before = shaped.shell("tc -d qdisc show dev web0")
    made = _apply(shaped, egress=_TREE)
    print(made["actions"], made["after"])
    print(shaped.shell("tc -d qdisc show dev web0; tc -d class show dev web0; tc -d filter show dev web0"))
    (info,) = shaped.ok("tc_shaping_info", {})["shaping"]
    assert info["problems"] == [] and [each["class"] for each in info["counters"]["egress"]] == ["", "storage", "rest"]
    _apply(shaped, changed=False, **{"egress": info["definition"]["egress"]})
    _apply(shaped, egress={"rate": "50mbit"}, ingress={"rate": "20mbit"})
    _apply(shaped, state="absent")
    assert shaped.shell("tc -d qdisc show dev web0") == before
    assert refused
