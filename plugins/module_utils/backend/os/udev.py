# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for udev, which sets up each new interface of the host a moment after the kernel has created it."""

from __future__ import annotations

import contextlib
import os

from ...errors import HostError
from . import commands

CONTROL = "/run/udev/control"  # there where udev runs
_SECONDS = 10


def settle() -> None:
    """Returns when udev has set up all interfaces that there are, at the latest after 10 s, and at once where no udev runs.

    See udevadm(8), "settle".
    """
    if os.path.exists(CONTROL):
        with contextlib.suppress(HostError):
            commands.run("wait for udev", "udevadm", "settle", f"--timeout={_SECONDS}")
