# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit has to store: from a declared object to its file, with the files of the unit itself. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional, TypeVar

from ...errors import VirtnetError
from ...model.codec import from_json, to_json
from ...model.fields import merge, shapes, without_host_chosen
from ...model.interface.desired import DesiredInterface
from ...model.interface.options import Interface, InterfaceState
from ...model.interface.plan import ObservedInterface
from ...model.namespace.options import NetNamespace, short_name
from ...model.veth.options import VethEnd, VethPair, as_interface
from ..declared import declaration
from ..files import header
from ..plan import UNIT, PersistencePlan
from ..steps import ReloadTool, WriteFile
from .commands import creating_interface, creating_namespace, creating_pair
from .service import DIRECTORY, SERVICE, interface_owner, interface_path, namespace_path, pair_path

T = TypeVar("T")
E = TypeVar("E", bound=VethEnd)
_OPTIONS = "# Declared: "


def text_of(name: str, options: object, commands: Iterable[str]) -> str:
    """Returns the text of a file: what tasks have declared, by which a later run knows it, and the commands."""
    declared = json.dumps(to_json(options), sort_keys=True)
    return "\n".join([header(name), f"{_OPTIONS}{declared}", *commands]) + "\n"


def declared_in(cls: type[T], text: Optional[str]) -> Optional[T]:
    """Returns what tasks have declared by the text of a file; ``None`` where it isn't known."""
    second = (text or "\n").split("\n", 2)[1]
    try:
        return from_json(cls, json.loads(second[len(_OPTIONS) :])) if second.startswith(_OPTIONS) else None
    except (ValueError, VirtnetError):
        return None


def plan_file(name: str, path: str, text: Optional[str], files: Mapping[str, str]) -> PersistencePlan:
    """Plans the file of an object (``None``: none), and the files of the unit, which goes with the last object."""
    changes: dict[str, Optional[str]] = {}
    stored = {each for each in files if each.startswith(f"{DIRECTORY}/")} - {path}
    needed = bool(stored) or text is not None
    if text is None and path in files:
        changes[path] = None
    for each, content in SERVICE.items():
        if files.get(each) != (content if needed else None):
            changes[each] = content if needed else None
    if text is not None and files.get(path) != text:
        changes[path] = text
    steps = tuple(WriteFile(UNIT, each, content, files.get(each)) for each, content in changes.items())
    return PersistencePlan(
        tool=UNIT, steps=steps, handlers=(ReloadTool(UNIT, (name,)),) if steps else (), changes=changes
    )


def plan_namespace(
    given: NetNamespace, before: Optional[NetNamespace], present: bool, files: Mapping[str, str]
) -> PersistencePlan:
    """Plans the file of a namespace; ``before`` is the one that the host has."""
    name = given.name or ""
    path = namespace_path(name)
    if not present:
        return plan_file(name, path, None, files)
    former = declared_in(NetNamespace, files.get(path))
    if former is None:
        # of what a user has created, the loopback interface stays as it is
        former = NetNamespace(name, loopback=None if before is None or before.loopback else False)
    options = merge(former, given)
    return plan_file(name, path, text_of(f"namespace {name}", options, creating_namespace(options)), files)


def plan_pair(
    given: VethPair, after: Optional[Sequence[Optional[InterfaceState]]], files: Mapping[str, str], *, new: bool
) -> PersistencePlan:
    """Plans the file of a veth pair. ``after`` are both ends as they will be, with complete definitions; ``None``: none."""
    end = given.end_name
    path = pair_path(end.name, end.netns)
    if after is None:
        return plan_file(end.name, path, None, files)
    former = declared_in(VethPair, files.get(path))
    peer, former_peer = given.peer or VethEnd(), former.peer if former else None
    own = _declared_end(given, former, after[0], new=new)
    other = _declared_end(peer, former_peer, after[1], new=new)
    options = replace(own, peer=other)
    pair = replace(_complete(own), peer=None)
    commands = creating_pair(pair, _complete(other), after)
    return plan_file(end.name, path, text_of(f"veth pair {end}", options, commands), files)


def _declared_end(given: E, former: Optional[VethEnd], state: Optional[InterfaceState], *, new: bool) -> E:
    """Returns what tasks have declared of an end, with what ``given`` adds."""
    after = state.definition if state else as_interface(given)
    base = as_interface(former) if former else None
    if base is None and not new:
        kept = replace(without_host_chosen(after, given.interface), ipv6=given.ipv6)
        base = declaration.from_complete(kept)
    found = declaration.declared(base, given.interface, after)
    bridge = given.bridge if given.bridge is not None or former is None else former.bridge
    return _with(given, found, bridge)


def _complete(options: E) -> E:
    """Returns an end as the options make it where there is none."""
    return _with(options, declaration.complete(as_interface(options)), options.bridge)


def _with(end: E, interface: Interface, bridge: Optional[str]) -> E:
    changes: dict[str, Any] = {shape.name: getattr(interface, shape.name) for shape in shapes(Interface)}
    return replace(end, **{**changes, "bridge": bridge})


def plan_interface(
    desired: DesiredInterface,
    stored: Optional[Interface],
    after: ObservedInterface,
    files: Mapping[str, str],
    *,
    new: bool,
) -> PersistencePlan:
    """Plans the file of another interface; ``stored`` is what is to be there at boot where nothing is remembered of it."""
    name, netns = desired.name, None if desired.netns is None else short_name(desired.netns)
    path = interface_path(name, netns)
    if stored is None or after.definition is None:
        return plan_file(name, path, None, files)
    former = declared_in(type(desired.given), files.get(path))
    if former is None and not new:
        former = declaration.from_complete(stored)
    options = declaration.declared(former, desired.given, after.definition)
    commands = creating_interface(declaration.complete(options), netns, after.state)
    return plan_file(name, path, text_of(interface_owner(name, netns), options, commands), files)
