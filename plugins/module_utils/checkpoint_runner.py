# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module that opens, commits and rolls back a checkpoint: options in, result or failure out."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .backend.host import Host
from .checkpoint.lifecycle import Checkpoint
from .runner import run_module

STATES = ("created", "committed", "rolled_back")


def run_checkpoint() -> None:
    """Runs `net_checkpoint`."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "required": True, "choices": list(STATES)},
            "name": {"type": "str", "default": "ansible"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )

    def work(_host: Host) -> dict[str, Any]:
        checkpoint, name, check = Checkpoint(), module.params["name"], module.check_mode
        if module.params["state"] == "created":
            return checkpoint.create(name, module.params["timeout"], check=check)
        if module.params["state"] == "committed":
            return checkpoint.commit(name, check=check)
        return checkpoint.roll_back(name, check=check)

    run_module(module, work)
