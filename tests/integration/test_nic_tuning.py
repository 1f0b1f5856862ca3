# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Channels and offloads of real devices, as ethtool's netlink has them; and the service that applies them at each birth.

A veth interface has channels and features that can be changed. Rings and interrupts need a NIC, which is that of a VM in the Molecule
scenario `tuning`.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host

MODULES = ("nic_tuning", "nic_tuning_info")
_VETH = "ip link add web0 numtxqueues 4 numrxqueues 4 type veth peer name far0 numtxqueues 4 numrxqueues 4"
_MISSING: dict[str, Any] = {"offloads": {"gso": False}, "persist": True}
_FILES = (
    "ls /var/lib/virtnet.kvm/ethtool /etc/udev/rules.d/*virtnet* /etc/systemd/system/virtnet-kvm-device* 2>/dev/null"
)


def _tune(host: Host, changed: bool = True, **options: Any) -> dict[str, Any]:
    return converge(host, {"device": "web0", **options}, module="nic_tuning", changed=changed)


def _info(host: Host, name: str = "web0") -> dict[str, Any]:
    (found,) = host.ok("nic_tuning_info", {"name": [name]})["nic_tuning"]
    return found  # type: ignore[no-any-return]


def _applied(host: Host, device: str) -> None:
    """Wait until the service has disabled GSO, which is its last step here. Debian 12 has no ethtool."""
    deadline = time.monotonic() + 15
    while _info(host, device)["offloads"].get("tx-generic-segmentation", True):
        assert time.monotonic() < deadline, host.shell("journalctl --no-pager -b -u 'virtnet-kvm-device@*'")
        time.sleep(0.1)


def test_change_and_give_back(clean: Host) -> None:
    clean.shell(_VETH)
    first = _info(clean)
    assert first["channels"] == {"rx": 4, "tx": 4} and not first["declared"], first
    made = _tune(clean, channels={"rx": 2}, offloads={"tso": False, "tx-udp-segmentation": False})
    assert "set channels rx=2 on web0" in made["actions"] and made["after"]["offloads"]["tx-tcp6-segmentation"] is False
    assert _info(clean)["channels"] == {"rx": 2, "tx": 4}
    _tune(clean, channels={"tx": 3}, offloads={"tx-udp-segmentation": True})
    _tune(clean, channels={})
    assert _info(clean)["channels"] == first["channels"]
    _tune(clean, state="absent")
    assert _info(clean) == first and not clean.shell(f"{_FILES} || true")


@pytest.mark.once
def test_refused(clean: Host) -> None:
    clean.shell(_VETH)
    first = _info(clean)
    for options, said in (
        ({"rings": {"rx": 512}}, "rings.rx: 512 is nothing that this device has; it has these rings: none"),
        ({"channels": {"rx": 5}}, "channels.rx: 5 is beyond the maximum of this device; use 4 or less"),
        (
            {"offloads": {"rx-lro": True}},
            "offloads.rx-lro: True can't be set: the driver has it fixed to off; leave it out",
        ),
        ({"offloads": {"tx-udp-segment": True}}, "such as tx-udp-segmentation"),
        ({"irq_affinity": [{"queue": 0, "cpus": "0"}]}, "this device is virtual and has no interrupts"),
        ({"device": "web9", "offloads": {"gro": True}}, "device: 'web9' is no interface of this host; create it first"),
        (
            {"device": "vnet0", "persist": True},
            "give the device a fixed name, in a guest's XML by <target dev='web0'/>",
        ),
    ):
        refused(clean, {"device": "web0", **options}, said, module="nic_tuning")
    # what depends on another feature is refused by the kernel only, and then all is as it was
    _tune(clean, offloads={"sg": False})
    result = clean.module("nic_tuning", {"device": "web0", "channels": {"rx": 1}, "offloads": {"tso": True}})
    assert "stays off; it depends on another feature" in result["msg"] and result["msg"].endswith(
        "the host is as it was"
    )
    assert _info(clean)["channels"] == {"rx": 4, "tx": 4}
    _tune(clean, state="absent")
    assert _info(clean) == first


@pytest.mark.kernel
def test_each_birth(clean: Host) -> None:
    """A veth that is created again, a tap, a bridge of a network, a rename; and nothing is left with the last device."""
    clean.shell(_VETH)
    web0 = {"device": "web0", "channels": {"rx": 2}, "offloads": {"gso": False}, "persist": True}
    clean.ok("nic_tuning", web0)
    for again in (
        f"ip link delete web0; {_VETH}",
        f"ip link delete web0; {_VETH.replace('web0', 'other0')}; ip link set other0 name web0",
    ):
        clean.shell(again)
        _applied(clean, "web0")
        assert _info(clean)["channels"] == {"rx": 2, "tx": 4}
    assert not clean.ok("nic_tuning", web0)["changed"]
    taps = [{**_MISSING, "device": name} for name in ("tap-web0", "virbr0")]
    made = clean.ok("fabric", {"nic_tuning": taps})["nic_tuning"]
    assert [each["pending"] for each in made] == [["offloads"], ["offloads"]], made
    # again before the unit of the first birth has ended
    create, delete = "ip tuntap add tap-web0 mode tap", "ip link delete tap-web0"
    clean.shell(f"{create}; sleep 0.1; {delete}; {create}; virsh net-start default")
    _applied(clean, "tap-web0")
    _applied(clean, "virbr0")
    clean.shell("virsh net-destroy default; virsh net-start default")
    _applied(clean, "virbr0")
    assert not clean.shell("systemctl --failed --no-legend")
    clean.ok("fabric", {"nic_tuning": [{"device": each["device"], "state": "absent"} for each in (web0, *taps)]})
    assert not clean.shell(f"{_FILES} || true")


def test_the_service_is_repaired(clean: Host) -> None:
    """What no udev starts here is started by hand."""
    clean.shell(_VETH)
    made = _tune(clean, **_MISSING)
    assert "no udev runs on this host" in str(made["warnings"])
    for broken in (
        "rm /etc/udev/rules.d/80-virtnet-kvm-devices.rules",
        "echo >/var/lib/virtnet.kvm/ethtool/apply.zip",
        "echo >/etc/systemd/system/virtnet-kvm-device@.service",
    ):
        clean.shell(broken)
        repaired = clean.ok("nic_tuning", {"device": "web0", **_MISSING})
        assert repaired["actions"] == ["update the service that applies /var/lib/virtnet.kvm/ethtool/web0.json"]
    clean.shell(f"ip link delete web0; {_VETH}; systemctl start virtnet-kvm-device@web0:7.service")
    assert _info(clean)["offloads"]["tx-generic-segmentation"] is False
    _tune(clean, state="absent")
    assert not clean.shell(f"{_FILES} || true")
