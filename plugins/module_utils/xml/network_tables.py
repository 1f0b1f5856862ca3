# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's <network>, element by element, in the order in which libvirt writes it (virNetworkDefFormatBuf)."""

from __future__ import annotations

from ..model.network import options as model
from .binding import (
    FOREIGN,
    NUMBER,
    ON_OFF,
    STRING,
    TEXT,
    VALUE,
    YES_NO,
    Attr,
    Attrs,
    Child,
    Table,
    ValueTable,
    only,
)
from .converters import decode_cidr, encode_cidr
from .parts import BANDWIDTH, PCI_ADDRESS, VIRTUALPORT, VLAN

DNSMASQ = "http://libvirt.org/schemas/network/dnsmasq/1.0"
# The number of guests that use it, which libvirt counts.
_RUNTIME = ("connections",)

_NAT = Table(
    model.Nat,
    Attr("ipv6", "ipv6", YES_NO),
    Child(
        "address",
        "addresses",
        Table(model.AddressRange, Attr("start", "start", STRING), Attr("end", "end", STRING)),
    ),
    Child("port", "ports", Table(model.PortRange, Attr("start", "start", NUMBER), Attr("end", "end", NUMBER))),
)
_PCI_ADDRESS = ValueTable(PCI_ADDRESS, ignore=_RUNTIME)
INTERFACE = only("dev", ignore=_RUNTIME)
_FORWARD = Table(
    model.Forward,
    Attr("dev", "dev", STRING),
    Attr("mode", "mode", STRING, default="nat"),
    Attr("managed", "managed", YES_NO),
    Child("driver", "driver", only("name")),
    Child("nat", "nat", _NAT, plain=True),
    Child("pf", "pf", only("dev")),
    Child("interface", "interfaces", INTERFACE, many=True),
    Child("address", "addresses", _PCI_ADDRESS, many=True),
)
_BRIDGE = Table(
    model.Bridge,
    Attr("name", "name", STRING),
    Attr("zone", "zone", STRING),
    Attr("stp", "stp", ON_OFF),
    Attr("delay", "delay", NUMBER),
    Attr("macTableManager", "mac_table_manager", STRING),
)
_DOMAIN = Table(
    model.Domain,
    Attr("name", "name", STRING),
    Attr("localOnly", "local_only", YES_NO),
    Attr("register", "register", YES_NO),
)
_FORWARDER = Table(
    model.DnsForwarder,
    Attr("domain", "domain", STRING),
    Attr("addr", "addr", STRING),
    Attr("port", "port", NUMBER),
)
DNS_TXT = Table(model.DnsTxt, Attr("name", "name", STRING), Attr("value", "value", STRING))
DNS_SRV = Table(
    model.DnsSrv,
    Attr("service", "service", STRING),
    Attr("protocol", "protocol", STRING),
    Attr("domain", "domain", STRING),
    Attr("target", "target", STRING),
    Attr("port", "port", NUMBER),
    Attr("priority", "priority", NUMBER),
    Attr("weight", "weight", NUMBER),
)
DNS_HOST = Table(model.DnsHost, Attr("ip", "ip", STRING), Child("hostname", "names", TEXT, many=True))
_DNS = Table(
    model.Dns,
    Attr("enable", "enable", YES_NO),
    Attr("forwardPlainNames", "forward_plain_names", YES_NO),
    Child("forwarder", "forwarders", _FORWARDER, many=True),
    Child("txt", "txt", DNS_TXT, many=True),
    Child("srv", "srv", DNS_SRV, many=True),
    Child("host", "hosts", DNS_HOST, many=True),
)
_LEASE = Table(model.Lease, Attr("expiry", "expiry", NUMBER), Attr("unit", "unit", STRING))
DHCP_RANGE = Table(
    model.DhcpRange,
    Attr("start", "start", STRING),
    Attr("end", "end", STRING),
    Child("lease", "lease", _LEASE),
)
DHCP_HOST = Table(
    model.DhcpHost,
    Attr("mac", "mac", STRING),
    Attr("id", "id", STRING),
    Attr("name", "name", STRING),
    Attr("ip", "ip", STRING),
    Child("lease", "lease", _LEASE),
)
_BOOTP = Table(model.Bootp, Attr("file", "file", STRING), Attr("server", "server", STRING))
_DHCP = Table(
    model.Dhcp,
    Child("range", "ranges", DHCP_RANGE, many=True),
    Child("host", "hosts", DHCP_HOST, many=True, key=("ip",)),
    Child("bootp", "bootp", _BOOTP),
)
_CIDR = ("family", "address", "netmask", "prefix")
_IP = Table(
    model.Ip,
    Attrs(_CIDR, "address", decode_cidr, encode_cidr),
    Attr("localPtr", "local_ptr", YES_NO),
    Child("tftp", "tftp", only("root")),
    Child("dhcp", "dhcp", _DHCP),
)
_ROUTE = Table(
    model.Route,
    Attrs(_CIDR, "to", decode_cidr, encode_cidr),
    Attr("gateway", "via", STRING),
    Attr("metric", "metric", NUMBER),
)
_PORT = only("isolated", YES_NO)
PORTGROUP = Table(
    model.PortGroup,
    Attr("name", "name", STRING),
    Attr("default", "default", YES_NO),
    Attr("trustGuestRxFilters", "trust_guest_rx_filters", YES_NO),
    Child("vlan", "vlan", VLAN),
    Child("virtualport", "virtualport", VIRTUALPORT),
    Child("bandwidth", "bandwidth", BANDWIDTH),
)
_DNSMASQ_OPTIONS = ValueTable(Child(f"{{{DNSMASQ}}}option", VALUE, only("value"), many=True))


def _is_forwarded(forward: object) -> bool:
    """Returns whether a network has a <forward>: the isolated one has none, and one without a mode would be NAT."""
    return isinstance(forward, model.Forward) and forward.mode not in (None, "none")


NETWORK = Table(
    model.Network,
    Attr("ipv6", "ipv6", YES_NO),
    Attr("trustGuestRxFilters", "trust_guest_rx_filters", YES_NO),
    Child("name", "name", TEXT),
    Child("uuid", "uuid", TEXT),
    Child("title", "title", TEXT),
    Child("description", "description", TEXT),
    Child("metadata", "metadata", FOREIGN),
    Child("forward", "forward", _FORWARD, desired=_is_forwarded),
    Child("bridge", "bridge", _BRIDGE, plain=True),
    Child("mtu", "mtu", only("size", NUMBER)),
    Child("mac", "mac", only("address")),
    Child("domain", "domain", _DOMAIN),
    Child("dns", "dns", _DNS, plain=True),
    Child("vlan", "vlan", VLAN),
    Child("bandwidth", "bandwidth", BANDWIDTH),
    Child("port", "isolated", _PORT, plain=True),
    Child("ip", "ips", _IP, many=True, key=("address",)),
    Child("route", "routes", _ROUTE, many=True),
    Child("virtualport", "virtualport", VIRTUALPORT),
    Child("portgroup", "portgroups", PORTGROUP, many=True, key=("name",)),
    Child(f"{{{DNSMASQ}}}options", "dnsmasq_options", _DNSMASQ_OPTIONS, nsmap={"dnsmasq": DNSMASQ}),
    ignore=_RUNTIME,
)
