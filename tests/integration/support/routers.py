# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A LAN outside with two routers, which advertise a prefix each with one metric, and of which one has leases of DHCP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .host import Host
from .wires import running

# `outer` is the switch, and a machine in the LAN; the host has a NIC in it for each of its bridges, which have no addresses yet.
LAN = """set -e
ip netns add outer
ip -n outer link add sw type bridge
ip -n outer link set lo up
ip -n outer link set sw up
ip -n outer address add fd00:40::9/64 dev sw nodad
for router in 1 2; do
    ip netns add router$router
    ip link add eth0 netns router$router type veth peer name r$router netns outer
    ip -n outer link set r$router master sw up
    ip netns exec router$router sysctl -qw net.ipv6.conf.all.forwarding=1
    ip -n router$router link set lo up
    ip -n router$router link set eth0 up
done
ip -n router1 address add 192.168.40.1/24 dev eth0
ip -n router1 address add fd00:40::1/64 dev eth0 nodad
ip -n router2 address add fd00:41::1/64 dev eth0 nodad
"""
_DNSMASQ = (
    "ip netns exec router{number} dnsmasq --no-daemon --conf-file=/dev/null --port=0 --leasefile-ro --no-ping"
    " --interface=eth0 --enable-ra --ra-param=eth0,4,600 {ranges}"
)
_RANGES = {
    1: "--dhcp-range=192.168.40.100,192.168.40.150,120 --dhcp-option=3,192.168.40.1 --dhcp-range=fd00:40::,ra-only,64,600",
    2: "--dhcp-range=fd00:41::,ra-only,64,600",
}


def nic(bridge: str, number: int) -> str:
    """The commands that give the host a NIC in the LAN, `ensN`, as a port of a bridge that is there."""
    name = f"ens{number}"
    return (
        f"ip link add {name} address 02:00:00:00:07:0{number} type veth peer name h{number} netns outer;"
        f" ip -n outer link set h{number} master sw up; ip link set {name} master {bridge} up"
    )


@contextlib.contextmanager
def routers(host: Host) -> Iterator[None]:
    """Both advertise, and the first one gives leases of two minutes."""
    host.shell(LAN)
    with contextlib.ExitStack() as stack:
        for number, ranges in _RANGES.items():
            command = _DNSMASQ.format(number=number, ranges=ranges)
            stack.enter_context(running(host, f"router{number}", f"{{ echo ready; exec {command}; }}"))
        yield
