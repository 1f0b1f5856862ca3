# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host that was booted with ipv6.disable=1: all of IPv4 works, IPv6 that is switched off is so, and other IPv6 is refused first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host, prepared
from integration.support.networks import lan
from lab.machine import create

_NO_IPV6 = "this host's kernel has no IPv6"
_OFF = {"enabled": False, "accept_ra": "never", "autoconf": False}
_FABRIC: dict[str, Any] = {
    "bridges": [{"name": "br7", "addresses": ["10.67.0.1/24"], "ipv6": _OFF}],
    "namespaces": [{"name": "red", "ipv4_forwarding": True, "ipv6_forwarding": False}],
    "veth_pairs": [{"name": "va", "ipv6": {"enabled": False}, "bridge": "br7", "peer": {"name": "vb", "netns": "red"}}],
    "networks": [lan()],
    "portforwards": [
        {"name": "web", "forwards": [{"listen": {"port": 8080}, "to": {"address": "192.168.150.9", "port": 80}}]}
    ],
    "outbound": [{"name": "br7", "rules": [{"source": {"cidr": "10.67.0.0/24"}}]}],
    "policies": [{"name": "p", "rules": [{"source": {"network": "lan"}, "to": {"bridge": "br7"}, "action": "deny"}]}],
}


@pytest.fixture
def without(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host beside the one that runs all other tests."""
    machine = create(f"{host.machine.name}v4", host.machine.distro, "uml", kernel_options=["ipv6.disable=1"])
    machine.down()
    try:
        machine.up()
        with prepared(machine, tmp_path_factory.mktemp(machine.name)) as found:
            yield found
    finally:
        machine.down()


@pytest.mark.kernel
@pytest.mark.once
def test_a_host_without_ipv6(without: Host) -> None:
    assert not without.can("test -e /proc/net/if_inet6")
    converge(without, _FABRIC, module="fabric", changed=True)
    without.shell("systemctl restart virtnet-kvm-links virtnet-kvm-firewall")
    reached = without.ok("net_reach", {"networks": ["lan"], "bridges": ["br7"]})
    assert not reached["changed"] and {row["family"] for row in reached["reach"]} == {"ipv4"}, reached
    for options, option in (
        ({"addresses": ["fd00:7::1/64"]}, "addresses[0]"),
        ({"routes": [{"to": "fd00:8::/64", "via": "fd00:7::2"}]}, "routes[0].to"),
        ({"ipv6": {"accept_ra": "always"}}, "ipv6.accept_ra"),
        ({"ipv6": {"enabled": True}}, "ipv6.enabled"),
        ({"dhcp6": True}, "dhcp6"),
    ):
        refused(without, {"name": "br8", **options}, _NO_IPV6, module="linux_bridge", option=option)
    refused(
        without, {"name": "blue", "ipv6_forwarding": True}, _NO_IPV6, module="net_namespace", option="ipv6_forwarding"
    )
    refused(without, {"name": "six", "bridge": {"name": "virbr6"}, "ips": [{"address": "fd00:9::1/64"}]}, _NO_IPV6)
    for kind in ("portforwards", "outbound", "policies", "networks", "veth_pairs", "bridges", "namespaces"):
        without.ok("fabric", {kind: [{"name": _FABRIC[kind][0]["name"], "state": "absent"}]})
