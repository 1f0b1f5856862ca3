# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A bridge takes over a bond, or a VLAN of a bond, from the files of each tool, and gives it back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.wires import session

pytestmark = pytest.mark.kernel  # containers have neither bonds nor VLANs

MODULES = ("linux_bridge",)
# A switch outside, with a router in the LAN and in VLAN 11, at the other ends of the bond's two cables.
_OUTER = """set -e
modprobe bonding max_bonds=0
ip netns add outer
ip -n outer link add sw type bridge
for n in 7 8; do
    ip link add ens$n address 02:00:00:00:07:0$n type veth peer name q$n netns outer
    ip -n outer link set q$n master sw up
done
ip -n outer link set sw up
ip -n outer link set lo up
ip -n outer address add 192.168.30.1/24 dev sw
ip -n outer link add link sw name sw.11 type vlan id 11
ip -n outer link set sw.11 up
ip -n outer address add 192.168.31.1/24 dev sw.11
"""
_MAC = "02:00:00:00:07:70"
_NETWORKD = f"""cd /etc/systemd/network
printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >00-lab.network
printf '[NetDev]\\nName=bond7\\nKind=bond\\nMACAddress={_MAC}\\n[Bond]\\nMode=active-backup\\n' >10-bond7.netdev
printf '[NetDev]\\nName=bond7.11\\nKind=vlan\\n[VLAN]\\nId=11\\n' >10-bond7.11.netdev
printf '[Match]\\nName=ens7 ens8\\n[Network]\\nBond=bond7\\n' >20-cables.network
printf '[Match]\\nName=bond7\\n[Network]\\nVLAN=bond7.11\\nAddress=192.168.30.2/24\\nGateway=192.168.30.1\\n' >30-bond7.network
printf '[Match]\\nName=bond7.11\\n[Network]\\nAddress=192.168.31.2/24\\n' >30-bond7.11.network
systemctl restart systemd-networkd
"""
_NETPLAN = f"""printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >/etc/systemd/network/00-lab.network
mkdir -p /etc/netplan
cat >/etc/netplan/20-bond.yaml <<'END'
network:
  version: 2
  ethernets: {{ens7: {{}}, ens8: {{}}}}
  bonds:
    bond7:
      interfaces: [ens7, ens8]
      macaddress: {_MAC}
      parameters: {{mode: active-backup}}
      addresses: [192.168.30.2/24]
      routes:
      - to: default
        via: 192.168.30.1
  vlans:
    bond7.11: {{id: 11, link: bond7, addresses: [192.168.31.2/24]}}
END
chmod 600 /etc/netplan/20-bond.yaml
netplan generate
systemctl restart systemd-networkd
"""
_UUID = "7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f1"
_NETWORKMANAGER = f"""cd /etc/NetworkManager/system-connections
printf '[main]\\nno-auto-default=*\\n[keyfile]\\nunmanaged-devices=interface-name:eth*\\n[device]\\n' >../conf.d/lab.conf
printf 'match-device=interface-name:ens*\\nmanaged=1\\n' >>../conf.d/lab.conf
for n in 7 8; do
    printf '[connection]\\nid=cable%s\\nuuid={_UUID}%s\\ntype=ethernet\\ninterface-name=ens%s\\n' $n $n $n >cable$n.nmconnection
    printf 'master=bond7\\nslave-type=bond\\n' >>cable$n.nmconnection
done
cat >bond7.nmconnection <<'END'
[connection]
id=bond7
uuid={_UUID}0
type=bond
interface-name=bond7

[ethernet]
cloned-mac-address={_MAC}

[bond]
mode=active-backup

[ipv4]
method=manual
address1=192.168.30.2/24,192.168.30.1

[ipv6]
method=disabled
END
cat >vlan11.nmconnection <<'END'
[connection]
id=vlan11
uuid={_UUID}1
type=vlan
interface-name=bond7.11

[vlan]
id=11
parent=bond7

[ipv4]
method=manual
address1=192.168.31.2/24

[ipv6]
method=disabled
END
chmod 600 *
systemctl restart NetworkManager
"""
_IFUPDOWN = f"""cat >/etc/network/interfaces.d/lan <<'END'
auto bond7
iface bond7 inet static
    address 192.168.30.2/24
    gateway 192.168.30.1
    metric 50
    pre-up ip link add bond7 address {_MAC} type bond mode active-backup || true
    pre-up for n in ens7 ens8; do ip link set $n down; ip link set $n master bond7; done
auto bond7.11
iface bond7.11 inet static
    address 192.168.31.2/24
    vlan-raw-device bond7
END
ifup bond7 bond7.11
"""


@dataclass(frozen=True)
class Tool:
    start: str
    again: str  # all is made anew, as at a boot
    files: str
    stop: str = "true"


_AGAIN = "for n in br7 bond7.11 bond7; do ip link delete $n; done; for n in ens7 ens8; do ip link set $n down; done"
_STOP_NETWORKD = (
    "systemctl stop systemd-networkd.socket systemd-networkd; rm -rf /run/systemd/netif/* /run/systemd/network/*"
)
# Of its last start NetworkManager remembers which profile a NIC had, and takes the NIC for one that is set up already.
_FORGET = "rm -rf /run/NetworkManager/devices"
TOOLS = {
    "networkd": Tool(
        _NETWORKD, f"{_STOP_NETWORKD}; {_AGAIN}; systemctl start systemd-networkd", "/etc/systemd/network"
    ),
    "netplan": Tool(
        _NETPLAN, f"{_STOP_NETWORKD}; {_AGAIN}; netplan generate; systemctl start systemd-networkd", "/etc/netplan"
    ),
    "networkmanager": Tool(
        _NETWORKMANAGER,
        f"systemctl stop NetworkManager; {_AGAIN}; {_FORGET}; systemctl start NetworkManager",
        "/etc/NetworkManager/system-connections",
        "systemctl stop NetworkManager; rm -f /etc/NetworkManager/conf.d/lab.conf",
    ),
    "ifupdown": Tool(
        _IFUPDOWN,
        f"ifdown br7; {_AGAIN}; rm -f /run/network/ifstate*; ifup --all",
        "/etc/network",
        "rm -f /run/network/ifstate*",
    ),
}
_ONE = pytest.mark.kernel("trixie_uml")
_LANS = {"bond7": "192.168.30", "bond7.11": "192.168.31"}


@pytest.fixture
def outer(clean: Host) -> Iterator[Host]:
    clean.shell(_OUTER)
    yield clean
    clean.shell(f"{_STOP_NETWORKD}; " + "; ".join(tool.stop for tool in TOOLS.values()), check=False)


def _seen(host: Host, name: str) -> dict[str, Any]:
    found = host.interfaces()["interfaces"]
    return {
        **{key: found[name][key] for key in ("mac", "mtu", "routes")},
        "addresses": [text.split()[0] for text in found[name]["addresses"]],
        "cables": sorted(each for each, one in found.items() if one["master"] == "bond7"),
    }


def _settled(host: Host, name: str, wanted: dict[str, Any], lan: str) -> None:
    """It has what it should have within a moment, and the router answers."""
    until = time.monotonic() + 40
    while time.monotonic() < until:
        if name in host.interfaces()["interfaces"] and _seen(host, name) == wanted:
            break
        time.sleep(0.5)
    assert _seen(host, name) == wanted
    host.until(f"ping -c1 -W1 -I {name} {lan}.1")


@pytest.mark.parametrize(
    ("tool", "nic"),
    [
        *(("networkd", "bond7"), ("networkmanager", "bond7"), ("netplan", "bond7.11"), ("ifupdown", "bond7.11")),
        *(pytest.param(tool, "bond7.11", marks=_ONE) for tool in ("networkd", "networkmanager")),
    ],
)
def test_a_bond(outer: Host, tool: str, nic: str) -> None:
    lan, how = _LANS[nic], TOOLS[tool]
    outer.shell(how.start)
    for each, net in _LANS.items():
        outer.until(f"ip -4 address show dev {each} | grep {net}.2/24 && ping -c1 -W1 -I {each} {net}.1")
    before, files = _seen(outer, nic), outer.interfaces()["files"]
    assert before["cables"] == ["ens7", "ens8"]
    args = {"name": "br7", "adopt": nic, "persist": tool}
    with session(outer, f"{lan}.2") as seen:
        made = converge(outer, args, module="linux_bridge", changed=True)
    assert seen["broken"] is None, seen
    assert not made.get("warnings"), made["warnings"]
    _settled(outer, "br7", before, lan)
    outer.shell(how.again)
    _settled(outer, "br7", before, lan)
    for each, net in _LANS.items():
        if each != nic:
            outer.until(f"ip -4 address show dev {each} | grep {net}.2/24")
    converge(outer, args, module="linux_bridge", changed=False)
    assert outer.ok("linux_bridge", {**args, "state": "absent"})["changed"]
    _settled(outer, nic, before, lan)
    assert outer.interfaces()["files"] == files


def test_a_bond_that_is_named_by_its_uuid(outer: Host) -> None:
    """At the next boot its cables would wait for the profile that the bridge's own one replaces."""
    outer.shell(TOOLS["networkmanager"].start)
    outer.until("ping -c1 -W1 -I bond7.11 192.168.31.1")
    outer.shell(f"sed -i 's/^master=.*/master={_UUID}0/' {TOOLS['networkmanager'].files}/cable8.nmconnection")
    args = {"name": "br7", "adopt": "bond7", "persist": "networkmanager"}
    refused(outer, args, "cable8.nmconnection, line", "write master=bond7 there", module="linux_bridge", option="adopt")
