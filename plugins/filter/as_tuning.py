# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that plans the changes of the role tuning; as_tuning.yml documents it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.kvm.plugins.plugin_utils.tuning import changes


def as_tuning(settings: Any, said: str, state: str = "present", check: bool = False) -> dict[str, Any]:
    """Returns the changes that the role applies, for its settings and the output of its script on the host."""
    if not isinstance(settings, Mapping):
        raise AnsibleFilterError(
            f"tuning_settings: {settings!r} is no dictionary; write it as buffers: {{rmem_max: 4194304}}"
        )
    return changes(settings, said, state, check=check)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"as_tuning": as_tuning}
