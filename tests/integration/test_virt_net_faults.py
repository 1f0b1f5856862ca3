# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Killed, ended, left alone by libvirt, or failed half-way: the next run converges, or the host is as it was."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from integration.support.checks import converge
from integration.support.guests import guest_on, plugged
from integration.support.host import Host
from integration.support.networks import ips, lan

pytestmark = pytest.mark.once

NEW_HOST = {"mac": "52:54:00:00:00:07", "ip": "192.168.150.7"}

# From which network to which, and the number of calls to libvirt that this takes.
WAYS: dict[str, tuple[dict[str, Any] | None, dict[str, Any], int]] = {
    "create": (None, lan(), 3),
    "create stopped": (None, lan(active=False), 2),
    "live": (lan(), {"name": "lan", "ips": ips(hosts=[NEW_HOST]), "dns": {"txt": [{"name": "a", "value": "b"}]}}, 2),
    "restart": (lan(), {"name": "lan", "ips": ips(151), "autostart": False}, 4),
    "start": (lan(active=False), {"name": "lan", "mtu": 1400, "active": True}, 2),
    "stop": (lan(), {"name": "lan", "mtu": 1400, "active": False, "autostart": False}, 3),
    "remove": (lan(), {"name": "lan", "state": "absent"}, 2),
}
# Before each call, and after the last.
EACH = [(way, at, "before") for way, (*_ends, calls) in WAYS.items() for at in range(1, calls + 1)]
EACH += [(way, calls, "after") for way, (*_ends, calls) in WAYS.items()]


def _state(host: Host) -> dict[str, Any] | None:
    """What a person sees of the network: what is stored, what runs, and how."""
    found = host.info("lan")
    if not found:
        return None
    (network,) = found
    for made_up in ("uuid", "leases"):
        network.pop(made_up)
    network["definition"].pop("uuid")
    network["definition"].pop("mac", None)
    return network


def _begin(host: Host, way: str) -> tuple[dict[str, Any], int]:
    start, wanted, calls = WAYS[way]
    if start:
        host.net(**start)
    return wanted, calls


@pytest.fixture(scope="session")
def undisturbed(host: Host) -> dict[str, Any]:
    """What each way comes to when nothing happens to it."""
    found = {}
    for way in WAYS:
        wanted, _calls = _begin(host, way)
        host.net(**wanted)
        found[way] = _state(host)
        host.clean()
    return found


@pytest.mark.parametrize("way", WAYS)
def test_the_number_of_calls(clean: Host, way: str) -> None:
    """The tests below strike at each call: there must be as many as they think."""
    wanted, calls = _begin(clean, way)
    result = clean.module("virt_net", wanted, fault={"at": calls + 1, "when": "before", "error": "one more"})
    assert not result.get("failed"), result.get("msg")


@pytest.mark.parametrize(("way", "at", "when"), EACH)
def test_killed(clean: Host, undisturbed: dict[str, Any], way: str, at: int, when: str) -> None:
    """SIGKILL before and after each call; then the same task again, as a person would."""
    wanted, _calls = _begin(clean, way)
    struck = clean.module("virt_net", wanted, fault={"at": at, "when": when, "signal": signal.SIGKILL})
    assert struck.get("signal") == signal.SIGKILL, struck
    converge(clean, wanted)
    assert _state(clean) == undisturbed[way], "an undisturbed run comes to something else"
    assert clean.shell("find /run/virtnet.kvm -name '*.json' -o -name '*.new'") == ""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("way", "number"), [*((way, signal.SIGTERM) for way in WAYS), ("restart", signal.SIGHUP)], ids=str
)
def test_ended(clean: Host, way: str, number: signal.Signals) -> None:
    """Ended by whoever may: what was done so far is taken back."""
    wanted, calls = _begin(clean, way)
    before = _state(clean)
    for at in range(1, calls + 1):
        result = clean.module("virt_net", wanted, fault={"at": at, "when": "before", "signal": int(number)})
        assert result.get("failed") and f"ended by {number.name}" in result["msg"], result
        assert result["msg"].endswith("; the host is as it was")
        assert _state(clean) == before
    converge(clean, wanted, changed=True)


@pytest.mark.thorough
@pytest.mark.parametrize(("way", "at"), sorted({(way, at) for way, at, _when in EACH}))
def test_failed(clean: Host, way: str, at: int) -> None:
    """An error of each call: the calls before it are undone, and the message says which step it was."""
    wanted, _calls = _begin(clean, way)
    before = _state(clean)
    foretold = clean.ok("virt_net", wanted, check=True)["actions"]
    result = clean.module("virt_net", wanted, fault={"at": at, "when": "before", "error": "it is broken"})
    assert result["failed"] and any(result["msg"].startswith(f"{action}: ") for action in foretold), result["msg"]
    assert result["msg"].endswith(": it is broken; the host is as it was")
    assert _state(clean) == before
    converge(clean, wanted, changed=True)


@pytest.mark.parametrize("at", range(1, 5))
def test_killed_while_guests_are_plugged_in(clean: Host, at: int) -> None:
    """A restart that is killed leaves guests without a network, or on no bridge of theirs: the next run finds them."""
    clean.net(**lan())
    with guest_on(clean, "lan", wait_lease=False) as guest:
        wanted = {"name": "lan", "mtu": 1400}
        struck = clean.module("virt_net", wanted, fault={"at": at, "when": "before", "signal": signal.SIGKILL})
        assert struck.get("signal") == signal.SIGKILL, struck
        converge(clean, wanted, changed=True)
        plugged(clean, "lan", guest)


def test_killed_with_a_guest_half_way(clean: Host) -> None:
    """Between the two bridges of its move: the worst moment there is."""
    clean.net(**lan())
    with guest_on(clean, "lan", wait_lease=False) as guest:
        wanted = {"name": "lan", "mtu": 1400}
        fault = {"at": 2, "when": "before", "signal": signal.SIGKILL, "calls": "moves"}
        struck = clean.module("virt_net", wanted, fault=fault)
        assert struck.get("signal") == signal.SIGKILL, struck
        assert clean.look()["lan"]["active"]
        assert "vnkvm-parking" in clean.shell(f"readlink /sys/class/net/{guest.ifname()}/master")
        converge(clean, wanted, changed=True)
        plugged(clean, "lan", guest)
        assert "vnkvm-parking" not in clean.shell("ip -brief link show")


_STOP = "systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service"
_START = "systemctl start libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket; virsh version"


@pytest.mark.parametrize("way", ["create", "restart"])
def test_libvirtd_stops_in_mid_run(clean: Host, way: str) -> None:
    """Nothing can be undone without it: that is said, and the next run converges."""
    wanted, _calls = _begin(clean, way)
    try:
        result = clean.module("virt_net", wanted, fault={"at": 2, "when": "before", "shell": _STOP})
    finally:
        clean.shell(_START)
    assert result["failed"] and "\n" not in result["msg"], result
    assert "these steps could not be undone" in result["msg"]
    converge(clean, wanted)
    assert clean.look()["lan"]["active"]
    again = clean.net(**wanted)
    assert not again["changed"]


def test_a_start_that_really_fails(clean: Host) -> None:
    """The subnet is taken by other hands between the look and the start: the old network is there again, and runs."""
    clean.net(**lan())
    before = _state(clean)
    take = "ip link add late type bridge; ip address add 192.168.151.9/24 dev late; ip link set late up"
    try:
        result = clean.module(
            "virt_net", {"name": "lan", "ips": ips(151)}, fault={"at": 3, "when": "before", "shell": take}
        )
    finally:
        clean.shell("ip link del late")
    assert result["failed"], result
    assert result["msg"].startswith("restart network lan: start network lan: "), result["msg"]
    assert result["msg"].endswith("; the host is as it was"), result["msg"]
    assert _state(clean) == before


def test_a_removal_that_fails_brings_back_what_ran(clean: Host) -> None:
    """Also where that was not what was stored."""
    clean.net(**lan())
    clean.shell(
        "virsh net-dumpxml --inactive lan | sed 's,<ip ,<mtu size=\"1300\"/><ip ,' | virsh net-define /dev/stdin"
    )
    before = _state(clean)
    assert before and "running" in before
    wanted = {"name": "lan", "state": "absent"}
    result = clean.module("virt_net", wanted, fault={"at": 2, "when": "before", "error": "it is broken"})
    assert result["failed"] and _state(clean) == before
    result = clean.module("virt_net", {"name": "lan"}, fault={"at": 2, "when": "before", "error": "it is broken"})
    assert result["failed"] and _state(clean) == before
