# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The contestants of the networks' race: each brings N NAT networks about on a host, with its own means.

The bare script is what libvirt's binding needs at the least. Networks are `bench1` ... `benchN` in 10.77.0.0/16, a /28 each.
"""

from __future__ import annotations

from typing import Any

from .race import Play, Race, Script, play


def subnet(number: int) -> str:
    """The first three and a half bytes of the network of that number: its host part goes on the end."""
    place = number * 16
    return f"10.77.{place // 256}.{place % 256}"


def _address(number: int, host: int) -> str:
    head, last = subnet(number).rsplit(".", 1)
    return f"{head}.{int(last) + host}"


def options(number: int) -> dict[str, Any]:
    """A network in our options."""
    return {
        "name": f"bench{number}",
        "forward": {"mode": "nat"},
        "bridge": {"name": f"vbench{number}"},
        "ips": [
            {
                "address": f"{_address(number, 1)}/28",
                "dhcp": {"ranges": [{"start": _address(number, 2), "end": _address(number, 14)}]},
            }
        ],
        "active": True,
        "autostart": True,
    }


def document(number: int) -> str:
    """The same network in libvirt's words."""
    return (
        f"<network><name>bench{number}</name><forward mode='nat'/><bridge name='vbench{number}' stp='on' delay='0'/>"
        f"<ip address='{_address(number, 1)}' prefix='28'><dhcp>"
        f"<range start='{_address(number, 2)}' end='{_address(number, 14)}'/></dhcp></ip></network>"
    )


def fabric(count: int) -> Play:
    return play({"virtnet.kvm.fabric": {"networks": [options(number) for number in range(1, count + 1)]}})


def virt_net_loop(count: int) -> Play:
    task = {"virtnet.kvm.virt_net": "{{ item }}", "loop": [options(number) for number in range(1, count + 1)]}
    return play({**task, "loop_control": {"label": "{{ item.name }}"}})


def peer(count: int) -> Play:
    """community.libvirt.virt_net in the three tasks that its documentation shows."""
    items = [{"name": f"bench{number}", "xml": document(number)} for number in range(1, count + 1)]
    common = {"loop": items, "loop_control": {"label": "{{ item.name }}"}}
    module = "community.libvirt.virt_net"
    return play(
        {module: {"command": "define", "name": "{{ item.name }}", "xml": "{{ item.xml }}"}, **common},
        {module: {"state": "active", "name": "{{ item.name }}"}, **common},
        {module: {"autostart": True, "name": "{{ item.name }}"}, **common},
    )


def bare(count: int) -> Script:
    """libvirt-python with nothing around it: what is there already is compared by name only."""
    documents = {f"bench{number}": document(number) for number in range(1, count + 1)}
    source = f"""
import libvirt
documents = {documents!r}
connection = libvirt.open("qemu:///system")
there = {{network.name(): network for network in connection.listAllNetworks(0)}}
for name, text in documents.items():
    network = there.get(name) or connection.networkDefineXML(text)
    if not network.isActive():
        network.create()
    if not network.autostart():
        network.setAutostart(True)
"""
    return Script("/usr/bin/python3 -", source)


CLEAN = """
import libvirt
connection = libvirt.open("qemu:///system")
for network in connection.listAllNetworks(0):
    if network.name().startswith("bench"):
        if network.isActive():
            network.destroy()
        network.undefine()
"""

NETWORKS = Race(
    unit="network",
    base="bare libvirt-python script",
    contestants={
        "bare libvirt-python script": bare,
        "`fabric`": fabric,
        "`virt_net` in a loop": virt_net_loop,
        "community.libvirt.virt_net, three tasks": peer,
    },
    clean=Script("/usr/bin/python3 -", CLEAN),
)
