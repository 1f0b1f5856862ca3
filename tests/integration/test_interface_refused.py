# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Bad input for the host's own interfaces: refused in one sentence that names the option and the value, before anything
is touched."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from integration.support.cases_interfaces import PORTS
from integration.support.checks import refused
from integration.support.host import Host

MODULES = ("linux_bridge", "vlan_iface", "tuntap", "fabric")

# What is there: a bridge with a port, a TUN and a TAP device, p1 and p2 free.
THERE = (
    f"{PORTS}; ip link add br1 type bridge; ip link set p0 master br1; ip tuntap add mode tun name tun1;"
    "ip tuntap add mode tap name tap1; ip netns add inner"
)
Bad = tuple[str, dict[str, Any], Optional[str], tuple[str, ...]]
ADDRESSED = {"addresses": ["192.168.20.2/24"]}


def _bridge(option: str | None, *said: str, **options: Any) -> Bad:
    return "linux_bridge", {"name": "br7", **options}, option, said


def _port(option: str, *said: str, name: str) -> Bad:
    return _bridge(option, *said, ports=[{"name": "p2"}, {"name": name}])


BAD: dict[str, Bad] = {
    "a port that isn't there": _port("ports[1].name", "nobody", name="nobody"),
    "lo as a port": _port("ports[1].name", "lo", name="lo"),
    "a TUN as a port": _port("ports[1].name", "tun1", "TUN", name="tun1"),
    "a port of another bridge": _port("ports[1].name", "p0", "br1", name="p0"),
    "the bridge as its own port": _port("ports[1].name", "br7", name="br7"),
    "a bridge as a port": _port("ports[1].name", "br1", "bridge", name="br1"),
    "a port twice": _port("ports[1].name", "p2", "once", name="p2"),
    "a port's name too long": _port("ports[1].name", "p234567890123456", "15", name="p234567890123456"),
    "a port's cost": _bridge("ports[0].cost", "0", "65535", ports=[{"name": "p1", "cost": 0}]),
    "a port's priority": _bridge("ports[0].priority", "64", "63", ports=[{"name": "p1", "priority": 64}]),
    "to adopt what isn't there": _bridge("adopt", "nobody", adopt="nobody"),
    "to adopt lo": _bridge("adopt", "lo", adopt="lo"),
    "to adopt another bridge's port": _bridge("adopt", "p0", "br1", adopt="p0"),
    "to adopt oneself": _bridge("adopt", "br7", adopt="br7"),
    "a name too long": _bridge("name", "br34567890123456", "15 characters", name="br34567890123456"),
    "a name with a slash": _bridge("name", "br/7", name="br/7"),
    "a name of another kind": _bridge("name", "tap1", name="tap1"),
    "no CIDR": _bridge("addresses[0]", "192.168.20.256/24", addresses=["192.168.20.256/24"]),
    "no prefix": _bridge("addresses[1]", "192.168.20.2", "prefix", addresses=["10.0.0.1/8", "192.168.20.2"]),
    "the network's own address": _bridge("addresses[0]", "192.168.20.0/24", addresses=["192.168.20.0/24"]),
    "the broadcast address": _bridge("addresses[0]", "192.168.20.255/24", addresses=["192.168.20.255/24"]),
    "a gateway that no address reaches": _bridge(
        "routes[0].via", "10.1.1.1", **ADDRESSED, routes=[{"to": "default", "via": "10.1.1.1"}]
    ),
    "a gateway of the other family": _bridge(
        "routes[0].via", "fd00:20::1", **ADDRESSED, routes=[{"to": "10.9.0.0/16", "via": "fd00:20::1"}]
    ),
    "a route with host bits": _bridge("routes[0].to", "10.9.0.1/16", routes=[{"to": "10.9.0.1/16"}]),
    "a source that isn't the host's": _bridge(
        "routes[0].source", "10.1.1.1", **ADDRESSED, routes=[{"to": "10.9.0.0/16", "source": "10.1.1.1"}]
    ),
    "routes of what is down": _bridge(
        "routes", "down", **ADDRESSED, up=False, routes=[{"to": "10.9.0.0/16", "via": "192.168.20.1"}]
    ),
    "IPv6 addresses without IPv6": _bridge(None, "fd00:20::2/64", ipv6={"enabled": False}, addresses=["fd00:20::2/64"]),
    "a multicast MAC": _bridge("mac", "01:00:5e:00:00:01", "unicast", mac="01:00:5e:00:00:01"),
    "an MTU too small": _bridge("mtu", "60", "68", mtu=60),
    "a delay too short for STP": _bridge("forward_delay", "1", "2", stp=True, forward_delay=1),
    "a delay too long": _bridge("forward_delay", "31", "30", forward_delay=31),
    "no hello": _bridge("hello_time", "0", "10", hello_time=0),
    "an age too short": _bridge("max_age", "5", "40", max_age=5),
    "groups that are never forwarded": _bridge("group_fwd_mask", "7", group_fwd_mask=7),
    "a namespace that isn't there": _bridge("netns", "nowhere", netns="nowhere"),
    "to store what is in a namespace": _bridge("persist", "networkd", "netns", netns="inner", persist="networkd"),
    "a tool that isn't there": _bridge("persist", "netplan", persist="netplan"),
    "an unknown option": _bridge(None, "portz", portz=[]),
    "a VLAN's number of 0": ("vlan_iface", {"name": "v7", "parent": "p1", "id": 0}, "id", ("0", "4094")),
    "a VLAN's number of 4095": ("vlan_iface", {"name": "v7", "parent": "p1", "id": 4095}, "id", ("4095", "4094")),
    "an owner that doesn't exist": ("tuntap", {"name": "tap7", "owner": "nemo"}, "owner", ("nemo",)),
    "a group that doesn't exist": ("tuntap", {"name": "tap7", "group": "nemo"}, "group", ("nemo",)),
    "a TUN on a bridge": ("tuntap", {"name": "tun7", "mode": "tun", "bridge": "br1"}, "bridge", ("br1", "tun")),
    "a TUN's MAC": ("tuntap", {"name": "tun7", "mode": "tun", "mac": "02:00:00:00:00:01"}, "mac", ("tun",)),
    "a bridge that isn't there": ("tuntap", {"name": "tap7", "bridge": "br9"}, "bridge", ("br9",)),
    "a bridge that is none": ("tuntap", {"name": "tap7", "bridge": "p1"}, "bridge", ("p1",)),
}
# These take a kernel with VLANs.
BAD_VLANS: dict[str, Bad] = {
    "a VLAN without a number": ("vlan_iface", {"name": "v7", "parent": "p1"}, "id", ("v7",)),
    "a VLAN without a parent": ("vlan_iface", {"name": "v7", "id": 7}, "parent", ("v7",)),
    "a parent that isn't there": ("vlan_iface", {"name": "v7", "parent": "no", "id": 7}, "parent", ("no",)),
    "lo as a parent": ("vlan_iface", {"name": "v7", "parent": "lo", "id": 7}, "parent", ("lo",)),
    "a VLAN of the bridge as its port": _bridge("ports[0].name", "br1.5", name="br1", ports=[{"name": "br1.5"}]),
    "a VLAN's number that is taken": (
        "vlan_iface",
        {"name": "v7", "parent": "br1", "id": 5},
        "id",
        ("5", "br1.5"),
    ),
    "an MTU above the parent's": (
        "vlan_iface",
        {"name": "v7", "parent": "p1", "id": 5, "mtu": 9000},
        "mtu",
        ("9000", "p1"),
    ),
    "a number in two lists": _bridge(None, "12", vlan_filtering=True, tagged=["10-20"], untagged=["12"]),
    "no range": _bridge("tagged[0]", "20-10", vlan_filtering=True, tagged=["20-10"]),
}


@pytest.fixture
def there(clean: Host) -> Host:
    clean.shell(THERE)
    return clean


@pytest.mark.parametrize("what", BAD)
def test_bad_input(there: Host, what: str) -> None:
    module, options, option, said = BAD[what]
    refused(there, {"persist": "none", **options}, *said, module=module, option=option)


@pytest.mark.kernel("bookworm_uml")
@pytest.mark.parametrize("what", BAD_VLANS)
def test_bad_vlans(there: Host, what: str) -> None:
    there.shell("ip link add br1.5 link br1 type vlan id 5")
    module, options, option, said = BAD_VLANS[what]
    refused(there, {"persist": "none", **options}, *said, module=module, option=option)


def test_bad_input_to_what_is_there(there: Host) -> None:
    """The same for a bridge that exists."""
    there.shell("ip link add br7 type bridge; ip link set br7 up")
    for what in BAD:
        module, options, option, said = BAD[what]
        if options["name"] == "br7":
            refused(there, {"persist": "none", **options}, *said, module=module, option=option)


def test_a_kernel_without_vlans(there: Host) -> None:
    """It says what is missing, not what it made of it."""
    if there.can("ip link add probe0 link p1 type vlan id 5 && ip link del probe0"):
        pytest.skip("this host's kernel has 802.1Q: there is nothing to refuse")
    vlan = {"name": "v7", "parent": "p1", "id": 7, "persist": "none"}
    refused(there, vlan, "this kernel has no 802.1Q", module="vlan_iface")
    refused(there, {"vlans": [vlan], "bridges": [{"name": "br7"}]}, "802.1Q", module="fabric")


def test_a_kernel_without_vlan_filtering(there: Host) -> None:
    if there.can("ip link add probe0 type bridge vlan_filtering 1 && ip link del probe0"):
        pytest.skip("this host's kernel filters VLANs: there is nothing to refuse")
    for option, given in (
        ("vlan_filtering", {"vlan_filtering": True}),
        ("vlan_protocol", {"vlan_protocol": "802.1ad"}),
        ("pvid", {"pvid": 11}),
        ("ports[0].tagged", {"ports": [{"name": "p1", "tagged": ["5-7"]}]}),
    ):
        wanted = {"name": "br7", "persist": "none", **given}
        refused(there, wanted, "this kernel has no VLAN filtering on bridges", module="linux_bridge", option=option)


def test_fabric_says_in_which_item(there: Host) -> None:
    good = {"name": "br7", "persist": "none"}
    for kind, item, option in (
        ("bridges", {"name": "br8", "ports": [{"name": "nobody"}]}, "bridges[1].ports[0].name"),
        ("taps", {"name": "tap7", "owner": "nemo"}, "taps[0].owner"),
        ("bridges", {"name": "br8", "addresses": ["192.168.20.0/24"]}, "bridges[1].addresses[0]"),
    ):
        args: dict[str, Any] = {"bridges": [good]}
        args.setdefault(kind, []).append({"persist": "none", **item})
        message = refused(there, args, module="fabric", option=option)
        assert message.startswith(option), message
    refused(there, {"bridges": [good, good]}, "br7", "twice", module="fabric")
    refused(there, {"bridges": [good], "taps": [{"name": "br7", "persist": "none"}]}, "br7", module="fabric")


def test_no_permission(clean: Host) -> None:
    """A user who may not is told so, and what usually helps."""
    for module in ("linux_bridge", "tuntap"):
        result = clean.module(module, {"name": "br7", "persist": "none"}, user="nobody")
        assert result["failed"] and "\n" not in result["msg"] and "become" in result["msg"], result
