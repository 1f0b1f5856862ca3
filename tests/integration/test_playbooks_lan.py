# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Playbooks and roles that change the host's own interfaces: foreseen, safe, and undone."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.guests import guest_on
from integration.support.host import Host
from integration.support.plays import Played, of_networks, play
from integration.support.wires import NIC, session

SITE, TEARDOWN = "virtnet.kvm.site", "virtnet.kvm.teardown"
CHECKPOINT = "virtnet.kvm.net_checkpoint"
BRIDGED = {"type": "bridged", "name": "br7", "port": "ens7"}
LAN = {"type": "nat", "name": "lan", "cidr": "192.168.150.0/24"}
VLANS = [{"id": 11, "cidr": "192.168.11.2/24"}, {"id": 12}]


def _site(*topologies: dict[str, Any], **variables: Any) -> dict[str, Any]:
    return {"virtnet_topologies": list(topologies), **variables}


def _everything(host: Host) -> dict[str, Any]:
    """What runs and what is stored, but for the numbers that come with making a thing again."""
    found = host.interfaces()
    for each in found["interfaces"].values():
        each["addresses"] = [text.replace(" noprefixroute", "") for text in each["addresses"]]
    return {**found, "networks": sorted(host.look())}


def _checkpoints(played: Played) -> list[str]:
    """The tasks of a run that had to do with a checkpoint."""
    return [task["task"].rpartition(" : ")[2] for task in played.tasks if task["action"] == CHECKPOINT]


def _foretold(host: Host, what: str | list[dict[str, Any]], variables: dict[str, Any]) -> Played:
    """Check mode changes nothing and says what comes; it comes by a checkpoint; then nothing does, and there is none."""
    before = _everything(host)
    said = play(host, what, variables, "--check", "--diff")
    assert _everything(host) == before, "check mode has changed the host"
    assert _checkpoints(said) == []
    came = play(host, what, variables, "--diff")
    assert _checkpoints(came) == ["Create a checkpoint", "Commit the checkpoint"]
    (foreseen,), done = came.predicted, came.fabrics
    assert foreseen["actions"] == said.fabric["actions"] and not foreseen["changed"] and "diff" not in foreseen
    assert sorted(of_networks(said.fabric["actions"])) == sorted(action for each in done for action in each["actions"])
    for kind in ("bridges", "vlans", "networks"):
        (made,) = [each[kind] for each in done if each.get(kind)] or [[]]
        for there, here in zip(said.fabric.get(kind, []), made, strict=True):
            for key in ("name", "changed", "method", "before", "after"):
                assert there[key] == here[key], f"{kind} {key}: said {there[key]}, came {here[key]}"
    settled = _everything(host)
    again = play(host, what, variables, "--diff")
    assert again.changed == 0 and _checkpoints(again) == [], again.done.stdout
    assert _everything(host) == settled
    return came


def test_a_nic_into_a_bridge_and_back(clean: Host) -> None:
    """With a NAT network beside it; a session that goes by the NIC outlasts both ways."""
    clean.shell(NIC)
    before = _everything(clean)
    wanted = _site(BRIDGED, LAN)
    with session(clean) as seen:
        came = _foretold(clean, SITE, wanted)
    assert seen["broken"] is None, seen
    assert "+" in came.done.stdout and "adopt" not in before["interfaces"], "the diff is shown"
    found = clean.interfaces()["interfaces"]
    assert found["ens7"]["master"] == "br7" and found["ens7"]["addresses"] == []
    assert found["br7"]["addresses"] and found["br7"]["mac"] == before["interfaces"]["ens7"]["mac"]
    assert {name for name, each in clean.look().items() if each["active"]} == {"br7", "lan"}
    assert clean.shell("virsh net-dumpxml br7 | grep -E 'forward|bridge' | xargs").split() == [
        "<forward",
        "mode=bridge/>",
        "<bridge",
        "name=br7/>",
    ]
    with session(clean) as seen:
        _foretold(clean, TEARDOWN, wanted)
    assert seen["broken"] is None, seen
    assert _everything(clean) == before


@pytest.mark.once
def test_a_bridge_is_not_taken_from_a_guest(clean: Host) -> None:
    """It is found before anything is touched."""
    clean.shell(NIC)
    play(clean, SITE, _site(BRIDGED))
    with guest_on(clean, "br7", "web", wait_lease=False):
        before = _everything(clean)
        refused = play(clean, TEARDOWN, _site(BRIDGED), fails=True)
        assert "web" in refused.fabric["msg"] and _checkpoints(refused) == []
        assert _everything(clean) == before


@pytest.mark.once("bookworm")
def test_a_host_that_is_cut_off_comes_back(clean: Host) -> None:
    """The NIC that Ansible comes by gets an address that it can't be reached at: the host undoes it, with nobody there."""
    before = _everything(clean)
    wrong = {"type": "bridged", "name": "br7", "port": "eth0", "cidr": "203.0.113.7/24"}
    played = play(clean, SITE, _site(wrong, LAN, host_confirm_within=20), fails=True)
    # by the time that the task is given up, or a little later
    said = played.tasks[-1]["result"]["msg"]
    assert "The host has rolled back its interfaces" in said or "The host rolls back its interfaces" in said, (
        played.done.stdout
    )
    clean.until("! ip link show br7")
    clean.until("ping -c1 -W1 198.18.0.1")
    assert _everything(clean) == before
    assert set(clean.look()) == {"default"}, "networks come only when the way is known to stay"


@pytest.mark.kernel
def test_a_trunk_and_back(clean: Host) -> None:
    """With a bridge that filters where libvirt can tag its ports; where it can't, that is refused, and with bridges."""
    clean.shell("ip link add ens7 type veth peer name far7 && ip link set ens7 up && ip link set far7 up")
    before = _everything(clean)
    wanted, inside, outside = _trunk("vlan_aware"), "br-ens7.11", "br-ens7"
    if clean.libvirt < (11, 0, 0):
        refused = play(clean, SITE, wanted, fails=True)
        assert "virtnet_topologies[0].style: 'vlan_aware' needs libvirt 11.0.0" in refused.done.stdout
        assert _everything(clean) == before
        wanted, inside, outside = _trunk("bridges"), "br11", "br12"
    _foretold(clean, SITE, wanted)
    found = clean.interfaces()["interfaces"]
    assert any(text.startswith("192.168.11.2/24") for text in found[inside]["addresses"])
    assert not any("192.168" in text for text in found[outside]["addresses"])
    _foretold(clean, TEARDOWN, wanted)
    assert _everything(clean) == before


def _trunk(style: str) -> dict[str, Any]:
    return _site({"type": "vlan_trunk", "parent": "ens7", "style": style, "vlans": VLANS})
