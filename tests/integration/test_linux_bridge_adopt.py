# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A bridge takes the place of the host's NIC, under a session that goes through it, and gives it back."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.cases_interfaces import PORTS
from integration.support.checks import converge
from integration.support.host import Host
from integration.support.interfaces import with_routes_of_their_own
from integration.support.wires import NIC, session

# The longest that a byte may take through a session while its interface changes, on a machine that has other work.
MOMENT = 3.0


def _adopt(host: Host, *, changed: bool | None = True, **options: Any) -> dict[str, Any]:
    return converge(
        host, {"name": "br7", "adopt": "ens7", "persist": "none", **options}, module="linux_bridge", changed=changed
    )


def _found(host: Host, netns: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = host.interfaces(netns)["interfaces"]
    for each in found.values():
        each["addresses"] = with_routes_of_their_own(each["addresses"])
    return found


def _moved(before: dict[str, Any], after: dict[str, Any]) -> None:
    """The bridge has all that the NIC had."""
    for what in ("addresses", "routes", "mac"):
        assert after["br7"][what] == before["ens7"][what], what
    assert after["ens7"]["addresses"] == after["ens7"]["routes"] == [] and after["ens7"]["master"] == "br7"


def _survived(seen: dict[str, Any]) -> None:
    assert seen["broken"] is None and seen["echoed"] > 10, seen
    assert seen["longest"] < MOMENT, seen


@pytest.mark.kernel
def test_forth_and_back_with_vlans(clean: Host) -> None:
    _forth_and_back(clean)


def test_forth_and_back(clean: Host) -> None:
    _forth_and_back(clean)


def _forth_and_back(host: Host) -> None:
    host.shell(NIC)
    before = _found(host)
    assert len(before["ens7"]["addresses"]) == 4 and len(before["ens7"]["routes"]) == 5, before["ens7"]
    with session(host) as seen:
        assert _adopt(host)["method"] == "created"
        _moved(before, _found(host))
    _survived(seen)
    with session(host) as seen, session(host, "fd00:30::2") as seen6:
        assert _adopt(host, state="absent")["method"] == "removed"
        assert _found(host) == before
    _survived(seen)
    _survived(seen6)


def test_without_adopt_it_stays_as_it_is(clean: Host) -> None:
    """What is left out is left alone: also a bridge that has adopted."""
    clean.shell(NIC)
    _adopt(clean)
    made = clean.interfaces()
    converge(clean, {"name": "br7", "persist": "none"}, module="linux_bridge", changed=False)
    converge(clean, {"name": "br7", "persist": "none", "ageing_time": 60}, module="linux_bridge", changed=True)
    made["interfaces"]["br7"]["settings"]["ageing_time"] = 6000
    assert clean.interfaces() == made


def test_by_a_bridge_that_is_there(clean: Host) -> None:
    """With a port, an address and a MAC address of its own, and STP on: a session survives that, too."""
    clean.shell(f"{NIC}; {PORTS}")
    before = _found(clean)
    own: dict[str, Any] = {"ports": [{"name": "p0"}], "mac": "02:00:00:00:00:07"}
    converge(clean, {"name": "br7", "persist": "none", **own, "addresses": ["192.168.20.2/24"]}, module="linux_bridge")
    with session(clean) as seen:
        _adopt(clean, **own)
    _survived(seen)
    found = _found(clean)
    assert found["br7"]["mac"] == own["mac"] and found["p0"]["master"] == found["ens7"]["master"] == "br7"
    assert set(before["ens7"]["addresses"]) < set(found["br7"]["addresses"])
    assert any(text.startswith("192.168.20.2/24 ") for text in found["br7"]["addresses"])
    assert found["br7"]["routes"] == before["ens7"]["routes"]


def test_an_address_that_turns_up_again(clean: Host) -> None:
    """As a DHCP client does that still runs on the NIC: it is moved again, and the session with it."""
    clean.shell(NIC)
    before = _found(clean)
    with session(clean) as seen:
        _adopt(clean)
        clean.shell(
            "ip address add 192.168.30.9/24 dev ens7; ip route add 10.34.0.0/16 via 192.168.30.1 dev ens7 proto static"
        )
        assert _adopt(clean)["method"] == "changed"
    _survived(seen)
    found = _found(clean)
    assert found["ens7"]["addresses"] == found["ens7"]["routes"] == []
    assert any(text.startswith("192.168.30.9/24 ") for text in found["br7"]["addresses"])
    assert set(found["br7"]["routes"]) == {*before["ens7"]["routes"], "10.34.0.0/16 via 192.168.30.1 proto static"}
    # and what is on both is on the bridge alone
    clean.shell("ip address add 192.168.30.2/24 broadcast 192.168.30.255 dev ens7")
    _adopt(clean)
    assert _found(clean) == found


def test_a_leased_address(clean: Host) -> None:
    """It keeps the rest of its time; stored it is fixed, which is said."""
    clean.shell(f"{NIC}; ip address change 192.168.30.2/24 valid_lft 3000 preferred_lft 2000 dev ens7")
    result = clean.ok("linux_bridge", {"name": "br7", "adopt": "ens7", "persist": "networkd"})
    assert any("192.168.30.2/24" in str(warning) for warning in result["warnings"]), result["warnings"]
    (text,) = [
        text for text in clean.shell("ip -4 -oneline address show dev br7").splitlines() if "192.168.30.2/" in text
    ]
    assert 2900 < int(text.partition("valid_lft ")[2].split("sec")[0]) <= 3000, text
    assert not clean.ok("linux_bridge", {"name": "br7", "adopt": "ens7", "persist": "networkd"})["changed"]


def test_given_lists_are_whole(clean: Host) -> None:
    """Addresses and routes that are given are those of the bridge, whatever the NIC had."""
    clean.shell(NIC)
    _adopt(clean, addresses=["192.168.30.2/24"], routes=[{"to": "10.40.0.0/16", "via": "192.168.30.1"}])
    found = _found(clean)
    assert [text.split()[0] for text in found["br7"]["addresses"]] == ["192.168.30.2/24"]
    assert found["br7"]["routes"] == ["10.40.0.0/16 via 192.168.30.1 proto static"]
    assert found["ens7"]["addresses"] == found["ens7"]["routes"] == []


def test_in_a_namespace(clean: Host) -> None:
    clean.shell(f"{NIC}; ip netns add inner")
    clean.shell("ip netns exec outer ip link add ens7 type veth peer name q7; ip -n outer link set q7 up")
    clean.shell("ip -n outer address add 192.168.31.2/24 dev ens7; ip -n outer link set ens7 up")
    outside = clean.interfaces()
    before = _found(clean, "outer")
    converge(clean, {"name": "br7", "adopt": "ens7", "netns": "outer"}, module="linux_bridge", changed=True)
    _moved(before, _found(clean, "outer"))
    assert clean.interfaces() == outside
