# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host with libvirt's network filters, and how the tests plan and apply them on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import Outcome, World
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nwfilter.bindings import BINDING
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nwfilter.filters import FILTER
from ansible_collections.virtnet.kvm.plugins.module_utils.model.links import Link, LinkDriver, OwnBridge
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.facts import (
    FilterDriver,
    GuestNic,
    StoredFilter,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.options import (
    Binding,
    Filter,
    Parameter,
    Rule,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.tree import KernelRule, expected_rules

MAC = "52:54:00:44:00:02"
ADDRESS = (Parameter("IP", "10.0.0.2"),)
DROP = {"action": "drop", "direction": "in", "protocol": "icmp"}
DROP_RULE = Rule("drop", "in", protocol="icmp")


class FakeFilters(FilterDriver):
    """A libvirt with two filters, one guest and a tap of another program."""

    def __init__(self) -> None:
        self.held = {
            "base": Filter("base", rules=(Rule("drop", "out", match=(("srcipaddr", "$IP"),), protocol="ip"),)),
            "port": Filter("port", rules=(Rule("drop", "in", match=(("dstportstart", "$PORT"),), protocol="tcp"),)),
        }
        self.bound: dict[str, Binding] = {}
        self.nics: list[GuestNic] = []
        self.kernel: set[KernelRule] = set()
        self.up = {"tap0", "tap1"}
        self.bridging: Optional[bool] = True
        self.addresses = 0

    def filters(self) -> Mapping[str, StoredFilter]:
        return {name: StoredFilter(found, f"uuid-{name}") for name, found in self.held.items()}

    def bindings(self) -> Sequence[Binding]:
        return list(self.bound.values())

    def guest_nics(self) -> Sequence[GuestNic]:
        return self.nics

    def kernel_rules(self) -> Optional[frozenset[KernelRule]]:
        return frozenset(self.kernel)

    def device_exists(self, device: str) -> bool:
        return device in ("tap0", "tap1", "vnet0")

    def device_is_up(self, device: str) -> bool:
        return device in self.up

    def learnt_addresses(self, mac: str) -> int:
        return self.addresses if mac == MAC else 0

    def bridges_filtered(self, tool: str) -> Optional[bool]:
        del tool
        return self.bridging

    def define(self, definition: Filter, uuid: Optional[str]) -> None:
        assert definition.name not in self.held or uuid == f"uuid-{definition.name}", "filter already exists"
        self.held[definition.name] = definition
        self.build()

    def undefine(self, name: str) -> None:
        del self.held[name]

    def rebuild(self, name: str) -> None:
        del name
        self.build()

    def bind(self, binding: Binding) -> None:
        assert binding.device not in self.bound, "binding already exists"
        self.bound[binding.device] = binding
        self.build()

    def unbind(self, device: str) -> None:
        del self.bound[device]
        self.kernel = {rule for rule in self.kernel if rule.device != device}

    def rebind(self, binding: Binding) -> None:
        self.unbind(binding.device)
        self.bind(binding)

    def bring_up(self, device: str) -> None:
        self.up.add(device)

    def build(self) -> None:
        self.kernel = {
            rule for device, binding in self.bound.items() for rule in expected_rules(binding.filter, device, self.held)
        }


class Libvirt(FakeFilters, LinkDriver):
    """The same on a host with two taps and one of a guest."""

    def links(self) -> tuple[Link, ...]:
        return (Link("tap0"), Link("tap1"), Link("vnet0"))

    def own_bridges(self) -> tuple[OwnBridge, ...]:
        return ()

    def on_bridge(self, bridge: str) -> Optional[frozenset[str]]:
        del bridge
        return None


class Host:
    uri = "qemu:///system"

    def __init__(self) -> None:
        self.libvirt = Libvirt()

    def driver(self, kind: Any, where: Optional[str] = None) -> Any:
        del kind, where
        return self.libvirt

    def forget(self) -> None: ...


KINDS = {"filters": FILTER, "filter_bindings": BINDING}


def planned(host: Host, kind: str = "filters", notes: Optional[Mapping[str, object]] = None, **options: Any) -> Outcome:
    spec = dict.fromkeys(KINDS[kind].argument_spec())
    resource = KINDS[kind].parse({**spec, "state": "present", **options})
    outcome = resource.observe(host)
    outcome.plan(World(host), notes or {})
    outcome.predict(World(host))
    return outcome


def apply(host: Host, kind: str = "filters", **options: Any) -> Outcome:
    """What is there then is what was predicted, a second run changes nothing, and what is undone is as it was."""
    before = (dict(host.libvirt.held), dict(host.libvirt.bound))
    outcome = planned(host, kind, **options)
    said = outcome.shown_after
    for step in outcome.steps:
        step.do(host)
    for step in reversed(outcome.steps):
        step.undo(host)
    assert (host.libvirt.held, host.libvirt.bound) == before
    for step in outcome.steps:
        step.do(host)
    outcome.verify(host)
    assert outcome.shown_after == said and not outcome.result(host).get("warnings")
    assert not planned(host, kind, **options).changed
    return outcome


def bind(host: Host, **options: Any) -> Outcome:
    return apply(host, "filter_bindings", **{"name": "tap0", "mac": MAC, "filter": "base", **options})


def parameters(**given: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in given.items()]
