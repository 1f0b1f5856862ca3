# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The topologies nat, routed, open and isolated: libvirt creates the bridge, and the host serves addresses and names on it."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Sequence
from typing import Any, Callable, Optional, Union

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model import values
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.facts import OPEN_ZONE
from ansible_collections.virtnet.kvm.plugins.module_utils.model.zones import ROUTED

from .topology_options import Made, Options, network, normal
from .topology_rules import closed_both_ways, closed_ipv6, opened_both_ways, opened_from_inside, rule_sets

IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# Options about the host's address on the network. They have no meaning if the host has no address.
_OF_THE_HOST = ("cidr", "cidr6", "gateway", "gateway6", "dhcp_range", "dhcp6_range", "hosts", "domain", "forwarders")

_OPEN_ZONE = (OPEN_ZONE // 1_000_000, OPEN_ZONE // 1_000 % 1_000, OPEN_ZONE % 1_000)

# libvirt counts a range of addresses in 16 bits.
_MOST = 1 << 16


def nat(given: Options, _libvirt: Sequence[int]) -> Made:
    if given["nat66"] and not given["cidr6"]:
        raise OptionError("nat66", True, "needs cidr6, which is what it translates; give that, or leave nat66 out")
    closes = given["cidr6"] and not given["nat66"] and given["ipv6_inbound"] == "reject"
    defaults = [opened_from_inside, *([closed_ipv6] if closes else [])]
    return _made(given, {"mode": "nat", "nat": {"ipv6": given["nat66"]}}, *defaults)


def isolated(given: Options, _libvirt: Sequence[int]) -> Made:
    return _made(given, {"mode": "none"}, closed_both_ways)


def routed(given: Options, _libvirt: Sequence[int]) -> Made:
    return _made(given, {"mode": "route"}, opened_both_ways)


def open_(given: Options, _libvirt: Sequence[int]) -> Made:
    return _made(given, {"mode": "open"}, opened_both_ways)


def default_zone(libvirt: Sequence[int], firewalld: Optional[bool]) -> Optional[str]:
    """Returns firewalld's zone of the bridge of an open network: libvirt's own for routed networks, if firewalld runs.

    ``None`` leaves the zone as it is. An old libvirt takes the zone, and ignores it.
    """
    if firewalld is None:
        return None
    return ROUTED if firewalld and tuple(libvirt) >= _OPEN_ZONE else ""


def _made(given: Options, forward: dict[str, Any], *defaults: Callable[[str], list[dict[str, Any]]]) -> Made:
    """Returns the network and its firewall rules; ``defaults`` make the default rules of its type."""
    name = normal("name", given["name"], values.object_name)
    claims = [("name", name, "name")]
    if given["state"] == "absent":
        return Made(networks=[{"name": name, "state": "absent"}], rules=rule_sets(given, name), claims=claims)
    bridge = normal("bridge", given["bridge"] or bridge_name(name), values.ifname)
    services = _services(given) if given.get("host_access", True) else _no_services(given)
    own: dict[str, Any] = {"name": bridge} if given.get("zone") is None else {"name": bridge, "zone": given["zone"]}
    made = network(given, name, bridge=own, mtu=given["mtu"], forward=forward, **services)
    rules = rule_sets(given, name, [rule for made in defaults if given["default_rules"] for rule in made(name)])
    return Made(networks=[made], rules=rules, claims=[*claims, ("interface", bridge, "bridge")])


def bridge_name(name: str) -> str:
    """Returns a bridge name for a network: always the same for the same name, readable, and at most 15 characters long."""
    wanted = f"virbr-{name}"
    if len(wanted) < values.IFNAMSIZ and re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        return wanted
    readable = re.sub(r"[^A-Za-z0-9]", "", name)[:4]
    return f"virbr-{readable}{hashlib.sha256(name.encode()).hexdigest()[: 9 - len(readable)]}"


def _no_services(given: Options) -> dict[str, Any]:
    for option in _OF_THE_HOST:
        if given[option]:
            raise OptionError(
                option,
                given[option],
                "isn't possible with host_access false, as the host has no address there; leave it out",
            )
    return {"ips": [], "domain": {"name": "", "local_only": False}, "dns": {"enable": False, "forwarders": []}}


def _services(given: Options) -> dict[str, Any]:
    """Returns the host's addresses, and the services on them."""
    if not given["cidr"] and not given["cidr6"]:
        raise OptionError(
            "cidr", None, "is missing; give the network in CIDR form, such as 192.168.150.0/24 (or cidr6, or both)"
        )
    for option in ("gateway", "dhcp_range", "hosts"):
        if given[option] and not given["cidr"]:
            raise OptionError(option, given[option], "needs cidr, the network that it is in; give that as well")
    for option in ("gateway6", "dhcp6", "dhcp6_range"):
        if given[option] and not given["cidr6"]:
            raise OptionError(option, given[option], "needs cidr6, the network that it is in; give that as well")
    return {
        "domain": {"name": given["domain"], "local_only": bool(given["domain"])},
        "dns": {"enable": True, "forwarders": [{"addr": address} for address in _forwarders(given)]},
        "ips": [_ip(given, family) for family in (4, 6) if given[_option("cidr", family)]],
    }


def _forwarders(given: Options) -> list[str]:
    return [normal(f"forwarders[{place}]", address, values.ip) for place, address in enumerate(given["forwarders"])]


# -- addresses ----------------------------------------------------------------------------------------------------------


def _option(name: str, family: int) -> str:
    """Returns the option's name for an address family: cidr and cidr6, dhcp_range and dhcp6_range."""
    head, underscore, tail = name.partition("_")
    return name if family == 4 else f"{head}6{underscore}{tail}"


def _ip(given: Options, family: int) -> dict[str, Any]:
    subnet = _subnet(given, family)
    gateway = _gateway(given, family, subnet)
    made: dict[str, Any] = {"address": f"{gateway}/{subnet.prefixlen}"}
    if given[_option("dhcp", family)]:
        made["dhcp"] = {"ranges": _ranges(given, family, subnet, gateway)}
        if family == 4:
            made["dhcp"]["hosts"] = _hosts(given, subnet, gateway)
    else:
        _refuse_without_dhcp(given, family)
    return made


def _refuse_without_dhcp(given: Options, family: int) -> None:
    for option in [_option("dhcp_range", family), *(["hosts"] if family == 4 else [])]:
        if given[option]:
            raise OptionError(
                option, given[option], f"needs DHCP, and {_option('dhcp', family)} is false; leave out one of them"
            )


def _subnet(given: Options, family: int) -> IPNetwork:
    option = _option("cidr", family)
    text = normal(option, given[option], values.network_cidr)
    subnet = ipaddress.ip_network(text)
    if subnet.version != family:
        example = "192.168.150.0/24" if family == 4 else "fd00:150::/64"
        raise OptionError(option, text, f"is not an IPv{family} network; write it as {example}")
    longest = subnet.max_prefixlen - 2
    if subnet.prefixlen > longest:
        raise OptionError(
            option,
            text,
            f"is too small for an address of the host and one of a guest; use a prefix of {longest} or shorter",
        )
    return subnet


def _bounds(subnet: IPNetwork) -> tuple[int, int]:
    """Returns the first and the last address that a host of the subnet can have."""
    first, last = int(subnet.network_address) + 1, int(subnet.broadcast_address)
    return first, last - 1 if subnet.version == 4 else last


def _inside(option: str, text: str, subnet: IPNetwork) -> IPAddress:
    address = ipaddress.ip_address(normal(option, text, values.ip))
    first, last = _bounds(subnet)
    if address.version != subnet.version or not first <= int(address) <= last:
        low, high = (type(subnet.network_address)(number) for number in (first, last))
        raise OptionError(option, text, f"is no address of a host in {subnet}; use one from {low} to {high}")
    return address


def _gateway(given: Options, family: int, subnet: IPNetwork) -> IPAddress:
    option = _option("gateway", family)
    return _inside(option, given[option], subnet) if given[option] else subnet.network_address + 1


def _ranges(given: Options, family: int, subnet: IPNetwork, gateway: IPAddress) -> list[dict[str, str]]:
    """Returns the given range, or the rest of the subnet below and above the gateway."""
    option = _option("dhcp_range", family)
    if given[option]:
        start, end = (_inside(f"{option}.{name}", given[option][name], subnet) for name in ("start", "end"))
        if int(start) > int(end):
            raise OptionError(option, f"{start} - {end}", "has its end before its start; swap them")
        return [{"start": str(start), "end": str(end)}]
    first, last = _bounds(subnet)
    address = type(gateway)
    parts = ((first, int(gateway) - 1), (int(gateway) + 1, last))
    return [
        {"start": str(address(start)), "end": str(address(min(end, start | (_MOST - 1))))}
        for start, end in parts
        if start <= end
    ]


def _hosts(given: Options, subnet: IPNetwork, gateway: IPAddress) -> list[dict[str, str]]:
    made: list[dict[str, str]] = []
    for place, host in enumerate(given["hosts"]):
        where = f"hosts[{place}]"
        item = {
            "mac": normal(f"{where}.mac", host["mac"], values.mac),
            "ip": str(_inside(f"{where}.ip", host["ip"], subnet)),
        }
        if item["ip"] == str(gateway):
            raise OptionError(f"{where}.ip", host["ip"], "is the gateway's address; give another one")
        for option, value in item.items():
            if value in [other[option] for other in made]:
                raise OptionError(f"{where}.{option}", value, "is already listed for another host; give each its own")
        made.append({**item, **({"name": host["name"]} if host.get("name") else {})})
    return made
