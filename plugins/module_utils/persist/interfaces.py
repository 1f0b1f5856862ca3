# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How interfaces survive a reboot: from what is desired and the host's boot tools to files, steps and handlers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Callable, Optional

from ..errors import OptionError
from ..model.fields import merge, without_host_chosen
from ..model.interface.desired import DesiredInterface
from ..model.interface.options import Interface, InterfaceState, LinuxBridge, MacvlanIface, Tuntap, Uplink
from ..model.interface.plan import ObservedInterface
from ..model.interface.uplink.declared import declared_uplink, stored_uplink, with_uplink
from .choose import TOOLS, Choice, choose, plan_files
from .declared import declaration as declarations
from .declared.declaration import Declaration
from .files import Request, ToolFacts, made_for
from .ifupdown.stanzas import renews_leases
from .networkd.match import fitting
from .networkd.unmanaged import plan_unmanaged
from .plan import NONE, UNIT, FileChanges, PersistencePlan, plan_provider
from .steps import StopDhcp
from .takeover import remembered, with_fixed_leases
from .uplink.check import check_ours, check_tool, tool_warnings

_CANNOT = ((MacvlanIface, "netplan"),)  # kinds that a tool has no section for, and that our unit creates in its place


@dataclass(frozen=True)
class BootTool:
    """A boot tool as a `plan.Provider`, by the name in `choose.TOOLS`."""

    name: str

    def interferes(self, stored: Request) -> bool:
        """Returns whether it would at once create again what is removed, or set up by a user's file what is new.

        networkd does the latter where that file comes before ours are read: a bridge that adopts a NIC has its MAC address,
        and so fits what is for the NIC.
        """
        if self.name == "networkd" and stored.new and stored.name in stored.interfaces:
            return bool(fitting(stored.files, stored.interfaces[stored.name]))
        return self.name in ("networkmanager", "netplan")

    def changes(self, stored: Request) -> FileChanges:
        return plan_files(self.name, stored)

    def concerned(self, stored: Request) -> tuple[str, ...]:
        """Returns the interface, and the one that a bridge gives back, which has to be set up again; NetworkManager finds it
        by itself. ifupdown would run all of a user's stanza again, and so start a second DHCP client."""
        declaration = stored.declaration or declarations.remembered(stored.files, stored.name)
        if self.name == "ifupdown" and declaration is not None and not declaration.complete:
            return ()
        adopted = None if self.name == "networkmanager" else stored.adopt
        return (stored.name, adopted) if adopted else (stored.name,)


def chosen_tool(desired: DesiredInterface, facts: ToolFacts) -> Choice:
    """Returns the boot tool that stores an interface; raises `OptionError` where ``persist`` names one that can't."""
    given = desired.given
    ports = [port.name for port in given.ports or ()]
    others = [name for name in (desired.adopt, given.parent, *ports) if name]
    choice = choose(desired.persist, facts, desired.name, desired.netns, others)
    if (type(given), choice.tool) not in _CANNOT:
        return choice
    if desired.persist == choice.tool:
        problem = f"has no {given.word}s; set it to auto, with which a unit of systemd creates it at boot"
        raise OptionError("persist", desired.persist, problem)
    return Choice(UNIT, choice.warning)


def as_managed(desired: DesiredInterface, before: ObservedInterface, facts: ToolFacts) -> DesiredInterface:
    """Returns what is desired as the kernel shows it while the tool manages the interface (`files.Tool.kept`).

    What is compared with the host is this, or each run would undo what the tool does.
    """
    given, tool = desired.given, chosen_tool(desired, facts).tool
    if tool in (NONE, UNIT) or given.ipv6 is None:
        return desired
    base = before.definition if type(before.definition) is type(given) else type(given)(name=given.name)
    kept = TOOLS[tool].kept(without_host_chosen(merge(base, given), given))
    return replace(desired, given=replace(given, ipv6=kept.ipv6))


def stored_interface(
    desired: DesiredInterface, after: ObservedInterface, files: Mapping[str, str]
) -> Optional[Interface]:
    """Returns the interface that the files have to make at boot where nothing is remembered of it, ``None`` for none.

    It is what was asked for and what else is there (``after``), without what the host chooses at each boot and without
    the guests' taps.
    """
    if after.definition is None or not desired.present:
        return None
    given = desired.given
    kept = replace(without_host_chosen(after.definition, given), ipv6=given.ipv6)
    if after.state is not None:
        kept = with_fixed_leases(kept, desired, after.state, files)
    if isinstance(kept, Tuntap) and isinstance(given, Tuntap):
        return _stored_tap(kept, desired, files)
    if isinstance(kept, LinuxBridge) and isinstance(given, LinuxBridge):
        bridge = _stored_bridge(kept, given, after.taps)
        return replace(bridge, mac=after.definition.mac) if desired.adopt else bridge
    return kept


def _stored_tap(kept: Tuntap, desired: DesiredInterface, files: Mapping[str, str]) -> Tuntap:
    """Returns the tap without its bridge, where the bridge's own files name the tap, or will do so after this run."""
    if desired.given.bridge is not None:
        return kept
    if desired.listed_by is not None and desired.listed_by == kept.bridge:
        return replace(kept, bridge=None)
    named = any(made_for(text) == kept.bridge and kept.name in text.split() for text in files.values())
    return replace(kept, bridge=None) if named else kept


def _stored_bridge(kept: LinuxBridge, given: LinuxBridge, taps: frozenset[str]) -> LinuxBridge:
    options = {port.name: port for port in given.ports or ()}
    ports = tuple(
        without_host_chosen(port, options.get(port.name))
        for port in kept.ports or ()
        if port.name in options or port.name not in taps
    )
    return replace(kept, ports=ports or None)


def observed_uplink(desired: DesiredInterface, facts: ToolFacts, files: Mapping[str, str]) -> Uplink:
    """Returns what the boot tool does for an interface because of tasks; ``files`` are those of the tool that stores it."""
    tool = chosen_tool(desired, facts).tool
    return Uplink() if tool in (NONE, UNIT) else _own_uplink(tool, files, desired.name)


def plan_persistence(
    desired: DesiredInterface,
    after: ObservedInterface,
    facts: ToolFacts,
    read_files: Callable[[str], Mapping[str, str]],
    states: Mapping[str, InterfaceState],
    *,
    changes_host: bool,
    before: Optional[ObservedInterface] = None,
) -> PersistencePlan:
    """Plans the files that make an interface at boot as it is ``after`` the steps that change the running host.

    ``read_files`` returns a tool's files by path, and ``states`` are the host's interfaces, both as they are once all that
    is planned so far is done. ``changes_host`` says whether there are such steps, ``before`` is the interface without them.
    Raises `OptionError` as `chosen_tool`.
    """
    choice = chosen_tool(desired, facts)
    check_tool(desired, choice, facts)
    warnings = (choice.warning,) if choice.warning and desired.present else ()
    if choice.tool == NONE:
        return PersistencePlan(warnings=warnings)
    files = read_files(choice.tool)
    stored = stored_interface(desired, after, files)
    new = before is None or before.definition is None
    if choice.tool == UNIT:
        from .unit.plan import plan_interface

        return plan_interface(desired, stored, after, files, new=new)
    if stored is not None and isinstance(desired.given, Uplink):
        stored = with_uplink(stored, stored_uplink(desired.given, _own_uplink(choice.tool, files, desired.name)))
    request = Request(desired.name, stored, files, states, desired.adopt, facts, desired.given, new=new)
    if stored is not None:
        request = _as_declared(request, stored, desired, after, before, choice.tool)
    plan = plan_provider(BootTool(choice.tool), request, files, name=desired.name, changes_host=changes_host)
    users = None if desired.present else TOOLS[choice.tool].made_by(request)
    if users is not None:
        again = f"{desired.name}: {users} makes it again at the next boot; remove it from that file, too"
        plan = replace(plan, warnings=(*plan.warnings, again))
    plan = replace(plan, warnings=(*plan.warnings, *tool_warnings(desired, choice.tool, facts)))
    if choice.tool == "ifupdown":
        # NetworkManager's own client stops with it
        return _without_dhcp(plan, files, desired, changes_host=changes_host)
    return plan


def plan_beside_networkd(
    desired: DesiredInterface,
    after: ObservedInterface,
    facts: ToolFacts,
    read_files: Callable[[str], Mapping[str, str]],
    *,
    new: bool,
) -> PersistencePlan:
    """Plans what keeps networkd away from an interface that it doesn't store, see `networkd.unmanaged`."""
    given, tool = desired.given, chosen_tool(desired, facts).tool
    if desired.netns is not None or tool not in (NONE, UNIT) or "networkd" not in facts.installed:
        return PersistencePlan()
    state = None
    if desired.present and after.definition is not None:
        state = after.state or InterfaceState(given.traits.kernel_kind or "", 0, after.definition)
    new = new and bool(given.addresses or given.routes or given.bridge or desired.listed_by)
    return plan_unmanaged(desired.name, state, facts, read_files("networkd"), new=new, stored=tool == UNIT)


def _own_uplink(tool: str, files: Mapping[str, str], name: str) -> Uplink:
    """Returns what tasks have declared of DHCP and name servers: as it is remembered, or as the files say.

    What a bridge took over from the user's files wasn't declared, and is written again anyway.
    """
    declaration = declarations.remembered(files, name)
    if declaration is not None:
        return declared_uplink(declaration.options)
    if any(made_for(text) == name and remembered(text) for text in files.values()):
        return Uplink(name=name)
    return TOOLS[tool].uplink(files, name)


def _without_dhcp(
    plan: PersistencePlan, files: Mapping[str, str], desired: DesiredInterface, *, changes_host: bool
) -> PersistencePlan:
    """Returns the plan with the end of the DHCP client of the interface whose address moves away, or that no longer asks."""
    ours = {path: text for path, text in files.items() if made_for(text) == desired.name}
    leaving: Optional[str] = None
    if desired.adopt and changes_host and plan.renews_leases:
        there = [taken.interface for text in ours.values() if (taken := remembered(text))]
        leaving = None if desired.adopt in there else desired.adopt
    elif any(
        renews_leases(text) and not renews_leases(plan.changes.get(path, text) or "") for path, text in ours.items()
    ):
        leaving = desired.name
    return replace(plan, before=(StopDhcp(plan.tool, leaving), *plan.before)) if leaving else plan


def _without_ports_of_others(options: Interface, desired: DesiredInterface, request: Request) -> Interface:
    """Returns the options of a bridge without former ports that are ports of another bridge now, or by the same run."""
    if desired.given.ports is not None or not isinstance(options, LinuxBridge) or not options.ports:
        return options
    masters = {name: state.master for name, state in request.interfaces.items()}
    kept = tuple(
        port
        for port in options.ports
        if port.name not in desired.other_ports and masters.get(port.name or "") in (None, request.name)
    )
    return options if kept == options.ports else replace(options, ports=kept or None)


def _as_declared(
    request: Request,
    stored: Interface,
    desired: DesiredInterface,
    after: ObservedInterface,
    before: Optional[ObservedInterface],
    tool: str,
) -> Request:
    """Returns the request with what tasks have declared of the interface, this one included.

    Where nothing is remembered, all that ``stored`` has counts as declared, unless the interface is new or the user's.
    """
    given, definition = desired.given, after.definition or stored
    there = before.definition if before else None
    remembered = declarations.remembered(request.files, request.name)
    ours = TOOLS[tool].own_path(request.name) in request.files
    users = TOOLS[tool].made_by(request) is not None
    # what a bridge takes over has its place in files of ours
    complete = not users or bool(desired.adopt) or (ours if remembered is None else remembered.complete)
    if not complete:
        check_ours(given, str(TOOLS[tool].made_by(request)))
    if remembered is not None and complete and not remembered.complete:
        remembered = None
    earlier = remembered is None and ours and complete
    if remembered is not None:
        options = declarations.declared(remembered.options, given, definition)
    elif complete and (earlier or there is not None):
        options = declarations.declared(declarations.from_complete(stored), given, definition)
    else:
        options = declarations.declared(None, given, definition)
    options = _without_ports_of_others(options, desired, request)
    if desired.adopt and not earlier:
        options = declarations.with_adopted(options, given, declarations.from_complete(stored), there)
    if complete and not earlier:
        stored = declarations.complete(options)
        if isinstance(stored, Tuntap) and isinstance(given, Tuntap):
            stored = _stored_tap(stored, desired, request.files)
    return replace(request, desired=stored, declaration=Declaration(options, complete), earlier=earlier)
