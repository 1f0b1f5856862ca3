# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes of the modules: check mode, diff mode, idempotency, platform."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the host.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that nothing else has changed the host in between.
    support: full
  platform:
    description: The operating systems that the module can be run against.
    platforms: Linux
    support: full
  action_group:
    description: Use C(group/virtnet.kvm.kvm) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - virtnet.kvm.kvm
"""

    # For modules that change the host.
    CHANGES = r"""
options: {}
attributes:
  check_mode:
    details:
      - The prediction is exact, except for values that only the host can choose (a generated UUID, MAC address or bridge name).
        These are left out of the prediction, and of the result that it is compared with.
  diff_mode:
    support: full
    details:
      - Shows the state before and after as YAML, in the structure of the options.
"""

    # For modules that only read.
    READS = r"""
options: {}
attributes:
  check_mode:
    details:
      - This module doesn't change the host.
  diff_mode:
    support: N/A
    details:
      - This module doesn't change the host.
"""
