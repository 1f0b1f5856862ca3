# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that select the interfaces to read."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import REQUIREMENTS
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import options


class ModuleDocFragment:
    DOCUMENTATION: str = (
        options(
            r"""
name:
  description:
    - Names of the interfaces to read. A name that no interface of this kind has is ignored.
    - If left out, all are read. An empty list reads none.
  type: list
  elements: str
  aliases: [names]
netns:
  description:
    - Network namespace to read, as a name below C(/run/netns) or as a path. The default is the host's own.
  type: str
"""
        )
        + REQUIREMENTS
    )
