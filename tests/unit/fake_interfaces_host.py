# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host that has interfaces only, with a fake kernel, on which the engine applies what modules declare."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import Driver
from ansible_collections.virtnet.kvm.plugins.module_utils.engine import Outcome, run
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    InterfaceState,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.requests import AccountDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.namespace.options import NetNamespace
from ansible_collections.virtnet.kvm.plugins.module_utils.model.namespace.steps import NamespaceDriver, Process
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import ToolFacts
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.steps import FileDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.uplink.leases import HeldAddress, LeaseDriver
from unit.fake_host import FakeLinks
from unit.fake_interfaces import FakeInterfaces
from unit.fake_notes import FakeNotes


class FakeFiles(FileDriver):
    """The files of one tool, or of none."""

    def __init__(self, tool: Optional[str] = None) -> None:
        self.tool = tool
        self.texts: dict[str, str] = {}
        self.reloads: list[tuple[str, tuple[str, ...], dict[str, str]]] = []
        self.held: set[str] = set()
        self.stopped: list[str] = []
        self.broken = False

    def facts(self) -> ToolFacts:
        tools = frozenset({self.tool} if self.tool else ())
        return ToolFacts(tools, tools)

    def read(self, _tool: str) -> Mapping[str, str]:
        return dict(self.texts)

    def write(self, path: str, text: Optional[str]) -> None:
        self.texts.pop(path, None)
        if text is not None:
            self.texts[path] = text

    def hold(self, tool: str, _name: str) -> None:
        self.held.add(tool)

    def stop_dhcp(self, name: str) -> None:
        self.stopped.append(name)

    def reload(self, tool: str, names: tuple[str, ...]) -> None:
        self.reloads.append((tool, names, dict(self.texts)))
        self.held.discard(tool)
        if self.broken and len(self.reloads) == 1:
            raise HostError("reload", "is broken")


class FakeLeases(LeaseDriver):
    """A network with a DHCP server, which gives each interface one address of a family; without ``server`` none."""

    def __init__(self) -> None:
        self.server = True
        self.removed: list[tuple[str, str]] = []

    def carrier(self, name: str) -> bool:
        del name
        return True

    def addresses(self, name: str) -> Sequence[HeldAddress]:
        del name
        held = (HeldAddress("198.51.100.7/24", lasting=False), HeldAddress("fd00:51::7/128", lasting=False))
        return held if self.server else ()

    def until(self, done: Callable[[], bool], seconds: int) -> bool:
        del seconds
        return done()

    def remove(self, name: str, cidr: str) -> None:
        self.removed.append((name, cidr))


class FakeAccounts(AccountDriver):
    def known(self, kind: str, text: str) -> Optional[str]:
        del kind
        return {"root": "root", "0": "root", "libvirt-qemu": "libvirt-qemu"}.get(text)


class AnyNamespace(NamespaceDriver):
    """Each namespace that is asked for is there, and empty."""

    def names(self) -> Sequence[str]:
        return ()

    def exists(self, netns: str) -> bool:
        return bool(netns)

    def read(self, name: str) -> Optional[NetNamespace]:
        return NetNamespace(name)

    def processes(self, name: str) -> Sequence[Process]:
        del name
        return ()

    def create(self, name: str) -> None: ...

    def remove(self, name: str) -> None: ...

    def bring_back(self, name: str) -> None: ...

    def set(self, name: str, changes: NetNamespace) -> None: ...


class InterfacesHost(FakeNotes):
    """What the engine asks of a host that has interfaces only."""

    def __init__(self, *nics: InterfaceState, tool: Optional[str] = None, **options: Any) -> None:
        self.kernel = FakeInterfaces(*nics, **options)
        self.files = FakeFiles(tool)
        self.leases = FakeLeases()
        super().__init__()

    def drivers(self) -> list[Driver]:
        return [self.kernel, self.files, FakeAccounts(), FakeLinks(()), self.leases, AnyNamespace()]

    # -- for tests ----------------------------------------------------------------------------------------------------

    def copy(self) -> InterfacesHost:
        other = copy.copy(self)
        other.kernel = copy.copy(self.kernel)
        other.kernel.kept, other.kernel.calls = dict(self.kernel.kept), []
        other.kernel.set_by_user = set(self.kernel.set_by_user)
        other.remembered = dict(self.remembered)
        return other

    def fail_at(self, number: int, error: BaseException) -> None:
        def strike(seen: int, _call: str) -> None:
            if seen == number:
                raise error

        self.kernel.calls = []
        self.kernel.strike = strike

    def declare(self, *declared: tuple[str, dict[str, Any]], check: bool = False) -> list[Outcome]:
        """What the modules do with these options, each with its kind: bridge, vlan or tap."""
        parsed = []
        for word, options in declared:
            kind = next(kind for kind in KINDS if kind.plural == f"{word}s")
            defaults = {name: option.get("default") for name, option in kind.argument_spec().items()}
            parsed.append((kind, kind.parse({**defaults, "persist": self.files.tool or "none", **options})))
        resources = [resource for _kind, resource in parsed]
        return run(self, self, [kind.settle(resource, resources) for kind, resource in parsed], check=check)
