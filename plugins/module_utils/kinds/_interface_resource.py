# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interface of the host as a run plans it. What only declares one needs none of this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Optional, cast

from ..contract import AnyResource, Handler, Host, Notes, Options, Plan, Resource, Shown, Step, World
from ..errors import OptionError, VirtnetError, under
from ..model.codec import Json, from_json, to_json
from ..model.interface.desired import DesiredInterface
from ..model.interface.facts import InterfaceFacts
from ..model.interface.options import Interface, LinuxBridge, Tuntap
from ..model.interface.plan import (
    InterfacePlan,
    ObservedInterface,
    Resume,
    observed_interface,
    plan_interface,
    show,
)
from ..model.interface.requests import Create, InterfaceDriver, Remove
from ..model.interface.steps import InterfaceStep
from ..model.interface.uplink.declared import with_uplink
from ..model.interface.validate import check_own_bridge
from ..model.links import LinkFacts
from ..model.namespace.facts import NamespaceFacts
from ..model.namespace.steps import NamespaceDriver
from ..persist.choose import AUTO
from ..persist.facts import FileFacts
from ..persist.files import ToolFacts, header
from ..persist.interfaces import as_managed, chosen_tool, observed_uplink, plan_beside_networkd, plan_persistence
from ..persist.plan import NONE, UNIT, with_others
from ..persist.steps import FileDriver, WriteFile
from ..persist.unit.service import interface_owner
from ..persist.uplink.leases import lease_handlers
from ._interface_info import describe_interface
from .common import interface_name, namespace_label


@dataclass(frozen=True)
class InterfaceResource(Resource[ObservedInterface]):
    """An interface of the host; ``word`` is what its kind is called, ``path`` where its options stand, if not at the top."""

    desired: DesiredInterface
    word: str
    path: str = ""

    @property
    def name(self) -> str:
        return self.desired.name

    @property
    def label(self) -> str:
        return f"{self.word} {self.name}" + (f" in {self.desired.netns}" if self.desired.netns else "")

    @property
    def present(self) -> bool:
        return self.desired.present

    def provides(self, current: ObservedInterface) -> frozenset[str]:
        del current
        return frozenset({interface_name(self.desired.netns, self.name)})

    def needs(self, current: ObservedInterface) -> frozenset[str]:
        """Returns the parent, a bridge's ports, a tap's bridge, the namespace."""
        found: set[Optional[str]] = {self.desired.adopt}
        for definition in (self.desired.given, current.definition):
            found.add(definition.parent if definition else None)
            if isinstance(definition, LinuxBridge):
                found |= {port.name for port in definition.ports or ()} - current.taps
            if (
                isinstance(definition, Tuntap)
                and definition is self.desired.given
                and not self.desired.attached_by_bridge
            ):
                found.add(definition.bridge)
        # an interface that needs itself is refused with the option's name, see `model.interface.validate`
        needed = {interface_name(self.desired.netns, name) for name in found if name and name != self.name}
        return frozenset(needed | ({namespace_label(self.desired.netns)} if self.desired.netns else set()))

    def current(self, host: Host) -> ObservedInterface:
        netns = self.desired.netns
        if netns is not None and not host.driver(NamespaceDriver).exists(netns):
            return ObservedInterface(None, None)  # the namespace may be created by the same run
        with under(self.path):
            observed = observed_interface(
                self.name, host.driver(InterfaceDriver, self.desired.netns).all(), self.desired.given
            )
            files = host.driver(FileDriver)
            facts = files.facts()
            tool = chosen_tool(self.desired, facts).tool
        return self._with_files(observed, facts, files.read(tool) if tool != NONE else {})

    def _with_files(self, observed: ObservedInterface, facts: ToolFacts, files: Mapping[str, str]) -> ObservedInterface:
        """Returns it with the files of the boot tool, and with what that does by them."""
        definition = observed.definition
        if definition is not None:
            definition = with_uplink(definition, observed_uplink(self.desired, facts, files))
        return replace(observed, definition=definition, files=files)

    def plan(self, current: ObservedInterface, world: World, notes: Notes) -> Plan[ObservedInterface]:
        facts, files, netns = world.facts(InterfaceFacts), world.facts(FileFacts), self.desired.netns
        if not self.present and not world.facts(NamespaceFacts).exists(netns):
            return Plan((), current, returned={"method": "none", "files": [], "persist": NONE})
        with under(self.path):
            world.facts(NamespaceFacts).check(netns)
            namespace = facts.namespace(netns)
        before = dict(namespace.states)
        with under(self.path):
            if netns is None:
                check_own_bridge(self.desired, namespace.states, world.facts(LinkFacts))
            desired = as_managed(self.desired, current, files.tools)
            plan = plan_interface(desired, namespace, _resume(notes))
            stored = plan_persistence(
                self.desired,
                plan.after,
                files.tools,
                files.read,
                namespace.states,
                changes_host=bool(plan.steps),
                before=current,
            )
            new = plan.method == "created"
            beside = plan_beside_networkd(self.desired, plan.after, files.tools, files.read, new=new)
        files.expect(stored.tool, stored.changes)
        files.expect(beside.tool, beside.changes)
        stored = with_others(stored, beside)
        facts.expect_links(netns, before)
        if netns is None:
            _expect_renewed(plan.steps, world.facts(LinkFacts))
        steps = (*stored.before, *plan.steps, *stored.steps)
        leases = self._lease_handlers(current, plan, files) if steps else ()
        return Plan(
            steps=steps,
            after=plan.after,
            warnings=(*(() if stored.renews_leases else plan.warnings), *stored.warnings),
            handlers=(*stored.handlers, *leases),
            notes={"resume": to_json(plan.resume)} if plan.resume else {},
            returned={
                "method": plan.method if plan.steps or not steps else "changed" if self.present else "removed",
                "files": list(stored.changes),
                "persist": stored.tool,
            },
        )

    def _lease_handlers(self, current: ObservedInterface, plan: InterfacePlan, files: FileFacts) -> tuple[Handler, ...]:
        tool = chosen_tool(self.desired, files.tools).tool
        if tool in (NONE, UNIT) or not self.present:
            return ()
        asks = observed_uplink(self.desired, files.tools, files.read(tool))
        new = plan.method in ("created", "recreated")
        return lease_handlers(current.definition, plan.after, asks, new=new)

    def predicted(self, plan: Plan[ObservedInterface], world: World) -> ObservedInterface:
        if not world.facts(NamespaceFacts).exists(self.desired.netns):
            return plan.after
        states = world.facts(InterfaceFacts).namespace(self.desired.netns).states
        files = world.facts(FileFacts)
        tool = chosen_tool(self.desired, files.tools).tool
        return self._with_files(
            observed_interface(self.name, states, self.desired.given),
            files.tools,
            files.read(tool) if tool != NONE else {},
        )

    def show(self, state: ObservedInterface, plan: Plan[ObservedInterface]) -> Shown:
        shown = show(state, self.desired)
        touched = {step.path for step in plan.steps if isinstance(step, WriteFile)}
        ours = header(interface_owner(self.name, self.desired.netns))
        files = {path: held for path, held in state.files.items() if path in touched or held.startswith(ours)}
        return {**shown, "files": dict(sorted(files.items()))} if files else shown

    def describe(self, host: Host, state: ObservedInterface) -> Options:
        driver = host.driver(InterfaceDriver, self.desired.netns)
        if state.definition is None:
            return {"interface": None}
        uplink = observed_uplink(self.desired, host.driver(FileDriver).facts(), state.files)
        return {"interface": describe_interface(driver, self.name, uplink)}


def _expect_renewed(steps: Sequence[Step], links: LinkFacts) -> None:
    """Tells which interfaces are removed and created again."""
    requests = [(step, step.request) for step in steps if isinstance(step, InterfaceStep)]
    created = {request.definition.name for _step, request in requests if isinstance(request, Create)}
    for step, request in requests:
        if isinstance(request, Remove) and request.name in created:
            links.renew(request.name, [step])


def _resume(notes: Notes) -> Optional[Resume]:
    """Returns what a killed run had left to do; ``None`` if there was none, or one of another version of the collection."""
    try:
        return from_json(Resume, cast(Json, notes["resume"])) if "resume" in notes else None
    except VirtnetError:
        return None


def describe_interfaces(
    host: Host, option_class: type[Interface], names: Optional[Sequence[str]], netns: Optional[str]
) -> list[dict[str, object]]:
    """Returns the interfaces of a class with these names, ``None`` for all of them, as the ``_info`` modules return them."""
    driver = host.driver(InterfaceDriver, netns)
    there = {name for name, state in driver.all().items() if isinstance(state.definition, option_class)}
    found = []
    for name in sorted(there) if names is None else names:
        if name in there:
            declared = DesiredInterface(option_class(name=name), netns=netns, persist=AUTO)
            files = host.driver(FileDriver)
            tool = chosen_tool(declared, files.facts()).tool
            uplink = observed_uplink(declared, files.facts(), files.read(tool) if tool != NONE else {})
            found.append(describe_interface(driver, name, uplink))
    return found


# -- beside the others of a run ------------------------------------------------------------------------------------------


def settled_bridge(resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
    """Returns a bridge that knows which of its ports the run declares down, and which ones as ports of other bridges, or of none."""
    if not isinstance(resource, InterfaceResource):
        return resource
    beside = [other.desired.given for other in _beside(resource, others) if other.name != resource.name]
    down = frozenset(given.name or "" for given in beside if given.up is False)
    taken = frozenset(port.name or "" for given in beside for port in given.ports or ())
    elsewhere = {given.name or "" for given in beside if given.bridge not in (None, resource.name)}
    return replace(resource, desired=replace(resource.desired, down_ports=down, other_ports=taken | elsewhere))


def settled_tap(resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
    """Returns a tap that leaves it to the bridge that lists it to attach it, and so can be created before the bridge.

    Otherwise each would need the other. Raises `OptionError` if the tap is to be a port of another bridge, or of none.
    """
    if not isinstance(resource, InterfaceResource) or not resource.present:
        return resource
    bridge = resource.desired.given.bridge
    listing = [
        other.name
        for other in _beside(resource, others)
        if any(port.name == resource.name for port in other.desired.given.ports or ())
    ]
    for name in listing:
        if bridge not in (None, name):
            problem = f"isn't what the bridge {name} says, which has {resource.name} in ports; remove one of them"
            with under(resource.path):
                raise OptionError("bridge", bridge, problem)
    return replace(resource, desired=replace(resource.desired, listed_by=listing[0] if listing else None))


def _beside(resource: InterfaceResource, others: Sequence[AnyResource]) -> list[InterfaceResource]:
    """Returns the interfaces that a run declares in the namespace of another one."""
    found = [other for other in others if isinstance(other, InterfaceResource) and other.present]
    return [other for other in found if other.desired.netns == resource.desired.netns]
