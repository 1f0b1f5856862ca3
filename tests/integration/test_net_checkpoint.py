# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host that goes back to what it was: states and refusals, and real lock-outs by the interface that we come by.

What cuts the host off is done by a service of the host's own, as the connection doesn't live to see it through. The tests'
own connection is the judge: it is cut off as well, and goes on when the host is back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.host import Host

pytestmark = pytest.mark.once

DIRECTORY = "/run/virtnet.kvm/checkpoint"
SHORT = 5
_CUT = "/run/virtnet-test.cut"


@pytest.fixture
def closed(host: Host) -> Iterator[Host]:
    """A host without a checkpoint, and the same again for the next test."""
    yield host
    host.shell(
        f"test ! -e {DIRECTORY}/open.json || python3 {DIRECTORY}/checkpoint.py rollback; rm -rf {DIRECTORY}/*.json"
    )


def _checkpoint(host: Host, state: str, **options: Any) -> dict[str, Any]:
    return host.ok("net_checkpoint", {"state": state, **options}, check=options.pop("check", False))


def _refused(host: Host, state: str, **options: Any) -> str:
    result = host.module("net_checkpoint", {"state": state, **options})
    assert result.get("failed"), result
    return str(result["msg"])


def _last(host: Host) -> dict[str, Any]:
    return json.loads(host.shell(f"cat {DIRECTORY}/last.json"))  # type: ignore[no-any-return]


def _over(host: Host, seconds: int = 40) -> None:
    """Wait until it is open no more."""
    host.until(f"test ! -e {DIRECTORY}/open.json || {{ cat {DIRECTORY}/open.json; false; }}", seconds)


# ---- states


def test_a_change_is_committed_and_stays(closed: Host) -> None:
    foretold = closed.ok("net_checkpoint", {"state": "created"}, check=True)
    assert foretold["changed"]
    assert closed.can(f"! test -e {DIRECTORY}/open.json")
    made = _checkpoint(closed, "created", timeout=60)
    assert made["actions"] == foretold["actions"]
    assert closed.can("systemctl is-active virtnet-kvm-checkpoint.timer")
    assert closed.can(f"test $(stat -c %a {DIRECTORY}) = 700")
    closed.shell("ip link add cp0 type bridge")
    assert closed.ok("net_checkpoint", {"state": "committed"}, check=True)["changed"]
    assert _checkpoint(closed, "committed")["changed"]
    assert not _checkpoint(closed, "committed")["changed"]
    assert closed.can("! systemctl is-active virtnet-kvm-checkpoint.timer")
    assert closed.can("! test -e /etc/systemd/system/virtnet-kvm-checkpoint-boot.service")
    closed.shell("ip link delete cp0")


def test_the_time_runs_out(closed: Host) -> None:
    before = closed.interfaces()
    _checkpoint(closed, "created", timeout=SHORT)
    closed.shell("ip link add cp0 type bridge && ip address add 192.168.77.1/24 dev cp0 && ip link set cp0 up")
    _over(closed)
    assert closed.interfaces() == before
    assert _last(closed)["actions"] == ["remove bridge cp0"]
    assert "was not confirmed in time" in _refused(closed, "committed")
    assert not _checkpoint(closed, "rolled_back")["changed"]
    assert _checkpoint(closed, "created")["changed"], "after one that was rolled back there can be another"


def test_rolled_back_on_demand_it_does_what_check_mode_foretold(closed: Host) -> None:
    before = closed.interfaces()
    _checkpoint(closed, "created")
    closed.shell("ip link add cp0 type bridge; ip tuntap add cp1 mode tap; ip link set cp1 master cp0")
    foretold = closed.ok("net_checkpoint", {"state": "rolled_back"}, check=True)
    done = _checkpoint(closed, "rolled_back")
    assert done["changed"]
    assert done["actions"] == foretold["actions"]
    assert done["checkpoint"]["by"] == "hand"
    assert closed.interfaces() == before


def test_a_change_that_comes_too_late_is_refused(closed: Host) -> None:
    change = {"bridges": [{"name": "cp0", "persist": "none"}], "checkpoint": "mine"}
    assert closed.ok("fabric", change, check=True)["changed"], "check mode needs none"
    _checkpoint(closed, "created", name="mine", timeout=SHORT)
    _over(closed)
    before = closed.interfaces()
    result = closed.module("fabric", change)
    assert result["failed"] and "nothing was changed, as no checkpoint mine is open" in result["msg"]
    assert "was rolled back at" in result["msg"] and closed.interfaces() == before
    _checkpoint(closed, "created", name="mine")
    assert closed.ok("fabric", change)["changed"]
    assert _checkpoint(closed, "rolled_back", name="mine")["actions"] == ["remove bridge cp0"]
    assert closed.interfaces() == before


def test_what_is_refused(closed: Host) -> None:
    assert "none was made since this host started" in _refused(closed, "committed")
    assert "timeout: 1 is too small; use 5 to 86400 seconds" in _refused(closed, "created", timeout=1)
    _checkpoint(closed, "created", name="mine")
    said = _refused(closed, "created", name="other")
    assert "the checkpoint mine has been open since" in said
    assert "restores the host in" in said
    assert "name: 'other' is not the open checkpoint; give mine" in _refused(closed, "committed", name="other")
    _checkpoint(closed, "committed", name="mine")
    assert "can't be committed" not in _refused(closed, "rolled_back", name="mine")


def test_a_host_without_systemd_is_refused(closed: Host) -> None:
    closed.shell("mv /usr/bin/systemd-run /root/")
    try:
        assert "needs a host that runs systemd" in _refused(closed, "created")
    finally:
        closed.shell("mv /root/systemd-run /usr/bin/")


def test_a_copy_that_would_not_work_is_found_out_before(closed: Host) -> None:
    """The service has another environment than the module: here a library that only the module finds."""
    closed.shell("mv /usr/lib/python3/dist-packages/pyroute2 /root/pyroute2")
    try:
        assert "pyroute2" in _refused(closed, "created")
    finally:
        closed.shell("mv /root/pyroute2 /usr/lib/python3/dist-packages/pyroute2")
    assert closed.can(f"! test -e {DIRECTORY}/open.json")


# ---- files


def test_files_are_put_back_with_their_modes(closed: Host) -> None:
    closed.shell("mkdir -p /etc/netplan; echo '{}' >/etc/netplan/cp.yaml; chmod 600 /etc/netplan/cp.yaml")
    closed.shell("ln -s /dev/null /etc/systemd/network/cp.link")
    look = (
        "for top in /etc/netplan /etc/systemd/network /etc/network; do if test -e $top; then"
        " find $top -printf '%p %m %U %G %l\\n'; find $top -type f -exec cat {} +; fi; done | sort"
    )
    before = closed.shell(look)
    assert "/etc/netplan/cp.yaml 600" in before
    _checkpoint(closed, "created")
    closed.shell("echo other >/etc/netplan/cp.yaml; chmod 644 /etc/netplan/cp.yaml; rm /etc/systemd/network/cp.link")
    closed.shell(
        "mkdir -p /etc/network/interfaces.d; touch /etc/network/interfaces.d/cp /etc/systemd/network/new.network"
    )
    assert closed.shell(look) != before
    _checkpoint(closed, "rolled_back")
    assert closed.shell(look) == before
    closed.shell("rm /etc/netplan/cp.yaml /etc/systemd/network/cp.link")


# ---- lock-outs


def _own_address(host: Host) -> tuple[str, str]:
    """The address that we come by, with its prefix, and the gateway."""
    found = json.loads(host.shell("ip -j -4 address show dev eth0"))[0]["addr_info"][0]
    gateway = json.loads(host.shell("ip -j -4 route show default"))[0]["gateway"]
    return f"{found['local']}/{found['prefixlen']}", gateway


WAYS = {
    "bridge that has our address, but not our NIC": (
        "ip link add cp0 type bridge; ip link set cp0 up; ip address flush dev eth0; ip address add {cidr} dev cp0;"
        " ip route add default via {gateway} dev cp0"
    ),
    "bridge that has our NIC, and no address": (
        "ip link add cp0 type bridge; ip link set eth0 master cp0; ip link set cp0 up; ip address flush dev eth0"
    ),
    "address taken away": "ip address del {cidr} dev eth0",
    "NIC taken down": "ip link set eth0 down",
    "another MAC, MTU and no address": (
        "ip link set eth0 address 02:00:00:00:99:99; ip link set eth0 mtu 600; ip address flush dev eth0"
    ),
    "routes that lead nowhere": "ip route add blackhole {gateway}/32; ip route del {subnet}; ip route del default",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_host_that_is_cut_off_is_back_as_it_was(closed: Host, way: str) -> None:
    cidr, gateway = _own_address(closed)
    subnet = closed.shell("ip -4 route show dev eth0 scope link | cut -d' ' -f1").split()[0]
    before = closed.interfaces()
    _checkpoint(closed, "created", timeout=SHORT)
    begun = time.monotonic()
    # by a service, which begins when we have had our answer
    cut = f"sleep 0.5; {WAYS[way].format(**locals())}; touch {_CUT}"
    closed.shell(f"rm -f {_CUT}; systemd-run --quiet --collect /bin/sh -c '{cut}'")
    closed.until(f"test -e {_CUT}", SHORT + 15)
    _over(closed)
    took = time.monotonic() - begun
    assert took >= SHORT - 1, "it was never cut off"
    assert took < SHORT + 15
    assert _last(closed)["left"] == []
    assert _last(closed)["actions"]
    closed.until("! ip -6 address show tentative | grep .")  # the kernel makes sure that nobody else has our addresses
    assert closed.interfaces() == before
