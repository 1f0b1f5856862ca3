# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The life of a network: created, found as it is, changed, removed."""

from __future__ import annotations

import pytest

from integration.support.checks import converge
from integration.support.host import Host

LAN = {
    "name": "lan",
    "forward": {"mode": "nat"},
    "bridge": {"name": "virbr-lan"},
    "ips": [
        {
            "address": "192.168.150.1/24",
            "dhcp": {"ranges": [{"start": "192.168.150.100", "end": "192.168.150.199"}]},
        }
    ],
}


@pytest.mark.nftables
def test_created_and_removed(clean: Host) -> None:
    created = converge(clean, LAN, changed=True)
    assert created["method"] == "created"
    assert created["before"] == {"name": "lan", "state": "absent"}
    found = clean.look()["lan"]
    assert found["active"] and found["autostart"] and found["persistent"] and found["bridge"] == "virbr-lan"
    assert "192.168.150.1/24" in clean.shell("ip -4 -brief address show dev virbr-lan")

    removed = converge(clean, {"name": "lan", "state": "absent"}, changed=True)
    assert removed["method"] == "removed"
    assert "lan" not in clean.look()
    assert "virbr-lan" not in clean.shell("ip -brief link show")
