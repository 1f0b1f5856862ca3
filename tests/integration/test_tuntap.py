# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The life of a TUN or TAP device: created, changed in place or made again, used by a program, removed."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.wires import tap


def _tap(host: Host, *, changed: bool | None = True, **options: Any) -> dict[str, Any]:
    return converge(host, {"name": "tap7", "persist": "none", **options}, module="tuntap", changed=changed)


@pytest.mark.parametrize("mode", ["tap", "tun"])
def test_created_and_removed(clean: Host, mode: str) -> None:
    before = clean.interfaces()
    created = _tap(clean, mode=mode, owner="nobody", addresses=["10.8.0.1/24"])
    assert created["method"] == "created" and created["before"] == {"name": "tap7", "state": "absent"}
    assert created["interface"]["name"] == "tap7"
    found = clean.interfaces()["interfaces"]["tap7"]
    assert found["kind"] == "tun" and found["up"] and found["settings"]["type"] == mode
    assert found["settings"]["persist"] is True and found["settings"]["user"] == "nobody"
    assert _tap(clean, state="absent")["method"] == "removed"
    assert clean.interfaces() == before


def test_only_the_name(clean: Host) -> None:
    assert _tap(clean)["after"] == {"name": "tap7", "state": "present", "up": True, "mode": "tap"}


def test_made_again(clean: Host) -> None:
    """Another mode needs another device, which has what the old one had; it can be forbidden."""
    clean.shell("ip link add br7 type bridge; ip link set br7 up")
    _tap(clean, addresses=["10.8.0.1/24"], routes=[{"to": "10.9.0.0/16", "via": "10.8.0.2"}], mtu=1400, owner="nobody")
    before = clean.interfaces()["interfaces"]["tap7"]
    message = refused(
        clean,
        {"name": "tap7", "persist": "none", "multi_queue": True, "recreate": False},
        "tap7",
        "recreate",
        module="tuntap",
    )
    assert "multi_queue" in message
    result = _tap(clean, multi_queue=True)
    assert result["method"] == "recreated"
    after = clean.interfaces()["interfaces"]["tap7"]
    assert after["index"] != before["index"]
    before["settings"]["multi_queue"] = True
    for what in ("addresses", "routes", "mtu", "settings", "up"):
        assert after[what] == before[what], what
    assert _tap(clean, mode="tun")["method"] == "recreated"
    assert clean.interfaces()["interfaces"]["tap7"]["settings"]["user"] == "nobody"
    # in place, also where it may not be made again
    assert _tap(clean, mtu=1300, recreate=False)["method"] == "changed"


def test_made_again_on_its_bridge(clean: Host) -> None:
    clean.shell("ip link add br7 type bridge; ip link set br7 up")
    _tap(clean, bridge="br7")
    clean.shell("bridge link set dev tap7 cost 77")
    assert _tap(clean, multi_queue=True)["method"] == "recreated"
    assert clean.interfaces()["interfaces"]["tap7"]["master"] == "br7"
    assert clean.interfaces()["interfaces"]["tap7"]["port"]["cost"] == 77


def test_one_that_a_program_has_made(clean: Host) -> None:
    """A device that goes with its program is that program's business."""
    with tap(clean, "tap7"):
        for options in ({}, {"state": "absent"}, {"mtu": 1400}):
            refused(clean, {"name": "tap7", "persist": "none", **options}, "tap7", "program", module="tuntap")


def test_one_that_is_in_use(clean: Host) -> None:
    """A guest's tap isn't taken from it; what goes without that is done."""
    _tap(clean)
    with tap(clean, "tap7"):
        for options in ({"state": "absent"}, {"mode": "tun"}, {"owner": "nobody"}, {"multi_queue": True}):
            refused(clean, {"name": "tap7", "persist": "none", **options}, "tap7", "open", module="tuntap")
        assert _tap(clean, mtu=1400, addresses=["10.8.0.1/24"])["method"] == "changed"
    _tap(clean, owner="nobody")
    # the kernel can't take an owner away
    refused(clean, {"name": "tap7", "persist": "none", "owner": "", "recreate": False}, "recreate", module="tuntap")
    assert _tap(clean, owner="")["method"] == "recreated"
    _tap(clean, state="absent")


def test_used_by_its_owner(clean: Host) -> None:
    """A program without privileges may open it, and finds its header on it."""
    _tap(clean, owner="nobody", vnet_hdr=True)
    script = (
        "import fcntl, os, struct\n"
        "device = open('/dev/net/tun', 'r+b', buffering=0)\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "fcntl.ioctl(device, 0x400454CA, struct.pack('16sH22x', b'tap7', 0x5002))\n"  # and IFF_VNET_HDR
    )
    clean.shell("python3 -", input=script)
    _tap(clean, owner="daemon")
    assert not clean.can(f"python3 -c {script!r}")


def test_in_a_namespace(clean: Host) -> None:
    clean.shell("ip netns add inner; ip -n inner link add br7 type bridge")
    outside = clean.interfaces()
    _tap(clean, netns="inner", bridge="br7", owner="nobody")
    assert clean.interfaces("inner")["interfaces"]["tap7"]["master"] == "br7"
    assert clean.interfaces() == outside
    _tap(clean, netns="inner", state="absent")
    assert "tap7" not in clean.interfaces("inner")["interfaces"]
