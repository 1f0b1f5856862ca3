# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Running guests stay plugged in, whatever happens to their network, and a network isn't taken from them."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.cases import SHAPES
from integration.support.checks import converge, refused
from integration.support.guests import guest_on, plugged, reaches
from integration.support.host import Host
from integration.support.networks import ips, lan

RATE: dict[str, Any] = {"bandwidth": {"inbound": {"average": 1000, "peak": 2000}, "outbound": {"average": 1000}}}


@pytest.mark.nftables
def test_restarts(clean: Host) -> None:
    """What libvirt can't change live restarts the network; the guest is plugged in again and goes on."""
    clean.net(**lan())
    with guest_on(clean, "lan") as guest:
        address = guest.lease()
        reaches(clean, address)
        # a bandwidth where the kernel can limit it, which is the UML host
        fast: list[dict[str, Any]] = [{"mtu": 1400}, {"domain": {"name": "x.example"}}]
        changes = [RATE] if clean.can(SHAPES) else fast
        for change in changes:
            index = clean.look()["lan"]["ifindex"]
            result = converge(clean, {"name": "lan", **change}, changed=True)
            assert result["method"] == "restarted"
            assert [touched["domain"] for touched in result["guests"]] == [guest.name]
            assert any("restart network lan and reconnect g1 (" in action for action in result["actions"])
            assert clean.look()["lan"]["ifindex"] != index
            plugged(clean, "lan", guest)
            reaches(clean, address)

        result = converge(clean, {"name": "lan", "ips": ips(151)}, changed=True)
        assert result["method"] == "restarted" and len(result["guests"]) == 1
        plugged(clean, "lan", guest)
        guest.renew()
        address = guest.lease()
        assert address.startswith("192.168.151.")
        reaches(clean, address)


def test_a_restart_that_must_wait(clean: Host) -> None:
    clean.net(**lan())
    with guest_on(clean, "lan", wait_lease=False) as guest:
        index = clean.look()["lan"]["ifindex"]
        for _again in range(2):  # stored once, and said each time
            result = converge(clean, {"name": "lan", "mtu": 1400, "restart": "never"})
            assert any("waits for a restart" in str(warning) for warning in result["warnings"])
            assert result["after"]["mtu"] == 1400 and result["after"]["running"] == {"mtu": None}
        assert result["method"] == "none"
        assert clean.look()["lan"]["ifindex"] == index
        result = converge(clean, {"name": "lan"}, changed=True)
        assert result["method"] == "restarted" and "warnings" not in result
        plugged(clean, "lan", guest)
        assert clean.document("lan", running=True).xpath("string(mtu/@size)") == "1400"


def test_disconnected_by_other_means(clean: Host) -> None:
    """A restart by virsh leaves the guests without a network; the next run of the module doesn't."""
    clean.net(**lan())
    with guest_on(clean, "lan", ip="192.168.150.77/24") as guest:
        plugged(clean, "lan", guest)
        clean.shell("virsh net-destroy lan; virsh net-start lan")
        result = converge(clean, {"name": "lan"}, changed=True)
        assert result["method"] == "live" and [touched["connected"] for touched in result["guests"]] == [True]
        assert "disconnected_guests" in result["before"] and "disconnected_guests" not in result["after"]
        plugged(clean, "lan", guest)
        reaches(clean, "192.168.150.77")

        clean.shell("virsh net-destroy lan")
        result = converge(clean, {"name": "lan", "active": True}, changed=True)
        assert result["method"] == "started" and len(result["guests"]) == 1
        plugged(clean, "lan", guest)
        reaches(clean, "192.168.150.77")


def test_changed_by_other_hands(clean: Host) -> None:
    clean.net(**lan())
    before = clean.look()["lan"]
    # live only
    clean.shell("virsh net-update lan add dns-host \"<host ip='192.168.150.5'><hostname>x</hostname></host>\" --live")
    result = converge(clean, {"name": "lan"}, changed=True)
    assert result["method"] == "live" and "running" in result["before"]
    assert clean.look()["lan"]["running"] == before["running"]
    # stored only
    clean.shell("virsh net-dumpxml --inactive lan | sed s/192.168.150/192.168.155/g | virsh net-define /dev/stdin")
    result = converge(clean, lan(), changed=True)
    assert result["method"] == "stored"
    assert clean.look()["lan"] == before
    # what is left out is left alone, and becomes true of the running network too
    clean.shell(
        "virsh net-dumpxml --inactive lan | sed 's,<ip ,<mtu size=\"1300\"/><ip ,' | virsh net-define /dev/stdin"
    )
    result = converge(clean, lan(), changed=True)
    assert result["method"] == "restarted"
    assert clean.document("lan", running=True).xpath("string(mtu/@size)") == "1300"


def test_a_network_is_not_taken_from_its_guests(clean: Host) -> None:
    clean.net(**lan())
    with guest_on(clean, "lan", wait_lease=False):
        for options in ({"state": "absent"}, {"active": False}):
            message = refused(clean, {"name": "lan", **options}, "network lan", "g1 (52:54:00:")
            assert "running guests" in message
    converge(clean, {"name": "lan", "state": "absent"}, changed=True)
