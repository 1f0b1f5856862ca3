# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's own interfaces, as ``linux_bridge``, ``vlan_iface``, ``tuntap`` and ``fabric`` declare them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional

from ..backend.host import Host
from ..errors import OptionError
from ..model.codec import from_json, to_json
from ..model.fields import (
    argument_spec,
    from_options,
    merge,
    shapes,
    to_options,
    without_host_chosen,
)
from ..model.interface.desired import DesiredInterface, ports_of, whole
from ..model.interface.options import Interface, LinuxBridge, Tuntap, VlanIface
from ..model.interface.plan import InterfacePlan, ObservedInterface, Resume, observed_interface, plan_interface, show
from ..model.values import ifname
from ..model.world import FileSource, World
from ..persist.choose import CHOICES, NONE, TOOLS, Choice, choose, plan_files
from ..persist.files import Request, header, made_for
from ..persist.steps import MEDDLING, HoldTool, ReloadTool, WriteFile
from .kind import Kind, provided


@dataclass(frozen=True)
class InterfaceKind:
    """``word`` is what one is called, ``options`` the class of its options."""

    word: str
    options: type[Interface]


INTERFACES = {
    kind.word: kind
    for kind in (InterfaceKind("bridge", LinuxBridge), InterfaceKind("vlan", VlanIface), InterfaceKind("tap", Tuntap))
}


def interface_spec(kind: InterfaceKind) -> dict[str, Any]:
    """The options of a kind of interface, as its module and the items of its list in ``fabric`` take them."""
    spec = argument_spec(kind.options)
    spec.update(
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        netns={"type": "str"},
        persist={"type": "str", "choices": list(CHOICES), "default": "auto"},
    )
    if kind.options is LinuxBridge:
        spec.update(adopt={"type": "str"}, purge_taps={"type": "bool", "default": False})
    else:
        spec.update(recreate={"type": "bool", "default": True})
    return spec


def interface_rules(_kind: InterfaceKind) -> dict[str, Any]:
    """What goes with what in `interface_spec`: that depends on what is there, and is told by the plan."""
    return {}


def parse_interface_options(kind: InterfaceKind, options: Mapping[str, Any], path: str = "") -> InterfaceResource:
    """An interface from a module's options; raises `OptionError`."""
    try:
        given = from_options(kind.options, options)
        adopt = options.get("adopt")
        if adopt is not None:
            try:
                ifname(adopt)
            except ValueError as error:
                raise OptionError("adopt", adopt, str(error)) from None
    except OptionError as error:
        raise error.under(path) if path else error from None
    return InterfaceResource(
        DesiredInterface(
            given=given,
            present=options["state"] == "present",
            netns=options.get("netns"),
            persist=options["persist"],
            adopt=adopt,
            purge_taps=bool(options.get("purge_taps")),
            recreate=options.get("recreate") is not False,
        ),
        kind,
        path,
    )


@dataclass(frozen=True)
class InterfaceResource:
    """An interface of the host."""

    desired: DesiredInterface
    kind: InterfaceKind
    path: str = ""  # where the options stand, if not at the top

    @property
    def label(self) -> str:
        return f"{self.kind.word} {self.desired.name}" + (f" in {self.desired.netns}" if self.desired.netns else "")

    @property
    def present(self) -> bool:
        return self.desired.present

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({provided(self.desired.netns, self.desired.name)})

    def needs(self, before: ObservedInterface) -> frozenset[str]:
        """A VLAN's parent, a bridge's ports, a tap's bridge."""
        found: set[Optional[str]] = {self.desired.adopt}
        for definition in (self.desired.given, before.definition):
            if isinstance(definition, VlanIface):
                found.add(definition.parent)
            if isinstance(definition, LinuxBridge):
                found |= {port.name for port in definition.ports or ()} - before.taps
            if isinstance(definition, Tuntap) and definition is self.desired.given and not self.desired.left_to_bridge:
                found.add(definition.bridge)
        # to need itself is refused with the option's name, see `model.interface.validate`
        return frozenset(provided(self.desired.netns, name) for name in found if name and name != self.desired.name)

    def observe(self, host: Host) -> ObservedInterface:
        try:
            seen = observed_interface(self.desired.name, host.interfaces(self.desired.netns).all())
            tool = self._tool(host)
        except OptionError as error:
            raise error.under(self.path) if self.path else error from None
        return replace(seen, files=host.files.read(tool) if tool != NONE else {})

    def _tool(self, host: Any) -> str:
        return self._choice(host.files).tool

    def _choice(self, files: FileSource) -> Choice:
        desired = self.desired
        return choose(desired.persist, files.facts(), desired.name, desired.netns)

    def plan(self, before: ObservedInterface, world: World, resume: Mapping[str, Any]) -> InterfacePlan:
        try:
            noted = from_json(Resume, resume) if resume else None
            desired = self._while_it_runs(before, world.files)
            plan = plan_interface(desired, world.namespace(self.desired.netns), noted)
            notes = to_json(plan.resume) if plan.resume else {}
            return self._with_files(replace(plan, resume=notes), world)
        except OptionError as error:
            raise error.under(self.path) if self.path else error from None

    def _while_it_runs(self, before: ObservedInterface, files: FileSource) -> DesiredInterface:
        """What is desired as the kernel shows it while a tool manages the interface, see `persist.files.Tool`."""
        given, tool = self.desired.given, self._choice(files).tool
        if tool == NONE or given.ipv6 is None:
            return self.desired
        base = before.definition if type(before.definition) is type(given) else type(given)(name=given.name)
        kept = TOOLS[tool].kept(without_host_chosen(merge(base, given), given))
        return replace(self.desired, given=replace(given, ipv6=kept.ipv6))

    def _with_files(self, plan: InterfacePlan, world: World) -> InterfacePlan:
        """The files that make it so after a reboot, after the steps that make it so now."""
        choice = self._choice(world.files)
        warnings = [*plan.warnings, *([choice.warning] if choice.warning and self.desired.present else [])]
        if choice.tool == NONE:
            return replace(plan, warnings=tuple(warnings))
        files = world.read_files(choice.tool)
        states = world.namespace(self.desired.netns).states
        stored = self._stored(plan.after, files)
        result = plan_files(
            choice.tool, Request(self.desired.name, stored, files, states, self.desired.adopt, world.files.facts())
        )
        world.expect_files(choice.tool, result.changes)
        steps = [WriteFile(choice.tool, path, text, files.get(path)) for path, text in result.changes.items()]
        held = [HoldTool(choice.tool, self.desired.name)] if plan.steps and steps and choice.tool in MEDDLING else []
        return replace(
            plan,
            steps=(*held, *plan.steps, *steps),
            last=(ReloadTool(choice.tool, self._names_for(choice.tool)),) if steps else (),
            method=plan.method if plan.steps or not steps else "changed" if self.desired.present else "removed",
            warnings=(*warnings, *result.unsupported),
            touched=tuple(result.changes),
            persist=choice.tool,
        )

    def _names_for(self, tool: str) -> tuple[str, ...]:
        """Whom the tool takes over: networkd also an interface that a bridge gives back."""
        adopted = self.desired.adopt if tool == "networkd" else None
        return (self.desired.name, adopted) if adopted else (self.desired.name,)

    def _stored(self, seen: ObservedInterface, files: Mapping[str, str]) -> Optional[Interface]:
        """What is kept over a reboot: what was asked for and what is there, without what the host chooses anew each time
        and without the guests' taps. Nor does a tap's file name a bridge whose own files name the tap."""
        if seen.definition is None or not self.desired.present:
            return None
        kept = without_host_chosen(seen.definition, self.desired.given)
        kept = replace(kept, ipv6=self.desired.given.ipv6)
        if isinstance(kept, Tuntap) and isinstance(self.desired.given, Tuntap) and self.desired.given.bridge is None:
            named = any(made_for(text) == kept.bridge and self.desired.name in text.split() for text in files.values())
            return replace(kept, bridge=None) if named else kept
        if not isinstance(kept, LinuxBridge) or not isinstance(self.desired.given, LinuxBridge):
            return kept
        given = {port.name: port for port in self.desired.given.ports or ()}
        ports = tuple(
            without_host_chosen(port, given.get(port.name))
            for port in kept.ports or ()
            if port.name in given or port.name not in seen.taps
        )
        mac = seen.definition.mac if self.desired.adopt else kept.mac
        return replace(kept, ports=ports or None, mac=mac)

    def predicted(self, plan: InterfacePlan, world: World) -> ObservedInterface:
        seen = observed_interface(self.desired.name, world.namespace(self.desired.netns).states)
        return replace(seen, files=world.read_files(plan.persist) if plan.persist != NONE else {})

    def show(self, seen: ObservedInterface, plan: InterfacePlan) -> dict[str, Any]:
        shown = show(seen, self.desired)
        mine = header(self.desired.name)
        files = {path: text for path, text in seen.files.items() if path in plan.touched or text.startswith(mine)}
        return {**shown, "files": dict(sorted(files.items()))} if files else shown

    def report(self, host: Host, seen: ObservedInterface, plan: InterfacePlan) -> dict[str, Any]:
        """What the module returns of this resource besides ``changed`` and ``actions``."""
        driver = host.interfaces(self.desired.netns)
        there = seen is not None and seen.definition is not None
        return {
            "interface": describe_interface(driver, self.desired.name) if there else None,
            "method": plan.method,
            "files": list(plan.touched),
            "persist": plan.persist,
        }


def leave_to_bridges(resources: Sequence[Any]) -> list[Any]:
    """A tap and the bridge that lists it may need each other: then the bridge takes the tap, when it is there."""
    takers = {
        (resource.desired.netns, resource.desired.name, port.name)
        for resource in resources
        if isinstance(resource, InterfaceResource)
        and isinstance(resource.desired.given, LinuxBridge)
        and resource.present
        for port in resource.desired.given.ports or ()
    }

    def settled(resource: Any) -> Any:
        if isinstance(resource, InterfaceResource) and isinstance(resource.desired.given, Tuntap):
            desired = resource.desired
            if (desired.netns, resource.desired.given.bridge, desired.name) in takers:
                return replace(resource, desired=replace(desired, left_to_bridge=True))
        return resource

    return [settled(resource) for resource in resources]


def describe_interface(driver: Any, name: str) -> dict[str, Any]:
    """An interface for the `_info` modules: its definition in the structure of the options, and what only a host knows."""
    states = driver.all()
    state = states[name]
    definition = whole(name, states) or Interface(name=name)
    described: dict[str, Any] = {
        "name": name,
        "kind": state.kind,
        "index": state.index,
        "definition": {**to_options(definition), **_defaults(definition)},
        "state": "up" if definition.up else "down",
        "carrier": state.carrier,
        "mac": definition.mac,
        "mtu": definition.mtu,
        "master": state.master,
        **driver.details(name),
    }
    if isinstance(definition, LinuxBridge):
        described["ports"] = [port.name for port in ports_of(name, states)]
        described["vlans"] = [
            _vlans(name, definition),
            *(_vlans(port.name or "", port) for port in definition.ports or ()),
        ]
    if isinstance(definition, Tuntap):
        described["persistent"] = state.persistent
        described["attached"] = state.attached
    return described


def _defaults(definition: Interface) -> dict[str, Any]:
    """The settings that have the kernel's default, which the normal form leaves out."""
    return {
        shape.name: shape.meta["absent"]
        for shape in shapes(type(definition))
        if shape.meta["absent"] is not None and getattr(definition, shape.name) is None
    }


def _vlans(name: str, holder: Any) -> dict[str, Any]:
    return {
        "name": name,
        "pvid": holder.pvid,
        "tagged": list(holder.tagged or ()),
        "untagged": list(holder.untagged or ()),
    }


def _describe(
    kind: InterfaceKind, host: Host, names: Optional[Sequence[str]], options: Mapping[str, Any]
) -> list[dict[str, Any]]:
    driver = host.interfaces(options["netns"])
    there = {name for name, state in driver.all().items() if isinstance(state.definition, kind.options)}
    return [describe_interface(driver, name) for name in (sorted(there) if names is None else names) if name in there]


def _kind(plural: str, kind: InterfaceKind) -> Kind:
    return Kind(
        plural,
        functools.partial(interface_spec, kind),
        functools.partial(interface_rules, kind),
        functools.partial(parse_interface_options, kind),
        functools.partial(_describe, kind),
        {"netns": {"type": "str"}},
    )


BRIDGE = _kind("bridges", INTERFACES["bridge"])
VLAN = _kind("vlans", INTERFACES["vlan"])
TUNTAP = _kind("taps", INTERFACES["tap"])
