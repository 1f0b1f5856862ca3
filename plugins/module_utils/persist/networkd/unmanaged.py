# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps networkd away from interfaces that it doesn't store, but that a file for others fits, such as ``[Match] Type=ether``.

It would set up a new interface by that file, remove the addresses and routes that a task has declared, and detach it from its bridge
(link_drop_foreign_config and link_request_to_set_master in systemd's src/network).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from ...model.interface.options import InterfaceState
from ..files import ToolFacts, header
from ..ini import parse
from ..plan import PersistencePlan
from ..steps import HoldTool, ReloadTool, WriteFile
from .match import DIRECTORIES, first_name, fitting

TOOL = "networkd"
# What the path of a file begins with that holds networkd back during a run. By its name it is read before all files of others, also
# before those of ours.
HELD = "/run/systemd/network/!-virtnet-kvm-held-"
# The first is for what is kept for the next boot, the other one for what is gone then.
_KEPT, _GONE = DIRECTORIES[:2]
_YES = ("yes", "true", "on", "1", "y", "t")


def unmanaged(name: str) -> str:
    """Returns the text of a file by which networkd leaves an interface alone (systemd.network(5))."""
    return f"{header(name)}\n[Match]\nName={name}\n\n[Link]\nUnmanaged=yes\n"


def plan_unmanaged(
    name: str,
    interface: Optional[InterfaceState],
    facts: ToolFacts,
    files: Mapping[str, str],
    *,
    new: bool,
    stored: bool,
) -> PersistencePlan:
    """Plans the file for an interface as it will be, ``None`` for none. ``files`` are those of networkd.

    Only what a run creates gets one: what is there already may be networkd's. A file of a user for this interface alone is meant
    for it, and counts.
    """
    held = f"{HELD}{name}.network"  # left by a run that was killed
    ours = [path for path, text in files.items() if text == unmanaged(name) and path != held]
    if interface is None:
        return _plan(name, dict.fromkeys(ours), files)
    if ours or not (new or held in files) or TOOL not in facts.in_charge:
        return PersistencePlan()
    found = fitting({path: text for path, text in files.items() if path != held}, interface)
    if not found or found[0].specific or _left_alone(files[found[0].path]):
        return PersistencePlan()
    path = f"{_KEPT if stored else _GONE}/{first_name(name, found)}"
    return _plan(name, {path: unmanaged(name)}, files, hold=True)


def _left_alone(text: str) -> bool:
    return parse(text).get("Link", {}).get("Unmanaged", "").lower() in _YES


def _plan(
    name: str, changes: Mapping[str, Optional[str]], files: Mapping[str, str], *, hold: bool = False
) -> PersistencePlan:
    steps = tuple(WriteFile(TOOL, path, text, files.get(path)) for path, text in changes.items())
    return PersistencePlan(
        tool=TOOL,
        before=(HoldTool(TOOL, name),) if hold else (),
        steps=steps,
        handlers=(ReloadTool(TOOL, ()),) if steps else (),
        changes=changes,
    )
