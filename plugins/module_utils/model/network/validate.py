# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about a network that is refused before the host is changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Optional

from ...errors import OptionError, VirtnetError, under
from ..fields import normal_value, shapes, to_options
from ..values import IPInterface, host_cidr
from .desired import NEED_OWN_BRIDGE, OWN_BRIDGE_ONLY
from .facts import KnownNetwork, NetworkFacts, overlap
from .kept import describe_extra
from .options import DNS_DATA, OWN_BRIDGE_MODES, POOL_MODES, Forward, Ip, Network, dotted, mode_of
from .problems import HAZARDS, Problem

# The version of libvirt that each option needs, from https://libvirt.org/formatnetwork.html and the release notes.
SINCE = {
    "title": (9, 7, 0),
    "description": (9, 7, 0),
    "metadata": (2, 1, 0),
    "bridge.zone": (5, 1, 0),
    "dnsmasq_options": (5, 6, 0),
    "isolated": (6, 1, 0),
    "forward.nat.ipv6": (6, 5, 0),
    "ips.dhcp.ranges.lease": (6, 3, 0),
    "ips.dhcp.hosts.lease": (6, 3, 0),
    "dns.forwarders.port": (12, 0, 0),
    "domain.register": (10, 1, 0),
}
VLAN_ON_LINUX_BRIDGE = (11, 0, 0)


def check_versions(given: Network, definition: Network, libvirt: int) -> None:
    """Refuses options that the host's libvirt is too old for; it would ignore them without an error."""
    for option, path, value in _given_options(given):
        need = SINCE.get(option)
        if need and libvirt < _number(need) and value is not False and value not in ((), ""):
            raise OptionError(path, _brief(value), _too_old(need, libvirt))
    own_bridge = mode_of(definition) in (*OWN_BRIDGE_MODES, "bridge")
    openvswitch = definition.virtualport is not None and definition.virtualport.type == "openvswitch"
    if given.vlan and given.vlan.tags and own_bridge and not openvswitch and libvirt < _number(VLAN_ON_LINUX_BRIDGE):
        raise OptionError(
            "vlan",
            [tag.id for tag in given.vlan.tags],
            _too_old(VLAN_ON_LINUX_BRIDGE, libvirt, " for VLAN tags on a Linux bridge"),
        )


def _too_old(need: tuple[int, int, int], libvirt: int, purpose: str = "") -> str:
    has = dotted(libvirt)
    return f"needs libvirt {dotted(_number(need))} or newer{purpose}, and this host has {has}; leave it out, or upgrade libvirt"


def check_unknown(given: Network, definition: Network, current: Optional[Network], facts: NetworkFacts) -> None:
    """Refuses parts of a document for which there is no option and that libvirt would ignore without an error."""
    there = (current.extra if current else None) or ()
    if all(part in there for part in given.extra or ()):
        return
    for part in facts.dropped(definition):
        has = dotted(facts.libvirt)
        raise OptionError("xml", describe_extra(part), f"is not kept by libvirt {has}; remove it, or upgrade libvirt")


def _given_options(value: object, option: str = "", path: str = "") -> Iterator[tuple[str, str, object]]:
    for shape in shapes(type(value)):
        held = getattr(value, shape.name)
        if held is None or shape.meta["hidden"]:
            continue
        name = f"{option}.{shape.name}".lstrip(".")
        where = f"{path}.{shape.name}".lstrip(".")
        yield name, where, held
        if shape.nested:
            for place, item in enumerate(held) if shape.many else [(None, held)]:
                yield from _given_options(item, name, where if place is None else f"{where}[{place}]")


def check_identity(given: Network, current: Optional[Network]) -> None:
    """Refuses another UUID: to libvirt that is another network of the same name."""
    if current and given.uuid and current.uuid and given.uuid != current.uuid:
        raise OptionError(
            "uuid",
            given.uuid,
            f"is not the UUID that network {current.name} keeps; give {current.uuid}, or leave it out",
        )


def check(definition: Network) -> None:
    """Refuses a definition that contradicts itself."""
    _check_mode(definition)
    _check_families(definition.ips or ())
    for place, ip in enumerate(definition.ips or ()):
        with under(f"ips[{place}]"):
            _check_ip(ip)
    _check_routes(definition)
    if definition.title and "\n" in definition.title:
        raise OptionError("title", definition.title, "has several lines; write it in one")
    if definition.domain and definition.domain.register and not definition.domain.local_only:
        raise OptionError("domain.register", True, "needs domain.local_only in libvirt; set that to true as well")
    if definition.dns and definition.dns.enable is False:
        for name in DNS_DATA:
            if value := getattr(definition.dns, name):
                raise OptionError(
                    f"dns.{name}", _brief(value), "needs a DNS server; leave it out, or set dns.enable to true"
                )
    for place, group in enumerate(definition.portgroups or ()):
        if group.name in [other.name for other in (definition.portgroups or ())[:place]]:
            raise OptionError(f"portgroups[{place}].name", group.name, "is listed twice; list each portgroup once")


def _check_mode(definition: Network) -> None:
    mode = mode_of(definition)
    forward = definition.forward or Forward()
    bridge = definition.bridge.name if definition.bridge else None
    if mode not in OWN_BRIDGE_MODES:
        for name in NEED_OWN_BRIDGE:
            if getattr(definition, name) is not None:
                raise OptionError(name, _brief(getattr(definition, name)), _unfit(mode))
    if mode in POOL_MODES and not (forward.interfaces or forward.pf or forward.addresses):
        raise OptionError("forward.mode", mode, "needs forward.interfaces, forward.pf or forward.addresses; give one")
    if mode in POOL_MODES and bridge:
        raise OptionError("bridge.name", bridge, _unfit(mode))
    if mode == "bridge" and not (bridge or forward.interfaces or forward.pf):
        raise OptionError(
            "forward.mode", mode, "needs bridge.name, an existing bridge, or forward.interfaces; give one"
        )
    if mode in ("nat", "route") and len(forward.interfaces or ()) > 1:
        raise OptionError(
            "forward.interfaces", list(forward.interfaces or ()), f"has too many for forward.mode {mode}; give one"
        )
    if mode == "bridge" and bridge and forward.interfaces:
        raise OptionError(
            "forward.interfaces",
            list(forward.interfaces),
            "isn't possible together with bridge.name; give a bridge or a pool of interfaces",
        )
    if mode != "hostdev":
        for name in ("managed", "driver", "addresses"):
            if getattr(forward, name) is not None:
                raise OptionError(
                    f"forward.{name}",
                    _brief(getattr(forward, name)),
                    f"isn't possible with forward.mode {mode}, only with hostdev; leave it out",
                )
    if mode == "bridge" and definition.bridge:
        for name in OWN_BRIDGE_ONLY:
            if getattr(definition.bridge, name) is not None:
                raise OptionError(
                    f"bridge.{name}",
                    getattr(definition.bridge, name),
                    "isn't possible with forward.mode bridge, as the bridge is the host's own; set it there",
                )
    if mode in ("none", "open") and forward.interfaces:
        raise OptionError("forward.interfaces", list(forward.interfaces), _unfit(mode))
    if forward.nat and mode != "nat":
        raise OptionError("forward.nat", _brief(forward.nat), _unfit(mode))
    if mode in ("nat", "route", "open") and not definition.ips:
        raise OptionError("forward.mode", mode, "needs an address of the host; give one in ips")
    if forward.nat and forward.nat.ports and (forward.nat.ports.start or 0) > (forward.nat.ports.end or 0):
        raise OptionError("forward.nat.ports", _brief(forward.nat.ports), "has its end before its start; swap them")
    if forward.nat and forward.nat.addresses:
        pool = forward.nat.addresses
        if ipaddress.ip_address(pool.start or "") > ipaddress.ip_address(pool.end or ""):  # type: ignore[operator]
            raise OptionError("forward.nat.addresses", _brief(pool), "has its end before its start; swap them")


def _check_families(ips: tuple[Ip, ...]) -> None:
    serving = {4: 0, 6: 0}
    for place, ip in enumerate(ips):
        interface = ipaddress.ip_interface(ip.address or "")
        for earlier in ips[:place]:
            if overlap(ip.address or "", earlier.address or ""):
                raise OptionError(
                    f"ips[{place}].address",
                    ip.address,
                    f"overlaps with {earlier.address}; give each address a subnet of its own",
                )
        if ip.dhcp:
            serving[interface.version] += 1
            if serving[interface.version] > 1:
                raise OptionError(
                    f"ips[{place}].dhcp",
                    ip.address,
                    f"is a second IPv{interface.version} subnet with DHCP, and libvirt serves one; leave out dhcp here",
                )
        if ip.tftp and interface.version == 6:
            raise OptionError(f"ips[{place}].tftp", ip.tftp, "needs an IPv4 address; move it to one")


def _check_ip(ip: Ip) -> None:
    interface = ipaddress.ip_interface(ip.address or "")
    net = interface.network
    normal_value("address", ip.address or "", host_cidr)
    if ip.dhcp is None:
        return
    if ip.dhcp.bootp and not (ip.dhcp.ranges or ip.dhcp.hosts):
        raise OptionError(
            "dhcp.bootp", ip.dhcp.bootp.file, "needs ranges or hosts, without which libvirt drops it; give one of them"
        )
    if net.version == 6 and net.prefixlen < 64:
        raise OptionError("dhcp", ip.address, "has a prefix that is too short for DHCPv6 in dnsmasq; use 64 or longer")
    for place, span in enumerate(ip.dhcp.ranges or ()):
        where = f"dhcp.ranges[{place}]"
        start, end = ipaddress.ip_address(span.start or ""), ipaddress.ip_address(span.end or "")
        for name, address in (("start", start), ("end", end)):
            if address not in net:
                raise OptionError(f"{where}.{name}", str(address), f"is not in the subnet {net}; give an address in it")
        if start > end:  # type: ignore[operator]
            raise OptionError(where, f"{start} - {end}", "has its end before its start; swap them")
    _check_dhcp_hosts(ip, interface)


def _check_dhcp_hosts(ip: Ip, interface: IPInterface) -> None:
    seen: dict[tuple[str, str], int] = {}
    for place, host in enumerate((ip.dhcp.hosts if ip.dhcp else None) or ()):
        where = f"dhcp.hosts[{place}]"
        if not (host.mac or host.id or host.name):
            raise OptionError(where, host.ip, "has none of mac, id and name; give one to identify the host by")
        if host.mac and interface.version == 6:
            raise OptionError(
                f"{where}.mac", host.mac, "isn't possible, as DHCPv6 has no MAC addresses; give id (a DUID) or name"
            )
        if host.id and interface.version == 4:
            raise OptionError(f"{where}.id", host.id, "isn't possible, as only DHCPv6 has it; give mac or name")
        address = ipaddress.ip_address(host.ip or "")
        if address not in interface.network:
            raise OptionError(
                f"{where}.ip", host.ip, f"is not in the subnet {interface.network}; give an address in it"
            )
        if address == interface.ip:
            raise OptionError(f"{where}.ip", host.ip, "is the address of the host on this network; give another one")
        for name in ("mac", "ip", "id"):
            value = getattr(host, name)
            if value is not None and seen.setdefault((name, value), place) != place:
                raise OptionError(
                    f"{where}.{name}", value, f"is already in dhcp.hosts[{seen[name, value]}]; give each host its own"
                )


def _check_routes(definition: Network) -> None:
    nets = [ipaddress.ip_interface(ip.address or "").network for ip in definition.ips or ()]
    for place, route in enumerate(definition.routes or ()):
        via, to = ipaddress.ip_address(route.via or ""), ipaddress.ip_network(route.to or "")
        if via.version != to.version:
            raise OptionError(
                f"routes[{place}].via",
                route.via,
                f"is not IPv{to.version}, as the route to {to} is; give an IPv{to.version} gateway",
            )
        if not any(via in net for net in nets):
            raise OptionError(
                f"routes[{place}].via", route.via, "is in no subnet of the network (ips); give a gateway in one"
            )


def check_conflicts(
    name: str, me: KnownNetwork, facts: NetworkFacts, *, starting: bool, bridge_before: Optional[str]
) -> None:
    """Refuses what libvirt finds only when the network starts: a bridge name in use, a subnet that overlaps."""
    for other in facts.networks.values():
        if other.name == name:
            continue
        if me.bridge and other.bridge == me.bridge:
            raise OptionError(
                "bridge.name", me.bridge, f"is already the bridge of network {other.name}; give another one"
            )
        if starting and other.active:
            _refuse_overlap(me, other.addresses, f"the active network {other.name}")
    for link in facts.foreign_links:
        if me.bridge == link.name and (starting or me.bridge != bridge_before):
            raise OptionError(
                "bridge.name",
                me.bridge,
                "is already an interface of this host; give another one",
            )
        if starting:
            _refuse_overlap(me, link.subnets, f"the host's interface {link.name}")


def _refuse_overlap(me: KnownNetwork, theirs: tuple[str, ...], owner: str) -> None:
    for place, cidr in enumerate(me.addresses):
        clash = next((address for address in theirs if overlap(address, cidr)), None)
        if clash:
            raise OptionError(f"ips[{place}].address", cidr, f"overlaps with {clash} of {owner}; use another subnet")


def refuse_disconnecting(name: str, doing: str, guests: tuple[str, ...]) -> None:
    """Refuses a change that would disconnect running guests for good; ``doing`` is one of "removed", "stopped", ..."""
    if guests:
        raise VirtnetError(
            f"network {name} can't be {doing} while running guests are connected to it ({', '.join(guests)});"
            " stop or disconnect them first"
        )


def refuse_unstartable(name: str, obstacles: tuple[str, ...]) -> None:
    """Refuses to start, or to stop and start, a network that libvirt couldn't start."""
    if obstacles:
        raise VirtnetError(f"network {name} can't be started: {'; '.join(obstacles)}")


def refuse_disturbing(doing: str, hazards: tuple[Problem, ...]) -> None:
    """Refuses a step in which libvirt would remove an interface or end a process that isn't the network's."""
    for hazard in hazards:
        raise VirtnetError(f"{doing}: {hazard}; {HAZARDS[hazard.fault]}")


def _unfit(mode: str) -> str:
    return f"isn't possible with forward.mode {mode}; leave it out"


def _brief(value: object) -> object:
    if isinstance(value, tuple):
        return [_brief(item) for item in value]
    return to_options(value) if hasattr(value, "__dataclass_fields__") else value


def _number(version: tuple[int, int, int]) -> int:
    return version[0] * 1_000_000 + version[1] * 1_000 + version[2]
