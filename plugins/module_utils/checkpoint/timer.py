# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timer that restores the host: a transient unit of systemd, which needs neither Ansible nor a session."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from ..backend.os import commands
from ..errors import VirtnetError
from .store import UNIT

SERVICE = f"{UNIT}.service"
TIMER = f"{UNIT}.timer"

# A restore takes seconds. One that hangs or fails is begun anew, as often as it takes.
_PROPERTIES = (
    "Type=oneshot",
    "TimeoutStartSec=300",
    "Restart=on-failure",
    "RestartSec=2",
    "StartLimitIntervalSec=0",
    "OOMScoreAdjust=-900",
)


def need_systemd() -> None:
    """Refuse a host that nobody would restore (sd_booted(3))."""
    if not os.path.isdir("/run/systemd/system") or not shutil.which("systemd-run"):
        raise VirtnetError(
            "net_checkpoint needs a host that systemd runs, as a timer of systemd's restores it; this one has none"
        )


def start(seconds: int, command: Sequence[str]) -> None:
    """Have ``command`` run by systemd in so many seconds. A timer that a killed run has left goes first."""
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
    """No timer any more; a service that it has started goes on."""
    if _is(TIMER, "active"):
        commands.run("stop the timer of the checkpoint", "systemctl", "stop", TIMER)


def restore_now(command: Sequence[str]) -> None:
    """Have the timer's service do its work now, or start it anew if somebody has stopped it. It goes on if this process
    ends."""
    if armed():
        commands.run("roll the checkpoint back", "systemctl", "start", "--no-block", SERVICE)
    else:
        start(1, command)


def armed() -> bool:
    """Whether something will restore the host: the timer, or the service that it has started."""
    return _is(TIMER, "active") or _is(SERVICE, "active", "activating")


def _is(unit: str, *states: str) -> bool:
    said = commands.run(f"look after {unit}", "systemctl", "show", "--property=ActiveState", unit)
    return said.strip().split("=", 1)[-1] in states
