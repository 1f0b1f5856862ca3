# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""That packets get the rates, delays and classes that are declared, measured by the kernel's own counters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.load import FAR, PLAIN_FAR, has_rates, load, measured

MODULES = ("tc_shaping",)
_RATE = {"device": "web0", "egress": {"rate": "8mbit", "burst": "50kb"}}


@pytest.fixture
def plain(clean: Host) -> Iterator[Host]:
    clean.shell(PLAIN_FAR)
    yield clean


@pytest.fixture
def far(clean: Host) -> Iterator[Host]:
    clean.shell(FAR)
    yield clean


def _counted(host: Host) -> dict[str, int]:
    (info,) = host.ok("tc_shaping_info", {})["shaping"]
    return {each["class"]: each["packets"] for each in info["counters"]["egress"]}


@pytest.mark.once
def test_rates_on_a_kernel_without_the_rest(plain: Host) -> None:
    """A container's kernel may have HTB and no more: rates of both directions, and what it lacks is refused by its name."""
    converge(plain, {**_RATE, "ingress": {"rate": "8mbit"}}, module="tc_shaping", changed=True)
    measured(lambda: has_rates(plain, (7001,), {"1:f": 8}))
    came = "ping -c 2 -i 0.2 192.168.30.1"
    plain.until(f"{came} && tc -s class show dev ifb-web0 | grep 'Sent [1-9]'")
    if not plain.can("modprobe sch_fq_codel || tc qdisc add dev lo root fq_codel"):
        kind = {"device": "web0", "egress": {"queue": {"kind": "fq_codel"}}}
        refused(plain, kind, "egress.queue: needs fq_codel, which this kernel doesn't have", module="tc_shaping")
    converge(plain, {"device": "web0", "state": "absent"}, module="tc_shaping", changed=True)
    assert plain.shell("tc qdisc show dev web0").count("qdisc") == 1
    both: dict[str, Any] = {
        "bridges": [{"name": "br-shaped"}],
        "shaping": [{"device": "br-shaped", "egress": {"rate": "5mbit"}}],
    }
    made = plain.ok("fabric", both, check=True)
    assert plain.ok("fabric", both)["diff"] == made["diff"] and not plain.ok("fabric", both)["changed"]
    for each in (*both["bridges"], *both["shaping"]):
        each["state"] = "absent"
    assert len(plain.ok("fabric", both)["actions"]) > 2 and not plain.ok("fabric", both)["changed"]


@pytest.mark.kernel("trixie_uml")
def test_competing_classes_and_a_change_under_load(far: Host) -> None:
    names = (("a", "4mbit"), ("b", "2mbit"), ("rest", "1mbit"))
    classes = [{"name": name, "rate": rate, "ceil": "9mbit", "burst": "50kb", "cburst": "50kb"} for name, rate in names]
    side: dict[str, Any] = {
        "rate": "9mbit",
        "burst": "50kb",
        "default": "rest",
        "classes": classes,
        "filters": [
            {"class": "a", "protocol": "udp", "destination_port": "7001"},
            {"class": "b", "protocol": "udp", "destination_port": "7002-7009"},
        ],
    }
    far.ok("tc_shaping", {"device": "web0", "egress": side})
    for ports, wanted in (((7001, 7002), {"1:10": 6, "1:11": 3}), ((7001, 7002, 9), {"1:10": 36 / 7, "1:11": 18 / 7})):
        measured(partial(has_rates, far, ports, {"1:f": 9, **wanted}))
    changed = {
        "device": "web0",
        "egress": {"rate": "12mbit", "filters": [*side["filters"], {"class": "rest", "vlan": 9}]},
    }
    far.start_module("tc_shaping", changed, agent=1)
    found = load(far, 7001, 7002)
    assert far.end_module(agent=1)["changed"] and not any(found["drops"].values()), found
    assert min(found["mbit"].values()) >= 0, "a counter began again"
    measured(lambda: has_rates(far, (7001, 7002), {"1:f": 12}))


@pytest.mark.kernel("trixie_uml")
def test_delay_loss_and_one_filter_for_all_families(far: Host) -> None:
    impaired: dict[str, Any] = {"name": "a", "rate": "1mbit", "ceil": "10mbit", "impair": {"delay": "50ms"}}
    side = {
        "rate": "10mbit",
        "default": "rest",
        "classes": [impaired, {"name": "rest", "rate": "1mbit", "ceil": "10mbit"}],
        "filters": [{"class": "a", "dscp": "ef"}],
    }
    far.ok("tc_shaping", {"device": "web0", "egress": side})
    assert (before := _counted(far))["a"] == 0
    for address in ("192.168.30.1", "fd00:30::1", "192.168.37.1"):
        far.shell(f"ping -Q 0xb8 -c 5 -i 0.1 -W 1 {address}", check=False)
    assert _counted(far)["a"] == 15, before
    impaired["impair"] |= {"loss": "10%", "seed": 3}
    far.ok("tc_shaping", {"device": "web0", "egress": side})
    measured(lambda: _is_impaired(far))


def _is_impaired(host: Host) -> None:
    """10 % of 200 packets are lost, within three standard deviations, and all others are late by 50 ms."""
    said = host.shell("ping -q -Q 0xb8 -c 200 -i 0.01 -W 1 192.168.30.1; ping -q -c 3 -i 0.1 192.168.30.1", check=False)
    lost, others = (float(line.split("% packet")[0].split()[-1]) for line in said.splitlines() if "packet loss" in line)
    delayed, plain = (float(line.split("= ")[1].split("/")[0]) for line in said.splitlines() if "min/avg" in line)
    assert abs(lost - 10) < 3 * 2.2 and others == 0, said
    assert 50 <= delayed - plain + 0.5 <= 53.5, said
