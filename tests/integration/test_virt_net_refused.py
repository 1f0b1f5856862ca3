# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Bad input: refused in one sentence that names the option and the value, before anything is touched."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.networks import ips, isolated, lan

MODULES = ("virt_net", "fabric")


def _ip(address: str, **dhcp: Any) -> dict[str, Any]:
    return {"ips": [{"address": address, "dhcp": dhcp}]}


_RANGE = "192.168.150.100"
BAD: dict[str, tuple[dict[str, Any], Optional[str], tuple[str, ...]]] = {
    "no CIDR": (
        {"ips": [{"address": "192.168.150.256/24"}]},
        "ips[0].address",
        ("192.168.150.256/24", "192.168.150.1/24"),
    ),
    "no prefix": ({"ips": [{"address": "192.168.150.1"}]}, "ips[0].address", ("192.168.150.1", "has no prefix")),
    "the subnet's own address": (_ip("192.168.150.0/24"), "ips[0].address", ("192.168.150.0/24",)),
    "the broadcast address": (_ip("192.168.150.255/24"), "ips[0].address", ("192.168.150.255/24",)),
    "range reversed": (
        _ip("192.168.150.1/24", ranges=[{"start": "192.168.150.20", "end": "192.168.150.10"}]),
        "ips[0].dhcp.ranges[0]",
        ("192.168.150.20 - 192.168.150.10", "start"),
    ),
    "range outside": (
        _ip("192.168.150.1/24", ranges=[{"start": _RANGE, "end": "192.168.151.10"}]),
        "ips[0].dhcp.ranges[0].end",
        ("192.168.151.10", "192.168.150.0/24"),
    ),
    "host outside": (
        _ip("192.168.150.1/24", hosts=[{"mac": "52:54:00:00:00:01", "ip": "10.0.0.1"}]),
        "ips[0].dhcp.hosts[0].ip",
        ("10.0.0.1", "192.168.150.0/24"),
    ),
    "multicast MAC": (
        _ip("192.168.150.1/24", hosts=[{"mac": "01:00:5e:00:00:01", "ip": "192.168.150.7"}]),
        "ips[0].dhcp.hosts[0].mac",
        ("01:00:5e:00:00:01", "unicast"),
    ),
    "no MAC": ({"mac": "52:54:00:00:01"}, "mac", ("52:54:00:00:01", "52:54:00:12:34:56")),
    "two hosts with one MAC": (
        _ip(
            "192.168.150.1/24",
            hosts=[
                {"mac": "52:54:00:00:00:01", "ip": "192.168.150.7"},
                {"mac": "52-54-00-00-00-01", "ip": "192.168.150.8"},
            ],
        ),
        "ips[0].dhcp.hosts[1].mac",
        ("52:54:00:00:00:01",),
    ),
    "name with a slash": ({"name": "a/b"}, "name", ("a/b", "'/'")),
    "bridge name too long": (
        {"bridge": {"name": "virbr-0123456789"}},
        "bridge.name",
        ("virbr-0123456789", "15 characters"),
    ),
    "bridge name with a space": ({"bridge": {"name": "virbr 0"}}, "bridge.name", ("virbr 0",)),
    "gateway of a route outside": (
        {"ips": [{"address": "192.168.150.1/24"}], "routes": [{"to": "10.9.0.0/16", "via": "10.1.1.1"}]},
        "routes[0].via",
        ("10.1.1.1", "subnet"),
    ),
    "route with host bits": (
        {"routes": [{"to": "10.9.0.1/16", "via": "192.168.150.2"}]},
        "routes[0].to",
        ("10.9.0.1/16",),
    ),
    "subnets that overlap": (
        {"ips": [{"address": "192.168.150.1/24"}, {"address": "192.168.150.129/25"}]},
        "ips[1].address",
        ("192.168.150.129/25", "192.168.150.1/24"),
    ),
    "NAT without an address": ({"forward": {"mode": "nat"}, "ips": []}, "forward.mode", ("nat", "ips")),
    "not an XML": ({"name": None, "xml": "<network><name>x</network>"}, "xml", ("<network>",)),
    "no network": ({"name": None, "xml": "<domain><name>x</name></domain>"}, "xml", ("<domain>", "<network>")),
    "a document without a name": ({"name": None, "xml": "<network/>"}, "xml", ("<network/>", "<name>")),
    "another name than the document's": ({"xml": "<network><name>y</name></network>"}, "name", ("bad", "y")),
    "bad values in a document": (
        {"name": None, "xml": "<network><name>x</name><bridge name='virbr-0123456789'/></network>"},
        None,
        ("virbr-0123456789",),
    ),
    "MTU too small": ({"mtu": 60}, "mtu", ("60", "68")),
    "unknown mode": ({"forward": {"mode": "magic"}}, None, ("magic", "mode")),
    "both ways": ({"xml": "<network><name>x</name></network>", "mtu": 1400}, None, ("xml", "mtu")),
    "unknown option": ({"ips": [{"address": "192.168.150.1/24", "adress": "x"}]}, None, ("ips.adress",)),
    "no name": ({"name": None}, None, ("name", "xml")),
    "no number": ({"mtu": "big"}, None, ("mtu", "big")),
    "metadata without a namespace": ({"metadata": ["<a/>"]}, "metadata[0]", ("<a/>", "namespace")),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input(clean: Host, what: str) -> None:
    options, option, said = BAD[what]
    given = {"name": "bad", **options}
    refused(clean, {name: value for name, value in given.items() if value is not None}, *said, option=option)


def test_bad_input_to_an_existing_network(clean: Host) -> None:
    clean.net(**lan())
    for what, (options, option, said) in BAD.items():
        if options.get("name", "lan") == "lan" and "name" not in what and "NAT" not in what:
            refused(clean, {"name": "lan", **options}, *said, option=option)


def test_fabric_says_in_which_item(clean: Host) -> None:
    options, _option, said = BAD["range reversed"]
    args = {"networks": [isolated("one", 170), {"name": "bad", **options}]}
    refused(clean, args, *said, module="fabric", option="networks[1].ips[0].dhcp.ranges[0]")


def test_a_bridge_that_another_network_has(clean: Host) -> None:
    clean.net(**isolated("one", 170, active=False))
    refused(
        clean,
        isolated("two", 171, bridge={"name": "virbr-one"}),
        "virbr-one",
        "network one",
        option="bridge.name",
    )


def test_a_bridge_name_that_the_host_has(clean: Host) -> None:
    two = isolated("two", 171, bridge={"name": "taken"})
    taken = "ip link add taken type bridge"
    clean.shell(taken)
    try:
        for active in (True, False):
            refused(clean, {**two, "active": active}, "taken", option="bridge.name")
        clean.shell("ip link del taken")
        clean.net(**two, active=False)
        clean.shell(taken)
        refused(clean, {"name": "two", "active": True}, "taken", option="bridge.name")
        converge(clean, {"name": "two", "isolated": True}, changed=True)
    finally:
        clean.shell("ip link del taken")


def test_a_subnet_that_another_network_has(clean: Host) -> None:
    clean.net(**isolated("one", 170))
    refused(
        clean,
        isolated("two", 171, ips=[{"address": "192.168.170.65/26"}]),
        "192.168.170.65/26",
        "network one",
        option="ips[0].address",
    )


def test_a_subnet_that_the_host_has(clean: Host) -> None:
    clean.shell("ip link add uplink type bridge; ip address add 192.168.171.9/24 dev uplink; ip link set uplink up")
    try:
        refused(clean, isolated("two", 171), "192.168.171.1/24", "uplink", option="ips[0].address")
        clean.net(**lan())
        refused(clean, {"name": "lan", "ips": ips(171)}, "192.168.171.1/24", "uplink", option="ips[0].address")
    finally:
        clean.shell("ip link del uplink")


@pytest.mark.parametrize("module", ["virt_net", "virt_net_info", "fabric"])
def test_no_connection(clean: Host, module: str) -> None:
    minimal: dict[str, dict[str, Any]] = {"virt_net": {"name": "x"}, "fabric": {"networks": [{"name": "x"}]}}
    args = minimal.get(module, {})
    for uri, words in (("qemu:///nonsense", "uri"), ("nonsense", "uri")):
        message = refused(clean, {**args, "uri": uri}, uri, words, module=module)
        assert message.startswith("uri: no connection to ")


def test_no_daemon(clean: Host) -> None:
    units = "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service"
    clean.shell(f"systemctl stop {units}")
    try:
        result = clean.module("virt_net", lan())
        assert result["failed"] and "\n" not in result["msg"]
        assert result["msg"].startswith("uri: no connection to qemu:///system") and "running" in result["msg"]
    finally:
        clean.shell("systemctl start libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket; virsh version")


def test_no_permission(clean: Host) -> None:
    """A user who may not manage libvirt is told so, and what usually helps."""
    result = clean.module("virt_net", lan(), user="nobody")
    assert result["failed"] and "\n" not in result["msg"]
    assert result["msg"].startswith("uri: no connection to qemu:///system") and "become" in result["msg"], result["msg"]
