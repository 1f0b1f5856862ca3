# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Resources of several kinds in one run: what a plan lets later plans of other kinds see."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import Driver, Outcome
from ansible_collections.virtnet.kvm.plugins.module_utils.engine import run
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import InterfaceState, LinuxBridge
from ansible_collections.virtnet.kvm.plugins.module_utils.model.links import Link
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network, normalise
from unit.fake_host import FakeLinks, FakeNetworks
from unit.fake_interfaces import FakeInterfaces, nic
from unit.fake_interfaces_host import AnyNamespace, FakeAccounts, FakeFiles
from unit.fake_notes import FakeNotes

KIND = {kind.plural: kind for kind in KINDS}


class WholeHost(FakeNotes):
    def __init__(self, *names: str) -> None:
        super().__init__()
        self.networks = FakeNetworks()
        bridges = [InterfaceState("bridge", 3 + n, LinuxBridge(name=name, up=True)) for n, name in enumerate(names)]
        self.kernel = FakeInterfaces(nic("eth0", 2), *bridges)
        links = FakeLinks(tuple(Link(name) for name in ("eth0", *names)), self.networks)
        self._drivers = [self.networks, self.kernel, links, FakeFiles(), FakeAccounts(), AnyNamespace()]

    def drivers(self) -> list[Driver]:
        return self._drivers

    def have(self, active: bool = True, **options: Any) -> None:
        """Gives the host a network."""
        self.networks.define(normalise(from_options(Network, options)))
        if active:
            self.networks.start(options["name"])

    def plan(self, **lists: list[dict[str, Any]]) -> list[Outcome]:
        kinds, resources = [], []
        for plural, items in lists.items():
            kind = KIND[plural]
            defaults = {name: option.get("default") for name, option in kind.argument_spec().items()}
            if "persist" in defaults:
                defaults["persist"] = "none"
            kinds += [kind] * len(items)
            resources += [kind.parse({**defaults, **item}, f"{plural}[{place}]") for place, item in enumerate(items)]
        settled = [kind.settle(resource, resources) for kind, resource in zip(kinds, resources, strict=True)]
        return run(self, self, settled, check=True)


def test_the_name_is_the_users() -> None:
    bridge = KIND["bridges"].parse({"name": "br0", "netns": "lab", "state": "present", "persist": "none"})
    assert (bridge.name, bridge.label) == ("br0", "bridge br0 in lab")


def test_a_subnet_that_only_a_route_brings_is_a_conflict() -> None:
    """As it is for ``virt_net`` alone, which reads it from the kernel's table of routes."""
    bridge = {"name": "br0", "up": True, "addresses": ["192.0.2.1/32"], "routes": [{"to": "198.51.100.0/24"}]}
    network = {"name": "lan", "ips": [{"address": "198.51.100.1/24"}]}
    with pytest.raises(OptionError) as error:
        WholeHost().plan(bridges=[bridge], networks=[network])
    assert error.value.option == "networks[0].ips[0].address" and "br0" in str(error.value)
    WholeHost().plan(bridges=[{**bridge, "routes": [{"to": "203.0.113.0/24"}]}], networks=[network])


def test_an_address_that_is_planned_is_a_conflict() -> None:
    bridge = {"name": "br0", "addresses": ["198.51.100.7/25"]}
    with pytest.raises(OptionError, match=r"networks\[0\].ips\[0\].address"):
        WholeHost().plan(bridges=[bridge], networks=[{"name": "lan", "ips": [{"address": "198.51.100.1/24"}]}])


def test_a_network_provides_its_own_bridge() -> None:
    """A tap on a bridge that libvirt will make is planned after the network, and attached to the bridge."""
    tap, network = {"name": "tap7", "mode": "tap", "bridge": "virbr7"}, {"name": "lan", "bridge": {"name": "virbr7"}}
    tap_outcome, network_outcome = WholeHost().plan(taps=[tap], networks=[network])
    assert network_outcome.place < tap_outcome.place
    assert tap_outcome.shown_after["bridge"] == "virbr7"
    with pytest.raises(OptionError, match=r"taps\[0\].bridge"):
        WholeHost().plan(taps=[tap], networks=[{"name": "lan", "bridge": {"name": "virbr8"}}])


def test_a_network_that_is_not_started_makes_no_bridge() -> None:
    tap, network = {"name": "tap7", "mode": "tap", "bridge": "virbr7"}, {"name": "lan", "bridge": {"name": "virbr7"}}
    with pytest.raises(OptionError, match=r"taps\[0\].bridge"):
        WholeHost().plan(taps=[tap], networks=[{**network, "active": False}])


def test_a_network_does_not_take_over_the_bridge_that_it_was_on() -> None:
    """The bridge is removed in the same run, so its name would be free: but it was never the network's."""
    host = WholeHost("b2")
    host.have(name="n0", forward={"mode": "bridge"}, bridge={"name": "b2"})
    network = {"name": "n0", "forward": {"mode": "nat"}, "ips": [{"address": "192.0.2.1/24"}]}
    bridge, outcome = host.plan(bridges=[{"name": "b2", "state": "absent"}], networks=[network])
    assert bridge.place < outcome.place
    assert outcome.shown_after["forward"] == {"mode": "nat"} and "bridge" not in outcome.shown_after


N0 = {"name": "n0", "bridge": {"name": "b2"}, "ips": [{"address": "192.0.2.1/24"}]}
B2 = {"name": "b2"}
_OWN = r"bridges\[0\]\.name: 'b2' is the bridge that libvirt creates for network n0; give another name"
_TAKEN = r"networks\[0\]\.bridge\.name: 'b2' is already an interface of this host; give another one"


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("others", [{}, {"networks": [{"name": "n0"}]}, {"networks": [{"name": "other"}]}])
def test_a_bridge_that_a_network_makes_is_refused(active: bool, others: dict[str, Any]) -> None:
    """Whether the network runs or not, and whether it is in the run or not."""
    host = WholeHost(*(["b2"] if active else []))
    host.have(active, **N0)
    with pytest.raises(OptionError, match=_OWN):
        host.plan(bridges=[B2], **others)
    host.plan(bridges=[B2], networks=[{"name": "n0", "state": "absent"}])
    host.plan(bridges=[{"name": "b2", "netns": "lab"}])


def test_a_bridge_of_the_host_that_an_inactive_network_has_too() -> None:
    """It is there without libvirt, so it isn't libvirt's."""
    host = WholeHost("b2")
    host.have(False, **N0)
    host.plan(bridges=[B2])


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_a_network_whose_bridge_the_host_makes_is_refused(active: bool, there: bool) -> None:
    """Whether the bridge is there or is declared in the same run."""
    host = WholeHost(*(["b2"] if there else []))
    with pytest.raises(OptionError, match=_TAKEN):
        host.plan(bridges=[] if there else [B2], networks=[{**N0, "active": active}])
    host.plan(bridges=[{**B2, "state": "absent"}], networks=[{**N0, "active": active}])


def test_a_network_that_is_planned_first() -> None:
    """The bridge needs a tap, and the tap the network: so the network is planned before the bridge."""
    taps = [{"name": "tap7", "mode": "tap", "bridge": "b3"}]
    networks = [{"name": "n1", "bridge": {"name": "b3"}, "ips": [{"address": "198.51.100.1/24"}]}]
    with pytest.raises(
        OptionError, match=r"bridges\[0\]\.name: 'b3' is the bridge that libvirt creates for network n1"
    ):
        WholeHost().plan(networks=networks, taps=taps, bridges=[{"name": "b3"}])


@pytest.mark.parametrize("bridge", ["", "b2"])
def test_a_tap_that_is_no_port_of_the_bridge_that_lists_it_is_refused(bridge: str) -> None:
    lists = {"bridges": [{"name": "b1", "ports": [{"name": "t1"}]}], "taps": [{"name": "t1", "bridge": bridge}]}
    with pytest.raises(OptionError, match=r"isn't what the bridge b1 says, which has t1 in ports") as error:
        WholeHost("b2").plan(**lists)
    assert error.value.option == "taps[0].bridge"


@pytest.mark.parametrize(("bridge", "expected"), [("br1", {"t1"}), ("", {"t1"}), ("br0", set()), (None, set())])
def test_a_tap_that_moves_is_no_port_of_its_former_bridge(bridge: str | None, expected: set[str]) -> None:
    """Else the former bridge, which a run declares without ports, would still have it among those of earlier tasks."""
    common = {"state": "present", "persist": "networkd"}
    br0 = KIND["bridges"].parse({**common, "name": "br0"})
    tap = KIND["taps"].parse({**common, "name": "t1", **({} if bridge is None else {"bridge": bridge})})
    settled = KIND["bridges"].settle(br0, [br0, tap])
    assert settled.desired.other_ports == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize("up", [True, False, None])
def test_a_port_that_is_declared_down_stays_down(up: bool | None) -> None:
    bridge, tap = WholeHost().plan(
        bridges=[{"name": "b1", "ports": [{"name": "t1"}]}], taps=[{"name": "t1", "up": up, "bridge": "b1"}]
    )
    assert tap.place < bridge.place and tap.shown_after["bridge"] == "b1"
    assert tap.shown_after["up"] is (up is not False)
    assert "bring up t1" not in [step.words for step in bridge.steps]
