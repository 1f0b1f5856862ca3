# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that converts topologies to the options of fabric, for the roles and playbooks; as_fabric.yml documents it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Optional

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology import fabric


def as_fabric(
    topologies: Any,
    variable: str = "virtnet_topologies",
    prefix: Optional[str] = None,
    libvirt: Sequence[int] = (),
) -> dict[str, list[dict[str, Any]]]:
    """Returns the lists of options of ``fabric`` for a list of topologies."""
    try:
        return fabric(topologies, variable, prefix, libvirt)
    except OptionError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"as_fabric": as_fabric}
