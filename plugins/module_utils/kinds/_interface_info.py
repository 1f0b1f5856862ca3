# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interfaces as the ``_info`` modules return them."""

from __future__ import annotations

from dataclasses import replace

from ..model.fields import shapes, to_options
from ..model.interface.desired import complete_definition, ports_of
from ..model.interface.options import BridgeVlans, Interface, LinuxBridge, Tuntap, Uplink
from ..model.interface.requests import InterfaceDriver
from ..model.interface.uplink.declared import BY_THE_TOOL, with_uplink
from ..model.interface.uplink.gateways import gateways_of


def describe_interface(driver: InterfaceDriver, name: str, uplink: Uplink) -> dict[str, object]:
    """Returns an interface for the `_info` modules: its definition in the structure of the options, and what only a host knows.

    ``uplink`` has what the boot tool does for it by the files of ours.
    """
    states = driver.all()
    state = states[name]
    definition = with_uplink(complete_definition(name, states) or Interface(name=name), uplink)
    if isinstance(definition, Uplink):
        definition = replace(definition, **gateways_of(definition))
    described: dict[str, object] = {
        "name": name,
        "kind": state.kind,
        "index": state.index,
        "definition": {**to_options(definition), **_defaults(definition)},
        "state": "up" if definition.up else "down",
        "carrier": state.carrier,
        "mac": definition.mac,
        "mtu": definition.mtu,
        "master": state.master,
        **driver.details(name),
    }
    if isinstance(definition, LinuxBridge):
        described["ports"] = [port.name for port in ports_of(name, states)]
        described["vlans"] = [
            _vlans(name, definition),
            *(_vlans(port.name or "", port) for port in definition.ports or ()),
        ]
    if isinstance(definition, Tuntap):
        described["persistent"] = state.persistent
        described["attached"] = state.attached
    return described


def _defaults(definition: Interface) -> dict[str, object]:
    """Returns the settings that have the kernel's default, which the normal form leaves out."""
    return {
        shape.name: shape.meta["absent"]
        for shape in shapes(type(definition))
        if shape.name not in BY_THE_TOOL
        and shape.meta["absent"] is not None
        and getattr(definition, shape.name) is None
    }


def _vlans(name: str, holder: BridgeVlans) -> dict[str, object]:
    return {
        "name": name,
        "pvid": holder.pvid,
        "tagged": list(holder.tagged or ()),
        "untagged": list(holder.untagged or ()),
    }
