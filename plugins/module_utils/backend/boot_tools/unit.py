# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes systemd know the unit of ours that creates namespaces and veth pairs at boot."""

from __future__ import annotations

import contextlib
import os

from ...errors import HostError
from ...persist.unit.service import DIRECTORY, SCRIPT, UNIT, UNIT_FILE
from ..os import units

_WANTED = f"/etc/systemd/system/multi-user.target.wants/{UNIT}"


def reload(_names: tuple[str, ...]) -> None:
    """Enables the unit, or removes what is left of it. What it creates is there already. Raises `HostError`."""
    doing = f"have systemd read {UNIT}"
    if os.path.exists(UNIT_FILE):
        units.enable(UNIT, doing)
        return
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_WANTED)
    except OSError as error:
        raise HostError(doing, f"{_WANTED}: {error.strerror or error}") from error
    with contextlib.suppress(
        HostError
    ):  # it may still wait for what isn't there; after a boot without it, it isn't loaded
        units.stop(UNIT, doing)
    units.reload(doing)
    for directory in (DIRECTORY, os.path.dirname(DIRECTORY), os.path.dirname(SCRIPT)):
        with contextlib.suppress(OSError):  # others of ours are in it, or it isn't there
            os.rmdir(directory)
