# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What the modules have made is there after a reload of the tool that keeps it, and after a reboot; and goes with its files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host

MODULES = ("linux_bridge", "vlan_iface", "tuntap")
_HOME = "/etc/systemd/network"

# A host whose NIC `ens7` is systemd-networkd's, with a cable in it. What the lab itself comes by is not.
_NETWORKD = f"""set -e
printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >{_HOME}/00-lab.network
cat >{_HOME}/10-ens7.netdev <<'END'
[NetDev]
Name=ens7
Kind=veth
MACAddress=02:00:00:00:07:07
[Peer]
Name=cable7
MACAddress=02:00:00:00:07:08
END
printf '[Match]\\nName=cable7\\n[Network]\\nLinkLocalAddressing=no\\n' >{_HOME}/10-cable7.network
cat >{_HOME}/20-lan.network <<'END'
[Match]
Name=ens7
[Network]
Address=192.168.30.2/24
Address=fd00:30::2/64
[Route]
Destination=10.31.0.0/16
Gateway=192.168.30.1
Metric=50
END
systemctl enable --quiet systemd-networkd
systemctl restart systemd-networkd"""

_IFUPDOWN = """set -e
cat >/etc/network/interfaces <<'END'
auto lo
iface lo inet loopback

auto ens7
iface ens7 inet static
    pre-up test -e /sys/class/net/ens7 || ip link add ens7 address 02:00:00:00:07:07 type veth peer name cable7
    pre-up ip link set cable7 up
    address 192.168.30.2/24
    up ip route add 10.31.0.0/16 via 192.168.30.1 metric 50 proto static dev ens7
iface ens7 inet6 static
    address fd00:30::2/64
END
systemctl enable --quiet networking
systemctl restart networking"""


@pytest.fixture
def networkd(clean: Host) -> Iterator[Host]:
    clean.shell(_NETWORKD)
    _managed(clean, "ens7")
    yield clean
    stop = "systemctl disable --quiet --now systemd-networkd.socket systemd-networkd"
    clean.shell(f"{stop}; rm -f /etc/sysctl.d/90-virtnet-kvm-*")


@pytest.fixture
def ifupdown(clean: Host) -> Iterator[Host]:
    clean.shell(_IFUPDOWN)
    yield clean
    clean.shell("systemctl disable --quiet networking; rm -rf /run/network")


def _managed(host: Host, *names: str) -> None:
    """networkd has set them up."""
    deadline = time.monotonic() + 60
    while True:
        rows = [line.split() for line in host.shell("networkctl list --no-legend").splitlines()]
        states = {row[1]: row[-1] for row in rows}
        if all(states.get(name) == "configured" for name in names):
            return
        assert time.monotonic() < deadline, states
        time.sleep(0.3)


def _up(host: Host, *names: str) -> None:
    """ifupdown has them as up, and would find nothing to do."""
    states = host.shell("ifquery --state").split()
    assert {f"{name}={name}" for name in names} <= set(states), states


def _reboot(host: Host) -> None:
    host.close()
    host.machine.reboot()


def _lasting(host: Host) -> dict[str, Any]:
    """All that there is, without what another boot numbers anew."""
    found = host.interfaces()
    for interface in found["interfaces"].values():
        del interface["index"]
    return found


def _survives(host: Host, reload: str, tasks: list[tuple[str, dict[str, Any]]]) -> None:
    """Nothing changes by a reload, all is there after a reboot, and a run finds nothing to do."""
    made = _lasting(host)
    host.shell(reload)
    assert _lasting(host) == made, "a reload of the tool has changed something"
    _reboot(host)
    deadline = time.monotonic() + 30
    while (found := _lasting(host)) != made and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found == made, "the host isn't after a reboot as it was before"
    for module, options in tasks:
        converge(host, options, module=module, changed=False)


def _owned(host: Host, name: str) -> list[str]:
    return [
        path
        for path, text in host.interfaces()["files"].items()
        if text.startswith(f"# Made by virtnet.kvm for {name};")
    ]


_BRIDGE: dict[str, Any] = {
    "name": "br7", "adopt": "ens7", "ports": [{"name": "ens7", "cost": 7, "hairpin": True, "guard": True}],
    "ageing_time": 77, "forward_delay": 4, "priority": 4096, "mcast_snooping": False, "group_fwd_mask": 8,
}  # fmt: skip
_TAP: dict[str, Any] = {"name": "tap7", "bridge": "br7", "owner": "nobody", "vnet_hdr": True, "mtu": 1400}
_VLAN: dict[str, Any] = {
    "name": "lan11", "parent": "br7", "id": 11, "addresses": ["192.168.31.2/24"],
    "egress_qos": [{"priority": 4, "pcp": 6}], "routes": [{"to": "10.32.0.0/16", "via": "192.168.31.1"}],
}  # fmt: skip
_FILTERING: dict[str, Any] = {
    "name": "br8", "vlan_filtering": True, "vlan_default_pvid": 0, "ports": [{"name": "tap8", "tagged": ["11", "20-22"]}],
    "ipv6": {"enabled": False},
}  # fmt: skip


def _forth_and_back(host: Host, tool: str, reload: str, tasks: list[tuple[str, dict[str, Any]]]) -> None:
    before = _lasting(host)
    for module, options in tasks:
        made = converge(host, options, module=module, changed=True)
        assert made["persist"] == tool and made["files"]
        assert not [text for text in made.get("warnings", ()) if "express" in str(text)], made["warnings"]
        assert _owned(host, options["name"])
    _survives(host, reload, tasks)
    for module, options in reversed(tasks):
        gone = {key: options[key] for key in ("name", "adopt", "persist") if key in options}
        converge(host, {**gone, "state": "absent"}, module=module, changed=True)
    after = _lasting(host)
    assert after["files"] == before["files"]
    assert set(after["interfaces"]) == set(before["interfaces"])
    for what in ("addresses", "routes", "master", "mac"):
        assert after["interfaces"]["ens7"][what] == before["interfaces"]["ens7"][what], what


def test_networkd(networkd: Host) -> None:
    tasks = [("linux_bridge", _BRIDGE), ("tuntap", _TAP)]
    _forth_and_back(networkd, "networkd", "networkctl reload; networkctl reconfigure br7 ens7 tap7; sleep 2", tasks)
    _managed(networkd, "ens7")


@pytest.mark.kernel
def test_networkd_with_vlans(networkd: Host) -> None:
    tasks = [
        ("linux_bridge", _BRIDGE),
        ("vlan_iface", _VLAN),
        ("tuntap", {"name": "tap8"}),
        ("linux_bridge", _FILTERING),
    ]
    _forth_and_back(networkd, "networkd", "networkctl reload; networkctl reconfigure br7 ens7 lan11; sleep 2", tasks)


@pytest.mark.kernel
def test_ifupdown(ifupdown: Host) -> None:
    tasks = [
        (module, {**options, "persist": "ifupdown"})
        for module, options in (
            ("linux_bridge", _BRIDGE),
            ("vlan_iface", _VLAN),
            ("tuntap", _TAP),
            ("tuntap", {"name": "tap8"}),
            ("linux_bridge", _FILTERING),
        )
    ]
    _forth_and_back(ifupdown, "ifupdown", "ifup --force br7; ifup --force lan11; ifup -a", tasks)
    assert not {"br7=br7", "tap7=tap7"} & set(ifupdown.shell("ifquery --state").split())


def test_networkd_shows_them_managed(networkd: Host) -> None:
    converge(networkd, _BRIDGE, module="linux_bridge", changed=True)
    _managed(networkd, "br7", "ens7")
    status = networkd.shell("networkctl status br7 ens7")
    for name in ("br7", "ens7"):
        assert f"{_HOME}/05-virtnet-kvm-{name}.network" in status, status
    # what somebody else adds stays
    networkd.shell("ip address add 192.168.33.3/32 dev br7")
    converge(networkd, {**_BRIDGE, "mcast_querier": True, "addresses": None}, module="linux_bridge", changed=True)
    assert "192.168.33.3/32" in networkd.shell("ip address show dev br7")


def test_users_file_is_never_touched(networkd: Host) -> None:
    users = {path: text for path, text in networkd.interfaces()["files"].items() if "virtnet" not in path}
    converge(networkd, _BRIDGE, module="linux_bridge", changed=True)
    files = networkd.interfaces()["files"]
    assert {path: files[path] for path in users} == users


def test_tool_that_is_not_there(clean: Host) -> None:
    there = [tool for tool, command in (("netplan", "netplan"), ("ifupdown", "ifup")) if clean.can(f"which {command}")]
    for tool in {"netplan", "ifupdown"} - set(there):
        refused(clean, {"name": "br7", "persist": tool}, tool, "a tool that this host has", module="linux_bridge")


def test_nothing_in_charge_is_said(clean: Host) -> None:
    made = clean.ok("linux_bridge", {"name": "br7"})
    assert made["persist"] == "none" and any("won't survive a reboot" in str(text) for text in made["warnings"])
