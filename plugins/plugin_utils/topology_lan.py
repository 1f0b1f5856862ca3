# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The topologies bridged and vlan_trunk: bridges of the host with a NIC as a port, and libvirt networks for the guests."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Sequence
from typing import Any, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError, under
from ansible_collections.virtnet.kvm.plugins.module_utils.model import values
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.uplink.declared import GATEWAYS
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.validate import (
    VLAN_ON_LINUX_BRIDGE,
)

from .topology_options import Made, Options, network, normal

# In place of an address: the boot tool asks a DHCP server for it.
DHCP = "dhcp"
# What only makes sense where the host has an address.
_OF_A_HOST = ("gateway", "gateway6", "nameservers", "search")

LAST_VLAN = 4094  # 4095 is reserved by IEEE 802.1Q


def bridged(given: Options, _libvirt: Sequence[int]) -> Made:
    name = normal("name", given["name"], values.ifname)
    port = normal("port", given["port"], values.ifname)
    ports = [("port", port)]
    ports += [
        (f"ports[{place}]", normal(f"ports[{place}]", other, values.ifname))
        for place, other in enumerate(given["ports"])
    ]
    for option, other in ports:
        if other == name:
            raise OptionError(option, other, "is the bridge itself; give another interface")
    made = Made(claims=[("name", name, "name"), ("interface", name, "name")])
    made.claims += [("port", other, option) for option, other in ports]
    if given["state"] == "absent":
        made.bridges.append({**_gone(given, name), "adopt": port})
        made.networks.append({"name": name, "state": "absent"})
        return made
    bridge = {**_bridge(given, name), "adopt": port, "ports": [{"name": other} for _option, other in ports]}
    # Addresses that aren't given are taken over from the port.
    uplink = _uplink(given)
    complete = {"addresses": _addresses(given), **_dhcp(given)} if given["cidr"] or given["cidr6"] else {}
    ipv6 = {"ipv6": {"accept_ra": given["accept_ra"]}} if given["accept_ra"] else {}
    made.bridges.append({**bridge, **complete, **_routes(given), **uplink, **ipv6})
    made.networks.append(_network_on(given, name, name))
    return made


# -- a trunk ------------------------------------------------------------------------------------------------------------


def vlan_trunk(given: Options, libvirt: Sequence[int]) -> Made:
    parent = normal("parent", given["parent"], values.ifname)
    _check_ids(given)
    return _vlan_aware(given, parent, libvirt) if given["style"] == "vlan_aware" else _bridges(given, parent)


def _check_ids(given: Options) -> None:
    seen: dict[int, int] = {}
    for place, vlan in enumerate(given["vlans"]):
        where = f"vlans[{place}].id"
        if not 1 <= vlan["id"] <= LAST_VLAN:
            raise OptionError(where, vlan["id"], f"is not a VLAN id; use 1 to {LAST_VLAN}")
        if seen.setdefault(vlan["id"], place) != place:
            raise OptionError(where, vlan["id"], f"is already the id of vlans[{seen[vlan['id']]}]; list each VLAN once")


def _bridges(given: Options, parent: str) -> Made:
    """Returns a VLAN interface, a bridge with it as a port, and a network for each VLAN."""
    if given["name"]:
        raise OptionError(
            "name",
            given["name"],
            "isn't possible with style bridges, where each VLAN has a name of its own; set vlans[].name",
        )
    if given["native"] != 1:
        raise OptionError(
            "native",
            given["native"],
            "isn't possible with style bridges, where untagged frames stay with parent; leave it out",
        )
    made = Made()
    for place, vlan in enumerate(given["vlans"]):
        where = f"vlans[{place}]"
        interface = vlan_name(parent, vlan["id"])
        name = normal(f"{where}.name", vlan["name"] or f"vlan{vlan['id']}", values.object_name)
        bridge = normal(f"{where}.bridge", vlan["bridge"] or f"br{vlan['id']}", values.ifname)
        made.claims += [
            ("name", name, f"{where}.name"),
            ("interface", bridge, f"{where}.bridge"),
            ("interface", interface, f"{where}.id"),
        ]
        if "absent" in (given["state"], vlan["state"]):
            made.bridges.append(_gone(given, bridge))
            made.vlans.append(_gone(given, interface))
            made.networks.append({"name": name, "state": "absent"})
            continue
        made.vlans.append({**_vlan(given, interface, parent, vlan["id"]), "addresses": []})
        host = _host_in(vlan, where)
        made.bridges.append({**_bridge(given, bridge), "ports": [{"name": interface}], **host})
        made.networks.append(_network_on(given, name, bridge))
    return made


def _vlan_aware(given: Options, parent: str, libvirt: Sequence[int]) -> Made:
    """Returns one bridge with VLAN filtering, a network with a port group for each VLAN, and the host's VLAN interfaces on it."""
    name = normal("name", given["name"] or _name_after(parent), values.ifname)
    if name == parent:
        raise OptionError("name", name, "is the name of parent; give the bridge another one")
    made = Made(claims=[("name", name, "name"), ("interface", name, "name"), ("port", parent, "parent")])
    present = []
    for place, vlan in enumerate(given["vlans"]):
        if "absent" not in (given["state"], vlan["state"]):
            present.append((f"vlans[{place}]", vlan))
        interface = vlan_name(name, vlan["id"])
        made.claims.append(("interface", interface, f"vlans[{place}].id"))
        made.vlans.append(_vlan_inside(given, f"vlans[{place}]", vlan, interface, name))
    if given["state"] == "absent":
        made.bridges.append({**_gone(given, name), "adopt": parent})
        made.networks.append({"name": name, "state": "absent"})
        return made
    _refuse_old(libvirt)
    native = _native(given)
    tagged = [str(vlan["id"]) for _where, vlan in present if vlan["id"] != given["native"]]
    made.bridges.append(
        {
            **_bridge(given, name),
            "adopt": parent,
            "vlan_filtering": True,
            "vlan_default_pvid": 0,  # a guest without a portgroup is in no VLAN
            "ports": [{"name": parent, "tagged": tagged, **native}],
            "tagged": [str(item["id"]) for item in made.vlans if item["state"] == "present"],
            **native,
        }
    )
    made.networks.append({**_network_on(given, name, name), "portgroups": _portgroups(present)})
    return made


def _vlan_inside(given: Options, where: str, vlan: Options, name: str, bridge: str) -> dict[str, Any]:
    """Returns the host's VLAN interface on the bridge; it is absent if the host has no address in the VLAN."""
    if vlan["bridge"]:
        raise OptionError(
            f"{where}.bridge",
            vlan["bridge"],
            "isn't possible with style vlan_aware, which has one bridge; leave it out",
        )
    host = _host_in(vlan, where)
    if not host["ipv6"]["enabled"] or "absent" in (given["state"], vlan["state"]):
        return _gone(given, name)
    if vlan["id"] == given["native"]:
        raise OptionError(
            f"{where}.id",
            vlan["id"],
            "is the native VLAN, where the bridge has parent's addresses; leave out cidr and cidr6 here",
        )
    return {**_vlan(given, name, bridge, vlan["id"]), **host}


def _refuse_old(libvirt: Sequence[int]) -> None:
    if any(libvirt) and tuple(libvirt) < VLAN_ON_LINUX_BRIDGE:
        need, has = (".".join(map(str, version)) for version in (VLAN_ON_LINUX_BRIDGE, libvirt))
        raise OptionError(
            "style",
            "vlan_aware",
            f"needs libvirt {need} or newer for guests' VLANs on its bridge, and this host has {has}; use style bridges,"
            " or upgrade libvirt",
        )


def _native(given: Options) -> dict[str, Any]:
    vlan = given["native"]
    if not 0 <= vlan <= LAST_VLAN:
        raise OptionError("native", vlan, f"is not a VLAN id; use 1 to {LAST_VLAN}, or 0 for none")
    return {"pvid": vlan, "untagged": [str(vlan)] if vlan else []}


def _portgroups(vlans: Sequence[tuple[str, Options]]) -> list[dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for where, vlan in vlans:
        name = normal(f"{where}.name", vlan["name"] or f"vlan{vlan['id']}", values.object_name)
        if name in made:
            raise OptionError(f"{where}.name", name, "is already the name of another VLAN here; give each its own")
        made[name] = {"name": name, "vlan": {"tags": [{"id": vlan["id"]}]}}
    return list(made.values())


def vlan_name(parent: str, vlan: int) -> str:
    """Returns PARENT.ID, the name that most tools give a VLAN interface, shortened if it is too long for the kernel."""
    return f"{_short(parent, values.IFNAMSIZ - 2 - len(str(vlan)))}.{vlan}"


def _name_after(parent: str) -> str:
    """Returns a name for a bridge, short enough that the names of its VLAN interfaces fit too."""
    return "br-" + _short(parent, values.IFNAMSIZ - 2 - len(str(LAST_VLAN)) - len("br-"))


def _short(name: str, most: int) -> str:
    """Returns the name, or if it is too long its beginning and a part of its hash, which keeps it unique."""
    if len(name) <= most:
        return name
    kept = re.sub(r"[^A-Za-z0-9]", "", name)[: most - 5]
    return kept + hashlib.sha256(name.encode()).hexdigest()[: most - len(kept)]


# -- parts --------------------------------------------------------------------------------------------------------------


def _gone(given: Options, name: str) -> dict[str, Any]:
    return {"name": name, "state": "absent", "persist": given["persist"]}


def _interface(given: Options, name: str) -> dict[str, Any]:
    mtu = {"mtu": given["mtu"]} if given["mtu"] else {}
    return {"name": name, "state": "present", "persist": given["persist"], "up": True, **mtu}


def _bridge(given: Options, name: str) -> dict[str, Any]:
    return {**_interface(given, name), "stp": given["stp"]}


def _vlan(given: Options, name: str, parent: str, vlan: int) -> dict[str, Any]:
    return {**_interface(given, name), "parent": parent, "id": vlan}


def _network_on(given: Options, name: str, bridge: str) -> dict[str, Any]:
    return network(given, name, forward={"mode": "bridge"}, bridge={"name": bridge})


def _host_in(vlan: Options, where: str) -> dict[str, Any]:
    """Returns the host's addresses and routes in a VLAN. Without an address, IPv6 is disabled, so it has no link-local one."""
    with under(where):
        addresses, routes, uplink = _addresses(vlan), _routes(vlan), {**_dhcp(vlan), **_uplink(vlan)}
        there = (
            bool(addresses)
            or uplink["dhcp4"]
            or uplink["dhcp6"]
            or vlan["accept_ra"] in ("always", "unless_forwarding")
        )
        if not there and (asked := next((name for name in _OF_A_HOST if vlan[name]), None)):
            raise OptionError(
                asked, vlan[asked], "is for a VLAN in which the host has an address; give cidr, or leave it out"
            )
    accept_ra = {"accept_ra": vlan["accept_ra"]} if there and vlan["accept_ra"] else {}
    return {"addresses": addresses, **routes, **uplink, "ipv6": {"enabled": there, **accept_ra}}


def _dhcp(given: Options) -> dict[str, Any]:
    """Returns whether DHCP servers are asked, beside the complete list of addresses."""
    return {"dhcp4": given["cidr"] == DHCP, "dhcp6": given["cidr6"] == DHCP}


def _uplink(given: Options) -> dict[str, Any]:
    """Returns name servers, domains and gateways, those that are given."""
    made: dict[str, Any] = {}
    for option, norm in (("nameservers", values.ip), ("search", values.domain)):
        if given[option] is not None:
            made[option] = [normal(f"{option}[{place}]", value, norm) for place, value in enumerate(given[option])]
    made.update({option: normal(option, given[option], values.ip) for option in GATEWAYS if given[option]})
    return made


def _addresses(given: Options) -> list[str]:
    found = (_address(option, given[option], family) for option, family in (("cidr", 4), ("cidr6", 6)))
    return [address for address in found if address]


def _address(option: str, text: Optional[str], family: int) -> Optional[str]:
    if not text or text == DHCP:
        return None
    address = ipaddress.ip_interface(normal(option, text, values.interface_cidr))
    if address.version != family:
        example = "192.168.11.231/24" if family == 4 else "fd00:11::231/64"
        raise OptionError(option, text, f"is not an IPv{family} address; write it as {example}")
    return normal(option, str(address), values.host_cidr)


def _routes(given: Options) -> dict[str, Any]:
    if given["routes"] is None:
        return {}
    made = []
    for place, route in enumerate(given["routes"]):
        said = {key: value for key, value in route.items() if value not in (None, "")}
        for option, norm in (("to", values.route_target), ("via", values.ip), ("source", values.ip)):
            if option in said:
                said[option] = normal(f"routes[{place}].{option}", said[option], norm)
        made.append(said)
    return {"routes": made}
