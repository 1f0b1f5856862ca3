# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What moves from netplan's files for a NIC to the bridge that takes it over, and what stays with the NIC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

import pytest
import yaml

from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    LinuxBridge,
    Port,
    Route,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import plan_files
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import Request, ToolFacts, overlay
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import FileChanges

USERS = "/etc/netplan/50-cloud-init.yaml"
OURS = "/etc/netplan/90-virtnet-kvm-br0.yaml"
DROP_IN = "/etc/systemd/network/10-netplan-br0.network.d/50-virtnet-kvm-br0.conf"
MAC = "52:54:00:00:00:01"
ETH0 = InterfaceState("", 2, Interface(name="eth0", mac=MAC), permanent_mac=MAC)
STATIC: dict[str, Any] = {
    "addresses": ["192.168.1.2/24", {"192.168.1.3/24": {"label": "eth0:1"}}],
    "gateway4": "192.168.1.1",
    "routes": [{"to": "10.0.0.0/8", "via": "192.168.1.1", "metric": 7}],
    "routing-policy": [{"from": "192.168.1.2", "table": 7}],
    "nameservers": {"addresses": ["192.168.1.53"], "search": ["lab.example"]},
    "ipv6-privacy": True,
    "accept-ra": False,
    "mtu": 1450,
    "wakeonlan": True,
    "macaddress": MAC,
}
KEPT = ("mtu", "wakeonlan", "macaddress")
DEFAULT = InterfaceRoute(to="default", via="192.168.1.1")
FAR = InterfaceRoute(to="10.0.0.0/8", via="192.168.1.1", metric=7)
HAND_MADE = InterfaceRoute(to="10.9.0.0/16", via="192.168.1.1")
HEADER = "# This file is generated from information provided by the datasource.  Changes\n"


def _text(body: Mapping[str, Any], id_: str = "eth0") -> str:
    return str(yaml.safe_dump({"network": {"version": 2, "ethernets": {id_: dict(body)}}}))


def _state(*cidrs: str, routes: tuple[Route, ...] = (), seconds: Optional[int] = None) -> InterfaceState:
    addresses = tuple(Address(cidr, valid_seconds=seconds) for cidr in cidrs)
    return InterfaceState("bridge", 3, LinuxBridge(name="br0", mac=MAC), addresses, routes)


def _plan(
    files: Mapping[str, str],
    state: InterfaceState,
    given: Optional[LinuxBridge] = None,
    adopt: Optional[str] = "eth0",
    notes: Optional[Mapping[str, str]] = None,
) -> FileChanges:
    given = given or LinuxBridge(name="br0")
    desired = LinuxBridge(
        name="br0",
        mtu=given.mtu,
        addresses=tuple(address.cidr for address in state.addresses) or None,
        routes=tuple(route.option for route in state.routes) or None,
        ports=(Port(name="eth0"),),
    )
    facts = ToolFacts(networkd_notes=lambda index: (notes or {}) if index == ETH0.index else {})
    request = Request("br0", desired, files, {"br0": state, "eth0": ETH0}, adopt, facts, given)
    done = plan_files("netplan", request)
    later = replace(request, files=overlay(files, done.changes), facts=ToolFacts())
    assert plan_files("netplan", later).changes == {}
    return done


def _bridge(changes: Mapping[str, Optional[str]]) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(changes[OURS] or "")["network"]["bridges"]["br0"]
    return found


def test_all_moves_but_what_belongs_to_the_nic() -> None:
    state = _state(
        "192.168.1.2/24", "192.168.1.3/24", "192.168.9.9/24", routes=(Route(DEFAULT), Route(FAR), Route(HAND_MADE))
    )
    files = {USERS: _text(STATIC)}
    changes = _plan(files, state).changes
    found = _bridge(changes)
    assert found.pop("interfaces") == ["eth0"] and found.pop("parameters") == {"stp": False}
    assert found == {
        **{key: value for key, value in STATIC.items() if key != "wakeonlan"},
        "addresses": [*STATIC["addresses"], "192.168.9.9/24"],
        "routes": [*STATIC["routes"], {"to": "10.9.0.0/16", "via": "192.168.1.1"}],
    }
    left = yaml.safe_load(changes[USERS] or "")["network"]["ethernets"]["eth0"]
    assert left == {key: STATIC[key] for key in KEPT}
    made = overlay(files, changes)
    assert _plan(made, state, adopt=None).changes == {}
    gone = plan_files("netplan", Request("br0", None, made, {"eth0": ETH0}, "eth0"))
    assert overlay(made, gone.changes) == files


def test_what_a_task_gives_counts_also_where_the_next_one_leaves_it_out() -> None:
    files, state = {USERS: _text(STATIC)}, _state("192.168.1.7/24")
    given = LinuxBridge(name="br0", addresses=("192.168.1.7/24",), mtu=1400)
    made = overlay(files, _plan(files, state, given).changes)
    found = _bridge(made)
    assert found["addresses"] == ["192.168.1.7/24"] and found["mtu"] == 1400
    assert "gateway4" not in found and "routes" not in found and "nameservers" in found
    assert _bridge(overlay(made, _plan(made, state).changes))["addresses"] == ["192.168.1.7/24"]


def test_several_files_are_one_definition() -> None:
    files = {
        "/etc/netplan/10-a.yaml": _text({"dhcp4": True, "dhcp4-overrides": {"use-dns": False, "route-metric": 5}}),
        "/etc/netplan/20-b.yaml": _text({"dhcp4-overrides": {"route-metric": 7}, "optional": True}),
    }
    found = _bridge(_plan(files, _state()).changes)
    assert found["dhcp4"] is True and found["optional"] is True
    assert found["dhcp4-overrides"] == {"use-dns": False, "route-metric": 7}


def test_a_lease_stays_a_lease_of_the_same_client() -> None:
    files = {USERS: _text({"dhcp4": True})}
    state = _state("192.168.1.2/24", routes=(Route(DEFAULT, protocol=16),), seconds=600)
    notes = {"CLIENTID": "ff0102030400020000ab11"}
    done = _plan(files, state, notes=notes)
    assert done.renews_leases
    assert _bridge(done.changes)["addresses"] == [] and "routes" not in _bridge(done.changes)
    assert (done.changes[DROP_IN] or "").splitlines()[1:] == ["[DHCPv4]", "IAID=16909060"]
    by_mac = {USERS: _text({"dhcp4": True, "dhcp-identifier": "mac"})}
    assert DROP_IN not in _plan(by_mac, state, notes=notes).changes


def test_a_definition_for_many_stays_and_this_nic_has_one_of_its_own() -> None:
    text = _text({"match": {"name": "eth*"}, "dhcp4": True, "mtu": 1450, "wakeonlan": True}, "lan")
    changes = _plan({USERS: text}, _state()).changes
    assert USERS not in changes and _bridge(changes)["dhcp4"] is True
    own = yaml.safe_load(changes[OURS] or "")["network"]["ethernets"]["0-virtnet-kvm-eth0"]
    assert own == {"match": {"name": "eth0"}, "dhcp4": False, "mtu": 1450, "wakeonlan": True}


@pytest.mark.parametrize(
    "settings, warned",
    [
        ({}, True),
        ({"99-disable-network-config.cfg": "network: {config: disabled}\n"}, False),
        ({"10-x.cfg": "network:\n  config: disabled\n"}, False),
        ({"10-x.cfg": "#network: {config: disabled}\nnetwork: {version: 2}\n"}, True),
    ],
)
def test_cloud_init_is_named(settings: Mapping[str, str], warned: bool) -> None:
    files = {USERS: HEADER + _text({"dhcp4": True})}
    files.update({f"/etc/cloud/cloud.cfg.d/{name}": text for name, text in settings.items()})
    said = _plan(files, _state()).unsupported
    assert bool(said) is warned
    assert not warned or (USERS in said[0] and "99-disable-network-config.cfg" in said[0])


def test_what_is_not_known_stays_and_is_named_with_its_line() -> None:
    text = "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n      shiny: new\n"
    done = _plan({USERS: text}, _state())
    assert f"shiny in {USERS}, line 5" in done.unsupported[0] and "shiny" not in _bridge(done.changes)
