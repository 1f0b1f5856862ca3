# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a set of static routes, for static_routes and for the items of the option ``static_routes`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_OPTIONS = r"""
name:
  description:
    - Name of the set. Different tasks can use different sets, and a task changes only its own.
    - 1 to 80 characters without C(/).
  type: str
  default: default
routes:
  description:
    - Complete list of the routes of the set. An empty list removes all. If left out, they stay as they are.
    - A route that the host has already, and not from this set, stays as it is, with a warning. It is neither stored nor removed.
  type: list
  elements: dict
  suboptions:
    to:
      description: Network that the route leads to, in CIDR form, such as V(10.9.0.0/24). It can't be a default route.
      type: str
      required: true
    via:
      description:
        - Address of the next router. It must be in a subnet of the host. The interface follows from it.
      type: str
      required: true
state:
  description: Whether the set exists.
  type: str
  choices: [present, absent]
  default: present
"""


class ModuleDocFragment:
    DOCUMENTATION: str = options(_OPTIONS)

    FABRIC: str = options(
        r"""
static_routes:
  description:
    - Sets of static routes. Each item has the options of M(virtnet.kvm.static_routes), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(_OPTIONS, "static_routes[]", depth=2)
    )
