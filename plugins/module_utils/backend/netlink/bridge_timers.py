# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timers of a bridge as they were set. With STP, the kernel's message has those that are in use, which may be others.

A bridge that isn't the root bridge uses the root bridge's hello time, maximum age and forward delay
(br_record_config_timeout_values). While the topology changes, it uses twice its forward delay in place of its ageing time
(__br_set_topology_change), from half a minute after a port has joined, and for another half of one: what was seen before is
remembered below /run, for bridges that don't have the default. It is a cache: without it, a time that is declared is set
again.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

from ...model.interface.options import InterfaceState, LinuxBridge
from ..os.atomic import write_file
from ..os.paths import SYSTEM_URI, run_directory
from .channel import Channel
from .tables import number

# linux/if_link.h, IFLA_BR_*
_FORWARD_DELAY, _HELLO_TIME, _MAX_AGE, _AGEING_TIME = 1, 2, 3, 4
_ROOT_ID, _BRIDGE_ID, _TOPOLOGY_CHANGE = 10, 11, 14

# linux/sockios.h, linux/if_bridge.h
_SIOCDEVPRIVATE = 0x89F0
_BRCTL_GET_BRIDGE_INFO = 6
_INFO = struct.Struct("=16s7I4B6I")  # struct __bridge_info
_IFREQ = struct.Struct("@16sP16x")

_FILE = "ageing-times"
DEFAULT = 300  # BR_DEFAULT_AGEING_TIME of net/bridge/br_private.h, in seconds


def as_set(channel: Optional[Channel], name: str, held: Mapping[int, bytes]) -> dict[int, bytes]:
    """Returns the attributes of a bridge (IFLA_INFO_DATA), with the timers that were set; without those that can't be read."""
    found = dict(held)
    delay, ageing = (number(held.get(attribute, b"")) for attribute in (_FORWARD_DELAY, _AGEING_TIME))
    if number(held.get(_TOPOLOGY_CHANGE, b"")) and ageing == 2 * delay:
        # a time that is set meanwhile is shown (br_set_ageing_time), the one before nowhere
        found.pop(_AGEING_TIME, None)
    if held.get(_ROOT_ID) != held.get(_BRIDGE_ID):
        for attribute in (_FORWARD_DELAY, _HELLO_TIME, _MAX_AGE):
            found.pop(attribute, None)
        found.update(_own_timers(channel, name, delay))
    return found


def _own_timers(channel: Optional[Channel], name: str, delay: int) -> dict[int, bytes]:
    """Returns the attributes of the three timers as they were set, which only an old ioctl says (br_dev_siocdevprivate).

    Two of them, and the forward delay in use, are in jiffies there. How many a second has is known from the latter: the
    message has the same ``delay``, in hundredths of seconds.
    """
    if channel is None or not delay:
        return {}
    answer = ctypes.create_string_buffer(_INFO.size)
    request = (ctypes.c_ulong * 4)(_BRCTL_GET_BRIDGE_INFO, ctypes.addressof(answer))
    try:
        channel.ioctl(_SIOCDEVPRIVATE, _IFREQ.pack(name.encode(errors="surrogateescape"), ctypes.addressof(request)))
    except OSError:
        return {}
    _ids, _cost, _age, _hello, jiffies, max_age, hello_time, forward_delay, *_rest = _INFO.unpack(answer.raw)
    if not jiffies:
        return {}
    found = {
        _FORWARD_DELAY: forward_delay,
        _HELLO_TIME: round(hello_time * delay / jiffies),
        _MAX_AGE: round(max_age * delay / jiffies),
    }
    return {attribute: struct.pack("=I", hundredths) for attribute, hundredths in found.items()}


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
