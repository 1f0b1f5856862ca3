# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that all sets of firewall rules share: port forwards, outbound rules and policies."""

from __future__ import annotations


def rule_set(rules: str, more: str = "") -> str:
    """Returns the options of a set, from the option with its rules. ``more`` is a sentence about its name."""
    return (
        f"""
name:
  description:
    - Name of the set. Different tasks can use different sets, and a task changes only its own.{more}
    - 1 to 20 small letters, digits, C(-) and C(_).
  type: str
  default: default"""
        + rules
        + """state:
  description: Whether the set exists.
  type: str
  choices: [present, absent]
  default: present
"""
    )
