# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Many live changes or one restart: which of them a plan has, and about how long it takes."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from unit.fake_host import host_with_lan


def _reservations(count: int, first: int = 10) -> dict[str, Any]:
    hosts = [{"mac": f"52:54:00:00:07:{n:02x}", "ip": f"192.168.150.{first + n}"} for n in range(count)]
    return {"ips": [{"address": "192.168.150.1/24", "dhcp": {"hosts": hosts}}]}


@pytest.mark.parametrize("restart", ["if_needed", "if_faster", "never"])
@pytest.mark.parametrize(
    ("count", "guests", "on_bridge", "restarted"),
    [
        (1, 0, frozenset(), ()),
        (2, 0, frozenset(), ("if_faster",)),
        (20, 0, frozenset(), ("if_needed", "if_faster")),
        (20, 2, frozenset(), ("if_faster",)),
        (20, 0, frozenset({"tap7"}), ()),
        (20, 2, frozenset({"tap7"}), ()),
        (20, 0, None, ("if_faster",)),
        (1, 9, frozenset(), ()),
    ],
)
def test_a_restart_instead_of_many_live_changes(
    restart: str, count: int, guests: int, on_bridge: Optional[frozenset[str]], restarted: tuple[str, ...]
) -> None:
    """If nobody is on the network, or if it is asked for. What isn't a guest would not get its bridge back."""
    host = host_with_lan()
    host.on_bridge = on_bridge
    for number in range(guests):
        host.connect("lan", f"g{number}")
    (outcome,) = host.declare({"name": "lan", **_reservations(count), "restart": restart})
    assert outcome.returned["method"] == ("restarted" if restart in restarted else "live")
    assert outcome.returned["steps"] == (2 if restart in restarted else count)
    assert len(outcome.returned["guests"]) == (guests if restart in restarted else 0)  # type: ignore[arg-type]
    assert all(guest.connected for guest in host.networks.kept["lan"].guests)


def test_a_guest_that_lost_its_network_is_nobody() -> None:
    """It is reconnected in any case."""
    host = host_with_lan()
    host.connect("lan", "g1", connected=False)
    (outcome,) = host.declare({"name": "lan", **_reservations(20)})
    assert outcome.returned["method"] == "restarted" and host.networks.kept["lan"].guests[0].connected


@pytest.mark.parametrize(
    ("mode", "declared", "seconds"),
    [
        ("nat", {}, 0.0),
        ("nat", {"title": "x"}, 0.0),
        ("nat", _reservations(100), 55.0),
        ("open", _reservations(100), 4.0),
        ("nat", {"dns": {"txt": [{"name": f"n{n}", "value": "v"} for n in range(10)]}}, 2.0),
        ("nat", {"mtu": 1400}, 0.7),
    ],
)
def test_about_how_long_it_takes(mode: str, declared: dict[str, Any], seconds: float) -> None:
    host = host_with_lan(forward={"mode": mode})
    host.connect("lan", "g1")
    (predicted,) = host.declare({"name": "lan", **declared}, check=True)
    (outcome,) = host.declare({"name": "lan", **declared})
    assert predicted.returned["seconds"] == outcome.returned["seconds"] == seconds
    assert predicted.returned["steps"] == len(outcome.actions)
