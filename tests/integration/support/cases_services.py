# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The cases of `cases.py` for a network's addresses, DHCP, DNS and routes."""

from __future__ import annotations

from typing import Any

from .cases import NAT, Case


def _ip(**more: Any) -> dict[str, Any]:
    return {"ips": [{"address": "192.168.150.1/24", **more}]}


def _dhcp(**more: Any) -> dict[str, Any]:
    return _ip(dhcp=more)


def _boot(file: str, server: str) -> dict[str, Any]:
    ranges = [{"start": "192.168.150.100", "end": "192.168.150.120"}]  # libvirt drops bootp without any
    return {"ranges": ranges, "bootp": {"file": file, "server": server}}


def _dhcp6(**host: Any) -> dict[str, Any]:
    return {"ips": [{"address": "fd00:150::1/64", "dhcp": {"hosts": [host]}}]}


SERVICES = (
    Case(
        "dns",
        NAT,
        (
            (
                {"dns": {"enable": True, "forward_plain_names": False}},
                {"dns/@forwardPlainNames": "no", "count(dns/@enable[.='no'])": "0"},
            ),
            (
                {"dns": {"enable": False, "forward_plain_names": True}},
                {"dns/@enable": "no", "count(dns/@forwardPlainNames[.='no'])": "0"},
            ),
            ({"dns": {}}, {"count(dns)": "0"}),
        ),
    ),
    Case(
        "dns.forwarders",
        NAT,
        (
            (
                {"dns": {"forwarders": [{"addr": "192.0.2.53", "domain": "a.example"}]}},
                {"dns/forwarder/@addr": "192.0.2.53", "dns/forwarder/@domain": "a.example"},
            ),
            (
                {"dns": {"forwarders": [{"addr": "192.0.2.54", "domain": "b.example"}, {"addr": "192.0.2.55"}]}},
                {"dns/forwarder[2]/@addr": "192.0.2.55", "dns/forwarder[1]/@domain": "b.example"},
            ),
            ({"dns": {"forwarders": []}}, {"count(dns/forwarder)": "0"}),
        ),
    ),
    Case(
        "dns.forwarders.port",
        NAT,
        (
            ({"dns": {"forwarders": [{"addr": "192.0.2.53", "port": 5353}]}}, {"dns/forwarder/@port": "5353"}),
            ({"dns": {"forwarders": [{"addr": "192.0.2.53", "port": 5354}]}}, {"dns/forwarder/@port": "5354"}),
            ({"dns": {"forwarders": []}}, {"count(dns/forwarder)": "0"}),
        ),
        since=(12, 0, 0),
    ),
    Case(
        "dns.hosts",
        NAT,
        (
            (
                {"dns": {"hosts": [{"ip": "192.168.150.5", "names": ["a", "a.example"]}]}},
                {"dns/host/@ip": "192.168.150.5", "dns/host/hostname[2]": "a.example"},
            ),
            (
                {"dns": {"hosts": [{"ip": "192.168.150.6", "names": ["b"]}]}},
                {"dns/host/@ip": "192.168.150.6", "dns/host/hostname": "b", "count(dns/host)": "1"},
            ),
            ({"dns": {"hosts": []}}, {"count(dns/host)": "0"}),
        ),
    ),
    Case(
        "dns.txt",
        NAT,
        (
            ({"dns": {"txt": [{"name": "a", "value": "one"}]}}, {"dns/txt[@name='a']/@value": "one"}),
            ({"dns": {"txt": [{"name": "b", "value": "two, 2"}]}}, {"dns/txt[@name='b']/@value": "two, 2"}),
            ({"dns": {"txt": []}}, {"count(dns/txt)": "0"}),
        ),
    ),
    Case(
        "dns.srv",
        NAT,
        (
            (
                {
                    "dns": {
                        "srv": [
                            {
                                "service": "ldap",
                                "protocol": "tcp",
                                "domain": "a.example",
                                "target": "a",
                                "port": 389,
                                "priority": 1,
                                "weight": 2,
                            }
                        ]
                    }
                },
                {"dns/srv/@service": "ldap", "dns/srv/@weight": "2", "dns/srv/@priority": "1"},
            ),
            (
                {
                    "dns": {
                        "srv": [
                            {
                                "service": "sip",
                                "protocol": "udp",
                                "domain": "b.example",
                                "target": "b",
                                "port": 5060,
                                "priority": 3,
                                "weight": 4,
                            }
                        ]
                    }
                },
                {"dns/srv/@protocol": "udp", "dns/srv/@port": "5060", "dns/srv/@target": "b", "count(dns/srv)": "1"},
            ),
            ({"dns": {"srv": []}}, {"count(dns/srv)": "0"}),
        ),
    ),
    Case(
        "ips",
        {},
        (
            (
                {"ips": [{"address": "192.168.150.1/24", "local_ptr": True}]},
                {"ip/@address": "192.168.150.1", "ip/@localPtr": "yes"},
            ),
            (
                {"ips": [{"address": "192.168.151.1/24", "local_ptr": False}, {"address": "fd00:150::1/64"}]},
                {"ip[@family='ipv6']/@prefix": "64", "count(ip/@localPtr[.='yes'])": "0", "count(ip)": "2"},
            ),
            ({"ips": []}, {"count(ip)": "0"}),
        ),
    ),
    Case(
        "ips.tftp and bootp",
        NAT,
        (
            (
                _ip(tftp="/srv", dhcp=_boot("a.0", "192.168.150.1")),
                {"ip/tftp/@root": "/srv", "ip/dhcp/bootp/@file": "a.0", "ip/dhcp/bootp/@server": "192.168.150.1"},
            ),
            (
                _ip(tftp="/var/lib", dhcp=_boot("b.0", "192.168.150.2")),
                {"ip/tftp/@root": "/var/lib", "ip/dhcp/bootp/@file": "b.0", "ip/dhcp/bootp/@server": "192.168.150.2"},
            ),
            (_ip(), {"count(ip/tftp|ip/dhcp)": "0", "count(ip)": "1"}),
        ),
    ),
    Case(
        "ips.dhcp.ranges",
        NAT,
        (
            (
                _dhcp(
                    ranges=[
                        {
                            "start": "192.168.150.100",
                            "end": "192.168.150.120",
                            "lease": {"expiry": 2, "unit": "hours"},
                        }
                    ]
                ),
                {"ip/dhcp/range/@start": "192.168.150.100", "ip/dhcp/range/lease/@unit": "hours"},
            ),
            (
                _dhcp(
                    ranges=[
                        {
                            "start": "192.168.150.99",
                            "end": "192.168.150.130",
                            "lease": {"expiry": 30, "unit": "minutes"},
                        }
                    ]
                ),
                {
                    "ip/dhcp/range/@end": "192.168.150.130",
                    "ip/dhcp/range/lease/@expiry": "30",
                    "count(ip/dhcp/range)": "1",
                },
            ),
            (_ip(), {"count(ip/dhcp)": "0"}),
        ),
    ),
    Case(
        "ips.dhcp.hosts",
        NAT,
        (
            (
                _dhcp(
                    hosts=[
                        {
                            "mac": "52:54:00:00:00:01",
                            "name": "a",
                            "ip": "192.168.150.11",
                            "lease": {"expiry": 300, "unit": "seconds"},
                        }
                    ]
                ),
                {
                    "ip/dhcp/host/@mac": "52:54:00:00:00:01",
                    "ip/dhcp/host/@name": "a",
                    "ip/dhcp/host/lease/@expiry": "300",
                },
            ),
            (
                _dhcp(
                    hosts=[
                        {
                            "mac": "52:54:00:00:00:02",
                            "name": "b",
                            "ip": "192.168.150.12",
                            "lease": {"expiry": 400, "unit": "hours"},
                        }
                    ]
                ),
                {"ip/dhcp/host/@ip": "192.168.150.12", "ip/dhcp/host/lease/@unit": "hours", "count(ip/dhcp/host)": "1"},
            ),
            (_dhcp(hosts=[]), {"count(ip/dhcp)": "0"}),
        ),
    ),
    Case(
        "ips.dhcp.hosts.id",
        {"ips": [{"address": "fd00:150::1/64"}]},
        (
            (
                _dhcp6(id="0:4:7e:7d:f0:7d", name="a", ip="fd00:150::11"),
                {"ip/dhcp/host/@id": "0:4:7e:7d:f0:7d", "ip/dhcp/host/@ip": "fd00:150::11"},
            ),
            (_dhcp6(id="0:4:7e:7d:f0:7e", name="b", ip="fd00:150::12"), {"ip/dhcp/host/@id": "0:4:7e:7d:f0:7e"}),
            ({"ips": [{"address": "fd00:150::1/64"}]}, {"count(ip/dhcp)": "0"}),
        ),
    ),
    Case(
        "routes",
        NAT,
        (
            (
                {"routes": [{"to": "10.77.0.0/24", "via": "192.168.150.2", "metric": 5}]},
                {"route/@address": "10.77.0.0", "route/@gateway": "192.168.150.2", "route/@metric": "5"},
            ),
            (
                {"routes": [{"to": "10.78.0.0/24", "via": "192.168.150.3", "metric": 6}]},
                {"route/@address": "10.78.0.0", "route/@gateway": "192.168.150.3", "route/@metric": "6"},
            ),
            ({"routes": []}, {"count(route)": "0"}),
        ),
    ),
)
