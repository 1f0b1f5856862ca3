# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a bridge takes over of a user's profile, and what becomes of it in later runs."""

from __future__ import annotations

import configparser
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    InterfaceRoute,
    Ipv6,
    LinuxBridge,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import plan_files
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import Request, overlay
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.networkmanager.iaid import iaid_by_name, siphash24
from unit.persist_runs import BRIDGE, MAC, MOVED, NIC, Runs

HOME = "/etc/NetworkManager/system-connections"
STATIC = """[connection]
id=lan
uuid=7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11
type=ethernet
interface-name=eth1
zone=internal
lldp=1
something-new=7

[ethernet]
mtu=1450
wake-on-lan=64

[ipv4]
method=manual
address1=192.0.2.5/24,192.0.2.1
dns=192.0.2.53;
dns-search=lan.example;
may-fail=false
route1=10.0.0.0/8,192.0.2.1
route1_options=mtu=1400
routing-rule1=priority 100 from 192.0.2.5/32 table 7

[ipv6]
method=manual
addresses1=fd00::5/64
ip6-privacy=2

[proxy]
method=1

[user]
org.example.owner=me
"""
LEASED = (
    "[connection]\ntype=ethernet\ninterface-name=eth1\n[ipv4]\nmethod=auto\ndhcp-hostname=web\n[ipv6]\nmethod=auto\n"
)


def _profile(host: Runs, name: str = "br0") -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(host.files[f"{HOME}/virtnet-kvm-{name}.nmconnection"])
    return {section: dict(parser[section]) for section in parser.sections()}


def _networkmanager(text: str = STATIC) -> Runs:
    return Runs("networkmanager", {f"{HOME}/lan.nmconnection": text})


def test_bridge_has_all_that_the_profile_says_of_the_network() -> None:
    host = _networkmanager()
    host.run(MOVED)
    found = _profile(host)
    assert found["ipv4"] == {
        "method": "manual",
        "address1": "192.0.2.5/24,192.0.2.1",
        "dns": "192.0.2.53;",
        "dns-search": "lan.example;",
        "may-fail": "false",
        "route1": "10.0.0.0/8,192.0.2.1",
        "route1_options": "mtu=1400",
        "routing-rule1": "priority 100 from 192.0.2.5/32 table 7",
        "route-metric": "100",  # a bridge's own is 425
    }
    assert found["ipv6"] == {
        "method": "manual", "addresses1": "fd00::5/64", "ip6-privacy": "2", "route-metric": "100",
    }  # fmt: skip
    assert (found["proxy"], found["user"]) == ({"method": "1"}, {"org.example.owner": "me"})
    assert found["ethernet"] == {"cloned-mac-address": MAC, "mtu": "1450"}
    connection = found["connection"]
    assert (connection["zone"], connection["something-new"]) == ("internal", "7")
    assert (connection["type"], connection["id"], connection["interface-name"]) == ("bridge", "virtnet-kvm-br0", "br0")
    port = _profile(host, "eth1")
    assert port["ethernet"] == {"mtu": "1450", "wake-on-lan": "64"}
    assert port["connection"]["lldp"] == "1" and "zone" not in port["connection"]
    assert not {"ipv4", "ipv6", "proxy", "user"} & set(port)
    assert host.said == () and not host.renews
    host.give_back()


def test_dhcp_goes_on_being_dhcp() -> None:
    host = _networkmanager(LEASED)
    host.run(replace(BRIDGE, addresses=("192.0.2.9/24",)), leased="192.0.2.9/24")
    found = _profile(host)
    assert found["ipv4"] == {"method": "auto", "dhcp-hostname": "web", "route-metric": "100"}
    assert found["ipv6"]["method"] == "auto" and found["ipv6"]["dhcp-iaid"] == str(iaid_by_name("eth1"))
    assert host.renews and host.said == ()
    host.give_back()


def test_iaid_is_networkmanagers() -> None:
    """The example of the paper on SipHash, and what NetworkManager has asked with for this name."""
    assert siphash24(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
    assert iaid_by_name("eth1") == 713252315


def test_given_options_win_now_and_later() -> None:
    host = _networkmanager()
    given: dict[str, Any] = {"addresses": ("198.51.100.7/24",), "mtu": 1400}
    desired = replace(BRIDGE, routes=(InterfaceRoute(to="10.0.0.0/8", via="198.51.100.1"),), **given)
    state = Request("br0", desired, host.files, {"eth1": NIC}, "eth1", given=LinuxBridge(name="br0", **given))
    host.files = overlay(host.files, plan_files("networkmanager", state).changes)
    found = _profile(host)
    assert found["ipv4"]["address1"] == "198.51.100.7/24" and found["ipv4"]["route1"].startswith(
        "10.0.0.0/8,198.51.100.1"
    )
    assert found["ipv4"]["dns"] == "192.0.2.53;" and "route1_options" not in found["ipv4"]
    assert found["ipv6"]["method"] == "ignore" and "addresses1" not in found["ipv6"]
    assert found["ethernet"]["mtu"] == "1400" and _profile(host, "eth1")["ethernet"]["mtu"] == "1450"
    host.run(replace(desired, mtu=None), adopt=None)
    assert _profile(host)["ipv4"] == found["ipv4"]


def test_given_routes_and_ipv6() -> None:
    host = _networkmanager()
    routes = (InterfaceRoute(to="default", via="192.0.2.254"),)
    host.run(replace(MOVED, routes=routes), routes=routes)
    found = _profile(host)["ipv4"]
    assert found["address1"] == "192.0.2.5/24" and found["route1"] == "0.0.0.0/0,192.0.2.254,0"
    host = _networkmanager(LEASED)
    ipv6 = Ipv6(accept_ra="never")
    desired = replace(BRIDGE, ipv6=ipv6)
    request = Request("br0", desired, host.files, {"eth1": NIC}, "eth1", given=LinuxBridge(name="br0", ipv6=ipv6))
    host.files = overlay(host.files, plan_files("networkmanager", request).changes)
    assert _profile(host)["ipv6"]["method"] == "link-local"


def test_what_the_bridge_had_before_is_still_its_own() -> None:
    host = _networkmanager(LEASED)
    own = LinuxBridge(
        name="br0", addresses=("203.0.113.1/24",), routes=(InterfaceRoute(to="172.16.0.0/12", via="203.0.113.2"),)
    )
    host.run(own, adopt=None)
    host.run(replace(own, mac=MAC, ports=BRIDGE.ports, addresses=("203.0.113.1/24", "192.0.2.9/24")))
    found = _profile(host)["ipv4"]
    assert (found["method"], found["address1"], found["route1"]) == (
        "auto",
        "203.0.113.1/24",
        "172.16.0.0/12,203.0.113.2,0",
    )


def test_a_profile_in_memory_is_remembered() -> None:
    memory = "/run/NetworkManager/system-connections/Wired connection 1.nmconnection"
    host = Runs("networkmanager", {memory: LEASED})
    host.run(BRIDGE)
    found = _profile(host)["ipv4"]
    del host.files[memory]  # NetworkManager removes it once another profile has the NIC
    host.run(BRIDGE, adopt=None)
    assert _profile(host)["ipv4"] == found == {"method": "auto", "dhcp-hostname": "web", "route-metric": "100"}


def test_a_profile_for_any_nic_is_the_last_choice() -> None:
    anything = LEASED.replace("interface-name=eth1\n", "").replace("web", "any")
    host = Runs("networkmanager", {f"{HOME}/any": anything})
    host.run(BRIDGE)
    assert _profile(host)["ipv4"]["dhcp-hostname"] == "any"
    host = Runs("networkmanager", {f"{HOME}/any": anything, f"{HOME}/lan": LEASED})
    host.run(BRIDGE)
    assert _profile(host)["ipv4"]["dhcp-hostname"] == "web"
    elsewhere = anything.replace("[ipv4]", "[match]\ninterface-name=wlan*;\n[ipv4]", 1)
    host = Runs("networkmanager", {f"{HOME}/any": elsewhere})
    host.run(replace(MOVED, addresses=("192.0.2.5/24",)))
    assert _profile(host)["ipv4"]["address1"] == "192.0.2.5/24", "without a profile the kernel's are stored"


@pytest.mark.parametrize(
    "line", ["parent=7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11", "master = 7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11"]
)
def test_a_profile_that_another_names_by_its_uuid_is_refused(line: str) -> None:
    other = f"{HOME}/other.nmconnection"
    runs = Runs("networkmanager", {f"{HOME}/lan.nmconnection": STATIC, other: f"[connection]\nid=other\n{line}\n"})
    key = line.split("=")[0].strip()
    with pytest.raises(OptionError, match=f"in {other}, line 3; write {key}=eth1 there") as error:
        runs.run(MOVED)
    assert error.value.option == "adopt"
    runs.files[other] = runs.users[other] = f"[connection]\nid=other\n{key}=eth1\n"
    runs.run(MOVED)
    runs.give_back()
