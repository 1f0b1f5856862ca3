# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Bridges, VLANs, taps and networks in one task: made in the order that they need each other, and undone together."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.cases_interfaces import PORTS
from integration.support.checks import converge, refused
from integration.support.guests import guest_on, reaches
from integration.support.host import Host
from integration.support.networks import isolated
from integration.support.wires import NIC, OUTER, session

NONE = {"persist": "none"}
COMPARED = ("name", "changed", "actions", "method", "before", "after")


def _fabric(host: Host, *, changed: bool = True, **lists: list[dict[str, Any]]) -> dict[str, Any]:
    for kind in ("bridges", "vlans", "taps"):
        if kind in lists:
            lists[kind] = [{**NONE, **each} for each in lists[kind]]
    return converge(host, lists, module="fabric", changed=changed)


def _office(**more: Any) -> dict[str, Any]:
    return {"name": "office", "forward": {"mode": "bridge"}, "bridge": {"name": "br7"}, **more}


def _gone(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "state": "absent"} for name in names]


def test_everything_at_once(clean: Host) -> None:
    """A libvirt network on a bridge, whose port is a tap: each is there before what needs it, however they are listed."""
    clean.shell(PORTS)
    before = clean.everything()
    made = _fabric(
        clean,
        networks=[_office(), isolated("one", 170)],
        bridges=[
            {"name": "br7", "ports": [{"name": "p0"}, {"name": "tap8", "cost": 7}], "addresses": ["192.168.20.2/24"]},
        ],
        taps=[{"name": "tap8"}, {"name": "tap7", "bridge": "br7"}],
    )
    for kind, names in (("networks", ["office", "one"]), ("bridges", ["br7"]), ("taps", ["tap8", "tap7"])):
        assert [(each["name"], each["method"]) for each in made[kind]] == [(name, "created") for name in names]
    assert sorted(made["actions"]) == sorted(
        action for kind in ("networks", "bridges", "taps") for each in made[kind] for action in each["actions"]
    )
    found = clean.everything()
    assert {name for name, each in found["interfaces"].items() if each["master"] == "br7"} == {"p0", "tap7", "tap8"}
    assert found["interfaces"]["tap8"]["port"]["cost"] == 7 and found["networks"]["office"]["active"]
    # one by one, they are what their modules make of the same options
    clean.ok("linux_bridge", {"name": "br7", **NONE, "ports": [{"name": "p0"}, {"name": "tap8", "cost": 7}]})
    with guest_on(clean, "office", ip="192.168.20.77/24", kind="station"):
        reaches(clean, "192.168.20.77", seconds=90)
    gone = _fabric(clean, networks=_gone("one", "office"), bridges=_gone("br7"), taps=_gone("tap7", "tap8"))
    assert {each["method"] for kind in ("networks", "bridges", "taps") for each in gone[kind]} == {"removed"}
    assert clean.everything() == before


def test_what_is_foretold_of_each(clean: Host) -> None:
    """`before` and `after` of every item, in check mode, are those of the real run."""
    clean.shell(PORTS)
    args: dict[str, Any] = {
        "bridges": [{**NONE, "name": "br7", "ports": [{"name": "p0"}]}, {**NONE, "name": "br8"}],
        "taps": [{**NONE, "name": "tap7", "bridge": "br7"}],
        "networks": [_office()],
    }
    clean.ok("fabric", args)
    args["bridges"] = [{**NONE, "name": "br7", "ports": [{"name": "p1"}], "stp": True}, {**NONE, "name": "br9"}]
    args["bridges"] += [{**NONE, "name": "br8", "state": "absent"}]
    args["taps"] = [{**NONE, "name": "tap7", "bridge": "br9", "mode": "tap", "multi_queue": True}]
    args["networks"] = [_office(bridge={"name": "br9"})]
    foretold, real = clean.ok("fabric", args, check=True), clean.ok("fabric", args)
    for kind in args:
        for there, here in zip(foretold[kind], real[kind], strict=True):
            assert {key: there[key] for key in COMPARED} == {key: here[key] for key in COMPARED}
    assert [each["method"] for each in real["bridges"]] == ["changed", "created", "removed"]
    assert [each["method"] for each in real["taps"]] == ["recreated"]
    assert foretold["diff"] == real["diff"] and len(real["diff"]) == 5
    again = clean.ok("fabric", args)
    assert not again["changed"]
    for kind in args:
        for here, after in zip(again[kind], real[kind], strict=True):
            assert here["before"] == after["after"]


def test_a_port_from_one_bridge_to_another(clean: Host) -> None:
    """What one item releases another may have, wherever they stand."""
    clean.shell(PORTS)
    for first, second in (("br7", "br8"), ("br8", "br7")):
        _fabric(clean, bridges=[{"name": first, "ports": [{"name": "p0"}]}, {"name": second, "ports": []}])
        _fabric(clean, bridges=[{"name": first, "ports": []}, {"name": second, "ports": [{"name": "p0"}]}])
        assert clean.interfaces()["interfaces"]["p0"]["master"] == second
        _fabric(clean, bridges=_gone("br7", "br8"))


def test_taken_back_together(clean: Host) -> None:
    """The network can't start, for a reason that no plan sees: bridge, tap and adopted NIC are as they were."""
    clean.shell(NIC)
    clean.net(**isolated("old", 169))
    before = clean.everything()
    args = {
        "bridges": [{**NONE, "name": "br7", "adopt": "ens7"}],
        "taps": [{**NONE, "name": "tap7", "bridge": "br7"}],
        "networks": [isolated("late", 171), *_gone("old")],
    }
    calls = len(clean.ok("fabric", args, check=True)["actions"])
    with session(clean) as seen:
        result = clean.module(
            "fabric", args, fault={"name": "start", "at": 1, "when": "before", "error": "it is broken"}
        )
        assert result["failed"] and result["msg"].startswith("start network late: "), result["msg"]
        assert result["msg"].endswith("; the host is as it was"), result["msg"]
    assert seen["broken"] is None and seen["longest"] < 2, seen
    after = clean.everything()
    for found in (before, after):
        found["networks"]["old"].pop("ifindex")
        found["interfaces"].pop("virbr-old")
    assert after == before and calls > 10
    assert clean.ok("fabric", args)["changed"]


def test_planned_ones_that_conflict(clean: Host) -> None:
    clean.shell(PORTS)
    clean.shell("ip link add br1 type bridge; ip link set p2 master br1")
    for lists, said, option in (
        (
            {"bridges": [{"name": "br7", "ports": [{"name": "p0"}]}, {"name": "br8", "ports": [{"name": "p0"}]}]},
            ("p0", "br7"),
            "bridges[1].ports[0].name",
        ),
        ({"bridges": [{"name": "br7", "ports": [{"name": "p2"}]}]}, ("p2", "br1"), "bridges[0].ports[0].name"),
        (
            {"bridges": [{"name": "br7", "addresses": ["192.168.20.2/24"]}], "networks": [isolated("one", 20)]},
            ("192.168.20.1/24", "br7"),
            "networks[0].ips[0].address",
        ),
        (
            {"bridges": [{"name": "br7"}], "networks": [isolated("one", 20, bridge={"name": "br7"})]},
            ("br7",),
            "networks[0].bridge.name",
        ),
        ({"bridges": _gone("br1"), "taps": [{"name": "tap7", "bridge": "br1"}]}, ("br1",), "taps[0].bridge"),
    ):
        for kind in ("bridges", "taps"):
            lists[kind] = [{**NONE, **each} for each in lists.get(kind, [])]
        refused(clean, lists, *said, module="fabric", option=option)


def test_two_runs_at_once(clean: Host) -> None:
    args = {"bridges": [{**NONE, "name": "br7"}], "taps": [{**NONE, "name": "tap7", "bridge": "br7"}]}
    for agent in (0, 1):
        clean.start_module("fabric", args, agent=agent)
    results = [clean.end_module(agent) for agent in (0, 1)]
    assert not any(result.get("failed") for result in results), results
    assert sorted(result["changed"] for result in results) == [False, True]


@pytest.mark.kernel
def test_a_trunk(clean: Host) -> None:
    """VLANs of a NIC, a bridge for each, a tap and a network on them; all go again, and come in whatever order."""
    clean.shell(f"{OUTER}; ip -n outer link add eth0.11 link eth0 type vlan id 11; ip -n outer link set eth0.11 up")
    clean.shell("ip -n outer address add 192.168.11.1/24 dev eth0.11")
    before = clean.everything()
    made = _fabric(
        clean,
        networks=[_office(name="v11", bridge={"name": "br11"})],
        taps=[{"name": "tap11", "bridge": "br11"}],
        bridges=[
            {"name": "br12", "ports": [{"name": "ens7.12"}]},
            {"name": "br11", "ports": [{"name": "ens7.11"}], "addresses": ["192.168.11.2/24"]},
            {"name": "aware", "vlan_filtering": True, "ports": [{"name": "double", "tagged": ["5-7"]}]},
        ],
        vlans=[
            {"name": "double", "parent": "ens7.12", "id": 5},
            {"name": "ens7.11", "parent": "ens7", "id": 11},
            {"name": "ens7.12", "parent": "ens7", "id": 12},
        ],
    )
    assert {each["method"] for kind in ("networks", "taps", "bridges", "vlans") for each in made[kind]} == {"created"}
    assert clean.can("ping -n -c 1 -W 3 192.168.11.1")
    gone = _fabric(
        clean,
        networks=_gone("v11"),
        bridges=_gone("br11", "br12", "aware"),
        vlans=_gone("ens7.11", "ens7.12", "double"),
        taps=_gone("tap11"),
    )
    assert {each["method"] for kind in ("networks", "taps", "bridges", "vlans") for each in gone[kind]} == {"removed"}
    assert clean.everything() == before
