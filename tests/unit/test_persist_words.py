# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Each boot tool has a word for each option of an interface, or says that it has none; and the documentation says the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import Shape, shapes
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.normal import normal
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Interface,
    InterfaceRoute,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    MacvlanIface,
    Port,
    QosMap,
    Tuntap,
    VlanIface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.uplink.gateways import routes_with_gateways
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import FileChanges
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.words import Cannot, Special
from unit.persist_plans import planned
from unit.persist_table import DOCUMENT, TABLES, TOOLS, own_options, table, with_words

ALL = [(tool, name) for tool in TOOLS for name in TABLES]


@pytest.mark.parametrize(("tool", "name"), ALL)
def test_each_option_has_one_row(tool: str, name: str) -> None:
    cls, _title = TABLES[name]
    assert sorted(row.option for row in table(TOOLS[tool], name)) == sorted(own_options(cls))


def test_the_documentation_has_these_words() -> None:
    text = DOCUMENT.read_text()
    assert text == with_words(text), "write it anew with script/test table"


# -- what a row says is so -----------------------------------------------------------------------------------------------

RENDERER = {"/etc/netplan/00-renderer.yaml": "network: {version: 2, renderer: NetworkManager}\n"}
STATES = tuple(
    InterfaceState("", 2 + place, Interface(name=name)) for place, name in enumerate(("eth0", "eth1", "br0"))
)
# What an option needs beside it.
BESIDE: dict[str, dict[str, Any]] = {
    # it is in the VLANs that are the default in one of the cases
    "bridge": {"stp": True, "vlan_filtering": True, "pvid": 1, "tagged": ("8",)},
    "bridge_vlans": {"vlan_filtering": True, "vlan_default_pvid": 0},
    "interface": {"addresses": ("192.0.2.1/24",)},
    "uplink": {"addresses": ("192.0.2.1/24", "fd00::1/64")},
}
VALUES: dict[str, tuple[Any, ...]] = {
    "name": ("x1",),
    "mac": ("52:54:00:00:00:09",),
    "addresses": (("192.0.2.9/24",),),
    "routes": ((InterfaceRoute(to="198.51.100.0/24", via="192.0.2.2"),),),
    "nameservers": (("192.0.2.53", "fd00::53"),),
    "search": (("lab.example.com",),),
    "gateway": ("192.0.2.2",),
    "gateway6": ("fd00::2",),
    "tagged": (("7",),),
    "untagged": (("7",),),
    "parent": ("eth1",),
    "ingress_qos": ((QosMap(pcp=1, priority=2),),),
    "egress_qos": ((QosMap(pcp=1, priority=2),),),
    "owner": ("7",),
    "group": ("7",),
    "bridge": ("br0",),
}


def _values(shape: Shape) -> tuple[Any, ...]:
    """Some values of which at least one isn't what the kernel gives by itself."""
    if shape.base is bool:
        return (False, True)
    if shape.base is int:
        return (8,)
    return VALUES[shape.name] if shape.name in VALUES else tuple(shape.meta["choices"])


def _with(name: str, option: str, value: Any) -> Interface:
    """An interface that has this option, or the same one without it where the value is ``None``."""
    beside = {key: held for key, held in BESIDE.get(name, {}).items() if key != option}
    given = {} if value is None else {option: value}
    if name == "vlan":
        return VlanIface(**{"name": "x0", "parent": "eth0", "id": 11, **given})
    if name == "macvlan":
        return MacvlanIface(**{"name": "x0", "parent": "eth0", **given})
    if name == "tuntap":
        return Tuntap(**{"name": "x0", "mode": None, **given})
    if name == "port":
        return LinuxBridge(name="x0", ports=(Port(**{"name": "eth0", **given}),))
    if name == "ipv6":
        # advertisements are accepted, where that isn't the question
        return LinuxBridge(name="x0", ipv6=Ipv6(**{"accept_ra": "always", **given}))
    bridge = LinuxBridge(**{"name": "x0", **beside, **given})
    # as planned, in which a gateway is a route
    return replace(bridge, routes=routes_with_gateways(bridge, bridge.routes), gateway=None, gateway6=None)


def _planned(tool: str, desired: Interface, networkmanager: bool) -> FileChanges:
    return planned(tool, normal(desired), RENDERER if networkmanager else {}, "", STATES, systemd=257)


# Kinds of which netplan makes none.
NOT_THERE = (("netplan", "tuntap"), ("netplan", "macvlan"))
ROWS = [
    pytest.param(
        tool, name, shape, networkmanager, id=f"{tool}{'-by-networkmanager' * networkmanager}-{name}-{shape.name}"
    )
    for tool in TOOLS
    for networkmanager in ((False, True) if tool == "netplan" else (False,))
    for name, (cls, _title) in TABLES.items()
    for shape in shapes(cls)
    if shape.name in own_options(cls)
]


@pytest.mark.parametrize(("tool", "name", "shape", "networkmanager"), ROWS)
def test_a_word_is_written_and_what_has_none_is_said(tool: str, name: str, shape: Shape, networkmanager: bool) -> None:
    row = next(row for row in table(TOOLS[tool], name) if row.option == shape.name)
    usual = _planned(tool, _with(name, shape.name, None), networkmanager)
    plans = [_planned(tool, _with(name, shape.name, value), networkmanager) for value in _values(shape)]
    written = any(plan.changes != usual.changes for plan in plans)
    said = any(plan.unsupported != usual.unsupported for plan in plans) or (tool, name) in NOT_THERE
    if isinstance(row, Special):
        assert written or said
    elif isinstance(row, Cannot) and not (networkmanager and row.renderer):
        assert said and not written
    else:
        assert written and not said
