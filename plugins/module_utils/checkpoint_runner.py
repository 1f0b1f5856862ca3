# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module that opens, commits and rolls back a checkpoint: options in, result or failure out."""

from __future__ import annotations

from typing import cast

from .backend.host import Host
from .checkpoint.lifecycle import Checkpoint
from .runner import Result, new_module, run_module

STATES = ("created", "committed", "rolled_back")


def run_checkpoint() -> None:
    """Runs `net_checkpoint`."""
    module = new_module(
        {
            "state": {"type": "str", "required": True, "choices": list(STATES)},
            "name": {"type": "str", "default": "ansible"},
            "timeout": {"type": "int", "default": 60},
        }
    )

    def work(_host: Host) -> Result:
        checkpoint, name, check = Checkpoint(), str(module.params["name"]), module.check_mode
        if module.params["state"] == "created":
            return {**checkpoint.create(name, cast(int, module.params["timeout"]), check=check)}
        if module.params["state"] == "committed":
            return {**checkpoint.commit(name, check=check)}
        return {**checkpoint.roll_back(name, check=check)}

    run_module(module, work)
