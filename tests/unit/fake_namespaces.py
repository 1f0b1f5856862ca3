# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host with network namespaces and veth pairs, each namespace with a fake kernel of its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Optional, cast

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import DriverType
from ansible_collections.virtnet.kvm.plugins.module_utils.engine import Outcome, run
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import merge
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Interface,
    InterfaceState,
    Ipv6,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.requests import InterfaceDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.namespace.options import NetNamespace, short_name
from ansible_collections.virtnet.kvm.plugins.module_utils.model.namespace.steps import NamespaceDriver, Process
from ansible_collections.virtnet.kvm.plugins.module_utils.model.veth.options import EndName
from ansible_collections.virtnet.kvm.plugins.module_utils.model.veth.steps import VethDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import ToolFacts
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.unit.service import keeps_namespace
from unit.fake_host import FakeLinks
from unit.fake_interfaces import FakeInterfaces, nic
from unit.fake_interfaces_host import FakeAccounts, FakeFiles
from unit.fake_notes import FakeNotes

LOOPBACK = InterfaceState("", 1, Interface(name="lo", mtu=65536, up=False), loopback=True)


class Calls:
    """Counts the calls that change something, of all drivers of a host; ``strike`` is called before each."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.fail_at: Optional[tuple[int, BaseException]] = None

    def __call__(self, _number: int, call: str) -> None:
        self.seen.append(call)
        if self.fail_at and len(self.seen) == self.fail_at[0]:
            raise self.fail_at[1]


class Kernel(FakeInterfaces):
    """The interfaces of one namespace; those with a peer take it with them."""

    def __init__(self, host: NamespacesHost, *nics: InterfaceState) -> None:
        super().__init__(*nics)
        self._host = host
        self.strike = host.called

    def _gone(self, name: str) -> None:
        super()._gone(name)
        for netns, kernel in self._host.kernels.items():
            if kernel is self:
                peer = self._host.peers.pop(EndName(name, netns), None)
                if peer is not None:
                    self._host.peers.pop(peer, None)
                    self._host.kernels[peer.netns]._gone(peer.name)


class FakeNamespaces(NamespaceDriver):
    def __init__(self, host: NamespacesHost) -> None:
        self._host = host
        self.kept: dict[str, NetNamespace] = {}
        self.inside: dict[str, list[Process]] = {}
        self.removed: dict[str, tuple[NetNamespace, Kernel]] = {}

    def names(self) -> Sequence[str]:
        return sorted(self.kept)

    def exists(self, netns: str) -> bool:
        return short_name(netns) in self.kept

    def read(self, name: str) -> Optional[NetNamespace]:
        return self.kept.get(name)

    def processes(self, name: str) -> Sequence[Process]:
        return self.inside.get(name, [])

    def create(self, name: str) -> None:
        self._host.called(0, f"create namespace {name}")
        assert name not in self.kept
        self.kept[name] = NetNamespace(name, loopback=False, ipv4_forwarding=False, ipv6_forwarding=False)
        self._host.kernels[name] = Kernel(self._host, LOOPBACK)

    def remove(self, name: str) -> None:
        self._host.called(0, f"remove namespace {name}")
        assert self._host.kernels[name].kept.keys() == {"lo"}, "interfaces were lost"
        self.removed[name] = (self.kept.pop(name), self._host.kernels.pop(name))

    def bring_back(self, name: str) -> None:
        self.kept[name], self._host.kernels[name] = self.removed.pop(name)

    def set(self, name: str, changes: NetNamespace) -> None:
        self._host.called(0, f"set namespace {name}")
        self.kept[name] = merge(self.kept[name], changes)


class FakeVeth(VethDriver):
    def __init__(self, host: NamespacesHost) -> None:
        self._host = host

    def available(self) -> bool:
        return True

    def peer(self, end: EndName) -> Optional[EndName]:
        return self._host.peers.get(end)

    def create(self, first: EndName, second: EndName) -> None:
        self._host.called(0, f"create pair {first}")
        for end, other in ((first, second), (second, first)):
            kernel = self._host.kernels[end.netns]
            if end.name in kernel.kept:
                raise HostError("create", "File exists")
            index = 100 + len(self._host.called.seen) + len(self._host.peers)
            made = nic(end.name, index, kind="veth", permanent_mac=None)
            ipv6 = Ipv6(True, "unless_forwarding", True, "eui64")
            kernel.kept[end.name] = replace(made, definition=replace(made.definition, up=False, ipv6=ipv6))
            self._host.peers[end] = other


class Absent:
    """The driver of a namespace that isn't there, which fails when it is used."""

    def __init__(self, netns: str) -> None:
        self._netns = netns

    def __getattribute__(self, name: str) -> Any:
        if name in ("forget", "close", "_netns", "__class__"):
            return super().__getattribute__(name)
        raise OptionError("netns", self._netns, "can't be entered as a network namespace; give another one")


class NamespacesHost(FakeNotes):
    """What the engine asks of a host with namespaces."""

    def __init__(self, *nics: InterfaceState) -> None:
        super().__init__()
        self.called = Calls()
        self.peers: dict[EndName, EndName] = {}
        self.kernels: dict[Optional[str], Kernel] = {None: Kernel(self, *nics)}
        self.namespaces = FakeNamespaces(self)
        self.files = _Files(self)

    def driver(self, kind: type[DriverType], where: Optional[str] = None) -> DriverType:
        if kind is InterfaceDriver:
            netns = None if where is None else short_name(where)
            found = self.kernels[netns] if netns in self.kernels else Absent(str(netns))
            return cast(DriverType, found)
        others = [self.namespaces, self.files, FakeVeth(self), FakeAccounts(), FakeLinks(())]
        return next(driver for driver in others if isinstance(driver, kind))

    def copy(self) -> NamespacesHost:
        """Returns a host with the same, on which nothing was called yet."""
        other = NamespacesHost()
        other.peers = dict(self.peers)
        other.kernels = {netns: Kernel(other, *kernel.kept.values()) for netns, kernel in self.kernels.items()}
        other.namespaces.kept = dict(self.namespaces.kept)
        other.namespaces.inside = copy.deepcopy(self.namespaces.inside)
        other.files.texts = dict(self.files.texts)
        other.remembered = dict(self.remembered)
        return other

    def shown(self) -> dict[str, object]:
        """Returns all that is on the host, without what another one of the same makes of it: indexes and MAC addresses."""
        kernels = {
            netns: {
                name: replace(state, index=0, definition=replace(state.definition, mac=None))
                for name, state in kernel.kept.items()
            }
            for netns, kernel in self.kernels.items()
        }
        return {
            "kernels": kernels,
            "peers": dict(self.peers),
            "namespaces": dict(self.namespaces.kept),
            "files": dict(self.files.texts),
        }

    def declare(self, check: bool = False, **lists: list[dict[str, Any]]) -> list[Outcome]:
        """What ``fabric`` does with these lists."""
        parsed = []
        for kind in KINDS:
            for place, options in enumerate(lists.get(kind.plural, ())):
                defaults = {name: option.get("default") for name, option in kind.argument_spec().items()}
                parsed.append((kind, kind.parse({**defaults, **options}, f"{kind.plural}[{place}]")))
        resources = [resource for _kind, resource in parsed]
        return run(self, self, [kind.settle(resource, resources) for kind, resource in parsed], check=check)


class _Files(FakeFiles):
    def __init__(self, host: NamespacesHost) -> None:
        super().__init__()
        self._host = host

    def facts(self) -> ToolFacts:
        return ToolFacts(keeps_namespace=lambda name: keeps_namespace(self.texts, name))

    def write(self, path: str, text: Optional[str]) -> None:
        self._host.called(0, f"write {path}")
        super().write(path, text)
