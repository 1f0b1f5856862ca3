# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timer that restores the host: a transient systemd unit, which needs neither Ansible nor a session."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from ..backend.os import commands
from ..errors import VirtnetError
from .store import UNIT

SERVICE = f"{UNIT}.service"
TIMER = f"{UNIT}.timer"

# A restore takes seconds. One that hangs or fails is started again, as often as necessary.
_PROPERTIES = (
    "Type=oneshot",
    "TimeoutStartSec=300",
    "Restart=on-failure",
    "RestartSec=2",
    "StartLimitIntervalSec=0",
    "OOMScoreAdjust=-900",
)


def need_systemd() -> None:
    """Raises `VirtnetError` if the host isn't run by systemd (sd_booted(3)): nothing would restore it."""
    if not os.path.isdir("/run/systemd/system") or not shutil.which("systemd-run"):
        raise VirtnetError(
            "net_checkpoint needs a host that runs systemd, as a systemd timer restores it; this host doesn't run it"
        )


def start(seconds: int, command: Sequence[str]) -> None:
    """Makes systemd run ``command`` in so many seconds, in place of a timer that a killed run has left.

    Raises `HostError`.
    """
    stop()
    commands.run(
        "start the timer that restores the host",
        "systemd-run",
        "--quiet",
        "--collect",
        f"--unit={UNIT}",
        f"--on-active={seconds}s",
        "--timer-property=AccuracySec=100ms",
        "--description=Restore the network, as its change was not confirmed (virtnet.kvm)",
        *(f"--property={setting}" for setting in _PROPERTIES),
        "--",
        *command,
    )


def stop() -> None:
    """Stops the timer; a service that it has started goes on. Raises `HostError`."""
    if _is(TIMER, "active"):
        commands.run("stop the timer of the checkpoint", "systemctl", "stop", TIMER)


def restore_now(command: Sequence[str]) -> None:
    """Starts the timer's service now, or a new one if the timer was stopped. It goes on when this process ends.

    Raises `HostError`.
    """
    if armed():
        commands.run("roll the checkpoint back", "systemctl", "start", "--no-block", SERVICE)
    else:
        start(1, command)


def armed() -> bool:
    """Returns whether something will restore the host: the timer, or the service that it has started."""
    return _is(TIMER, "active") or _is(SERVICE, "active", "activating")


def _is(unit: str, *states: str) -> bool:
    said = commands.run(f"read the state of {unit}", "systemctl", "show", "--property=ActiveState", unit)
    return said.strip().split("=", 1)[-1] in states
