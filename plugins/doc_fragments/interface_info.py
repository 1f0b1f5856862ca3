# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the host's own interfaces a module reads."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._interface import REQUIREMENTS
from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import options


class ModuleDocFragment:
    DOCUMENTATION: str = (
        options(
            r"""
name:
  description:
    - The names of the interfaces to read. Names that nothing of this kind has are passed over.
    - Left out, all are read. An empty list reads none.
  type: list
  elements: str
  aliases: [names]
netns:
  description:
    - The network namespace to look in, as its name below C(/run/netns) or as a path. Left out, the host's own.
  type: str
"""
        )
        + REQUIREMENTS
    )
