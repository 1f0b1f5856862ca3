# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Routes on a NIC that a tool sets up by the user's files: they are there at once, and again when the tool has set it up again.

The host is a router with the NIC `ens7`; the machine `outer` is a KVM host with a network behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.adopted import managed
from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.wires import OUTER, session

MODULES = ("static_routes", "static_routes_info")
_HOME = "/etc/systemd/network"
_BEHIND = "ip -n outer link set lo up; ip -n outer address add 10.9.0.1/24 dev lo; ip -n outer address add fd00:9::1/64 dev lo"
_UNMANAGED = f"printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >{_HOME}/00-lab.network"
_STOP = (
    "systemctl stop systemd-networkd.socket systemd-networkd NetworkManager 2>/dev/null;"
    " systemctl disable --quiet NetworkManager-dispatcher 2>/dev/null; rm -f /run/systemd/network/*netplan*"
    " /etc/NetworkManager/conf.d/lab.conf; true"
)
_OTHER = "10.31.0.0/16 via 192.168.30.1"
_SET: dict[str, Any] = {
    "name": "kvm1.routed0",
    "routes": [{"to": "10.9.0.0/24", "via": "192.168.30.1"}, {"to": "fd00:9::/64", "via": "fd00:30::1"}],
}
_ABSENT = {"name": "kvm1.routed0", "state": "absent"}

# How each tool becomes the one that sets up `ens7`, and does so again as at boot.
_NETWORKD = f"""set -e
{_UNMANAGED}
cat >{_HOME}/20-lan.network <<'END'
[Match]
Name=ens7
[Network]
Address=192.168.30.2/24
Address=fd00:30::2/64
[Route]
Destination=10.31.0.0/16
Gateway=192.168.30.1
END
systemctl start systemd-networkd; networkctl reload"""
_NETPLAN = f"""set -e
{_UNMANAGED}
mkdir -p /etc/netplan
cat >/etc/netplan/10-lab.yaml <<'END'
network:
  version: 2
  ethernets:
    ens7: {{addresses: [192.168.30.2/24, "fd00:30::2/64"], routes: [{{to: 10.31.0.0/16, via: 192.168.30.1}}]}}
END
chmod 600 /etc/netplan/10-lab.yaml; netplan generate
systemctl start systemd-networkd; networkctl reload"""
_AGAIN = (
    "systemctl stop systemd-networkd.socket systemd-networkd; ip address flush dev ens7; ip route flush dev ens7;"
    " ip link set ens7 down; rm -rf /run/systemd/netif/leases/* /run/systemd/netif/links/*; systemctl start systemd-networkd"
)
_NM = """set -e
printf '[main]\\nno-auto-default=*\\n[keyfile]\\nunmanaged-devices=interface-name:eth*\\n' >/etc/NetworkManager/conf.d/lab.conf
cat >/etc/NetworkManager/system-connections/lan.nmconnection <<'END'
[connection]
id=lan
type=ethernet
interface-name=ens7
[ipv4]
method=manual
address1=192.168.30.2/24
route1=10.31.0.0/16,192.168.30.1
[ipv6]
method=manual
address1=fd00:30::2/64
END
chmod 600 /etc/NetworkManager/system-connections/lan.nmconnection
systemctl enable --quiet NetworkManager-dispatcher
systemctl start NetworkManager
nmcli device set ens7 managed yes  # which a veth isn't by itself
nmcli connection up lan"""
_IFUPDOWN = """set -e
ip link set ens7 down
cat >>/etc/network/interfaces <<'END'

iface ens7 inet static
    address 192.168.30.2/24
    up ip route add 10.31.0.0/16 via 192.168.30.1
iface ens7 inet6 static
    address fd00:30::2/64
END
ifup ens7"""


@pytest.fixture
def router(clean: Host) -> Iterator[Host]:
    clean.shell(f"{_STOP}\n{OUTER}\n{_BEHIND}")
    yield clean
    clean.shell(_STOP)


def _reaches(host: Host) -> None:
    """By routes through the NIC. For a minute after a router hasn't answered, the kernel takes another route of IPv6, if it may."""
    pings = "ping -c 1 -W 2 10.9.0.1 && ping -c 1 -W 2 -I ens7 fd00:9::1"
    said = "ip -6 route show table all; ip -6 address show dev ens7; networkctl status --lines 40 ens7"
    host.until(f"ip -6 route show | grep 'fd00:9::/64 via' && {pings} || {{ {said}; false; }}", 20)
    assert _OTHER in host.shell("ip route show"), "another route is gone"


def _comes_and_goes(host: Host, again: str, file: str) -> None:
    """Added without an interruption, there when the tool has set up the NIC again, and then removed for good."""
    host.until(
        f"ip route show | grep '{_OTHER}' && ip -6 address show dev ens7 | grep fd00:30::2 | grep -v tentative", 60
    )
    before = host.interfaces()["files"]
    with session(host) as outside:
        made = converge(host, _SET, module="static_routes", changed=True)
    assert outside["broken"] is None and outside["longest"] < 2, outside
    assert list(made["after"]["files"]) == [file] and not made.get("warnings")
    _reaches(host)
    found = host.interfaces()["files"]
    assert {path: found[path] for path in before} == before, "a user's file was touched"
    host.shell(again)
    _reaches(host)
    converge(host, _SET, module="static_routes", changed=False)
    (info,) = host.ok("static_routes_info", {})["static_routes"]
    assert info["files"] == [file] and [each["active"] for each in info["routes"]] == [True, True]
    gone = converge(host, _ABSENT, module="static_routes", changed=True)
    reads = "have networkd read its files again"
    assert (gone["actions"][-1] == reads) == file.startswith(_HOME), gone["actions"]
    assert host.interfaces()["files"] == before
    host.shell(again)
    host.until(f"ip route show | grep '{_OTHER}'", 60)
    host.shell("sleep 1")
    assert "10.9.0.0" not in host.shell("ip route show") and "fd00:9:" not in host.shell("ip -6 route show")


def test_networkd(router: Host) -> None:
    router.shell(_NETWORKD)
    managed(router, "ens7")
    _comes_and_goes(router, _AGAIN, f"{_HOME}/20-lan.network.d/50-virtnet-kvm-routes-kvm1_2erouted0.conf")


@pytest.mark.kernel
def test_netplan(router: Host) -> None:
    router.shell(_NETPLAN)
    managed(router, "ens7")
    _comes_and_goes(router, _AGAIN, f"{_HOME}/10-netplan-ens7.network.d/50-virtnet-kvm-routes-kvm1_2erouted0.conf")


@pytest.mark.kernel
def test_networkmanager(router: Host) -> None:
    router.shell(_NM)
    router.until("nmcli -t -f DEVICE,STATE device | grep -x ens7:connected")
    again = "nmcli connection down lan; nmcli connection up lan"
    _comes_and_goes(router, again, "/etc/NetworkManager/dispatcher.d/50-virtnet-kvm-routes-kvm1_2erouted0")


@pytest.mark.kernel
def test_ifupdown(router: Host) -> None:
    router.shell(_IFUPDOWN)
    _comes_and_goes(router, "ifdown ens7; ifup ens7", "/etc/network/if-up.d/virtnet-kvm-routes-kvm1_2erouted0")


def test_a_change_and_what_is_refused(router: Host) -> None:
    """No tool sets up the NIC. A route that is changed, one that is lost, one of others, and those that can't work."""
    router.shell("ip address add 192.168.30.2/24 dev ens7; ip address add fd00:30::2/64 dev ens7 nodad")
    router.shell(f"ip route add {_OTHER}")
    made = converge(router, _SET, module="static_routes", changed=True)
    assert made["after"]["files"] == {} and "ens7: its static routes won't survive a reboot" in str(made["warnings"])
    changed = {**_SET, "routes": [{"to": "10.9.0.0/24", "via": "192.168.30.9"}]}
    converge(router, changed, module="static_routes", changed=True)
    assert "10.9.0.0/24 via 192.168.30.9" in router.shell("ip route show")
    router.shell("ip route del 10.9.0.0/24")
    converge(router, changed, module="static_routes", changed=True)
    converge(
        router,
        {"name": "other", "routes": [{"to": "10.31.0.0/16", "via": "192.168.30.1"}]},
        module="static_routes",
        changed=False,
    )
    for route, said in (
        ({"to": "10.31.0.0/16", "via": "192.168.30.9"}, f"already has a route on this host, {_OTHER} dev ens7, not of"),
        ({"to": "10.9.0.0/24", "via": "192.168.30.1"}, "of the set kvm1.routed0"),
        ({"to": "10.8.0.0/24", "via": "192.0.2.1"}, "is no other host's address in a subnet of this host"),
        ({"to": "10.8.0.0/24", "via": "192.168.30.2"}, "is no other host's address in a subnet of this host"),
    ):
        refused(router, {"name": "other", "routes": [route]}, said, module="static_routes")
    converge(router, {**_SET, "routes": []}, module="static_routes", changed=True)
    assert _OTHER in router.shell("ip route show") and not router.can("ls /var/lib/virtnet.kvm/static_routes/*")
