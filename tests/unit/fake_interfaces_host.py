# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host that has interfaces only, at the seam where the engine asks it: what modules declare comes to a fake kernel."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.engine import Outcome, run
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.interface import (
    INTERFACES,
    interface_spec,
    leave_to_bridges,
    parse_interface_options,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    InterfaceState,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.world import World
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import ToolFacts
from unit.fake_interfaces import FakeInterfaces
from unit.fake_notes import FakeNotes


class FakeFiles:
    """The files of one tool, or of none."""

    def __init__(self, tool: Optional[str] = None) -> None:
        self.tool = tool
        self.texts: dict[str, str] = {}
        self.reloads: list[tuple[str, tuple[str, ...], dict[str, str]]] = []
        self.held: set[str] = set()
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

    def hold(self, tool: str) -> None:
        self.held.add(tool)

    def reload(self, tool: str, names: tuple[str, ...]) -> None:
        self.reloads.append((tool, names, dict(self.texts)))
        self.held.discard(tool)
        if self.broken and len(self.reloads) == 1:
            raise HostError("reload", "is broken")


class InterfacesHost(FakeNotes):
    """What the engine asks of a host that has interfaces only."""

    def __init__(self, *nics: InterfaceState, tool: Optional[str] = None, **options: Any) -> None:
        self.driver = FakeInterfaces(*nics, **options)
        self.files = FakeFiles(tool)
        super().__init__()

    def interfaces(self, _netns: Optional[str] = None) -> FakeInterfaces:
        return self.driver

    def world(self) -> World:
        def account(_kind: str, text: str) -> Optional[str]:
            return {"root": "root", "0": "root", "libvirt-qemu": "libvirt-qemu"}.get(text)

        return World(lambda: 0, tuple, tuple, self.interfaces, account, lambda: self.files)

    # -- for tests ----------------------------------------------------------------------------------------------------

    def copy(self) -> InterfacesHost:
        other = copy.copy(self)
        other.driver = copy.copy(self.driver)
        other.driver.kept, other.driver.calls = dict(self.driver.kept), []
        other.driver.set_by_user = set(self.driver.set_by_user)
        other.remembered = dict(self.remembered)
        return other

    def fail_at(self, number: int, error: BaseException) -> None:
        def strike(seen: int, _call: str) -> None:
            if seen == number:
                raise error

        self.driver.calls = []
        self.driver.strike = strike

    def declare(self, *declared: tuple[str, dict[str, Any]], check: bool = False) -> list[Outcome]:
        """What the modules do with these options, each with its kind: bridge, vlan or tap."""
        resources = []
        for word, options in declared:
            kind = INTERFACES[word]
            defaults = {name: option.get("default") for name, option in interface_spec(kind).items()}
            resources.append(
                parse_interface_options(kind, {**defaults, "persist": self.files.tool or "none", **options})
            )
        return run(self, self, leave_to_bridges(resources), check=check)
