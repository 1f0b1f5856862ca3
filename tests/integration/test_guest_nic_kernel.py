# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What libvirt does with a guest's tap in the kernel: rates, VLANs, isolation, and a macvtap in its place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.support.bare_guests import define, nic, parts, remove
from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.load import has_rates, measured
from integration.support.networks import isolated

MODULES = ("guest_nic",)
MAC, ADDRESS = "52:54:00:aa:00:01", "192.168.150.77"


@pytest.fixture(scope="module")
def bare(host: Host) -> Iterator[Host]:
    host.ok("fabric", {"networks": [isolated("lan", 150)]})
    host.shell(
        "ip link add br7 up type bridge vlan_filtering 1; ip link add br8 up type bridge; ip link add d7 up type dummy"
    )
    define(host, "one", nic(MAC))
    # it answers nothing, so its address has to be known
    host.shell(f"ip neighbour replace {ADDRESS} lladdr {MAC} dev virbr-lan nud permanent")
    yield host
    remove(host, "one")
    host.shell("ip link delete br7; ip link delete br8; ip link delete d7")
    host.clean()


def _has_rate(host: Host, device: str, mbit: float) -> None:
    """What goes to the guest has the rate of its NIC, as the class that libvirt makes of it counts."""
    has_rates(host, (7001,), {"1:1": mbit}, device=device, address=ADDRESS)


@pytest.mark.each
@pytest.mark.kernel
def test_what_the_tap_has(bare: Host) -> None:
    device = bare.shell("virsh domiflist one").splitlines()[2].split()[0]
    rate = {"inbound": {"average": 2000, "peak": 4000, "burst": 64}, "outbound": {"average": 500, "burst": 32}}
    result = converge(bare, {"name": "one", "bandwidth": rate, "isolated": True}, module="guest_nic", changed=True)
    assert result["method"] == "updated"
    assert "rate 16Mbit" in bare.shell(f"tc class show dev {device}")
    assert "isolated on" in bare.shell(f"bridge -d link show dev {device}")
    other = {"inbound": {"average": 1000, "burst": 64}, "outbound": {}}
    converge(bare, {"name": "one", "bandwidth": other, "isolated": False}, module="guest_nic", changed=True)
    assert "rate 8Mbit" in bare.shell(f"tc class show dev {device}")
    assert "police" not in bare.shell(f"tc filter show dev {device} ingress")
    measured(lambda: _has_rate(bare, device, 8))
    converge(
        bare, {"name": "one", "bandwidth": {"inbound": {"average": 500, "burst": 64}}}, module="guest_nic", changed=True
    )
    measured(lambda: _has_rate(bare, device, 4))
    converge(bare, {"name": "one", "bandwidth": {}}, module="guest_nic", changed=True)
    assert bare.shell(f"tc class show dev {device}").strip() == ""

    tagged = {"name": "one", "source": {"bridge": "br7"}, "vlan": {"tags": [{"id": 7}]}}
    if bare.libvirt < (11,):
        refused(bare, tagged, "only from 11.0", module="guest_nic", option="vlan")
    else:
        converge(bare, tagged, module="guest_nic", changed=True)
        assert "7 PVID Egress Untagged" in bare.shell(f"bridge vlan show dev {device}")
        trunk = {"tags": [{"id": 7, "native_mode": "untagged"}, {"id": 8}]}
        converge(bare, {"name": "one", "vlan": trunk}, module="guest_nic", changed=True)
        assert "8" in bare.shell(f"bridge vlan show dev {device}").split()
        refused(bare, {"name": "one", "source": {"bridge": "br8"}}, "br8 ignores", module="guest_nic", option="source")
        converge(bare, {"name": "one", "source": {"network": "lan"}, "vlan": {}}, module="guest_nic", changed=True)
    second = {"name": "one", "alias": "ua-direct", "source": {"dev": "d7", "mode": "bridge"}}
    refused(bare, {**second, "filterref": {"filter": "clean-traffic"}}, "macvtap", module="guest_nic")
    assert converge(bare, second, module="guest_nic", changed=True)["method"] == "created"
    assert parts(bare, "one", "source/@dev", live=True) == parts(bare, "one", "source/@dev") == ["", "d7"]
    assert parts(bare, "one", "@type", live=True) == ["network", "direct"]
