# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Every part of libvirt's <network>, as libvirt writes it and as the options say it."""

from __future__ import annotations

from typing import Any

DNSMASQ = 'xmlns:dnsmasq="http://libvirt.org/schemas/network/dnsmasq/1.0"'

# A part of the document, as it is written, and what it is in the structure of the options.
PARTS: list[tuple[str, dict[str, Any]]] = [
    ("<name>a &lt;b&gt;</name>", {"name": "a <b>"}),
    ("<uuid>7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11</uuid>", {"uuid": "7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11"}),
    ("<title>A title</title>", {"title": "A title"}),
    ("<description>two\n lines</description>", {"description": "two\n lines"}),
    ('<metadata><a:b xmlns:a="urn:a">c</a:b></metadata>', {"metadata": ['<a:b xmlns:a="urn:a">c</a:b>']}),
    ('<forward mode="route"/>', {"forward": {"mode": "route"}}),
    ('<forward dev="eth0" mode="nat"/>', {"forward": {"mode": "nat", "dev": "eth0"}}),
    (
        '<forward mode="private"><interface dev="eth0"/><interface dev="eth1"/></forward>',
        {"forward": {"mode": "private", "interfaces": ["eth0", "eth1"]}},
    ),
    (
        '<forward mode="hostdev" managed="yes"><driver name="vfio"/><pf dev="eth4"/></forward>',
        {"forward": {"mode": "hostdev", "managed": True, "driver": "vfio", "pf": "eth4"}},
    ),
    (
        '<forward mode="hostdev"><address type="pci" domain="0x0000" bus="0x0a" slot="0x00" function="0x1"/></forward>',
        {"forward": {"mode": "hostdev", "addresses": ["0000:0a:00.1"]}},
    ),
    (
        '<forward mode="nat"><nat ipv6="yes"><address start="192.0.2.1" end="192.0.2.9"/>'
        '<port start="500" end="1000"/></nat></forward>',
        {
            "forward": {
                "mode": "nat",
                "nat": {
                    "addresses": {"start": "192.0.2.1", "end": "192.0.2.9"},
                    "ports": {"start": 500, "end": 1000},
                    "ipv6": True,
                },
            }
        },
    ),
    (
        '<bridge name="virbr7" zone="trusted" stp="off" delay="4" macTableManager="libvirt"/>',
        {"bridge": {"name": "virbr7", "stp": False, "delay": 4, "zone": "trusted", "mac_table_manager": "libvirt"}},
    ),
    ('<mtu size="9000"/>', {"mtu": 9000}),
    ('<mac address="52:54:00:12:34:56"/>', {"mac": "52:54:00:12:34:56"}),
    (
        '<domain name="lan.example" localOnly="yes" register="no"/>',
        {"domain": {"name": "lan.example", "local_only": True, "register": False}},
    ),
    ('<dns enable="no"/>', {"dns": {"enable": False}}),
    (
        '<dns forwardPlainNames="no"><forwarder domain="example.com" addr="192.0.2.53" port="5353"/>'
        '<forwarder addr="192.0.2.54"/><txt name="t" value="a, &quot;b&quot;"/>'
        '<srv service="ldap" protocol="tcp" domain="example.com" target="." port="389" priority="1" weight="2"/>'
        '<host ip="192.0.2.2"><hostname>one</hostname><hostname>two</hostname></host></dns>',
        {
            "dns": {
                "forward_plain_names": False,
                "forwarders": [
                    {"addr": "192.0.2.53", "port": 5353, "domain": "example.com"},
                    {"addr": "192.0.2.54"},
                ],
                "hosts": [{"ip": "192.0.2.2", "names": ["one", "two"]}],
                "srv": [
                    {
                        "service": "ldap",
                        "protocol": "tcp",
                        "domain": "example.com",
                        "target": ".",
                        "port": 389,
                        "priority": 1,
                        "weight": 2,
                    }
                ],
                "txt": [{"name": "t", "value": 'a, "b"'}],
            }
        },
    ),
    (
        '<vlan trunk="yes"><tag id="42" nativeMode="untagged"/><tag id="47"/></vlan>',
        {"vlan": {"trunk": True, "tags": [{"id": 42, "native_mode": "untagged"}, {"id": 47}]}},
    ),
    (
        '<bandwidth><inbound average="1000" peak="5000" burst="5120"/><outbound average="128"/></bandwidth>',
        {
            "bandwidth": {
                "inbound": {"average": 1000, "peak": 5000, "burst": 5120},
                "outbound": {"average": 128},
            }
        },
    ),
    ('<port isolated="yes"/>', {"isolated": True}),
    (
        '<ip address="192.0.2.1" prefix="25" localPtr="yes"><tftp root="/srv/tftp"/><dhcp>'
        '<range start="192.0.2.10" end="192.0.2.20"><lease expiry="1" unit="hours"/></range>'
        '<range start="192.0.2.30" end="192.0.2.40"/>'
        '<host mac="52:54:00:00:00:01" name="one" ip="192.0.2.50"><lease expiry="0"/></host>'
        '<bootp file="pxelinux.0" server="192.0.2.2"/></dhcp></ip>',
        {
            "ips": [
                {
                    "address": "192.0.2.1/25",
                    "local_ptr": True,
                    "tftp": "/srv/tftp",
                    "dhcp": {
                        "ranges": [
                            {"start": "192.0.2.10", "end": "192.0.2.20", "lease": {"expiry": 1, "unit": "hours"}},
                            {"start": "192.0.2.30", "end": "192.0.2.40"},
                        ],
                        "hosts": [
                            {"mac": "52:54:00:00:00:01", "name": "one", "ip": "192.0.2.50", "lease": {"expiry": 0}},
                        ],
                        "bootp": {"file": "pxelinux.0", "server": "192.0.2.2"},
                    },
                }
            ]
        },
    ),
    (
        '<ip family="ipv6" address="2001:db8::1" prefix="64"><dhcp><host id="00:03:00:01" ip="2001:db8::9"/></dhcp></ip>',
        {"ips": [{"address": "2001:db8::1/64", "dhcp": {"hosts": [{"id": "00:03:00:01", "ip": "2001:db8::9"}]}}]},
    ),
    (
        '<route address="10.9.0.0" prefix="16" gateway="192.0.2.9" metric="2"/>'
        '<route family="ipv6" address="2001:db8:9::" prefix="48" gateway="2001:db8::9"/>',
        {
            "routes": [
                {"to": "10.9.0.0/16", "via": "192.0.2.9", "metric": 2},
                {"to": "2001:db8:9::/48", "via": "2001:db8::9"},
            ]
        },
    ),
    (
        '<virtualport type="802.1Qbg"><parameters managerid="11" typeid="1193047" typeidversion="2" '
        'instanceid="09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"/></virtualport>',
        {
            "virtualport": {
                "type": "802.1Qbg",
                "parameters": {
                    "managerid": 11,
                    "typeid": 1193047,
                    "typeidversion": 2,
                    "instanceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f",
                },
            }
        },
    ),
    (
        '<virtualport type="openvswitch"><parameters interfaceid="09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f" '
        'profileid="menial"/></virtualport>',
        {
            "virtualport": {
                "type": "openvswitch",
                "parameters": {"profileid": "menial", "interfaceid": "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"},
            }
        },
    ),
    (
        '<portgroup name="web" default="yes" trustGuestRxFilters="yes"><vlan><tag id="7"/></vlan>'
        '<virtualport type="openvswitch"/><bandwidth><outbound average="9"/></bandwidth></portgroup>',
        {
            "portgroups": [
                {
                    "name": "web",
                    "default": True,
                    "trust_guest_rx_filters": True,
                    "bandwidth": {"outbound": {"average": 9}},
                    "vlan": {"tags": [{"id": 7}]},
                    "virtualport": {"type": "openvswitch"},
                }
            ]
        },
    ),
    (
        f'<dnsmasq:options {DNSMASQ}><dnsmasq:option value="foo=bar"/><dnsmasq:option value="baz"/></dnsmasq:options>',
        {"dnsmasq_options": ["foo=bar", "baz"]},
    ),
]
