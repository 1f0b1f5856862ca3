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
from ansible_collections.virtnet.kvm.plugins.module_utils.model.links import Link
from unit.fake_host import FakeLinks, FakeNetworks
from unit.fake_interfaces import FakeInterfaces, nic
from unit.fake_interfaces_host import FakeAccounts, FakeFiles
from unit.fake_notes import FakeNotes

KIND = {kind.plural: kind for kind in KINDS}


class WholeHost(FakeNotes):
    def __init__(self) -> None:
        super().__init__()
        self.networks = FakeNetworks()
        self.kernel = FakeInterfaces(nic("eth0", 2))
        self._drivers = [self.networks, self.kernel, FakeLinks((Link("eth0"),)), FakeFiles(), FakeAccounts()]

    def drivers(self) -> list[Driver]:
        return self._drivers

    def plan(self, **lists: list[dict[str, Any]]) -> list[Outcome]:
        resources = []
        for plural, items in lists.items():
            kind = KIND[plural]
            defaults = {name: option.get("default") for name, option in kind.argument_spec().items()}
            if "persist" in defaults:
                defaults["persist"] = "none"
            resources += [kind.parse({**defaults, **item}, f"{plural}[{place}]") for place, item in enumerate(items)]
        return run(self, self, resources, check=True)


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
