# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of each type of topology, their validation, and the result of a topology."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError

Options = Mapping[str, Any]

_STATE = {"type": "str", "choices": ["present", "absent"], "default": "present"}
_RANGE = {"start": {"type": "str", "required": True}, "end": {"type": "str", "required": True}}
_HOST = {
    "mac": {"type": "str", "required": True},
    "ip": {"type": "str", "required": True},
    "name": {"type": "str"},
}
_ROUTE = {
    "to": {"type": "str", "required": True},
    "via": {"type": "str"},
    "metric": {"type": "int"},
    "table": {"type": "int"},
    "source": {"type": "str"},
}
_RULES = {"type": "list", "elements": "dict", "default": []}
_ROUTES = {"type": "list", "elements": "dict", "options": _ROUTE}

_NETWORK: dict[str, Any] = {
    "name": {"type": "str"},
    "mtu": {"type": "int", "default": 0},
    "autostart": {"type": "bool", "default": True},
    "active": {"type": "bool", "default": True},
    "restart": {"type": "str", "choices": ["if_needed", "if_faster", "never"], "default": "if_needed"},
    "state": _STATE,
}

# For topologies where libvirt creates the bridge, and the host serves the guests.
_SERVED: dict[str, Any] = {
    **_NETWORK,
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
    "forwards": _RULES,
    "outbound": _RULES,
    "policy": _RULES,
    "default_rules": {"type": "bool", "default": True},
}

# For topologies where the bridge is the host's own.
_OWN: dict[str, Any] = {
    **_NETWORK,
    "stp": {"type": "bool", "default": False},
    "persist": {
        "type": "str",
        "choices": ["auto", "networkd", "networkmanager", "netplan", "ifupdown", "none"],
        "default": "auto",
    },
}

# By which the host itself is in the network of the bridge.
_UPLINK: dict[str, Any] = {
    "cidr": {"type": "str"},
    "cidr6": {"type": "str"},
    "gateway": {"type": "str"},
    "gateway6": {"type": "str"},
    "nameservers": {"type": "list", "elements": "str"},
    "search": {"type": "list", "elements": "str"},
    "accept_ra": {"type": "str", "choices": ["never", "unless_forwarding", "always"]},
    "routes": _ROUTES,
}

_VLAN = {
    "id": {"type": "int", "required": True},
    "name": {"type": "str"},
    "bridge": {"type": "str"},
    **_UPLINK,
    "state": _STATE,
}

SPECS: dict[str, dict[str, Any]] = {
    "nat": {
        **_SERVED,
        "nat66": {"type": "bool", "default": False},
        "ipv6_inbound": {"type": "str", "choices": ["reject", "allow"], "default": "reject"},
    },
    "routed": _SERVED,
    "open": {**_SERVED, "zone": {"type": "str"}},
    "isolated": {**_SERVED, "host_access": {"type": "bool", "default": True}},
    "bridged": {
        **_OWN,
        "port": {"type": "str"},
        "ports": {"type": "list", "elements": "str", "default": []},
        **_UPLINK,
    },
    "vlan_trunk": {
        **_OWN,
        "parent": {"type": "str"},
        "vlans": {"type": "list", "elements": "dict", "options": _VLAN},
        "style": {"type": "str", "choices": ["bridges", "vlan_aware"], "default": "bridges"},
        "native": {"type": "int", "default": 1},
    },
}

# Required options, from which the others are derived.
NEEDED = {
    "nat": {"name": "the network's name"},
    "isolated": {"name": "the network's name"},
    "routed": {"name": "the network's name"},
    "open": {"name": "the network's name"},
    "bridged": {
        "name": "the name of the bridge and of the network",
        "port": "the NIC that is connected to the LAN, such as ens32",
    },
    "vlan_trunk": {
        "parent": "the NIC that carries the tagged frames, such as ens32",
        "vlans": "a list of VLANs, such as [{id: 11, cidr: 192.168.11.231/24}, {id: 12}]",
    },
}


@dataclass
class Made:
    """The result of a topology: items of the lists of `fabric`, and names that no other topology may use."""

    bridges: list[dict[str, Any]] = field(default_factory=list)
    vlans: list[dict[str, Any]] = field(default_factory=list)
    networks: list[dict[str, Any]] = field(default_factory=list)
    rules: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Items of the lists of firewall rules, by the name of the list."""
    claims: list[tuple[str, str, str]] = field(default_factory=list)
    """Kind, name, and the option that the name is from."""


def validated(topology: Any) -> dict[str, Any]:
    """Returns the topology with the types and defaults of its options. Empty values count as left out. Raises `OptionError`."""
    if not isinstance(topology, Mapping):
        raise OptionError("", topology, "is not a topology; write it as {type: nat, name: lan, cidr: 10.0.1.0/24}")
    given = {key: _plain(value) for key, value in topology.items() if value is not None and value != ""}
    kind = given.pop("type", None)
    if kind not in SPECS:
        raise OptionError(
            "type", kind, f"is {'missing' if kind is None else 'unknown'}; give one of {', '.join(SPECS)}"
        )
    spec = SPECS[kind]
    unknown = next((key for key in given if key not in spec), None)
    if unknown is not None:
        raise OptionError(
            str(unknown),
            given[unknown],
            f"is given, but type {kind} has no such option; its options are {', '.join(sorted(spec))}",
        )
    for option, what in NEEDED[kind].items():
        if given.get(option) in (None, []):
            raise OptionError(
                option, given.get(option), f"is {'missing' if option not in given else 'empty'}; give {what}"
            )
    for option in spec:  # one by one, so that an error is known to be about one
        if option in given:
            result = ArgumentSpecValidator({option: spec[option]}).validate({option: given[option]})
            if result.error_messages:
                raise OptionError(option, given[option], f"has the wrong form; give {_form(spec[option])}")
            given[option] = result.validated_parameters[option]
        else:
            given[option] = spec[option].get("default")
    return {"type": kind, **given}


def _plain(value: Any) -> Any:
    """Returns the value in plain containers. Ansible's own are lazy templates, and a copy of them includes the template engine."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _form(option: Options) -> str:
    if "choices" in option:
        return f"one of {', '.join(option['choices'])}"
    inner = option.get("options", {})
    needs = " and ".join(name for name, suboption in inner.items() if suboption.get("required"))
    may = ", ".join(name for name, suboption in inner.items() if not suboption.get("required"))
    words = {"bool": "true or false", "int": "a whole number", "str": "text", "dict": "a dictionary", "list": "a list"}
    said = words[option["type"]]
    if option["type"] == "list":
        said += " of dictionaries" if option["elements"] == "dict" else " of texts"
    return said + (f" with {needs}" if needs else "") + (f" (and perhaps {may})" if may else "")


def normal(option: str, value: str, norm: Callable[[str], str]) -> str:
    try:
        return norm(value)
    except ValueError as error:
        raise OptionError(option, value, str(error)) from None


def network(given: Options, name: str, **definition: Any) -> dict[str, Any]:
    """Returns an item of ``networks`` of `fabric`, with the topology's ``active``, ``autostart`` and ``restart``."""
    how = {option: given[option] for option in ("active", "autostart", "restart")}
    return {"name": name, "state": "present", **how, **definition}
