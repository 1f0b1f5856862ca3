# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a run of the playbooks costs and shows: the modules on the host, and the lines on the screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.host import Host
from integration.support.plays import FORWARDING, SYSCTL, Played, play

SITE, TEARDOWN = "virtnet.kvm.site", "virtnet.kvm.teardown"
TOPOLOGIES: dict[str, Any] = {
    "virtnet_topologies": [
        {"type": "nat", "name": "lan", "cidr": "192.168.150.0/24"},
        {"type": "isolated", "name": "cluster", "cidr": "10.0.2.0/24"},
    ]
}
DAEMON = "libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket"


@pytest.fixture
def fresh(clean: Host) -> Iterator[Host]:
    clean.shell(f"rm -f {SYSCTL}; sysctl -q net.ipv4.ip_forward=0")
    yield clean
    clean.shell(f"rm -f {SYSCTL}; systemctl start libvirtd.socket")


def _modules(played: Played) -> list[str]:
    """The modules that were sent to the host, in a run with `-vvv`."""
    return re.findall(r"Using module file \S+/(\w+)\.py", played.done.stdout)


def _banners(played: Played) -> list[str]:
    return re.findall(r"^TASK \[(?:virtnet\.kvm\.host : )?(.*?)\] \*", played.done.stdout, re.MULTILINE)


@pytest.mark.once
def test_a_run_that_changes_nothing_is_one_module(fresh: Host) -> None:
    """And one task, with no skipped one; also in check mode."""
    play(fresh, SITE, TOPOLOGIES)
    for arguments in ([], ["--check", "--diff"]):
        again = play(fresh, SITE, TOPOLOGIES, "-vvv", *arguments)
        assert _modules(again) == ["fabric"]
        assert again.recap["ok"] == 1 and again.recap["skipped"] == again.changed == 0
        assert "skipping: [" not in again.done.stdout
        assert _banners(again) == [
            "Predict changes to hosts with topologies",
            "Stop here if no host needs a change",
            "Stop here if no host has settings",
        ]


@pytest.mark.once("bookworm")
def test_a_role_that_changes_nothing_is_one_module(fresh: Host) -> None:
    role = {"role": "virtnet.kvm.nat", "nat_name": "lan", "nat_cidr": "192.168.150.0/24"}
    plays = [{"hosts": "all", "gather_facts": False, "become": True, "roles": [role]}]
    play(fresh, plays, {})
    again = play(fresh, plays, {}, "-vvv")
    assert _modules(again) == ["fabric"] and again.changed == 0
    assert again.recap["skipped"] == 1


def test_a_first_run_shows_only_what_it_does(fresh: Host) -> None:
    played = play(fresh, SITE, TOPOLOGIES)
    assert played.recap["skipped"] == 0
    assert _banners(played)[2:] == [
        "Apply what was predicted",
        "Write the sysctl file, for forwarding after a reboot",
        "Load the sysctl file, for forwarding now",
        "Apply networks, guests and rules",
        "Report the changes",
        "Set the changes as statistics of the run",
        "Stop here if no host has settings",
    ]


def test_a_host_without_topologies(fresh: Host) -> None:
    played = play(fresh, SITE, {}, "-vvv")
    assert _modules(played) == [] and played.recap["ok"] == 0 and played.recap["skipped"] == 1
    assert played.done.stdout.count("skipping: [") == 1


@pytest.mark.once("bookworm")
def test_a_daemon_that_is_stopped(fresh: Host) -> None:
    """Check mode starts nothing and says what is missing; the real run starts it and applies the networks."""
    fresh.shell(f"systemctl disable --now {DAEMON}")
    state = f"systemctl is-enabled libvirtd.service; systemctl is-active {DAEMON}; true"
    before = fresh.shell(state), fresh.shell(FORWARDING)
    said = play(fresh, SITE, TOPOLOGIES, "--check", "--diff")
    assert (fresh.shell(state), fresh.shell(FORWARDING)) == before, "check mode has changed the host"
    (report,) = [task["result"]["msg"] for task in said.tasks if task["task"].endswith("Report the changes")]
    assert report[0] == "enable libvirtd.service at boot" and "start libvirtd.socket" in report
    assert report[-1] == "after that, apply the networks, which can't be predicted yet"
    play(fresh, SITE, TOPOLOGIES)
    assert {name for name, each in fresh.look().items() if each["active"]} == {"lan", "cluster"}
    assert "enabled" in fresh.shell("systemctl is-enabled libvirtd.service")
    assert play(fresh, SITE, TOPOLOGIES).changed == 0


@pytest.mark.once
def test_teardown_says_what_it_leaves(fresh: Host) -> None:
    play(fresh, SITE, TOPOLOGIES)

    def stays(*arguments: str, **variables: Any) -> list[str]:
        played = play(fresh, TEARDOWN, {**TOPOLOGIES, **variables}, *arguments)
        (report,) = [task["result"]["msg"] for task in played.tasks if task["task"].endswith("what stays on the host")]
        return list(report)

    packages = "packages and daemons of libvirt"
    expected = [packages, f"{SYSCTL}, which enables forwarding at boot (virtnet_teardown_forwarding=true removes it)"]
    assert stays("--check") == expected and set(fresh.look()) == {"default", "lan", "cluster"}
    assert stays() == expected and set(fresh.look()) == {"default"}
    assert stays(virtnet_teardown_forwarding=True) == [packages, "forwarding, until the next boot"]
    assert not fresh.can(f"test -e {SYSCTL}")
    assert stays() == [packages]


@pytest.mark.once
def test_a_mode_that_changes_keeps_the_order_of_the_keys(fresh: Host) -> None:
    """The diff of a network shows no key as moved."""
    fresh.net(name="lan", forward={"mode": "nat"}, ips=[{"address": "192.168.150.1/24"}])
    changed = fresh.net(name="lan", forward={"mode": "none"})
    before, after = list(changed["before"]), list(changed["after"])
    assert [key for key in before if key in after] == [key for key in after if key in before]
    assert next(iter(changed["before"]["forward"])) == "mode"
