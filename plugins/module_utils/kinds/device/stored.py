# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stored settings of devices: their driver for kinds that have such, and what the copy of the code does at a device's birth.

A kind with stored settings imports this module. So the copy of the code that is taken from its module has it, too.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import Optional, cast

from ...backend.boot_tools.device_settings import DeviceSettings
from ...backend.host import Host
from ...backend.os.libvirt_files import starting
from ...contract import Host as AnyHost
from ...contract import Kind, Options
from ...engine import run
from ...errors import VirtnetError
from ...persist.device.service import PARTS, persists, recalled, settings_path
from ...persist.device.steps import StoredSettings
from ...run_state import RunState

# A unit with this status is started again a moment later (EX_TEMPFAIL in sysexits.h).
AGAIN = 75
_PATIENCE, _INTERVAL = 60, 0.1
_SYS_NET = "/sys/class/net"


def open_stored(_host: AnyHost, _where: Optional[str]) -> StoredSettings:
    """Returns the driver of stored settings."""
    return DeviceSettings()


def main(part: str, birth: str) -> int:
    """Applies the stored settings of a device, which has just been created, and returns the exit status.

    ``birth`` is the instance of the unit: the name and the index of the device, such as ``web0:17``.

    A kind that can't apply all of them yet returns what is ``pending`` of its plan; then it is tried again.
    What is written to stdout and stderr is in the journal.
    """
    device = birth.partition(":")[0]
    try:
        return _apply(part, device)
    except VirtnetError as error:
        if not os.path.exists(os.path.join(_SYS_NET, device)):
            return 0  # the device has gone again
        sys.stderr.write(f"{error}\n")
        return 1


def _apply(part: str, device: str) -> int:
    text = DeviceSettings().text(part, device)
    if not persists(text):
        return 0
    options = recalled(text).get("options")
    if not isinstance(options, dict):
        raise VirtnetError(f"{settings_path(part, device)} has no options; run the task again that has written it")
    _wait_for_libvirt(device)
    kind = _kind(part)
    host = Host(openers=kind.drivers)
    try:
        (outcome,) = run(host, RunState(), [kind.parse(cast(Options, options))], check=False)
        for line in (*outcome.actions, *outcome.warnings):
            sys.stdout.write(f"{line}\n")
        return AGAIN if outcome.returned.get("pending") else 0
    finally:
        host.close()


def _wait_for_libvirt(device: str) -> None:
    """Waits until libvirt has done what it does to a device that it creates. The run's lock isn't held meanwhile."""
    end = time.monotonic() + _PATIENCE
    while os.path.exists(os.path.join(_SYS_NET, device)):
        owner = starting(device)
        if not owner:
            return
        if time.monotonic() > end:
            sys.stdout.write(f"libvirt has not started {owner} within {_PATIENCE} seconds; not waiting any longer\n")
            return
        time.sleep(_INTERVAL)


def _kind(part: str) -> Kind:
    module, _colon, name = PARTS[part].partition(":")
    found = getattr(importlib.import_module(f"{__name__.rpartition('.device.')[0]}.{module}"), name)
    if not isinstance(found, Kind):
        raise TypeError(f"{PARTS[part]} is no kind")
    return found
