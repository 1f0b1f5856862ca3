# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a host is like for others by its NIC, or by the bridge that has taken it over; and a DHCP server outside."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

from .host import Host

LOG = "/run/virtnet-test.dhcp.log"
_PID = "/run/virtnet-test.dhcp.pid"
_SERVER = (
    "ip netns exec outer dnsmasq --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces --user=root"
    " --dhcp-range=192.168.30.50,192.168.30.90,2m --dhcp-option=option:router,192.168.30.1"
    " --dhcp-option=option:dns-server,192.168.30.53 --dhcp-option=option:domain-name,leased.example"
    f" --dhcp-leasefile=/run/virtnet-test.leases --log-dhcp --log-facility={LOG} --pid-file={_PID}"
)


@contextlib.contextmanager
def dhcp_server(host: Host) -> Iterator[None]:
    """A DHCP server on the machine outside, see `wires.OUTER`; what it says is in `LOG`."""
    host.shell(f"rm -f {LOG} /run/virtnet-test.leases; {_SERVER}")
    try:
        yield
    finally:
        host.shell(f"kill $(cat {_PID}); rm -f {LOG} /run/virtnet-test.leases", check=False)


def layer3(host: Host, name: str) -> dict[str, Any]:
    """Addresses and routes of an interface, all rules, and what networkd has for the resolver, the clock and the MTU."""
    (link,) = json.loads(host.shell(f"ip -j address show dev {name}"))
    routes = [each for version in (4, 6) for each in json.loads(host.shell(f"ip -j -{version} route show table all"))]
    notes = dict(
        line.split("=", 1)
        for line in host.shell(f"cat /run/systemd/netif/links/$(cat /sys/class/net/{name}/ifindex)").splitlines()
        if "=" in line
    )
    return {
        "addresses": sorted(
            f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"] if each["scope"] == "global"
        ),
        "routes": sorted(
            json.dumps({key: each[key] for key in sorted(each) if key not in ("dev", "flags", "pref")})
            for each in routes
            if each.get("dev") == name
            and each.get("type") != "multicast"
            and not each["dst"].startswith(("fe80", "ff00"))
        ),
        "rules": json.loads(host.shell("ip -j rule")),
        "mtu": link["mtu"],
        "mac": link["address"],
        **{key: sorted(notes.get(key, "").split()) for key in ("DNS", "NTP", "DOMAINS", "ROUTE_DOMAINS")},
    }


def user_files(host: Host, *places: str) -> dict[str, str]:
    """The files in some directories with their content, without those of the collection."""
    found = host.shell(f"find {' '.join(places)} -type f ! -name '*virtnet-kvm*' -exec md5sum {{}} +")
    return {path: digest for digest, path in (line.split(None, 1) for line in found.splitlines())}


def dhcp_leases(host: Host) -> list[str]:
    """The server's leases without their ends: MAC address, address, name, client identifier."""
    return [line.split(None, 1)[1] for line in host.shell("cat /run/virtnet-test.leases").splitlines()]


def networkd_clients(host: Host) -> set[str]:
    """The interfaces on which a DHCP client of networkd has a lease, for the renewal of which it has a socket."""
    return set(re.findall(r"%(\w+):68 ", host.shell("ss --no-header --udp --listening --all --numeric 'sport = :68'")))


def managed(host: Host, name: str) -> None:
    """networkd has set it up."""
    host.until(
        f"networkctl list --no-legend {name} | grep -w configured || {{ networkctl status -n 20 {name}; false; }}", 60
    )


def only_by_files(host: Host, generate: str = "true") -> None:
    """networkd makes all of it by its files, as after a reboot: no bridge `br7`, no address and no rule is left."""
    host.shell("systemctl stop systemd-networkd.socket systemd-networkd; ip link del br7; ip address flush dev ens7")
    host.shell("ip rule del priority 1000; ip route flush table 100; ip link set ens7 mtu 1500 down", check=False)
    host.shell(f"rm -rf /run/systemd/netif/leases/* /run/systemd/netif/links/*; {generate}")
    host.shell("systemctl start systemd-networkd")
    for name in ("br7", "ens7"):
        managed(host, name)
