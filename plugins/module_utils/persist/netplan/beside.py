# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is declared of an interface that the user's netplan files define, as a file with these keys only.

netplan takes the last value of a key and adds up lists. So where a list is declared, the lines of the user's own become
comments. A bridge's ``parameters`` switch STP on unless they say ``stp`` (handle_bridge in netplan's parse.c), in each file
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...model.fields import shapes
from ...model.interface.options import BridgeVlans, Interface, Ipv6, LinuxBridge, Port, Tuntap, VlanIface
from .. import yaml_edit
from ..files import Draft, users_of
from ..networkmanager.beside import device_keys, port_keys
from ..words import lost
from .words import NETWORKD, NETWORKMANAGER, WORDS
from .writer import (
    ETC,
    LINKS,
    Definition,
    add_ipv6,
    add_port,
    definitions,
    id_of,
    pass_through,
    renderer_of,
    route_of,
    values,
    warn_of,
)

_SECTIONS = {LinuxBridge: "bridges", VlanIface: "vlans"}
_OWN = "virtnet-kvm-"
_PREFIXES = ("90-", "99-", "~")  # after the files that define the interface, as the last value counts


def made_by(users: Iterable[Definition], name: str) -> list[Definition]:
    """Returns the users' definitions of an interface that netplan makes."""
    return [each for each in users if each.section in _SECTIONS.values() and each.id == name]


def write(draft: Draft, declared: Interface) -> None:
    """Writes a file with the keys that are declared; none where there are no such keys."""
    name = draft.request.name
    theirs = made_by(definitions(users_of(draft.files)), name)
    merged = _merged(theirs)
    renderer = merged.get("renderer") or renderer_of(draft)
    body: dict[str, Any] = values(WORDS.interface, declared)
    others: dict[str, Any] = {}
    _activation(draft, body, declared, renderer, theirs)
    _addressing(draft, body, declared, renderer, theirs)
    if declared.ipv6 is not None:
        _link_local(draft, body, declared.ipv6, renderer, merged)
    if isinstance(declared, LinuxBridge):
        _bridge(draft, body, others, declared, renderer, theirs)
    if isinstance(declared, VlanIface):
        _vlan(draft, body, declared, renderer, merged)
    if renderer == NETWORKMANAGER and not isinstance(declared, Tuntap):
        pass_through(body, device_keys(draft, declared, {}))
    network: dict[str, Any] = {"version": 2}
    if others:
        network[LINKS] = others
    if body:
        network[_SECTIONS[type(declared)]] = {name: body}
    if len(network) > 1:
        draft.write(_path(name, theirs), *yaml_edit.dump({"network": network}))


def _path(name: str, theirs: Iterable[Definition]) -> str:
    files = [each.path.rpartition("/")[2] for each in theirs]
    prefix = next((each for each in _PREFIXES[:-1] if all(file < each for file in files)), _PREFIXES[-1])
    return f"{ETC}/{prefix}{_OWN}{name}.yaml"


def _merged(theirs: Iterable[Definition]) -> dict[str, Any]:
    """Returns what the users' definitions say together: the last value of a key, all items of a list."""
    found: dict[str, Any] = {}
    for each in theirs:
        _merge(found, each.value)
    return found


def _merge(into: dict[str, Any], value: Mapping[str, Any]) -> None:
    for key, item in value.items():
        if isinstance(item, Mapping):
            held = into.get(key)
            into[key] = dict(held) if isinstance(held, Mapping) else {}
            _merge(into[key], item)
        elif isinstance(item, list) and isinstance(into.get(key), list):
            into[key] = [*into[key], *item]
        else:
            into[key] = item


def _hide(draft: Draft, theirs: Iterable[Definition], *keys: str) -> None:
    """Makes comments of keys in the users' definitions; warns of a file that another program writes."""
    for each in theirs:
        if not any(key in each.value for key in keys):
            continue
        if each.path.startswith(f"{ETC}/"):
            where = ("network", each.section, each.id)
            draft.edit(each.path, yaml_edit.without(each.path, draft.files[each.path], where, keys, draft.request.name))
        else:
            said = ", ".join(key for key in keys if key in each.value)
            draft.warn(
                f"{each.path} gives {each.id} {said}, which netplan adds to what is declared; have the program that writes"
                " that file leave it out"
            )


def _activation(
    draft: Draft, body: dict[str, Any], declared: Interface, renderer: str, theirs: Iterable[Definition]
) -> None:
    if declared.up:
        _hide(draft, theirs, "activation-mode")
    elif declared.up is False and renderer == NETWORKMANAGER:
        draft.cannot("up false")
    elif declared.up is False:
        body["activation-mode"] = "off"


def _addressing(
    draft: Draft, body: dict[str, Any], declared: Interface, renderer: str, theirs: Iterable[Definition]
) -> None:
    if declared.addresses is not None:
        _hide(draft, theirs, "addresses")
        if declared.addresses:
            body["addresses"] = list(declared.addresses)
    if declared.routes is not None:
        _hide(draft, theirs, "routes", "gateway4", "gateway6")
        if declared.routes:
            body["routes"] = [route_of(draft, route, renderer) for route in declared.routes]


def _link_local(draft: Draft, body: dict[str, Any], ipv6: Ipv6, renderer: str, merged: Mapping[str, Any]) -> None:
    add_ipv6(draft, body, ipv6, renderer)
    if ipv6.enabled and "ipv6" not in merged.get("link-local", ["ipv6"]):
        body["link-local"] = [*merged["link-local"], "ipv6"]


def _bridge(
    draft: Draft,
    body: dict[str, Any],
    others: dict[str, Any],
    declared: LinuxBridge,
    renderer: str,
    theirs: list[Definition],
) -> None:
    merged = _merged(theirs)
    own = values(WORDS.bridge, declared)
    if declared.stp is None:
        del own["stp"]
    warn_of(draft, lost(WORDS.bridge, declared, renderer))
    _warn_of_vlans(draft, declared, renderer, "")
    body["parameters"] = own
    if declared.ports is not None:
        _ports(draft, body, others, declared, renderer, theirs)
    if not own:
        del body["parameters"]
        return
    if any(key in own and key in merged.get("parameters", {}) for key in ("path-cost", "port-priority")):
        # netplan refuses a second value for a port
        _hide(draft, theirs, "parameters")
        everything: dict[str, Any] = {}
        _merge(everything, merged["parameters"])
        _merge(everything, own)
        own.update(everything)
    if "stp" not in own:
        own["stp"] = merged["parameters"].get("stp", True) if "parameters" in merged else renderer == NETWORKMANAGER


def _warn_of_vlans(draft: Draft, value: BridgeVlans, renderer: str, whose: str) -> None:
    if renderer == NETWORKD:
        said = [shape.name for shape in shapes(BridgeVlans) if getattr(value, shape.name) is not None]
        warn_of(draft, said, whose)


def _ports(
    draft: Draft,
    body: dict[str, Any],
    others: dict[str, Any],
    declared: LinuxBridge,
    renderer: str,
    theirs: list[Definition],
) -> None:
    """Adds the ports that are new, and all of them where one of the user's isn't listed."""
    held = [str(each) for each in _merged(theirs).get("interfaces") or ()]
    listed = [id_of(draft, port.name or "") for port in declared.ports or ()]
    if set(held) - set(listed):
        _hide(draft, theirs, "interfaces")
        body["interfaces"] = [each for each in listed if each in held]
    for port, id_ in zip(declared.ports or (), listed):
        if id_ in held:
            _old_port(draft, body, others, port, id_, renderer)
        else:
            body.setdefault("interfaces", [])
            add_port(draft, body, others, declared, port, renderer, moves=False)
    if not body.get("interfaces"):
        body.pop("interfaces", None)


def _old_port(draft: Draft, body: dict[str, Any], others: dict[str, Any], port: Port, id_: str, renderer: str) -> None:
    for key, value in values(WORDS.port, port).items():
        body["parameters"].setdefault(key, {})[id_] = value
    whose = f" of port {port.name}"
    warn_of(draft, lost(WORDS.port, port, renderer), whose)
    _warn_of_vlans(draft, port, renderer, whose)
    if renderer == NETWORKMANAGER:
        said: dict[str, Any] = {}
        pass_through(said, {"bridge-port": port_keys(draft, port)})
        if said:
            others[id_] = said


def _vlan(draft: Draft, body: dict[str, Any], declared: VlanIface, renderer: str, merged: Mapping[str, Any]) -> None:
    own = values(WORDS.vlan, declared)
    body.update({key: value for key, value in own.items() if merged.get(key) != value})
    link = id_of(draft, declared.parent or "")
    if declared.parent and merged.get("link") != link:
        body["link"] = link
    warn_of(draft, lost(WORDS.vlan, declared, renderer))
