# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Routed and open networks and their routers: the playbooks and roles publish the return routes, and add them to the routers.

The router is the machine `outer`, a namespace of the host in which Ansible's modules run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from integration.support.host import Host
from integration.support.plays import SYSCTL, Played, play
from integration.support.wires import OUTER
from lab.machine import inventory

SITE, TEARDOWN = "virtnet.kvm.site", "virtnet.kvm.teardown"
ROUTED = {"type": "routed", "name": "routed0", "cidr": "10.9.0.0/24", "cidr6": "fd00:9::/64"}
OPEN = {"type": "open", "name": "open0", "cidr": "10.9.1.0/24"}
_ADDRESSES = "ip address add 192.168.30.2/24 dev ens7; ip address add fd00:30::2/64 dev ens7 nodad"
_PYTHON = "/usr/local/bin/virtnet-test-outer"
_ROUTES = "ip -n outer -4 route show; ip -n outer -6 route show"


@pytest.fixture
def lan(clean: Host, tmp_path: Path) -> Iterator[str]:
    """The host's LAN with a router; the second inventory, which has it in the group `virtnet_routers`."""
    clean.shell(f"rm -f {SYSCTL}; {OUTER}; {_ADDRESSES}")
    found = inventory([clean.machine])["lab"]["hosts"][clean.machine.name]
    clean.shell(f"cat >{_PYTHON}; chmod 755 {_PYTHON}", input='#!/bin/sh\nexec ip netns exec outer python3 "$@"\n')
    outer = {**found, "ansible_python_interpreter": _PYTHON}
    path = tmp_path / "routers.yml"
    path.write_text(yaml.safe_dump({"virtnet_routers": {"hosts": {"outer": outer}}}))
    yield str(path)
    clean.shell(f"rm -rf {SYSCTL} {_PYTHON} /var/lib/virtnet.kvm/static_routes")


def _changed(played: Played) -> int:
    """How many tasks have changed the router."""
    (found,) = re.findall(r"^outer +: .*changed=(\d+)", played.done.stdout, re.MULTILINE)
    return int(found)


def _actions(played: Played) -> list[str]:
    return [step for fabric in played.fabrics if "static_routes" in fabric for step in fabric["actions"]]


@pytest.mark.once
def test_site_and_teardown(clean: Host, lan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The router reaches the host's address behind the bridge; check mode says so; it has its own routes back at the end."""
    monkeypatch.setenv("ANSIBLE_SHOW_CUSTOM_STATS", "1")
    host, name = clean, clean.machine.name
    wanted = {
        "virtnet_hosts": name,
        "virtnet_topologies": [ROUTED, OPEN],
        "host_return_via": ["192.168.30.2", "fd00:30::2"],
    }
    before = host.shell(_ROUTES)
    said = play(host, SITE, wanted, "-i", lan, "--check", "--diff")
    assert host.shell(_ROUTES) == before, "check mode has changed the router"
    made = play(host, SITE, wanted, "-i", lan)
    assert _actions(made) == _actions(said) and "add route 10.9.1.0/24 via 192.168.30.2 dev eth0" in _actions(made)
    assert "the routers outside need the route fd00:9::/64 via fd00:30::2" in made.done.stdout
    host.shell("ip netns exec outer ping -c 1 -W 2 10.9.0.1 && ip netns exec outer ping -c 1 -W 2 10.9.1.1")
    assert "fd00:9::/64 via fd00:30::2" in host.shell(_ROUTES)
    again = play(host, SITE, wanted, "-i", lan)
    assert again.changed == _changed(again) == 0, again.done.stdout
    statistics = again.done.stdout.partition("CUSTOM STATS")[2]
    assert f'"{name}": [' in statistics and '"to": "10.9.0.0/24"' in statistics, statistics
    # one of them goes, and its route alone; not if the host fails at it
    one = {**wanted, "virtnet_topologies": [{**ROUTED, "state": "absent"}]}
    host.shell("cd /etc; mount --bind virtnet.kvm virtnet.kvm; mount -o remount,bind,ro virtnet.kvm")
    play(host, SITE, one, "-i", lan, fails=True)
    host.shell("umount /etc/virtnet.kvm")
    assert "10.9.0.0/24" in host.shell(_ROUTES)
    play(host, SITE, one, "-i", lan)
    assert "10.9.0.0/24" not in host.shell(_ROUTES) and "10.9.1.0/24" in host.shell(_ROUTES)
    assert _actions(play(host, TEARDOWN, wanted, "-i", lan, "--check")) and "10.9.1.0/24" in host.shell(_ROUTES)
    play(host, TEARDOWN, wanted, "-i", lan)
    assert host.shell(_ROUTES) == before
    gone = play(host, TEARDOWN, wanted, "-i", lan)
    assert gone.changed == _changed(gone) == 0


@pytest.mark.once("bookworm")
def test_roles(clean: Host, lan: str) -> None:
    """Two roles of one host add up, by the address that the host itself would use outside."""
    host = clean
    # The host's default route is that of the lab. So only the address that look.sh asks for is outside of the LAN here.
    host.shell("ip route add 1.1.1.1/32 via 192.168.30.1")
    roles = [
        {"role": "virtnet.kvm.routed", "routed_name": "routed0", "routed_cidr": "10.9.0.0/24"},
        {"role": "virtnet.kvm.open", "open_name": "open0", "open_cidr": "10.9.1.0/24"},
    ]
    common = {"gather_facts": False, "become": True}
    plays = [
        {"hosts": host.machine.name, **common, "roles": roles},
        {"hosts": "virtnet_routers", **common, "roles": ["virtnet.kvm.return_routes"]},
    ]
    said = [step for each in play(host, plays, {}, "-i", lan, "--check").predicted for step in each["actions"]]
    shared = [step for step in said if "service" in step or "virtnet_base" in step or "/usr/local" in step]
    assert shared and len(set(shared)) == len(shared), shared
    play(host, plays, {}, "-i", lan)
    for cidr in ("10.9.0.0/24", "10.9.1.0/24"):
        assert f"{cidr} via 192.168.30.2 dev eth0" in host.shell(_ROUTES)
    again = play(host, plays, {}, "-i", lan)
    assert again.changed == _changed(again) == 0, again.done.stdout


@pytest.mark.once("bookworm")
def test_without_routers(clean: Host) -> None:
    """Without an address towards the outside the route isn't known, and a warning says what to set."""
    played = play(clean, SITE, {"virtnet_topologies": [ROUTED]}, "--check")
    assert "no hosts matched" not in played.done.stdout and "the return routes" not in played.done.stdout
    if not clean.can("ip -6 route show default | grep ."):
        assert "set host_return_via" in re.sub(r"\s+", " ", played.done.stdout + played.done.stderr)
