# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network namespace as a run plans it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Optional

from ...contract import Host, Notes, Options, Plan, Shown, World
from ...errors import OptionError, under
from ...model.fields import to_options, without_host_chosen
from ...model.interface.facts import InterfaceFacts
from ...model.interface.requests import InterfaceDriver
from ...model.interface.validate_ip import WITHOUT_IPV6
from ...model.namespace.facts import NamespaceFacts
from ...model.namespace.options import NetNamespace
from ...model.namespace.plan import Contents, own_interfaces, plan_absent, plan_present
from ...model.namespace.steps import NamespaceDriver, Process
from ...persist.facts import FileFacts
from ...persist.plan import UNIT, PersistencePlan
from ...persist.steps import FileDriver
from ...persist.unit.plan import plan_namespace as plan_stored
from ...persist.unit.service import namespace_path
from ..common import DeclaredResource, namespace_label


@dataclass(frozen=True)
class ObservedNamespace:
    """A namespace as a host has it: its settings (``None``: it isn't there), the processes that are in it, and our file."""

    definition: Optional[NetNamespace]
    processes: tuple[Process, ...] = field(default=(), compare=False)
    text: Optional[str] = None


@dataclass(frozen=True)
class NamespaceResource(DeclaredResource[ObservedNamespace, NetNamespace]):
    """A network namespace; ``stored`` is whether the run also keeps it for the next boot."""

    stored: bool = False

    @property
    def label(self) -> str:
        return namespace_label(self.name)

    def provides(self, current: ObservedNamespace) -> frozenset[str]:
        del current
        return frozenset({namespace_label(self.name)})

    def current(self, host: Host) -> ObservedNamespace:
        driver = host.driver(NamespaceDriver)
        found = driver.read(self.name)
        held = found is not None and not self.present
        text = host.driver(FileDriver).read(UNIT).get(namespace_path(self.name)) if self.stored else None
        return ObservedNamespace(found, tuple(driver.processes(self.name)) if held else (), text)

    def _possible(self, world: World) -> NetNamespace:
        """Returns what is given, without what is so anyway where the kernel has no IPv6. Raises `OptionError`."""
        given = self.given
        if given.ipv6_forwarding is None or world.facts(InterfaceFacts).namespace(None).has_ipv6:
            return given
        if given.ipv6_forwarding:
            raise OptionError("ipv6_forwarding", True, WITHOUT_IPV6)
        return replace(given, ipv6_forwarding=None)

    def plan(self, current: ObservedNamespace, world: World, notes: Notes) -> Plan[ObservedNamespace]:
        there, unfinished = current.definition, bool(notes.get("created"))
        with under(self.path):
            if self.present:
                steps, after = plan_present(self._possible(world), there, unfinished=unfinished)
            else:
                states = world.facts(InterfaceFacts).namespace(self.name).states if there else {}
                steps, after = plan_absent(self.given, there, Contents(states.values(), current.processes)), None
        world.facts(NamespaceFacts).expect(self.name, present=self.present)
        files, kept = world.facts(FileFacts), PersistencePlan()
        if self.stored:
            kept = plan_stored(self.given, None if unfinished else there, self.present, files.read(UNIT))
            files.expect(UNIT, kept.changes)
        all_steps = (*steps, *kept.steps)
        method = "none" if not all_steps else "removed" if after is None else "changed" if there else "created"
        return Plan(
            steps=all_steps,
            after=ObservedNamespace(
                after, text=files.read(UNIT).get(namespace_path(self.name)) if self.stored else None
            ),
            handlers=kept.handlers,
            notes={"created": True} if method == "created" else {},
            returned={"method": method, "files": list(kept.changes), "persist": kept.tool},
        )

    def show(self, state: ObservedNamespace, plan: Plan[ObservedNamespace]) -> Shown:
        del plan
        files = {} if state.text is None else {"files": {namespace_path(self.name): state.text}}
        if state.definition is None:
            return {"name": self.name, "state": "absent", **files}
        shown = to_options(without_host_chosen(state.definition, self.given))
        return {"name": shown.pop("name"), "state": "present", **shown, **files}

    def describe(self, host: Host, state: ObservedNamespace) -> Options:
        if state.definition is None:
            return {"namespace": None}
        return {"namespace": _described(host, state.definition)}


def _described(host: Host, definition: NetNamespace) -> dict[str, object]:
    name = definition.name or ""
    processes = host.driver(NamespaceDriver).processes(name)
    return {
        "name": name,
        "definition": to_options(definition),
        "interfaces": own_interfaces(host.driver(InterfaceDriver, name).all().values()),
        "processes": [{"pid": process.pid, "command": process.command} for process in processes],
    }


def describe_namespaces(host: Host, names: Optional[Sequence[str]]) -> list[dict[str, object]]:
    """Returns the namespaces with these names, ``None`` for all of them, as the ``_info`` module returns them."""
    driver = host.driver(NamespaceDriver)
    found = [driver.read(name) for name in (driver.names() if names is None else names)]
    return [_described(host, definition) for definition in found if definition is not None]
