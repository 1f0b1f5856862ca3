# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Every option of a bridge, a VLAN's interface and a tap: set, changed and removed, and found so by iproute2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import argument_spec
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    LinuxBridge,
    MacvlanIface,
    Tuntap,
    VlanIface,
)
from integration.support.cases import leaves, replaced, spec_leaves
from integration.support.cases_common import COMMON, InterfaceCase
from integration.support.cases_interfaces import CASES, PORTS
from integration.support.checks import converge
from integration.support.host import Host

pytestmark = pytest.mark.once

MODULES = ("linux_bridge", "vlan_iface", "macvlan_iface", "tuntap")
CLASSES = {
    "linux_bridge": LinuxBridge,
    "vlan_iface": VlanIface,
    "macvlan_iface": MacvlanIface,
    "tuntap": Tuntap,
}
NAMES = {"linux_bridge": "br7", "vlan_iface": "vlan7", "macvlan_iface": "mac7", "tuntap": "tap7"}
# What an item of a list, or the interface itself, is known by.
IDENTITY = {"name", "ports.name"}
# A boot tool does it, see test_interface_uplink.
BY_THE_TOOL = {"dhcp4", "dhcp6", "nameservers", "search"}


@pytest.mark.parametrize("module", CLASSES)
def test_every_option_has_a_case(module: str) -> None:
    """Each is given in two different values at least, in the steps of one case."""
    changed = set()
    for case in CASES:
        given: dict[str, list[Any]] = {}
        for options, _seen in case.steps if case.module == module else ():
            for path, _place, value in leaves(options):
                given.setdefault(path, []).append(value)
        changed |= {path for path, values in given.items() if any(value != values[0] for value in values)}
    assert set(spec_leaves(argument_spec(CLASSES[module]))) - changed - IDENTITY - BY_THE_TOOL == set()


def _where(case: InterfaceCase) -> list[pytest.MarkDecorator]:
    """On the VMs what takes VLANs, on one of them what a VLAN's interface has in common with others."""
    alone = ["bookworm_uml"] if case.name in COMMON else []
    return [pytest.mark.kernel(*alone)] if case.kernel else []


@pytest.mark.parametrize("case", [pytest.param(case, marks=_where(case)) for case in CASES], ids=str)
def test_option(clean: Host, case: InterfaceCase) -> None:
    name = {"name": NAMES[case.module], "persist": "none"}
    clean.shell(f"{PORTS}; ip link add br8 type bridge; ip link add br9 type bridge")
    clean.ok(case.module, {**name, **case.base})
    last: Mapping[str, Any] = {}
    for options, wanted in case.steps:
        if not case.kernel:  # a VM takes its time, and each option is compared in the same way
            _each_is_seen(clean, case.module, {**name, **last}, options)
        converge(clean, {**name, **options}, module=case.module, changed=True)
        found = clean.interfaces()["interfaces"]
        for path, value in wanted.items():
            assert _at(found, name["name"], path) == value, f"{path} after {options}: {found[name['name']]}"
        last = options


def _each_is_seen(host: Host, module: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    """One option alone that differs must not be passed over because others usually differ with it."""
    values = {place: value for _path, place, value in leaves(then)}
    for _path, place, value in leaves(now):
        if place in values and values[place] != value and type(values[place]) is type(value):
            result = host.module(module, replaced(now, place, values[place]), check=True)
            assert result.get("changed") or "option" in result, f"{place}: {values[place]} is not seen: {result}"


def _at(found: Mapping[str, Any], name: str, path: str) -> Any:
    other, slash, rest = path.partition("/")
    value: Any = found[other if slash else name]
    for key in (rest if slash else path).split("."):
        if key == "gateways":
            # of several IPv6 default routes the kernel makes one, and shows the protocol of the first
            return [text.split()[2] for text in value["routes"] if text.startswith("default via ")]
        value = [text.split()[0] for text in value["addresses"]] if key == "cidrs" else value.get(key)
    return value
