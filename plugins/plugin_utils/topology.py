# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Topologies: what a person wants of a network in few words, and the network's options that follow from them.

The roles and playbooks all go through `networks`, so what is derived and what is refused is written once. It is pure:
dicts in, dicts out, or an `OptionError`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional, Union

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model import values

IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Options = Mapping[str, Any]

_RANGE = {"start": {"type": "str", "required": True}, "end": {"type": "str", "required": True}}
_HOST = {
    "mac": {"type": "str", "required": True},
    "ip": {"type": "str", "required": True},
    "name": {"type": "str"},
}

# What every topology has.
_COMMON: dict[str, Any] = {
    "name": {"type": "str"},
    "cidr": {"type": "str"},
    "cidr6": {"type": "str"},
    "gateway": {"type": "str"},
    "gateway6": {"type": "str"},
    "dhcp": {"type": "bool", "default": True},
    "dhcp_range": {"type": "dict", "options": _RANGE},
    "dhcp6": {"type": "bool", "default": False},
    "dhcp6_range": {"type": "dict", "options": _RANGE},
    "bridge": {"type": "str"},
    "hosts": {"type": "list", "elements": "dict", "options": _HOST, "default": []},
    "domain": {"type": "str", "default": ""},
    "forwarders": {"type": "list", "elements": "str", "default": []},
    "mtu": {"type": "int", "default": 0},
    "autostart": {"type": "bool", "default": True},
    "active": {"type": "bool", "default": True},
    "restart": {"type": "str", "choices": ["if_needed", "never"], "default": "if_needed"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

# What one has besides.
_OWN: dict[str, dict[str, Any]] = {
    "nat": {"nat66": {"type": "bool", "default": False}},
    "isolated": {"host_access": {"type": "bool", "default": True}},
}

# What is about the host's address on the network, and so makes no sense where the host has none.
_OF_THE_HOST = ("cidr", "cidr6", "gateway", "gateway6", "dhcp_range", "dhcp6_range", "hosts", "domain", "forwarders")

# libvirt counts a range of addresses in 16 bits.
_MOST = 1 << 16


def networks(topologies: Sequence[Any], variable: str, prefix: Optional[str] = None) -> list[dict[str, Any]]:
    """The items of ``fabric.networks`` that the topologies come to.

    Errors name an option as the user wrote it: below ``variable``, or, for a role, with the role's ``prefix``.
    """
    if isinstance(topologies, (str, Mapping)) or not isinstance(topologies, Sequence):
        raise OptionError(
            variable, topologies, "a list of topologies, such as [{type: nat, name: lan, cidr: 10.0.1.0/24}]"
        )
    made = []
    for place, topology in enumerate(topologies):
        where = f"{variable}[{place}]"
        try:
            made.append(_network(topology))
        except OptionError as error:
            if prefix is None:
                raise error.under(where) if error.option else OptionError(where, error.value, error.expected) from None
            raise OptionError(prefix + error.option, error.value, error.expected) from None
    _refuse_twins(made, variable)
    return made


def _refuse_twins(made: Sequence[Options], variable: str) -> None:
    kinds: tuple[tuple[str, Callable[[Options], Optional[str]]], ...] = (
        ("name", lambda network: network["name"]),
        ("bridge", lambda network: network.get("bridge", {}).get("name")),
    )
    for option, value_of in kinds:
        seen: dict[str, int] = {}
        for place, network in enumerate(made):
            value = value_of(network)
            if value is not None and seen.setdefault(value, place) != place:
                raise OptionError(
                    f"{variable}[{place}].{option}", value, f"a {option} that {variable}[{seen[value]}] doesn't have"
                )


def _network(topology: Any) -> dict[str, Any]:
    given = _validated(topology)
    name = _normal("name", given["name"], values.object_name)
    if given["state"] == "absent":
        return {"name": name, "state": "absent"}
    return {
        "name": name,
        "state": "present",
        "active": given["active"],
        "autostart": given["autostart"],
        "restart": given["restart"],
        "bridge": {"name": _normal("bridge", given["bridge"] or bridge_name(name), values.ifname)},
        "mtu": given["mtu"],
        **_MAKERS[given["type"]](given),
    }


def _validated(topology: Any) -> dict[str, Any]:
    """The topology with the types and defaults of its options; what is none or empty is left out."""
    if not isinstance(topology, Mapping):
        raise OptionError("", topology, "a topology, such as {type: nat, name: lan, cidr: 10.0.1.0/24}")
    given = {key: _plain(value) for key, value in topology.items() if value is not None and value != ""}
    kind = given.pop("type", None)
    if kind not in _OWN:
        raise OptionError("type", kind, f"one of {', '.join(_OWN)}")
    spec = {**_COMMON, **_OWN[kind]}
    unknown = next((key for key in given if key not in spec), None)
    if unknown is not None:
        raise OptionError(
            str(unknown), given[unknown], f"an option of the type {kind}, which are {', '.join(sorted(spec))}"
        )
    if "name" not in given:
        raise OptionError("name", None, "the network's name")
    for option in spec:  # one by one, so that an error is known to be about one
        if option in given:
            result = ArgumentSpecValidator({option: spec[option]}).validate({option: given[option]})
            if result.error_messages:
                raise OptionError(option, given[option], _expected(spec[option]))
            given[option] = result.validated_parameters[option]
        else:
            given[option] = spec[option].get("default")
    return {"type": kind, **given}


def _plain(value: Any) -> Any:
    """The value in plain containers: Ansible's own are templates that wait, and take the whole engine along when copied."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _expected(option: Options) -> str:
    if "choices" in option:
        return f"one of {', '.join(option['choices'])}"
    inner = option.get("options", {})
    needs = " and ".join(name for name, suboption in inner.items() if suboption.get("required"))
    may = ", ".join(name for name, suboption in inner.items() if not suboption.get("required"))
    words = {"bool": "true or false", "int": "a whole number", "str": "text", "dict": "a mapping", "list": "a list"}
    said = words[option["type"]]
    if option["type"] == "list":
        said += " of mappings" if inner else " of texts"
    return said + (f" with {needs}" if needs else "") + (f" (and perhaps {may})" if may else "")


def _normal(option: str, value: str, norm: Callable[[str], str]) -> str:
    try:
        return norm(value)
    except ValueError as error:
        raise OptionError(option, value, str(error)) from None


def bridge_name(name: str) -> str:
    """A bridge name for a network: always the same for a name, readable, and within the kernel's 15 characters."""
    wanted = f"virbr-{name}"
    if len(wanted) < values.IFNAMSIZ and re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        return wanted
    readable = re.sub(r"[^A-Za-z0-9]", "", name)[:4]
    return f"virbr-{readable}{hashlib.sha256(name.encode()).hexdigest()[: 9 - len(readable)]}"


# -- each topology ------------------------------------------------------------------------------------------------------


def _nat(given: Options) -> dict[str, Any]:
    if given["nat66"] and not given["cidr6"]:
        raise OptionError("nat66", True, "false, as there is no cidr6 to translate")
    return {"forward": {"mode": "nat", "nat": {"ipv6": given["nat66"]}}, **_services(given)}


def _isolated(given: Options) -> dict[str, Any]:
    forward = {"mode": "none"}
    if given["host_access"]:
        return {"forward": forward, **_services(given)}
    for option in _OF_THE_HOST:
        if given[option]:
            raise OptionError(
                option, given[option], "nothing, as host_access is false and the host has no address there"
            )
    return {
        "forward": forward,
        "ips": [],
        "domain": {"name": "", "local_only": False},
        "dns": {"enable": False, "forwarders": []},
    }


_MAKERS: dict[str, Callable[[Options], dict[str, Any]]] = {"nat": _nat, "isolated": _isolated}


def _services(given: Options) -> dict[str, Any]:
    """The host's addresses, and what it serves on them."""
    if not given["cidr"] and not given["cidr6"]:
        raise OptionError(
            "cidr", None, "the network's addresses in CIDR form, such as 192.168.150.0/24 (or cidr6, or both)"
        )
    for option in ("gateway", "dhcp_range", "hosts"):
        if given[option] and not given["cidr"]:
            raise OptionError(option, given[option], "nothing, as there is no cidr that it could be in")
    for option in ("gateway6", "dhcp6", "dhcp6_range"):
        if given[option] and not given["cidr6"]:
            raise OptionError(option, given[option], "nothing, as there is no cidr6 that it could be in")
    return {
        "domain": {"name": given["domain"], "local_only": bool(given["domain"])},
        "dns": {"enable": True, "forwarders": [{"addr": address} for address in _forwarders(given)]},
        "ips": [_ip(given, family) for family in (4, 6) if given[_option("cidr", family)]],
    }


def _forwarders(given: Options) -> list[str]:
    return [_normal(f"forwarders[{place}]", address, values.ip) for place, address in enumerate(given["forwarders"])]


# -- addresses ----------------------------------------------------------------------------------------------------------


def _option(name: str, family: int) -> str:
    """The option's name for a family of addresses: cidr and cidr6, dhcp_range and dhcp6_range."""
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
            raise OptionError(option, given[option], f"nothing, as {_option('dhcp', family)} is false")


def _subnet(given: Options, family: int) -> IPNetwork:
    option = _option("cidr", family)
    text = _normal(option, given[option], values.network_cidr)
    subnet = ipaddress.ip_network(text)
    if subnet.version != family:
        example = "192.168.150.0/24" if family == 4 else "fd00:150::/64"
        raise OptionError(option, text, f"an IPv{family} network, such as {example}")
    longest = subnet.max_prefixlen - 2
    if subnet.prefixlen > longest:
        raise OptionError(
            option, text, f"a prefix of {longest} or shorter, as the host and a guest need an address each"
        )
    return subnet


def _bounds(subnet: IPNetwork) -> tuple[int, int]:
    """The first and the last address that a host of the subnet can have."""
    first, last = int(subnet.network_address) + 1, int(subnet.broadcast_address)
    return first, last - 1 if subnet.version == 4 else last


def _inside(option: str, text: str, subnet: IPNetwork) -> IPAddress:
    address = ipaddress.ip_address(_normal(option, text, values.ip))
    first, last = _bounds(subnet)
    if address.version != subnet.version or not first <= int(address) <= last:
        low, high = (type(subnet.network_address)(number) for number in (first, last))
        raise OptionError(option, text, f"an address of a host in {subnet}, from {low} to {high}")
    return address


def _gateway(given: Options, family: int, subnet: IPNetwork) -> IPAddress:
    option = _option("gateway", family)
    return _inside(option, given[option], subnet) if given[option] else subnet.network_address + 1


def _ranges(given: Options, family: int, subnet: IPNetwork, gateway: IPAddress) -> list[dict[str, str]]:
    """The range that was asked for, or the rest of the subnet below and above the gateway."""
    option = _option("dhcp_range", family)
    if given[option]:
        start, end = (_inside(f"{option}.{name}", given[option][name], subnet) for name in ("start", "end"))
        if int(start) > int(end):
            raise OptionError(option, f"{start} - {end}", "start not above end")
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
            "mac": _normal(f"{where}.mac", host["mac"], values.mac),
            "ip": str(_inside(f"{where}.ip", host["ip"], subnet)),
        }
        if item["ip"] == str(gateway):
            raise OptionError(f"{where}.ip", host["ip"], "an address that is not the gateway's")
        for option, value in item.items():
            if value in [other[option] for other in made]:
                raise OptionError(f"{where}.{option}", value, "a value that no other of the hosts has")
        made.append({**item, **({"name": host["name"]} if host.get("name") else {})})
    return made
