# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Killed, ended, or failed at any call that changes an interface or a file: the next run converges, or the host is as it
was, and what goes through it isn't lost."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from integration.support.cases_interfaces import PORTS
from integration.support.checks import converge
from integration.support.host import Host
from integration.support.interfaces import with_routes_of_their_own
from integration.support.wires import NIC

pytestmark = pytest.mark.once("bookworm")

MODULES = ("linux_bridge", "tuntap", "fabric")


@dataclass(frozen=True)
class Way:
    """From what ``setup`` and the first task make to what the second makes; by ``calls`` at least."""

    module: str
    start: dict[str, Any] | None
    wanted: dict[str, Any]
    calls: int
    setup: str = PORTS
    stride: int = 1  # each call, or each second one, ...

    def state(self, host: Host) -> dict[str, Any]:
        return _state(host, networks=self.module == "fabric")


_BRIDGE: dict[str, Any] = {
    "name": "br7",
    "persist": "networkd",
    "ports": [{"name": "p0", "cost": 9}, {"name": "p1"}],
    "addresses": ["192.168.20.2/24", "fd00:20::2/64"],
    "routes": [{"to": "10.9.0.0/16", "via": "192.168.20.1"}],
    "ageing_time": 60,
}
_OTHER: dict[str, Any] = {
    "name": "br7",
    "persist": "networkd",
    "ports": [{"name": "p2"}, {"name": "p1", "hairpin": True}],
    "addresses": ["192.168.21.2/24"],
    "routes": [{"to": "10.9.0.0/16", "via": "192.168.21.1", "table": 100}],
    "stp": True,
    "forward_delay": 2,
    "mtu": 1400,
    "ipv6": {"accept_ra": "never"},
}
_TAP = {"name": "tap7", "persist": "none", "addresses": ["10.8.0.1/24"], "owner": "nobody"}
_ADOPT = {"name": "br7", "persist": "networkd", "adopt": "ens7"}

# Shown of all other ways with a fake kernel, in tests/unit.
WAYS = {
    "change": Way("linux_bridge", _BRIDGE, _OTHER, 10),
    "adopt": Way("linux_bridge", None, _ADOPT, 10, NIC),
    "give back": Way("linux_bridge", _ADOPT, {**_ADOPT, "state": "absent"}, 8, NIC),
    "make again": Way("tuntap", _TAP, {**_TAP, "mode": "tun"}, 4),
    "all at once": Way(
        "fabric",
        {"bridges": [_BRIDGE], "taps": [_TAP], "networks": [{"name": "old", "bridge": {"name": "virbr-old"}}]},
        {
            "bridges": [{"name": "br7", "persist": "networkd", "state": "absent"}, {**_OTHER, "name": "br8"}],
            "taps": [{**_TAP, "name": "tap8", "bridge": "br8"}, {"name": "tap7", "state": "absent", "persist": "none"}],
            "networks": [
                {"name": "old", "state": "absent"},
                {"name": "office", "forward": {"mode": "bridge"}, "bridge": {"name": "br8"}},
            ],
        },
        20,
        stride=3,
    ),
}


def _begin(host: Host, way: Way) -> dict[str, Any]:
    host.shell(way.setup)
    if way.start:
        host.ok(way.module, way.start)
    return way.state(host)


def _state(host: Host, networks: bool) -> dict[str, Any]:
    """All that can be seen, without the numbers that come with what is made anew."""
    found = host.everything() if networks else host.interfaces()
    for name, each in found["interfaces"].items():
        each.pop("index")
        if each["kind"] == "bridge" or name.startswith(("q", "tap")):
            each.pop("mac")  # where the kernel makes it up
        each["addresses"] = with_routes_of_their_own(each["addresses"])
    for network in found.get("networks", {}).values():
        for made_up in ("ifindex", "stored", "running"):
            network.pop(made_up)
    return found


def _struck(host: Host, way: Way, *, stride: int = 0, **fault: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """For each call in turn: how the host was, and what came of a run that was struck before that call."""
    for at in itertools.count(1, stride or way.stride):
        before = _begin(host, way)
        result = host.module(way.module, way.wanted, fault={"at": at, "when": "before", **fault})
        if not result.get("failed") and "signal" not in result:
            assert at > way.calls, f"there are only {at - 1} calls"
            return
        yield before, result
        host.clean()


@pytest.mark.parametrize("name", ["change", "adopt", "give back", "make again"])
def test_killed(clean: Host, name: str) -> None:
    """SIGKILL before each call; then the same task again, as a person would."""
    way = WAYS[name]
    _begin(clean, way)
    clean.ok(way.module, way.wanted)
    undisturbed = way.state(clean)
    clean.clean()
    for _before, result in _struck(clean, way, signal=signal.SIGKILL):
        assert result.get("signal") == signal.SIGKILL, result
        clean.ok(way.module, way.wanted)
        assert way.state(clean) == undisturbed, "an undisturbed run comes to something else"
        again = clean.ok(way.module, way.wanted)
        assert not again["changed"], again["actions"]
        assert clean.shell("find /run/virtnet.kvm -name '*.json' -o -name '*.new'") == ""


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["adopt", "make again", "all at once"])
def test_failed(clean: Host, name: str) -> None:
    """An error of each call: the calls before it are undone, and the message says which step it was."""
    way = WAYS[name]
    for before, result in _struck(clean, way, error="it is broken"):
        assert result["msg"].endswith(": it is broken; the host is as it was"), result["msg"]
        assert way.state(clean) == before, result["msg"]


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["adopt", "all at once"])
def test_ended(clean: Host, name: str) -> None:
    """Ended by whoever may: what was done so far is taken back."""
    way = WAYS[name]
    for before, result in _struck(clean, way, stride=7, signal=int(signal.SIGTERM)):
        assert result.get("failed") and "ended by SIGTERM" in result["msg"], result
        assert result["msg"].endswith("; the host is as it was")
        assert way.state(clean) == before
    converge(clean, way.wanted, module=way.module)
