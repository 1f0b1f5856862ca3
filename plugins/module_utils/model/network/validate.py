# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network can't be: everything that is refused before the host is touched."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Optional

from ...errors import OptionError, VirtnetError
from ..fields import shapes, to_options
from .facts import KnownNetwork, NetworkFacts, overlap
from .options import OWN_BRIDGE_MODES, POOL_MODES, Bridge, Forward, Ip, Network, mode_of

# What each option needs of libvirt, from https://libvirt.org/formatnetwork.html and the release notes.
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

# Without a bridge of libvirt's own there is no host side that these could be about.
_OWN_BRIDGE_ONLY = ("stp", "delay", "zone")
_NEED_OWN_BRIDGE = ("ips", "dns", "domain", "routes", "mac", "mtu")


def drop_unfit(target: Network, given: Network) -> Network:
    """Drop what the forward mode can't have and nobody asked for: leftovers of the mode that the network had before."""
    mode = mode_of(target)
    if mode not in OWN_BRIDGE_MODES:
        leftovers = [name for name in _NEED_OWN_BRIDGE if getattr(given, name) in (None, "")]
        target = replace(target, **dict.fromkeys(leftovers))
    asked = given.forward or Forward()
    pool = mode in POOL_MODES or (mode == "bridge" and (asked.interfaces or asked.dev))
    if pool and not (given.bridge and given.bridge.name):
        target = replace(target, bridge=None)
    if mode == "bridge" and target.bridge:
        asked_bridge = given.bridge or Bridge()
        kept = {name: getattr(asked_bridge, name) for name in _OWN_BRIDGE_ONLY}
        target = replace(target, bridge=replace(target.bridge, **kept))
    if target.forward is None:
        return target
    unfit = set()
    if mode != "nat":
        unfit.add("nat")
    if mode in ("none", "open"):
        unfit |= {"interfaces", "pf", "addresses", "driver", "managed"}
    if mode == "bridge" and asked.interfaces is None and asked.dev is None and given.bridge and given.bridge.name:
        unfit.add("interfaces")
    if mode != "hostdev":
        unfit |= {"addresses", "driver", "managed"}
    if mode in ("nat", "route") and asked.dev is not None:
        unfit.add("interfaces")  # there is one at most, and this is another, or none
    changes = {name: None for name in unfit if getattr(asked, name) is None}
    return replace(target, forward=replace(target.forward, **changes))


def check_versions(given: Network, target: Network, libvirt: int) -> None:
    """Refuse options that the host's libvirt is too old for; it would pass over them in silence."""
    for option, path, value in _given_options(given):
        need = SINCE.get(option)
        if need and libvirt < _number(need) and value is not False and value not in ((), ""):
            raise OptionError(
                path, value, f"libvirt {_dotted(need)} or newer for this option; the host has {_version(libvirt)}"
            )
    own_bridge = mode_of(target) in (*OWN_BRIDGE_MODES, "bridge")
    openvswitch = target.virtualport is not None and target.virtualport.type == "openvswitch"
    if given.vlan and given.vlan.tags and own_bridge and not openvswitch and libvirt < _number(VLAN_ON_LINUX_BRIDGE):
        raise OptionError(
            "vlan",
            [tag.id for tag in given.vlan.tags],
            f"libvirt {_dotted(VLAN_ON_LINUX_BRIDGE)} or newer for VLAN tags on a Linux bridge; the host has {_version(libvirt)}",
        )


def _given_options(value: Any, option: str = "", path: str = "") -> Iterator[tuple[str, str, Any]]:
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


def check_identity(given: Network, found: Optional[Network]) -> None:
    """A network keeps its UUID: libvirt knows it by that, and takes another one for another network of the same name."""
    if found and given.uuid and found.uuid and given.uuid != found.uuid:
        raise OptionError("uuid", given.uuid, f"{found.uuid}, which network {found.name} has and keeps, or nothing")


def check(target: Network) -> None:
    """Refuse a definition that contradicts itself."""
    _check_mode(target)
    _check_families(target.ips or ())
    for place, ip in enumerate(target.ips or ()):
        try:
            _check_ip(ip)
        except OptionError as error:
            raise error.under(f"ips[{place}]") from None
    _check_routes(target)
    if target.title and "\n" in target.title:
        raise OptionError("title", target.title, "one line")
    if target.domain and target.domain.register and not target.domain.local_only:
        raise OptionError("domain.register", True, "domain.local_only true beside it, which libvirt asks for")
    for place, group in enumerate(target.portgroups or ()):
        if group.name in [other.name for other in (target.portgroups or ())[:place]]:
            raise OptionError(f"portgroups[{place}].name", group.name, "each portgroup once")


def _check_mode(target: Network) -> None:
    mode = mode_of(target)
    forward = target.forward or Forward()
    bridge = target.bridge.name if target.bridge else None
    if mode not in OWN_BRIDGE_MODES:
        for name in _NEED_OWN_BRIDGE:
            if getattr(target, name) is not None:
                raise OptionError(name, _brief(getattr(target, name)), f"nothing, as forward.mode is {mode}")
    if mode in POOL_MODES and not (forward.interfaces or forward.pf or forward.addresses):
        raise OptionError("forward.mode", mode, "forward.interfaces, forward.pf or forward.addresses with this mode")
    if mode in POOL_MODES and bridge:
        raise OptionError("bridge.name", bridge, f"nothing, as forward.mode is {mode}")
    if mode == "bridge" and not (bridge or forward.interfaces):
        raise OptionError("forward.mode", mode, "bridge.name (an existing bridge) or forward.interfaces with this mode")
    if mode in ("nat", "route") and len(forward.interfaces or ()) > 1:
        raise OptionError(
            "forward.interfaces", list(forward.interfaces or ()), f"one interface at most, as forward.mode is {mode}"
        )
    if mode == "bridge" and bridge and forward.interfaces:
        raise OptionError(
            "forward.interfaces",
            list(forward.interfaces),
            "nothing beside bridge.name: a bridge or a pool of interfaces",
        )
    if mode != "hostdev":
        for name in ("managed", "driver", "addresses"):
            if getattr(forward, name) is not None:
                raise OptionError(
                    f"forward.{name}",
                    _brief(getattr(forward, name)),
                    f"nothing, as forward.mode is {mode} and not hostdev",
                )
    if mode == "bridge" and target.bridge:
        for name in _OWN_BRIDGE_ONLY:
            if getattr(target.bridge, name) is not None:
                raise OptionError(
                    f"bridge.{name}",
                    getattr(target.bridge, name),
                    "nothing, as forward.mode is bridge: the bridge is the host's own",
                )
    if mode in ("none", "open") and forward.interfaces:
        raise OptionError("forward.interfaces", list(forward.interfaces), f"nothing, as forward.mode is {mode}")
    if forward.nat and mode != "nat":
        raise OptionError("forward.nat", _brief(forward.nat), f"nothing, as forward.mode is {mode}")
    if mode in ("nat", "route", "open") and not target.ips:
        raise OptionError("forward.mode", mode, "at least one address in ips with this mode")
    if forward.nat and forward.nat.ports and (forward.nat.ports.start or 0) > (forward.nat.ports.end or 0):
        raise OptionError("forward.nat.ports", _brief(forward.nat.ports), "start not above end")
    if forward.nat and forward.nat.addresses:
        pool = forward.nat.addresses
        if ipaddress.ip_address(pool.start or "") > ipaddress.ip_address(pool.end or ""):  # type: ignore[operator]
            raise OptionError("forward.nat.addresses", _brief(pool), "start not above end")


def _check_families(ips: tuple[Ip, ...]) -> None:
    serving = {4: 0, 6: 0}
    for place, ip in enumerate(ips):
        interface = ipaddress.ip_interface(ip.address or "")
        for earlier in ips[:place]:
            if overlap(ip.address or "", earlier.address or ""):
                raise OptionError(f"ips[{place}].address", ip.address, f"a subnet apart from that of {earlier.address}")
        if ip.dhcp:
            serving[interface.version] += 1
            if serving[interface.version] > 1:
                raise OptionError(
                    f"ips[{place}].dhcp",
                    ip.address,
                    f"DHCP on one IPv{interface.version} subnet only, which is libvirt's limit",
                )
        if ip.tftp and interface.version == 6:
            raise OptionError(f"ips[{place}].tftp", ip.tftp, "TFTP on an IPv4 subnet only")


def _check_ip(ip: Ip) -> None:
    interface = ipaddress.ip_interface(ip.address or "")
    net = interface.network
    if interface.ip.is_multicast or interface.ip.is_unspecified or interface.ip.is_loopback:
        raise OptionError("address", ip.address, "a unicast address")
    if net.prefixlen < net.max_prefixlen - 1 and interface.ip == net.network_address:
        raise OptionError("address", ip.address, f"a host's address in {net}, not the network's own")
    if net.version == 4 and net.prefixlen < 31 and interface.ip == net.broadcast_address:
        raise OptionError("address", ip.address, f"a host's address in {net}, not the broadcast address")
    if ip.dhcp is None:
        return
    if ip.dhcp.bootp and not (ip.dhcp.ranges or ip.dhcp.hosts):
        raise OptionError("dhcp.bootp", ip.dhcp.bootp.file, "ranges or hosts beside it; without them libvirt drops it")
    if net.version == 6 and net.prefixlen < 64:
        raise OptionError("dhcp", ip.address, "a prefix of 64 or longer, which dnsmasq needs for DHCPv6")
    for place, span in enumerate(ip.dhcp.ranges or ()):
        where = f"dhcp.ranges[{place}]"
        start, end = ipaddress.ip_address(span.start or ""), ipaddress.ip_address(span.end or "")
        for name, address in (("start", start), ("end", end)):
            if address not in net:
                raise OptionError(f"{where}.{name}", str(address), f"an address in {net}")
        if start > end:  # type: ignore[operator]
            raise OptionError(where, f"{start} - {end}", "start not above end")
    _check_dhcp_hosts(ip, interface)


def _check_dhcp_hosts(ip: Ip, interface: Any) -> None:
    seen: dict[tuple[str, str], int] = {}
    for place, host in enumerate((ip.dhcp.hosts if ip.dhcp else None) or ()):
        where = f"dhcp.hosts[{place}]"
        if not (host.mac or host.id or host.name):
            raise OptionError(where, host.ip, "one of mac, id and name to know the host by")
        if host.mac and interface.version == 6:
            raise OptionError(f"{where}.mac", host.mac, "id (a DUID) or name, as DHCPv6 knows no MAC addresses")
        if host.id and interface.version == 4:
            raise OptionError(f"{where}.id", host.id, "mac or name; id is for DHCPv6")
        address = ipaddress.ip_address(host.ip or "")
        if address not in interface.network:
            raise OptionError(f"{where}.ip", host.ip, f"an address in {interface.network}")
        if address == interface.ip:
            raise OptionError(f"{where}.ip", host.ip, "an address that is not the host's own")
        for name in ("mac", "ip", "id"):
            value = getattr(host, name)
            if value is not None and seen.setdefault((name, value), place) != place:
                raise OptionError(f"{where}.{name}", value, "a value that no other host of the list has")


def _check_routes(target: Network) -> None:
    nets = [ipaddress.ip_interface(ip.address or "").network for ip in target.ips or ()]
    for place, route in enumerate(target.routes or ()):
        via, to = ipaddress.ip_address(route.via or ""), ipaddress.ip_network(route.to or "")
        if via.version != to.version:
            raise OptionError(f"routes[{place}].via", route.via, f"an IPv{to.version} address, as {to} is")
        if not any(via in net for net in nets):
            raise OptionError(f"routes[{place}].via", route.via, "an address in one of the network's subnets (ips)")


def check_conflicts(name: str, me: KnownNetwork, facts: NetworkFacts, *, starting: bool) -> None:
    """Refuse what libvirt would only find out at start: a bridge name in use, a subnet that overlaps."""
    for other in facts.networks.values():
        if other.name == name:
            continue
        if me.bridge and other.bridge == me.bridge:
            raise OptionError(
                "bridge.name", me.bridge, f"a bridge name that no other network has; network {other.name} has it"
            )
        if starting and other.active:
            _refuse_overlap(me, other.addresses, f"the active network {other.name}")
    if not starting:
        return
    for link in facts.foreign_links:
        if me.bridge == link.name:
            raise OptionError(
                "bridge.name",
                me.bridge,
                "the name of an interface that the host doesn't have yet; it has one of that name",
            )
        _refuse_overlap(me, link.subnets, f"the host's interface {link.name}")


def _refuse_overlap(me: KnownNetwork, theirs: tuple[str, ...], owner: str) -> None:
    for place, cidr in enumerate(me.addresses):
        clash = next((address for address in theirs if overlap(address, cidr)), None)
        if clash:
            raise OptionError(f"ips[{place}].address", cidr, f"a subnet apart from that of {owner} ({clash})")


def refuse_cut_off(name: str, doing: str, guests: tuple[str, ...]) -> None:
    """A network that running guests are plugged in isn't taken from them."""
    if guests:
        raise VirtnetError(
            f"network {name} is not {doing}: running guests are plugged in ({', '.join(guests)}); "
            "stop them or unplug them first"
        )


def _brief(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_brief(item) for item in value]
    return to_options(value) if hasattr(value, "__dataclass_fields__") else value


def _number(version: tuple[int, int, int]) -> int:
    return version[0] * 1_000_000 + version[1] * 1_000 + version[2]


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(str(part) for part in version)


def _version(number: int) -> str:
    return _dotted((number // 1_000_000, number // 1_000 % 1_000, number % 1_000))


def version_text(number: Optional[int]) -> str:
    """A libvirt version number as people write it."""
    return "unknown" if number is None else _version(number)
