# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Several networks in one task: planned together, applied together, and taken back together."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.networks import ips, isolated, lan

pytestmark = pytest.mark.once("bookworm")


def _fabric(host: Host, *networks: dict[str, Any], changed: bool = True) -> dict[str, Any]:
    return converge(host, {"networks": list(networks)}, module="fabric", changed=changed)


@pytest.mark.nftables
def test_several_at_once(clean: Host) -> None:
    wanted = [lan(), isolated("one", 170), isolated("two", 171, active=False, autostart=False)]
    result = _fabric(clean, *wanted)
    assert [(each["name"], each["method"]) for each in result["networks"]] == [
        ("lan", "created"),
        ("one", "created"),
        ("two", "created"),
    ]
    assert result["actions"] == [action for each in result["networks"] for action in each["actions"]]
    found = clean.look()
    assert [found[name]["active"] for name in ("lan", "one", "two")] == [True, True, False]
    # one by one, they are what virt_net makes of the same options
    for options in wanted:
        assert not clean.net(**options)["changed"]
    removed = _fabric(clean, *({"name": name, "state": "absent"} for name in ("two", "lan", "one")))
    assert [each["name"] for each in removed["networks"]] == ["two", "lan", "one"]
    assert set(clean.look()) == {"default"}


def test_what_is_foretold_of_each(clean: Host) -> None:
    """`before` and `after` of every network, in check mode, are those of the real run."""
    clean.net(**lan())
    clean.net(**isolated("one", 170))
    clean.net(**isolated("gone", 172))
    args = {
        "networks": [
            {"name": "lan", "ips": ips(150, hosts=[{"mac": "52:54:00:00:00:10", "ip": "192.168.150.10"}])},
            isolated("one", 173),
            isolated("new", 174),
            {"name": "gone", "state": "absent"},
        ]
    }
    foretold, real = clean.ok("fabric", args, check=True), clean.ok("fabric", args)
    compared = ("name", "changed", "actions", "method", "guests", "before", "after")
    for there, here in zip(foretold["networks"], real["networks"]):
        assert {key: there[key] for key in compared} == {key: here[key] for key in compared}
    assert [each["method"] for each in real["networks"]] == ["live", "restarted", "created", "removed"]
    assert [bool(each["network"]) for each in real["networks"]] == [True, True, True, False]
    assert foretold["diff"] == real["diff"] and len(real["diff"]) == 4
    found = {each["name"]: each["after"] for each in real["networks"]}
    again = clean.ok("fabric", args)
    assert not again["changed"]
    assert {each["name"]: each["before"] for each in again["networks"]} == found


def test_one_that_is_right_is_not_touched(clean: Host) -> None:
    clean.ok("fabric", {"networks": [lan(), isolated("one", 170)]})
    before = clean.look()
    result = _fabric(clean, isolated("one", 171), lan(), isolated("two", 172))
    assert [each["changed"] for each in result["networks"]] == [True, False, True]
    assert result["networks"][1]["actions"] == [] and result["networks"][1]["method"] == "none"
    after = clean.look()
    assert after["lan"] == before["lan"]
    assert after["one"]["ifindex"] != before["one"]["ifindex"]
    assert after["default"] == before["default"]


@pytest.mark.parametrize("place", [1, 2])
def test_taken_back_together(clean: Host, place: int) -> None:
    """The last network can't start, for a reason that no plan sees: what was done to the others is taken back."""
    clean.net(**lan())
    clean.net(**isolated("old", 169, autostart=False))
    before = clean.look()
    wanted = [
        {"name": "lan", "ips": ips(151)},
        isolated("one", 170),
        lan(name="late", bridge={"name": "virbr-late"}, ips=ips(152)),
        {"name": "old", "state": "absent"},
    ]
    del wanted[place:2]  # the one that fails is the second or the third
    taken = _hold(clean, "192.168.152.1")
    try:
        result = clean.module("fabric", {"networks": wanted})
    finally:
        clean.shell(f"kill {taken}")
    assert result["failed"] and result["msg"].startswith("start network late: ")
    assert result["msg"].endswith("; the host is as it was"), result["msg"]
    assert _stays(clean.look()) == _stays(before)
    # with nothing in the way, the very same task
    assert clean.ok("fabric", {"networks": wanted})["changed"]
    assert not clean.ok("fabric", {"networks": wanted})["changed"]


def _hold(host: Host, address: str) -> str:
    """Take the port of an address that isn't there, as another DNS server of the host might."""
    script = (
        "import socket, sys, time\n"
        "for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n"
        "    held = socket.socket(socket.AF_INET, kind)\n"
        "    held.setsockopt(socket.IPPROTO_IP, 15, 1)\n"  # IP_FREEBIND
        f"    held.bind(('{address}', 53))\n"
        "    globals()[f'kept{int(kind)}'] = held\n"
        "    kind == socket.SOCK_STREAM and held.listen()\n"
        "print('held', flush=True)\n"
        "time.sleep(600)\n"
    )
    host.shell("cat >/run/hold.py", input=script)
    pid = host.shell("python3 /run/hold.py >/run/hold.out 2>&1 & echo $!").strip()
    host.until("grep held /run/hold.out || { cat /run/hold.out; false; }")
    return pid


def _stays(found: dict[str, Any]) -> dict[str, Any]:
    """All but the number of a bridge, which is made anew when a network is started again."""
    return {name: {key: each[key] for key in each if key != "ifindex"} for name, each in found.items()}


def test_what_goes_makes_room(clean: Host) -> None:
    """A bridge name and a subnet of what goes can be used in the same task, wherever it stands in the list."""
    clean.net(**isolated("old", 170))
    result = _fabric(clean, isolated("new", 170, bridge={"name": "virbr-old"}), {"name": "old", "state": "absent"})
    assert result["actions"].index("remove network old") < result["actions"].index("create network new")
    found = clean.look()
    assert "old" not in found and found["new"]["active"] and found["new"]["bridge"] == "virbr-old"


@pytest.mark.parametrize(
    "fault", [{"when": "before", "error": "no"}, {"when": "after", "signal": 15}], ids=["fails", "ended"]
)
def test_taken_back_where_room_was_made(clean: Host, fault: dict[str, Any]) -> None:
    """What had gone first comes again with its UUID and its bridge, also from a run that was told to end in its last step."""
    clean.net(**isolated("old", 170))
    before = clean.look()
    args = {"networks": [isolated("new", 170, bridge={"name": "virbr-old"}), {"name": "old", "state": "absent"}]}
    calls = len(clean.ok("fabric", args, check=True)["actions"])
    result = clean.module("fabric", args, fault={"at": calls, **fault})
    assert result["failed"] and result["msg"].startswith("start network new: "), result["msg"]
    assert result["msg"].endswith("; the host is as it was"), result["msg"]
    assert _stays(clean.look()) == _stays(before)


@pytest.mark.thorough
@pytest.mark.parametrize("at", range(1, 11))
def test_taken_back_wherever_it_fails(clean: Host, at: int) -> None:
    """Whichever call fails, what the calls before it did to the other networks is taken back."""
    clean.ok("fabric", {"networks": [lan(), isolated("old", 172, autostart=False)]})
    before = clean.look()
    changed = {"name": "lan", "ips": ips(150, hosts=[{"mac": "52:54:00:00:00:07", "ip": "192.168.150.7"}]), "mtu": 1400}
    networks = [changed, isolated("one", 170), {"name": "old", "state": "absent"}, isolated("two", 171)]
    fault = {"at": at, "when": "before", "error": "it is broken"}
    result = clean.module("fabric", {"networks": networks}, fault=fault)
    assert result.get("failed"), f"there are no {at} calls: {result.get('actions')}"
    assert result["msg"].endswith(": it is broken; the host is as it was"), result["msg"]
    assert _stays(clean.look()) == _stays(before)
    assert clean.ok("fabric", {"networks": networks})["changed"]


def test_twenty(clean: Host) -> None:
    numbers = range(100, 120)
    _fabric(clean, *(isolated(f"n{number}", number, autostart=False) for number in numbers))
    _fabric(clean, *({"name": f"n{number}", "state": "absent"} for number in numbers))


def test_planned_ones_that_conflict(clean: Host) -> None:
    clean.net(**isolated("there", 175))
    for networks, said, option in (
        (
            [isolated("one", 170), isolated("two", 171, bridge={"name": "virbr-one"})],
            ("virbr-one", "network one"),
            "networks[1].bridge.name",
        ),
        (
            [isolated("one", 170), isolated("two", 171, ips=[{"address": "192.168.170.129/25"}])],
            ("192.168.170.129/25", "network one"),
            "networks[1].ips[0].address",
        ),
        # neither has had it before
        (
            [isolated("one", 170), {"name": "there", "ips": [{"address": "192.168.170.9/28"}]}],
            ("192.168.170.9/28", "network one"),
            "networks[1].ips[0].address",
        ),
    ):
        refused(clean, {"networks": networks}, *said, module="fabric", option=option)


def test_declared_twice(clean: Host) -> None:
    clean.net(**isolated("one", 170))
    for second in (
        isolated("one", 171),
        {"name": "one", "state": "absent"},
        {"xml": "<network><name>one</name></network>"},
    ):
        args = {"networks": [isolated("new", 172), isolated("one", 170), second]}
        refused(clean, args, "network one", "twice", module="fabric")


def test_bad_items_are_named_with_their_place(clean: Host) -> None:
    """However deep the option is, and before any other network is touched."""
    good = isolated("good", 170)
    for bad, said, option in (
        ({"ips": [{"address": "10.0.0.300/24"}]}, "10.0.0.300/24", "networks[1].ips[0].address"),
        (
            {"ips": ips(171, hosts=[{"mac": "01:00:5e:00:00:01", "ip": "192.168.171.5"}])},
            "01:00:5e:00:00:01",
            "networks[1].ips[0].dhcp.hosts[0].mac",
        ),
        (
            {"ips": [{"address": "192.168.171.1/24"}], "routes": [{"to": "10.9.0.0/16", "via": "10.1.1.1"}]},
            "10.1.1.1",
            "networks[1].routes[0].via",
        ),
        ({"bridge": {"name": "virbr-0123456789"}}, "virbr-0123456789", "networks[1].bridge.name"),
        ({"forward": {"mode": "nat"}}, "nat", "networks[1].forward.mode"),
    ):
        message = refused(clean, {"networks": [good, {"name": "bad", **bad}]}, said, module="fabric", option=option)
        assert message.startswith(option), message
    refused(clean, {"networks": [good, {"name": None, "xml": "<domain/>"}]}, module="fabric", option="networks[1].xml")
    unfit: tuple[dict[str, Any], ...] = (
        {"name": "bad", "unknown": 1},
        {"mtu": 1400},
        {"name": "bad", "xml": "<network/>", "mtu": 1400},
    )
    for item in unfit:
        refused(clean, {"networks": [good, item]}, "networks", module="fabric")


def test_nothing_to_do(clean: Host) -> None:
    nothing: tuple[dict[str, Any], ...] = ({}, {"networks": []}, {"networks": [{"name": "nobody", "state": "absent"}]})
    for args in nothing:
        result = converge(clean, args, module="fabric", changed=False)
        assert result["actions"] == [] and result["diff"] == []
