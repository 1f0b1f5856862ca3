# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ageing times of bridges while their topology changes. The kernel shows them only before and after.

From half a minute after a port has joined, and for another half of one, a bridge with STP shows twice its forward delay in
place of the time that was set (__br_set_topology_change). What was seen before is remembered below /run, for those that
don't have the default. It is a cache: without it, a time that is declared is set again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

from ...model.interface.options import InterfaceState, LinuxBridge
from .atomic import write_file
from .paths import SYSTEM_URI, run_directory

_FILE = "ageing-times"
DEFAULT = 300  # BR_DEFAULT_AGEING_TIME of net/bridge/br_private.h, in seconds


def with_ageing_times(
    netns: Optional[str], states: Mapping[str, InterfaceState], path: Optional[str] = None
) -> dict[str, InterfaceState]:
    """Returns the interfaces with the ageing times that their bridges had before the topology changed, and remembers those
    that are shown now."""
    found = dict(states)
    bridges = {name: state for name, state in states.items() if isinstance(state.definition, LinuxBridge)}
    if not any(_follows_topology(state.definition) for state in bridges.values()):
        return found
    path = path or _path()
    known = _read(path)
    here = f"{netns or ''}/"
    remembered = {key: seconds for key, seconds in known.items() if not key.startswith(here)}
    for name, state in bridges.items():
        definition = state.definition
        key = f"{here}{name}/{state.index}"
        if not isinstance(definition, LinuxBridge):
            continue
        if definition.ageing_time is None:
            if key in known:
                found[name] = replace(state, definition=replace(definition, ageing_time=known[key]))
                remembered[key] = known[key]
        elif definition.stp and definition.ageing_time != DEFAULT:
            remembered[key] = definition.ageing_time
    if path is not None and remembered != known:
        with contextlib.suppress(OSError):  # a user who may only read
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            write_file(path, json.dumps(remembered).encode())
    return found


def _follows_topology(definition: object) -> bool:
    return isinstance(definition, LinuxBridge) and (bool(definition.stp) or definition.ageing_time is None)


def _path() -> Optional[str]:
    directory = run_directory(SYSTEM_URI)
    return None if directory is None else os.path.join(directory, _FILE)


def _read(path: Optional[str]) -> dict[str, int]:
    try:
        with open(path or os.devnull, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}
