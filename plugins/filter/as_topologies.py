# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that converts the answers of a survey to topologies, for the playbook survey; as_topologies.yml documents it."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import VirtnetError
from ansible_collections.virtnet.kvm.plugins.plugin_utils.survey import topologies


def as_topologies(answers: Any) -> list[dict[str, Any]]:
    """Returns the topologies of the answers of a survey."""
    try:
        return topologies(answers)
    except VirtnetError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"as_topologies": as_topologies}
