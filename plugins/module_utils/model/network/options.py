# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a libvirt network, as https://libvirt.org/formatnetwork.html defines them, and its state on a host.

Times are in the unit that the field says. `libvirt_parts` has the options that a guest's interface has too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional

from .. import values
from ..fields import canonical, option
from ..libvirt_parts import Bandwidth, Extra, VirtualPort, Vlan, normalise_vlan
from .problems import Problem

# Modes in which libvirt creates a bridge of its own; "none" is the isolated network, which has no <forward>.
OWN_BRIDGE_MODES = ("none", "nat", "route", "open")
# Modes in which guests share devices of the host.
POOL_MODES = ("private", "vepa", "passthrough", "hostdev")
MODES = (*OWN_BRIDGE_MODES, "bridge", *POOL_MODES)


@dataclass(frozen=True)
class AddressRange:
    start: Optional[str] = option(required=True, norm=values.ipv4)
    end: Optional[str] = option(required=True, norm=values.ipv4)


@dataclass(frozen=True)
class PortRange:
    start: Optional[int] = option(required=True, minimum=1, maximum=65535)
    end: Optional[int] = option(required=True, minimum=1, maximum=65535)


@dataclass(frozen=True)
class Nat:
    addresses: Optional[AddressRange] = option()
    ports: Optional[PortRange] = option()
    ipv6: Optional[bool] = option(absent=False)


@dataclass(frozen=True)
class Forward:
    mode: Optional[str] = option(choices=MODES, absent="none")
    dev: Optional[str] = option(norm=values.ifname)
    interfaces: Optional[tuple[str, ...]] = option(norm=values.ifname)
    pf: Optional[str] = option(norm=values.ifname)
    addresses: Optional[tuple[str, ...]] = option(norm=values.pci_address)
    driver: Optional[str] = option()
    managed: Optional[bool] = option(absent=False)
    nat: Optional[Nat] = option()


@dataclass(frozen=True)
class Bridge:
    name: Optional[str] = option(norm=values.ifname, host_chosen=True)
    stp: Optional[bool] = option(absent=True)
    delay: Optional[int] = option(minimum=0, absent=0, removal=None)
    zone: Optional[str] = option()
    mac_table_manager: Optional[str] = option(choices=("kernel", "libvirt"), absent="kernel")


@dataclass(frozen=True)
class Domain:
    name: Optional[str] = option()
    local_only: Optional[bool] = option(absent=False)
    register: Optional[bool] = option(absent=False)


@dataclass(frozen=True)
class DnsForwarder:
    addr: Optional[str] = option(norm=values.ip)
    port: Optional[int] = option(minimum=1, maximum=65535, removal=None)
    domain: Optional[str] = option()


@dataclass(frozen=True)
class DnsHost:
    ip: Optional[str] = option(required=True, norm=values.ip)
    names: Optional[tuple[str, ...]] = option(required=True)


@dataclass(frozen=True)
class DnsSrv:
    service: Optional[str] = option(required=True)
    protocol: Optional[str] = option(required=True, choices=("tcp", "udp"))
    domain: Optional[str] = option()
    target: Optional[str] = option()
    port: Optional[int] = option(minimum=1, maximum=65535)
    priority: Optional[int] = option(minimum=0, maximum=65535, absent=0, removal=None)
    weight: Optional[int] = option(minimum=0, maximum=65535, absent=0, removal=None)


@dataclass(frozen=True)
class DnsTxt:
    name: Optional[str] = option(required=True)
    value: Optional[str] = option(required=True)


@dataclass(frozen=True)
class Dns:
    enable: Optional[bool] = option(absent=True)
    forward_plain_names: Optional[bool] = option(absent=True)
    forwarders: Optional[tuple[DnsForwarder, ...]] = option()
    hosts: Optional[tuple[DnsHost, ...]] = option(unordered=True)
    srv: Optional[tuple[DnsSrv, ...]] = option(unordered=True)
    txt: Optional[tuple[DnsTxt, ...]] = option(unordered=True)


# What a network without a DNS server can't have (virNetworkDNSDefParseXML in src/conf/network_conf.c of libvirt).
DNS_DATA = ("forwarders", "hosts", "srv", "txt")


@dataclass(frozen=True)
class Lease:
    expiry: Optional[int] = option(required=True, minimum=0, removal=None)
    unit: Optional[str] = option(choices=("seconds", "minutes", "hours"), absent="minutes")


@dataclass(frozen=True)
class DhcpRange:
    start: Optional[str] = option(required=True, norm=values.ip)
    end: Optional[str] = option(required=True, norm=values.ip)
    lease: Optional[Lease] = option()


@dataclass(frozen=True)
class DhcpHost:
    mac: Optional[str] = option(norm=values.mac)
    id: Optional[str] = option()
    name: Optional[str] = option()
    ip: Optional[str] = option(required=True, norm=values.ip)
    lease: Optional[Lease] = option()


@dataclass(frozen=True)
class Bootp:
    file: Optional[str] = option(required=True)
    server: Optional[str] = option()


@dataclass(frozen=True)
class Dhcp:
    ranges: Optional[tuple[DhcpRange, ...]] = option(unordered=True)
    hosts: Optional[tuple[DhcpHost, ...]] = option(unordered=True)
    bootp: Optional[Bootp] = option()


@dataclass(frozen=True)
class Ip:
    address: Optional[str] = option(required=True, norm=values.interface_cidr)
    local_ptr: Optional[bool] = option(absent=False)
    tftp: Optional[str] = option()
    dhcp: Optional[Dhcp] = option()


@dataclass(frozen=True)
class Route:
    to: Optional[str] = option(required=True, norm=values.network_cidr)
    via: Optional[str] = option(required=True, norm=values.ip)
    metric: Optional[int] = option(minimum=1, maximum=4294967295)


@dataclass(frozen=True)
class PortGroup:
    name: Optional[str] = option(required=True)
    default: Optional[bool] = option(absent=False)
    trust_guest_rx_filters: Optional[bool] = option(absent=False)
    bandwidth: Optional[Bandwidth] = option()
    vlan: Optional[Vlan] = option()
    virtualport: Optional[VirtualPort] = option()


@dataclass(frozen=True)
class Network:
    name: Optional[str] = option(required=True, norm=values.object_name)
    uuid: Optional[str] = option(norm=values.uuid, host_chosen=True)
    title: Optional[str] = option()
    description: Optional[str] = option()
    metadata: Optional[tuple[str, ...]] = option(unordered=True)
    ipv6: Optional[bool] = option(absent=False)
    trust_guest_rx_filters: Optional[bool] = option(absent=False)
    forward: Optional[Forward] = option()
    bridge: Optional[Bridge] = option()
    mtu: Optional[int] = option(minimum=68, maximum=65535, removal=0)
    mac: Optional[str] = option(norm=values.mac, host_chosen=True)
    domain: Optional[Domain] = option()
    dns: Optional[Dns] = option()
    ips: Optional[tuple[Ip, ...]] = option()
    routes: Optional[tuple[Route, ...]] = option(unordered=True)
    portgroups: Optional[tuple[PortGroup, ...]] = option(unordered=True)
    isolated: Optional[bool] = option(absent=False)
    bandwidth: Optional[Bandwidth] = option()
    vlan: Optional[Vlan] = option()
    virtualport: Optional[VirtualPort] = option()
    dnsmasq_options: Optional[tuple[str, ...]] = option()
    extra: Optional[tuple[Extra, ...]] = option(hidden=True)


# -- what a host has -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guest:
    """A running guest's interface on a network: the domain's name, the MAC address and the tap device on the host.

    ``connected`` is false where the network no longer carries it, as after a restart of the network by other means.
    """

    domain: str
    mac: str
    device: str
    connected: bool = True

    def __str__(self) -> str:
        return f"{self.domain} ({self.mac})"


@dataclass(frozen=True)
class NetworkState:
    """A network as a host has it; ``stored`` is missing where it is transient, ``running`` where it is inactive.

    ``problems`` are those of an active network.
    """

    stored: Optional[Network]
    running: Optional[Network]
    autostart: bool = False
    guests: tuple[Guest, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def active(self) -> bool:
        return self.running is not None

    @property
    def definition(self) -> Network:
        return self.stored or self.running or Network()


def dotted(libvirt: int) -> str:
    """Returns a version of libvirt (virConnectGetLibVersion) as it is written."""
    return f"{libvirt // 1_000_000}.{libvirt // 1_000 % 1_000}.{libvirt % 1_000}"


# -- the normal form -----------------------------------------------------------------------------------------------------


def mode_of(network: Network) -> str:
    """Returns the forward mode; "none" where there is no <forward>."""
    return (network.forward.mode if network.forward else None) or "none"


def own_bridge(network: Network) -> Optional[str]:
    """Returns the bridge that libvirt makes for a network, as far as its name is known."""
    own = network.bridge is not None and mode_of(network) in OWN_BRIDGE_MODES
    return network.bridge.name if network.bridge and own else None


def has_dhcp(network: Network) -> bool:
    """Returns whether dnsmasq serves DHCP on the network."""
    return any(ip.dhcp and (ip.dhcp.ranges or ip.dhcp.hosts) for ip in network.ips or ())


def has_dnsmasq(network: Network) -> bool:
    """Returns whether libvirt starts dnsmasq for the network (networkStartDhcpDaemon)."""
    if mode_of(network) not in OWN_BRIDGE_MODES or not network.ips:
        return False
    return has_dhcp(network) or not (network.dns and network.dns.enable is False)


def normalise(network: Network) -> Network:
    """Returns the one form in which two networks are compared: `canonical`, without what libvirt adds or derives.

    - ``forward.dev`` is the first of ``forward.interfaces`` (virNetworkDefParseXML), so only the list is kept;
    - a NAT without a port range has 1024-65535, which libvirt writes out (networkAddMasqueradingFirewallRules);
    - VFs listed below a <pf> are found by libvirt at start;
    - two or more VLAN tags are a trunk (`normalise_vlan`).
    """
    network = canonical(network)
    forward = network.forward
    if forward:
        if forward.dev:
            others = tuple(name for name in forward.interfaces or () if name != forward.dev)
            forward = replace(forward, dev=None, interfaces=(forward.dev, *others))
        if forward.nat and forward.nat.ports == PortRange(1024, 65535):
            forward = replace(forward, nat=replace(forward.nat, ports=None))
        if forward.pf:
            forward = replace(forward, interfaces=None, addresses=None)
        network = replace(network, forward=forward)
    if network.vlan:
        network = replace(network, vlan=normalise_vlan(network.vlan))
    if network.portgroups:
        groups = tuple(replace(g, vlan=normalise_vlan(g.vlan)) if g.vlan else g for g in network.portgroups)
        network = replace(network, portgroups=groups)
    return canonical(network)


def align(network: Network, reference: Optional[Network]) -> Network:
    """Returns ``network`` with its addresses in the order of ``reference``; libvirt ignores their order."""
    if reference is None or not network.ips or not reference.ips:
        return network
    places = {ip.address: place for place, ip in enumerate(reference.ips)}
    ordered = sorted(network.ips, key=lambda ip: places.get(ip.address, len(places)))
    return replace(network, ips=tuple(ordered))
