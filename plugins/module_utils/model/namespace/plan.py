# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a network namespace that a host has, or hasn't, to the desired one. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional, Union

from ...errors import OptionError
from ..fields import merge, shapes
from ..interface.options import InterfaceState
from .options import NetNamespace
from .steps import CreateNamespace, Process, RemoveNamespace, SetNamespace

NamespaceStep = Union[CreateNamespace, SetNamespace, RemoveNamespace]

# Interfaces that the kernel itself puts into each namespace where their module is loaded
# (net.core.fb_tunnels_only_for_init_net in sysctl/net.rst); they can't be removed.
_FALLBACK = frozenset(
    ("tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0", "ip6gretap0")
)
_SHOWN = 5  # of processes in an error


@dataclass(frozen=True)
class Contents:
    """What is in a namespace."""

    interfaces: Collection[InterfaceState] = ()
    processes: Sequence[Process] = ()


def own_interfaces(states: Collection[InterfaceState]) -> list[str]:
    """Returns the names of the interfaces in a namespace, sorted, without those of the kernel itself."""
    return sorted(state.name for state in states if not state.loopback and state.name not in _FALLBACK)


def plan_present(
    given: NetNamespace, current: Optional[NetNamespace], *, unfinished: bool = False
) -> tuple[list[NamespaceStep], NetNamespace]:
    """Returns the steps to a namespace that is to be there, and how it is after them.

    ``unfinished`` says that a run that was killed has created it.
    """
    name = given.name or ""
    steps: list[NamespaceStep] = []
    base = current
    if base is None:
        steps.append(CreateNamespace(name))
        base = NetNamespace(name, loopback=False)
    if current is None or unfinished:
        given = replace(given, loopback=given.loopback is not False)
    for shape in shapes(NetNamespace):
        new, old = getattr(given, shape.name), getattr(base, shape.name)
        if shape.name != "name" and new is not None and new != old:
            changes: dict[str, Any] = {shape.name: new}
            former: dict[str, Any] = {shape.name: old}
            steps.append(SetNamespace(name, NetNamespace(**changes), NetNamespace(**former)))
    return steps, merge(base, given)


def plan_absent(given: NetNamespace, current: Optional[NetNamespace], contents: Contents) -> list[NamespaceStep]:
    """Returns the step that removes a namespace. Raises `OptionError` while something is in it."""
    if current is None:
        return []
    name = given.name or ""
    interfaces = own_interfaces(contents.interfaces)
    if interfaces:
        raise OptionError(
            "name", name, f"can't be removed while it has interfaces: {', '.join(interfaces)}; remove these first"
        )
    if contents.processes:
        found = [f"{process.command} ({process.pid})" for process in contents.processes[:_SHOWN]]
        more = len(contents.processes) - len(found)
        listed = ", ".join(found) + (f" and {more} more" if more else "")
        raise OptionError("name", name, f"can't be removed while processes are in it: {listed}; end these first")
    return [RemoveNamespace(name)]
